/* Admission: what a request's head alone is judged by, and what is left of it without the secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress/generation.h"
#include "ingress/service.h"
#include "ingress/worker.h"

#define SECRET "a-long-secret-of-the-source"
#define OTHER  "another-secret-to-rotate-to"

static const char *const endpoints[] = {"receiveVoice", "receiveDialog", NULL};
static const struct adapter adapter = {.name = "test", .endpoints = endpoints};
static const struct slice methods[] = {SLICE("POST"), SLICE("PUT")};
static const struct slice secrets[] = {SLICE(SECRET), SLICE(OTHER)};
static struct network office[1];
static struct network proxies[2];

#define COMMON                                                                                                         \
    .adapter = &adapter, .methods = methods, .method_count = 2, .secret_parameter = SLICE("secret"),                   \
    .secret_header = SLICE("x-trunkline-secret")

static struct source sources[] = {
    {COMMON, .name = SLICE("open"), .open = true},
    {COMMON, .name = SLICE("path"), .secrets = secrets, .secret_count = 2, .secret_places = SECRET_IN_PATH},
    {COMMON, .name = SLICE("query"), .secrets = secrets, .secret_count = 2, .secret_places = SECRET_IN_QUERY},
    {COMMON, .name = SLICE("header"), .secrets = secrets, .secret_count = 2, .secret_places = SECRET_IN_HEADER},
    {COMMON, .name = SLICE("any"), .secrets = secrets, .secret_count = 2,
     .secret_places = SECRET_IN_PATH | SECRET_IN_QUERY | SECRET_IN_HEADER},
    {COMMON, .name = SLICE("office"), .allow = {office, 1}},
    {COMMON, .name = SLICE("both"), .allow = {office, 1}, .secrets = secrets, .secret_count = 1,
     .secret_places = SECRET_IN_PATH},
};

static struct config config = {
    .limits = {.body_bytes = 1000},
    .sources = sources,
    .source_count = sizeof(sources) / sizeof(sources[0]),
};
static struct generation generation = {.config = &config};
static struct worker worker = {.config = &config};

/* One request; what is not said is a POST of ten bytes from 192.0.2.9. */
struct request {
    const char *path, *query, *method, *field, *value, *peer;
    int64_t length;
};

static struct arena *arena;

static int
setup(void **state)
{
    (void)state;
    assert_true(network_parse(slice_from("198.51.100.0/24"), &office[0]));
    assert_true(network_parse(slice_from("10.0.0.0/8"), &proxies[0]));
    assert_true(network_parse(slice_from("2001:db8::/32"), &proxies[1]));
    arena = arena_new(NULL, (size_t)1 << 20);
    return arena == NULL;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum refusal
judge(const struct request *request, struct ticket *ticket)
{
    struct record_header *field = arena_zalloc(arena, 1, sizeof(*field));

    assert_non_null(field);
    *field = (struct record_header){slice_from(request->field), slice_from(request->value)};
    *ticket = (struct ticket){
        .worker = &worker,
        .generation = &generation,
        .arena = arena,
        .head =
            {
                .method = slice_from(request->method == NULL ? "POST" : request->method),
                .path = slice_from(request->path),
                .query = slice_from(request->query),
                .fields = field,
                .field_count = request->field == NULL ? 0 : 1,
                .content_length = request->length == 0 ? 10 : request->length,
            },
    };
    assert_true(address_parse(slice_from(request->peer == NULL ? "192.0.2.9" : request->peer), &ticket->peer));
    return admission_check(ticket);
}

#define JUDGE(...) judge(&(struct request){__VA_ARGS__}, &(struct ticket){0})

static void
assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.length, strlen(text));
    assert_memory_equal(slice.data, text, slice.length);
}

