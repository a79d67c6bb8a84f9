/* The log: makes a line of an event's fields, bounds and escapes it, and writes it to stderr in one piece. */
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "base/utf8.h"

#define LINE_BYTES        8192
#define LINE_TAIL_BYTES   32 /* kept for what ends a line */
#define TEXT_BYTES        1024
#define PHONE_BYTES       32
#define PHONE_SHOWN       4
#define NANOS_PER_SECOND  1e9
#define FIRST_NOT_CONTROL 0x20

struct line {
    size_t length;
    bool full; /* something did not fit, and nothing is added any more */
    char text[LINE_BYTES];
};

static struct {
    enum log_format format;
    enum log_level lowest;
    const struct clock *clock; /* NULL: the system's */
} settings = {LOG_FORMAT_JSON, LOG_LEVEL_INFO, NULL};

/* A pipe takes up to PIPE_BUF bytes in one piece; our lines may be longer. */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;

void
log_setup(enum log_format format, enum log_level lowest, const struct clock *clock)
{
    settings.format = format;
    settings.lowest = lowest;
    settings.clock = clock;
}

bool
log_enabled(enum log_level level)
{
    return level >= settings.lowest;
}

static const struct clock *
log_clock(void)
{
    return settings.clock == NULL ? clock_system() : settings.clock;
}

static void
put(struct line *line, const char *data, size_t length)
{
    if (line->full || length > LINE_BYTES - LINE_TAIL_BYTES - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->length, data, length);
    line->length += length;
}

static void
put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void
put_integer(struct line *line, int64_t integer)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, integer);
    put_text(line, text);
}

static void
put_ascii(struct line *line, unsigned char character)
{
    char escaped[8] = {'\\', (char)character, '\0'};

    switch (character) {
    case '"':
    case '\\':
        break;
    case '\n':
        escaped[1] = 'n';
        break;
    case '\r':
        escaped[1] = 'r';
        break;
    case '\t':
        escaped[1] = 't';
        break;
    default:
        if (character >= FIRST_NOT_CONTROL && character != 0x7f) {
            put(line, &escaped[1], 1);
            return;
        }
        (void)snprintf(escaped, sizeof escaped, "\\u%04x", character);
    }
    put_text(line, escaped);
}

/* Inside a JSON string. A byte that is not UTF-8 becomes the four characters \xNN. */
static void
put_escaped(struct line *line, struct slice text)
{
    char escaped[8];

    for (size_t i = 0; i < text.length;) {
        unsigned char byte = (unsigned char)text.data[i];
        size_t bytes = utf8_character_bytes(slice_make(text.data + i, text.length - i));
        if (bytes == 1) {
            put_ascii(line, byte);
        } else if (bytes == 0) {
            (void)snprintf(escaped, sizeof escaped, "\\\\x%02x", byte);
            put_text(line, escaped);
        } else if (byte == 0xc2 && (unsigned char)text.data[i + 1] < 0xa0) {
            /* The other control characters, U+0080 to U+009F: some terminals obey them. */
            (void)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned char)text.data[i + 1]);
            put_text(line, escaped);
        } else {
            put(line, text.data + i, bytes);
        }
        i += bytes == 0 ? 1 : bytes;
    }
}

static bool
is_plain(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        char character = text.data[i];
        if (!((character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
              (character >= 'A' && character <= 'Z') ||
              (character != '\0' && strchr("_-./:@+*,", character) != NULL))) {
            return false;
        }
    }
    return text.length > 0;
}

static void
put_value(struct line *line, struct slice text)
{
    bool cut = text.length > TEXT_BYTES;

    if (cut) {
        text.length = TEXT_BYTES;
        for (int i = 0; i < 3 && ((unsigned char)text.data[text.length] & 0xc0) == 0x80; i++) {
            text.length--;
        }
    }
    if (settings.format == LOG_FORMAT_TEXT && !cut && is_plain(text)) {
        put(line, text.data, text.length);
        return;
    }
    put_text(line, "\"");
    put_escaped(line, text);
    put_text(line, cut ? "…\"" : "\"");
}

