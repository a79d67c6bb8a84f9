/* 7moor's calls: they ring, are answered, and end after a few seconds, all of them. */
#include "simulators/sevenmoor_dials.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "simulators/members.h"

#define KEPT_MAX      4096
#define FIELD_BYTES   64
#define EXTRAS_BYTES  512
#define FIRST_ID      403344537650470000u /* as long as those of the document's examples */
#define CHINA_SECONDS ((time_t)8 * 3600)

#define TIME_BYTES 20 /* "YYYY-MM-DD HH:MM:SS" */

struct dial {
    char id[DIAL_ID_BYTES];
    char agent[FIELD_BYTES], customer[FIELD_BYTES], display_number[FIELD_BYTES], extras[EXTRAS_BYTES];
    const char *call_type;
    int64_t began_s; /* wall time */
};

struct dials {
    struct vendor_context context;
    struct dial list[KEPT_MAX]; /* a ring: number n stands at n % KEPT_MAX */
    uint64_t count;
};

struct dials *
dials_new(const struct vendor_context *context)
{
    struct dials *dials = calloc(1, sizeof(*dials));

    if (dials != NULL) {
        dials->context = *context;
    }
    return dials;
}

void
dials_free(struct dials *dials)
{
    free(dials);
}

size_t
dials_count(const struct dials *dials)
{
    return dials->count;
}

static void
china_time(int64_t unix_s, char text[TIME_BYTES])
{
    time_t local = (time_t)unix_s + CHINA_SECONDS;
    struct tm parts;

    if (gmtime_r(&local, &parts) == NULL || strftime(text, TIME_BYTES, "%Y-%m-%d %H:%M:%S", &parts) == 0) {
        text[0] = '\0';
    }
}

static void
keep_text(char *kept, size_t room, struct slice text)
{
    (void)snprintf(kept, room, "%.*s", text.length < room ? (int)text.length : 0, text.data);
}

/* --- pushes --- */

/* 32 hex digits, as eventUniqueId has them. */
static struct slice
draw_event_id(struct dials *dials, struct arena *arena)
{
    return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, chance_draw(dials->context.chance),
                        chance_draw(dials->context.chance));
}

/* What all pushes of a call's events have, 3.1. */
static void
write_event(const struct dials *dials, const struct dial *dial, const char *event, int64_t at_s,
            struct json_writer *writer)
{
    char seconds[24];

    (void)snprintf(seconds, sizeof(seconds), "%" PRId64, at_s);
    member_text(writer, "accountId", dials->context.options->key);
    member_text(writer, "callUniqueId", dial->id);
    member_text(writer, "customerNumber", dial->customer);
    member_text(writer, "trunkNumber", "");
    member_text(writer, "displayNumber", dial->display_number);
    member_text(writer, "statusTime", seconds);
    member_text(writer, "callEvent", event);
    member_text(writer, "callType", dial->call_type);
    member_text(writer, "agentNumber", dial->agent);
    member_text(writer, "agentName", "模拟坐席");
    member_raw(writer, "extras", slice_from(dial->extras));
}

/* 3.1 and 3.2 */
static struct slice
plain_push(struct dials *dials, const struct dial *dial, const char *push_type, const char *event, int64_t at_s,
           struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024);
    json_open(&writer, '{');
    member_slice(&writer, "eventUniqueId", draw_event_id(dials, arena));
    member_text(&writer, "pushType", push_type);
    write_event(dials, dial, event, at_s, &writer);
    json_close(&writer, '}');
    return json_finish(&writer);
}

/* 3.6 wraps what it says. */
static struct slice
link_push(struct dials *dials, const struct dial *dial, int64_t at_s, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024);
    json_open(&writer, '{');
    member_open(&writer, "content", '{');
    write_event(dials, dial, "link", at_s, &writer);
    json_close(&writer, '}');
    member_slice(&writer, "uniqueId", draw_event_id(dials, arena));
    json_close(&writer, '}');
    return json_finish(&writer);
}

