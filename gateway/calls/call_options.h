/* What libcurl is told about a call. For this room alone. */
#pragma once

#include "calls/call_state.h"

/* Whether that can be sent just as it stands; error never has more of the URL than that it is wrong. */
bool call_request_check(const struct call_request *request, struct error *error) MUST_CHECK;
/* Makes the easy handle of a call whose url and body are set; libcurl copies neither. */
bool call_options_set(struct call *call, const struct call_request *request, struct error *error) MUST_CHECK;
