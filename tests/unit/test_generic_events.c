/* Events by a mapping: what fills every member of ours and of own types, which rules give events, records, and what
 * becomes a dead letter. */
#include "mapping.h"

#include "event/cloudevent.h"

static struct conversion conversion;

/* Converts a body by the rules, and tells whether there are events. */
static bool
convert(struct mapping *mapping, const struct event_rule *rules, size_t count, const char *body)
{
    struct callback callback;

    mapping->events = rules;
    mapping->event_count = count;
    callback = callback_of(mapping, body);
    assert_non_null(callback.message);
    conversion = (struct conversion){0};
    return adapter_generic.convert(&callback, &conversion);
}

static struct slice
data_of(const struct canonical_event *event)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 256);
    event_data_write(&writer, event);
    return json_finish(&writer);
}

static const struct canonical_event *
only_event(void)
{
    assert_int_equal(conversion.count, 1);
    return conversion.first;
}

static struct field_rule
ours(const char *target, struct text_template value)
{
    struct field_rule rule = {
        .target = slice_from(target), .row = generic_field_find(slice_from(target)), .value = value};

    assert_non_null(rule.row);
    rule.form = rule.row->form;
    rule.time_form = TIME_SECONDS;
    return rule;
}

/* The event's data for one field of ours, and "vendor" beside. */
static const char *
data_with(const char *target, const char *body)
{
    struct mapping mapping = {.vendor = SLICE("acme")};
    struct field_rule fields[] = {ours(target, TEMPLATE("/v")), ours("recording.url", TEMPLATE("/url"))};
    struct event_rule rule = {.type = EVENT_CALL_ENDED, .key = TEMPLATE("'k"), .fields = fields, .field_count = 2};

    assert_true(convert(&mapping, &rule, 1, body));
    return as_text(data_of(only_event()));
}

/* The member of the data that a target names. */
static const struct value *
find_target(const char *data, const char *target)
{
    struct error error;
    const struct value *value = json_parse(arena, slice_from(data), VALUE_LIMITS_DEFAULT, &error);
    struct slice rest = slice_from(target);

    if (strncmp(target, "recording.", 10) == 0) {
        value = value_member(value, "recordings")->first;
        rest = slice_from(target + 10);
    }
    while (rest.length > 0) {
        const char *dot = memchr(rest.data, '.', rest.length);
        size_t length = dot == NULL ? rest.length : (size_t)(dot - rest.data);

        value = value_member_named(value, slice_make(rest.data, length));
        rest = dot == NULL ? slice_make(rest.data, 0) : slice_make(dot + 1, rest.length - length - 1);
    }
    assert_non_null(value);
    return value;
}

static void
every_target_fills_the_member_of_its_name(void **state)
{
    (void)state;
    for (const struct generic_field *row = generic_fields; row->target != NULL; row++) {
        const struct value *found;
        const char *given;
        const char *expected;

        for (size_t word = 1; row->words != NULL && row->words[word] != NULL; word++) {
            struct slice body = arena_printf(arena, "{\"v\":\"%s\",\"url\":\"http://x/\"}", row->words[word]);

            assert_slice(find_target(data_with(row->target, body.data), row->target)->text, row->words[word]);
        }
        if (row->words != NULL) {
            continue;
        }
        given = row->form == FIELD_TIME     ? "1700000000"
                : row->form == FIELD_NUMBER ? "\" 012.50 \""
                : row->form == FIELD_SWITCH ? "\"Yes\""
                                            : "\"http://y/\"";
        found = find_target(data_with(row->target, arena_printf(arena, "{\"v\":%s,\"url\":\"http://x/\"}", given).data),
                            row->target);
        if (row->form == FIELD_SWITCH) {
            assert_true(found->kind == VALUE_BOOLEAN && found->boolean);
            continue;
        }
        expected = row->form == FIELD_TIME     ? "2023-11-15T06:13:20+08:00"
                   : row->form == FIELD_NUMBER ? "12.50"
                                               : "http://y/";
        assert_int_equal(found->kind, row->form == FIELD_NUMBER ? VALUE_NUMBER : VALUE_STRING);
        /* The recording's second field is its URL, whatever the first one was. */
        assert_slice(found->text, strcmp(row->target, "recording.url") == 0 ? "http://x/" : expected);
    }
}

