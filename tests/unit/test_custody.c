/* Custody: whatever the producer, the spool and the clock do, in any order: one answer, one end, and a success only for
 * what is durable. Producer, spool and tickets only take notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/adapter.h"
#include "dice.h"
#include "ingress/generation.h"
#include "ingress/service.h"
#include "ingress/worker.h"
#include "spool/gate.h"

#define MOST_RECORDS 4
#define ROUNDS       200000

/* --- what has been asked of the others --- */

static struct recordset *published; /* with the producer */
static bool reported[2 * MOST_RECORDS];
static struct spool_job *put; /* with the spool, to be committed */
static struct spool_job *settled;
static bool watched; /* by the ticket's deadline */

void
producer_publish(struct producer *producer, struct recordset *set)
{
    (void)producer;
    assert_null(published);
    assert_null(put);
    assert_null(settled);
    assert_in_range(set->count, 1, 2 * MOST_RECORDS);
    set->pending = set->count;
    set->delivery = DELIVERY_PENDING;
    for (size_t i = 0; i < set->count; i++) {
        assert_ptr_equal(set->records[i].set, set);
        assert_int_equal(set->records[i].delivery, DELIVERY_PENDING);
        reported[i] = false;
    }
    published = set;
}

void
spool_put(struct spool_port *port, struct spool_job *job)
{
    const struct custody *custody = job->owner;
    size_t wanted = 0;
    size_t found = 0;

    assert_non_null(port);
    assert_null(put);
    assert_null(settled);
    assert_int_equal(job->in_flight, published != NULL);
    for (size_t i = 0; i < custody->set.count; i++) {
        wanted += custody->set.records[i].delivery != DELIVERY_ACKNOWLEDGED;
    }
    for (size_t i = 0; i < job->count; i++) {
        assert_int_not_equal(job->records[i]->delivery, DELIVERY_ACKNOWLEDGED);
        found += job->records[i] >= custody->set.records &&
                 job->records[i] < custody->set.records + custody->set.count &&
                 (i == 0 || job->records[i] > job->records[i - 1]);
    }
    assert_true(wanted > 0);
    assert_int_equal(job->count, wanted);
    assert_int_equal(found, wanted);
    job->fate = SPOOL_PENDING;
    put = job;
}

void
spool_settle(struct spool_port *port, struct spool_job *job)
{
    assert_non_null(port);
    assert_null(put);
    assert_null(settled);
    assert_null(published);
    assert_true(job->in_flight);
    assert_int_equal(job->fate, SPOOL_DURABLE);
    settled = job;
}

void
ticket_spool(struct ticket *ticket)
{
    watched = ticket->state == TICKET_PUBLISHING;
}

static unsigned lingering;

void
ticket_linger(struct ticket *ticket)
{
    (void)ticket;
    lingering++;
}

/* --- the owner --- */

static unsigned accepted, refused, over, replaced;
static enum durability durability;
static enum refusal refusal;
static struct record replacement[1];
static bool replaceable;

/* A success is given for what is durable only. */
static void
on_durable(struct custody *custody, enum durability how)
{
    for (size_t i = 0; i < custody->set.count; i++) {
        const struct record *record = &custody->set.records[i];
        bool kept = record->delivery == DELIVERY_ACKNOWLEDGED;

        for (size_t j = 0; how == DURABILITY_SPOOL && j < custody->job.count; j++) {
            kept = kept || custody->job.records[j] == record;
        }
        assert_true(kept);
    }
    assert_true(how == DURABILITY_KAFKA || custody->job.fate == SPOOL_DURABLE);
    assert_int_equal(accepted, 0);
    accepted = 1;
    durability = how;
    custody->ticket->state = TICKET_ANSWERED;
    watched = false;
}

static void
on_refused(struct custody *custody, enum refusal why)
{
    assert_int_equal(accepted + refused, 0);
    assert_non_null(custody->reason);
    refused = 1;
    refusal = why;
    custody->ticket->state = TICKET_ANSWERED;
    watched = false;
}

