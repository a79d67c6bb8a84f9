/* Reading a small file whole; pipes will do, so its size is not asked for. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The bytes read, at most size; -1 with errno. */
static ssize_t
read_all(int file, char *bytes, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(file, bytes + length, size - length);

        if (got == 0) {
            break;
        }
        if (got > 0) {
            length += (size_t)got;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)length;
}

bool
file_read(const char *path, size_t limit_bytes, struct arena *arena, struct slice *content, struct error *error)
{
    char *bytes = arena_alloc(arena, limit_bytes + 1);
    if (bytes == NULL) {
        return error_set(error, "there is not enough memory to read %s", path);
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return error_set(error, "cannot open %s: %s", path, strerror(errno));
    }

    ssize_t length = read_all(file, bytes, limit_bytes + 1);
    int reason = errno;
    (void)close(file);
    if (length < 0) {
        return error_set(error, "cannot read %s: %s", path, strerror(reason));
    }
    if ((size_t)length > limit_bytes) {
        return error_set(error, "%s is longer than %zu bytes", path, limit_bytes);
    }
    bytes[length] = '\0';
    *content = slice_make(bytes, (size_t)length);
    return true;
}
