/* The log: one line an event of note, on stderr, as JSON or as text. Thread safe; a line is one write.
 * Never hand it a secret. Phone numbers only through log_phone. */
#pragma once

#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

enum log_format {
    LOG_FORMAT_JSON,
    LOG_FORMAT_TEXT,
};

/* Before threads start. */
void log_setup(enum log_format format, enum log_level lowest, const struct clock *clock);
bool log_enabled(enum log_level level);

struct log_field {
    const char *name; /* NULL ends a list */
    enum { LOG_FIELD_TEXT, LOG_FIELD_INTEGER, LOG_FIELD_PHONE } kind;
    struct slice text; /* any bytes: what is not UTF-8 is escaped; cut at 1 KiB */
    int64_t integer;
};

static inline struct log_field
log_text(const char *name, const char *text)
{
    return (struct log_field){name, LOG_FIELD_TEXT, slice_from(text), 0};
}

static inline struct log_field
log_slice(const char *name, struct slice text)
{
    return (struct log_field){name, LOG_FIELD_TEXT, text, 0};
}

static inline struct log_field
log_integer(const char *name, int64_t integer)
{
    return (struct log_field){name, LOG_FIELD_INTEGER, {NULL, 0}, integer};
}

/* All but the last four digits are masked. */
static inline struct log_field
log_phone(const char *name, struct slice number)
{
    return (struct log_field){name, LOG_FIELD_PHONE, number, 0};
}

/* event is the line's kind, lower_case_with_underscores: people alert on it. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, (struct log_field[]){__VA_ARGS__, {0}})
#define log_info(event, ...)  log_write(LOG_LEVEL_INFO, event, (struct log_field[]){__VA_ARGS__, {0}})
#define log_warn(event, ...)  log_write(LOG_LEVEL_WARN, event, (struct log_field[]){__VA_ARGS__, {0}})
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, (struct log_field[]){__VA_ARGS__, {0}})

/* For lines that a client can trigger: at most burst lines at once and per_second after that, a thread each. The line
 * that follows a silence says how many were left out (member "suppressed"). */
struct log_limit {
    uint32_t burst;
    uint32_t per_second;
    double tokens;
    int64_t refilled_ns; /* 0: never */
    uint64_t suppressed;
};
#define LOG_LIMIT_DEFAULT                                                                                              \
    {                                                                                                                  \
        .burst = 20, .per_second = 5, .tokens = 20                                                                     \
    }

void log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                       const struct log_field *fields);
#define log_warn_limited(limit, event, ...)                                                                            \
    log_write_limited(limit, LOG_LEVEL_WARN, event, (struct log_field[]){__VA_ARGS__, {0}})
#define log_info_limited(limit, event, ...)                                                                            \
    log_write_limited(limit, LOG_LEVEL_INFO, event, (struct log_field[]){__VA_ARGS__, {0}})
