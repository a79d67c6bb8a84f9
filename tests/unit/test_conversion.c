/* Conversion: what a complete body becomes, with a producer and an HTTP side that only take notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/message.h"
#include "ingress/generation.h"
#include "ingress/service.h"
#include "ingress/translation.h"
#include "ingress/worker.h"

/* --- the HTTP side and the producer, as notes --- */

static struct recordset *published; /* the set that is on its way */
static unsigned accepted, freed;
static enum refusal refused;
static char answered[64];

void
producer_publish(struct producer *producer, struct recordset *set)
{
    (void)producer;
    assert_null(published);
    assert_true(set->count > 0 && set->pending == set->count);
    published = set;
}

void
ticket_accept(struct ticket *ticket, struct answer answer)
{
    if (ticket->state == TICKET_ANSWERED) {
        return;
    }
    ticket->state = TICKET_ANSWERED;
    accepted++;
    assert_true(answer.body.length < sizeof(answered));
    memcpy(answered, answer.body.data, answer.body.length);
    answered[answer.body.length] = '\0';
}

void
ticket_refuse(struct ticket *ticket, enum refusal refusal)
{
    if (ticket->state == TICKET_ANSWERED) {
        return;
    }
    ticket->state = TICKET_ANSWERED;
    refused = refusal;
}

void
ticket_free(struct ticket *ticket)
{
    assert_int_equal(ticket->state, TICKET_ANSWERED);
    freed++;
}

/* No spool is configured here: custody's tests have one. */
void
spool_put(struct spool_port *port, struct spool_job *job)
{
    (void)port, (void)job;
    fail();
}

void
spool_settle(struct spool_port *port, struct spool_job *job)
{
    (void)port, (void)job;
    fail();
}

void
ticket_spool(struct ticket *spooled)
{
    (void)spooled;
    fail();
}

void
ticket_linger(struct ticket *lingering)
{
    (void)lingering;
    fail();
}

static void
report(enum delivery first, enum delivery others)
{
    struct recordset *set = published;
    size_t count = set->count;

    published = NULL;
    for (size_t i = 0; i < count; i++) {
        recordset_report(&set->records[i], i == 0 ? first : others, "told by the test");
    }
}

/* --- a vendor of the test's own: `sign` is "right" or wrong, `id` names the event --- */

static enum verdict
verify_parsed(const struct callback *callback)
{
    struct slice sign = message_text(callback->message, "sign");

    if (slice_empty(sign)) {
        return VERDICT_UNSIGNED;
    }
    return slice_is(sign, "right") ? VERDICT_VALID : VERDICT_WRONG;
}

static bool
convert(const struct callback *callback, struct conversion *conversion)
{
    struct slice id = message_text(callback->message, "id");
    struct canonical_event *event;

    if (message_has(callback->message, "strange")) {
        return conversion_unmapped(callback, conversion, id);
    }
    if (slice_empty(id)) {
        return conversion_fail(conversion, "missing_key", "no id");
    }
    event = conversion_add(conversion, callback->arena);
    if (event == NULL) {
        return false;
    }
    event->type = EVENT_CALL_ENDED;
    event->key = event->subject = event->call.id = id;
    event->vendor = vendor_json(callback);
    conversion->unreadable = 2;
    conversion->unknown_codes = 1;
    return true;
}

static struct answer
answer(const struct callback *callback)
{
    return (struct answer){SLICE("text/plain"), callback->format == BODY_XML ? (struct slice)SLICE("fine, <xml/>")
                                                                             : (struct slice)SLICE("fine")};
}

static const char *const endpoints[] = {NULL};
static const struct adapter vendor = {
    .name = "vendor",
    .endpoints = endpoints,
    .verify_parsed = verify_parsed,
    .convert = convert,
    .answer = answer,
};

/* --- configuration --- */

static const struct slice call_topics[] = {SLICE("calls"), SLICE("calls-too")};
static const struct slice unmapped_topics[] = {SLICE("unmapped")};
static const struct slice values[] = {SLICE("77"), SLICE("78")};
static const struct slice secrets[] = {SLICE("hidden")};
static const struct expectation account = {SLICE("account"), values, 2};

static struct source source = {
    .name = SLICE("here"),
    .adapter = &vendor,
    .account = SLICE("here"),
    .secrets = secrets,
    .secret_count = 1,
    .secret_parameter = SLICE("secret"),
    .secret_header = SLICE("x-trunkline-secret"),
    .targets = {[EVENT_CALL_ENDED] = {call_topics, 2}, [EVENT_VENDOR_UNMAPPED] = {unmapped_topics, 1}},
};
static struct config config = {
    .sources = &source,
    .source_count = 1,
    .topics = {[TOPIC_RAW] = SLICE("raw"), [TOPIC_DEADLETTER] = SLICE("dead")},
};
static const struct record_header fields[] = {
    {SLICE("user-agent"), SLICE("vendor/1")},
    {SLICE("x-trunkline-secret"), SLICE("hidden")},
    {SLICE("authorization"), SLICE("hidden")},
    {SLICE("x-original-uri"), SLICE("/callbacks/here/hidden?secret=%68idden")},
    {SLICE("traceparent"), SLICE("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")},
};

