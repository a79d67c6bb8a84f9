/* The census of an instance's spool: what lies in its files, counted and read, whether its process runs or not. Nothing
 * is changed by it. */
#pragma once

#include "spool/store.h"

/* The instances below a data directory that have a spool, by their names. */
struct spool_instances {
    char **names;
    size_t count;
};

/* false with error when data_dir cannot be read. Free with spool_instances_free in either case. */
bool spool_instances_list(const char *data_dir, struct spool_instances *instances, struct error *error) MUST_CHECK;
void spool_instances_free(struct spool_instances *instances);

/* What waits of one source for one topic. */
struct spool_row {
    char *source, *topic;
    uint64_t records, bytes;
    int64_t oldest_ms; /* wall time, Unix */
};

struct spool_census {
    size_t files;
    uint64_t records, bytes; /* that wait to be drained */
    int64_t oldest_ms;       /* of the oldest of them, wall time, Unix; 0: none */
    uint64_t set_aside;      /* records that Kafka refused for good */
    uint64_t damaged;        /* records whose checksum does not fit */
    size_t damaged_files;    /* that were set aside as they could not be read */
    struct spool_row *rows;  /* what waits, by source and topic; in the order of their first records */
    size_t row_count;
    size_t row_capacity;
    bool truncated; /* there are more sources and topics than rows: the last one stands for all of those */
};

/* Called with every record of an instance, each once, in the order of ids, also with the damaged ones. false ends it.
 */
typedef bool spool_visit(void *argument, const struct stored *stored);

/* Visits what lies in data_dir/instance/. false with error when a file cannot be read to its end; what could be read
 * has been visited. */
bool spool_files_visit(const char *data_dir, const char *instance, spool_visit *visit, void *argument,
                       struct error *error) MUST_CHECK;
/* The same counts it. Free with spool_census_free in either case. */
bool spool_census_take(const char *data_dir, const char *instance, struct spool_census *census,
                       struct error *error) MUST_CHECK;
void spool_census_free(struct spool_census *census);
