/* References, templates and conditions: every place, what counts as absent, and what a hostile message costs. */
#include "mapping.h"

#include "adapters/generic_reference.h"

static const struct record_header fields[] = {
    {SLICE("x-event"), SLICE("ended")},
    {SLICE("x-null"), SLICE("null")},
    {SLICE("x-latin"), SLICE("caf\xe9")},
};

/* One with something at every place. */
static struct callback
usual_callback(void)
{
    static const struct mapping json = {.format = MAPPING_JSON};
    struct callback callback = callback_of(
        &json,
        " {\"id\":\"a1\",\"n\":12e3,\"call\":{\"id\":7.50,\"a/"
        "b\":{\"~x\":\"deep\"}},\"list\":[\"zero\",{\"x\":\"one\"},"
        "[\"two\"]],\"yes\":true,\"no\":false,\"nothing\":null,\"empty\":\"\",\"text null\":\"null\",\"\":\"unnamed\","
        "\"0\":\"digit\"}");

    assert_non_null(callback.message);
    callback.query = slice_from("sig=a%2Bb+c&twice=1&twice=2&bad=%ff&nul=%00");
    callback.fields = fields;
    callback.field_count = sizeof fields / sizeof fields[0];
    return callback;
}

static void
places(void **state)
{
    static const struct {
        const char *reference, *text; /* NULL: absent */
    } rows[] = {
        {"/id", "a1"},
        {"^/id", "a1"},
        {"/n", "12e3"},
        {"/call/id", "7.50"},
        {"/list/0", "zero"},
        {"/list/1/x", "one"},
        {"/list/2/0", "two"},
        {"/list/3", NULL},
        {"/list/00", NULL},
        {"/list/-", NULL},
        {"/list/1x", NULL},
        {"/list/9999999999", NULL},
        {"/list/", NULL},
        {"/0", "digit"},
        {"/", "unnamed"},
        {"/yes", "true"},
        {"/no", "false"},
        {"/nothing", NULL},
        {"/empty", NULL},
        {"/text null", NULL},
        {"/missing", NULL},
        {"/id/deeper", NULL},
        {"/call", ""},
        {"/list", ""},
        {"", ""},
        {"header.x-event", "ended"},
        {"header.x-null", NULL},
        {"header.x-latin", NULL},
        {"header.x-missing", NULL},
        {"query.sig", "a+b c"},
        {"query.twice", NULL},
        {"query.bad", NULL},
        {"query.nul", NULL},
        {"query.missing", NULL},
        {"query", "sig=a%2Bb+c&twice=1&twice=2&bad=%ff&nul=%00"},
        {"method", "POST"},
        {"endpoint", "hook"},
        {"received", "1700000000"},
        {"key", NULL},
        {"'null", "null"},
    };
    struct callback callback = usual_callback();

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene scene = scene_of(&callback);
        struct reference reference = refer(rows[i].reference);
        struct finding finding = reference_find(&scene, &reference);

        assert_int_equal(finding.present, rows[i].text != NULL);
        if (rows[i].text != NULL) {
            assert_slice(finding.text, rows[i].text);
        }
    }
}

/* RFC 6901's "~0" and "~1" are decoded in the configuration: here a step is the name itself. */
static void
steps_are_names(void **state)
{
    const struct slice steps[] = {SLICE("call"), SLICE("a/b"), SLICE("~x")};
    struct reference reference = {.place = PLACE_MEMBER, .steps = steps, .step_count = 3};
    struct callback callback = usual_callback();
    struct scene scene = scene_of(&callback);

    (void)state;
    assert_slice(reference_find(&scene, &reference).text, "deep");
}

static void
within_a_record(void **state)
{
    struct callback callback = usual_callback();
    struct scene scene = scene_of(&callback);
    struct reference inner = refer("/id");
    struct reference outer = refer("^/id");
    struct reference whole = refer("");

    (void)state;
    scene.record = value_member(callback.message, "call");
    assert_slice(reference_find(&scene, &inner).text, "7.50");
    assert_slice(reference_find(&scene, &outer).text, "a1");
    assert_ptr_equal(reference_find(&scene, &whole).value, scene.record);
    scene.record = value_member(callback.message, "id");
    assert_false(reference_find(&scene, &inner).present);
    assert_slice(reference_find(&scene, &whole).text, "a1");
    callback.message = NULL;
    scene = scene_of(&callback);
    assert_false(reference_find(&scene, &inner).present);
    assert_false(reference_find(&scene, &outer).present);
}

