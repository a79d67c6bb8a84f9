/* How a vendor without an adapter of its own signs its callbacks. */
#include "config/faults.h"
#include "config/mapping_draft.h"
#include "config/sections.h"

static const struct {
    enum signature_digest digest;
    bool keyed;
} algorithms[] = {
    [ALGORITHM_HMAC_SHA256] = {SIGNATURE_SHA256, true}, [ALGORITHM_HMAC_SHA1] = {SIGNATURE_SHA1, true},
    [ALGORITHM_HMAC_MD5] = {SIGNATURE_MD5, true},       [ALGORITHM_SHA256] = {SIGNATURE_SHA256, false},
    [ALGORITHM_SHA1] = {SIGNATURE_SHA1, false},         [ALGORITHM_MD5] = {SIGNATURE_MD5, false},
};

static struct written
written_at(const struct node *node, const char *option, struct slice text, unsigned places)
{
    return (struct written){text, option_line(node, option), option, places | PLACES_CREDENTIALS};
}

/* What signs must be there, and the text that it signs. */
static void
read_signed(struct loader *loader, const struct node *node, struct signature_draft *draft)
{
    struct signature_rule *rule = &draft->rule;
    unsigned places = (PLACES_SENT & ~PLACE_BIT(PLACE_KEY)) | (rule->keyed ? 0 : PLACE_BIT(PLACE_KEY));
    struct written written = written_at(node, "signed", draft->signed_text, places);

    /* A file of keys that could not be read has been told. */
    if (rule->key_count == 0 && !tree_given(tree_member(node, slice_from("keys_file")))) {
        fault_add(loader->faults, option_line(node, "keys"),
                  "%sit has no keys; set keys, or keys_file, to what the vendor signs with", loader->where);
    }
    if (slice_empty(written.text) && rule->keyed) {
        written.text = slice_from("{body}");
    }
    bool right = template_read(loader, &written, &rule->signed_text);
    if (!rule->keyed && (right || slice_empty(written.text)) && !template_names(&rule->signed_text, PLACE_KEY)) {
        fault_add(loader->faults, written.line,
                  "%ssigned: anybody can compute a plain digest of what holds no secret; put {key} where the vendor "
                  "puts it, like \"{body}{key}\", or take an hmac algorithm",
                  loader->where);
    }
}

/* Whether what stands there is part of what is signed. */
static bool
is_signed(const struct signature_rule *rule, const struct reference *at)
{
    bool whole = template_names(&rule->signed_text, at->place == PLACE_PARAMETER ? PLACE_QUERY : PLACE_BODY);

    for (size_t i = 0; i < rule->signed_text.count; i++) {
        if (references_equal(&rule->signed_text.parts[i], at)) {
            return true;
        }
    }
    return at->place != PLACE_HEADER && whole;
}

static void
read_place(struct loader *loader, const struct node *node, struct signature_draft *draft)
{
    struct signature_rule *rule = &draft->rule;
    const struct written written = written_at(node, "in", draft->at, PLACES_NAMED);

    if (slice_empty(draft->at)) {
        fault_add(loader->faults, node->line,
                  "%sit has no in; set in to where the signature stands, like header.x-signature", loader->where);
    } else if (reference_read(loader, &written, &rule->at) && is_signed(rule, &rule->at)) {
        fault_add(loader->faults, written.line,
                  "%sin: the signature stands in what is signed, which cannot be; name the parts that are signed",
                  loader->where);
    }
}

static void
read_time(struct loader *loader, const struct node *node, struct signature_draft *draft)
{
    struct signature_rule *rule = &draft->rule;
    const struct written written = written_at(node, "time", draft->time, PLACES_NAMED);

    if (slice_empty(draft->time)) {
        if (tree_given(tree_member(node, slice_from("tolerance_seconds")))) {
            fault_add(loader->faults, option_line(node, "tolerance_seconds"),
                      "%stolerance_seconds is of no use without time; set time to where the time of signing stands",
                      loader->where);
        }
        return;
    }
    rule->timed = reference_read(loader, &written, &rule->time);
    if (rule->timed && rule->signed_text.count > 0 && !is_signed(rule, &rule->time)) {
        fault_add(&loader->warnings, written.line,
                  "%stime: it is not part of what is signed, so whoever has seen a callback can post it again with a "
                  "new time",
                  loader->where);
    }
}

void
signature_read(struct loader *loader, const struct node *node, struct signature_rule *rule)
{
    struct signature_draft draft = {.rule.digest = SIGNATURE_NONE};
    const char *outer = where_enter(loader, loader->where, "signature: ");

    options_read(loader, node, signature_table, &draft);
    draft.rule.digest = algorithms[draft.algorithm].digest;
    draft.rule.keyed = algorithms[draft.algorithm].keyed;
    draft.rule.base64 = draft.encoding == 1;
    read_signed(loader, node, &draft);
    read_place(loader, node, &draft);
    read_time(loader, node, &draft);
    *rule = draft.rule;
    loader->where = outer;
}
