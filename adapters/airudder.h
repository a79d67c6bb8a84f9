/* What the files of the adapter airudder share. */
#pragma once

#include "adapters/operation.h"

extern const struct call_side airudder_calls;