static struct fixed_clock now;
static struct generation generation;
static struct worker worker;
static struct metrics *metrics;
static struct arena *arena;
static struct ticket ticket;

static int
setup(void **state)
{
    struct error error;

    (void)state;
    fixed_clock_init(&now, INT64_C(1600000000123) * 1000000);
    source.signed_by_vendor = false;
    source.expectation_count = 0;
    source.expectations = &account;
    source.zone = zone_load("UTC", &error);
    config.raw_enabled = false;
    metrics = metrics_new();
    arena = arena_new(NULL, (size_t)1 << 22);
    worker = (struct worker){
        .config = &config,
        .clock = &now.clock,
    };
    generation = (struct generation){.config = &config, .service = service_new(&config, metrics, &error)};
    published = NULL;
    accepted = freed = 0;
    refused = REFUSAL_NONE;
    answered[0] = '\0';
    return source.zone == NULL || metrics == NULL || arena == NULL || generation.service == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    service_free(generation.service);
    metrics_free(metrics);
    arena_free(arena);
    zone_free((struct zone *)(uintptr_t)source.zone);
    return 0;
}

static void
start(const char *body, bool vouched)
{
    ticket = (struct ticket){
        .worker = &worker,
        .generation = &generation,
        .arena = arena,
        .state = TICKET_PUBLISHING,
        .source = &source,
        .head = {.method = SLICE("POST"),
                 .query = SLICE("a=b&secret=hidden&c=hidden"),
                 .fields = fields,
                 .field_count = 5},
        .public_query = SLICE("a=b&c=hidden"),
        .body = slice_from(body),
        .vouched = vouched,
    };
    conversion_start(&ticket);
}

static uint64_t
counted(const char *name, const char *labels)
{
    return metric_read(metrics_counter(metrics, name, "", labels));
}

static struct slice
header(const struct record *record, const char *name)
{
    for (size_t i = 0; i < record->header_count; i++) {
        if (slice_is(record->headers[i].name, name)) {
            return record->headers[i].value;
        }
    }
    return (struct slice){0};
}

static void
assert_contains(struct slice slice, const char *text)
{
    if (memmem(slice.data, slice.length, text, strlen(text)) == NULL) {
        fail_msg("'%s' is not in %.*s", text, SLICE_ARGS(slice));
    }
}

static void
assert_dead_letter(const char *reason)
{
    assert_non_null(published);
    assert_int_equal(published->count, 1);
    assert_true(slice_is(published->records[0].topic, "dead"));
    assert_true(slice_is(header(&published->records[0], "reason"), reason));
    assert_true(slice_equal(published->records[0].value, ticket.body));
}

static void
assert_refused(enum refusal refusal)
{
    assert_null(published);
    assert_int_equal(refused, refusal);
    assert_int_equal(freed, 1);
    assert_int_equal(accepted, 0);
}

/* --- tests --- */

