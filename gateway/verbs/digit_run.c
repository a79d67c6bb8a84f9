/* Goes from digit to digit, and judges the runs of them by their shape and their neighbours. */
#include "verbs/digit_run.h"

#define SEPARATORS    2  /* between two digits of a number: ") " */
#define DOTTED_GROUPS 3  /* of a number with dots in it, "415.555.2671" */
#define DOTTED_LEAST  10 /* its digits */
#define DOTTED_LAST   4  /* those behind its last dot */
#define DATE_BYTES    10
#define HASH_LEAST    16
#define UUID_BYTES    36

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool
is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool
is_hex(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

/* --- where a run is --- */

static bool
two_digits(const char *text, int least, int most)
{
    int number = is_digit(text[0]) && is_digit(text[1]) ? (text[0] - '0') * 10 + (text[1] - '0') : -1;

    return number >= least && number <= most;
}

/* "2021-05-08", "2021/05/08". */
static bool
is_date(struct slice text, size_t at)
{
    const char *date = text.data + at;

    return text.length - at >= DATE_BYTES && two_digits(date, 19, 20) && is_digit(date[2]) && is_digit(date[3]) &&
           (date[4] == '-' || date[4] == '/') && two_digits(date + 5, 1, 12) && date[7] == date[4] &&
           two_digits(date + 8, 1, 31) && (text.length - at == DATE_BYTES || !is_digit(date[DATE_BYTES])) &&
           (at == 0 || !is_digit(date[-1]));
}

static size_t
group_end(struct slice text, size_t at)
{
    while (at < text.length && is_digit(text.data[at])) {
        at++;
    }
    return at;
}

/* Where the digits go on behind separators; the text's end when they do not. */
static size_t
next_group(struct slice text, size_t at)
{
    size_t start = at;

    while (at < text.length && at - start < SEPARATORS && text.data[at] != '\0' &&
           strchr(" -()", text.data[at]) != NULL) {
        at++;
    }
    return at > start && at < text.length && is_digit(text.data[at]) && !is_date(text, at) ? at : text.length;
}

static void
run_fill(struct slice text, struct digit_run *run)
{
    run->digits = run->last = 0;
    for (size_t i = run->start; i < run->end; i++) {
        if (is_digit(text.data[i])) {
            if (run->digits < DIGIT_RUN_SEEN) {
                run->compact[run->digits] = text.data[i];
            }
            run->digits++;
            run->last++;
        } else {
            run->last = 0;
        }
    }
    run->compact[run->digits < DIGIT_RUN_SEEN ? run->digits : DIGIT_RUN_SEEN] = '\0';
}

/* The end of "138.0013.8000"; start: none begins there. Dots also stand in addresses, versions, fractions and dates. */
static size_t
dotted_end(struct slice text, size_t start)
{
    size_t end = group_end(text, start);
    size_t digits = end - start, last = digits, groups = 1;

    while (text.length - end >= 2 && text.data[end] == '.' && is_digit(text.data[end + 1])) {
        size_t further = group_end(text, end + 1);

        last = further - end - 1;
        digits += last;
        groups++;
        end = further;
    }
    return groups >= DOTTED_GROUPS && digits >= DOTTED_LEAST && digits <= DIGIT_RUN_MOST && last == DOTTED_LAST ? end
                                                                                                                : start;
}

/* A short group takes those behind it with it, as long as all of them can be one number. */
static size_t
run_end(struct slice text, size_t start)
{
    size_t end = group_end(text, start), dotted = dotted_end(text, start);
    size_t digits = end - start, first = end;

    if (dotted != start) {
        return dotted;
    }
    while (digits < DIGIT_RUN_LEAST) {
        size_t group = next_group(text, end);

        if (group == text.length) {
            return first;
        }
        end = group_end(text, group);
        digits += end - group;
    }
    /* "138-0000-0001": the last group comes when there are enough already. */
    for (size_t group = next_group(text, end); first != end && group < text.length; group = next_group(text, end)) {
        size_t further = group_end(text, group);

        if (digits + (further - group) > DIGIT_RUN_MOST) {
            break;
        }
        digits += further - group;
        end = further;
    }
    return digits <= DIGIT_RUN_MOST ? end : first;
}

bool
digit_run_next(struct slice text, size_t *at, struct digit_run *run)
{
    while (*at < text.length) {
        if (!is_digit(text.data[*at])) {
            (*at)++;
        } else if (is_date(text, *at)) {
            *at += DATE_BYTES;
        } else {
            run->start = *at;
            run->end = *at = run_end(text, *at);
            run_fill(text, run);
            return true;
        }
    }
    return false;
}

bool
digit_run_possible(struct slice text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.length && digits < DIGIT_RUN_LEAST; i++) {
        digits += is_digit(text.data[i]);
    }
    return digits == DIGIT_RUN_LEAST;
}

