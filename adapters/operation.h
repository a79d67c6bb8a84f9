/* The call side of an adapter: the vendor's operations, how a request is composed out of commands and signed, and what
 * the vendor's answer means. Pure functions like the rest of an adapter: time, nonce and token are handed in. */
#pragma once

#include "adapters/adapter.h"
#include "base/error.h"
#include "event/command.h"

/* What a request to the vendor came to, whoever the vendor is. */
enum call_code {
    CALL_OK,
    CALL_INVALID,     /* the request is wrong and always will be */
    CALL_REFUSED,     /* the vendor will not do it now or for this account: balance, rights, state */
    CALL_BUSY,        /* the agent or number is taken */
    CALL_LIMIT,       /* too many requests */
    CALL_CREDENTIALS, /* key, signature, token */
    CALL_UNAVAILABLE, /* the vendor cannot at the moment, or was not reached at all */
    CALL_TIMEOUT,     /* sent, and never answered */
    CALL_INTERNAL,    /* everything else */
    CALL_CODE_COUNT,
};
extern const char *const call_codes[CALL_CODE_COUNT + 1]; /* "ok" and so on; ends with NULL */

enum call_acted {
    ACTED_NO,
    ACTED_MAYBE,
    ACTED_YES,
};
extern const char *const call_acted_words[]; /* "no", "maybe", "yes"; ends with NULL */

/* Whether Trunkline makes the call again. */
enum call_repeat {
    REPEAT_NEVER,
    REPEAT_IF_SAFE,      /* an operation that is safe to repeat, with back-off */
    REPEAT_AFTER_WINDOW, /* the account's limit is spent: after a whole window, or the time that the answer names */
    REPEAT_FRESH,        /* once, with a fresh timestamp and nonce */
    REPEAT_FRESH_TOKEN,  /* once, after one refresh of the token */
    REPEAT_BACKING_OFF,  /* until the command expires */
    REPEAT_HALVED,       /* a gathered batch in two halves; a single command: never */
};
extern const char *const call_repeat_words[]; /* "never", "if_safe", ...; ends with NULL */

/* A row of a vendor's table of answer codes. */
struct code_rule {
    const char *vendor_code; /* NULL ends a table */
    enum call_code code;
    enum call_acted acted;
    enum call_repeat repeat;
};

struct composition_input {
    const struct command *const *commands; /* one; more where the operation gathers them */
    size_t count;
    const struct slice *settings; /* of the account, in the order of the adapter's account_settings */
    int64_t wall_ms;              /* now, for dates that must be near it; 0: not told, and not checked */
    struct arena *arena;
};

/* What the vendor is to be asked, before it is signed. */
struct composition {
    struct slice path; /* with its query, if the operation has one; as the document has it */
    struct slice body; /* JSON */
    bool uncorrelated; /* the command's id found no room in the request */
    bool get;          /* GET without a body, else POST */
};

struct signing {
    const struct composition *composition;
    const struct slice *settings;
    struct slice token; /* of adapters that use one; empty for the request that fetches it */
    int64_t wall_ms;    /* when it is signed, which is just before it is sent */
    uint64_t nonce;     /* fresh each time: as if drawn, but none twice within a million */
    struct arena *arena;
};

#define VENDOR_HEADERS_MAX 8

/* One HTTP request. Everything lives in the arena of the signing, or longer. */
struct vendor_request {
    struct slice method;
    struct slice path; /* behind the account's base URL, with its query. The query may hold a token: never logged */
    struct slice header_names[VENDOR_HEADERS_MAX], header_values[VENDOR_HEADERS_MAX];
    size_t header_count;
    struct slice body;
};

/* An answer as it came over HTTP, complete. */
struct http_answer {
    unsigned status;
    struct slice body;
    int64_t retry_after_ms; /* the header Retry-After, as a duration; 0: none */
};

/* What it means. */
struct vendor_answer {
    enum call_code code;
    enum call_acted acted;
    enum call_repeat repeat;
    struct slice vendor_code, vendor_message; /* as the vendor wrote them; empty: none */
    struct slice answer;                      /* JSON for the result: the reply without what echoes our signature */
    int64_t wait_ms;                          /* REPEAT_AFTER_WINDOW: the time it names; 0: a whole window */
    const struct slice *item_ids;             /* of the commands, in their order; NULL: none, or not one for each */
    bool items_missing;                       /* the operation should have given ids, and did not, one a command */
    struct slice token;                       /* of the operation that fetches one; it is a secret */
    int64_t token_seconds;                    /* for how long it is valid */
};

struct interpretation {
    const struct operation *operation;
    const struct http_answer *answer;
    const struct code_rule *overrides; /* of the account; before the vendor's table; NULL: none */
    size_t command_count;
    struct arena *arena;
};

struct operation {
    const char *command; /* "call.dial"; NULL ends the table; "" for the one that fetches a token */
    const char *section; /* of the vendor's document */
    const char *path;
    bool safe_to_repeat;
    bool rings_customer; /* starts calls: the account's calling hours apply */
    unsigned gather_max; /* how many commands one request may carry */
    /* false: a command is not what the vendor takes; error says which member, and what is right. With several commands
     * only such that gathers_with has let together come here. */
    bool (*compose)(const struct operation *operation, const struct composition_input *input,
                    struct composition *composition, struct error *error);
    /* Whether b may go into the request that a goes into; NULL where gather_max is 1. */
    bool (*gathers_with)(const struct command *a, const struct command *b);
};

/* The defaults of an account of this vendor. */
struct call_limits {
    unsigned requests; /* slots; 0: no limit */
    unsigned window_seconds;
    unsigned straggler_seconds; /* how long after a give-up the vendor may still take the request in */
    unsigned concurrency;       /* requests at the same time; 0: no limit */
};

struct call_side {
    const char *base_url;                           /* the document's, without a slash at the end */
    const struct adapter_setting *account_settings; /* ends with a NULL name: credentials and what else a call needs */
    struct call_limits limits;
    const struct operation *operations;      /* ends with a NULL command */
    const struct operation *token_operation; /* NULL: the vendor uses none */
    int64_t token_ahead_ms;                  /* it is refreshed so long before it expires, at most half its life */
    /* Adds the account's credentials. False when the digest library fails or the arena is full. */
    bool (*sign)(const struct signing *signing, struct vendor_request *request);
    /* Never fails: what cannot be read is CALL_INTERNAL, maybe acted. */
    void (*interpret)(const struct interpretation *interpretation, struct vendor_answer *answer);
    /* What tells one account at the vendor from another: the value of one of the settings (its index). Two configured
     * accounts that are the same there would each spend the whole limit. */
    size_t identity_setting;
};

/* The row for that code in the overrides, else in the table; NULL when neither has it. */
const struct code_rule *code_rule_find(const struct code_rule *overrides, const struct code_rule *table,
                                       struct slice vendor_code);
/* NULL when the adapter has no such operation, or no call side at all. */
const struct operation *operation_find(const struct adapter *adapter, struct slice command);
