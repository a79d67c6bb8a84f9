/* Composes the vendor's request out of a command, as the worker would. */
#include "verbs/command_trial.h"

#include "verbs/printer.h"

/* Stands where the worker puts the token that it has fetched. */
static const struct slice token_stand_in = SLICE("...");

static bool
left_out(const struct config *config, struct slice account)
{
    for (size_t i = 0; i < config->accounts_left_out_count; i++) {
        if (slice_equal(config->accounts_left_out[i], account)) {
            return true;
        }
    }
    return false;
}

static void
tell_operations(const struct account *account, const struct command *command, struct error *error)
{
    const struct operation *operation = account->adapter->calls == NULL ? NULL : account->adapter->calls->operations;
    char known[384] = "";

    for (; operation != NULL && operation->command != NULL; operation++) {
        size_t length = strlen(known);

        (void)snprintf(known + length, sizeof(known) - length, "%s%s", length == 0 ? "" : ", ", operation->command);
    }
    error_set(error, "%s has no operation %.*s; it has %s", account->adapter->name, SLICE_ARGS(command->name),
              known[0] == '\0' ? "none" : known);
}

static enum trial_verdict
compose(const struct account *account, const struct command *command, int64_t now_ms, struct arena *arena,
        struct composition *composition, struct error *error)
{
    const struct operation *operation = operation_find(account->adapter, command->name);
    struct composition_input input = {
        .commands = &command, .count = 1, .settings = account->settings, .wall_ms = now_ms, .arena = arena};

    if (operation == NULL) {
        tell_operations(account, command, error);
        return TRIAL_BAD;
    }
    return operation->compose(operation, &input, composition, error) ? TRIAL_GOOD : TRIAL_BAD;
}

static const struct account *
find_account(const struct config *config, const struct command *command, struct error *error)
{
    const struct account *account = config_account(config, command->account);

    if (account == NULL) {
        error_set(error, "account %.*s %s", SLICE_ARGS(command->account),
                  left_out(config, command->account) ? "has no credentials in this configuration, and is left out"
                                                     : "is not in this configuration");
    }
    return account;
}

enum trial_verdict
command_trial(const struct config *config, const struct command *command, int64_t now_ms, struct arena *arena,
              struct error *error)
{
    const struct account *account = find_account(config, command, error);
    struct composition composition = {0};

    if (account == NULL) {
        return TRIAL_UNTRIED;
    }
    return command->control == CONTROL_NONE ? compose(account, command, now_ms, arena, &composition, error)
                                            : TRIAL_GOOD;
}

bool
command_trial_print(const struct config *config, const struct command *command, int64_t now_ms, struct arena *arena,
                    FILE *stream, struct error *error)
{
    const struct account *account = find_account(config, command, error);
    struct composition composition = {0};
    struct vendor_request request = {0};
    struct signing signing = {.composition = &composition, .wall_ms = now_ms, .arena = arena};

    if (command->control != CONTROL_NONE) {
        return error_set(error, "%.*s is carried out by Trunkline itself; nothing is sent to a vendor",
                         SLICE_ARGS(command->name));
    }
    if (account == NULL || compose(account, command, now_ms, arena, &composition, error) != TRIAL_GOOD) {
        return false;
    }
    signing.settings = account->settings;
    signing.token = account->adapter->calls->token_operation == NULL ? (struct slice){0} : token_stand_in;
    if (!account->adapter->calls->sign(&signing, &request)) {
        return error_set(error, "the request cannot be signed");
    }
    (void)fprintf(stream, "%.*s %.*s\n", SLICE_ARGS(request.method), SLICE_ARGS(request.path));
    for (size_t i = 0; i < request.header_count; i++) {
        (void)fprintf(stream, "%.*s\n", SLICE_ARGS(request.header_names[i]));
    }
    (void)fputc('\n', stream);
    if (!slice_empty(request.body)) {
        printer_json_line(stream, request.body);
    }
    return true;
}
