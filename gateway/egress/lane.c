/* A lane's life: made at the assignment, working after the takeover, ended by a hand-over, a loss or a failure. */
#include <stdlib.h>

#include "base/log.h"
#include "egress/attempt.h"
#include "egress/errand.h"
#include "egress/timer.h"

#define KEPT_BODY_BYTES        ((size_t)512 * 1024) /* of commands, so that those at the head are at hand */
#define KEPT_RESULT_BYTES      ((size_t)64 * 1024)
#define ROUND_MS               1000
#define FORGET_EVERY_MS        60000
#define COUNT_EVERY_MS         10000
#define KAFKA_MS               5000
#define TRANSACTIONAL_ID_BYTES 300

/* What Kafka says of the number of partitions. */
struct census {
    struct lane *lane;
    bool counted;
    int32_t partitions;
    struct error error;
};

static void on_round(evutil_socket_t fd, short events, void *argument);
static void on_ending(evutil_socket_t fd, short events, void *argument);

/* --- made --- */

static bool
make_structures(struct lane *lane)
{
    const struct config *config = lane->service->config;
    const struct slice *topics = config->topics;

    lane->backlog = backlog_new();
    lane->duplicates = duplicates_new(config->egress.dedup_window_seconds * 1000LL);
    lane->accounts = calloc(config->account_count + 1, sizeof(struct account_state *));
    lane->bodies = record_reader_new(&config->kafka, lane->service->base, topics[TOPIC_COMMANDS], lane->partition,
                                     KEPT_BODY_BYTES);
    lane->results = record_reader_new(&config->kafka, lane->service->base, topics[TOPIC_JOURNAL], lane->partition,
                                      KEPT_RESULT_BYTES);
    lane->outbox = outbox_new(lane);
    lane->takeover = takeover_new(lane);
    lane->census = calloc(1, sizeof *lane->census);
    lane->due = evtimer_new(lane->service->base, lane_on_due, lane);
    lane->rounds = event_new(lane->service->base, -1, EV_PERSIST, on_round, lane);
    lane->ending = evtimer_new(lane->service->base, on_ending, lane);
    return lane->backlog != NULL && lane->duplicates != NULL && lane->accounts != NULL && lane->bodies != NULL &&
           lane->results != NULL && lane->outbox != NULL && lane->takeover != NULL && lane->census != NULL &&
           lane->due != NULL && lane->rounds != NULL && lane->ending != NULL;
}

struct lane *
lane_new(struct egress_service *service, int32_t partition, const struct lane_owner *owner, struct error *error)
{
    struct lane *lane = calloc(1, sizeof *lane);
    char transactional_id[TRANSACTIONAL_ID_BYTES];

    if (lane == NULL) {
        (void)error_set(error, "out of memory");
        return NULL;
    }
    lane->service = service;
    lane->owner = *owner;
    lane->partition = partition;
    lane->accepted_through = -1;
    lane->began_ns = clock_monotonic_ns(service->clock);
    queue_init(&lane->strangers);
    (void)error_set(&lane->reason, "taking over");
    if (!make_structures(lane)) {
        (void)error_set(error, "out of memory");
        lane_free(lane);
        return NULL;
    }
    snprintf(transactional_id, sizeof transactional_id, "%s-%d", service->config->egress.group, partition);
    lane->committer = committer_new(&service->config->kafka, transactional_id, service->base, error);
    if (lane->committer == NULL) {
        lane_free(lane);
        return NULL;
    }
    count_level(service->tally, LEVEL_LANES, 1);
    takeover_start(lane->takeover);
    return lane;
}

int32_t
lane_partition(const struct lane *lane)
{
    return lane->partition;
}

/* --- catching up, working --- */

static void
begin_work(struct lane *lane)
{
    lane->state = LANE_WORKING;
    rebuild_free(lane->rebuild);
    lane->rebuild = NULL;
    count_happening(lane->service->tally, HAPPENED_TAKEOVER);
    count_level(lane->service->tally, LEVEL_LANES_WORKING, 1);
    lane->counted_working = true;
    count_takeover(lane->service->tally, clock_monotonic_ns(lane->service->clock) - lane->began_ns);
    log_info("lane_working", log_integer("partition", lane->partition),
             log_integer("unfinished", (int64_t)backlog_count(lane->backlog)),
             log_integer("milliseconds", (clock_monotonic_ns(lane->service->clock) - lane->began_ns) / 1000000));
    control_journal_holds(lane);
    lane->forgotten_ms = lane->counted_ms = service_uptime_ms(lane->service);
    timer_after_ms(lane->rounds, ROUND_MS);
    lane_schedule(lane);
    for (struct account_state *state = lane->first_account; state != NULL && lane_alive(lane); state = state->next) {
        account_dispatch(state);
    }
}

void
lane_caught_up(struct lane *lane)
{
    if (lane->state == LANE_CATCHING_UP) {
        begin_work(lane);
    }
}

static void
on_end_of_commands(void *argument)
{
    lane_caught_up(argument);
}

