/* The ledger in memory: texts packed into blocks, entries of 32 bytes in pages, and an open-addressed index of numbers,
 * so that growing moves the index alone. */
#include "verbs/audit_ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "event/attribute.h"
#include "event/model.h"

#define LINE_BYTES    4096
#define BLOCK_BYTES   ((size_t)1 << 20) /* of texts */
#define BLOCK_COUNT   4096              /* 400 bytes for each of the most ids */
#define PAGE_ENTRIES  32768             /* 1 MiB */
#define PAGE_COUNT    ((AUDIT_IDS_MAX + PAGE_ENTRIES - 1) / PAGE_ENTRIES)
#define INDEX_SLOTS   65536 /* at first */
#define SOURCES_MAX   4096
#define SOURCE_PREFIX "/trunkline/"

struct entry {
    const char *text;
    uint64_t content; /* of the first sighting */
    uint32_t seen, expected;
    uint32_t hash;
    uint16_t length;
    uint16_t source : 15; /* 0: the ledger does not tell, so any */
    uint16_t corrupted : 1;
};

struct audit_ledger {
    const char *const *own_types; /* names, besides ours */
    size_t own_type_count;
    char *blocks[BLOCK_COUNT];
    size_t block_count, block_used; /* bytes of the last one */
    struct entry *pages[PAGE_COUNT];
    uint32_t count;
    uint32_t *slots; /* the entry's number + 1; 0: free */
    uint32_t slot_count;
    struct slice sources[SOURCES_MAX];
    uint16_t source_count;
    uint64_t lines, duplicates, unknown;
};

struct audit_ledger *
audit_ledger_new(void)
{
    struct audit_ledger *ledger = calloc(1, sizeof *ledger);

    if (ledger == NULL) {
        return NULL;
    }
    ledger->slot_count = INDEX_SLOTS;
    ledger->slots = calloc(ledger->slot_count, sizeof *ledger->slots);
    if (ledger->slots == NULL) {
        free(ledger);
        return NULL;
    }
    return ledger;
}

void
audit_ledger_free(struct audit_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    for (size_t i = 0; i < ledger->block_count; i++) {
        free(ledger->blocks[i]);
    }
    for (size_t i = 0; i < PAGE_COUNT; i++) {
        free(ledger->pages[i]);
    }
    free(ledger->slots);
    free(ledger);
}

static struct entry *
entry_at(const struct audit_ledger *ledger, uint32_t number)
{
    return &ledger->pages[number / PAGE_ENTRIES][number % PAGE_ENTRIES];
}

static struct slice
entry_id(const struct entry *entry)
{
    return slice_make(entry->text, entry->length);
}

/* FNV-1a, its halves folded. */
static uint32_t
hash_of(struct slice text)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(1099511628211);
    }
    return (uint32_t)(hash ^ (hash >> 32));
}

/* --- filling it --- */

/* A copy that stays where it is; NULL when memory is out. */
static const char *
keep_text(struct audit_ledger *ledger, struct slice text)
{
    char *kept;

    if (ledger->block_count == 0 || text.length > BLOCK_BYTES - ledger->block_used) {
        if (ledger->block_count == BLOCK_COUNT) {
            return NULL;
        }
        kept = malloc(BLOCK_BYTES);
        if (kept == NULL) {
            return NULL;
        }
        ledger->blocks[ledger->block_count++] = kept;
        ledger->block_used = 0;
    }
    kept = ledger->blocks[ledger->block_count - 1] + ledger->block_used;
    memcpy(kept, text.data, text.length);
    ledger->block_used += text.length;
    return kept;
}

/* The source's number from 1 on; 0 for none. */
static uint16_t
find_source(const struct audit_ledger *ledger, struct slice name)
{
    for (uint16_t i = 0; i < ledger->source_count; i++) {
        if (slice_equal(ledger->sources[i], name)) {
            return (uint16_t)(i + 1);
        }
    }
    return 0;
}

static bool
take_source(struct audit_ledger *ledger, struct slice name, uint16_t *number, struct error *error)
{
    const char *kept;

    *number = slice_empty(name) ? 0 : find_source(ledger, name);
    if (slice_empty(name) || *number != 0) {
        return true;
    }
    if (ledger->source_count == SOURCES_MAX) {
        return error_set(error, "more than %d sources are named", SOURCES_MAX);
    }
    kept = keep_text(ledger, name);
    if (kept == NULL) {
        return error_set(error, "out of memory");
    }
    ledger->sources[ledger->source_count++] = slice_make(kept, name.length);
    *number = ledger->source_count;
    return true;
}

