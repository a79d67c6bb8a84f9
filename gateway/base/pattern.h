/* Patterns, of routes and of conditions: '*' stands for any run of characters, everything else for itself. */
#pragma once

#include "base/slice.h"

bool pattern_matches(struct slice pattern, struct slice text);
