/* Metrics of the worker, in tables by vendor. */
#include "egress/tally.h"

#include <stdlib.h>

#define ADAPTERS_MAX 32

struct egress_tally {
    const struct adapter *adapters[ADAPTERS_MAX]; /* those of accounts; the row behind them: none */
    size_t adapter_count;
    struct metric *results[ADAPTERS_MAX + 1][RESULT_STATUS_COUNT];
    struct metric *requests[ADAPTERS_MAX][CALL_CODE_COUNT];
    struct metric *slot_seconds[ADAPTERS_MAX];
    struct metric *happenings[HAPPENING_COUNT];
    struct metric *levels[LEVEL_COUNT];
    struct metric *commit_seconds;
    struct metric *takeover_seconds;
};

static const struct {
    const char *name, *help;
} happening_texts[HAPPENING_COUNT] = {
    [HAPPENED_LEASE_OVER] = {"trunkline_leases_over_total", "Granted requests not sent, their lease had run out."},
    [HAPPENED_LATE_ANSWER] = {"trunkline_late_answers_total", "Answers that came for a lane that was lost."},
    [HAPPENED_REPEATED_RESULT] = {"trunkline_repeated_results_total", "Duplicates that got their earlier result."},
    [HAPPENED_ID_CONFLICT] = {"trunkline_id_conflicts_total", "Commands with the id of another, different one."},
    [HAPPENED_FORWARDED] = {"trunkline_commands_forwarded_total", "Commands that stood on the wrong partition."},
    [HAPPENED_DEAD_LETTER] = {"trunkline_command_dead_letters_total", "Commands kept as dead letters."},
    [HAPPENED_TOKEN_REFRESH] = {"trunkline_token_refreshes_total", "Tokens fetched from vendors."},
    [HAPPENED_TOKEN_FAILURE] = {"trunkline_token_failures_total", "Tokens that vendors did not give."},
    [HAPPENED_LIMIT_REFUSAL] = {"trunkline_limit_refusals_total", "Requests that a vendor refused for its limit."},
    [HAPPENED_ITEMS_MISSING] = {"trunkline_items_missing_total", "Requests that should have given ids, and did not."},
    [HAPPENED_BODY_GONE] = {"trunkline_commands_gone_total", "Commands that Kafka deleted before their turn."},
    [HAPPENED_RECORD_REFUSED] = {"trunkline_records_refused_total", "Records that Kafka did not take as they were."},
    [HAPPENED_TAKEOVER] = {"trunkline_takeovers_total", "Lanes taken over."},
    [HAPPENED_LANE_LOST] = {"trunkline_lanes_lost_total", "Lanes that went to another owner without a hand-over."},
};

static const struct {
    const char *name, *help;
} level_texts[LEVEL_COUNT] = {
    [LEVEL_UNFINISHED] = {"trunkline_commands_unfinished", "Commands read and not finished."},
    [LEVEL_CALLS] = {"trunkline_vendor_calls", "Requests to vendors granted or under way."},
    [LEVEL_LANES] = {"trunkline_lanes", "Lanes assigned to this worker."},
    [LEVEL_LANES_WORKING] = {"trunkline_lanes_working", "Lanes that are rebuilt and work."},
    [LEVEL_ACCOUNTS_HELD] = {"trunkline_accounts_held", "Accounts that are held."},
    [LEVEL_ACCOUNTS_CLOSED] = {"trunkline_accounts_closed", "Accounts closed because their vendor's limit is spent."},
};

static size_t
row_of(const struct egress_tally *tally, const struct adapter *adapter)
{
    size_t row = 0;

    while (row < tally->adapter_count && tally->adapters[row] != adapter) {
        row++;
    }
    return row;
}

static void
register_results(struct egress_tally *tally, struct metrics *metrics, size_t row, const char *vendor)
{
    char labels[128];

    for (size_t status = 0; status < RESULT_STATUS_COUNT; status++) {
        metrics_labels(labels, sizeof labels,
                       (const char *const[]){"vendor", vendor, "status", result_statuses[status], NULL});
        tally->results[row][status] =
            metrics_counter(metrics, "trunkline_command_results_total", "Results of commands, by status.", labels);
    }
}

static void
register_requests(struct egress_tally *tally, struct metrics *metrics, size_t row, const char *vendor)
{
    char labels[128];

    for (size_t code = 0; code < CALL_CODE_COUNT; code++) {
        metrics_labels(labels, sizeof labels, (const char *const[]){"vendor", vendor, "code", call_codes[code], NULL});
        tally->requests[row][code] = metrics_counter(metrics, "trunkline_vendor_requests_total",
                                                     "Requests to vendors, by what came of them.", labels);
    }
    metrics_labels(labels, sizeof labels, (const char *const[]){"vendor", vendor, NULL});
    tally->slot_seconds[row] =
        metrics_histogram(metrics, "trunkline_slot_seconds", "From the grant of a slot to the request's end.", labels);
}

struct egress_tally *
egress_tally_new(const struct config *config, struct metrics *metrics)
{
    struct egress_tally *tally = calloc(1, sizeof *tally);

    if (tally == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < config->account_count; i++) {
        const struct adapter *adapter = config->accounts[i].adapter;
        size_t row = row_of(tally, adapter);

        if (row == tally->adapter_count && row < ADAPTERS_MAX) {
            tally->adapters[tally->adapter_count++] = adapter;
            register_results(tally, metrics, row, adapter->name);
            register_requests(tally, metrics, row, adapter->name);
        }
    }
    register_results(tally, metrics, tally->adapter_count, "");
    for (size_t i = 0; i < HAPPENING_COUNT; i++) {
        tally->happenings[i] = metrics_counter(metrics, happening_texts[i].name, happening_texts[i].help, "");
    }
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        tally->levels[i] = metrics_gauge(metrics, level_texts[i].name, level_texts[i].help, "");
    }
    tally->commit_seconds =
        metrics_histogram(metrics, "trunkline_commit_seconds", "How long a lane's transaction took.", "");
    tally->takeover_seconds = metrics_histogram(metrics, "trunkline_takeover_seconds",
                                                "From the assignment of a partition until its lane worked.", "");
    return tally;
}

void
egress_tally_free(struct egress_tally *tally)
{
    free(tally);
}

void
count_result(const struct egress_tally *tally, const struct adapter *adapter, enum result_status status)
{
    metric_add(tally->results[row_of(tally, adapter)][status], 1);
}

void
count_request(const struct egress_tally *tally, const struct adapter *adapter, enum call_code code, int64_t took_ns)
{
    size_t row = row_of(tally, adapter);

    if (row < tally->adapter_count) {
        metric_add(tally->requests[row][code], 1);
        metric_observe_ns(tally->slot_seconds[row], took_ns);
    }
}

void
count_happening(const struct egress_tally *tally, enum happening happening)
{
    metric_add(tally->happenings[happening], 1);
}

void
count_level(const struct egress_tally *tally, enum level level, int64_t by)
{
    metric_move(tally->levels[level], by);
}

void
count_commit(const struct egress_tally *tally, int64_t took_ns)
{
    metric_observe_ns(tally->commit_seconds, took_ns);
}

void
count_takeover(const struct egress_tally *tally, int64_t took_ns)
{
    metric_observe_ns(tally->takeover_seconds, took_ns);
}
