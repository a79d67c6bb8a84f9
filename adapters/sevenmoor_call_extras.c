/* What a call of 7moor's carries for us: the command's id beside the company's own data, so that the events of the call
 * tell which command caused it. adapters/sevenmoor.c takes it out again. */
#include "adapters/sevenmoor.h"
#include "adapters/sevenmoor_calls.h"
#include "base/utf8.h"

#define BRIDGE_EXTRAS_BYTES_MAX 255 /* 2.14 names no limit */

/* The vendor's programs count UTF-16 units as characters: one that is four bytes long in UTF-8 counts twice. */
static size_t
characters_at_vendor(struct slice text)
{
    size_t count = 0;

    for (size_t at = 0; at < text.length;) {
        size_t bytes = utf8_character_bytes(slice_make(text.data + at, text.length - at));

        count += bytes == 4 ? 2 : 1;
        at += bytes > 0 ? bytes : 1;
    }
    return count;
}

static bool
fits(struct slice extras)
{
    return extras.length <= SEVENMOOR_EXTRAS_BYTES_MAX &&
           characters_at_vendor(extras) <= SEVENMOOR_EXTRAS_CHARACTERS_MAX;
}

/* Whether the other side would take it for something that we have wrapped. */
static bool
looks_wrapped(const struct value *extras)
{
    return extras->count == 1 && value_member(extras, SEVENMOOR_WRAPPED_MEMBER) != NULL;
}

/* The object as it goes to the vendor; id empty: without it. */
static struct slice
extras_text(const struct composer *composer, const struct value *extras, struct slice id)
{
    struct json_writer writer;
    bool open = extras != NULL && extras->kind == VALUE_OBJECT && (slice_empty(id) || !looks_wrapped(extras));

    json_writer_init(&writer, composer->arena, SEVENMOOR_EXTRAS_BYTES_MAX);
    json_open(&writer, '{');
    if (open) {
        for (const struct value *member = extras->first; member != NULL; member = member->next) {
            json_name(&writer, member->name);
            composer_write_compact(&writer, member);
        }
    } else if (extras != NULL) {
        json_name(&writer, slice_from(SEVENMOOR_WRAPPED_MEMBER));
        composer_write_compact(&writer, extras);
    }
    if (!slice_empty(id)) {
        json_name(&writer, slice_from(SEVENMOOR_COMMAND_MEMBER));
        json_string(&writer, id);
    }
    json_close(&writer, '}');
    return json_finish(&writer);
}

static bool
names_are_free(struct composer *composer, const struct value *extras)
{
    return value_member(extras, SEVENMOOR_COMMAND_MEMBER) == NULL ||
           composer_refuse(composer, "extras." SEVENMOOR_COMMAND_MEMBER,
                           "the name is taken: the command's id travels under it; use another one");
}

/* Empty strings and the text `null` are the vendor's ways to say that there are none. */
static const struct value *
without_empty(const struct value *extras)
{
    bool empty =
        extras != NULL && extras->kind == VALUE_STRING && (slice_empty(extras->text) || slice_is(extras->text, "null"));

    return empty ? NULL : extras;
}

bool
sevenmoor_write_dial_extras(struct composer *composer, const struct value *extras, bool *uncorrelated)
{
    struct slice id = composer->command->id;
    struct slice text, own;

    extras = without_empty(extras);
    if (!names_are_free(composer, extras)) {
        return false;
    }
    text = extras_text(composer, extras, id);
    *uncorrelated = slice_is(id, "null") || !fits(text); /* the text `null` would count as absent when it comes back */
    if (*uncorrelated) {
        own = extras_text(composer, extras, slice_make(NULL, 0));
        if (!fits(own)) {
            return composer_refuse(
                composer, "extras", "has %zu characters and %zu bytes as compact JSON; 7moor takes %d and %d",
                characters_at_vendor(own), own.length, SEVENMOOR_EXTRAS_CHARACTERS_MAX, SEVENMOOR_EXTRAS_BYTES_MAX);
        }
        text = own;
    }
    json_name(&composer->writer, slice_from("extras"));
    json_raw(&composer->writer, text);
    return true;
}

bool
sevenmoor_write_bridge_extras(struct composer *composer, const struct value *extras)
{
    struct json_writer writer;
    struct slice text;

    extras = without_empty(extras);
    if (extras == NULL) {
        return true;
    }
    if (extras->kind != VALUE_STRING && extras->kind != VALUE_OBJECT) {
        return composer_refuse(composer, "extras", "must be a string or an object");
    }
    if (!names_are_free(composer, extras)) {
        return false;
    }
    json_writer_init(&writer, composer->arena, BRIDGE_EXTRAS_BYTES_MAX);
    composer_write_compact(&writer, extras);
    text = json_finish(&writer);
    if (text.length > BRIDGE_EXTRAS_BYTES_MAX) {
        return composer_refuse(composer, "extras", "has %zu bytes as compact JSON; at most %d are allowed", text.length,
                               BRIDGE_EXTRAS_BYTES_MAX);
    }
    json_name(&composer->writer, slice_from("extras"));
    json_raw(&composer->writer, text);
    return true;
}
