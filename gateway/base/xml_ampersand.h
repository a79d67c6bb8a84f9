/* Mends what vendors that build XML by hand leave unescaped. For xml.c alone. */
#pragma once

#include "base/arena.h"

/* The text with every '&' that begins no reference written as "&amp;": the text itself when there is none, else a copy
 * in the arena; an empty slice without data when the arena is full. CDATA, comments and processing instructions stay.
 */
struct slice xml_escape_bare_ampersands(struct arena *arena, struct slice text);
