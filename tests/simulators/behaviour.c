/* Reads behaviours, and finds the one for a call. */
#include "simulators/behaviour.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/value.h"

#define NUMBER_MAX 100000000u

const char *const answer_kinds[] = {
    "proper", "refuse", "close", "half", "never", "garbage", "html", "empty", "huge", "deep", "code", NULL,
};

/* --- reading --- */

static bool
read_number(const struct value *value, unsigned *number, struct error *error)
{
    if (value->kind == VALUE_NUMBER && value->text.length < 10) {
        unsigned long read = strtoul(value->text.data, NULL, 10);

        if (memchr(value->text.data, '-', value->text.length) == NULL &&
            memchr(value->text.data, '.', value->text.length) == NULL && read <= NUMBER_MAX) {
            *number = (unsigned)read;
            return true;
        }
    }
    return error_set(error, "%.*s: a whole number from 0 to %u", SLICE_ARGS(value->name), NUMBER_MAX);
}

/* n, or [least, most] */
static bool
read_range(const struct value *value, unsigned *least, unsigned *most, struct error *error)
{
    if (value->kind == VALUE_ARRAY && value->count == 2) {
        return read_number(value->first, least, error) && read_number(value->first->next, most, error) &&
               (*least <= *most || error_set(error, "%.*s: the least stands first", SLICE_ARGS(value->name)));
    }
    if (!read_number(value, least, error)) {
        return false;
    }
    *most = *least;
    return true;
}

static bool
read_text(const struct value *value, char text[BEHAVIOUR_TEXT_BYTES], struct error *error)
{
    if (value->kind != VALUE_STRING || value->text.length >= BEHAVIOUR_TEXT_BYTES) {
        return error_set(error, "%.*s: a text of less than %d bytes", SLICE_ARGS(value->name), BEHAVIOUR_TEXT_BYTES);
    }
    memcpy(text, value->text.data, value->text.length);
    text[value->text.length] = '\0';
    return true;
}

static bool
read_answer(const struct value *value, struct behaviour *behaviour, struct error *error)
{
    for (size_t i = 0; answer_kinds[i] != NULL; i++) {
        if (value->kind == VALUE_STRING && slice_is(value->text, answer_kinds[i])) {
            behaviour->answer = (enum answer_kind)i;
            return true;
        }
    }
    return error_set(error, "answer: refuse, close, half, never, garbage, html, empty, huge, deep or code");
}

static bool
read_probability(const struct value *value, struct behaviour *behaviour, struct error *error)
{
    char text[32];

    if (value->kind == VALUE_NUMBER && value->text.length < sizeof(text)) {
        (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(value->text));
        behaviour->probability = strtod(text, NULL);
        if (behaviour->probability >= 0 && behaviour->probability <= 1) {
            return true;
        }
    }
    return error_set(error, "probability: a number from 0 to 1");
}

static bool
read_late(const struct value *value, struct behaviour *behaviour, struct error *error)
{
    behaviour->late_close = slice_is(value->text, "close");
    return behaviour->late_close || slice_is(value->text, "hang") || error_set(error, "late: close or hang");
}

static bool
read_act(const struct value *value, struct behaviour *behaviour, struct error *error)
{
    behaviour->act = value->boolean;
    return value->kind == VALUE_BOOLEAN || error_set(error, "act: true or false");
}

static bool
read_member(const struct value *value, struct behaviour *behaviour, struct error *error)
{
    if (slice_is(value->name, "path")) {
        return read_text(value, behaviour->path, error);
    }
    if (slice_is(value->name, "body")) {
        return read_text(value, behaviour->body, error);
    }
    if (slice_is(value->name, "code")) {
        return read_text(value, behaviour->code, error);
    }
    if (slice_is(value->name, "next")) {
        return read_number(value, &behaviour->next, error);
    }
    if (slice_is(value->name, "probability")) {
        return read_probability(value, behaviour, error);
    }
    if (slice_is(value->name, "delay_ms")) {
        return read_range(value, &behaviour->delay_least_ms, &behaviour->delay_most_ms, error);
    }
    if (slice_is(value->name, "status")) {
        return read_number(value, &behaviour->status, error);
    }
    if (slice_is(value->name, "retry_after")) {
        return read_number(value, &behaviour->retry_after_seconds, error);
    }
    if (slice_is(value->name, "bytes")) {
        return read_number(value, &behaviour->bytes, error);
    }
    if (slice_is(value->name, "late_ms")) {
        behaviour->late = true;
        return read_range(value, &behaviour->late_least_ms, &behaviour->late_most_ms, error);
    }
    if (slice_is(value->name, "late")) {
        return read_late(value, behaviour, error);
    }
    if (slice_is(value->name, "answer") || slice_is(value->name, "act")) {
        return true; /* read before and behind the others: one depends on them, the other on it */
    }
    return error_set(error, "%.*s: no member of a behaviour", SLICE_ARGS(value->name));
}