static void
takes_exact_paths_only(void **state)
{
    static const char *const bad[] = {
        "/",
        "/callbacks",
        "/callbacks/",
        "/callbacks/none",
        "/callbacks/open/",
        "/callbacks//open",
        "/callbacks/open//",
        "//callbacks/open",
        "/Callbacks/open",
        "/callbacks/OPEN",
        "/callbacks/op%65n",
        "/callbacks/open/receive%56oice",
        "/callbacks/./open",
        "/callbacks/../open",
        "/callbacks/open/.",
        "/callbacks/open/..",
        "/callbacks/open/receiveVoice/",
        "/callbacks/open/unknown",
        "/callbacks/open/receivevoice",
        "/callbacks/open/x/receiveVoice",
        "/callbacks/open;a=b",
        "/callbacks/open/receiveVoice/x/y",
        "/callbacks/path/" SECRET "/receiveVoice/x",
        "/x/callbacks/open",
        "/callbacksopen",
        "/callbacks/open\\receiveVoice",
    };

    (void)state;
    assert_int_equal(JUDGE(.path = "/callbacks/open"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/open/receiveVoice"), REFUSAL_NONE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (JUDGE(.path = bad[i]) != REFUSAL_NOT_FOUND) {
            fail_msg("%s", bad[i]);
        }
    }
}

static void
judges_in_the_order_of_the_design(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(.path = "/callbacks/none", .method = "GET", .length = 9999), REFUSAL_NOT_FOUND);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .method = "GET", .length = 9999), REFUSAL_METHOD);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .method = "post"), REFUSAL_METHOD);
    assert_int_equal(JUDGE(.path = "/callbacks/open", .method = "PUT"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .field = "content-encoding", .value = "gzip", .length = 9999),
                     REFUSAL_UNSUPPORTED);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .length = 1001), REFUSAL_TOO_LARGE);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .length = INT64_MAX), REFUSAL_TOO_LARGE);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .length = 1000), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/open", .length = 1000), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/open", .length = -1), REFUSAL_NONE);
}

static void
refuses_what_it_does_not_read(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(.path = "/callbacks/open", .field = "content-encoding", .value = "Identity"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/open", .field = "content-encoding", .value = "identity, gzip"),
                     REFUSAL_UNSUPPORTED);
    assert_int_equal(
        JUDGE(.path = "/callbacks/open", .field = "content-type", .value = "Multipart/form-data; boundary=x"),
        REFUSAL_UNSUPPORTED);
    assert_int_equal(JUDGE(.path = "/callbacks/open", .field = "content-type", .value = "text/plain"), REFUSAL_NONE);
}

static void
wants_a_secret_where_the_source_has_one(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(.path = "/callbacks/path/" SECRET), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/path/" OTHER "/receiveVoice"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/path"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path/receiveVoice"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path/" SECRET "x"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .query = "secret=" SECRET), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path", .field = "x-trunkline-secret", .value = SECRET),
                     REFUSAL_UNAUTHORIZED);

    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret=" SECRET), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "a=b&secret=" OTHER "&c"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret=a%2Dlong-secret-of-the-sourc%65"),
                     REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret=x&secret=" SECRET), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "Secret=" SECRET), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret="), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/query", .query = "secret=%"), REFUSAL_UNAUTHORIZED);

    assert_int_equal(JUDGE(.path = "/callbacks/header", .field = "x-trunkline-secret", .value = OTHER), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/header", .field = "x-trunkline-secret", .value = ""),
                     REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/header", .query = "secret=" SECRET), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/header/" SECRET), REFUSAL_UNAUTHORIZED);

    assert_int_equal(JUDGE(.path = "/callbacks/any/" SECRET "/receiveVoice"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/any/receiveVoice", .query = "secret=" SECRET), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/any", .field = "x-trunkline-secret", .value = SECRET), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/any"), REFUSAL_UNAUTHORIZED);
}

