/* Finds runs of digits in texts and judges by the member's name, their shape and their neighbours what they are. */
#include "verbs/numbers.h"

#define LEAST         7
#define MOST          15 /* E.164; what is longer is taken for an id */
#define SHOWN         4
#define RUN_MAX       64 /* digits of a run that are looked at */
#define SEPARATORS    2  /* between two digits of a number: ") " */
#define DOTTED_GROUPS 3  /* of a number with dots in it, "415.555.2671" */
#define DOTTED_LEAST  10 /* its digits */
#define DOTTED_LAST   4  /* those behind its last dot */
#define DATE_BYTES    10
#define HASH_LEAST    16
#define UUID_BYTES    36
#define NAME_BYTES    64
#define MASKED_WHOLE  "***"

/* What a member's name says of the digits below it. */
enum context {
    CONTEXT_ANY,
    CONTEXT_NUMBER,
    CONTEXT_QUIET, /* an id, a time, a size: digits that mean no number */
};

/* Digits with separators between them. */
struct run {
    size_t start, end; /* bytes of the text */
    size_t digits;
    size_t last;               /* digits of the last group */
    char compact[RUN_MAX + 1]; /* the digits alone, the first of them */
};

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

/* --- names --- */

static bool
name_has(const char *name, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strstr(name, *words) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
name_ends(const char *name, size_t length, const char *const *words)
{
    for (; *words != NULL; words++) {
        size_t bytes = strlen(*words);

        if (length >= bytes && memcmp(name + length - bytes, *words, bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* The name in lower case, as much of it as counts. */
static size_t
lower_name(struct slice name, char lower[NAME_BYTES])
{
    size_t length = name.length < NAME_BYTES ? name.length : NAME_BYTES - 1;

    for (size_t i = 0; i < length; i++) {
        char byte = name.data[i];

        lower[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
    }
    lower[length] = '\0';
    return length;
}

/* Whether it is about a person: asked of every member, so most names are let go soon. */
static bool
names_person(struct slice name)
{
    static const char *const latin[] = {
        "customername",    "customer_name",    "contactname", "contact_name", "realname",
        "real_name",       "idcard",           "id_card",     "identitycard", "identity_card",
        "customeraddress", "customer_address", "homeaddress", "home_address", NULL};
    static const char *const chinese[] = {"姓名", "身份证", "住址", "地址", NULL};
    char lower[NAME_BYTES];
    size_t length = lower_name(name, lower);
    bool ascii = true;

    for (size_t i = 0; i < length && ascii; i++) {
        ascii = (unsigned char)lower[i] < 0x80;
    }
    return ascii ? name_has(lower, (const char *const[]){"name", "card", "address", NULL}) && name_has(lower, latin)
                 : name_has(lower, chinese);
}

static enum context
context_of(struct slice name)
{
    static const char *const number[] = {"phone",  "mobile", "tel",    "caller", "callee", "called", "msisdn",
                                         "number", "客户号", "手机号", "手机",   "电话",   "号码",   NULL};
    static const char *const quiet[] = {"time", "date", "size", "bytes", "seconds", "duration",
                                        "uuid", "url",  "md5",  "sha",   "hash",    NULL};
    static const char *const quiet_ends[] = {"id", "ids", "idlist", "sign", "signature", "key", "subject", NULL};
    char lower[NAME_BYTES];
    size_t length = lower_name(name, lower);

    if (name_has(lower, number) || strcmp(lower, "customer") == 0) {
        return CONTEXT_NUMBER;
    }
    return name_has(lower, quiet) || name_ends(lower, length, quiet_ends) ? CONTEXT_QUIET : CONTEXT_ANY;
}

/* --- runs --- */

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
run_fill(struct slice text, struct run *run)
{
    run->digits = run->last = 0;
    for (size_t i = run->start; i < run->end; i++) {
        if (is_digit(text.data[i])) {
            if (run->digits < RUN_MAX) {
                run->compact[run->digits] = text.data[i];
            }
            run->digits++;
            run->last++;
        } else {
            run->last = 0;
        }
    }
    run->compact[run->digits < RUN_MAX ? run->digits : RUN_MAX] = '\0';
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
    return groups >= DOTTED_GROUPS && digits >= DOTTED_LEAST && digits <= MOST && last == DOTTED_LAST ? end : start;
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
    while (digits < LEAST) {
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

        if (digits + (further - group) > MOST) {
            break;
        }
        digits += further - group;
        end = further;
    }
    return digits <= MOST ? end : first;
}

/* The next run from *at on; false at the text's end. */
static bool
next_run(struct slice text, size_t *at, struct run *run)
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

/* --- what a run is --- */

/* Seconds and milliseconds since 1970 from 2001 to 2033, 20210508, 20210508143947. */
static bool
is_time(const struct run *run)
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
hex_around(struct slice text, const struct run *run, bool dashes)
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
in_uuid(struct slice text, const struct run *run)
{
    struct slice token = hex_around(text, run, true);

    return token.length == UUID_BYTES && token.data[8] == '-' && token.data[13] == '-' && token.data[18] == '-' &&
           token.data[23] == '-';
}

/* A hash in hexadecimal digits: at least one of them is a letter. */
static bool
in_hash(struct slice text, const struct run *run)
{
    struct slice token = hex_around(text, run, false);
    size_t letters = 0;

    for (size_t i = 0; i < token.length; i++) {
        letters += is_letter(token.data[i]);
    }
    return letters > 0 && token.length >= HASH_LEAST;
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

/* A number of China, apart from letters; also behind another group, as in "8001-13800000001". */
static bool
is_chinese(struct slice text, const struct run *run)
{
    bool apart = (run->start == 0 || !is_letter(text.data[run->start - 1])) &&
                 (run->end == text.length || !is_letter(text.data[run->end]));

    return apart && (is_chinese_digits(run->compact, run->digits) ||
                     is_chinese_digits(run->compact + run->digits - run->last, run->last));
}

/* One that was noted stands in it. */
static bool
is_known(const struct numbers *numbers, const struct run *run)
{
    for (size_t i = 0; i < numbers->count && run->digits >= LEAST; i++) {
        if (strstr(run->compact, numbers->tails[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
is_number(struct slice text, const struct run *run, enum context context)
{
    bool plus =
        run->start > 0 && (text.data[run->start - 1] == '+' ||
                           (run->start > 1 && text.data[run->start - 1] == '(' && text.data[run->start - 2] == '+'));

    if (run->digits < LEAST) {
        return false;
    }
    if (context == CONTEXT_NUMBER) {
        return true;
    }
    if (run->digits > MOST || in_hash(text, run) || in_uuid(text, run)) {
        return false;
    }
    if (context == CONTEXT_ANY) {
        return plus || !is_time(run);
    }
    return plus || is_chinese(text, run);
}

/* Whether a number can stand in it at all: most texts are let go here. */
static bool
has_digits(struct slice text)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.length && digits < LEAST; i++) {
        digits += is_digit(text.data[i]);
    }
    return digits == LEAST;
}

/* --- noting --- */

static void
note(struct numbers *numbers, const struct run *run)
{
    size_t digits = run->digits < RUN_MAX ? run->digits : RUN_MAX;
    size_t tail = digits < NUMBERS_TAIL_DIGITS ? digits : NUMBERS_TAIL_DIGITS;

    if (numbers->count < NUMBERS_KNOWN_MAX && !is_known(numbers, run)) {
        memcpy(numbers->tails[numbers->count], run->compact + digits - tail, tail);
        numbers->tails[numbers->count++][tail] = '\0';
    }
}

static void
note_text(struct numbers *numbers, struct slice text, enum context context)
{
    struct run run;
    size_t at = 0;

    while (next_run(text, &at, &run)) {
        if (is_number(text, &run, context)) {
            note(numbers, &run);
        }
    }
}

void
numbers_note(struct numbers *numbers, struct slice name, struct slice text)
{
    if (has_digits(text)) {
        note_text(numbers, text, context_of(name));
    }
}

/* Elements of an array stand under the array's name. As deep as the parser lets a value be. */
static void
note_below(struct numbers *numbers, const struct value *value, struct slice name)
{
    if (value->kind == VALUE_STRING || value->kind == VALUE_NUMBER) {
        numbers_note(numbers, name, value->text);
        return;
    }
    for (const struct value *child = value->first; child != NULL; child = child->next) {
        numbers_note(numbers, (struct slice){0}, child->name);
        note_below(numbers, child, value->kind == VALUE_OBJECT ? child->name : name);
    }
}

void
numbers_note_tree(struct numbers *numbers, const struct value *tree)
{
    note_below(numbers, tree, (struct slice){0});
}

/* --- masking --- */

/* All digits but the last ones become asterisks. */
static void
mask_run(char *text, const struct run *run)
{
    size_t left = run->digits - SHOWN;

    for (size_t i = run->start; i < run->end && left > 0; i++) {
        if (is_digit(text[i])) {
            text[i] = '*';
            left--;
        }
    }
}

struct slice
numbers_mask(const struct numbers *numbers, struct slice name, struct slice text, struct arena *arena)
{
    struct slice masked = text;
    enum context context;
    struct run run;
    size_t at = 0;

    if (!slice_empty(text) && names_person(name)) {
        return (struct slice)SLICE(MASKED_WHOLE);
    }
    if (!has_digits(text)) {
        return text;
    }
    context = context_of(name);
    while (next_run(text, &at, &run)) {
        if (!is_number(text, &run, context) && !is_known(numbers, &run)) {
            continue;
        }
        if (masked.data == text.data) {
            masked = arena_copy(arena, text);
            if (masked.data == NULL) {
                return masked;
            }
        }
        mask_run((char *)masked.data, &run);
    }
    return masked;
}

static bool
mask_scalar(const struct numbers *numbers, struct value *value, struct slice name, struct arena *arena)
{
    struct slice masked = numbers_mask(numbers, name, value->text, arena);

    if (masked.data == NULL && !slice_empty(value->text)) {
        return false;
    }
    if (masked.data != value->text.data) {
        value->kind = VALUE_STRING;
        value->text = masked;
        value->raw = (struct slice){0};
    }
    return true;
}

static bool
mask_below(const struct numbers *numbers, struct value *value, struct slice name, struct arena *arena)
{
    if (value->kind == VALUE_STRING || value->kind == VALUE_NUMBER) {
        return mask_scalar(numbers, value, name, arena);
    }
    value->raw = (struct slice){0};
    for (struct value *child = value->first; child != NULL; child = child->next) {
        struct slice own = numbers_mask(numbers, (struct slice){0}, child->name, arena);

        if ((own.data == NULL && !slice_empty(child->name)) ||
            !mask_below(numbers, child, value->kind == VALUE_OBJECT ? child->name : name, arena)) {
            return false;
        }
        child->name = own;
    }
    return true;
}

bool
numbers_mask_tree(const struct numbers *numbers, struct value *tree, struct arena *arena)
{
    return mask_below(numbers, tree, (struct slice){0}, arena);
}
