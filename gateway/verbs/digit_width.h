/* Digits as Chinese input methods write them, １３８ beside 138, and the white space and dashes that come along from
 * web pages: what a number is looked for in has none of them. */
#pragma once

#include "base/arena.h"

/* The text with its full-width digits as those of ASCII, and what stands between two digits as the blank or dash that
 * it looks like: itself when there is nothing of that kind. The empty slice when the arena is full. */
struct slice digits_narrowed(struct slice text, struct arena *arena);