void
lane_catch_up(struct lane *lane, int64_t committed)
{
    const struct config *config = lane->service->config;
    struct error error = {0};

    if (lane->state != LANE_REBUILDING) {
        return;
    }
    lane->state = LANE_CATCHING_UP;
    committed = committed < 0 ? 0 : committed;
    lane->next_offset = committed;
    lane->progress = progress_new(committed);
    if (lane->progress == NULL) {
        lane_fail(lane, "out of memory");
        return;
    }
    lane->commands = consumer_new_at(&config->kafka, lane->service->base, config->topics[TOPIC_COMMANDS],
                                     lane->partition, committed, intake_record, lane, &error);
    if (lane->commands == NULL) {
        lane_fail(lane, error.text);
        return;
    }
    consumer_on_end(lane->commands, on_end_of_commands);
}

struct account_state *
lane_account(struct lane *lane, const struct account *account)
{
    struct account_state **slot = &lane->accounts[account->index];

    if (*slot == NULL) {
        *slot = account_state_new(lane, account);
        if (*slot == NULL) {
            lane_fail(lane, "out of memory");
            return NULL;
        }
        (*slot)->next = lane->first_account;
        lane->first_account = *slot;
    }
    return *slot;
}

struct queue *
lane_queue(void *argument, uint32_t account)
{
    struct lane *lane = argument;

    return account == STRANGERS || lane->accounts[account] == NULL ? &lane->strangers : &lane->accounts[account]->queue;
}

/* --- rounds --- */

static void
take_census(void *argument, struct transaction_producer *producer)
{
    struct census *census = argument;

    census->counted = transaction_producer_partitions(producer, census->lane->service->config->topics[TOPIC_COMMANDS],
                                                      KAFKA_MS, &census->partitions, &census->error);
}

static void
on_census(void *argument)
{
    struct census *census = argument;
    struct lane *lane = census->lane;
    char reason[200];

    if (lane_alive(lane) && census->counted && census->partitions != lane->partitions) {
        snprintf(reason, sizeof reason,
                 "the commands topic has %d partitions now, and had %d: accounts would move between lanes",
                 census->partitions, lane->partitions);
        lane_halt(lane, reason);
    }
    outbox_kick(lane->outbox);
}

/* A changed number of partitions would give an account two lanes, and twice its limit. */
bool
lane_take_census(struct lane *lane)
{
    if (!lane->census_due || lane->state != LANE_WORKING || committer_busy(lane->committer)) {
        return false;
    }
    lane->census_due = false;
    lane->counted_ms = service_uptime_ms(lane->service);
    *lane->census = (struct census){.lane = lane};
    committer_run(lane->committer, &(struct committer_job){take_census, on_census, lane->census});
    return true;
}

static void
on_round(evutil_socket_t fd, short events, void *argument)
{
    struct lane *lane = argument;
    int64_t now_ms = service_uptime_ms(lane->service);

    (void)fd;
    (void)events;
    if (lane->state != LANE_WORKING) {
        return;
    }
    event_active(lane->due, EV_TIMEOUT, 0); /* open fates have no time of their own there */
    for (struct account_state *state = lane->first_account; state != NULL; state = state->next) {
        retry_expire(state);
    }
    if (now_ms - lane->forgotten_ms >= FORGET_EVERY_MS) {
        duplicates_forget(lane->duplicates, service_now_ms(lane->service));
        lane->forgotten_ms = now_ms;
    }
    if (now_ms - lane->holds_journalled_ms >= lane->service->config->egress.dedup_window_seconds * 1000LL / 4) {
        control_journal_holds(lane);
    }
    if (now_ms - lane->counted_ms >= COUNT_EVERY_MS) {
        lane->census_due = true;
        (void)lane_take_census(lane); /* else the next commit lets it go first */
    }
}

/* --- the end --- */

static void
leave_work(struct lane *lane)
{
    if (lane->counted_working) {
        lane->counted_working = false;
        count_level(lane->service->tally, LEVEL_LANES_WORKING, -1);
    }
}

static void
end(struct lane *lane, enum lane_end how)
{
    if (!lane_alive(lane)) {
        return;
    }
    leave_work(lane);
    lane->state = LANE_ENDING;
    lane->end = how;
    /* Not from here: whoever noticed may still be using what is to be freed. */
    event_active(lane->ending, EV_TIMEOUT, 0);
}

void
lane_fail(struct lane *lane, const char *reason)
{
    if (lane_alive(lane)) {
        log_error("lane_failed", log_integer("partition", lane->partition), log_text("reason", reason));
        end(lane, LANE_FAILED);
    }
}

void
lane_halt(struct lane *lane, const char *reason)
{
    if (!lane_alive(lane) || lane->state == LANE_HALTED) {
        return;
    }
    leave_work(lane);
    lane->state = LANE_HALTED;
    (void)error_set(&lane->reason, "%s", reason);
    if (lane->commands != NULL) {
        consumer_pause(lane->commands, true);
    }
    log_error("lane_halted", log_integer("partition", lane->partition), log_text("reason", reason));
}

