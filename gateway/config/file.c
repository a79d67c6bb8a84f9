/* Reading a small file whole; pipes will do, so its size is not asked for. */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_BYTES ((size_t)4096)

/* What has been read so far; outside the arena, because its length is only known at the end. */
struct content {
    char *bytes;
    size_t length, size;
};

static bool
content_grow(struct content *content, size_t limit)
{
    size_t size = content->size == 0 ? FIRST_BYTES : content->size * 2;
    char *bytes;

    size = size > limit ? limit : size;
    bytes = realloc(content->bytes, size);
    if (bytes == NULL) {
        errno = ENOMEM;
        return false;
    }
    content->bytes = bytes;
    content->size = size;
    return true;
}

/* Up to limit bytes; false with errno. */
static bool
read_all(int file, size_t limit, struct content *content)
{
    while (content->length < limit) {
        if (content->length == content->size && !content_grow(content, limit)) {
            return false;
        }
        ssize_t got = read(file, content->bytes + content->length, content->size - content->length);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            content->length += (size_t)got;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool
file_read(const char *path, size_t limit_bytes, struct arena *arena, struct slice *content, struct error *error)
{
    struct content all = {NULL, 0, 0};
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0) {
        return error_set(error, "cannot open %s: %s", path, strerror(errno));
    }
    bool read = read_all(file, limit_bytes + 1, &all);
    int reason = errno;
    (void)close(file);
    if (!read) {
        error_set(error, "cannot read %s: %s", path, strerror(reason));
    } else if (all.length > limit_bytes) {
        read = error_set(error, "%s is longer than %zu bytes", path, limit_bytes);
    } else {
        *content = arena_copy(arena, slice_make(all.bytes, all.length));
        read = content->data != NULL || error_set(error, "there is not enough memory to read %s", path);
    }
    if (all.bytes != NULL) {
        explicit_bzero(all.bytes, all.size); /* it may have held a secret */
    }
    free(all.bytes);
    return read;
}
