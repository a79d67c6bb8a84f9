/* A library for LD_PRELOAD that lets allocations fail, for one process: so tests can try what a gateway does that is
 * short of memory, without a machine that is.
 *
 * SCARCE_MEMORY is a file with a number: one of so many allocations fails, on average; 0: none, as without the file. It
 * is looked at all the while. Only what the process's own code, libevent, libevhtp, yajl, expat and OpenSSL ask for can
 * fail: librdkafka ends a process that is out of memory, and says so. libevhtp's parser, the one large thing that it
 * asks for, is left out: the gateway sees to it beforehand that there is room. The thread that started the process is
 * left alone. How many have failed is told by the file's second number. */
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES       32
#define PARSER_BYTES 4096
#define WORD         __attribute__((visibility("default")))

struct control {
    _Atomic uint32_t one_in, failed;
};

static const char *const names[] = {"libevent", "libevhtp", "libyajl", "libexpat", "libcrypto"};
static struct {
    uintptr_t begin, end;
    bool small_only;
} ranges[RANGES];
static size_t range_count;
static struct control *control;
static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static _Thread_local uint64_t dice;
static _Thread_local bool main_thread;

/* dlsym itself allocates before it has found anything. */
static char early[65536];
static size_t early_used;

static void *
take_early(size_t bytes)
{
    size_t size = (bytes + 15) & ~(size_t)15;
    void *block = early + early_used;

    if (size > sizeof early - early_used) {
        _exit(99);
    }
    early_used += size;
    return block;
}

static int
note_range(struct dl_phdr_info *info, size_t size, void *argument)
{
    bool wanted = info->dlpi_name[0] == '\0';

    (void)size, (void)argument;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        wanted = wanted || strstr(info->dlpi_name, names[i]) != NULL;
    }
    for (size_t i = 0; wanted && i < info->dlpi_phnum && range_count < RANGES; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0) {
            ranges[range_count].begin = info->dlpi_addr + header->p_vaddr;
            ranges[range_count].end = ranges[range_count].begin + header->p_memsz;
            ranges[range_count].small_only = strstr(info->dlpi_name, "libevhtp") != NULL;
            range_count++;
        }
    }
    return 0;
}

__attribute__((constructor)) static void
set_up(void)
{
    const char *path = getenv("SCARCE_MEMORY");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *shared = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    main_thread = true;
    if (fd >= 0) {
        close(fd);
    }
    if (shared != MAP_FAILED) {
        (void)dl_iterate_phdr(note_range, NULL);
        control = shared;
    }
}

static bool
fails(const void *caller, size_t bytes)
{
    uint32_t one_in = control == NULL || main_thread ? 0 : atomic_load(&control->one_in);
    bool counts = false;

    if (one_in == 0) {
        return false;
    }
    for (size_t i = 0; i < range_count && !counts; i++) {
        counts = (uintptr_t)caller >= ranges[i].begin && (uintptr_t)caller < ranges[i].end &&
                 (!ranges[i].small_only || bytes < PARSER_BYTES);
    }
    if (dice == 0) {
        dice = (uint64_t)gettid();
    }
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    if (!counts || (dice >> 33) % one_in != 0) {
        return false;
    }
    atomic_fetch_add(&control->failed, 1);
    return true;
}

WORD void *
malloc(size_t bytes)
{
    if (real_malloc == NULL) {
        real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    }
    return fails(__builtin_return_address(0), bytes) ? NULL : real_malloc(bytes);
}

WORD void *
calloc(size_t count, size_t bytes)
{
    static bool looking;

    if (real_calloc == NULL) {
        if (looking) {
            return take_early(count * bytes);
        }
        looking = true;
        real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    }
    return fails(__builtin_return_address(0), count * bytes) ? NULL : real_calloc(count, bytes);
}

WORD void *
realloc(void *block, size_t bytes)
{
    if (real_realloc == NULL) {
        real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    }
    return fails(__builtin_return_address(0), bytes) ? NULL : real_realloc(block, bytes);
}
