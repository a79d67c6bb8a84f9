/* Signatures by a mapping: every digest, encoding and place; several keys; the time of signing; what is no signature;
 * samples that are signed as they are verified. */
#include "mapping.h"
#include "unit/openssl_memory.h"

#define BODY   "{\"a\":1}"
#define TIME   "1700000000" /* callback_of receives at that second */
#define MD5    "19132c720b25360e824d2ef4f752e457"
#define SHA1   "123b8efe3142623e41390c97a57ddd8a18db01fc"
#define SHA256 "5235ea694044879ffe086ac251ffc9b781706680ce47d970494529579f2af3f5"

static const struct slice keys[] = {SLICE("another key"), SLICE("a key"), SLICE("a third")};

/* Signed are "v0:<time>:<body>", whose digests above are those of `openssl dgst -hmac "a key"`. */
static struct signature_rule
usual_rule(void)
{
    return (struct signature_rule){
        .digest = SIGNATURE_SHA256,
        .keyed = true,
        .keys = keys + 1,
        .key_count = 1,
        .signed_text = TEMPLATE("'v0:", "header.x-time", "':", "body"),
        .at = refer("header.x-sign"),
    };
}

static enum verdict
verdict_of(const struct callback *callback)
{
    enum verdict raw = adapter_generic.verify_raw(callback);
    enum verdict parsed = adapter_generic.verify_parsed(callback);

    if (raw == VERDICT_WRONG || parsed == VERDICT_WRONG) {
        return VERDICT_WRONG;
    }
    return raw == VERDICT_VALID || parsed == VERDICT_VALID ? VERDICT_VALID : VERDICT_UNSIGNED;
}

static enum verdict
verdict_with(struct signature_rule rule, const char *time, const char *signature)
{
    struct mapping mapping = {.signature = rule};
    const struct record_header fields[] = {
        {SLICE("x-time"), slice_from(time)},
        {SLICE("x-sign"), slice_from(signature)},
    };
    struct callback callback = callback_of(&mapping, BODY);

    callback.fields = fields;
    callback.field_count = 2;
    return verdict_of(&callback);
}

static void *
verify_without_memory(void *argument)
{
    openssl_allocations_left = 0;
    (void)verdict_with(*(const struct signature_rule *)argument, TIME, SHA256);
    return NULL;
}

/* Who has signed rightly is not told that he has not. */
static void
without_memory_nothing_is_known(void **state)
{
    struct signature_rule rule = usual_rule();

    (void)state;
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_VALID);
    assert_false(arena_failed(arena));
    on_a_new_thread(verify_without_memory, &rule);
    assert_true(arena_failed(arena));
    assert_false(arena_allow(arena, 1)); /* for want of memory, not of room */
}

static void
digests_and_encodings(void **state)
{
    static const struct {
        enum signature_digest digest;
        bool base64;
        const char *signature;
        enum verdict verdict;
    } rows[] = {
        {SIGNATURE_MD5, false, MD5, VERDICT_VALID},
        {SIGNATURE_SHA1, false, SHA1, VERDICT_VALID},
        {SIGNATURE_SHA256, false, SHA256, VERDICT_VALID},
        {SIGNATURE_SHA1, false, "123B8EFE3142623E41390C97A57DDD8A18DB01FC", VERDICT_VALID},
        {SIGNATURE_SHA1, false, "123B8efe3142623E41390C97A57DDD8A18DB01FC", VERDICT_VALID},
        {SIGNATURE_MD5, true, "GRMscgslNg6CTS7091LkVw==", VERDICT_VALID},
        {SIGNATURE_MD5, true, "GRMscgslNg6CTS7091LkVw", VERDICT_VALID},
        {SIGNATURE_SHA1, true, "EjuO/jFCYj5BOQyXpX3dihjbAfw=", VERDICT_VALID},
        {SIGNATURE_SHA1, true, "EjuO_jFCYj5BOQyXpX3dihjbAfw", VERDICT_VALID},
        {SIGNATURE_SHA256, true, "UjXqaUBEh5/+CGrCUf/Jt4FwZoDOR9lwSUUpV58q8/U=", VERDICT_VALID},
        {SIGNATURE_SHA256, true, "UjXqaUBEh5/ CGrCUf/Jt4FwZoDOR9lwSUUpV58q8/U=", VERDICT_VALID},
        {SIGNATURE_SHA256, true, "UjXqaUBEh5_-CGrCUf_Jt4FwZoDOR9lwSUUpV58q8_U=", VERDICT_VALID},
        {SIGNATURE_SHA256, true, "ujXqaUBEh5/+CGrCUf/Jt4FwZoDOR9lwSUUpV58q8/U=", VERDICT_WRONG},
        {SIGNATURE_SHA256, true, SHA256, VERDICT_WRONG},
        {SIGNATURE_SHA1, false, "EjuO/jFCYj5BOQyXpX3dihjbAfw=", VERDICT_WRONG},
        {SIGNATURE_SHA256, false, SHA1, VERDICT_WRONG},
        {SIGNATURE_SHA1, false, SHA1 "0", VERDICT_WRONG},
        {SIGNATURE_SHA1, false, "123b8efe3142623e41390c97a57ddd8a18db01f", VERDICT_WRONG},
        {SIGNATURE_SHA1, false, " ", VERDICT_WRONG},
        {SIGNATURE_SHA1, true, "====", VERDICT_WRONG},
        {SIGNATURE_SHA1, false, "", VERDICT_WRONG},
        {SIGNATURE_SHA256, false, SHA256 SHA256 SHA256 SHA256, VERDICT_WRONG},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signature_rule rule = usual_rule();

        rule.digest = rows[i].digest;
        rule.base64 = rows[i].base64;
        assert_int_equal(verdict_with(rule, TIME, rows[i].signature), rows[i].verdict);
    }
}

