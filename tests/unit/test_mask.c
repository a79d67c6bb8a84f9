/* Secrets leave every text, whole, however they are spelled in it, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ingress/mask.h"

static const struct slice secrets[] = {SLICE("one"), SLICE("one-more"), SLICE("a%2Fb"), SLICE("c/d=")};
static const struct source source = {.secrets = secrets, .secret_count = 4};

static void
masks_each_spelling(void **state)
{
    static const struct {
        const char *text, *masked;
    } rows[] = {
        {"", ""},
        {"/callbacks/here/one/push", "/callbacks/here/*/push"},
        {"one", "*"},
        {"oneone", "**"},
        {"x=one-more&y", "x=*&y"},
        {"%6fn%65&%6F%6E%65%2Dmore", "*&*"},
        {"a%2Fb", "*"},
        {"a%252Fb", "*"},
        {"a/b", "a/b"},
        {"c/d=&c%2fd%3D", "*&*"},
        {"c/d", "c/d"},
        {"on", "on"},
        {"%6fn%6", "%6fn%6"},
        {"One", "One"},
    };
    struct arena *arena = arena_new(NULL, 65536);

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice masked = mask_secrets(&source, slice_from(rows[i].text), arena);

        if (!slice_is(masked, rows[i].masked)) {
            fail_msg("%s became %.*s", rows[i].text, SLICE_ARGS(masked));
        }
    }
    arena_free(arena);
}

static void
leaves_what_has_none(void **state)
{
    struct arena *arena = arena_new(NULL, 65536);
    struct slice text = SLICE("/callbacks/here?a=b");
    struct source open = {.secret_count = 0};

    (void)state;
    assert_ptr_equal(mask_secrets(&source, text, arena).data, text.data);
    assert_true(slice_is(mask_secrets(&open, slice_from("one"), arena), "one"));
    assert_int_equal(arena_bytes(arena), 0);
    arena_free(arena);
}

static void
tells_that_memory_is_out(void **state)
{
    struct arena *arena = arena_new(NULL, 1024);

    (void)state;
    for (void *block = arena; block != NULL;) {
        block = arena_alloc(arena, 16);
    }
    assert_true(slice_empty(mask_secrets(&source, slice_from("xxxxxxxxxxxxxxxxxxxx-one"), arena)));
    assert_true(arena_failed(arena));
    arena_free(arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_each_spelling),
        cmocka_unit_test(leaves_what_has_none),
        cmocka_unit_test(tells_that_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
