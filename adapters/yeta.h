/* What the files of the adapter yeta share. */
#pragma once

#include "adapters/adapter.h"

extern const struct adapter_kind yeta_kinds[];
