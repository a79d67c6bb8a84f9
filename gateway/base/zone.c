/* Time zones: the changes of a zone's offset, asked from the C library once, then looked up without it. */
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SECONDS_PER_DAY  INT64_C(86400)
#define SURVEY_END       INT64_C(4102444800) /* 2100-01-01; what a zone does then is nobody's knowledge today */
#define CHANGES_MAX      1024
#define ZONE_NAME_MAX    64
#define ZONE_DIRECTORY   "/usr/share/zoneinfo/"
#define ZONE_FILE_MAGIC  "TZif"
#define ZONE_MAGIC_BYTES 4

struct change {
    int64_t at;         /* seconds since 1970, UTC */
    int64_t local_from; /* the first local time that is read with the new offset */
    int offset_minutes; /* from then on */
};

struct zone {
    int first_offset_minutes;
    size_t count;
    struct change changes[]; /* ascending */
};

static bool
name_valid(const char *name)
{
    size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/");

    return length > 0 && length <= ZONE_NAME_MAX && name[length] == '\0' && name[0] != '/' && name[length - 1] != '/';
}

/* The C library takes an unknown name for UTC and says nothing, so the file is looked at first. */
static bool
is_zone_file(const char *path)
{
    char magic[ZONE_MAGIC_BYTES];
    FILE *file = fopen(path, "rbe");

    if (file == NULL) {
        return false;
    }
    size_t length = fread(magic, 1, sizeof magic, file);
    (void)fclose(file);
    return length == sizeof magic && memcmp(magic, ZONE_FILE_MAGIC, sizeof magic) == 0;
}

/* By the C library, in the zone that TZ names. Seconds of an offset (Monrovia had some until 1972) are cut: RFC 3339
 * cannot write them. */
static int
library_offset_minutes(int64_t unix_seconds)
{
    struct tm local;
    time_t when = (time_t)unix_seconds;

    return localtime_r(&when, &local) == NULL ? 0 : (int)(local.tm_gmtoff / 60);
}

/* The first second in (low, high] whose offset is not low's any more. */
static int64_t
find_change(int64_t low, int64_t high, int offset_at_low)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (library_offset_minutes(middle) == offset_at_low) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

/* Looks at every day: no zone changed its offset and changed it back within one. */
static void
survey(struct zone *zone)
{
    int offset = library_offset_minutes(0);

    zone->first_offset_minutes = offset;
    for (int64_t day = 0; day < SURVEY_END; day += SECONDS_PER_DAY) {
        int next = library_offset_minutes(day + SECONDS_PER_DAY);
        if (next == offset || zone->count == CHANGES_MAX) {
            continue;
        }
        int64_t at = find_change(day, day + SECONDS_PER_DAY, offset);
        int later = next > offset ? next : offset;
        zone->changes[zone->count++] = (struct change){at, at + later * INT64_C(60), next};
        offset = next;
    }
}

/* TZ is the library's only way to be told a zone. */
static bool
survey_as(struct zone *zone, const char *path)
{
    const char *current = getenv("TZ");
    char *saved = current == NULL ? NULL : strdup(current);
    if (current != NULL && saved == NULL) {
        return false;
    }

    bool done = setenv("TZ", path, 1) == 0;
    if (done) {
        tzset();
        survey(zone);
        done = (saved == NULL ? unsetenv("TZ") : setenv("TZ", saved, 1)) == 0;
        tzset();
    }
    free(saved);
    return done;
}

struct zone *
zone_load(const char *name, struct error *error)
{
    char path[sizeof ZONE_DIRECTORY + ZONE_NAME_MAX + 1];
    bool utc = strcmp(name, "UTC") == 0; /* needs no tz database */

    if (!name_valid(name)) {
        (void)error_set(error, "\"%.80s\" is no name of a time zone; write one like \"Asia/Shanghai\" or \"UTC\"",
                        name);
        return NULL;
    }
    (void)snprintf(path, sizeof path, ":" ZONE_DIRECTORY "%s", name);
    if (!utc && !is_zone_file(path + 1)) {
        (void)error_set(error,
                        "time zone \"%s\" is not in %s; check the spelling, or install the package tzdata if that "
                        "directory is missing",
                        name, ZONE_DIRECTORY);
        return NULL;
    }

    struct zone *zone = calloc(1, sizeof *zone + CHANGES_MAX * sizeof zone->changes[0]);
    if (zone == NULL || (!utc && !survey_as(zone, path))) {
        free(zone);
        (void)error_set(error, "out of memory for time zone \"%s\"", name);
        return NULL;
    }
    struct zone *shrunk = realloc(zone, sizeof *zone + zone->count * sizeof zone->changes[0]);
    return shrunk == NULL ? zone : shrunk;
}

void
zone_free(struct zone *zone)
{
    free(zone);
}

int
zone_offset_minutes(const struct zone *zone, int64_t unix_seconds)
{
    size_t low = 0, high = zone->count; /* changes before low have happened, those from high on have not */

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at <= unix_seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? zone->first_offset_minutes : zone->changes[low - 1].offset_minutes;
}

int
zone_local_offset_minutes(const struct zone *zone, int64_t local_seconds)
{
    size_t low = 0, high = zone->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].local_from <= local_seconds) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? zone->first_offset_minutes : zone->changes[low - 1].offset_minutes;
}
