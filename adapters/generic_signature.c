/* Computes signatures by a mapping's rule and compares them. */
#include "adapters/generic_signature.h"

#include "base/digest.h"

#define TEXT_BYTES_MAX  ((size_t)2 * DIGEST_BYTES_MAX) /* of a digest as hex; as Base64 it is shorter */
#define TIME_DIGITS_MAX 18
#define FIRST_MILLIS    INT64_C(100000000000) /* as seconds it lies in the year 5138 */

static bool
needs_message(const struct reference *reference)
{
    return reference->place == PLACE_MEMBER || reference->place == PLACE_TOP_MEMBER;
}

bool
signature_needs_message(const struct signature_rule *rule)
{
    bool needed = needs_message(&rule->at) || (rule->timed && needs_message(&rule->time));

    for (size_t i = 0; i < rule->signed_text.count; i++) {
        needed = needed || needs_message(&rule->signed_text.parts[i]);
    }
    return needed;
}

bool
signature_given(struct scene *scene, const struct signature_rule *rule)
{
    return !slice_empty(reference_bytes(scene, &rule->at));
}

/* --- the time of signing --- */

/* Unix seconds or milliseconds; -1 when it is neither. */
static int64_t
read_time_ms(struct slice text)
{
    int64_t number = 0;

    if (text.length == 0 || text.length > TIME_DIGITS_MAX) {
        return -1;
    }
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return -1;
        }
        number = number * 10 + (text.data[i] - '0');
    }
    return number < FIRST_MILLIS ? number * 1000 : number;
}

static bool
in_time(struct scene *scene, const struct signature_rule *rule)
{
    int64_t signed_ms = rule->timed ? read_time_ms(reference_bytes(scene, &rule->time)) : -1;
    int64_t apart_ms = scene->callback->received_ms - signed_ms;

    if (!rule->timed) {
        return true;
    }
    return signed_ms >= 0 && (apart_ms < 0 ? -apart_ms : apart_ms) <= (int64_t)rule->tolerance_seconds * 1000;
}

/* --- the digest --- */

/* As hex in lower case or as Base64 with its padding; its length, 0 on failure. */
static size_t
compute(struct scene *scene, const struct signature_rule *rule, struct slice key, char text[TEXT_BYTES_MAX + 1])
{
    static const enum digest_algorithm algorithms[] = {
        [SIGNATURE_MD5] = DIGEST_MD5, [SIGNATURE_SHA1] = DIGEST_SHA1, [SIGNATURE_SHA256] = DIGEST_SHA256};
    struct slice *parts = arena_zalloc(scene->callback->arena, rule->signed_text.count + 1, sizeof *parts);
    unsigned char digest[DIGEST_BYTES_MAX];
    size_t length;

    if (parts == NULL || rule->digest == SIGNATURE_NONE) {
        return 0;
    }
    scene->key = key;
    for (size_t i = 0; i < rule->signed_text.count; i++) {
        parts[i] = reference_bytes(scene, &rule->signed_text.parts[i]);
    }
    scene->key = (struct slice){0};
    length = rule->keyed ? digest_hmac(algorithms[rule->digest], key, parts, rule->signed_text.count, digest)
                         : digest_bytes(algorithms[rule->digest], parts, rule->signed_text.count, digest);
    if (length == 0) {
        arena_starve(scene->callback->arena);
    }
    if (rule->base64) {
        return base64_encode(digest, length, text);
    }
    hex_encode(digest, length, text);
    return 2 * length;
}

static size_t
unpadded(const char *text, size_t length)
{
    while (length > 0 && text[length - 1] == '=') {
        length--;
    }
    return length;
}

/* What was given in the one form that we compute: its length, 0 when it cannot be a signature. */
static size_t
normalise(const struct signature_rule *rule, struct slice given, char text[TEXT_BYTES_MAX])
{
    if (given.length > TEXT_BYTES_MAX) {
        return 0;
    }
    for (size_t i = 0; i < given.length; i++) {
        char byte = given.data[i];

        if (rule->base64) {
            byte = byte == '-' || byte == ' ' ? '+' : byte;
            byte = byte == '_' ? '/' : byte;
        } else if (byte >= 'A' && byte <= 'F') {
            byte = (char)(byte - 'A' + 'a');
        }
        text[i] = byte;
    }
    return rule->base64 ? unpadded(text, given.length) : given.length;
}

bool
signature_valid(struct scene *scene, const struct signature_rule *rule)
{
    struct slice given = reference_bytes(scene, &rule->at);
    size_t prefix = rule->prefix.length;
    char text[TEXT_BYTES_MAX];
    bool valid = false;
    size_t length;

    if (given.length <= prefix || (prefix > 0 && memcmp(given.data, rule->prefix.data, prefix) != 0) ||
        !in_time(scene, rule)) {
        return false;
    }
    length = normalise(rule, slice_make(given.data + prefix, given.length - prefix), text);
    for (size_t i = 0; i < rule->key_count; i++) { /* all of them, so that the time does not tell which */
        char expected[TEXT_BYTES_MAX + 1];
        size_t expected_length = compute(scene, rule, rule->keys[i], expected);

        expected_length = rule->base64 ? unpadded(expected, expected_length) : expected_length;
        valid = secret_equal(slice_make(text, length), slice_make(expected, expected_length)) || valid;
    }
    return valid;
}

struct slice
signature_make(struct scene *scene, const struct signature_rule *rule)
{
    char text[TEXT_BYTES_MAX + 1];
    size_t length = rule->key_count == 0 ? 0 : compute(scene, rule, rule->keys[0], text);

    if (length == 0) {
        return (struct slice){0};
    }
    return arena_printf(scene->callback->arena, "%.*s%.*s", SLICE_ARGS(rule->prefix), (int)length, text);
}