void
lane_hand_over(struct lane *lane)
{
    if (lane->state == LANE_WORKING || (lane->state == LANE_HALTED && lane->attempts_open > 0)) {
        lane->state = LANE_HANDING_OVER;
        lane_proceed(lane);
    } else {
        end(lane, LANE_HANDED_OVER);
    }
}

void
lane_drop(struct lane *lane)
{
    if (lane_alive(lane)) {
        count_happening(lane->service->tally, HAPPENED_LANE_LOST);
    }
    end(lane, LANE_LOST);
}

void
lane_proceed(struct lane *lane)
{
    if (lane->state == LANE_HANDING_OVER) {
        if (lane->attempts_open == 0 && lane->settling == 0 && outbox_idle(lane->outbox)) {
            end(lane, LANE_HANDED_OVER);
        }
        return;
    }
    if (!lane_alive(lane)) {
        return;
    }
    if (lane->commands != NULL && lane->state != LANE_HALTED && !lane_busy(lane)) {
        consumer_pause(lane->commands, false);
    }
    if (lane->crowded) {
        lane->crowded = false;
        for (struct account_state *state = lane->first_account; state != NULL; state = state->next) {
            if (state->again) {
                state->again = false;
                account_dispatch(state);
            }
        }
    }
}

bool
lane_working(const struct lane *lane, struct error *reason)
{
    switch (lane->state) {
    case LANE_WORKING:
        return true;
    case LANE_TAKING_OVER:
        return error_set(reason, "partition %d: taking over: %s", lane->partition, lane->reason.text);
    case LANE_REBUILDING:
        return error_set(reason, "partition %d: reading the journal", lane->partition);
    case LANE_CATCHING_UP:
        return error_set(reason, "partition %d: reading the commands", lane->partition);
    case LANE_HANDING_OVER:
        return error_set(reason, "partition %d: being handed over", lane->partition);
    case LANE_HALTED:
        return error_set(reason, "partition %d: %s", lane->partition, lane->reason.text);
    case LANE_ENDING:
        break;
    }
    return error_set(reason, "partition %d: ending", lane->partition);
}

static void
free_attempts(struct lane *lane)
{
    for (struct account_state *state = lane->first_account; state != NULL; state = state->next) {
        while (state->retries != NULL) {
            struct attempt *attempt = state->retries;

            state->retries = attempt->next;
            attempt_free(attempt);
        }
        attempt_free(state->loading);
        state->loading = NULL;
    }
}

/* Requests under way go on by themselves: their answers are worth something to somebody. */
static void
orphan_calls(struct lane *lane)
{
    while (lane->calling != NULL) {
        attempt_orphan(lane->calling);
    }
}

static void
on_committer_ended(void *argument)
{
    struct lane *lane = argument;

    lane->owner.on_ended(lane->owner.owner, lane, lane->end);
}

static void
on_ending(evutil_socket_t fd, short events, void *argument)
{
    struct lane *lane = argument;

    (void)fd;
    (void)events;
    (void)event_del(lane->rounds);
    (void)evtimer_del(lane->due);
    consumer_free(lane->commands);
    lane->commands = NULL;
    record_reader_free(lane->bodies);
    record_reader_free(lane->results);
    lane->bodies = lane->results = NULL;
    outbox_abandon(lane->outbox);
    orphan_calls(lane);
    free_attempts(lane);
    committer_end(lane->committer, on_committer_ended, lane);
}

static void
uncount(struct lane *lane)
{
    const struct egress_tally *tally = lane->service->tally;

    leave_work(lane);
    count_level(tally, LEVEL_LANES, -1);
    count_level(tally, LEVEL_UNFINISHED, -(int64_t)backlog_count(lane->backlog));
    for (const struct account_state *state = lane->first_account; state != NULL; state = state->next) {
        count_level(tally, LEVEL_ACCOUNTS_HELD, state->held ? -1 : 0);
        count_level(tally, LEVEL_ACCOUNTS_CLOSED, state->closed ? -1 : 0);
    }
}

void
lane_free(struct lane *lane)
{
    if (lane == NULL) {
        return;
    }
    if (lane->committer != NULL) {
        uncount(lane);
    }
    while (lane->calling != NULL) {
        attempt_free(lane->calling);
    }
    if (lane->outbox != NULL) {
        outbox_abandon(lane->outbox);
    }
    free_attempts(lane);
    consumer_free(lane->commands);
    record_reader_free(lane->bodies);
    record_reader_free(lane->results);
    committer_free(lane->committer);
    outbox_free(lane->outbox);
    takeover_free(lane->takeover);
    rebuild_free(lane->rebuild);
    intake_free(lane);
    errands_free(lane);
    lane_free_fates(lane);
    while (lane->first_account != NULL) {
        struct account_state *state = lane->first_account;

        lane->first_account = state->next;
        account_state_free(state);
    }
    free(lane->accounts);
    free(lane->census);
    backlog_free(lane->backlog);
    progress_free(lane->progress);
    duplicates_free(lane->duplicates);
    if (lane->due != NULL) {
        event_free(lane->due);
    }
    if (lane->rounds != NULL) {
        event_free(lane->rounds);
    }
    if (lane->ending != NULL) {
        event_free(lane->ending);
    }
    free(lane);
}
