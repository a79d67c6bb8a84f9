/* Prints what an audit has found. */
#pragma once

#include "verbs/audit_ledger.h"

struct audit_report {
    const struct audit_ledger *ledger;
    const struct slice *topics; /* by their numbers in sightings */
    size_t topic_count;
    uint64_t records, unreadable; /* on them; the second: that are no events */
    uint64_t limit;               /* how many ids of each fate are printed */
};

/* On stdout: a line for each id of a fate, up to the limit, then two that sum up. */
void audit_report_text(const struct audit_report *report, const struct audit_counts *counts);
/* The same as one object. false when out of memory. */
bool audit_report_json(const struct audit_report *report, const struct audit_counts *counts) MUST_CHECK;