static void
index_entry(struct audit_ledger *ledger, uint32_t number)
{
    uint32_t slot = entry_at(ledger, number)->hash & (ledger->slot_count - 1);

    while (ledger->slots[slot] != 0) {
        slot = (slot + 1) & (ledger->slot_count - 1);
    }
    ledger->slots[slot] = number + 1;
}

/* No more than half of the slots are ever taken. */
static bool
make_room(struct audit_ledger *ledger)
{
    struct entry **page = &ledger->pages[ledger->count / PAGE_ENTRIES];
    uint32_t *slots;

    if (*page == NULL) {
        *page = malloc(PAGE_ENTRIES * sizeof **page);
        if (*page == NULL) {
            return false;
        }
    }
    if (ledger->count < ledger->slot_count / 2) {
        return true;
    }
    slots = calloc((size_t)ledger->slot_count * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(ledger->slots);
    ledger->slots = slots;
    ledger->slot_count *= 2;
    for (uint32_t number = 0; number < ledger->count; number++) {
        index_entry(ledger, number);
    }
    return true;
}

static bool
has_entry(const struct audit_ledger *ledger, uint32_t hash, uint16_t source, struct slice id)
{
    uint32_t slot = hash & (ledger->slot_count - 1);

    for (; ledger->slots[slot] != 0; slot = (slot + 1) & (ledger->slot_count - 1)) {
        const struct entry *entry = entry_at(ledger, ledger->slots[slot] - 1);

        if (entry->hash == hash && entry->source == source && slice_equal(entry_id(entry), id)) {
            return true;
        }
    }
    return false;
}

static bool
add(struct audit_ledger *ledger, struct slice source_name, struct slice id, struct error *error)
{
    uint32_t hash = hash_of(id);
    uint16_t source;
    const char *text;

    if (!take_source(ledger, source_name, &source, error)) {
        return false;
    }
    ledger->lines++;
    if (has_entry(ledger, hash, source, id)) {
        return true;
    }
    if (ledger->count == AUDIT_IDS_MAX) {
        return error_set(error, "more than %d ids; audit it in parts, each with its time range", AUDIT_IDS_MAX);
    }
    text = make_room(ledger) ? keep_text(ledger, id) : NULL;
    if (text == NULL) {
        return error_set(error, "out of memory");
    }
    *entry_at(ledger, ledger->count) = (struct entry){
        .text = text,
        .hash = hash,
        .length = (uint16_t)id.length,
        .source = source,
    };
    index_entry(ledger, ledger->count);
    ledger->count++;
    return true;
}

/* --- its lines --- */

static bool
names_type(struct slice text, const char *name)
{
    const char *found = text.length == 0 ? NULL : memmem(text.data, text.length, name, strlen(name));

    return found != NULL && found > text.data && found[-1] == '-';
}

/* An event's id is <adapter>-<key>-<type>, perhaps with a suffix: the type tells it from a source's name. */
static bool
is_event_id(const struct audit_ledger *ledger, struct slice text)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        if (names_type(text, event_type_name((enum event_type)type))) {
            return true;
        }
    }
    for (size_t i = 0; i < ledger->own_type_count; i++) {
        if (names_type(text, ledger->own_types[i])) {
            return true;
        }
    }
    return false;
}

void
audit_ledger_own_types(struct audit_ledger *ledger, const char *const *names, size_t count)
{
    ledger->own_types = names;
    ledger->own_type_count = count;
}

/* Takes the text before the next tab off the line. */
static struct slice
take_column(struct slice *line)
{
    const char *tab = line->length == 0 ? NULL : memchr(line->data, '\t', line->length);
    size_t length = tab == NULL ? line->length : (size_t)(tab - line->data);
    struct slice column = slice_make(line->data, length);
    size_t taken = tab == NULL ? length : length + 1;

    *line = slice_make(line->data + taken, line->length - taken);
    return column;
}

static bool
take_line(struct audit_ledger *ledger, struct slice line, struct error *error)
{
    static const size_t prefix = sizeof SOURCE_PREFIX - 1;
    struct slice source = {0};
    struct slice id;

    if (line.length > 0 && line.data[line.length - 1] == '\r') {
        line.length--;
    }
    if (slice_empty(line)) {
        return true;
    }
    id = take_column(&line);
    if (!is_event_id(ledger, id)) {
        source = id;
        id = take_column(&line);
    }
    if (!is_event_id(ledger, id) || !utf8_valid(id) || !attribute_allowed(id)) {
        return error_set(error, "there is no event id, as `trunkline convert` prints them, in the first column or, "
                                "behind a source's name, in the second");
    }
    if (source.length > prefix && memcmp(source.data, SOURCE_PREFIX, prefix) == 0) {
        source = slice_make(source.data + prefix, source.length - prefix);
    }
    return add(ledger, source, id, error);
}

