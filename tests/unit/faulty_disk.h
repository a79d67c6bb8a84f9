/* A disk of tests, between SQLite and the real files: it fails when it is told to, and it knows what would be left
 * after a power failure: what was written before an fsync that succeeded. What was written before one that failed is
 * gone for good, as with Linux, even when a later one succeeds. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum disk_call { DISK_WRITE, DISK_SYNC, DISK_TRUNCATE, DISK_SHARED, DISK_READ, DISK_CALLS };

struct disk_fault {
    enum disk_call call;
    int nth;    /* that fails; the first is 1. 0: none */
    bool stays; /* so do all after it */
    int code, system_error;
};

#define DISK_RANGES      4096
#define DISK_RANGE_BYTES (1 << 16)

struct disk_file {
    sqlite3_file base;
    char name[PATH_MAX];
    size_t count;
    struct {
        sqlite3_int64 offset;
        int length;
    } unsynced[DISK_RANGES];
    sqlite3_file real[];
};

static struct {
    sqlite3_vfs vfs, *real;
    struct disk_fault fault;
    int calls[DISK_CALLS];
    bool fired;
    bool full; /* no file can grow; what is in one can be written over */
} disk;

static inline sqlite3_file *
disk_real(sqlite3_file *file)
{
    return ((struct disk_file *)(void *)file)->real;
}

static inline bool
disk_fails(enum disk_call call)
{
    int number = ++disk.calls[call];

    if (disk.fault.call != call || disk.fault.nth == 0 || number < disk.fault.nth ||
        (number > disk.fault.nth && !disk.fault.stays)) {
        return false;
    }
    disk.fired = true;
    errno = disk.fault.system_error;
    return true;
}

/* Where what survives a power failure lies. */
static inline void
disk_durable_name(const char *name, char durable[PATH_MAX])
{
    (void)snprintf(durable, PATH_MAX, "%.4000s.durable", name);
}

static inline int
disk_close(sqlite3_file *file)
{
    return disk_real(file)->pMethods->xClose(disk_real(file));
}

static inline int
disk_read(sqlite3_file *file, void *bytes, int length, sqlite3_int64 offset)
{
    if (disk_fails(DISK_READ)) {
        return disk.fault.code;
    }
    return disk_real(file)->pMethods->xRead(disk_real(file), bytes, length, offset);
}

static inline void
disk_note_unsynced(struct disk_file *own, sqlite3_int64 offset, int length)
{
    size_t last = own->count - 1;

    if (own->count > 0 && own->unsynced[last].offset + own->unsynced[last].length == offset &&
        own->unsynced[last].length + length <= DISK_RANGE_BYTES) {
        own->unsynced[last].length += length;
        return;
    }
    assert_true(own->count < DISK_RANGES);
    own->unsynced[own->count].offset = offset;
    own->unsynced[own->count++].length = length;
}

static inline bool
disk_grows(sqlite3_file *file, sqlite3_int64 end)
{
    sqlite3_int64 size = 0;

    (void)disk_real(file)->pMethods->xFileSize(disk_real(file), &size);
    return end > size;
}

static inline int
disk_write(sqlite3_file *file, const void *bytes, int length, sqlite3_int64 offset)
{
    struct disk_file *own = (struct disk_file *)(void *)file;
    bool fails = disk_fails(DISK_WRITE);

    if (disk.full && disk_grows(file, offset + length)) {
        errno = ENOSPC;
        return SQLITE_FULL;
    }
    int written = fails ? length / 2 : length; /* a part may get through */
    int code = written == 0 ? SQLITE_OK : disk_real(file)->pMethods->xWrite(disk_real(file), bytes, written, offset);

    disk_note_unsynced(own, offset, written);
    errno = fails ? disk.fault.system_error : errno;
    return fails ? disk.fault.code : code;
}

static inline int
disk_truncate(sqlite3_file *file, sqlite3_int64 length)
{
    char durable[PATH_MAX];

    if (disk_fails(DISK_TRUNCATE)) {
        return disk.fault.code;
    }
    disk_durable_name(((struct disk_file *)(void *)file)->name, durable);
    (void)!truncate(durable, length);
    return disk_real(file)->pMethods->xTruncate(disk_real(file), length);
}

/* The ranges that were written go to what is durable; or nowhere. */
static inline int
disk_sync(sqlite3_file *file, int flags)
{
    struct disk_file *own = (struct disk_file *)(void *)file;
    bool fails = disk_fails(DISK_SYNC);
    char durable[PATH_MAX];
    static char bytes[DISK_RANGE_BYTES];

    (void)flags;
    disk_durable_name(own->name, durable);
    int to = open(durable, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(to >= 0);
    for (size_t i = 0; !fails && i < own->count; i++) {
        int length = own->unsynced[i].length;

        (void)disk_real(file)->pMethods->xRead(disk_real(file), bytes, length, own->unsynced[i].offset);
        assert_int_equal(pwrite(to, bytes, (size_t)length, own->unsynced[i].offset), length);
    }
    (void)close(to);
    own->count = 0;
    errno = fails ? disk.fault.system_error : errno;
    return fails ? disk.fault.code : SQLITE_OK;
}

static inline int
disk_file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return disk_real(file)->pMethods->xFileSize(disk_real(file), size);
}

