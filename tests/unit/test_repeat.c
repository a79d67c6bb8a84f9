/* Repeats: which callbacks are answered without being published, through conversion and custody, with a producer, a
 * spool and an HTTP side that only take notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/message.h"
#include "ingress/generation.h"
#include "ingress/repeat.h"
#include "ingress/service.h"
#include "ingress/worker.h"
#include "spool/gate.h"

#define WINDOW_SECONDS 60
#define SECOND_NS      INT64_C(1000000000)
#define TICKETS        2

/* --- the producer, the spool and the HTTP side, as notes --- */

static struct recordset *published[TICKETS]; /* by ticket: what is on its way */
static struct spool_job *spooled;
static struct ticket tickets[TICKETS];
static unsigned accepted, refused, freed;

static size_t
number_of(const struct ticket *ticket)
{
    return (size_t)(ticket - tickets);
}

void
producer_publish(struct producer *producer, struct recordset *set)
{
    const struct custody *custody = set->owner;

    (void)producer;
    assert_null(published[number_of(custody->ticket)]);
    published[number_of(custody->ticket)] = set;
}

void
spool_put(struct spool_port *port, struct spool_job *job)
{
    (void)port;
    assert_null(spooled);
    spooled = job;
}

void
spool_settle(struct spool_port *port, struct spool_job *job)
{
    (void)port, (void)job;
    fail();
}

void
ticket_spool(struct ticket *ticket)
{
    (void)ticket;
}

void
ticket_linger(struct ticket *ticket)
{
    (void)ticket;
}

void
ticket_accept(struct ticket *ticket, struct answer answer)
{
    assert_true(slice_is(answer.body, "fine"));
    if (ticket->state != TICKET_ANSWERED) {
        ticket->state = TICKET_ANSWERED;
        accepted++;
    }
}

void
ticket_refuse(struct ticket *ticket, enum refusal refusal)
{
    (void)refusal;
    if (ticket->state != TICKET_ANSWERED) {
        ticket->state = TICKET_ANSWERED;
        refused++;
    }
}

void
ticket_free(struct ticket *ticket)
{
    assert_int_equal(ticket->state, TICKET_ANSWERED);
    freed++;
}

/* --- a vendor of the test's own: an event for each of `ids` --- */

static bool
convert(const struct callback *callback, struct conversion *conversion)
{
    const struct value *ids = value_member(callback->message, "ids");

    if (ids == NULL) {
        return conversion_fail(conversion, "missing_key", "no ids");
    }
    for (const struct value *id = ids->first; id != NULL; id = id->next) {
        struct canonical_event *event = conversion_add(conversion, callback->arena);

        if (event == NULL) {
            return false;
        }
        event->type = EVENT_CALL_ENDED;
        event->key = event->subject = event->call.id = id->text;
        event->vendor = vendor_json(callback);
    }
    return true;
}

static struct answer
answer(const struct callback *callback)
{
    (void)callback;
    return (struct answer){SLICE("text/plain"), SLICE("fine")};
}

static const char *const endpoints[] = {NULL};
static const struct adapter vendor = {.name = "vendor", .endpoints = endpoints, .convert = convert, .answer = answer};

/* --- fixture --- */

static const struct slice topics[] = {SLICE("calls")};
static struct source sources[] = {
    {.index = 0, .name = SLICE("here"), .adapter = &vendor, .targets = {[EVENT_CALL_ENDED] = {topics, 1}}},
    {.index = 1, .name = SLICE("there"), .adapter = &vendor, .targets = {[EVENT_CALL_ENDED] = {topics, 1}}},
};
static struct config config = {
    .sources = sources,
    .source_count = 2,
    .topics = {[TOPIC_RAW] = SLICE("raw"), [TOPIC_DEADLETTER] = SLICE("dead")},
};
static struct fixed_clock now;
static struct generation generation;
static struct gate *gate;
static struct worker worker;
static struct metrics *metrics;
static struct arena *arena;

