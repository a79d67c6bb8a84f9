/* YAML that is broken, too large or too clever. */
#include "configuration.h"

static struct slice
repeat(const char *head, const char *unit, size_t times, const char *tail, char **memory)
{
    size_t length = 0;
    FILE *stream = open_memstream(memory, &length);

    fputs(head, stream);
    for (size_t i = 0; i < times; i++) {
        fputs(unit, stream);
    }
    fputs(tail, stream);
    fclose(stream);
    return slice_make(*memory, length);
}

static void
assert_first_fault(struct slice yaml, const char *expected)
{
    char *text = faults_of(yaml);

    if (strncmp(text, expected, strlen(expected)) != 0) {
        fail_msg("expected: %s\nfound:    %s", expected, text);
    }
    free(text);
}

static void
broken_yaml_is_told_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml;
        const char *expected;
    } rows[] = {
        {"", "t.yaml: it is empty; start from the sample, deploy/trunkline.yaml\n"},
        {"# nothing\n", "t.yaml: it is empty; start from the sample, deploy/trunkline.yaml\n"},
        {"---\n~\n", "t.yaml: it is empty; start from the sample, deploy/trunkline.yaml\n"},
        {"\njust text\n", "t.yaml:2: a configuration is a mapping; begin with a line like \"sources:\"\n"},
        {"\xef\xbb\xbfjust text\n", "t.yaml:1: a configuration is a mapping; begin with a line like \"sources:\"\n"},
        {"- a\n", "t.yaml:1: a configuration is a mapping; begin with a line like \"sources:\"\n"},
        {"raw: true\n  x: [\n",
         "t.yaml:2: this is not YAML: mapping values are not allowed in this context; mend it\n"},
        {"raw: true\nkafka: {a: b\n\n", "t.yaml:4: this is not YAML: while parsing a flow mapping, did not find "
                                        "expected ',' or '}'; mend it\n"},
        {"raw: true\n---\nraw: false\n", "t.yaml:2: a second document begins here; one file is one configuration\n"},
        {"raw: true\n\n\xff\xfe\n",
         "t.yaml:3: this is not text (invalid leading UTF-8 octet); save the file as UTF-8\n"},
        {"raw: \xed\xa0\x80\n", "t.yaml:1: this is not text (invalid Unicode character); save the file as UTF-8\n"},
        {"raw: true\n\x07: 1\n", "t.yaml:2: this is not text (control characters are not allowed); save the file as "
                                 "UTF-8\n"},
        {"[a, b]: c\n", "t.yaml:1: a key is a text of at most 128 bytes; write \"key: value\"\n"},
        {"'': c\n", "t.yaml:1: a key is a text of at most 128 bytes; write \"key: value\"\n"},
        {"\"a\\0b\": c\n", "t.yaml:1: a key is a text of at most 128 bytes; write \"key: value\"\n"},
        {KAFKA "data_dir: \"a\\0b\"\nsources:\n" SOURCE, "t.yaml:2: a text holds a NUL; take it out\n"},
        {KAFKA "data_dir: *x\nsources:\n" SOURCE,
         "t.yaml:2: aliases (*name) are not taken here; repeat what is meant\n"},
        {KAFKA "data_dir: &x y\nsources:\n" SOURCE, "t.yaml:2: anchors (&name) are not taken here; take it out\n"},
        {KAFKA "data_dir: !!str y\nsources:\n" SOURCE, "t.yaml:2: tags (!name) are not taken here; take it out\n"},
        {KAFKA "\"a\\nb\": y\nsources:\n" SOURCE,
         "t.yaml:2: there is no key \"a?b\"; there are instance, data_dir, "
         "gateway, spool, management, kafka, topics, raw, events, routes, sources, egress, accounts, "
         "accounts_directory\n"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char expected[400];

        snprintf(expected, sizeof expected, "%.*s", (int)strlen(rows[i].expected) - 1, rows[i].expected);
        assert_fault(rows[i].yaml, expected);
    }
    assert_first_fault((struct slice)SLICE("raw: true\0\n"), "t.yaml:1: this is not text");
    assert_first_fault((struct slice)SLICE("\xff\xfer\0a\0w\0:\0 \0t\0r\0u\0e\0"), "t.yaml:1: this is not text");
}

/* Nine levels of nine aliases each are 387 million nodes when they are followed. */
static void
aliases_are_not_followed(void **state)
{
    (void)state;
    static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
                               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                               "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    char *text = faults_of((struct slice)SLICE(bomb));

    assert_non_null(strstr(text, "t.yaml:1: anchors (&name) are not taken here; take it out\n"));
    assert_non_null(strstr(text, "t.yaml:2: aliases (*name) are not taken here; repeat what is meant\n"));
    free(text);
}

static void
sizes_are_bounded(void **state)
{
    (void)state;
    char *memory;

    assert_first_fault(repeat("raw: ", "[", 13, "", &memory),
                       "t.yaml:1: this is nested too deeply; nothing here needs more than 12 levels\n");
    free(memory);
    assert_first_fault(repeat("raw: ", "[", 500000, "", &memory),
                       "t.yaml:1: this is nested too deeply; nothing here needs more than 12 levels\n");
    free(memory);
    assert_first_fault(
        repeat("raw: [", "x,", 1001, "]", &memory),
        "t.yaml:1: the configuration is too large: at most 1000 entries under one key, 1000000 in all\n");
    free(memory);
    assert_first_fault(
        repeat("sources:\n", "- x\n", 1001, "", &memory),
        "t.yaml:1002: the configuration is too large: at most 1000 entries under one key, 1000000 in all\n");
    free(memory);
    assert_first_fault(
        repeat("accounts:\n", "- x\n", 50001, "", &memory),
        "t.yaml:50002: the configuration is too large: at most 50000 entries under one key, 1000000 in all\n");
    free(memory);
    /* The root, the key, and 21 nodes a line: 47618 lines are whole, the first of them line 2. */
    assert_first_fault(
        repeat("accounts:\n", "- [x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x]\n", 50000, "", &memory),
        "t.yaml:47620: the configuration is too large: at most 1000 entries under one key, 1000000 in all\n");
    free(memory);
    assert_first_fault(repeat(KAFKA, "# a comment\n", 1400000, "", &memory),
                       "t.yaml: it is longer than 16777216 bytes; shorten it\n");
    free(memory);
}

static void
faults_beyond_a_hundred_are_counted(void **state)
{
    (void)state;
    char *memory;
    char *text = faults_of(repeat("sources:\n", "- x\n", 300, "", &memory));
    const char *end = strstr(text, "t.yaml: 201 more faults; mend these first\n");

    assert_non_null(end);
    assert_non_null(strstr(text, "t.yaml:100: a source is a mapping"));
    assert_string_equal(end, "t.yaml: 201 more faults; mend these first\n");
    free(text);
    free(memory);
}

static void
a_file_is_read_or_told(void **state)
{
    (void)state;
    struct config_faults faults;

    assert_null(config_load("/nonexistent/trunkline.yaml", &faults));
    assert_int_equal(faults.count, 1);
    assert_slice(faults.faults[0].text, "cannot open /nonexistent/trunkline.yaml: No such file or directory; name a "
                                        "configuration with --config");
    config_faults_free(&faults);
    assert_null(config_load("/dev/zero", &faults));
    assert_slice(faults.faults[0].text, "/dev/zero is longer than 16777216 bytes; name a configuration with --config");
    config_faults_free(&faults);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_yaml_is_told_with_its_line),
        cmocka_unit_test(aliases_are_not_followed),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(faults_beyond_a_hundred_are_counted),
        cmocka_unit_test(a_file_is_read_or_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
