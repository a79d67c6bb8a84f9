/* Reading a store from its front to its end, also past places that SQLite cannot read. Nothing is handed out that its
 * checksum does not vouch for. */
#include "event/record_codec.h"
#include "spool/store_state.h"

#define HEADERS_BYTES_MAX ((size_t)4 << 20) /* of a record's table of headers: it can have 65535 */
#define PROBES_MAX        4096              /* a disk may take its time to say that it cannot read */

struct reading {
    struct store *store;
    bool (*visit)(void *argument, const struct stored *stored);
    void *argument;
    int64_t floor;   /* the last row that was sound, or where reading began: ids only rise above it */
    int64_t visited; /* the last one */
    unsigned probes;
};

enum outcome {
    OUTCOME_ROW,
    OUTCOME_END,        /* of the rows, or the visit wants no more */
    OUTCOME_UNREADABLE, /* damage in the file; noted */
    OUTCOME_FAILED,     /* anything else; noted */
};

static void
seek(struct store *store, int64_t after)
{
    sqlite3_stmt *statement = store->statements[STATEMENT_READ];

    (void)sqlite3_reset(statement);
    /* From the front means from the front: an id that damage has made negative stands there. */
    (void)sqlite3_bind_int64(statement, 1, after <= 0 ? INT64_MIN : after);
}

static enum outcome
step(struct store *store)
{
    int code = store_step(store->statements[STATEMENT_READ]);

    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return code == SQLITE_ROW ? OUTCOME_ROW : OUTCOME_END;
    }
    store_note(store);
    return (code & 0xff) == SQLITE_CORRUPT || code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ ||
                   code == SQLITE_IOERR_CORRUPTFS
               ? OUTCOME_UNREADABLE
               : OUTCOME_FAILED;
}

static enum outcome
visit_row(struct reading *reading, const struct store_row *row, bool sound)
{
    struct arena *arena = arena_new(reading->store->pool, HEADERS_BYTES_MAX);
    struct stored stored = {
        .id = row->id,
        .spooled_ms = row->spooled_ms,
        .source = row->source,
        .key = (uint64_t)row->key,
        .bytes = store_row_bytes(row->body.length, row->source),
        .aside = row->aside,
    };
    bool more;

    if (arena == NULL) {
        reading->store->code = SQLITE_NOMEM;
        return OUTCOME_FAILED;
    }
    stored.damaged = !sound || !record_decode(row->body, arena, &stored.record);
    if (arena_failed(arena)) { /* its limit is above what any record needs */
        arena_free(arena);
        reading->store->code = SQLITE_NOMEM;
        return OUTCOME_FAILED;
    }
    if (stored.damaged) {
        stored.record = (struct record){.delivery = DELIVERY_PENDING};
    }
    reading->visited = row->id;
    more = reading->visit(reading->argument, &stored);
    arena_free(arena);
    return more ? OUTCOME_ROW : OUTCOME_END;
}

/* Rows as they come, from where the statement stands. */
static enum outcome
read_run(struct reading *reading)
{
    struct store *store = reading->store;

    for (;;) {
        struct store_row row;
        bool sound = false;
        enum outcome outcome = step(store);

        if (outcome != OUTCOME_ROW) {
            return outcome;
        }
        if (!store_row_read(store, store->statements[STATEMENT_READ], &row, &sound)) {
            return OUTCOME_FAILED;
        }
        if (sound && row.id <= reading->floor) {
            /* A page that hangs in two places, or out of its order. */
            store->code = SQLITE_CORRUPT;
            return OUTCOME_UNREADABLE;
        }
        reading->floor = sound ? row.id : reading->floor;
        outcome = visit_row(reading, &row, sound);
        if (outcome != OUTCOME_ROW) {
            return outcome;
        }
    }
}

static enum outcome
probe(struct reading *reading, int64_t after)
{
    enum outcome outcome;

    if (reading->probes == PROBES_MAX) {
        return OUTCOME_FAILED;
    }
    reading->probes++;
    seek(reading->store, after);
    outcome = step(reading->store);
    if (outcome == OUTCOME_ROW && sqlite3_column_int64(reading->store->statements[STATEMENT_READ], 0) <= after) {
        return OUTCOME_UNREADABLE;
    }
    return outcome;
}

/* Farther and farther behind the floor, until there is a place from which reading goes on (or there is nothing more).
 * *unreadable is the last one where it did not. false: there is no such place. */
static bool
leap(struct reading *reading, int64_t *unreadable, int64_t *readable)
{
    *unreadable = reading->floor;
    for (int64_t distance = 1; reading->floor <= STORE_ID_MAX - distance; distance *= 2) {
        enum outcome outcome = probe(reading, reading->floor + distance);

        *readable = reading->floor + distance;
        if (outcome != OUTCOME_UNREADABLE) {
            return outcome != OUTCOME_FAILED;
        }
        *unreadable = *readable;
        if (*unreadable > reading->store->last_id) {
            return false;
        }
    }
    return false;
}

/* Goes to the first place behind the floor from which reading goes on. false: there is none. */
static bool
find_way_on(struct reading *reading)
{
    int64_t unreadable = 0;
    int64_t readable = 0;

    if (!leap(reading, &unreadable, &readable)) {
        return false;
    }
    while (readable - unreadable > 1) {
        int64_t middle = unreadable + (readable - unreadable) / 2;
        enum outcome outcome = probe(reading, middle);

        if (outcome == OUTCOME_FAILED) {
            return false;
        }
        if (outcome == OUTCOME_UNREADABLE) {
            unreadable = middle;
        } else {
            readable = middle;
        }
    }
    reading->floor = readable;
    seek(reading->store, readable);
    return true;
}

static enum store_verdict
read_all(struct reading *reading)
{
    struct store *store = reading->store;
    bool passed_over = store->unsound;
    enum outcome outcome;

    for (;;) {
        outcome = read_run(reading);
        if (outcome != OUTCOME_UNREADABLE) {
            break;
        }
        store_explain(store, "cannot read some of the records", &store->reason);
        passed_over = true;
        if (!find_way_on(reading)) {
            return STORE_BROKEN;
        }
    }
    if (outcome == OUTCOME_FAILED) {
        return store_judge(store, "cannot read");
    }
    if (passed_over && store->unsound) {
        (void)error_set(&store->reason, "the file's structure is damaged: records may be missing");
    }
    return passed_over ? STORE_BROKEN : STORE_OK;
}

enum store_verdict
store_read(struct store *store, int64_t after, bool (*visit)(void *argument, const struct stored *stored),
           void *argument, int64_t *last)
{
    struct reading reading = {
        .store = store,
        .visit = visit,
        .argument = argument,
        .floor = after > 0 ? after : 0,
        .visited = after,
    };
    enum store_verdict verdict;

    seek(store, after);
    verdict = read_all(&reading);
    (void)sqlite3_reset(store->statements[STATEMENT_READ]); /* or the WAL could not begin anew */
    if (last != NULL) {
        *last = reading.visited;
    }
    return verdict;
}