static bool
read_behaviour(const struct value *given, struct behaviour *behaviour, struct error *error)
{
    const struct value *answer = value_member(given, "answer");
    const struct value *act = value_member(given, "act");

    *behaviour = (struct behaviour){.next = UINT_MAX, .probability = 1, .bytes = 8u * 1024 * 1024};
    if (given->kind != VALUE_OBJECT) {
        return error_set(error, "a behaviour is a JSON object, or a list of them");
    }
    for (const struct value *member = given->first; member != NULL; member = member->next) {
        if (!read_member(member, behaviour, error)) {
            return false;
        }
    }
    if (answer == NULL && behaviour->status != 0) {
        behaviour->answer = ANSWER_HTML;
    }
    if (answer == NULL && behaviour->code[0] != '\0') {
        behaviour->answer = ANSWER_CODE;
    }
    if (answer != NULL && !read_answer(answer, behaviour, error)) {
        return false;
    }
    if (behaviour->answer == ANSWER_CODE && behaviour->code[0] == '\0') {
        return error_set(error, "code: which of the vendor's error codes");
    }
    behaviour->act = behaviour->answer != ANSWER_CODE && behaviour->status == 0;
    return act == NULL || read_act(act, behaviour, error);
}

bool
behaviours_add(struct behaviours *behaviours, const struct value *given, struct error *error)
{
    const struct value *first = given->kind == VALUE_ARRAY ? given->first : given;
    size_t count = given->kind == VALUE_ARRAY ? given->count : 1;
    size_t kept = behaviours->count;

    if (count > BEHAVIOURS_MAX - kept) {
        return error_set(error, "there is room for %d behaviours; POST /simulator/reset forgets them", BEHAVIOURS_MAX);
    }
    for (size_t i = 0; i < count; i++, first = first->next) {
        if (!read_behaviour(first, &behaviours->list[behaviours->count], error)) {
            behaviours->count = kept;
            return false;
        }
        behaviours->count++;
    }
    return true;
}

/* --- finding --- */

static bool
path_fits(const struct behaviour *behaviour, struct slice path)
{
    char pattern[BEHAVIOUR_TEXT_BYTES + 1];
    char text[512];

    if (behaviour->path[0] == '\0') {
        return true;
    }
    (void)snprintf(pattern, sizeof(pattern), "*%s", behaviour->path);
    (void)snprintf(text, sizeof(text), "%.*s", SLICE_ARGS(path));
    return path.length < sizeof(text) && fnmatch(pattern, text, 0) == 0;
}

static bool
body_fits(const struct behaviour *behaviour, struct slice body)
{
    return behaviour->body[0] == '\0' ||
           memmem(body.data, body.length, behaviour->body, strlen(behaviour->body)) != NULL;
}

/* Counts it as used when chance lets it. */
static bool
strikes(struct behaviour *behaviour, struct chance *chance)
{
    if (behaviour->next == 0 || !chance_hits(chance, behaviour->probability)) {
        return false;
    }
    if (behaviour->next != UINT_MAX) {
        behaviour->next--;
    }
    return true;
}

static bool
of_connections(const struct behaviour *behaviour)
{
    return behaviour->answer == ANSWER_REFUSE && behaviour->path[0] == '\0' && behaviour->body[0] == '\0';
}

const struct behaviour *
behaviours_for_call(struct behaviours *behaviours, struct chance *chance, struct slice path, struct slice body)
{
    for (size_t i = 0; i < behaviours->count; i++) {
        struct behaviour *behaviour = &behaviours->list[i];

        if (!of_connections(behaviour) && path_fits(behaviour, path) && body_fits(behaviour, body) &&
            strikes(behaviour, chance)) {
            return behaviour;
        }
    }
    return NULL;
}

bool
behaviours_refuse_connection(struct behaviours *behaviours, struct chance *chance)
{
    for (size_t i = 0; i < behaviours->count; i++) {
        if (of_connections(&behaviours->list[i]) && strikes(&behaviours->list[i], chance)) {
            return true;
        }
    }
    return false;
}