static int
setup(void **state)
{
    struct error error;

    (void)state;
    fixed_clock_init(&now, INT64_C(1600000000) * SECOND_NS);
    for (size_t i = 0; i < 2; i++) {
        sources[i].dedup_window_seconds = WINDOW_SECONDS;
        sources[i].zone = zone_load("UTC", &error);
        assert_non_null(sources[i].zone);
    }
    config.raw_enabled = false;
    metrics = metrics_new();
    arena = arena_new(NULL, (size_t)1 << 22);
    gate = gate_new();
    worker = (struct worker){
        .config = &config,
        .clock = &now.clock,
        .gate = gate,
        .seen = seen_new(1000, &now.clock, metrics),
    };
    generation = (struct generation){.config = &config, .service = service_new(&config, metrics, &error)};
    memset(published, 0, sizeof(published));
    spooled = NULL;
    accepted = refused = freed = 0;
    return arena == NULL || gate == NULL || worker.seen == NULL || generation.service == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    service_free(generation.service);
    seen_free(worker.seen);
    gate_free(gate);
    metrics_free(metrics);
    arena_free(arena);
    for (size_t i = 0; i < 2; i++) {
        zone_free((struct zone *)(uintptr_t)sources[i].zone);
    }
    return 0;
}

/* --- callbacks --- */

static void
come(size_t number, const struct source *source, const char *body)
{
    tickets[number] = (struct ticket){
        .worker = &worker,
        .generation = &generation,
        .arena = arena,
        .state = TICKET_PUBLISHING,
        .source = source,
        .head = {.method = SLICE("POST")},
        .body = slice_from(body),
        .vouched = true,
    };
    conversion_start(&tickets[number]);
}

static void
report(size_t number, enum delivery delivery)
{
    struct recordset *set = published[number];
    size_t count = set->count;

    published[number] = NULL;
    for (size_t i = 0; i < count; i++) {
        recordset_report(&set->records[i], delivery, "told by the test");
    }
}

/* It is published whole, and durable. */
static void
assert_published(const char *body, size_t count)
{
    unsigned before = accepted;

    come(0, &sources[0], body);
    assert_non_null(published[0]);
    assert_int_equal(published[0]->count, count);
    report(0, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, before + 1);
}

static void
assert_repeated(const char *body, enum durability durability)
{
    unsigned before = accepted;
    unsigned freed_before = freed;

    come(0, &sources[0], body);
    assert_null(published[0]);
    assert_null(spooled);
    assert_int_equal(accepted, before + 1);
    assert_int_equal(freed, freed_before + 1);
    assert_ptr_equal(tickets[0].outcome, outcome_repeated);
    assert_int_equal(tickets[0].durability, durability);
}

static uint64_t
counted(const char *name, const char *labels)
{
    return metric_read(metrics_counter(metrics, name, "", labels));
}

/* --- tests --- */

static void
a_repeat_is_answered_and_not_published(void **state)
{
    (void)state;
    assert_published("{\"ids\":[1]}", 1);
    assert_ptr_equal(tickets[0].outcome, outcome_accepted);
    assert_repeated("{\"ids\":[1]}", DURABILITY_KAFKA);
    assert_repeated("{\"ids\":[1],\"more\":2}", DURABILITY_KAFKA);
    assert_int_equal(counted("trunkline_custody_callbacks_total", "fate=\"accepted\""), 1);
    assert_int_equal(counted("trunkline_custody_records_total", "fate=\"accepted\""), 1);
    assert_int_equal(counted("trunkline_events_total", "type=\"call.ended\""), 1);
}

static void
until_the_window_is_over(void **state)
{
    (void)state;
    assert_published("{\"ids\":[1]}", 1);
    now.boottime_ns += WINDOW_SECONDS * SECOND_NS - 1;
    assert_repeated("{\"ids\":[1]}", DURABILITY_KAFKA);
    now.boottime_ns += 1;
    assert_published("{\"ids\":[1]}", 1);
    now.boottime_ns += WINDOW_SECONDS * SECOND_NS - 1;
    assert_repeated("{\"ids\":[1]}", DURABILITY_KAFKA);
}

static void
not_of_another_source(void **state)
{
    (void)state;
    assert_published("{\"ids\":[1]}", 1);
    come(1, &sources[1], "{\"ids\":[1]}");
    assert_non_null(published[1]);
}

static void
not_where_nobody_asked_for_it(void **state)
{
    struct seen *seen = worker.seen;

    (void)state;
    sources[0].dedup_window_seconds = 0;
    worker.seen = NULL; /* it is not even looked at */
    assert_published("{\"ids\":[1]}", 1);
    assert_published("{\"ids\":[1]}", 1);
    worker.seen = seen;
}

static void
not_what_is_still_under_way(void **state)
{
    (void)state;
    come(0, &sources[0], "{\"ids\":[1]}");
    come(1, &sources[0], "{\"ids\":[1]}");
    assert_non_null(published[0]);
    assert_non_null(published[1]);
    report(0, DELIVERY_ACKNOWLEDGED);
    report(1, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 2);
    assert_repeated("{\"ids\":[1]}", DURABILITY_KAFKA);
}

