/* Control: the commands that Trunkline carries out by itself. */
#include "base/log.h"
#include "egress/attempt.h"

static void
succeed(struct lane *lane, entry_t entry, const struct command *command, const char *reason, struct slice target)
{
    settle(
        lane, entry, command,
        &(struct settlement){
            .status = RESULT_SUCCEEDED, .code = call_codes[CALL_OK], .reason = slice_from(reason), .target = target});
}

static void
fail(struct lane *lane, entry_t entry, const struct command *command, enum call_code code, const char *reason)
{
    settle(lane, entry, command,
           &(struct settlement){.status = RESULT_FAILED, .code = call_codes[code], .reason = slice_from(reason)});
}

/* --- hold and resume --- */

static void
journal_hold(struct lane *lane, const struct account *account, bool held)
{
    outbox_journal(lane->outbox,
                   &(struct journal_entry){.kind = held ? JOURNAL_HOLD : JOURNAL_RESUME, .account = account->name});
}

static void
hold(struct lane *lane, struct account_state *state, entry_t entry, const struct command *command, bool held)
{
    bool changed = state->held != held;

    state->held = held;
    journal_hold(lane, state->account, held);
    if (changed) {
        count_level(lane->service->tally, LEVEL_ACCOUNTS_HELD, held ? 1 : -1);
        log_warn(held ? "account_held" : "account_resumed", log_slice("account", state->account->name),
                 log_slice("command", command->id));
    }
    succeed(lane, entry, command, changed ? "" : held ? "it was held already" : "it was not held", (struct slice){0});
    account_dispatch(state);
}

void
control_journal_holds(struct lane *lane)
{
    for (struct account_state *state = lane->first_account; state != NULL; state = state->next) {
        if (state->held) {
            journal_hold(lane, state->account, true);
        }
    }
    lane->holds_journalled_ms = service_uptime_ms(lane->service);
}

/* --- cancel --- */

/* One that is not finished. */
static void
cancel_entry(struct lane *lane, struct account_state *state, entry_t entry, const struct command *command,
             entry_t target)
{
    bool waiting = true;

    if (backlog_state(lane->backlog, target) != ENTRY_TAKEN) {
        backlog_take(lane->backlog, &state->queue, target);
    } else if (!attempt_withdraw(state, target, &waiting)) {
        fail(lane, entry, command, CALL_BUSY, "the command is under way: it cannot be taken back any more");
        return;
    }
    if (waiting) {
        settle_unread(lane, target, RESULT_CANCELLED, "", "cancelled before it was sent");
    }
    /* Its end may have to wait for its body, and another owner may have to write it. */
    succeed(lane, entry, command, "", value_member(command->data, "command")->text);
}

static void
cancel(struct lane *lane, struct account_state *state, entry_t entry, const struct command *command)
{
    struct slice id = value_member(command->data, "command")->text;
    struct command_key key = command_key(command->account, id);
    entry_t target = backlog_find(lane->backlog, key);
    int64_t now_ms = service_now_ms(lane->service);
    const struct finished *finished = duplicates_find(lane->duplicates, key, now_ms);
    struct finished early = {.key = key, .journal_offset = -1, .finished_ms = now_ms};

    if (target == entry) {
        fail(lane, entry, command, CALL_INVALID, "data.command: a command cannot cancel itself");
    } else if (target != ENTRY_NONE) {
        cancel_entry(lane, state, entry, command, target);
    } else if (finished != NULL && finished->content != 0) {
        fail(lane, entry, command, CALL_REFUSED, "the command is finished: there is nothing to cancel");
    } else if (!duplicates_add(lane->duplicates, &early)) {
        lane_fail(lane, "out of memory");
    } else {
        succeed(lane, entry, command, "the command has not come yet: it will be cancelled when it does", id);
    }
}

void
control_run(struct lane *lane, const struct account *account, entry_t entry, const struct command *command)
{
    struct account_state *state = lane_account(lane, account);

    if (state == NULL) {
        return;
    }
    switch (command->control) {
    case CONTROL_CANCEL:
        cancel(lane, state, entry, command);
        break;
    case CONTROL_ACCOUNT_HOLD:
        hold(lane, state, entry, command, true);
        break;
    case CONTROL_ACCOUNT_RESUME:
        hold(lane, state, entry, command, false);
        break;
    case CONTROL_NONE:
        break;
    }
}
