/* A source's mapping: from YAML to what is run. */
#include "mapping_head.h"

#include "adapters/mapping.h"

/* A reference as it would be written, a literal in quotes. */
static void
print_reference(const struct reference *reference, FILE *stream)
{
    static const char *const words[] = {
        [PLACE_HEADER] = "header.",    [PLACE_PARAMETER] = "query.", [PLACE_BODY] = "body",
        [PLACE_QUERY] = "query",       [PLACE_METHOD] = "method",    [PLACE_ENDPOINT] = "endpoint",
        [PLACE_RECEIVED] = "received", [PLACE_KEY] = "key",
    };

    if (reference->place == PLACE_LITERAL) {
        fprintf(stream, "'%.*s'", SLICE_ARGS(reference->name));
        return;
    }
    if (reference->place != PLACE_MEMBER && reference->place != PLACE_TOP_MEMBER) {
        fprintf(stream, "%s%.*s", words[reference->place], SLICE_ARGS(reference->name));
        return;
    }
    fputs(reference->place == PLACE_TOP_MEMBER ? "^" : "", stream);
    for (size_t i = 0; i < reference->step_count; i++) {
        fprintf(stream, "[%.*s]", SLICE_ARGS(reference->steps[i]));
    }
}

static void
print_template(const struct text_template *template, FILE *stream)
{
    for (size_t i = 0; i < template->count; i++) {
        fputs(i == 0 ? "" : " ", stream);
        print_reference(&template->parts[i], stream);
    }
}

static void
assert_template(const struct text_template *template, const char *expected)
{
    char text[600] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");

    assert_non_null(stream);
    print_template(template, stream);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(text, expected);
}

static void
assert_reference(const struct reference *reference, const char *expected)
{
    const struct text_template template = {reference, 1};

    assert_template(&template, expected);
}

static void
assert_condition(const struct condition *condition, const char *at, size_t count, const char *first)
{
    assert_reference(&condition->at, at);
    assert_int_equal(condition->value_count, count);
    if (count > 0) {
        assert_slice(condition->values[0], first);
    }
}

static void
assert_field(const struct field_rule *field, const char *target, const char *value, enum field_form form)
{
    assert_slice(field->target, target);
    assert_template(&field->value, value);
    assert_int_equal(field->form, form);
}

/* --- a whole one --- */

#define WHOLE                                                                                                          \
    KAFKA "sources:\n"                                                                                                 \
          "  - name: acme\n"                                                                                           \
          "    adapter: generic\n"                                                                                     \
          "    methods: [GET, POST]\n"                                                                                 \
          "    mapping:\n"                                                                                             \
          "      vendor: acme\n"                                                                                       \
          "      format: json\n"                                                                                       \
          "      records: /events\n"                                                                                   \
          "      time_form: milliseconds\n"                                                                            \
          "      every: true\n"                                                                                        \
          "      signature:\n"                                                                                         \
          "        algorithm: hmac-sha1\n"                                                                             \
          "        keys: [first, '${KEY_OF_TEST}']\n"                                                                  \
          "        encoding: base64\n"                                                                                 \
          "        signed: 'v0:{header.X-Acme-Time}:{body}'\n"                                                         \
          "        in: header.X-Acme-Signature\n"                                                                      \
          "        prefix: 'sha1='\n"                                                                                  \
          "        time: header.x-acme-time\n"                                                                         \
          "        tolerance_seconds: 60\n"                                                                            \
          "      handshakes:\n"                                                                                        \
          "        - when: {query.hub.challenge: '*', method: GET}\n"                                                  \
          "          body: '{query.hub.challenge}'\n"                                                                  \
          "        - when: {/type: url_verification}\n"                                                                \
          "          body: '{\"challenge\":\"{/challenge}\"}'\n"                                                       \
          "          content_type: application/json\n"                                                                 \
          "      answer: {body: '<ok>{^/id}</ok>', content_type: text/xml}\n"                                          \
          "      events:\n"                                                                                            \
          "        - when: {/event: [call.ended, 'hang*'], header.X-Kind: call}\n"                                     \
          "          type: call.ended\n"                                                                               \
          "          key: '{^/batch/id}-{/id}'\n"                                                                      \
          "          suffix: /leg\n"                                                                                   \
          "          subject: /call/a~1b~0/0\n"                                                                        \
          "          correlation: header.x-command\n"                                                                  \
          "          time: /ended_at\n"                                                                                \
          "          time_form: seconds\n"                                                                             \
          "          fields:\n"                                                                                        \
          "            call.id: /call/id\n"                                                                            \
          "            call.direction: {value: outbound}\n"                                                            \
          "            outcome.status: {from: /result, map: {1: answered, na: no_answer, '*': unknown, x: }}\n"        \
          "            times.started: {from: /started, time_form: local}\n"                                            \
          "            times.ended: /ended_at\n"                                                                       \
          "            durations.talk_seconds: {from: /talk, map: {none: 0}}\n"                                        \
          "            outcome.transferred: {from: /moved, map: {moved: yes}}\n"                                       \
          "            extras: /extras\n"                                                                              \
          "        - type: com.acme.ticket.closed.v2\n"                                                                \
          "          topic: acme.tickets\n"                                                                            \
          "          key: /id\n"                                                                                       \
          "          fields:\n"                                                                                        \
          "            ticket.id: /ticket/id\n"                                                                        \
          "            ticket.title: '{/a}: {/b}'\n"                                                                   \
          "            ticket.state: {from: /state, map: {c: closed}}\n"                                               \
          "            ticket.agent: header.x-agent\n"                                                                 \
          "            ticket.closed: {from: /closed_at, time_form: rfc3339}\n"                                        \
          "            ticket.count: {from: /n, form: number}\n"                                                       \
          "        - {type: com.acme.ticket.closed.v2, when: {/x: 1}, key: /x}\n"                                      \
          "        - {type: com.acme.order.v1, topic: orders, schema: 'https://acme.example/o', key: body, time: "     \
          "received}\n"