/* Everything but the last four digits becomes '*', whatever it is: a number in full-width digits is one too. */
static void
put_phone(struct line *line, struct slice number)
{
    char masked[PHONE_BYTES];
    size_t length = number.length < sizeof masked ? number.length : sizeof masked;
    const char *tail = number.length == 0 ? "" : number.data + (number.length - length);
    int shown = 0;

    for (size_t i = length; i-- > 0;) {
        bool show = shown < PHONE_SHOWN && tail[i] >= '0' && tail[i] <= '9';
        masked[i] = '*';
        if (show) {
            masked[i] = tail[i];
            shown++;
        }
    }
    put_value(line, slice_make(masked, length));
}

static void
put_name(struct line *line, const char *name)
{
    bool json = settings.format == LOG_FORMAT_JSON;

    put_text(line, json ? ",\"" : " ");
    put_text(line, name);
    put_text(line, json ? "\":" : "=");
}

static void
put_field(struct line *line, const struct log_field *field)
{
    put_name(line, field->name);
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        put_value(line, field->text);
        break;
    case LOG_FIELD_PHONE:
        put_phone(line, field->text);
        break;
    case LOG_FIELD_INTEGER:
        put_integer(line, field->integer);
        break;
    }
}

static void
put_time(struct line *line)
{
    static const size_t offset_bytes = sizeof "+00:00" - 1;
    char text[TIMESTAMP_TEXT_BYTES];
    struct timestamp now = {.unix_ms = clock_wall_ms(log_clock()), .present = true, .millis = true};
    size_t length = timestamp_format(now, text);

    put(line, text, length > offset_bytes ? length - offset_bytes : 0);
    put_text(line, "Z");
}

static void
put_head(struct line *line, enum log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const columns[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

    if (settings.format == LOG_FORMAT_TEXT) {
        put_time(line);
        put_text(line, " ");
        put_text(line, columns[level]);
        put_text(line, " ");
        put_text(line, event);
        return;
    }
    put_text(line, "{\"time\":\"");
    put_time(line);
    put_text(line, "\",\"level\":\"");
    put_text(line, names[level]);
    put_text(line, "\",\"event\":\"");
    put_text(line, event);
    put_text(line, "\"");
}

/* Into the bytes that put leaves free. */
static void
end_line(struct line *line, bool truncated)
{
    bool json = settings.format == LOG_FORMAT_JSON;
    const char *note = !truncated ? "" : json ? ",\"truncated\":true" : " truncated=true";
    int length = snprintf(line->text + line->length, LINE_BYTES - line->length, "%s%s", note, json ? "}\n" : "\n");

    line->length += (size_t)length;
}

/* What stderr does not take is lost: there is nobody left to tell. */
static void
write_out(const char *text, size_t length)
{
    (void)pthread_mutex_lock(&output_lock);
    while (length > 0) {
        ssize_t written = write(STDERR_FILENO, text, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            break;
        }
        text += written;
        length -= (size_t)written;
    }
    (void)pthread_mutex_unlock(&output_lock);
}

static void
write_line(enum log_level level, const char *event, const struct log_field *fields, uint64_t suppressed)
{
    struct line line;
    bool truncated = false;
    int saved_errno = errno; /* a caller may log before it looks */

    line.length = 0;
    line.full = false;
    put_head(&line, level, event);
    if (suppressed > 0) {
        struct log_field field = log_integer("suppressed", (int64_t)suppressed);
        put_field(&line, &field);
    }
    for (; fields->name != NULL; fields++) {
        size_t before = line.length;
        put_field(&line, fields);
        if (line.full) {
            line.length = before;
            line.full = false;
            truncated = true;
        }
    }
    end_line(&line, truncated);
    write_out(line.text, line.length);
    errno = saved_errno;
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (log_enabled(level)) {
        write_line(level, event, fields, 0);
    }
}

/* Whether the limit has a line left now. */
static bool
take_token(struct log_limit *limit)
{
    int64_t now = clock_monotonic_ns(log_clock());

    if (limit->refilled_ns != 0) {
        limit->tokens += (double)(now - limit->refilled_ns) / NANOS_PER_SECOND * limit->per_second;
    }
    if (limit->tokens > limit->burst) {
        limit->tokens = limit->burst;
    }
    limit->refilled_ns = now;
    if (limit->tokens < 1) {
        return false;
    }
    limit->tokens -= 1;
    return true;
}

void
log_write_limited(struct log_limit *limit, enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_enabled(level)) {
        return;
    }
    if (!take_token(limit)) {
        limit->suppressed++;
        return;
    }
    write_line(level, event, fields, limit->suppressed);
    limit->suppressed = 0;
}