/* By `openssl dgst` over time, body and key. */
static void
plain_digests(void **state)
{
    static const struct {
        enum signature_digest digest;
        const char *signature;
    } rows[] = {
        {SIGNATURE_MD5, "4606ad5fcf412c7f0b9dcad292f08577"},
        {SIGNATURE_SHA1, "17b7ab6bc6b19bd347d5afd5cf00471d1aff4131"},
        {SIGNATURE_SHA256, "fb4311bc0357d84595e6481eed381e4b2940582ddddffc097ca9b539cc56f0c2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signature_rule rule = usual_rule();

        rule.digest = rows[i].digest;
        rule.keyed = false;
        rule.signed_text = TEMPLATE("header.x-time", "body", "key");
        assert_int_equal(verdict_with(rule, TIME, rows[i].signature), VERDICT_VALID);
        assert_int_equal(verdict_with(rule, "1700000001", rows[i].signature), VERDICT_WRONG);
        rule.keys = keys;
        assert_int_equal(verdict_with(rule, TIME, rows[i].signature), VERDICT_WRONG);
    }
}

static void
several_keys(void **state)
{
    struct signature_rule rule = usual_rule();

    (void)state;
    rule.keys = keys;
    rule.key_count = 3;
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_VALID);
    rule.key_count = 1;
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_WRONG);
    rule.key_count = 0;
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_UNSIGNED);
    rule = usual_rule();
    rule.digest = SIGNATURE_NONE;
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_UNSIGNED);
}

static void
when_it_is_signed(void **state)
{
    struct mapping mapping = {.signature = usual_rule()};
    struct slice none[] = {{NULL, 0}};

    (void)state;
    assert_true(adapter_generic.signed_with(none, &mapping));
    mapping.signature.key_count = 0;
    assert_false(adapter_generic.signed_with(none, &mapping));
    mapping.signature.key_count = 1;
    mapping.signature.digest = SIGNATURE_NONE;
    assert_false(adapter_generic.signed_with(none, &mapping));
    assert_false(adapter_generic.signed_with(none, NULL));
}

static void
prefixes(void **state)
{
    struct signature_rule rule = usual_rule();

    (void)state;
    rule.prefix = slice_from("sha256=");
    assert_int_equal(verdict_with(rule, TIME, "sha256=" SHA256), VERDICT_VALID);
    assert_int_equal(verdict_with(rule, TIME, SHA256), VERDICT_WRONG);
    assert_int_equal(verdict_with(rule, TIME, "SHA256=" SHA256), VERDICT_WRONG);
    assert_int_equal(verdict_with(rule, TIME, "sha256="), VERDICT_WRONG);
    assert_int_equal(verdict_with(rule, TIME, "sha"), VERDICT_WRONG);
}

