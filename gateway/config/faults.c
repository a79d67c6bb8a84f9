/* The list of faults: noting, ordering, printing. */
#include "config/faults.h"

#include <stdarg.h>
#include <stdlib.h>

#define FAULT_TEXT_BYTES 600
#define QUOTED_BYTES     60

void
faults_init(struct config_faults *faults, const char *path, struct arena *arena)
{
    *faults = (struct config_faults){.arena = arena, .path = path};
    if (arena == NULL) {
        return;
    }
    faults->faults = arena_zalloc(arena, FAULTS_MAX, sizeof *faults->faults);
    faults->capacity = faults->faults == NULL ? 0 : FAULTS_MAX;
}

struct slice
fault_quote(struct slice text)
{
    if (text.length <= QUOTED_BYTES) {
        return text;
    }
    text.length = QUOTED_BYTES;
    while (text.length > 0 && ((unsigned char)text.data[text.length] & 0xc0U) == 0x80) {
        text.length--;
    }
    return text;
}

void
fault_add(struct config_faults *faults, unsigned line, const char *format, ...)
{
    char text[FAULT_TEXT_BYTES];
    va_list arguments;

    faults->count++;
    if (faults->count > faults->capacity) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *byte = text; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7f) {
            *byte = '?';
        }
    }
    faults->faults[faults->count - 1] = (struct config_fault){
        .path = faults->file == NULL ? faults->path : arena_copy(faults->arena, slice_from(faults->file->path)).data,
        .file = faults->file == NULL ? 0 : faults->file->order,
        .line = line,
        .text = arena_copy(faults->arena, slice_from(text)),
        .order = (unsigned)faults->count,
        .part = faults->part,
    };
}

size_t
faults_kept(const struct config_faults *faults)
{
    return faults->count < faults->capacity ? faults->count : faults->capacity;
}

static void
warn_instead(const struct config_fault *fault, struct config_faults *warnings)
{
    const struct config_file file = {fault->path, fault->file};

    warnings->file = fault->file == 0 ? NULL : &file;
    fault_add(warnings, fault->line, "%.*s; %s have faults, so all of them are left out", SLICE_ARGS(fault->text),
              fault->part == CONFIG_SOURCES ? "sources, which are for callbacks,"
                                            : "accounts, which are for commands,");
    warnings->file = NULL;
}

unsigned
faults_waive(struct config_faults *faults, unsigned parts, struct config_faults *warnings)
{
    size_t kept = 0;
    unsigned waived = 0;

    if (faults->count > faults->capacity) {
        return 0;
    }
    for (size_t i = 0; i < faults->count; i++) {
        if (faults->faults[i].part == 0 || (faults->faults[i].part & parts) != 0) {
            faults->faults[kept++] = faults->faults[i];
        } else {
            warn_instead(&faults->faults[i], warnings);
            waived |= faults->faults[i].part;
        }
    }
    faults->count = kept;
    return waived;
}

static int
compare(const void *left, const void *right)
{
    const struct config_fault *a = left;
    const struct config_fault *b = right;

    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void
faults_sort(struct config_faults *faults)
{
    if (faults_kept(faults) > 1) {
        qsort(faults->faults, faults_kept(faults), sizeof *faults->faults, compare);
    }
}

static void
print_one(const struct config_fault *fault, FILE *stream)
{
    const char *path = fault->path == NULL ? "" : fault->path;

    if (fault->line == 0) {
        fprintf(stream, "%s: %.*s\n", path, SLICE_ARGS(fault->text));
    } else {
        fprintf(stream, "%s:%u: %.*s\n", path, fault->line, SLICE_ARGS(fault->text));
    }
}

void
config_faults_print(const struct config_faults *faults, FILE *stream)
{
    for (size_t i = 0; i < faults_kept(faults); i++) {
        print_one(&faults->faults[i], stream);
    }
    if (faults->capacity == 0 && faults->count > 0) {
        fprintf(stream, "%s: there is not enough memory to read it\n", faults->path);
    } else if (faults->count > faults_kept(faults)) {
        fprintf(stream, "%s: %zu more faults; mend these first\n", faults->path, faults->count - faults_kept(faults));
    }
}

void
config_faults_free(struct config_faults *faults)
{
    arena_free(faults->arena);
    *faults = (struct config_faults){0};
}

void
config_warnings_print(const struct config *config, FILE *stream)
{
    for (size_t i = 0; i < config->warning_count; i++) {
        print_one(&config->warnings[i], stream);
    }
}
