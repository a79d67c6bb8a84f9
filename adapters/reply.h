/* What the answers of several vendors have in common: a JSON object with a code, and HTTP's own ways to say no. */
#pragma once

#include "adapters/operation.h"

/* The answer as long as nothing better is known: CALL_INTERNAL, maybe acted, repeated where that is safe. Returns the
 * body when it is a JSON object, which is then the answer's `answer` as well, with the member `code` (a number or a
 * string) as its vendor_code and `message` as its vendor_message, both cut at what a result may carry. NULL when it is
 * anything else. What is returned and filled in points into the body and the arena. */
const struct value *reply_read(const struct interpretation *interpretation, struct vendor_answer *answer);

/* The members `code` and `message` of an object, cut at what a result may carry; for replies that wrap another one. */
struct slice reply_code(const struct value *object);
struct slice reply_message(const struct value *object);

/* Fills in what code means: by the account's own rules under any status; else under a status of success by the table,
 * and under any other by the row for "http_<status>", or by a row for the code that is a refusal while the status is
 * 4xx. What is left stays as reply_read had it, a status 5xx in particular. vendor_code becomes "http_<status>" where
 * the body told none, or success. A batch of one is not halved, and the request for a token not repeated with a new
 * token. */
void reply_decide(const struct interpretation *interpretation, const struct code_rule *table, struct slice code,
                  struct vendor_answer *answer);

/* Whether the answer is that of the operation that fetches a token. Such an answer goes into no result. */
bool reply_is_token(const struct interpretation *interpretation);

/* A token that can go into a header or, percent-encoded, into a query: a string of 1 to 2048 printable ASCII characters
 * without a space. Else the empty slice. */
struct slice reply_token(const struct value *value);

/* Takes success back: the vendor says yes, and what it should have given is not there. */
void reply_unusable(struct vendor_answer *answer);