static void
what_cannot_be_read_is_left_out(void **state)
{
    static const struct {
        const char *target, *value;
        unsigned unreadable, unknown_codes;
    } rows[] = {
        {"call.id", "null", 0, 0},
        {"call.id", "\"\"", 0, 0},
        {"call.id", "\"null\"", 0, 0},
        {"call.id", "{}", 1, 0},
        {"call.id", "[1]", 1, 0},
        {"durations.talk_seconds", "\"1e5\"", 1, 0},
        {"durations.talk_seconds", "true", 1, 0},
        {"durations.talk_seconds", "{}", 1, 0},
        {"times.ended", "0", 0, 0},
        {"times.ended", "\"soon\"", 1, 0},
        {"times.ended", "[]", 1, 0},
        {"outcome.transferred", "\"perhaps\"", 1, 0},
        {"outcome.transferred", "2", 1, 0},
        {"outcome.status", "\"Answered\"", 0, 1},
        {"outcome.status", "{}", 1, 0},
        {"recording.url", "\"/relative\"", 1, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *url = strcmp(rows[i].target, "recording.url") == 0 ? rows[i].value : "null";
        struct slice body = arena_printf(arena, "{\"v\":%s,\"url\":%s}", rows[i].value, url);
        const char *data = data_with(rows[i].target, body.data);

        assert_string_equal(data, as_text(arena_printf(arena, "{\"vendor\":%s}", body.data)));
        assert_int_equal(conversion.unreadable, rows[i].unreadable);
        assert_int_equal(conversion.unknown_codes, rows[i].unknown_codes);
    }
}

static void
switches_and_json(void **state)
{
    (void)state;
    assert_non_null(strstr(data_with("outcome.transferred", "{\"v\":true}"), "\"transferred\":true"));
    assert_non_null(strstr(data_with("outcome.transferred", "{\"v\":false}"), "\"transferred\":false"));
    assert_non_null(strstr(data_with("outcome.transferred", "{\"v\":\"NO\"}"), "\"transferred\":false"));
    assert_non_null(strstr(data_with("extras", "{\"v\":{\"a\" : [1, 2.0]}}"), "\"extras\":{\"a\" : [1, 2.0]}"));
    assert_non_null(strstr(data_with("extras", "{\"v\":\"x\"}"), "\"extras\":\"x\""));
    assert_non_null(strstr(data_with("extras", "{\"v\":1.50}"), "\"extras\":1.50"));
}

static void
times_in_every_form(void **state)
{
    static const struct {
        enum time_form form;
        const char *value, *time;
    } rows[] = {
        {TIME_SECONDS, "1700000000", "2023-11-15T06:13:20+08:00"},
        {TIME_SECONDS, "\"1700000000\"", "2023-11-15T06:13:20+08:00"},
        {TIME_SECONDS, "1700000000.5", "2023-11-15T06:13:20.500+08:00"},
        {TIME_MILLISECONDS, "1700000000123", "2023-11-15T06:13:20.123+08:00"},
        {TIME_RFC3339, "\"2023-11-14T22:13:20Z\"", "2023-11-14T22:13:20+00:00"},
        {TIME_RFC3339, "\"2023-11-14T22:13:20+0000\"", "2023-11-14T22:13:20+00:00"},
        {TIME_LOCAL, "\"2023-11-15 06:13:20\"", "2023-11-15T06:13:20+08:00"},
        {TIME_LOCAL, "\"2023-11-15T06:13:20\"", "2023-11-15T06:13:20+08:00"},
        {TIME_LOCAL, "\"2023-11-14T22:13:20Z\"", "2023-11-14T22:13:20+00:00"},
        {TIME_COMPACT, "20231115061320", "2023-11-15T06:13:20+08:00"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mapping mapping = {.vendor = SLICE("acme")};
        struct event_rule rule = {
            .type = EVENT_CALL_ENDED, .key = TEMPLATE("'k"), .time = TEMPLATE("/v"), .time_form = rows[i].form};
        char text[TIMESTAMP_TEXT_BYTES];

        assert_true(convert(&mapping, &rule, 1, arena_printf(arena, "{\"v\":%s}", rows[i].value).data));
        assert_int_equal(conversion.unreadable, 0);
        assert_slice(slice_make(text, timestamp_format(only_event()->time, text)), rows[i].time);
    }
}

static void
maps(void **state)
{
    static const struct map_row rows[] = {
        {SLICE("ok"), SLICE("answered")}, {SLICE("7"), SLICE("busy")}, {SLICE("false"), SLICE("failed")},
        {SLICE("*"), SLICE("unknown")},   {SLICE("drop"), {NULL, 0}},
    };
    static const struct {
        const char *value;
        size_t count; /* of the map */
        enum outcome_status status;
        unsigned unknown_codes;
    } cases[] = {
        {"\"ok\"", 5, OUTCOME_ANSWERED, 0},  {"7", 5, OUTCOME_BUSY, 0},          {"false", 5, OUTCOME_FAILED, 0},
        {"\"else\"", 5, OUTCOME_UNKNOWN, 0}, {"\"drop\"", 5, OUTCOME_ABSENT, 0}, {"null", 5, OUTCOME_ABSENT, 0},
        {"\"else\"", 3, OUTCOME_ABSENT, 1},  {"\"busy\"", 3, OUTCOME_BUSY, 0},   {"\"ok\"", 1, OUTCOME_ANSWERED, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mapping mapping = {.vendor = SLICE("acme")};
        struct field_rule field = ours("outcome.status", TEMPLATE("/v"));
        struct event_rule rule = {.type = EVENT_CALL_ENDED, .key = TEMPLATE("'k"), .fields = &field, .field_count = 1};

        field.map = rows;
        field.map_count = cases[i].count;
        assert_true(convert(&mapping, &rule, 1, arena_printf(arena, "{\"v\":%s}", cases[i].value).data));
        assert_int_equal(only_event()->outcome.status, cases[i].status);
        assert_int_equal(conversion.unknown_codes, cases[i].unknown_codes);
    }
}

/* --- own types --- */

static const struct custom_type own = {
    .names = {.name = "com.acme.ticket", .type = SLICE("com.acme.ticket.v1"), .dataschema = SLICE("urn:acme:ticket")},
    .index = 0,
    .topic = SLICE("acme.tickets"),
};

static struct field_rule
custom(const char *target, struct text_template value, enum field_form form)
{
    return (struct field_rule){
        .target = slice_from(target), .value = value, .form = form, .time_form = TIME_MILLISECONDS};
}

static void
own_types(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme"), .custom_types = &own, .custom_count = 1};
    const struct field_rule fields[] = {
        custom("ticket.id", TEMPLATE("/id"), FIELD_TEXT),
        custom("tags", TEMPLATE("/tags"), FIELD_JSON),
        custom("ticket.weight", TEMPLATE("/weight"), FIELD_NUMBER),
        custom("ticket.owner.name", TEMPLATE("'Ms \"", "/owner", "'\""), FIELD_TEXT),
        custom("urgent", TEMPLATE("/urgent"), FIELD_SWITCH),
        custom("ticket.closed", TEMPLATE("/at"), FIELD_TIME),
        custom("missing.deep", TEMPLATE("/missing"), FIELD_TEXT),
        custom("bad.number", TEMPLATE("/id"), FIELD_NUMBER),
        custom("kept", TEMPLATE("/urgent"), FIELD_JSON),
        custom("method", TEMPLATE("method"), FIELD_JSON),
    };
    struct event_rule rule = {.type = EVENT_CUSTOM,
                              .custom = &own,
                              .key = TEMPLATE("/id"),
                              .fields = fields,
                              .field_count = sizeof fields / sizeof fields[0]};
    struct envelope envelope = {.source = SLICE("s"), .adapter = SLICE("acme"), .account = SLICE("a")};
    struct record record;
    const struct value *event;
    struct error error;

    (void)state;
    assert_true(convert(&mapping, &rule, 1,
                        "{\"id\":\"t1\",\"tags\":[ \"a\", null ],\"weight\":\"05.10\",\"owner\":\"Li\",\"urgent\":true,"
                        "\"at\":1700000000123}"));
    assert_ptr_equal(only_event()->custom, &own);
    assert_string_equal(
        as_text(data_of(only_event())),
        "{\"ticket\":{\"id\":\"t1\",\"weight\":5.10,\"owner\":{\"name\":\"Ms \\\"Li\\\"\"},"
        "\"closed\":\"2023-11-15T06:13:20.123+08:00\"},\"tags\":[ \"a\", null ],\"urgent\":true,\"kept\":true,"
        "\"method\":\"POST\",\"vendor\":{\"id\":\"t1\",\"tags\":[ \"a\", null ],\"weight\":\"05.10\",\"owner\":\"Li\","
        "\"urgent\":true,\"at\":1700000000123}}");
    assert_int_equal(conversion.unreadable, 1);
    assert_true(cloudevent_write(only_event(), &envelope, CLOUDEVENT_STRUCTURED, arena, &record));
    event = json_parse(arena, record.value, VALUE_LIMITS_DEFAULT, &error);
    assert_slice(value_member(event, "id")->text, "acme-t1-com.acme.ticket");
    assert_slice(value_member(event, "type")->text, "com.acme.ticket.v1");
    assert_slice(value_member(event, "dataschema")->text, "urn:acme:ticket");
    assert_slice(record.key, "t1");
}

/* --- rules --- */

static void
what_names_an_event(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme")};
    struct event_rule rule = {.type = EVENT_CALL_ENDED,
                              .key = TEMPLATE("/id", "'/", "/leg"),
                              .suffix = TEMPLATE("/part"),
                              .subject = TEMPLATE("/call"),
                              .correlation = TEMPLATE("/command")};

    (void)state;
    assert_true(
        convert(&mapping, &rule, 1, "{\"id\":1,\"leg\":\"b\",\"part\":2,\"call\":\"c\",\"command\":\"cmd-1\"}"));
    assert_slice(only_event()->key, "1/b");
    assert_slice(only_event()->suffix, "-2");
    assert_slice(only_event()->subject, "c");
    assert_slice(only_event()->correlation_id, "cmd-1");
    assert_false(only_event()->time.present);
    assert_true(convert(&mapping, &rule, 1, "{\"id\":1,\"leg\":\"b\",\"part\":\"-x\"}"));
    assert_slice(only_event()->suffix, "-x");
    assert_slice(only_event()->subject, "1/b");
    assert_true(convert(&mapping, &rule, 1, "{\"id\":1,\"leg\":\"b\",\"part\":\"line\\nend\"}"));
    assert_int_equal(only_event()->suffix.length, 17);
    assert_false(convert(&mapping, &rule, 1, "{\"id\":1,\"part\":2}"));
    assert_string_equal(conversion.reason, "missing_key");
    assert_false(convert(&mapping, &rule, 1, "{\"id\":{},\"leg\":2}"));
    assert_string_equal(conversion.reason, "missing_key");
}

static void
which_rules_give_events(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme")};
    const struct event_rule rules[] = {
        {.type = EVENT_CALL_ENDED, .when = WHEN("/e", "end"), .key = TEMPLATE("/id")},
        {.type = EVENT_CALL_RINGING, .when = WHEN("/e", "*ing"), .key = TEMPLATE("/id")},
        {.type = EVENT_CALL_ENDED, .when = WHEN("/e", "end*"), .key = TEMPLATE("/id")},
        {.type = EVENT_CALL_ENDED, .when = WHEN("/e", "end*"), .key = TEMPLATE("/id"), .suffix = TEMPLATE("'second")},
        {.type = EVENT_AGENT_LOGGED_IN, .when = WHEN("/e", "ending"), .key = TEMPLATE("/id")},
    };

    (void)state;
    assert_true(convert(&mapping, rules, 5, "{\"e\":\"end\",\"id\":1}"));
    assert_int_equal(only_event()->type, EVENT_CALL_ENDED);
    assert_true(convert(&mapping, rules, 5, "{\"e\":\"ending\",\"id\":1}"));
    assert_int_equal(only_event()->type, EVENT_CALL_RINGING);
    mapping.every = true;
    assert_true(convert(&mapping, rules, 5, "{\"e\":\"end\",\"id\":1}"));
    assert_int_equal(conversion.count, 2); /* of those with the same id the first */
    assert_slice(conversion.first->suffix, "");
    assert_slice(conversion.last->suffix, "-second");
    assert_true(convert(&mapping, rules, 5, "{\"e\":\"ending\",\"id\":1}"));
    assert_int_equal(conversion.count, 4);
    assert_int_equal(conversion.last->type, EVENT_AGENT_LOGGED_IN);
}

static void
what_no_rule_is_for(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme")};
    const struct event_rule rule = {.type = EVENT_CALL_ENDED, .when = WHEN("/e", "end"), .key = TEMPLATE("/id")};
    struct callback callback;

    (void)state;
    assert_true(convert(&mapping, &rule, 1, " {\"e\":\"x\"} "));
    assert_int_equal(only_event()->type, EVENT_VENDOR_UNMAPPED);
    assert_int_equal(only_event()->key.length, 32);
    assert_slice(only_event()->suffix, "");
    assert_slice(only_event()->vendor, "{\"e\":\"x\"}");
    assert_true(convert(&mapping, &rule, 0, "{\"e\":\"end\"}"));
    assert_int_equal(only_event()->type, EVENT_VENDOR_UNMAPPED);
    callback = callback_of(NULL, "{}");
    conversion = (struct conversion){0};
    assert_true(adapter_generic.convert(&callback, &conversion));
    assert_int_equal(only_event()->type, EVENT_VENDOR_UNMAPPED);
}

/* --- records --- */

static void
records(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme"), .has_records = true, .records = refer("/batch/list")};
    const struct event_rule rule = {
        .type = EVENT_CALL_ENDED, .when = WHEN("/e", "end"), .key = TEMPLATE("^/batch/id", "'-", "/id")};
    const struct canonical_event *event;

    (void)state;
    assert_true(convert(&mapping, &rule, 1,
                        "{\"batch\":{\"id\":9,\"list\":[{\"e\":\"end\",\"id\":1},{\"e\":\"x\"},\"text\",null,"
                        "{\"e\":\"end\",\"id\":2}]}}"));
    assert_int_equal(conversion.count, 5);
    event = conversion.first;
    assert_slice(event->key, "9-1");
    assert_slice(event->vendor, "{\"e\":\"end\",\"id\":1}");
    event = event->next;
    assert_int_equal(event->type, EVENT_VENDOR_UNMAPPED);
    assert_slice(event->suffix, "-2");
    assert_slice(event->vendor, "{\"e\":\"x\"}");
    event = event->next;
    assert_slice(event->suffix, "-3");
    assert_slice(event->vendor, "[\"text\"]");
    assert_slice(event->next->vendor, "[null]");
    assert_slice(event->next->next->key, "9-2");
    assert_false(
        convert(&mapping, &rule, 1, "{\"batch\":{\"id\":9,\"list\":[{\"e\":\"end\",\"id\":1},{\"e\":\"end\"}]}}"));
    assert_string_equal(conversion.reason, "missing_key");
}

static void
no_records(void **state)
{
    static const char *const bodies[] = {"{}", "{\"list\":{}}", "{\"list\":null}", "{\"list\":\"x\"}", "[[1]]"};
    struct mapping mapping = {.vendor = SLICE("acme"), .has_records = true, .records = refer("/list")};
    const struct event_rule rule = {.type = EVENT_CALL_ENDED, .key = TEMPLATE("'k")};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_false(convert(&mapping, &rule, 1, bodies[i]));
        assert_string_equal(conversion.reason, "no_records");
    }
    assert_true(convert(&mapping, &rule, 1, "{\"list\":[]}"));
    assert_int_equal(only_event()->type, EVENT_VENDOR_UNMAPPED);
    mapping.records = refer("");
    assert_true(convert(&mapping, &rule, 1, "[{},{}]"));
    assert_int_equal(conversion.count, 2);
}

/* `count` records {"id":<n>} behind `more` members of the message. */
static char *
records_body(unsigned count, unsigned more)
{
    char *text = arena_alloc(arena, 64 + (size_t)count * 16 + (size_t)more * 16);
    size_t length = (size_t)sprintf(text, "{");

    for (unsigned i = 0; i < more; i++) {
        length += (size_t)sprintf(text + length, "\"m%u\":0,", i);
    }
    length += (size_t)sprintf(text + length, "\"last\":1,\"list\":[");
    for (unsigned i = 0; i < count; i++) {
        length += (size_t)sprintf(text + length, "%s{\"id\":%u}", i == 0 ? "" : ",", i);
    }
    memcpy(text + length, "]}", 3);
    return text;
}

static void
too_much(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme"), .has_records = true, .records = refer("/list")};
    const struct event_rule rule = {.type = EVENT_CALL_ENDED, .key = TEMPLATE("/id", "^/last")};

    (void)state;
    assert_true(convert(&mapping, &rule, 1, records_body(MAPPING_RECORDS_MAX, 10)));
    assert_int_equal(conversion.count, MAPPING_RECORDS_MAX);
    assert_false(convert(&mapping, &rule, 1, records_body(MAPPING_RECORDS_MAX + 1, 0)));
    assert_string_equal(conversion.reason, "too_many_records");
    assert_false(convert(&mapping, &rule, 1, records_body(MAPPING_RECORDS_MAX, 20000)));
    assert_string_equal(conversion.reason, "too_complex");
}

static void
a_full_arena_is_told(void **state)
{
    struct mapping mapping = {.vendor = SLICE("acme"), .has_records = true, .records = refer("/list")};
    const struct event_rule rule = {.type = EVENT_CALL_ENDED, .key = TEMPLATE("/id", "'-", "/id")};
    struct callback callback;

    (void)state;
    mapping.events = &rule;
    mapping.event_count = 1;
    callback = callback_of(&mapping, records_body(100, 0));
    callback.arena = arena_new(NULL, 20000);
    conversion = (struct conversion){0};
    assert_false(adapter_generic.convert(&callback, &conversion));
    assert_true(arena_failed(callback.arena));
    arena_free(callback.arena);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_target_fills_the_member_of_its_name),
        TEST(what_cannot_be_read_is_left_out),
        TEST(switches_and_json),
        TEST(times_in_every_form),
        TEST(maps),
        TEST(own_types),
        TEST(what_names_an_event),
        TEST(which_rules_give_events),
        TEST(what_no_rule_is_for),
        TEST(records),
        TEST(no_records),
        TEST(too_much),
        TEST(a_full_arena_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
