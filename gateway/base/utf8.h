/* UTF-8, strictly: RFC 3629. */
#pragma once

#include "base/slice.h"

/* No overlong forms, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct slice text);
