/* What the files of yeta's call side share. */
#pragma once

#include "adapters/operation.h"

/* The account's settings, in the order of their rows. */
enum yeta_account_setting {
    YETA_APP_KEY,
    YETA_APP_SECRET,
    YETA_CUSTOMER_COLUMN,
    YETA_LINE_SEPARATOR,
};

extern const struct call_side yeta_calls;

/* A setting, or its default. */
struct slice yeta_setting(const struct composition_input *input, enum yeta_account_setting setting);

void yeta_interpret(const struct interpretation *interpretation, struct vendor_answer *answer);

/* 三 and 五: the operations that submit rows of numbers. */
bool yeta_compose_dial(const struct operation *operation, const struct composition_input *input,
                       struct composition *composition, struct error *error);
bool yeta_compose_add(const struct operation *operation, const struct composition_input *input,
                      struct composition *composition, struct error *error);
/* Two dials whose robot, line, columns in their order, voice and speed are the same. */
bool yeta_dials_together(const struct command *a, const struct command *b);
