/* The keeper sees to the spool's files in an instance's directory: one is written; when a write or fsync of it has
 * failed it is never written again, a new one is begun, and the old one is read back into it. What cannot be read is
 * set aside as a file, loudly. The spool thread's own. */
#pragma once

#include "base/error.h"
#include "base/metrics.h"
#include "spool/store.h"

struct keeper;

/* Opens the newest file, after reading back older ones, or makes the first. visit gets every record that is there, in
 * the order of ids (damaged ones left out). NULL with error. */
struct keeper *keeper_open(const char *directory, struct metrics *metrics,
                           void (*visit)(void *argument, const struct stored *stored), void *argument,
                           struct error *error);
void keeper_close(struct keeper *keeper); /* NULL is fine */

/* The file that is written; NULL while there is none that may be. */
struct store *keeper_store(struct keeper *keeper);
int64_t keeper_last_id(const struct keeper *keeper); /* the highest id that was in any file at the opening */
/* The file may be written no more. Reading goes on. */
void keeper_broken(struct keeper *keeper, const char *reason);
/* While there is no file that may be written: begins one. false: it cannot be done now; try again later. *damaged:
 * not all of the old one could be read back. */
bool keeper_mend(struct keeper *keeper, bool *damaged, struct error *error);
/* The store is empty: gives its space back, if it is worth it. */
void keeper_renew(struct keeper *keeper);

/* As store_read, of the file that is written or of the one that is to be read back. A record that is damaged breaks the
 * file: it is set aside by keeper_mend. false: not all could be read, now (out of memory) or ever. */
bool keeper_read(struct keeper *keeper, int64_t after, bool (*visit)(void *argument, const struct stored *stored),
                 void *argument);