/* The next line without its end. false at the end of the file. A length over LINE_BYTES: it is too long. */
static bool
next_line(FILE *stream, char line[LINE_BYTES], size_t *length)
{
    int byte = getc_unlocked(stream);

    *length = 0;
    if (byte == EOF) {
        return false;
    }
    while (byte != EOF && byte != '\n') {
        if (*length < LINE_BYTES) {
            line[*length] = (char)byte;
        }
        *length += *length <= LINE_BYTES ? 1 : 0;
        byte = getc_unlocked(stream);
    }
    return true;
}

bool
audit_ledger_read(struct audit_ledger *ledger, FILE *stream, const char *name, struct error *error)
{
    char line[LINE_BYTES];
    uint64_t number = 0;
    size_t length;

    while (next_line(stream, line, &length)) {
        struct error reason = {""};

        number++;
        if (length > LINE_BYTES) {
            return error_set(error, "%s, line %llu: it is longer than %d bytes", name, (unsigned long long)number,
                             LINE_BYTES);
        }
        if (!take_line(ledger, slice_make(line, length), &reason)) {
            return error_set(error, "%s, line %llu: %s", name, (unsigned long long)number, reason.text);
        }
    }
    if (ferror(stream)) {
        return error_set(error, "cannot read %s: %s", name, strerror(errno));
    }
    return true;
}

/* --- what is found --- */

static void
see(struct audit_ledger *ledger, struct entry *entry, const struct audit_sighting *sighting)
{
    uint32_t bit = UINT32_C(1) << sighting->topic;

    if (entry->seen == 0) {
        entry->content = sighting->content;
    } else if (entry->content != sighting->content) {
        entry->corrupted = 1;
    }
    if ((entry->seen & bit) != 0) {
        ledger->duplicates++;
    }
    entry->seen |= bit;
    entry->expected |= sighting->expected;
}

void
audit_ledger_see(struct audit_ledger *ledger, const struct audit_sighting *sighting)
{
    uint32_t hash = hash_of(sighting->id);
    uint16_t source = find_source(ledger, sighting->source);
    uint32_t slot = hash & (ledger->slot_count - 1);
    bool known = false;

    for (; ledger->slots[slot] != 0; slot = (slot + 1) & (ledger->slot_count - 1)) {
        struct entry *entry = entry_at(ledger, ledger->slots[slot] - 1);

        if (entry->hash == hash && (entry->source == 0 || entry->source == source) &&
            slice_equal(entry_id(entry), sighting->id)) {
            see(ledger, entry, sighting);
            known = true;
        }
    }
    ledger->unknown += known ? 0 : 1;
}

/* --- what is told --- */

static bool
has_fate(const struct entry *entry, enum audit_fate fate)
{
    switch (fate) {
    case AUDIT_MISSING:
        return entry->seen == 0;
    case AUDIT_INCOMPLETE:
        return entry->seen != 0 && (entry->expected & ~entry->seen) != 0;
    case AUDIT_CORRUPTED:
        return entry->corrupted != 0;
    }
    return false;
}

struct audit_counts
audit_ledger_counts(const struct audit_ledger *ledger)
{
    struct audit_counts counts = {
        .lines = ledger->lines,
        .ids = ledger->count,
        .duplicates = ledger->duplicates,
        .unknown = ledger->unknown,
    };

    for (uint32_t number = 0; number < ledger->count; number++) {
        const struct entry *entry = entry_at(ledger, number);

        counts.missing += has_fate(entry, AUDIT_MISSING) ? 1 : 0;
        counts.incomplete += has_fate(entry, AUDIT_INCOMPLETE) ? 1 : 0;
        counts.corrupted += has_fate(entry, AUDIT_CORRUPTED) ? 1 : 0;
    }
    counts.found = counts.ids - counts.missing;
    return counts;
}

void
audit_ledger_list(const struct audit_ledger *ledger, enum audit_fate fate, uint64_t most,
                  void (*visit)(struct slice id, uint32_t absent, void *argument), void *argument)
{
    for (uint32_t number = 0; number < ledger->count && most > 0; number++) {
        const struct entry *entry = entry_at(ledger, number);

        if (has_fate(entry, fate)) {
            visit(entry_id(entry), entry->expected & ~entry->seen, argument);
            most--;
        }
    }
}