static void
answers_after_the_last_report(void **state)
{
    (void)state;
    start("{\"id\":\"c1\"}", false);
    assert_int_equal(accepted, 0);
    assert_int_equal(published->count, 2);
    assert_true(slice_is(published->records[0].topic, "calls"));
    assert_true(slice_is(published->records[1].topic, "calls-too"));
    assert_ptr_equal(published->records[0].value.data, published->records[1].value.data);
    assert_contains(published->records[0].value, "\"vendor-c1-call.ended\"");
    assert_contains(published->records[0].value, "2020-09-13T12:26:40.123+00:00");
    assert_contains(published->records[0].value, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_int_equal(counted("trunkline_events_total", "type=\"call.ended\""), 0);

    recordset_report(&published->records[1], DELIVERY_ACKNOWLEDGED, NULL);
    assert_int_equal(accepted, 0);
    recordset_report(&published->records[0], DELIVERY_ACKNOWLEDGED, NULL);
    assert_int_equal(accepted, 1);
    assert_int_equal(freed, 1);
    assert_string_equal(answered, "fine");
    assert_ptr_equal(ticket.outcome, outcome_accepted);
    assert_int_equal(counted("trunkline_events_total", "type=\"call.ended\""), 1);
    assert_int_equal(counted("trunkline_unreadable_members_total", "source=\"here\""), 2);
    assert_int_equal(counted("trunkline_unknown_codes_total", "source=\"here\""), 1);
}

static void
reads_a_body_by_its_first_byte(void **state)
{
    (void)state;
    start(" \r\n\t<req><id>c1</id></req>", false);
    assert_contains(published->records[0].value, "\"vendor-c1-call.ended\"");
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_string_equal(answered, "fine, <xml/>");
    start("<req>", true);
    assert_dead_letter("not_xml");
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_string_equal(answered, "fine, <xml/>");
}

static void
keeps_what_known_senders_cannot_write(void **state)
{
    static const struct {
        const char *body, *reason;
    } rows[] = {
        {"", "unknown_format"},
        {" \n", "unknown_format"},
        {"42", "unknown_format"},
        {"\"id\"", "unknown_format"},
        {"\xEF\xBB\xBF\xEF\xBB\xBF{}", "unknown_format"},
        {"\xEF\xBB\xBF {}", "missing_key"},
        {"{\"id\":1", "not_json"},
        {"{} x", "not_json"},
        {"{\"a\":1,\"a\":2}", "not_json"},
        {"[\"\xFF\"]", "not_json"},
        {"{}", "missing_key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(rows[i].body, true);
        assert_dead_letter(rows[i].reason);
        report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
        assert_int_equal(accepted, i + 1);
        assert_ptr_equal(ticket.outcome, outcome_dead_letter);
    }
    assert_int_equal(counted("trunkline_dead_letters_total", "source=\"here\",reason=\"not_json\""), 4);
    assert_int_equal(counted("trunkline_dead_letters_total", "source=\"here\",reason=\"missing_key\""), 2);
}

static void
refuses_what_unknown_senders_cannot_write(void **state)
{
    (void)state;
    start("{\"id\":", false);
    assert_refused(REFUSAL_UNREADABLE);
    freed = 0;
    start("", false);
    assert_refused(REFUSAL_UNREADABLE);
    assert_int_equal(counted("trunkline_dead_letters_total", "source=\"here\",reason=\"not_json\""), 0);
}

/* An open source's well-formed message without its key is nobody's attack: it is kept, like an unknown one. */
static void
keeps_what_it_cannot_convert(void **state)
{
    (void)state;
    start("{\"other\":1}", false);
    assert_dead_letter("missing_key");
    assert_true(slice_is(header(&published->records[0], "query"), "a=b&c=*"));
    assert_true(slice_is(header(&published->records[0], "http.user-agent"), "vendor/1"));
    for (size_t i = 0; i < published->records[0].header_count; i++) {
        assert_null(memmem(published->records[0].headers[i].value.data, published->records[0].headers[i].value.length,
                           "idden", 5));
    }
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    start("{\"strange\":1}", false);
    assert_true(slice_is(published->records[0].topic, "unmapped"));
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_ptr_equal(ticket.outcome, outcome_unmapped);
    assert_int_equal(accepted, 2);
}

static void
takes_signed_messages_or_vouched_senders(void **state)
{
    (void)state;
    source.signed_by_vendor = true;
    start("{\"id\":1,\"sign\":\"right\"}", false);
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    start("{\"id\":1}", true);
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 2);

    accepted = freed = 0;
    start("{\"id\":1}", false);
    assert_refused(REFUSAL_UNAUTHORIZED);
    freed = 0;
    start("{\"id\":1,\"sign\":\"wrong\"}", true);
    assert_refused(REFUSAL_UNAUTHORIZED);
    freed = 0;
    start("{\"id\":", false);
    assert_refused(REFUSAL_UNREADABLE);

    source.signed_by_vendor = false;
    start("{\"id\":1,\"sign\":\"wrong\"}", false);
    assert_non_null(published);
}

static void
wants_the_expected_members(void **state)
{
    static const char *const good[] = {
        "{\"id\":1,\"account\":\"77\"}",
        "{\"id\":1,\"account\":78}",
        "{\"id\":1,\"content\":{\"account\":77}}",
        "<r><id>1</id><account>77</account></r>",
    };
    static const char *const bad[] = {
        "{\"id\":1}",
        "{\"id\":1,\"account\":\"79\"}",
        "{\"id\":1,\"account\":77.0}",
        "{\"id\":1,\"account\":[77]}",
        "{\"id\":1,\"account\":null,\"content\":{\"account\":77}}",
        "{\"id\":1,\"a\":{\"account\":77},\"b\":{\"account\":79}}",
        "{\"id\":1,\"a\":{\"b\":{\"account\":77}}}",
        "[{\"account\":77}]",
        "[]",
    };

    (void)state;
    source.expectation_count = 1;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        start(good[i], true);
        report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
        assert_int_equal(accepted, i + 1);
    }
    accepted = 0;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        freed = 0;
        start(bad[i], true);
        assert_refused(REFUSAL_UNAUTHORIZED);
    }
}