/* What is signed is signed as it stands. */
static void
bytes(void **state)
{
    static const struct {
        const char *reference, *text;
    } rows[] = {
        {"/text null", "null"},
        {"/nothing", ""},
        {"/yes", "true"},
        {"/n", "12e3"},
        {"/call", "{\"id\":7.50,\"a/b\":{\"~x\":\"deep\"}}"},
        {"/missing", ""},
        {"header.x-null", "null"},
        {"header.x-latin", "caf\xe9"},
        {"query.bad", "\xff"},
        {"key", "a key"},
        {"received", "1700000000"},
    };
    struct callback callback = usual_callback();
    struct scene scene = scene_of(&callback);

    (void)state;
    scene.key = slice_from("a key");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reference reference = refer(rows[i].reference);

        assert_slice(reference_bytes(&scene, &reference), rows[i].text);
    }
}

static void
templates(void **state)
{
    struct callback callback = usual_callback();
    struct scene scene = scene_of(&callback);
    struct text_template none = {NULL, 0};
    struct text_template both = TEMPLATE("'<", "/id", "'-", "/yes", "'>");
    struct text_template half = TEMPLATE("/id", "/missing");
    struct text_template constant = TEMPLATE("'null");
    struct text_template lone = TEMPLATE("/call");
    struct text_template mixed = TEMPLATE("/id", "/call");

    (void)state;
    assert_slice(template_text(&scene, &both), "<a1-true>");
    assert_slice(template_text(&scene, &half), "");
    assert_slice(template_text(&scene, &constant), "null");
    assert_slice(template_text(&scene, &none), "");
    assert_false(template_find(&scene, &none).present);
    assert_ptr_equal(template_find(&scene, &lone).value, value_member(callback.message, "call"));
    assert_int_equal(scene.unreadable, 0);
    assert_slice(template_text(&scene, &lone), "");
    assert_int_equal(scene.unreadable, 1);
    assert_false(template_find(&scene, &mixed).present);
    assert_int_equal(scene.unreadable, 2);
}

static void
renderings(void **state)
{
    static const struct mapping json = {.format = MAPPING_JSON};
    struct callback callback = callback_of(&json, "{\"a\":\"x\\\"<&'>\\n\\u4f60\",\"n\":5,\"o\":{},\"e\":\"\"}");
    struct scene scene = scene_of(&callback);
    struct text_template body = TEMPLATE("'<\"", "/a", "'\">", "/n", "/o", "/e", "/missing");

    (void)state;
    assert_slice(template_render(&scene, &body, RENDERING_PLAIN), "<\"x\"<&'>\n\xe4\xbd\xa0\">5");
    assert_slice(template_render(&scene, &body, RENDERING_JSON), "<\"x\\\"<&'>\\n\xe4\xbd\xa0\">5{}nullnull");
    assert_slice(template_render(&scene, &body, RENDERING_XML), "<\"x&quot;&lt;&amp;&#39;&gt;\n\xe4\xbd\xa0\">5");
    assert_int_equal(rendering_of(slice_from("application/json")), RENDERING_JSON);
    assert_int_equal(rendering_of(slice_from("Application/Problem+JSON ; charset=utf-8")), RENDERING_JSON);
    assert_int_equal(rendering_of(slice_from("text/xml;charset=utf-8")), RENDERING_XML);
    assert_int_equal(rendering_of(slice_from("image/svg+xml")), RENDERING_XML);
    assert_int_equal(rendering_of(slice_from("text/html")), RENDERING_XML);
    assert_int_equal(rendering_of(slice_from("text/plain")), RENDERING_PLAIN);
    assert_int_equal(rendering_of(slice_from("")), RENDERING_PLAIN);
}

