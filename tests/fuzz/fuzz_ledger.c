/* Fuzzes the lines of a ledger of event ids: it is refused with its line, or holds each id once, and finds it again. */
#include "event/attribute.h"
#include "fuzz/fact.h"
#include "verbs/audit_ledger.h"

static bool
read_text(struct audit_ledger *ledger, const uint8_t *data, size_t size, struct error *error)
{
    FILE *stream = fmemopen((void *)(uintptr_t)data, size, "r");
    bool read;

    require(stream != NULL);
    read = audit_ledger_read(ledger, stream, "ledger", error);
    require(fclose(stream) == 0);
    return read;
}

/* What the visits of one list share. */
struct visits {
    struct audit_ledger *ledger;
    uint64_t count;
};

static void
on_missing(struct slice id, uint32_t absent, void *argument)
{
    struct visits *visits = argument;

    require(absent == 0 && id.length > 0 && attribute_allowed(id));
    visits->count++;
}

static void
on_missing_seen(struct slice id, uint32_t absent, void *argument)
{
    struct visits *visits = argument;
    struct audit_sighting sighting = {.id = id, .topic = 1, .expected = 3, .content = 7};

    (void)absent;
    visits->count++;
    audit_ledger_see(visits->ledger, &sighting);
}

static void
check_ledger(struct audit_ledger *ledger)
{
    struct audit_counts before = audit_ledger_counts(ledger);
    struct visits missing = {.ledger = ledger}, seen = {.ledger = ledger};
    struct audit_counts after;

    require(before.ids <= before.lines && before.missing == before.ids && before.found == 0);
    audit_ledger_list(ledger, AUDIT_MISSING, UINT64_MAX, on_missing, &missing);
    require(missing.count == before.ids);
    audit_ledger_list(ledger, AUDIT_MISSING, UINT64_MAX, on_missing_seen, &seen);
    after = audit_ledger_counts(ledger);
    /* These were seen of no source; an entry that names one waits for it. */
    require(after.found == after.incomplete && after.found + after.missing == after.ids && after.ids == before.ids);
    require(after.unknown + after.found + after.duplicates >= seen.count && after.corrupted == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audit_ledger *ledger = audit_ledger_new();
    struct error error = {""};

    require(ledger != NULL);
    if (size > 0 && !read_text(ledger, data, size, &error)) {
        require(error.text[0] != '\0');
    } else if (size > 0) {
        uint64_t ids = audit_ledger_counts(ledger).ids;

        require(read_text(ledger, data, size, &error) && audit_ledger_counts(ledger).ids == ids);
        check_ledger(ledger);
    }
    audit_ledger_free(ledger);
    return 0;
}
