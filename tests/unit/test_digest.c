/* Digests against published values, from several threads, and the comparison of secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "unit/openssl_memory.h"

static const struct {
    const char *text;
    const char *sha256;
    const char *md5;
} rows[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "d41d8cd98f00b204e9800998ecf8427e"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "900150983cd24fb0d6963f7d28e17f72"},
    {"message digest", "f7846f55cf23e14eebeab5b4e1550cad5b509e3348fbc4efa3a1413d393cb650",
     "f96b697d7cb7938d525a2f31aaf161d0"},
};

static bool
all_rows_right(void)
{
    char sha256[SHA256_HEX_BYTES], md5[MD5_HEX_BYTES];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct slice text = slice_from(rows[i].text);
        size_t half = text.length / 2;
        if (!digest_sha256_hex(text, sha256) ||
            !digest_md5_hex(slice_make(text.data, half), slice_make(text.data + half, text.length - half), md5) ||
            !slice_is(slice_make(sha256, sizeof sha256), rows[i].sha256) ||
            !slice_is(slice_make(md5, sizeof md5), rows[i].md5)) {
            return false;
        }
    }
    return true;
}

static void
published_values(void **state)
{
    (void)state;
    assert_true(all_rows_right());
    /* A context that is used again has forgotten what came before. */
    assert_true(all_rows_right());
}

static void
absent_slices_are_empty(void **state)
{
    (void)state;
    char sha256[SHA256_HEX_BYTES], md5[MD5_HEX_BYTES];
    struct slice absent = {NULL, 0};

    assert_true(digest_sha256_hex(absent, sha256));
    assert_memory_equal(sha256, rows[0].sha256, sizeof sha256);
    assert_true(digest_md5_hex(absent, slice_from("abc"), md5));
    assert_memory_equal(md5, rows[1].md5, sizeof md5);
}

static void *
digest_often(void *wrong)
{
    for (int round = 0; round < 1000; round++) {
        if (!all_rows_right()) {
            *(bool *)wrong = true;
        }
    }
    return NULL;
}

static void
each_thread_has_its_own_context(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool wrong[4] = {false};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, digest_often, &wrong[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(wrong[i]);
    }
}

/* RFC 4231, 4.3 and 4.4, and the example of a vendor who signs so. */
static void
keyed_digests(void **state)
{
    unsigned char mac[HMAC_SHA256_BYTES];
    char text[BASE64_TEXT_BYTES(HMAC_SHA256_BYTES) + 1];
    char key[20], message[50];

    (void)state;
    assert_true(digest_hmac_sha256(slice_from("Jefe"), slice_from("what do ya want for nothing?"), mac));
    assert_int_equal(base64_encode(mac, sizeof(mac), text), 44);
    assert_string_equal(text, "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
    memset(key, 0xaa, sizeof(key));
    memset(message, 0xdd, sizeof(message));
    assert_true(digest_hmac_sha256(slice_make(key, sizeof(key)), slice_make(message, sizeof(message)), mac));
    assert_memory_equal(mac, "\x77\x3e\xa9\x1e\x36\x80\x0e\x46\x85\x4d\xb8\xeb\xd0\x91\x81\xa7", 16);
    assert_true(
        digest_hmac_sha256(slice_from("HWHp9xFVlbboxIU2S6DHA7sf9sGzt3"), slice_from("20001031608119594123221"), mac));
    assert_int_equal(base64_encode(mac, sizeof(mac), text), 44);
    assert_string_equal(text, "ybCwXrg9CMo39xv1kdfVLemqFmk+2Elz+vXYu1CyHlo=");
    assert_true(digest_hmac_sha256(slice_from("k"), slice_make(NULL, 0), mac));
    assert_false(digest_hmac_sha256(slice_make(NULL, 0), slice_from("m"), mac));
}

/* By `openssl dgst -<algorithm> [-hmac "a key"]` over the slices in one piece. */
static void
over_several_slices(void **state)
{
    static const struct {
        enum digest_algorithm algorithm;
        const char *plain, *keyed;
    } vectors[] = {
        {DIGEST_MD5, "7c8a0869f2fdda4053f6add5deb2e179", "19132c720b25360e824d2ef4f752e457"},
        {DIGEST_SHA1, "836fcf2090d327b4b6ac1931b171b9807d6ecf5b", "123b8efe3142623e41390c97a57ddd8a18db01fc"},
        {DIGEST_SHA256, "5155909036b821934cd35f1c79e7928b0877f19a41fea47638677b8a5b237f7e",
         "5235ea694044879ffe086ac251ffc9b781706680ce47d970494529579f2af3f5"},
    };
    const struct slice slices[] = {SLICE("v0:"), SLICE("1700000000"), {NULL, 0}, SLICE(":{\"a\":1}")};
    unsigned char digest[DIGEST_BYTES_MAX];
    char hex[2 * DIGEST_BYTES_MAX];

    (void)state;
    for (size_t round = 0; round < 3; round++) { /* contexts are used again */
        for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
            size_t length = digest_bytes(vectors[i].algorithm, slices, 4, digest);

            hex_encode(digest, length, hex);
            assert_true(slice_is(slice_make(hex, 2 * length), vectors[i].plain));
            length = digest_hmac(vectors[i].algorithm, slice_from("a key"), slices, 4, digest);
            hex_encode(digest, length, hex);
            assert_true(slice_is(slice_make(hex, 2 * length), vectors[i].keyed));
            length = digest_hmac(vectors[i].algorithm, slice_from("another"), slices, 4, digest);
            hex_encode(digest, length, hex);
            assert_false(slice_is(slice_make(hex, 2 * length), vectors[i].keyed));
            assert_int_equal(digest_hmac(vectors[i].algorithm, slice_make("", 0), slices, 4, digest), 0);
        }
    }
}

