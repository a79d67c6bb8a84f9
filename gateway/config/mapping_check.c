/* What of a mapping is right by itself and yet lets forgeries in, or makes one event of many. */
#include "config/faults.h"
#include "config/mapping_draft.h"

/* Places that are the same in every callback of a source, or in most. */
#define PLACES_COMMON (PLACE_BIT(PLACE_LITERAL) | PLACE_BIT(PLACE_METHOD) | PLACE_BIT(PLACE_ENDPOINT))

/* All that the template names. */
static unsigned
places_named(const struct text_template *template)
{
    unsigned places = 0;

    for (size_t i = 0; i < template->count; i++) {
        places |= PLACE_BIT(template->parts[i].place);
    }
    return places;
}

/* --- signatures --- */

/* Whether something besides the signature keeps strangers away. */
static bool
is_guarded(const struct source *source)
{
    return source->secret_count > 0 || source->allow.count > 0 || source->client_certificate;
}

/* A signature that leaves the message out is good for any other message, too. */
static void
check_signed(struct loader *loader, const struct node *node, const struct mapping *mapping)
{
    bool from_query = mapping->format == MAPPING_QUERY;
    unsigned whole = from_query ? PLACE_BIT(PLACE_QUERY) | PLACE_BIT(PLACE_PARAMETER) : PLACE_BIT(PLACE_BODY);
    const char *option = tree_given(option_node(node, "signature.signed")) ? "signature.signed" : "signature";
    unsigned covered = places_named(&mapping->signature.signed_text) & (PLACES_POINTED | whole);

    if (mapping->signature.digest != SIGNATURE_NONE && covered == 0 && !is_guarded(loader->source)) {
        fault_add(&loader->warnings, option_line(node, option),
                  "%ssignature: signed: it holds nothing of the message, so whoever has seen one callback can post any "
                  "other with its signature; put {%s} into it if the vendor signs that, else set secrets, allow or "
                  "client_certificate, too",
                  loader->where, from_query ? "query" : "body");
    }
}

/* --- ids --- */

/* A key is the same in repeats of a callback, and in nothing else. */
static void
check_key(struct loader *loader, const struct node *node, const struct mapping *mapping, const struct event_rule *rule)
{
    unsigned places = places_named(&rule->key) | places_named(&rule->suffix);

    if ((places & ~PLACES_COMMON) == 0) {
        fault_add(loader->faults, option_line(node, "key"),
                  "%skey: all callbacks have the same one, so all would count as repeats of the first; set key to what "
                  "tells them apart, like /id",
                  loader->where);
    } else if (mapping->has_records && (places & PLACE_BIT(PLACE_MEMBER)) == 0) {
        fault_add(&loader->warnings, option_line(node, "key"),
                  "%skey: all records of a callback have the same one, so all would count as repeats of the first; "
                  "put a member of the record into it, like \"{^/batch}-{/id}\", or set suffix to one",
                  loader->where);
    }
}

void
mapping_check(struct loader *loader, const struct node *node, const struct mapping *mapping)
{
    const struct node *element = tree_member(node, slice_from("events"))->first;

    check_signed(loader, node, mapping);
    for (size_t i = 0; i < mapping->event_count; i++, element = element->next) {
        const char *outer = where_enter(loader, loader->where, "event %zu: ", i + 1);

        check_key(loader, element, mapping, &mapping->events[i]);
        loader->where = outer;
    }
}
