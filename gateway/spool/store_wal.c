/* What SQLite does not tell of a WAL: it reads one up to the first frame whose checksum does not fit, takes that for
 * the end, as after a power cut, and says nothing of what was committed behind it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool/store_opening.h"

#define MAGIC          0x377f0682U /* its lowest bit: checksums count big-endian */
#define HEADER_BYTES   32
#define FRAME_HEADER   24
#define FRAME_BYTES    (FRAME_HEADER + STORE_PAGE_BYTES)
#define FRAMES_AT_ONCE 64

struct sum {
    uint32_t one, two;
};

/* The walk along a WAL. */
struct walk {
    int file;
    bool big_endian;
    bool header_valid;
    uint64_t salts;  /* of the WAL's present turn; frames of earlier ones may lie behind its end */
    struct sum link; /* as it stands in the frame before, or in the header */
    bool readable;   /* so far SQLite reads it */
    bool stopped_at_commit;
    unsigned commits_behind;
    off_t last_commit; /* where the last frame of them is */
    uint32_t last_page;
};

static uint32_t
big(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t
salts_of(const unsigned char *bytes)
{
    return (uint64_t)big(bytes) << 32 | big(bytes + 4);
}

static uint32_t
word(const struct walk *walk, const unsigned char *bytes)
{
    return walk->big_endian ? big(bytes)
                            : (uint32_t)bytes[3] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[1] << 8 | bytes[0];
}

static struct sum
add(const struct walk *walk, struct sum sum, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i += 8) {
        sum.one += word(walk, bytes + i) + sum.two;
        sum.two += word(walk, bytes + i + 4) + sum.one;
    }
    return sum;
}

static bool
fits(struct sum sum, const unsigned char *stored)
{
    return sum.one == big(stored) && sum.two == big(stored + 4);
}

static void
read_header(struct walk *walk, const unsigned char *header)
{
    walk->big_endian = (big(header) & 1) != 0;
    walk->header_valid = (big(header) & ~1U) == MAGIC && big(header + 8) == STORE_PAGE_BYTES &&
                         fits(add(walk, (struct sum){0}, header, 24), header + 24);
    walk->readable = walk->header_valid;
    walk->salts = salts_of(header + 16);
    walk->link = (struct sum){big(header + 24), big(header + 28)};
    if (!walk->header_valid) {
        walk->big_endian = false; /* as SQLite writes it on the machines that we run on */
    }
}

/* SQLite reads no further. */
static void
stop_at(struct walk *walk, bool commits)
{
    if (walk->readable) {
        walk->readable = false;
        walk->stopped_at_commit = commits;
    }
}

static void
walk_frame(struct walk *walk, const unsigned char *frame, off_t offset)
{
    bool is_first = offset == HEADER_BYTES;
    bool linked = (!is_first || walk->header_valid) &&
                  fits(add(walk, add(walk, walk->link, frame, 8), frame + FRAME_HEADER, STORE_PAGE_BYTES), frame + 16);
    bool commits = big(frame + 4) != 0;

    if (is_first && !walk->header_valid) {
        walk->salts = salts_of(frame + 8);
    }
    walk->link = (struct sum){big(frame + 16), big(frame + 20)};
    if (salts_of(frame + 8) != walk->salts || !linked) {
        stop_at(walk, commits); /* not the end, if frames of this turn follow */
    } else if (!walk->readable && commits) {
        walk->commits_behind++;
        walk->last_commit = offset;
        walk->last_page = big(frame);
    }
}

static ssize_t
read_at(int file, unsigned char *bytes, size_t length, off_t offset)
{
    size_t done = 0;

    while (done < length) {
        ssize_t got = pread(file, bytes + done, length - done, offset + (off_t)done);

        if (got < 0 && errno != EINTR) {
            return -1;
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

/* false: it cannot be read. */
static bool
walk_all(struct walk *walk, unsigned char *bytes)
{
    ssize_t got = read_at(walk->file, bytes, HEADER_BYTES, 0);
    off_t offset = HEADER_BYTES;

    if (got < HEADER_BYTES) {
        return got >= 0;
    }
    read_header(walk, bytes);
    while ((got = read_at(walk->file, bytes, (size_t)FRAMES_AT_ONCE * FRAME_BYTES, offset)) >= FRAME_BYTES) {
        for (const unsigned char *frame = bytes; frame + FRAME_BYTES <= bytes + got; frame += FRAME_BYTES) {
            walk_frame(walk, frame, offset);
            offset += FRAME_BYTES;
        }
    }
    return got >= 0;
}

/* The last commit is the last that a checkpoint takes: when its page is there, everything is. */
static bool
is_in_database(const struct walk *walk, int database, unsigned char *bytes)
{
    off_t place = ((off_t)walk->last_page - 1) * STORE_PAGE_BYTES;

    return walk->last_page > 0 &&
           read_at(walk->file, bytes, STORE_PAGE_BYTES, walk->last_commit + FRAME_HEADER) == STORE_PAGE_BYTES &&
           read_at(database, bytes + STORE_PAGE_BYTES, STORE_PAGE_BYTES, place) == STORE_PAGE_BYTES &&
           memcmp(bytes, bytes + STORE_PAGE_BYTES, STORE_PAGE_BYTES) == 0;
}

/* One commit behind may be that of the very transaction that was not written whole: it was never answered for. */
static bool
is_whole(struct walk *walk, int database, unsigned char *bytes)
{
    return walk_all(walk, bytes) &&
           (walk->commits_behind < (walk->stopped_at_commit ? 1 : 2) || is_in_database(walk, database, bytes));
}

bool
opening_check_wal(struct opening *opening)
{
    struct store *store = opening->store;
    struct walk walk = {.file = open(store->wal_path, O_RDONLY | O_CLOEXEC)};
    int database = open(store->path, O_RDONLY | O_CLOEXEC);
    unsigned char *bytes = malloc((size_t)FRAMES_AT_ONCE * FRAME_BYTES);
    bool done = true;

    if (bytes == NULL) {
        done = error_set(opening->error, "out of memory");
    } else if (walk.file >= 0 && database >= 0) {
        store->unsound = store->unsound || !is_whole(&walk, database, bytes);
    }
    free(bytes);
    if (walk.file >= 0) {
        (void)close(walk.file);
    }
    if (database >= 0) {
        (void)close(database);
    }
    return done;
}
