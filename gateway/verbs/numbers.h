/* Phone numbers in what is shown to people: found by the names of members and by their look, and masked but for their
 * last four digits. Secrets are no concern here: no topic holds any. */
#pragma once

#include "base/arena.h"
#include "base/value.h"

#define NUMBERS_KNOWN_MAX   64
#define NUMBERS_TAIL_DIGITS 10

/* The numbers of one record, so that each is masked wherever it stands in it. All zero at first. */
struct numbers {
    char tails[NUMBERS_KNOWN_MAX][NUMBERS_TAIL_DIGITS + 1]; /* their last digits */
    size_t count; /* of those above; more are masked where their name or look tells them, and nowhere else */
};

/* What is taken for a number, in digits 0 to 9, full-width ones too, with spaces, dashes and brackets between them, or
 * dots as in 415.555.2671:
 *
 *   - in a member whose name speaks of one (phone, mobile, tel, caller, callee, number, ...): 7 digits and more;
 *   - in a member whose name speaks of an id, a time, a size, a URL or a signature, and in keys: what looks like a
 *     number of China (13800000001, with or without 86, and 02258834811), and what begins with a plus sign;
 *   - elsewhere: 7 to 15 digits that are no time, no date, and no part of a UUID or hash.
 *
 * A member whose name speaks of a customer's name, identity card or address has its whole text masked. */

/* Notes the numbers of a text that stands under this name (empty: none), or of a whole tree. */
void numbers_note(struct numbers *numbers, struct slice name, struct slice text);
void numbers_note_tree(struct numbers *numbers, const struct value *tree);

/* The text with its numbers masked, and with those that have been noted: itself when there is none. The empty slice
 * when the arena is full. */
struct slice numbers_mask(const struct numbers *numbers, struct slice name, struct slice text, struct arena *arena);
/* Masks texts, numbers and members' names of a tree where they are; a number in which something was masked becomes a
 * string. Containers lose their raw bytes. false: the arena is full. */
bool numbers_mask_tree(const struct numbers *numbers, struct value *tree, struct arena *arena) MUST_CHECK;
