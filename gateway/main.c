/* trunkline: sees to the standard files, and picks the verb. */
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

#include "verbs/verbs.h"

/* Whoever starts a program may leave 0, 1 or 2 closed. The next file or connection that is opened would then be it, and
 * get what is printed and logged. open() takes the lowest that is free, so what is above them is closed again. */
static bool
fill_standard_files(void)
{
    int file;

    do {
        /* To be read only: what is written to it fails, and is told as for any output that cannot be written. */
        file = open("/dev/null", O_RDONLY);
    } while (file >= 0 && file <= STDERR_FILENO);
    return file >= 0 && close(file) == 0;
}

int
main(int argc, char **argv)
{
    return fill_standard_files() ? verbs_run(argc, argv) : 1;
}
