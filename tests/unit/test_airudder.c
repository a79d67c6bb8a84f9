/* Airudder's signature: which messages bear one, and what makes it right. Whole messages are the golden files' part. */
#include "conversion.h"
#include "unit/openssl_memory.h"

extern const struct adapter adapter_airudder;

static struct bench bench;

static int
open_bench(void **state)
{
    (void)state;
    bench_open(&bench, &adapter_airudder);
    return 0;
}

static int
close_bench(void **state)
{
    (void)state;
    bench_close(&bench);
    return 0;
}

#define TASK   "\"TaskID\":\"ac23fa05005e59b92e0b8a19fa5faf07\""
#define SIGNED TASK ",\"Sign\":\"4d6017151d678e816c678d90e56e6e28\""

static enum verdict
verdict_on(struct slice body, const char *key)
{
    struct error error;
    struct slice settings[] = {slice_from(key)};
    struct callback callback = {.body = body, .settings = settings, .arena = bench.arena};

    callback.message = json_parse(bench.arena, body, VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(callback.message);
    return adapter_airudder.verify_parsed(&callback);
}

static void
verdicts(void **state)
{
    static const struct {
        const char *body, *key;
        enum verdict verdict;
    } rows[] = {
        /* The vendor's own example: md5("ac23fa05005e59b92e0b8a19fa5faf07" "airudder"). */
        {"{" SIGNED "}", "airudder", VERDICT_VALID},
        {"{" SIGNED ",\"TaskName\":\"a\",\"PlanName\":\"b\"}", "airudder", VERDICT_VALID},
        {"{" SIGNED ",\"more\":1}", "airudder", VERDICT_VALID},
        {"{" SIGNED "}", "airudder2", VERDICT_WRONG},
        {"{" SIGNED "}", "", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":\"4d6017151d678e816c678d90e56e6e29\"}", "airudder", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":\"4D6017151D678E816C678D90E56E6E28\"}", "airudder", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":\"4d6017151d678e816c678d90e56e6e2\"}", "airudder", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":\"\"}", "airudder", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":null}", "airudder", VERDICT_WRONG},
        {"{" TASK ",\"Sign\":[]}", "airudder", VERDICT_WRONG},
        /* md5("airudder"): without a task there is nothing to sign. */
        {"{\"Sign\":\"b1ad1c3fc5beb7aa9a0175b4c1fb844d\"}", "airudder", VERDICT_UNSIGNED},
        {"{\"TaskID\":\"\",\"Sign\":\"4d6017151d678e816c678d90e56e6e28\"}", "airudder", VERDICT_UNSIGNED},
        {"{" TASK "}", "airudder", VERDICT_UNSIGNED},
        {"{" TASK ",\"sign\":\"x\"}", "airudder", VERDICT_UNSIGNED},
        {"{\"workflow_id\":\"w\",\"status\":\"done\"}", "airudder", VERDICT_UNSIGNED},
        {"[1]", "airudder", VERDICT_UNSIGNED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(verdict_on(slice_from(rows[i].body), rows[i].key), rows[i].verdict);
    }
}

static void *
verify_without_memory(void *argument)
{
    const struct callback *callback = argument;

    openssl_allocations_left = 0;
    (void)adapter_airudder.verify_parsed(callback);
    return NULL;
}

/* Who has signed rightly is not told that he has not. */
static void
without_memory_nothing_is_known(void **state)
{
    struct slice body = SLICE("{" SIGNED "}");
    struct slice settings[] = {SLICE("airudder")};
    struct callback callback = {.body = body, .settings = settings, .arena = arena_new(NULL, 65536)};
    struct error error;

    (void)state;
    assert_int_equal(verdict_on(body, "airudder"), VERDICT_VALID);
    callback.message = json_parse(callback.arena, body, VALUE_LIMITS_DEFAULT, &error);
    assert_non_null(callback.message);
    on_a_new_thread(verify_without_memory, &callback);
    assert_true(arena_failed(callback.arena));
    assert_false(arena_allow(callback.arena, 1)); /* for want of memory, not of room */
    arena_free(callback.arena);
}

static void
a_key_is_needed(void **state)
{
    struct slice none[] = {{NULL, 0}};
    struct slice key[] = {SLICE("k")};

    (void)state;
    assert_false(adapter_airudder.signed_with(none, NULL));
    assert_true(adapter_airudder.signed_with(key, NULL));
}

static struct slice
signed_body(const struct slice *settings, struct slice body)
{
    struct signed_sample sample = {0};

    assert_true(adapter_airudder.sign_sample(
        &(struct callback){.body = body, .settings = settings, .arena = bench.arena}, &sample));
    assert_int_equal(sample.field_count, 0);
    return sample.body;
}

static void
signed_samples_are_valid(void **state)
{
    struct slice key[] = {SLICE("a key of ours")};
    struct slice none[] = {{NULL, 0}};
    unsigned valid = 0;

    (void)state;
    for (const struct adapter_kind *kind = adapter_airudder.kinds; kind->name != NULL; kind++) {
        struct slice sample = slice_from(kind->sample);
        enum verdict verdict = verdict_on(signed_body(key, sample), "a key of ours");

        assert_int_not_equal(verdict, VERDICT_WRONG);
        assert_true(slice_equal(signed_body(none, sample), sample));
        valid += verdict == VERDICT_VALID ? 1 : 0;
    }
    assert_int_equal(valid, 1);
}

static void
every_sample_is_known(void **state)
{
    (void)state;
    for (const struct adapter_kind *kind = adapter_airudder.kinds; kind->name != NULL; kind++) {
        assert_int_not_equal(bench_event(&bench, kind->endpoint, kind->sample)->type, EVENT_VENDOR_UNMAPPED);
    }
}

static void
what_it_is(void **state)
{
    struct callback callback = {.format = BODY_JSON};

    (void)state;
    assert_ptr_equal(adapter_find(slice_from("airudder")), &adapter_airudder);
    assert_true(adapter_airudder.retries);
    assert_int_equal(adapter_airudder.budget_ms, 2000);
    assert_slice(adapter_airudder.answer(&callback).content_type, "application/json");
    assert_slice(adapter_airudder.answer(&callback).body, "{}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(without_memory_nothing_is_known),
        cmocka_unit_test(a_key_is_needed),
        cmocka_unit_test(signed_samples_are_valid),
        cmocka_unit_test(every_sample_is_known),
        cmocka_unit_test(what_it_is),
    };

    return openssl_memory_begin() ? cmocka_run_group_tests(tests, open_bench, close_bench) : 1;
}
