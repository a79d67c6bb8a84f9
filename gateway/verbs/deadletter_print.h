/* Dead letters on a terminal, or in a pipe. */
#pragma once

#include "verbs/deadletter_selection.h"

enum deadletter_form {
    DEADLETTER_LINE,      /* partition:offset, time, source, reason, id, bytes of the body */
    DEADLETTER_LINE_JSON, /* the same as an object */
    DEADLETTER_WHOLE,     /* headers, an empty line, the body */
    DEADLETTER_WHOLE_JSON,
    DEADLETTER_BODY, /* its bytes alone */
};

/* Prints all that is selected. Returns the exit status; what is wrong is told on stderr. */
int deadletter_print(const struct config *config, const struct deadletter_selection *selection,
                     enum deadletter_form form);