static void
write_record(const struct dials *dials, const struct dial *dial, struct json_writer *writer)
{
    char began[TIME_BYTES];
    char answered[TIME_BYTES];
    char ended[TIME_BYTES];

    china_time(dial->began_s, began);
    china_time(dial->began_s + 5, answered);
    china_time(dial->began_s + 10, ended);
    member_text(writer, "accountId", dials->context.options->key);
    member_text(writer, "agentNumber", dial->agent);
    member_text(writer, "customerNumber", dial->customer);
    member_text(writer, "displayNumber", dial->display_number);
    member_text(writer, "callType", dial->call_type);
    member_text(writer, "status", "ANSWER");
    member_text(writer, "hangUpSide", "CUSTOMER");
    member_text(writer, "startTime", began);
    member_text(writer, "agentStartTime", began);
    member_text(writer, "customerAnswerTime", answered);
    member_text(writer, "bridgeTime", answered);
    member_text(writer, "hangupTime", ended);
    member_text(writer, "endTime", ended);
    member_integer(writer, "bridgeDuration", 5);
    member_integer(writer, "totalDuration", 10);
    member_raw(writer, "extras", slice_from(dial->extras));
}

/* 3.5 */
static struct slice
record_push(struct dials *dials, const struct dial *dial, struct arena *arena)
{
    struct json_writer writer;

    json_writer_init(&writer, arena, 1024);
    json_open(&writer, '{');
    member_text(&writer, "callUniqueId", dial->id);
    member_text(&writer, "pushType", "cdr");
    member_slice(&writer, "eventUniqueId", draw_event_id(dials, arena));
    write_record(dials, dial, &writer);
    json_close(&writer, '}');
    return json_finish(&writer);
}

static void
push_story(struct dials *dials, const struct dial *dial, struct arena *arena)
{
    struct story *story = story_new(dials->context.pushes);

    story_add(story, "", plain_push(dials, dial, "dialoutRing", "ring", dial->began_s, arena));
    story_add(story, "", link_push(dials, dial, dial->began_s + 5, arena));
    story_add(story, "", plain_push(dials, dial, "dialoutHangup", "hangup", dial->began_s + 10, arena));
    story_add(story, "", record_push(dials, dial, arena));
    story_tell(story);
}

/* Extras come back as they were given, at most as long as 7moor takes them. */
static void
keep_extras(struct dial *dial, const struct value *extras, struct arena *arena)
{
    struct json_writer writer;
    struct slice text;

    json_writer_init(&writer, arena, EXTRAS_BYTES);
    if (extras == NULL) {
        json_string(&writer, (struct slice){"", 0});
    } else {
        json_value(&writer, extras);
    }
    text = json_finish(&writer);
    keep_text(dial->extras, sizeof(dial->extras), text);
    if (dial->extras[0] == '\0') {
        keep_text(dial->extras, sizeof(dial->extras), (struct slice)SLICE("\"\""));
    }
}

void
dials_begin(struct dials *dials, const struct vendor_call *call, const struct dial_order *order)
{
    struct dial *dial = &dials->list[dials->count % KEPT_MAX];

    (void)snprintf(dial->id, sizeof(dial->id), "%" PRIu64, FIRST_ID + dials->count);
    keep_text(dial->agent, sizeof(dial->agent), order->agent);
    keep_text(dial->customer, sizeof(dial->customer), order->customer);
    keep_text(dial->display_number, sizeof(dial->display_number), order->display_number);
    keep_extras(dial, order->extras, call->arena);
    dial->call_type = order->call_type;
    dial->began_s = call->wall_ns / 1000000000;
    dials->count++;
    push_story(dials, dial, call->arena);
}

/* --- 2.13 --- */

static bool
fits(const struct dial *dial, const struct dial_query *query)
{
    char began[TIME_BYTES];

    if (!slice_empty(query->call)) {
        return slice_is(query->call, dial->id);
    }
    china_time(dial->began_s, began);
    return (slice_empty(query->agent) || slice_is(query->agent, dial->agent)) && query->from.length == TIME_BYTES - 1 &&
           query->to.length == TIME_BYTES - 1 && memcmp(began, query->from.data, TIME_BYTES - 1) >= 0 &&
           memcmp(began, query->to.data, TIME_BYTES - 1) <= 0;
}

void
dials_write(const struct dials *dials, const struct dial_query *query, struct json_writer *writer)
{
    uint64_t found = 0;

    member_open(writer, "list", '[');
    for (uint64_t i = dials->count < KEPT_MAX ? 0 : dials->count - KEPT_MAX; i < dials->count; i++) {
        const struct dial *dial = &dials->list[i % KEPT_MAX];

        if (!fits(dial, query) || found++ < query->skip || found > query->skip + query->most) {
            continue;
        }
        json_open(writer, '{');
        member_text(writer, "_id", dial->id);
        write_record(dials, dial, writer);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    member_integer(writer, "count", (int64_t)found);
}
