/* Reads a form (application/x-www-form-urlencoded), out of a body or a query, into the same tree as JSON: an object of
 * strings. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* Any text is a form: names without "=" have the empty value, empty parameters are passed over, "+" is a space, and
 * what is no valid escape stays as it is. A name that comes several times becomes an array of its values, in their
 * order, at the place of the first.
 *
 * Refused, with the reason in error: NUL, invalid UTF-8, and what exceeds the limits. text must outlive the tree. NULL
 * on failure; when arena_failed(arena) then, the fault was not the text's. */
struct value *form_parse(struct arena *arena, struct slice text, struct value_limits limits,
                         struct error *error) MUST_CHECK;

/* The value of the parameter of that name, both decoded, and its bytes whatever they are. The empty slice when there is
 * none, when there are several, for nobody could tell which is meant, and when the arena is full. */
struct slice form_parameter(struct arena *arena, struct slice text, struct slice name);
/* The form without the parameters of that name. The empty slice also when the arena is full. */
struct slice form_without(struct arena *arena, struct slice text, struct slice name);