static void
answers_503_where_kafka_fails(void **state)
{
    (void)state;
    start("{\"id\":1}", false);
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_FAILED);
    assert_refused(REFUSAL_UNAVAILABLE);
    assert_int_equal(counted("trunkline_events_total", "type=\"call.ended\""), 0);
}

static void
keeps_what_kafka_will_never_take(void **state)
{
    (void)state;
    start("{\"id\":1}", false);
    report(DELIVERY_REFUSED, DELIVERY_ACKNOWLEDGED);
    assert_dead_letter("refused_by_kafka");
    assert_true(slice_is(header(&published->records[0], "detail"), "told by the test"));
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 1);
    assert_int_equal(freed, 1);
    assert_ptr_equal(ticket.outcome, outcome_dead_letter);

    accepted = freed = 0;
    start("{\"id\":1}", false);
    report(DELIVERY_REFUSED, DELIVERY_ACKNOWLEDGED);
    report(DELIVERY_REFUSED, DELIVERY_REFUSED);
    assert_refused(REFUSAL_UNAVAILABLE);
}

static void
lives_on_after_an_overdue_answer(void **state)
{
    (void)state;
    start("{\"id\":1}", false);
    conversion_overdue(&ticket);
    assert_int_equal(refused, REFUSAL_UNAVAILABLE);
    assert_int_equal(freed, 0);
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(freed, 1);
    assert_int_equal(accepted, 0);
}

static void
adds_the_raw_record_where_it_is_wanted(void **state)
{
    (void)state;
    config.raw_enabled = true;
    start("{\"id\":1}", false);
    assert_int_equal(published->count, 3);
    assert_true(slice_is(published->records[2].topic, "raw"));
    assert_true(slice_equal(published->records[2].value, ticket.body));
    for (size_t i = 0; i < published->records[2].header_count; i++) {
        assert_null(memmem(published->records[2].headers[i].value.data, published->records[2].headers[i].value.length,
                           "idden", 5));
    }
    report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
    start("{\"id\":", true);
    assert_int_equal(published->count, 2);
    assert_true(slice_is(published->records[1].topic, "raw"));
}

/* It would take as much each time it came: to answer 503 would ask for it for ever. Some of these limits are reached in
 * reading, some in converting or writing. */
static void
keeps_what_takes_too_much_memory(void **state)
{
    static char body[1024];
    struct arena *whole = arena;
    unsigned events = 0;
    unsigned kept = 0;

    (void)state;
    config.raw_enabled = true;
    memcpy(body, "{\"id\":1,\"a\":[1", 14);
    for (size_t i = 14; i + 4 < sizeof(body); i += 2) {
        memcpy(body + i, ",1", 2);
    }
    strcat(body, "]}");
    arena = arena_new(NULL, 8192);
    assert_non_null(arena);
    start(body, false);
    assert_refused(REFUSAL_UNREADABLE);
    arena_free(arena);
    for (size_t limit = 2048; limit < sizeof(body) * 128; limit += 96) {
        arena = arena_new(NULL, limit);
        assert_non_null(arena);
        start(body, true);
        if (published->count == 3) {
            events++;
        } else {
            assert_true(slice_is(published->records[0].topic, "dead"));
            assert_true(slice_is(header(&published->records[0], "reason"), "too_complex"));
            assert_false(slice_empty(header(&published->records[0], "detail")));
            assert_true(slice_equal(published->records[0].value, ticket.body));
            assert_true(slice_is(published->records[1].topic, "raw"));
            kept++;
        }
        report(DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED);
        arena_free(arena);
    }
    assert_true(events > 0 && kept > 0);
    assert_int_equal(accepted, events + kept);
    arena = whole;
}

static void
passes_on_well_formed_traceparents_only(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false},
        {"", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct incoming incoming = {
            .source = &source,
            .body = SLICE("{\"id\":1}"),
            .traceparent = slice_from(rows[i].text),
        };
        struct translation translation;

        translate(&config, &incoming, arena, &translation);
        assert_int_equal(translation.refusal, REFUSAL_NONE);
        if (slice_empty(translation.envelope.traceparent) == rows[i].valid) {
            fail_msg("%s", rows[i].text);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_after_the_last_report, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_a_body_by_its_first_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_known_senders_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_unknown_senders_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_it_cannot_convert, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_signed_messages_or_vouched_senders, setup, teardown),
        cmocka_unit_test_setup_teardown(wants_the_expected_members, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_503_where_kafka_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_kafka_will_never_take, setup, teardown),
        cmocka_unit_test_setup_teardown(lives_on_after_an_overdue_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(adds_the_raw_record_where_it_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(keeps_what_takes_too_much_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(passes_on_well_formed_traceparents_only, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