static inline int
disk_lock(sqlite3_file *file, int lock)
{
    return disk_real(file)->pMethods->xLock(disk_real(file), lock);
}

static inline int
disk_unlock(sqlite3_file *file, int lock)
{
    return disk_real(file)->pMethods->xUnlock(disk_real(file), lock);
}

static inline int
disk_check_reserved_lock(sqlite3_file *file, int *result)
{
    return disk_real(file)->pMethods->xCheckReservedLock(disk_real(file), result);
}

static inline int
disk_file_control(sqlite3_file *file, int operation, void *argument)
{
    if (operation == SQLITE_FCNTL_SIZE_HINT && disk.full && disk_grows(file, *(sqlite3_int64 *)argument)) {
        return SQLITE_IOERR_WRITE;
    }
    return disk_real(file)->pMethods->xFileControl(disk_real(file), operation, argument);
}

static inline int
disk_sector_size(sqlite3_file *file)
{
    return disk_real(file)->pMethods->xSectorSize(disk_real(file));
}

static inline int
disk_characteristics(sqlite3_file *file)
{
    return disk_real(file)->pMethods->xDeviceCharacteristics(disk_real(file));
}

static inline int
disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    if (extend != 0 && disk_fails(DISK_SHARED)) {
        *memory = NULL;
        return disk.fault.code;
    }
    return disk_real(file)->pMethods->xShmMap(disk_real(file), page, size, extend, memory);
}

static inline int
disk_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return disk_real(file)->pMethods->xShmLock(disk_real(file), offset, count, flags);
}

static inline void
disk_shm_barrier(sqlite3_file *file)
{
    disk_real(file)->pMethods->xShmBarrier(disk_real(file));
}

static inline int
disk_shm_unmap(sqlite3_file *file, int remove)
{
    return disk_real(file)->pMethods->xShmUnmap(disk_real(file), remove);
}

static inline int
disk_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *given)
{
    static const sqlite3_io_methods methods = {
        .iVersion = 2, /* without memory maps */
        .xClose = disk_close,
        .xRead = disk_read,
        .xWrite = disk_write,
        .xTruncate = disk_truncate,
        .xSync = disk_sync,
        .xFileSize = disk_file_size,
        .xLock = disk_lock,
        .xUnlock = disk_unlock,
        .xCheckReservedLock = disk_check_reserved_lock,
        .xFileControl = disk_file_control,
        .xSectorSize = disk_sector_size,
        .xDeviceCharacteristics = disk_characteristics,
        .xShmMap = disk_shm_map,
        .xShmLock = disk_shm_lock,
        .xShmBarrier = disk_shm_barrier,
        .xShmUnmap = disk_shm_unmap,
    };
    struct disk_file *own = (struct disk_file *)(void *)file;
    int code;

    (void)vfs;
    memset(own, 0, sizeof *own);
    (void)snprintf(own->name, sizeof own->name, "%s", name == NULL ? "" : name);
    code = disk.real->xOpen(disk.real, name, own->real, flags, given);
    file->pMethods = own->real->pMethods == NULL ? NULL : &methods;
    return code;
}

static inline int
disk_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
    char durable[PATH_MAX];

    (void)vfs;
    disk_durable_name(name, durable);
    (void)unlink(durable);
    return disk.real->xDelete(disk.real, name, sync_directory);
}

/* From now on all databases of this process lie on it. */
static inline void
disk_install(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "faulty";
    disk.vfs.szOsFile = (int)sizeof(struct disk_file) + disk.real->szOsFile;
    disk.vfs.xOpen = disk_open;
    disk.vfs.xDelete = disk_delete;
    disk.vfs.pNext = NULL;
    assert_int_equal(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

static inline void
disk_set(struct disk_fault fault)
{
    disk.fault = fault;
    disk.fired = false;
    memset(disk.calls, 0, sizeof disk.calls);
}

/* The computer stops, and starts again: nothing but what is durable is left of these files. */
static inline void
disk_lose_power(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-journal"};
    char name[PATH_MAX];
    char durable[PATH_MAX];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(name, sizeof name, "%.4000s%s", path, ends[i]);
        disk_durable_name(name, durable);
        (void)unlink(name);
        (void)rename(durable, name);
    }
    (void)snprintf(name, sizeof name, "%.4000s-shm", path);
    (void)unlink(name);
}

static inline void
disk_clear(const char *path)
{
    disk_set((struct disk_fault){.nth = 0});
    disk.full = false;
    disk_lose_power(path);
    disk_lose_power(path);
}