static struct config *
whole(void)
{
    setenv("KEY_OF_TEST", "second", 1);
    return good(WHOLE);
}

static void
the_frame_is_read(void **state)
{
    (void)state;
    struct config *config = whole();
    const struct source *source = config_source(config, slice_from("acme"));
    const struct mapping *mapping = source->mapping;

    assert_true(source->signed_by_vendor);
    assert_false(source_is_open(source));
    assert_slice(mapping->vendor, "acme");
    assert_int_equal(mapping->format, MAPPING_JSON);
    assert_true(mapping->has_records);
    assert_reference(&mapping->records, "[events]");
    assert_true(mapping->every);
    assert_template(&mapping->answer.body, "'<ok>' ^[id] '</ok>'");
    assert_slice(mapping->answer.content_type, "text/xml");
    assert_int_equal(mapping->handshake_count, 2);
    assert_int_equal(mapping->handshakes[0].when.count, 2);
    assert_condition(&mapping->handshakes[0].when.conditions[0], "query.hub.challenge", 0, NULL);
    assert_condition(&mapping->handshakes[0].when.conditions[1], "method", 1, "GET");
    assert_template(&mapping->handshakes[0].body, "query.hub.challenge");
    assert_slice(mapping->handshakes[0].content_type, "text/plain; charset=utf-8");
    assert_template(&mapping->handshakes[1].body, "'{\"challenge\":\"' [challenge] '\"}'");
    assert_slice(mapping->handshakes[1].content_type, "application/json");
    config_free(config);
}

static void
the_signature_is_read(void **state)
{
    (void)state;
    struct config *config = whole();
    const struct signature_rule *rule = &config->sources[0].mapping->signature;

    assert_int_equal(rule->digest, SIGNATURE_SHA1);
    assert_true(rule->keyed && rule->base64 && rule->timed);
    assert_int_equal(rule->key_count, 2);
    assert_slice(rule->keys[0], "first");
    assert_slice(rule->keys[1], "second");
    assert_template(&rule->signed_text, "'v0:' header.x-acme-time ':' body");
    assert_reference(&rule->at, "header.x-acme-signature");
    assert_slice(rule->prefix, "sha1=");
    assert_reference(&rule->time, "header.x-acme-time");
    assert_int_equal(rule->tolerance_seconds, 60);
    config_free(config);
}