/* Without a secret every path below the source looks the same; with one, an endpoint that is none is 404. */
static void
tells_endpoints_only_to_those_who_know_a_secret(void **state)
{
    (void)state;
    assert_int_equal(JUDGE(.path = "/callbacks/path/wrong/receiveVoice"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path/wrong/unknown"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path/unknown"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/path/" SECRET "/unknown"), REFUSAL_NOT_FOUND);
    assert_int_equal(JUDGE(.path = "/callbacks/query/unknown", .query = "secret=" SECRET), REFUSAL_NOT_FOUND);
    assert_int_equal(JUDGE(.path = "/callbacks/query/unknown"), REFUSAL_UNAUTHORIZED);
}

static void
leaves_the_secret_out_of_what_is_kept(void **state)
{
    struct ticket ticket;

    (void)state;
    assert_int_equal(judge(&(struct request){.path = "/callbacks/any/" SECRET "/receiveVoice",
                                             .query = "a=b&secret=" SECRET "&s%65cret=" SECRET "&c=d&&e"},
                           &ticket),
                     REFUSAL_NONE);
    assert_slice(ticket.public_path, "/callbacks/any/receiveVoice");
    assert_slice(ticket.public_query, "a=b&c=d&&e");
    assert_slice(ticket.endpoint, "receiveVoice");
    assert_true(ticket.vouched);
    assert_ptr_equal(ticket.source, &sources[4]);

    assert_int_equal(judge(&(struct request){.path = "/callbacks/path/" SECRET}, &ticket), REFUSAL_NONE);
    assert_slice(ticket.public_path, "/callbacks/path");
    assert_slice(ticket.public_query, "");
    assert_slice(ticket.endpoint, "");

    /* A secret that a source without secrets is sent all the same. */
    assert_int_equal(judge(&(struct request){.path = "/callbacks/open", .query = "secret=" SECRET}, &ticket),
                     REFUSAL_NONE);
    assert_slice(ticket.public_query, "");
    assert_false(ticket.vouched);
}

static void
lets_in_listed_addresses_only(void **state)
{
    struct ticket ticket;

    (void)state;
    assert_int_equal(judge(&(struct request){.path = "/callbacks/office", .peer = "198.51.100.7"}, &ticket),
                     REFUSAL_NONE);
    assert_true(ticket.vouched);
    assert_int_equal(JUDGE(.path = "/callbacks/office", .peer = "::ffff:198.51.100.7"), REFUSAL_NONE);
    assert_int_equal(JUDGE(.path = "/callbacks/office"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/office", .field = "x-forwarded-for", .value = "198.51.100.7"),
                     REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/both/" SECRET), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/both", .peer = "198.51.100.7"), REFUSAL_UNAUTHORIZED);
    assert_int_equal(JUDGE(.path = "/callbacks/both/" SECRET, .peer = "198.51.100.7"), REFUSAL_NONE);
}

static void
believes_trusted_proxies_only(void **state)
{
    static const struct {
        const char *peer, *forwarded, *sender;
    } rows[] = {
        {"10.1.1.1", "198.51.100.7", "198.51.100.7"},
        {"10.1.1.1", "198.51.100.7, 203.0.113.1", "203.0.113.1"},
        {"10.1.1.1", "203.0.113.1,198.51.100.7", "198.51.100.7"},
        {"10.1.1.1", "198.51.100.7 , 10.2.2.2,2001:db8::5", "198.51.100.7"},
        {"10.1.1.1", "nonsense, 198.51.100.7", "198.51.100.7"},
        {"10.1.1.1", "198.51.100.7, nonsense", "10.1.1.1"},
        {"10.1.1.1", "198.51.100.7, ", "10.1.1.1"},
        {"10.1.1.1", "198.51.100.7:8080", "10.1.1.1"},
        {"10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"},
        {"10.1.1.1", ",", "10.1.1.1"},
        {"10.1.1.1", NULL, "10.1.1.1"},
        {"203.0.113.1", "198.51.100.7", "203.0.113.1"},
    };

    (void)state;
    config.trusted_proxies = (struct network_list){proxies, 2};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request request = {.path = "/callbacks/open", .peer = rows[i].peer, .value = rows[i].forwarded};
        struct address sender;
        struct ticket ticket;

        request.field = rows[i].forwarded == NULL ? NULL : "x-forwarded-for";
        assert_int_equal(judge(&request, &ticket), REFUSAL_NONE);
        assert_true(address_parse(slice_from(rows[i].sender), &sender));
        if (memcmp(&ticket.sender, &sender, sizeof(sender)) != 0) {
            fail_msg("%s from %s", rows[i].forwarded == NULL ? "nothing" : rows[i].forwarded, rows[i].peer);
        }
    }
    assert_int_equal(
        JUDGE(.path = "/callbacks/office", .peer = "10.1.1.1", .field = "x-forwarded-for", .value = "198.51.100.7"),
        REFUSAL_NONE);
    config.trusted_proxies = (struct network_list){0};
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_exact_paths_only, setup, teardown),
        cmocka_unit_test_setup_teardown(judges_in_the_order_of_the_design, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_what_it_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(wants_a_secret_where_the_source_has_one, setup, teardown),
        cmocka_unit_test_setup_teardown(tells_endpoints_only_to_those_who_know_a_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_the_secret_out_of_what_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(lets_in_listed_addresses_only, setup, teardown),
        cmocka_unit_test_setup_teardown(believes_trusted_proxies_only, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
