/* One error text for a person, filled by whoever fails. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

bool
error_set(struct error *error, const char *format, ...)
{
    va_list arguments;

    if (error != NULL) {
        va_start(arguments, format);
        vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
    }
    return false;
}