/* callback_of receives at 1700000000.123. */
static void
tolerance(void **state)
{
    static const struct {
        const char *time;
        bool in_time;
    } rows[] = {
        {"1700000000", true},
        {"1699999701", true},
        {"1699999700", false},
        {"1700000300", true},
        {"1700000301", false},
        {"1700000000123", true},
        {"1699999700123", true},
        {"1699999700122", false},
        {"1700000300123", true},
        {"1700000300124", false},
        {"", false},
        {"now", false},
        {"-1700000000", false},
        {"1700000000.5", false},
        {"0", false},
        {"9999999999999999999999", false},
        {"999999999999999999", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct signature_rule rule = usual_rule();

        rule.signed_text = TEMPLATE("'v0:1700000000:", "body"); /* the time itself unsigned, to be judged alone */
        rule.timed = true;
        rule.time = refer("header.x-time");
        rule.tolerance_seconds = 300;
        assert_int_equal(verdict_with(rule, rows[i].time, SHA256), rows[i].in_time ? VERDICT_VALID : VERDICT_WRONG);
    }
}

/* Where a member is signed or bears the signature, only the parsed message tells. */
static void
members(void **state)
{
    struct mapping mapping = {
        .signature = {.digest = SIGNATURE_SHA1,
                      .keyed = true,
                      .keys = keys + 1,
                      .key_count = 1,
                      .signed_text = TEMPLATE("/id", "'|", "/n"),
                      .at = refer("/auth/sign")},
    };
    struct callback right = callback_of(
        &mapping, "{\"id\":\"a1\",\"n\":5,\"auth\":{\"sign\":\"871a1df06e101262440de9ace7792934378dbe4d\"}}");
    struct callback wrong = callback_of(
        &mapping, "{\"id\":\"a1\",\"n\":6,\"auth\":{\"sign\":\"871a1df06e101262440de9ace7792934378dbe4d\"}}");
    struct callback missing = callback_of(&mapping, "{\"id\":\"a1\",\"n\":5}");
    struct callback container = callback_of(&mapping, "{\"id\":\"a1\",\"n\":5,\"auth\":{\"sign\":[]}}");
    struct callback broken = callback_of(&mapping, "{");

    (void)state;
    assert_int_equal(adapter_generic.verify_raw(&right), VERDICT_UNSIGNED);
    assert_int_equal(adapter_generic.verify_parsed(&right), VERDICT_VALID);
    assert_int_equal(adapter_generic.verify_parsed(&wrong), VERDICT_WRONG);
    assert_int_equal(adapter_generic.verify_parsed(&missing), VERDICT_WRONG);
    assert_int_equal(adapter_generic.verify_parsed(&container), VERDICT_WRONG);
    assert_null(broken.message);
    assert_int_equal(adapter_generic.verify_parsed(&broken), VERDICT_WRONG);
}

/* A handshake may come unsigned, but nothing else; and one with a wrong signature is none. */
static void
unsigned_handshakes(void **state)
{
    const struct handshake_rule rule = {.when = WHEN("/type", "verify"), .body = TEMPLATE("/challenge")};
    struct mapping mapping = {.signature = usual_rule(), .handshakes = &rule, .handshake_count = 1};
    const struct record_header field = {SLICE("x-sign"), SLICE("0000")};
    struct callback handshake = callback_of(&mapping, "{\"type\":\"verify\"}");
    struct callback other = callback_of(&mapping, "{\"type\":\"event\"}");
    struct callback forged = handshake;

    (void)state;
    forged.fields = &field;
    forged.field_count = 1;
    assert_int_equal(adapter_generic.verify_raw(&handshake), VERDICT_UNSIGNED);
    assert_int_equal(adapter_generic.verify_parsed(&handshake), VERDICT_UNSIGNED);
    assert_int_equal(adapter_generic.verify_raw(&other), VERDICT_UNSIGNED);
    assert_int_equal(adapter_generic.verify_parsed(&other), VERDICT_WRONG);
    assert_int_equal(adapter_generic.verify_raw(&forged), VERDICT_WRONG);
    mapping.handshake_count = 0;
    assert_int_equal(adapter_generic.verify_raw(&handshake), VERDICT_WRONG);
}

/* --- samples --- */

/* What a sender makes of a sample is what the receiver takes as signed. */
static enum verdict
verdict_on_sample(const struct mapping *mapping, const char *body, struct signed_sample *sample)
{
    struct callback sent = callback_of(mapping, body);
    struct callback received;
    struct error error;

    *sample = (struct signed_sample){0};
    sent.message = NULL; /* a sender has none */
    if (!adapter_generic.sign_sample(&sent, sample)) {
        return VERDICT_WRONG;
    }
    received = sent;
    received.body = sample->body;
    received.query = sample->query;
    received.fields = sample->fields;
    received.field_count = sample->field_count;
    received.message = adapter_generic.parse(&received, &received.format, &error);
    return verdict_of(&received);
}

static void
signed_samples(void **state)
{
    static const char *const signatures[] = {"header.x-sign", "query.sig n", "/auth/sign", "^/sign"};
    static const char *const times[] = {"header.x-time", "query.t", "/auth/t"};
    static const char *const bodies[] = {"{\"id\":\"a&b\",\"auth\":{\"sign\":\"old\",\"more\":[1,{}]}}", " {}"};

    (void)state;
    for (size_t i = 0; i < 4 * 3 * 2 * 2; i++) {
        struct mapping mapping = {.format = MAPPING_JSON, .signature = usual_rule()};
        struct signature_rule *rule = &mapping.signature;
        struct signed_sample sample;

        rule->at = refer(signatures[i % 4]);
        rule->time = refer(times[i / 4 % 3]);
        rule->timed = true;
        rule->tolerance_seconds = 60;
        rule->base64 = i % 2 == 1;
        rule->prefix = slice_from(i % 3 == 0 ? "v1=" : "");
        rule->signed_text =
            i % 4 < 2 ? TEMPLATE("/id", "'.", times[i / 4 % 3], "'.", "body") : TEMPLATE("/id", "'.", times[i / 4 % 3]);
        assert_int_equal(verdict_on_sample(&mapping, bodies[i / 12 % 2], &sample), VERDICT_VALID);
        assert_int_equal(sample.field_count, (size_t)(i % 4 == 0) + (size_t)(i / 4 % 3 == 0));
    }
}

static void
signed_samples_of_forms(void **state)
{
    struct mapping mapping = {.signature = usual_rule()};
    struct signed_sample sample;

    (void)state;
    mapping.signature.at = refer("/sign");
    mapping.signature.time = refer("/t");
    mapping.signature.timed = true;
    mapping.signature.tolerance_seconds = 1;
    mapping.signature.signed_text = TEMPLATE("/id", "/t");
    assert_int_equal(verdict_on_sample(&mapping, "id=a%20b&x=1\n", &sample), VERDICT_VALID);
    assert_string_equal(arena_copy(arena, slice_make(sample.body.data, 28)).data, "id=a%20b&x=1&t=1700000000&si");
    mapping.format = MAPPING_QUERY;
    assert_int_equal(verdict_on_sample(&mapping, "", &sample), VERDICT_VALID);
    assert_true(sample.query.length > 0);
    mapping.signature.at = refer("/deep/sign");
    assert_int_equal(verdict_on_sample(&mapping, "", &sample), VERDICT_WRONG);
}

/* One that was captured bears a signature already: a new one takes its place. */
static void
signed_anew(void **state)
{
    struct mapping mapping = {.format = MAPPING_FORM, .signature = usual_rule()};
    struct callback sent = callback_of(&mapping, "id=1");
    struct signed_sample sample = {.field_count = 0};

    (void)state;
    mapping.signature.at = refer("query.sig n");
    mapping.signature.time = refer("query.t");
    mapping.signature.timed = true;
    mapping.signature.tolerance_seconds = 1;
    mapping.signature.signed_text = TEMPLATE("query.t", "body");
    sent.query = slice_from("t=1&a=b&sig+n=old&sig%20n=older&c");
    assert_true(adapter_generic.sign_sample(&sent, &sample));
    assert_string_equal(arena_copy(arena, slice_make(sample.query.data, 25)).data, "a=b&c&t=1700000000&sig%20");
    assert_null(memmem(sample.query.data, sample.query.length, "old", 3));
    sent.query = sample.query;
    assert_int_equal(verdict_of(&sent), VERDICT_VALID);
}

static void
samples_that_cannot_be_signed(void **state)
{
    struct mapping mapping = {.signature = usual_rule()};
    struct signed_sample sample;

    (void)state;
    mapping.signature.at = refer("/sign");
    assert_int_equal(verdict_on_sample(&mapping, "<a><sign>x</sign></a>", &sample), VERDICT_WRONG);
    assert_int_equal(verdict_on_sample(&mapping, "[1]", &sample), VERDICT_WRONG);
    assert_int_equal(verdict_on_sample(&mapping, "{", &sample), VERDICT_WRONG);
    mapping.signature.at = refer("/a/sign");
    assert_int_equal(verdict_on_sample(&mapping, "{\"a\":5}", &sample), VERDICT_WRONG);
    mapping.signature.key_count = 0;
    assert_int_equal(verdict_on_sample(&mapping, "{\"a\":5}", &sample), VERDICT_UNSIGNED);
    assert_slice(sample.body, "{\"a\":5}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(digests_and_encodings),
        TEST(plain_digests),
        TEST(without_memory_nothing_is_known),
        TEST(several_keys),
        TEST(when_it_is_signed),
        TEST(prefixes),
        TEST(tolerance),
        TEST(members),
        TEST(unsigned_handshakes),
        TEST(signed_samples),
        TEST(signed_samples_of_forms),
        TEST(signed_anew),
        TEST(samples_that_cannot_be_signed),
    };

    return openssl_memory_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