/* Outside of quotes it is a value: what was sent never ends what is around it. */
static void
values_in_json(void **state)
{
    static const struct mapping json = {.format = MAPPING_JSON};
    struct callback callback =
        callback_of(&json, "{\"t\":\"a\\\",\\\"b\\\":\\\"c\",\"n\":-5.0e1,\"y\":true,\"z\":null,\"o\":{ \"p\":[1] }}");
    struct scene scene = scene_of(&callback);
    struct {
        struct text_template body;
        const char *text;
    } rows[] = {
        {TEMPLATE("'{\"v\":", "/t", "'}"), "{\"v\":\"a\\\",\\\"b\\\":\\\"c\"}"},
        {TEMPLATE("'[", "/n", "',", "/y", "',", "/z", "',", "/o", "',", "/none", "',\"", "/o", "/none", "'\"]"),
         "[-5.0e1,true,null,{ \"p\":[1] },null,\"\"]"},
        {TEMPLATE("received"), "1700000000"},
        {TEMPLATE("'[", "method", "',", "endpoint", "']"), "[\"POST\",\"hook\"]"},
        {TEMPLATE("'{\"a\\\\\":", "/n", "',\"b\\\"", "/t", "'\":0}"),
         "{\"a\\\\\":-5.0e1,\"b\\\"a\\\",\\\"b\\\":\\\"c\":0}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_slice(template_render(&scene, &rows[i].body, RENDERING_JSON), rows[i].text);
        assert_true(template_is_json(&rows[i].body, arena));
    }
}

static bool
holds(struct scene *scene, struct condition_list list)
{
    return conditions_hold(scene, &list);
}

static void
conditions(void **state)
{
    struct callback callback = usual_callback();
    struct scene scene = scene_of(&callback);
    struct condition both[] = {*WHEN("/id", "a*").conditions, *WHEN("/yes", "true").conditions};
    struct condition_list there = WHEN("/call", "*");

    (void)state;
    assert_true(holds(&scene, (struct condition_list){NULL, 0}));
    assert_true(holds(&scene, WHEN("/id", "a1")));
    assert_true(holds(&scene, WHEN("/id", "b", "a1")));
    assert_true(holds(&scene, WHEN("/id", "*1")));
    assert_false(holds(&scene, WHEN("/id", "a", "a12")));
    assert_false(holds(&scene, WHEN("/missing", "*")));
    assert_false(holds(&scene, WHEN("/empty", "")));
    assert_true(holds(&scene, there));
    assert_false(holds(&scene, WHEN("/call", "x")));
    assert_true(holds(&scene, (struct condition_list){both, 2}));
    both[1].at = refer("/no");
    assert_false(holds(&scene, (struct condition_list){both, 2}));
    both[0].value_count = 0;
    assert_true(holds(&scene, (struct condition_list){both, 1}));
    both[0].at = refer("/nothing");
    assert_false(holds(&scene, (struct condition_list){both, 1}));
}

/* A pattern over a long text could cost the product of their lengths. */
static void
long_texts_match_nothing_but_a_star(void **state)
{
    enum { BYTES = CONDITION_BYTES_MAX + 1 };
    struct callback callback = usual_callback();
    struct record_header field = {SLICE("x-long"), {NULL, BYTES}};
    char *text = arena_alloc(arena, BYTES);
    struct scene scene = scene_of(&callback);

    (void)state;
    memset(text, 'a', BYTES);
    field.value.data = text;
    callback.fields = &field;
    callback.field_count = 1;
    assert_true(holds(&scene, WHEN("header.x-long", "*")));
    assert_false(holds(&scene, WHEN("header.x-long", "a*")));
    field.value.length--;
    assert_true(holds(&scene, WHEN("header.x-long", "a*")));
}

static void
looking_has_an_end(void **state)
{
    static const struct mapping json = {.format = MAPPING_JSON};
    char *text = arena_alloc(arena, 1000000);
    size_t length = 0;
    struct callback callback;
    struct reference far = refer("/n39999");
    struct reference near = refer("/n0");
    struct scene scene;

    (void)state;
    for (unsigned i = 0; i < 40000; i++) {
        length += (size_t)sprintf(text + length, "%c\"n%u\":%u", i == 0 ? '{' : ',', i, i);
    }
    memcpy(text + length, "}", 2);
    callback = callback_of(&json, text);
    assert_non_null(callback.message);
    scene = scene_of(&callback);
    assert_slice(reference_find(&scene, &far).text, "39999");
    for (unsigned i = 0; i < 200; i++) {
        (void)reference_find(&scene, &far);
    }
    assert_true(scene_exhausted(&scene));
    assert_false(reference_find(&scene, &far).present);
    assert_slice(reference_find(&scene, &near).text, "0");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(places),
        TEST(steps_are_names),
        TEST(within_a_record),
        TEST(bytes),
        TEST(templates),
        TEST(renderings),
        TEST(values_in_json),
        TEST(conditions),
        TEST(long_texts_match_nothing_but_a_star),
        TEST(looking_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