/* --- what a run looks like --- */

bool
digit_run_is_time(const struct digit_run *run)
{
    const char *digits = run->compact;

    if (run->digits == 10 || run->digits == 13) {
        return digits[0] == '1';
    }
    return (run->digits == 8 || run->digits == 14) && two_digits(digits, 19, 20) && two_digits(digits + 4, 1, 12) &&
           two_digits(digits + 6, 1, 31) && (run->digits == 8 || two_digits(digits + 8, 0, 23));
}

/* The digits around a run that are hexadecimal, or dashes where those count. */
static struct slice
hex_around(struct slice text, const struct digit_run *run, bool dashes)
{
    size_t start = run->start, end = run->end;

    while (start > 0 && (is_hex(text.data[start - 1]) || (dashes && text.data[start - 1] == '-'))) {
        start--;
    }
    while (end < text.length && (is_hex(text.data[end]) || (dashes && text.data[end] == '-'))) {
        end++;
    }
    return slice_make(text.data + start, end - start);
}

static bool
in_uuid(struct slice text, const struct digit_run *run)
{
    struct slice token = hex_around(text, run, true);

    return token.length == UUID_BYTES && token.data[8] == '-' && token.data[13] == '-' && token.data[18] == '-' &&
           token.data[23] == '-';
}

/* A hash in hexadecimal digits: at least one of them is a letter. */
static bool
in_hash(struct slice text, const struct digit_run *run)
{
    struct slice token = hex_around(text, run, false);
    size_t letters = 0;

    for (size_t i = 0; i < token.length; i++) {
        letters += is_letter(token.data[i]);
    }
    return letters > 0 && token.length >= HASH_LEAST;
}

bool
digit_run_is_hexadecimal(struct slice text, const struct digit_run *run)
{
    return in_hash(text, run) || in_uuid(text, run);
}

/* 13800000001, 8613800000001, 02258834811. */
static bool
is_chinese_digits(const char *digits, size_t count)
{
    if (digits[0] == '0') {
        return count >= 10 && count <= 12 && digits[1] != '0';
    }
    if (count == 13 && memcmp(digits, "86", 2) == 0) {
        digits += 2;
        count -= 2;
    }
    return count == 11 && digits[0] == '1' && digits[1] >= '3';
}

bool
digit_run_is_chinese(struct slice text, const struct digit_run *run)
{
    bool apart = (run->start == 0 || !is_letter(text.data[run->start - 1])) &&
                 (run->end == text.length || !is_letter(text.data[run->end]));

    return apart && (is_chinese_digits(run->compact, run->digits) ||
                     is_chinese_digits(run->compact + run->digits - run->last, run->last));
}

/* --- masking --- */

void
digit_run_mask(const struct digit_run *run, char *text)
{
    size_t left = run->digits - DIGIT_RUN_SHOWN;

    for (size_t i = run->start; i < run->end && left > 0; i++) {
        if (is_digit(text[i])) {
            text[i] = '*';
            left--;
        }
    }
}