static void
not_what_was_refused(void **state)
{
    (void)state;
    come(0, &sources[0], "{\"ids\":[1]}");
    report(0, DELIVERY_FAILED);
    assert_int_equal(refused, 1);
    assert_published("{\"ids\":[1]}", 1);
}

/* It was answered 503, and then Kafka had it after all. */
static void
but_what_was_durable_too_late(void **state)
{
    (void)state;
    come(0, &sources[0], "{\"ids\":[1]}");
    conversion_overdue(&tickets[0]);
    assert_int_equal(refused, 1);
    report(0, DELIVERY_ACKNOWLEDGED);
    assert_repeated("{\"ids\":[1]}", DURABILITY_KAFKA);
}

static void
only_when_all_events_are_known(void **state)
{
    (void)state;
    assert_published("{\"ids\":[1,2]}", 2);
    assert_published("{\"ids\":[2,3]}", 2);
    assert_repeated("{\"ids\":[3,1]}", DURABILITY_KAFKA);
    assert_published("{\"ids\":[1,2,3,4]}", 4);
    assert_repeated("{\"ids\":[4]}", DURABILITY_KAFKA);
}

static void
commit(void)
{
    struct spool_job *job = spooled;

    spooled = NULL;
    job->fate = SPOOL_DURABLE;
    job->on_done(job);
}

static void
the_least_safe_event_is_told(void **state)
{
    static char port;

    (void)state;
    worker.spool = (struct spool_port *)(void *)&port;
    worker.cut_off = true;
    come(0, &sources[0], "{\"ids\":[1]}");
    assert_non_null(spooled);
    assert_int_equal(accepted, 0);
    commit();
    assert_int_equal(accepted, 1);
    assert_repeated("{\"ids\":[1]}", DURABILITY_SPOOL);
    worker.spool = NULL;
    worker.cut_off = false;
    assert_published("{\"ids\":[2]}", 1);
    assert_repeated("{\"ids\":[2]}", DURABILITY_KAFKA);
    assert_repeated("{\"ids\":[2,1]}", DURABILITY_SPOOL);
}

static void
dead_letters_never(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_published("{\"no\":1}", 1);
        assert_ptr_equal(tickets[0].outcome, outcome_dead_letter);
    }
    for (unsigned i = 0; i < 2; i++) {
        come(0, &sources[0], "{\"ids\":[1]}");
        report(0, DELIVERY_REFUSED);
        assert_true(slice_is(published[0]->records[0].topic, "dead"));
        report(0, DELIVERY_ACKNOWLEDGED);
        assert_ptr_equal(tickets[0].outcome, outcome_dead_letter);
    }
    assert_int_equal(accepted, 4);
}

static void
the_raw_topic_gets_each(void **state)
{
    (void)state;
    config.raw_enabled = true;
    assert_published("{\"ids\":[1,2]}", 3);
    come(0, &sources[0], "{\"ids\":[2]}");
    assert_int_equal(published[0]->count, 1);
    assert_true(slice_is(published[0]->records[0].topic, "raw"));
    assert_int_equal(accepted, 1);
    report(0, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 2);
    assert_ptr_equal(tickets[0].outcome, outcome_repeated);
    assert_int_equal(counted("trunkline_events_total", "type=\"call.ended\""), 2);
    come(0, &sources[0], "{\"ids\":[2]}");
    report(0, DELIVERY_FAILED);
    assert_int_equal(refused, 1);
}

static void
a_callback_without_events_is_none(void **state)
{
    struct repeat repeat;
    struct translation translation = {.outcome = outcome_accepted};
    enum durability durability;

    (void)state;
    repeat_name(&repeat, worker.seen, &translation, arena);
    assert_false(repeat_known(&repeat, worker.seen, &sources[0], &durability));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_repeat_is_answered_and_not_published, setup, teardown),
        cmocka_unit_test_setup_teardown(until_the_window_is_over, setup, teardown),
        cmocka_unit_test_setup_teardown(not_of_another_source, setup, teardown),
        cmocka_unit_test_setup_teardown(not_where_nobody_asked_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(not_what_is_still_under_way, setup, teardown),
        cmocka_unit_test_setup_teardown(not_what_was_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(but_what_was_durable_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(only_when_all_events_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(the_least_safe_event_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_letters_never, setup, teardown),
        cmocka_unit_test_setup_teardown(the_raw_topic_gets_each, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_without_events_is_none, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
