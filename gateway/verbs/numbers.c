/* Judges runs of digits by the member's name and their look, and masks those that are numbers. */
#include "verbs/numbers.h"

#include "verbs/digit_run.h"
#include "verbs/digit_width.h"

#define NAME_BYTES   64
#define MASKED_WHOLE "***"

/* What a member's name says of the digits below it. */
enum context {
    CONTEXT_ANY,
    CONTEXT_NUMBER,
    CONTEXT_QUIET, /* an id, a time, a size: digits that mean no number */
};

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

/* --- what a run is --- */

/* One that was noted stands in it. */
static bool
is_known(const struct numbers *numbers, const struct digit_run *run)
{
    for (size_t i = 0; i < numbers->count && run->digits >= DIGIT_RUN_LEAST; i++) {
        if (strstr(run->compact, numbers->tails[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool
is_number(struct slice text, const struct digit_run *run, enum context context)
{
    bool plus =
        run->start > 0 && (text.data[run->start - 1] == '+' ||
                           (run->start > 1 && text.data[run->start - 1] == '(' && text.data[run->start - 2] == '+'));

    if (run->digits < DIGIT_RUN_LEAST) {
        return false;
    }
    if (context == CONTEXT_NUMBER) {
        return true;
    }
    if (run->digits > DIGIT_RUN_MOST || digit_run_is_hexadecimal(text, run)) {
        return false;
    }
    if (context == CONTEXT_ANY) {
        return plus || !digit_run_is_time(run);
    }
    return plus || digit_run_is_chinese(text, run);
}

/* --- noting --- */

static void
note(struct numbers *numbers, const struct digit_run *run)
{
    size_t digits = run->digits < DIGIT_RUN_SEEN ? run->digits : DIGIT_RUN_SEEN;
    size_t tail = digits < NUMBERS_TAIL_DIGITS ? digits : NUMBERS_TAIL_DIGITS;

    if (numbers->count < NUMBERS_KNOWN_MAX && !is_known(numbers, run)) {
        memcpy(numbers->tails[numbers->count], run->compact + digits - tail, tail);
        numbers->tails[numbers->count++][tail] = '\0';
    }
}

static void
note_text(struct numbers *numbers, struct slice text, enum context context)
{
    struct digit_run run;
    size_t at = 0;

    while (digit_run_next(text, &at, &run)) {
        if (is_number(text, &run, context)) {
            note(numbers, &run);
        }
    }
}

void
numbers_note(struct numbers *numbers, struct slice name, struct slice text)
{
    if (digit_run_possible(text)) {
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

struct slice
numbers_mask(const struct numbers *numbers, struct slice name, struct slice text, struct arena *arena)
{
    struct slice narrowed;
    struct slice masked = {0};
    enum context context;
    struct digit_run run;
    size_t at = 0;

    if (!slice_empty(text) && names_person(name)) {
        return (struct slice)SLICE(MASKED_WHOLE);
    }
    narrowed = digits_narrowed(text, arena);
    if (narrowed.data == NULL || !digit_run_possible(narrowed)) {
        return narrowed.data == NULL ? narrowed : text;
    }
    context = context_of(name);
    while (digit_run_next(narrowed, &at, &run)) {
        if (!is_number(narrowed, &run, context) && !is_known(numbers, &run)) {
            continue;
        }
        if (masked.data == NULL) {
            masked = arena_copy(arena, narrowed);
            if (masked.data == NULL) {
                return masked;
            }
        }
        digit_run_mask(&run, (char *)masked.data);
    }
    return masked.data == NULL ? text : masked;
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
