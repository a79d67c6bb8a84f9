/* The adapter that follows a mapping, on the whole way of a callback: formats, handshakes, what is signed and what is
 * not, answers, dead letters, and what of it reaches a topic. */
#include "mapping.h"

#include "ingress/translation.h"

static struct source source;
static struct config config;
static struct translation translation;

/* One that takes call.ended of /id, and whatever else a test sets. */
static struct mapping
usual_mapping(void)
{
    struct event_rule *rule = arena_zalloc(arena, 1, sizeof *rule);

    *rule = (struct event_rule){.type = EVENT_CALL_ENDED, .key = TEMPLATE("/id")};
    return (struct mapping){.vendor = SLICE("acme"), .events = rule, .event_count = 1};
}

static const struct slice call_topic = SLICE("calls");

static struct incoming
incoming_of(const struct mapping *mapping, const char *query, const char *body)
{
    struct slice none[] = {{NULL, 0}};

    config = (struct config){.topics = {[TOPIC_DEADLETTER] = SLICE("dead"), [TOPIC_RAW] = SLICE("raw")}};
    source.name = slice_from("hooks");
    source.adapter = &adapter_generic;
    source.account = slice_from("account");
    source.zone = zone;
    source.mapping = mapping;
    source.signed_by_vendor = adapter_generic.signed_with(none, mapping);
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        source.targets[type] = (struct target_list){&call_topic, 1};
    }
    return (struct incoming){
        .source = &source,
        .method = SLICE("POST"),
        .query = slice_from(query),
        .public_query = slice_from(query),
        .body = slice_from(body),
        .received = {.unix_ms = INT64_C(1700000000123), .present = true},
        .vouched = true,
    };
}

static const char *
outcome_of(const struct incoming *incoming)
{
    translate(&config, incoming, arena, &translation);
    return translation.refusal == REFUSAL_NONE ? translation.outcome : translation.reason;
}

static const char *
outcome(const struct mapping *mapping, const char *query, const char *body)
{
    struct incoming incoming = incoming_of(mapping, query, body);

    return outcome_of(&incoming);
}

static struct slice
only_key(void)
{
    assert_int_equal(translation.conversion.count, 1);
    return translation.conversion.first->key;
}

/* --- formats --- */

#define MARK "\xef\xbb\xbf" /* of the byte order */