static void
events_of_ours_are_read(void **state)
{
    (void)state;
    struct config *config = whole();
    const struct mapping *mapping = config->sources[0].mapping;
    const struct event_rule *rule = &mapping->events[0];
    const struct field_rule *status = &rule->fields[2];

    assert_int_equal(mapping->event_count, 4);
    assert_int_equal(rule->type, EVENT_CALL_ENDED);
    assert_null(rule->custom);
    assert_int_equal(rule->when.count, 2);
    assert_condition(&rule->when.conditions[0], "[event]", 2, "call.ended");
    assert_slice(rule->when.conditions[0].values[1], "hang*");
    assert_condition(&rule->when.conditions[1], "header.x-kind", 1, "call");
    assert_template(&rule->key, "^[batch][id] '-' [id]");
    assert_template(&rule->suffix, "[leg]");
    assert_template(&rule->subject, "[call][a/b~][0]");
    assert_template(&rule->correlation, "header.x-command");
    assert_template(&rule->time, "[ended_at]");
    assert_int_equal(rule->time_form, TIME_SECONDS);

    assert_int_equal(rule->field_count, 8);
    assert_field(&rule->fields[0], "call.id", "[call][id]", FIELD_TEXT);
    assert_field(&rule->fields[1], "call.direction", "'outbound'", FIELD_TEXT);
    assert_field(status, "outcome.status", "[result]", FIELD_TEXT);
    assert_int_equal(status->map_count, 4);
    assert_slice(status->map[0].from, "1");
    assert_slice(status->map[0].to, "answered");
    assert_slice(status->map[2].from, "*");
    assert_slice(status->map[3].to, "");
    assert_field(&rule->fields[3], "times.started", "[started]", FIELD_TIME);
    assert_int_equal(rule->fields[3].time_form, TIME_LOCAL);
    assert_int_equal(rule->fields[4].time_form, TIME_SECONDS);
    assert_field(&rule->fields[5], "durations.talk_seconds", "[talk]", FIELD_NUMBER);
    assert_field(&rule->fields[6], "outcome.transferred", "[moved]", FIELD_SWITCH);
    assert_field(&rule->fields[7], "extras", "[extras]", FIELD_JSON);
    config_free(config);
}

static void
own_types_are_read(void **state)
{
    (void)state;
    struct config *config = whole();
    const struct mapping *mapping = config->sources[0].mapping;
    const struct event_rule *rule = &mapping->events[1];
    const struct custom_type *ticket = &mapping->custom_types[0];

    assert_int_equal(mapping->custom_count, 2);
    assert_int_equal(rule->type, EVENT_CUSTOM);
    assert_ptr_equal(rule->custom, ticket);
    assert_ptr_equal(mapping->events[2].custom, ticket);
    assert_string_equal(ticket->names.name, "com.acme.ticket.closed");
    assert_slice(ticket->names.type, "com.acme.ticket.closed.v2");
    assert_slice(ticket->names.dataschema, "urn:acme:schema:com.acme.ticket.closed:v2");
    assert_slice(ticket->topic, "acme.tickets");
    assert_int_equal(ticket->index, 0);
    assert_int_equal(mapping->custom_types[1].index, 1);
    assert_slice(mapping->custom_types[1].names.dataschema, "https://acme.example/o");
    assert_template(&mapping->events[3].key, "body");
    assert_template(&mapping->events[3].time, "received");

    assert_int_equal(rule->time_form, TIME_MILLISECONDS);
    assert_int_equal(rule->when.count, 0);
    assert_field(&rule->fields[0], "ticket.id", "[ticket][id]", FIELD_JSON);
    assert_field(&rule->fields[1], "ticket.title", "[a] ': ' [b]", FIELD_TEXT);
    assert_field(&rule->fields[2], "ticket.state", "[state]", FIELD_TEXT);
    assert_field(&rule->fields[3], "ticket.agent", "header.x-agent", FIELD_TEXT);
    assert_field(&rule->fields[4], "ticket.closed", "[closed_at]", FIELD_TIME);
    assert_int_equal(rule->fields[4].time_form, TIME_RFC3339);
    assert_field(&rule->fields[5], "ticket.count", "[n]", FIELD_NUMBER);
    config_free(config);
}

/* --- short ones --- */

static void
what_is_not_said_has_defaults(void **state)
{
    (void)state;
    struct config *config = good(MAPPING);
    const struct mapping *mapping = config->sources[0].mapping;

    assert_false(config->sources[0].signed_by_vendor);
    assert_int_equal(mapping->format, MAPPING_AUTO);
    assert_false(mapping->has_records || mapping->every);
    assert_int_equal(mapping->signature.digest, SIGNATURE_NONE);
    assert_int_equal(mapping->handshake_count, 0);
    assert_int_equal(mapping->answer.body.count, 0);
    assert_slice(mapping->answer.content_type, "application/json");
    assert_int_equal(mapping->events[0].time.count, 0);
    assert_int_equal(mapping->events[0].time_form, TIME_RFC3339);
    assert_int_equal(mapping->events[0].subject.count, 0);
    config_free(config);

    config = good(MAPPING "      signature: {keys: k, in: query.sign}\n");
    const struct signature_rule *rule = &config->sources[0].mapping->signature;
    assert_int_equal(rule->digest, SIGNATURE_SHA256);
    assert_true(rule->keyed);
    assert_false(rule->base64 || rule->timed);
    assert_template(&rule->signed_text, "body");
    config_free(config);

    config = good(MAPPING "      signature: {algorithm: md5, keys: k, in: /sign, signed: '{/a}{key}'}\n");
    rule = &config->sources[0].mapping->signature;
    assert_int_equal(rule->digest, SIGNATURE_MD5);
    assert_false(rule->keyed);
    assert_template(&rule->signed_text, "[a] key");
    config_free(config);
}

