/* Reads an XML body with expat into the same tree as JSON: an object of strings. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* The root element's children become members of the returned object: text-only elements strings, elements with children
 * objects; attributes become members named "@name", text beside child elements the member "#text". Refused: any DTD or
 * entity declaration, undeclared entities, invalid UTF-8, other encodings than UTF-8, NUL, duplicate names within one
 * element, what exceeds the limits. A bare '&' that begins no entity or character reference is read as the character
 * itself: vendors send it unescaped. *root (may be NULL) gets the root element's name. NULL on failure. */
struct value *xml_parse(struct arena *arena, struct slice text, struct value_limits limits, struct slice *root,
                        struct error *error);