static void
formats(void **state)
{
    static const struct {
        enum mapping_format format;
        const char *query, *body, *key; /* of an event, or what is wrong */
        bool good;
    } rows[] = {
        {MAPPING_AUTO, "", " {\"id\":\"j\"}\n", "j", true},
        {MAPPING_AUTO, "", "\n<e><id>x</id></e>\n", "x", true},
        {MAPPING_AUTO, "", "id=f%20g&b=1\r\n", "f g", true},
        {MAPPING_AUTO, "", MARK "{\"id\":\"j\"}", "j", true},
        {MAPPING_AUTO, "", MARK "\r\n[]", "missing_key", false},
        {MAPPING_AUTO, "", MARK "<?xml version='1.0'?><e><id>x</id></e>", "x", true},
        {MAPPING_AUTO, "", MARK "id=f", "f", true},
        {MAPPING_AUTO, "id=q", MARK, "q", true},
        {MAPPING_AUTO, "", MARK MARK "{\"id\":1}", "missing_key", false},
        {MAPPING_JSON, "", MARK "{\"id\":1}", "1", true},
        {MAPPING_JSON, "", "{\"id\":" MARK "1}", "not_json", false},
        {MAPPING_XML, "", MARK "<e><id>x</id></e>", "x", true},
        {MAPPING_FORM, "", MARK "id=f", "f", true},
        {MAPPING_AUTO, "id=q", "", "q", true},
        {MAPPING_AUTO, "id=q", "id=f", "f", true},
        {MAPPING_AUTO, "", "{\"id\":", "not_json", false},
        {MAPPING_AUTO, "", "<e>", "not_xml", false},
        {MAPPING_AUTO, "", "id=%ff", "not_form", false},
        {MAPPING_AUTO, "", "id=1&id=2", "missing_key", false},
        {MAPPING_JSON, "id=q", "", "not_json", false},
        {MAPPING_JSON, "", "id=f", "not_json", false},
        {MAPPING_XML, "", "{\"id\":1}", "not_xml", false},
        {MAPPING_FORM, "", "{=&id=f", "f", true},
        {MAPPING_FORM, "id=q", "", "missing_key", false},
        {MAPPING_QUERY, "id=q", "{\"id\":1}", "q", true},
        {MAPPING_QUERY, "", "", "missing_key", false},
        {MAPPING_QUERY, "id=%00", "", "not_form", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mapping mapping = usual_mapping();
        const char *found;

        mapping.format = rows[i].format;
        found = outcome(&mapping, rows[i].query, rows[i].body);
        assert_ptr_equal(found, rows[i].good ? outcome_accepted : outcome_dead_letter);
        if (rows[i].good) {
            assert_slice(only_key(), rows[i].key);
        } else {
            assert_string_equal(translation.reason, rows[i].key);
        }
    }
}

/* Only what is vouched for is kept when it cannot be read. */
static void
unreadable_bodies(void **state)
{
    struct mapping mapping = usual_mapping();
    struct incoming incoming = incoming_of(&mapping, "", "{");

    (void)state;
    incoming.vouched = false;
    assert_string_equal(outcome_of(&incoming), "not_json");
    assert_int_equal(translation.refusal, REFUSAL_UNREADABLE);
}

/* --- what reaches a topic --- */

static bool
holds_text(struct slice bytes, const char *text)
{
    return memmem(bytes.data, bytes.length, text, strlen(text)) != NULL;
}

static void
records_bear_the_mapping_s_vendor(void **state)
{
    struct mapping mapping = usual_mapping();

    (void)state;
    assert_ptr_equal(outcome(&mapping, "", "id=7&x=%7B"), outcome_accepted);
    assert_int_equal(translation.count, 1);
    assert_slice(translation.records[0].topic, "calls");
    assert_true(holds_text(translation.records[0].value, "\"id\":\"acme-7-call.ended\""));
    assert_true(holds_text(translation.records[0].value, "\"vendor\":\"acme\""));
    assert_true(holds_text(translation.records[0].value, "\"vendor\":{\"id\":\"7\",\"x\":\"{\"}"));
    assert_ptr_equal(outcome(&mapping, "", MARK "{\"id\":8}"), outcome_accepted);
    assert_true(holds_text(translation.records[0].value, "\"vendor\":{\"id\":8}"));
    assert_false(holds_text(translation.records[0].value, MARK));
}

/* The source's secret in a query is seen by signatures alone. */
static void
a_secret_in_the_query_stays_out(void **state)
{
    struct mapping mapping = usual_mapping();
    struct incoming incoming = incoming_of(&mapping, "id=q", "");

    (void)state;
    incoming.query = slice_from("secret=hush&id=q");
    mapping.format = MAPPING_QUERY;
    assert_ptr_equal(outcome_of(&incoming), outcome_accepted);
    assert_false(holds_text(translation.records[0].value, "hush"));
    assert_true(holds_text(translation.records[0].value, "\"vendor\":{\"id\":\"q\"}"));
}

/* Who has seen the signature of an empty body once could else have any query taken for a message. */
static void
a_query_beside_a_signed_body_is_no_message(void **state)
{
    static const struct reference body[] = {{.place = PLACE_BODY}};
    static const struct reference both[] = {{.place = PLACE_BODY}, {.place = PLACE_QUERY}};
    static const struct reference neither[] = {{.place = PLACE_HEADER, .name = SLICE("x-time")}};
    struct mapping mapping = usual_mapping();

    (void)state;
    mapping.signature.signed_text = (struct text_template){body, 1};
    assert_ptr_equal(outcome(&mapping, "id=q", ""), outcome_dead_letter);
    assert_string_equal(translation.reason, "unsigned_query");
    assert_ptr_equal(outcome(&mapping, "id=q", " \n"), outcome_dead_letter);
    assert_ptr_equal(outcome(&mapping, "id=q", "id=f"), outcome_accepted);
    assert_slice(only_key(), "f");
    mapping.signature.signed_text = (struct text_template){both, 2};
    assert_ptr_equal(outcome(&mapping, "id=q", ""), outcome_accepted);
    mapping.signature.signed_text = (struct text_template){neither, 1}; /* told when it is configured */
    assert_ptr_equal(outcome(&mapping, "id=q", ""), outcome_accepted);
}

/* Callbacks without a body are told apart by their query. */
static void
unmapped_queries_have_ids_of_their_own(void **state)
{
    struct mapping mapping = usual_mapping();
    struct slice first;

    (void)state;
    mapping.event_count = 0;
    assert_ptr_equal(outcome(&mapping, "a=1", ""), outcome_unmapped);
    first = only_key();
    assert_ptr_equal(outcome(&mapping, "a=2", ""), outcome_unmapped);
    assert_false(slice_equal(only_key(), first));
    assert_ptr_equal(outcome(&mapping, "a=1", ""), outcome_unmapped);
    assert_true(slice_equal(only_key(), first));
}

static void
keys_are_masked(void **state)
{
    const struct slice key = SLICE("signing-key");
    struct mapping mapping = usual_mapping();
    const struct record_header field = {SLICE("x-debug"), SLICE("key=signing-key")};
    struct incoming incoming = incoming_of(&mapping, "k=signing%2Dkey", "{");
    const struct record *letter;

    (void)state;
    mapping.signature.keys = &key;
    mapping.signature.key_count = 1;
    incoming.fields = &field;
    incoming.field_count = 1;
    assert_ptr_equal(outcome_of(&incoming), outcome_dead_letter);
    letter = &translation.records[0];
    for (size_t i = 0; i < letter->header_count; i++) {
        assert_false(holds_text(letter->headers[i].value, "signing"));
    }
    assert_int_equal(letter->header_count, 11 - 1); /* no endpoint */
}

/* --- handshakes and signatures --- */

static const struct slice signing_key = SLICE("a key");

static struct mapping
signed_mapping(void)
{
    struct handshake_rule *rules = arena_zalloc(arena, 2, sizeof *rules);
    struct mapping mapping = usual_mapping();

    rules[0] = (struct handshake_rule){.when = WHEN("query.echo", "*"), .body = TEMPLATE("query.echo")};
    rules[1] = (struct handshake_rule){.when = WHEN("/type", "verify"),
                                       .body = TEMPLATE("'{\"c\":\"", "/challenge", "'\"}"),
                                       .content_type = SLICE("application/json")};
    mapping.handshakes = rules;
    mapping.handshake_count = 2;
    mapping.signature = (struct signature_rule){
        .digest = SIGNATURE_SHA1,
        .keyed = true,
        .keys = &signing_key,
        .key_count = 1,
        .signed_text = TEMPLATE("body"),
        .at = refer("header.x-sign"),
    };
    return mapping;
}

static void
handshakes(void **state)
{
    struct mapping mapping = signed_mapping();

    (void)state;
    mapping.format = MAPPING_JSON;
    assert_ptr_equal(outcome(&mapping, "echo=a%3Cb", ""), outcome_handshake); /* which is no JSON */
    assert_slice(translation.answer.body, "a<b");
    assert_slice(translation.answer.content_type, "text/plain; charset=utf-8");
    assert_int_equal(translation.count, 0);
    assert_ptr_equal(outcome(&mapping, "", "{\"type\":\"verify\",\"challenge\":\"x\\\"y\"}"), outcome_handshake);
    assert_slice(translation.answer.body, "{\"c\":\"x\\\"y\"}");
    assert_slice(translation.answer.content_type, "application/json");
    assert_int_equal(translation.refusal, REFUSAL_NONE);
}

/* Neither a secret that vouches, nor a body that cannot be read, makes up for a signature that is not there. */
static void
leaving_the_signature_out_is_no_way_in(void **state)
{
    static const char *const bodies[] = {"{\"id\":1}", "{", "", "id=1", "<a/>"};

    (void)state;
    for (size_t i = 0; i < 4 * sizeof bodies / sizeof bodies[0]; i++) {
        struct mapping mapping = signed_mapping();
        struct incoming incoming = incoming_of(&mapping, "", bodies[i / 4]);

        incoming.vouched = i % 2 == 0;
        mapping.handshake_count = i % 4 < 2 ? 0 : 2;
        (void)outcome_of(&incoming);
        assert_int_equal(translation.refusal, REFUSAL_UNAUTHORIZED);
        assert_int_equal(translation.count, 0);
    }
}

/* `printf %s BODY | openssl dgst -sha1 -hmac "a key"` */
static void
signed_callbacks(void **state)
{
    static const struct {
        const char *body, *signature;
        enum refusal refusal;
    } rows[] = {
        {"{\"id\":1}", "b84062a60dffb20089c3b6314b0812b592bd081f", REFUSAL_NONE},
        {"{\"id\":2}", "b84062a60dffb20089c3b6314b0812b592bd081f", REFUSAL_UNAUTHORIZED},
        {"{\"type\":\"verify\"}", "b84062a60dffb20089c3b6314b0812b592bd081f",
         REFUSAL_UNAUTHORIZED}, /* a wrong signature spoils a handshake, too */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mapping mapping = signed_mapping();
        const struct record_header field = {SLICE("x-sign"), slice_from(rows[i].signature)};
        struct incoming incoming = incoming_of(&mapping, "", rows[i].body);

        incoming.fields = &field;
        incoming.field_count = 1;
        incoming.vouched = false;
        (void)outcome_of(&incoming);
        assert_int_equal(translation.refusal, rows[i].refusal);
    }
}

static void
unchecked_callbacks(void **state)
{
    struct mapping mapping = signed_mapping();
    struct incoming incoming = incoming_of(&mapping, "", "{\"id\":1}");

    (void)state;
    incoming.unchecked = true;
    assert_ptr_equal(outcome_of(&incoming), outcome_accepted);
}

/* --- answers --- */

static struct answer
answer_to(const struct mapping *mapping, const char *body)
{
    struct callback callback = callback_of(mapping, body);

    return adapter_generic.answer(&callback);
}

static void
answers(void **state)
{
    struct mapping mapping = usual_mapping();

    (void)state;
    assert_slice(answer_to(NULL, "{}").body, "{\"code\":0}");
    assert_slice(answer_to(&mapping, "{").body, "{\"code\":0}");
    assert_slice(answer_to(&mapping, "{}").content_type, "application/json");
    mapping.answer = (struct answer_rule){.body = TEMPLATE("'{\"id\":\"", "/id", "'\"}"),
                                          .content_type = SLICE("application/json; charset=utf-8")};
    assert_slice(answer_to(&mapping, "{\"id\":\"a\\\"b\"}").body, "{\"id\":\"a\\\"b\"}");
    assert_slice(answer_to(&mapping, "{").body, "{\"id\":\"\"}");
    mapping.answer.content_type = slice_from("text/xml");
    assert_slice(answer_to(&mapping, "{\"id\":\"<&\"}").body, "{\"id\":\"&lt;&amp;\"}");
}

static void
what_it_is(void **state)
{
    (void)state;
    assert_ptr_equal(adapter_find(slice_from("generic")), &adapter_generic);
    assert_true(adapter_generic.mapped);
    assert_null(adapter_generic.kinds[0].name);
    assert_null(adapter_generic.endpoints[0]);
    assert_null(adapter_generic.settings[0].name);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(formats),
        TEST(unreadable_bodies),
        TEST(records_bear_the_mapping_s_vendor),
        TEST(a_secret_in_the_query_stays_out),
        TEST(a_query_beside_a_signed_body_is_no_message),
        TEST(unmapped_queries_have_ids_of_their_own),
        TEST(keys_are_masked),
        TEST(handshakes),
        TEST(leaving_the_signature_out_is_no_way_in),
        TEST(signed_callbacks),
        TEST(unchecked_callbacks),
        TEST(answers),
        TEST(what_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
