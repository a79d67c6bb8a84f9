/* Late answers: what a vendor said to a request whose lane had been lost meanwhile. The next owner has called the
 * command's fate unknown, or will; this tells what is known all the same. */
#pragma once

#include "egress/attempt.h"

/* Publishes the concluded attempt's answer for one of its commands, outside any transaction. Nobody waits for it. */
void late_publish(const struct attempt *attempt, size_t index);