static bool
replace(struct custody *custody, struct record **records, size_t *count)
{
    (void)custody;
    if (!replaceable || replaced > 0) {
        return false;
    }
    replaced++;
    replacement[0] = (struct record){.topic = SLICE("dead"), .value = SLICE("letter")};
    *records = replacement;
    *count = 1;
    return true;
}

/* Nobody may have the records any more. */
static void
on_over(struct custody *custody)
{
    (void)custody;
    assert_null(published);
    assert_null(put);
    assert_null(settled);
    assert_int_equal(over, 0);
    assert_true(accepted + refused >= 1);
    over++;
}

static const struct custody_owner owner = {on_durable, on_refused, replace, on_over};

/* --- fixture --- */

static const struct adapter adapter = {.name = "vendor", .retries = true};
static struct source source = {.name = SLICE("here"), .adapter = &adapter};
static struct config config = {.sources = &source, .source_count = 1};
static struct generation generation;
static struct metrics *metrics;
static struct gate *gate;
static struct worker worker;
static struct arena *arena;
static struct ticket ticket;
static struct record records[MOST_RECORDS];
static char nothing;

/* --- the audit --- */

struct audit {
    uint64_t accepted, published, spooled, refused, in_flight;
};

enum unit {
    CALLBACKS,
    RECORDS,
};

static struct metric *audited[2][5];

static void
audit_begin(void)
{
    static const char *const units[] = {"callbacks", "records"};
    static const char *const fates[] = {"accepted", "published", "spooled", "refused"};
    char name[64];
    char labels[64];

    for (size_t unit = 0; unit < 2; unit++) {
        for (size_t fate = 0; fate < 4; fate++) {
            snprintf(name, sizeof(name), "trunkline_custody_%s_total", units[unit]);
            snprintf(labels, sizeof(labels), "fate=\"%s\"", fates[fate]);
            audited[unit][fate] = metrics_counter(metrics, name, "", labels);
        }
        snprintf(name, sizeof(name), "trunkline_custody_%s_in_flight", units[unit]);
        audited[unit][4] = metrics_gauge(metrics, name, "", "");
    }
}

/* Whatever came in is somewhere, always. */
static struct audit
audit(enum unit unit)
{
    struct audit found = {
        .accepted = metric_read(audited[unit][0]),
        .published = metric_read(audited[unit][1]),
        .spooled = metric_read(audited[unit][2]),
        .refused = metric_read(audited[unit][3]),
        .in_flight = metric_read(audited[unit][4]),
    };

    assert_int_equal(found.accepted, found.published + found.spooled + found.refused + found.in_flight);
    return found;
}

static void
assert_audit(enum unit unit, uint64_t published_count, uint64_t spooled_count, uint64_t refused_count)
{
    struct audit found = audit(unit);

    assert_int_equal(found.published, published_count);
    assert_int_equal(found.spooled, spooled_count);
    assert_int_equal(found.refused, refused_count);
    assert_int_equal(found.in_flight, 0);
}

static int
setup(void **state)
{
    struct error error;

    (void)state;
    metrics = metrics_new();
    gate = gate_new();
    audit_begin();
    generation = (struct generation){.config = &config, .service = service_new(&config, metrics, &error)};
    worker = (struct worker){
        .config = &config,
        .generation = &generation,
        .producer = (struct producer *)(void *)&nothing,
        .spool = (struct spool_port *)(void *)&nothing,
        .gate = gate,
    };
    return metrics == NULL || gate == NULL || generation.service == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    service_free(generation.service);
    gate_free(gate);
    metrics_free(metrics);
    return 0;
}