/* JSON stands in templates as it is. */
static void
braces_are_references_only_where_they_can_be(void **state)
{
    (void)state;
    static const struct {
        const char *body, *expected;
    } rows[] = {
        {"{\"a\":{\"b\":{}},\"c\":[{}]}", "'{\"a\":{\"b\":{}},\"c\":[{}]}'"},
        {"{\"a\":{/b}}", "'{\"a\":' [b] '}'"},
        {"{{body} {{/x} {{{ }}", "'{body} {/x} {{{ }}'"},
        {"{/}{^/}", "[] "},
        {"{method}{endpoint}{query}{query.a b}", "method endpoint query query.a b"},
        {"{ body } {1}", "'{ body } {1}'"},
        {"{^/a}", "^[a]"},
        {"{//}", "[][]"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[400];

        snprintf(yaml, sizeof yaml, MAPPING "      answer:\n        body: '%s'\n", rows[i].body);
        struct config *config = good(yaml);
        const struct text_template *body = &config->sources[0].mapping->answer.body;
        if (i == 3) { /* both name the whole, which no step shows */
            assert_int_equal(body->count, 2);
            assert_int_equal(body->parts[0].place, PLACE_MEMBER);
            assert_int_equal(body->parts[1].place, PLACE_TOP_MEMBER);
            assert_int_equal(body->parts[0].step_count + body->parts[1].step_count, 0);
        } else {
            assert_template(body, rows[i].expected);
        }
        config_free(config);
    }
}

static void
own_types_have_topics_and_routes(void **state)
{
    (void)state;
    struct config *config =
        good(KAFKA "routes:\n"
                   "  - {types: com.acme.ticket.*, topics: all}\n"
                   "  - {types: 'com.acme.ticket.closed', topics: closed}\n"
                   "  - {types: call.ended, topics: calls}\n" OPEN "      vendor: acme\n"
                   "      events:\n"
                   "        - {type: com.acme.ticket.closed.v1, when: {/a: 1}, key: /id, topic: t}\n"
                   "        - {type: com.acme.ticket.open.v1, key: /id, topic: all}\n"
                   "    extra_topics: [t, x]\n");
    const struct target_list *targets = config->sources[0].custom_targets;
    size_t count;
    const struct topic_spec *specs = config_topic_specs(config, &count);
    struct slice *topics = config_event_topics(config, 0, &count);

    assert_int_equal(targets[0].count, 4);
    assert_slice(targets[0].topics[0], "t");
    assert_slice(targets[0].topics[1], "all");
    assert_slice(targets[0].topics[2], "closed");
    assert_slice(targets[0].topics[3], "x");
    assert_int_equal(targets[1].count, 3);
    assert_slice(targets[1].topics[0], "all");
    assert_slice(targets[1].topics[1], "t");
    assert_slice(targets[1].topics[2], "x");

    const struct canonical_event event = {.type = EVENT_CUSTOM, .custom = &config->sources[0].mapping->custom_types[1]};
    assert_ptr_equal(source_targets(&config->sources[0], &event), &targets[1]);

    bool seen = false;
    for (size_t i = 0; i < count; i++) {
        seen = seen || slice_is(topics[i], "closed");
    }
    assert_true(seen);
    assert_non_null(specs);
    (void)config_topic_specs(config, &count);
    seen = false;
    for (size_t i = 0; i < count; i++) {
        seen = seen || strcmp(specs[i].name, "all") == 0;
    }
    assert_true(seen);
    free(topics);
    config_free(config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frame_is_read),
        cmocka_unit_test(the_signature_is_read),
        cmocka_unit_test(events_of_ours_are_read),
        cmocka_unit_test(own_types_are_read),
        cmocka_unit_test(what_is_not_said_has_defaults),
        cmocka_unit_test(braces_are_references_only_where_they_can_be),
        cmocka_unit_test(own_types_have_topics_and_routes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
