/* Tokens: fetched before they are needed, by one request at a time, which takes a slot like any other. */
#include <stdlib.h>

#include "base/log.h"
#include "base/random.h"
#include "base/wipe.h"
#include "egress/attempt.h"

#define NS_PER_MS       1000000LL
#define NS_PER_SECOND   1000000000LL
#define BACKOFF_LAST_MS 30000U
#define REFUSED_SECONDS 30 /* for which commands fail at once, before credentials that were refused are tried again */
#define ARENA_BYTES_MAX ((size_t)8 * 1024 * 1024)

void
token_free(struct token *token)
{
    if (token->text != NULL) {
        wipe(token->text, token->length);
        free(token->text);
    }
    token->text = NULL;
    token->length = 0;
}

static void
fetch(struct account_state *state)
{
    struct attempt *attempt = attempt_new(state, ENTRY_NONE);
    const struct operation *operation = state->account->adapter->calls->token_operation;
    struct error error = {0};

    if (attempt == NULL) {
        return;
    }
    attempt->operation = operation;
    attempt->arena = arena_new(attempt->service->pool, ARENA_BYTES_MAX);
    if (attempt->arena == NULL ||
        !operation->compose(operation,
                            &(struct composition_input){.settings = state->account->settings, .arena = attempt->arena},
                            &attempt->composition, &error)) {
        lane_fail(state->lane, attempt->arena == NULL ? "out of memory" : error.text);
        attempt_free(attempt);
        return;
    }
    state->token.attempt = attempt;
    attempt_grant(attempt);
}

bool
token_ready(struct account_state *state)
{
    struct token *token = &state->token;
    int64_t now_ns = service_now_ns(state->lane->service);

    if (token->state != TOKEN_NONE && now_ns >= token->expires_ns) {
        token->state = TOKEN_NONE;
    }
    if (token->attempt == NULL &&
        (token->state == TOKEN_NONE || (token->state == TOKEN_VALID && now_ns >= token->refresh_ns))) {
        if (now_ns >= token->retry_ns) {
            fetch(state);
        } else if (token->state == TOKEN_NONE) {
            account_wake_at(state, token->retry_ns);
        }
    }
    return token->state != TOKEN_NONE;
}

void
token_spoiled(struct account_state *state, uint64_t generation)
{
    struct token *token = &state->token;

    /* One that was replaced meanwhile says nothing about its successor. */
    if (token->state == TOKEN_VALID && token->generation == generation) {
        token->state = TOKEN_NONE;
    }
}

static void
take(struct account_state *state, const struct vendor_answer *answer, int64_t now_ns)
{
    struct token *token = &state->token;
    char *text = malloc(answer->token.length + 1);
    int64_t life_ns = answer->token_seconds * NS_PER_SECOND;
    int64_t ahead_ns = state->account->adapter->calls->token_ahead_ms * NS_PER_MS;

    if (text == NULL) {
        lane_fail(state->lane, "out of memory");
        return;
    }
    memcpy(text, answer->token.data, answer->token.length);
    token_free(token);
    token->text = text;
    token->length = answer->token.length;
    token->state = TOKEN_VALID;
    token->generation++;
    token->failures = 0;
    token->retry_ns = 0;
    token->expires_ns = now_ns + life_ns;
    token->refresh_ns = now_ns + life_ns - (ahead_ns < life_ns / 2 ? ahead_ns : life_ns / 2);
    count_happening(state->lane->service->tally, HAPPENED_TOKEN_REFRESH);
    log_info("token_fetched", log_slice("account", state->account->name),
             log_integer("valid_seconds", answer->token_seconds));
}

static void
fail(struct account_state *state, const struct vendor_answer *answer, int64_t now_ns)
{
    struct token *token = &state->token;
    unsigned shift = token->failures < 6 ? token->failures : 6;
    unsigned delay_ms = 1000U << shift;

    delay_ms = delay_ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : delay_ms;
    token->failures++;
    token->retry_ns = now_ns + (delay_ms / 2 + random_below(delay_ms)) * NS_PER_MS;
    if (answer->code == CALL_CREDENTIALS && answer->repeat == REPEAT_NEVER && token->state == TOKEN_NONE) {
        token->state = TOKEN_REFUSED;
        token->expires_ns = now_ns + REFUSED_SECONDS * NS_PER_SECOND;
    }
    count_happening(state->lane->service->tally, HAPPENED_TOKEN_FAILURE);
    log_warn("token_failed", log_slice("account", state->account->name), log_text("code", call_codes[answer->code]),
             log_slice("vendor_code", answer->vendor_code));
}

void
token_concluded(struct attempt *attempt)
{
    struct account_state *state = attempt->state;
    int64_t now_ns = service_now_ns(attempt->service);

    state->token.attempt = NULL;
    if (attempt->answered && attempt->answer.code == CALL_OK && !slice_empty(attempt->answer.token)) {
        take(state, &attempt->answer, now_ns);
    } else if (attempt->answered || attempt->answer.code != CALL_OK) {
        fail(state, &attempt->answer, now_ns);
    }
}
