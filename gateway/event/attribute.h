/* What may stand in an attribute of a CloudEvent. */
#pragma once

#include "base/slice.h"

/* Whether the text, which is valid UTF-8, holds none of what CloudEvents keeps out of attributes: C0 and C1 controls,
 * DEL, noncharacters. */
bool attribute_allowed(struct slice text);

/* W3C Trace Context: version, trace id, parent id, flags; lower-case hex. Versions after 00 may have more behind. */
bool traceparent_valid(struct slice text);