static void
begin(size_t count)
{
    published = NULL;
    put = settled = NULL;
    accepted = refused = over = replaced = lingering = 0;
    refusal = REFUSAL_NONE;
    replaceable = false;
    arena = arena_new(NULL, 4096);
    assert_non_null(arena);
    ticket = (struct ticket){
        .worker = &worker,
        .generation = &generation,
        .arena = arena,
        .state = TICKET_PUBLISHING,
        .source = &source,
        .custody = {.ticket = &ticket, .owner = &owner},
    };
    for (size_t i = 0; i < count; i++) {
        records[i] = (struct record){.topic = SLICE("calls"), .key = SLICE("call"), .value = SLICE("event")};
    }
    watched = true;
    custody_begin(&ticket.custody, records, count);
}

static void
finish(void)
{
    assert_int_equal(over, 1);
    arena_free(arena);
}

static void
report(size_t record, enum delivery delivery)
{
    struct recordset *set = published;

    assert_false(reported[record]);
    reported[record] = true;
    if (set->pending == 1) {
        published = NULL;
    }
    recordset_report(&set->records[record], delivery, delivery == DELIVERY_ACKNOWLEDGED ? NULL : "told by the test");
}

static void
end_job(enum spool_fate fate)
{
    struct spool_job *job = put;

    put = NULL;
    job->fate = fate;
    job->on_done(job);
}

static void
end_settling(void)
{
    struct spool_job *job = settled;

    settled = NULL;
    job->on_settled(job);
}

static void
fall_due(void)
{
    watched = false;
    custody_overdue(&ticket.custody);
}

/* --- tests --- */

