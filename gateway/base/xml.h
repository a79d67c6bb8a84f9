/* Reads an XML body with expat into the same tree as JSON: an object of strings. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/value.h"

/* The root element's children become members of the returned object. An element that holds text alone becomes a string,
 * its text kept to the byte; one with child elements an object, in which white space between them is left out.
 * Attributes become members named "@name"; text beside child elements or attributes the member "#text". Names are kept
 * as written, prefixes included.
 *
 * Refused: any DTD (so there are no entities but the five predefined ones), invalid UTF-8, encodings other than UTF-8,
 * NUL, a name that comes twice within one element, and what exceeds the limits. An '&' that begins neither a predefined
 * entity nor a character reference is read as itself: vendors send URLs unescaped.
 *
 * *root (may be NULL) gets the root element's name. Nothing of the result points into text. NULL on failure; when
 * arena_failed(arena) then, the fault was not the text's. */
struct value *xml_parse(struct arena *arena, struct slice text, struct value_limits limits, struct slice *root,
                        struct error *error) MUST_CHECK;
/* The same, but elements that have one name within an element are taken: they become an array of that name, in their
 * order. One alone is no array. */
struct value *xml_parse_lists(struct arena *arena, struct slice text, struct value_limits limits,
                              struct error *error) MUST_CHECK;