/* Of one digest and one HMAC, with so many allocations of OpenSSL's. */
struct shortage {
    long allocations;
    bool failed, wrong, recovered;
};

static const char keyed_md5[] = "\x75\x0c\x78\x3e\x6a\xb0\xb5\x03\xea\xa8\x6e\x31\x0a\x5d\xb7\x38"; /* RFC 2202, 2 */

/* false: there is none; *wrong: there is another. */
static bool
digests_made(bool *wrong)
{
    struct slice question = SLICE("what do ya want for nothing?");
    unsigned char mac[DIGEST_BYTES_MAX];
    char hex[SHA256_HEX_BYTES];
    bool plain = digest_sha256_hex(slice_from("abc"), hex);
    size_t length = digest_hmac(DIGEST_MD5, slice_from("Jefe"), &question, 1, mac);

    *wrong = (plain && !slice_is(slice_make(hex, sizeof hex), rows[1].sha256)) ||
             (length != 0 && (length != 16 || memcmp(mac, keyed_md5, length) != 0));
    return plain && length != 0;
}

static void *
make_do(void *argument)
{
    struct shortage *shortage = argument;
    bool wrong_then;

    openssl_allocations_left = shortage->allocations;
    shortage->failed = !digests_made(&shortage->wrong);
    openssl_allocations_left = -1;
    shortage->recovered = digests_made(&wrong_then);
    shortage->wrong = shortage->wrong || wrong_then;
    return NULL;
}

static void
without_memory_there_is_no_digest_and_then_there_is(void **state)
{
    struct shortage shortage = {.failed = true};
    unsigned failed = 0;

    (void)state;
    assert_true(all_rows_right()); /* what OpenSSL makes once for all threads is there */
    for (; shortage.failed; shortage.allocations++) {
        on_a_new_thread(make_do, &shortage);
        assert_false(shortage.wrong);
        assert_true(shortage.recovered);
        failed += shortage.failed ? 1 : 0;
    }
    assert_true(failed > 3);
}

/* RFC 4648, 10. */
static void
base64(void **state)
{
    static const char *const pairs[][2] = {
        {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
    };
    char text[BASE64_TEXT_BYTES(6) + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        size_t length = strlen(pairs[i][0]);

        assert_int_equal(base64_encode((const unsigned char *)pairs[i][0], length, text), BASE64_TEXT_BYTES(length));
        assert_string_equal(text, pairs[i][1]);
    }
    assert_int_equal(base64_encode((const unsigned char *)"", 0, text), 0);
    assert_string_equal(text, "");
}

static void
secrets(void **state)
{
    (void)state;
    struct slice secret = SLICE("s3cret");

    assert_true(secret_equal(slice_from("s3cret"), secret));
    assert_false(secret_equal(slice_from("s3cres"), secret));
    assert_false(secret_equal(slice_from("S3cret"), secret));
    assert_false(secret_equal(slice_from("s3cre"), secret));
    assert_false(secret_equal(slice_from("s3cret "), secret));
    assert_false(secret_equal(slice_make(NULL, 0), secret));
    assert_false(secret_equal(slice_from(""), slice_from("")));
    assert_false(secret_equal(slice_make("a\0b", 3), slice_make("a\0c", 3)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_values),
        cmocka_unit_test(absent_slices_are_empty),
        cmocka_unit_test(each_thread_has_its_own_context),
        cmocka_unit_test(keyed_digests),
        cmocka_unit_test(over_several_slices),
        cmocka_unit_test(without_memory_there_is_no_digest_and_then_there_is),
        cmocka_unit_test(base64),
        cmocka_unit_test(secrets),
    };

    return openssl_memory_begin() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
