/* What the debug log says about calls: enough to see what went wrong, without a secret and without a whole number of a
 * phone. */
#pragma once

#include "calls/call.h"

/* Both write a line only when the log's level is debug. */
void call_log_request(const struct call_request *request);
void call_log_answer(struct slice url, const struct call_outcome *outcome);

#define CALL_LOG_TEXT_BYTES 1025 /* one more than the log shows, so that it shows that it cut */

/* Writes as much of the text as fits into masked, and returns how many bytes that is. Masked are
 * - runs of five digits and more but for the last four, also with blanks, dashes, dots and brackets between them;
 * - digits and letters that are spelled as \u escapes, and full-width digits;
 * - values that follow a secret's name (token, secret, password, sign and the like), in JSON, in JSON within a JSON
 *   string, in XML and in forms. */
size_t call_log_mask(struct slice text, char *masked, size_t size);
