/* The pure way of callbacks, to be counted by callgrind: each kind of message of each configured source, from its bytes
 * to its records, so often that a single run does not show. Started without valgrind it only checks that all become
 * events. tests/profile/instructions.py runs it and reads what was counted. */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "ingress/translation.h"
#include "verbs/options.h"
#include "verbs/sample.h"

#define WARM_UPS    4 /* what is fetched or filled once a process is no callback's cost */
#define ROUNDS      32
#define ARENA_BYTES ((size_t)16 << 20)
#define POOL_CHUNK  ((size_t)64 << 10) /* no callback here needs a second one, so malloc is not part of the figures */
#define RECEIVED_MS INT64_C(1543935444490)
#define LABEL_BYTES 160
#define DUMP_BYTES  (LABEL_BYTES + 16)

/* Of sources with a mapping, which have no samples of their own. */
static const struct {
    const char *source;
    struct adapter_kind kind;
} mapped[] = {
    {"heron",
     {"batch, JSON and HMAC-SHA256", "", BODY_JSON, JSON_SAMPLE({
          "batch" : "b-7f3a",
          "events" : [
              {
                  "event" : "call.finished",
                  "id" : "ev-01",
                  "call" : {"id" : "c-829", "direction" : "out", "from" : "8001", "to" : "+8613800000000"},
                  "agent" : {"extension" : "8001", "name" : "Li Lei"},
                  "started" : 1543935400,
                  "ended" : 1543935440,
                  "talk" : 40,
                  "result" : "ok",
                  "recording" : {"url" : "https://media.heron.example/c-829.wav", "seconds" : 40}
              },
              {"event" : "survey.completed", "id" : "ev-02", "call" : {"id" : "c-829"}, "at" : 1543935444, "score" : 5}
          ]
      })}},
    {"pelican",
     {"hangup, form and MD5", "", BODY_FORM,
      "event=hangup&callid=2f0c%2D77&from=8001&to=%2B8613800000000&begin=2018-12-04+22%3A56%3A40&"
      "end=2018-12-04+22%3A57%3A24&billsec=40&cause=ANSWER&record=https%3A%2F%2Fmedia.pelican.example%2F77.mp3"}},
};

struct subject {
    const struct config *config;
    struct incoming incoming;
    struct arena_pool *pool;
};

static void
fail(const char *what, const char *which)
{
    fprintf(stderr, "instructions: %s: %s\n", which, what);
    exit(1);
}

/* One callback's way, as the gateway goes it between the body's last byte and custody. */
static bool
run(const struct subject *subject)
{
    struct arena *arena = arena_new(subject->pool, ARENA_BYTES);
    struct translation translation = {0};
    bool accepted;

    if (arena == NULL) {
        return false;
    }
    translate(subject->config, &subject->incoming, arena, &translation);
    accepted = translation.refusal == REFUSAL_NONE && translation.outcome == outcome_accepted;
    arena_free(arena);
    return accepted;
}

static void
count(const struct subject *subject, const char *label)
{
    char dump[DUMP_BYTES];

    for (int i = 0; i < WARM_UPS; i++) {
        if (!run(subject)) {
            fail("it became no event", label);
        }
    }
    snprintf(dump, sizeof dump, "%d %s", ROUNDS, label);
    CALLGRIND_TOGGLE_COLLECT;
    for (int i = 0; i < ROUNDS; i++) {
        (void)run(subject);
    }
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(dump);
}

static void
count_sample(const struct config *config, struct sample *sample, const char *label)
{
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    struct subject subject = {.config = config, .pool = arena_pool_new(POOL_CHUNK, 1)};

    if (arena == NULL || subject.pool == NULL || !sample_sign(sample, RECEIVED_MS, arena)) {
        fail("it cannot be signed", label);
    }
    subject.incoming = (struct incoming){
        .source = sample->source,
        .method = sample->request->method,
        .endpoint = sample->endpoint,
        .query = sample->signed_sample.query,
        .public_query = sample->signed_sample.query,
        .fields = sample->signed_sample.fields,
        .field_count = sample->signed_sample.field_count,
        .body = sample->signed_sample.body,
        .received = timestamp_from_unix_ms(RECEIVED_MS, sample->source->zone),
        .vouched = true,
    };
    count(&subject, label);
    arena_pool_free(subject.pool);
    arena_free(arena);
}

static void
count_source(const struct config *config, const struct source *source)
{
    char label[LABEL_BYTES];

    for (const struct adapter_kind *kind = source->adapter->kinds; kind->name != NULL; kind++) {
        struct sample sample = sample_of_kind(source, kind);

        snprintf(label, sizeof label, "%.*s: %s", SLICE_ARGS(source->name), kind->name);
        count_sample(config, &sample, label);
    }
    for (size_t i = 0; i < sizeof mapped / sizeof *mapped; i++) {
        if (slice_is(source->name, mapped[i].source)) {
            struct sample sample = sample_of_kind(source, &mapped[i].kind);

            snprintf(label, sizeof label, "%s: %s", mapped[i].source, mapped[i].kind.name);
            count_sample(config, &sample, label);
        }
    }
}

int
main(int argc, char **argv)
{
    struct config *config;

    if (argc != 2) {
        fputs("usage: instructions CONFIGURATION\n", stderr);
        return 2;
    }
    config = options_load(argv[1], CONFIG_SOURCES);
    if (config == NULL) {
        return 1;
    }
    for (size_t i = 0; i < config->source_count; i++) {
        count_source(config, &config->sources[i]);
    }
    config_free(config);
    return 0;
}
