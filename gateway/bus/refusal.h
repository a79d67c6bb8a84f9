/* Why brokers do not let us in, where TLS, SASL or the wrong protocol is the reason: then Kafka is no less there for
 * others, and somebody has to change a setting. */
#pragma once

#include "base/error.h"

/* What librdkafka says of a broker; called on any of its threads. */
void refusal_note(const char *text);
/* A broker has answered: whatever was wrong is not any more. From any thread. */
void refusal_over(void);
/* Whether a broker has lately refused this process, any of its clients: then error says why, and what to do. From any
 * thread. */
bool refusal_lately(struct error *error);