static void
kafka_takes_it(void **state)
{
    (void)state;
    begin(2);
    assert_int_equal(audit(CALLBACKS).in_flight, 1);
    assert_int_equal(audit(RECORDS).in_flight, 2);
    report(1, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 0);
    report(0, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(accepted, 1);
    assert_int_equal(durability, DURABILITY_KAFKA);
    finish();
    assert_audit(CALLBACKS, 1, 0, 0);
    assert_audit(RECORDS, 2, 0, 0);
}

static void
behind_a_shut_gate_the_spool_takes_it(void **state)
{
    (void)state;
    gate_shut(gate);
    begin(2);
    assert_null(published);
    assert_non_null(put);
    assert_int_equal(put->count, 2);
    assert_false(put->in_flight);
    assert_true(put->vendor_repeats);
    assert_true(slice_is(put->source, "here"));
    end_job(SPOOL_DURABLE);
    assert_int_equal(durability, DURABILITY_SPOOL);
    finish();
    gate_open(gate);
    assert_audit(CALLBACKS, 0, 1, 0);
    assert_audit(RECORDS, 0, 2, 0);
}

static void
what_is_held_draws_its_call_behind_it(void **state)
{
    uint64_t key = gate_key((struct slice)SLICE("calls"), (struct slice)SLICE("call"));

    (void)state;
    gate_hold(gate, key);
    begin(1);
    assert_null(published);
    end_job(SPOOL_DURABLE);
    finish();
    gate_release(gate, key);
    begin(1);
    assert_non_null(published);
    report(0, DELIVERY_ACKNOWLEDGED);
    finish();
}

static void
what_kafka_fails_to_take_is_spooled(void **state)
{
    (void)state;
    begin(3);
    report(0, DELIVERY_ACKNOWLEDGED);
    report(1, DELIVERY_FAILED);
    report(2, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(put->count, 1);
    assert_ptr_equal(put->records[0], &records[1]);
    end_job(SPOOL_DURABLE);
    finish();
    assert_audit(CALLBACKS, 0, 1, 0);
    assert_audit(RECORDS, 2, 1, 0);
}

static void
what_is_overdue_is_spooled_and_settled(void **state)
{
    (void)state;
    begin(3);
    report(1, DELIVERY_ACKNOWLEDGED);
    fall_due();
    assert_true(put->in_flight);
    assert_int_equal(put->count, 2);
    assert_true(watched);
    end_job(SPOOL_DURABLE);
    assert_int_equal(accepted, 1);
    assert_int_equal(lingering, 1);
    assert_audit(RECORDS, 1, 2, 0);
    report(0, DELIVERY_ACKNOWLEDGED);
    assert_null(settled);
    report(2, DELIVERY_FAILED);
    assert_non_null(settled);
    assert_int_equal(settled->records[0]->delivery, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(settled->records[1]->delivery, DELIVERY_FAILED);
    assert_int_equal(over, 0);
    end_settling();
    finish();
    assert_audit(CALLBACKS, 0, 1, 0);
}

static void
reports_that_come_before_the_commit_answer_at_once(void **state)
{
    (void)state;
    begin(2);
    fall_due();
    report(0, DELIVERY_ACKNOWLEDGED);
    report(1, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(durability, DURABILITY_KAFKA);
    assert_int_equal(accepted, 1);
    assert_int_equal(lingering, 1);
    assert_null(settled);
    end_job(SPOOL_DURABLE);
    assert_non_null(settled);
    end_settling();
    finish();
    assert_audit(CALLBACKS, 1, 0, 0);
    assert_audit(RECORDS, 2, 0, 0);
}

static void
a_full_spool_is_told_apart_from_a_failing_one(void **state)
{
    (void)state;
    gate_shut(gate);
    begin(1);
    end_job(SPOOL_FULL);
    assert_int_equal(refusal, REFUSAL_BUSY);
    finish();
    begin(1);
    end_job(SPOOL_FAILING);
    assert_int_equal(refusal, REFUSAL_UNAVAILABLE);
    finish();
    gate_open(gate);
    begin(2);
    fall_due();
    end_job(SPOOL_FULL);
    assert_int_equal(refused, 1);
    report(0, DELIVERY_ACKNOWLEDGED);
    report(1, DELIVERY_FAILED);
    finish();
    assert_audit(CALLBACKS, 0, 0, 3);
    assert_audit(RECORDS, 0, 0, 4);
}

static void
a_disk_that_hangs_is_not_waited_for(void **state)
{
    (void)state;
    begin(1);
    fall_due();
    assert_true(watched);
    fall_due();
    assert_int_equal(refusal, REFUSAL_UNAVAILABLE);
    report(0, DELIVERY_FAILED);
    assert_int_equal(over, 0);
    end_job(SPOOL_DURABLE); /* too late for the answer, and still durable */
    assert_int_equal(accepted, 1);
    end_settling();
    finish();
    assert_audit(CALLBACKS, 0, 0, 1);
}

static void
without_a_spool_it_is_refused(void **state)
{
    struct spool_port *port = worker.spool;

    (void)state;
    worker.spool = NULL;
    begin(2);
    report(0, DELIVERY_FAILED);
    report(1, DELIVERY_ACKNOWLEDGED);
    assert_int_equal(refusal, REFUSAL_UNAVAILABLE);
    finish();
    begin(1);
    fall_due();
    assert_int_equal(refused, 1);
    assert_int_equal(over, 0);
    report(0, DELIVERY_ACKNOWLEDGED);
    finish();
    worker.spool = port;
    assert_audit(CALLBACKS, 0, 0, 2);
    assert_audit(RECORDS, 0, 0, 3);
}

static void
cut_off_from_kafka_everything_is_spooled(void **state)
{
    (void)state;
    worker.cut_off = true;
    begin(1);
    assert_non_null(put);
    end_job(SPOOL_DURABLE);
    finish();
}

/* One refused for good, one acknowledged, one that only failed: the first becomes a dead letter, the last goes on. */
static void
a_dead_letter_does_not_lose_what_only_failed(void **state)
{
    (void)state;
    begin(3);
    replaceable = true;
    report(0, DELIVERY_REFUSED);
    report(1, DELIVERY_ACKNOWLEDGED);
    report(2, DELIVERY_FAILED);
    assert_non_null(published);
    assert_int_equal(published->count, 2);
    assert_true(slice_is(published->records[0].topic, "dead"));
    assert_true(slice_is(published->records[1].value, "event"));
    assert_int_equal(audit(RECORDS).in_flight, 2);
    report(0, DELIVERY_ACKNOWLEDGED);
    report(1, DELIVERY_FAILED);
    assert_int_equal(put->count, 1);
    end_job(SPOOL_DURABLE);
    finish();
    assert_audit(CALLBACKS, 0, 1, 0);
    assert_audit(RECORDS, 2, 1, 1);
}

/* The spool keeps aside what Kafka refuses. */
static void
what_nobody_stands_for_is_spooled(void **state)
{
    (void)state;
    begin(1);
    report(0, DELIVERY_REFUSED);
    assert_int_equal(put->count, 1);
    end_job(SPOOL_DURABLE);
    finish();
    assert_audit(CALLBACKS, 0, 1, 0);
}

static void
a_refused_record_becomes_a_dead_letter_even_late(void **state)
{
    struct spool_port *port = worker.spool;

    (void)state;
    worker.spool = NULL;
    begin(1);
    replaceable = true;
    fall_due();
    report(0, DELIVERY_REFUSED);
    assert_int_equal(over, 0);
    assert_true(slice_is(published->records[0].topic, "dead"));
    report(0, DELIVERY_ACKNOWLEDGED);
    finish();
    worker.spool = port;
    assert_audit(CALLBACKS, 0, 0, 1);
    assert_audit(RECORDS, 0, 0, 1);
}

/* --- every order of things --- */

static void
step(struct chance *chance)
{
    static const enum spool_fate fates[] = {SPOOL_DURABLE, SPOOL_DURABLE, SPOOL_FULL, SPOOL_FAILING};
    static const enum delivery deliveries[] = {DELIVERY_ACKNOWLEDGED, DELIVERY_ACKNOWLEDGED, DELIVERY_FAILED,
                                               DELIVERY_REFUSED};

    switch (dice_below(chance, 4)) {
    case 0:
        if (published != NULL) {
            size_t record = dice_below(chance, published->count);

            if (!reported[record]) {
                report(record, deliveries[dice_below(chance, 4)]);
            }
        }
        break;
    case 1:
        if (put != NULL) {
            end_job(fates[dice_below(chance, 4)]);
        }
        break;
    case 2:
        if (settled != NULL) {
            end_settling();
        }
        break;
    default:
        if (watched && dice_percent(chance, 50)) {
            fall_due();
        }
        break;
    }
}

static void
in_any_order_there_is_one_answer_and_one_end(void **state)
{
    struct spool_port *port = worker.spool;
    struct chance chance = {20261121};
    uint64_t before[4] = {0};

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        bool shut = dice_percent(&chance, 20);

        worker.spool = dice_percent(&chance, 85) ? port : NULL;
        if (shut) {
            gate_shut(gate);
        }
        begin(1 + dice_below(&chance, MOST_RECORDS));
        replaceable = dice_percent(&chance, 50);
        while (over == 0) {
            step(&chance);
            (void)audit(CALLBACKS);
            (void)audit(RECORDS);
        }
        assert_false(watched);
        finish();
        gate_open(gate);
        assert_int_equal(audit(CALLBACKS).in_flight, 0);
        assert_int_equal(audit(RECORDS).in_flight, 0);
        before[accepted * 2 + refused]++;
    }
    assert_true(before[1] > ROUNDS / 100 && before[2] > ROUNDS / 100 && before[3] > ROUNDS / 1000);
    worker.spool = port;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kafka_takes_it, setup, teardown),
        cmocka_unit_test_setup_teardown(behind_a_shut_gate_the_spool_takes_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_held_draws_its_call_behind_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_kafka_fails_to_take_is_spooled, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_overdue_is_spooled_and_settled, setup, teardown),
        cmocka_unit_test_setup_teardown(reports_that_come_before_the_commit_answer_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_spool_is_told_apart_from_a_failing_one, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_hangs_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_spool_it_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off_from_kafka_everything_is_spooled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dead_letter_does_not_lose_what_only_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_stands_for_is_spooled, setup, teardown),
        cmocka_unit_test_setup_teardown(a_refused_record_becomes_a_dead_letter_even_late, setup, teardown),
        cmocka_unit_test_setup_teardown(in_any_order_there_is_one_answer_and_one_end, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
