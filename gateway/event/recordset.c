/* Counts the delivery reports of a record set. */
#include "event/recordset.h"

void
recordset_report(struct record *record, enum delivery delivery, const char *reason)
{
    struct recordset *set = record->set;

    record->delivery = delivery;
    if (delivery > set->delivery) {
        set->delivery = delivery;
        set->reason = slice_from(reason);
    }
    set->pending--;
    if (set->pending == 0) {
        set->on_done(set);
    }
}
