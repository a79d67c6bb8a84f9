/* Accounts: what stands in the snapshot, by default and as configured, and each fault with its line and what to do. */
#include "configuration.h"

#include <unistd.h>

#define ACCOUNTS KAFKA "accounts:\n"
#define MOOR     "name: m1, adapter: 7moor, url: 'https://m', settings: {appkey: k1, secret: s1}"
#define YETA     "name: y1, adapter: yeta, settings: {app_key: k1, app_secret: s1}"

static void
defaults_are_the_adapters(void **state)
{
    (void)state;
    struct config *config = good(ACCOUNTS "  - {" YETA "}\n  - {" MOOR "}\n");
    const struct account *moor = config_account(config, slice_from("m1"));
    const struct account *yeta = config_account(config, slice_from("y1"));

    assert_int_equal(config->source_count, 0);
    assert_int_equal(config->account_count, 2);
    assert_ptr_equal(moor, &config->accounts[0]); /* by name, not as they stand */
    assert_ptr_equal(yeta, &config->accounts[1]);
    assert_int_equal(yeta->index, 1);
    assert_string_equal(moor->adapter->name, "7moor");
    assert_slice(moor->base_url, "https://m");
    assert_slice(yeta->base_url, yeta->adapter->calls->base_url);
    assert_slice(moor->settings[0], "k1");
    assert_slice(moor->settings[1], "s1");
    assert_slice(yeta->settings[2], "客户手机号码");
    assert_int_equal(moor->limits.requests, 20);
    assert_int_equal(moor->limits.window_seconds, 60);
    assert_int_equal(moor->limits.straggler_seconds, 300);
    assert_int_equal(moor->limits.concurrency, 64);
    assert_int_equal(yeta->limits.requests, 0);
    assert_int_equal(yeta->limits.window_seconds, 60);
    assert_int_equal(yeta->limits.concurrency, 4);
    assert_int_equal(moor->connect_ms, 5000);
    assert_int_equal(moor->answer_ms, 10000);
    assert_int_equal(moor->timeout_ms, 10000);
    assert_int_equal(moor->queue_max, 100000);
    assert_int_equal(moor->hour_count, 0);
    assert_null(moor->codes);
    assert_ptr_equal(moor->zone, yeta->zone);
    assert_int_equal(config->zone_count, 1);
    assert_int_equal(config->warning_count, 0);
    assert_null(config_account(config, slice_from("m")));
    assert_null(config_account(config, slice_from("m11")));
    assert_null(config_account(config, slice_from("")));

    assert_string_equal(config->egress.group, "trunkline-egress");
    assert_int_equal(config->egress.lease_seconds, 5);
    assert_int_equal(config->egress.dedup_window_seconds, 86400);
    assert_int_equal(config->egress.max_age_seconds, 86400);
    assert_int_equal(config->egress.unknown_account_seconds, 60);
    assert_null(config->egress.ca_file);
    config_free(config);
}

static void
everything_can_be_configured(void **state)
{
    (void)state;
    struct config *config =
        good("egress: {group: g.1, lease_seconds: 2, dedup_window_seconds: 100, max_age_seconds: 99,\n"
             "         unknown_account_seconds: 0, ca_file: /dev/null}\n" ACCOUNTS "  - {" MOOR ",\n"
             "     limit: {requests: 3, window_seconds: 7, straggler_seconds: 0}, concurrency: 0, queue_max: 5,\n"
             "     timezone: UTC, connect_seconds: 1, answer_seconds: 2, timeout_seconds: 3,\n"
             "     hours: ['09:00-12:00', '22:30-01:15', '20:00-00:00', '00:00-24:00']}\n");
    const struct account *account = &config->accounts[0];
    static const struct calling_hours hours[] = {{540, 720}, {1350, 1440}, {0, 75}, {1200, 1440}, {0, 1440}};

    assert_int_equal(account->limits.requests, 3);
    assert_int_equal(account->limits.window_seconds, 7);
    assert_int_equal(account->limits.straggler_seconds, 0);
    assert_int_equal(account->limits.concurrency, 0);
    assert_int_equal(account->queue_max, 5);
    assert_int_equal(account->connect_ms, 1000);
    assert_int_equal(account->answer_ms, 2000);
    assert_int_equal(account->timeout_ms, 3000);
    assert_string_equal(config->zones[0].name, "UTC");
    assert_ptr_equal(account->zone, config->zones[0].zone);
    assert_int_equal(account->hour_count, 5);
    assert_memory_equal(account->hours, hours, sizeof hours);
    assert_string_equal(config->egress.group, "g.1");
    assert_int_equal(config->egress.lease_seconds, 2);
    assert_int_equal(config->egress.dedup_window_seconds, 100);
    assert_int_equal(config->egress.max_age_seconds, 99);
    assert_int_equal(config->egress.unknown_account_seconds, 0);
    assert_string_equal(config->egress.ca_file, "/dev/null");
    config_free(config);
}

static void
a_short_time_out_shortens_the_others(void **state)
{
    (void)state;
    struct config *config = good(ACCOUNTS "  - {" MOOR ", timeout_seconds: 2}\n");

    assert_int_equal(config->accounts[0].connect_ms, 2000);
    assert_int_equal(config->accounts[0].answer_ms, 2000);
    config_free(config);
}

static void
codes_come_before_the_adapters(void **state)
{
    (void)state;
    struct config *config = good(ACCOUNTS "  - {" MOOR ",\n"
                                          "     codes: {6728: {code: refused, acted: no}, '0': {code: ok},\n"
                                          "             x: {code: busy, repeat: if_safe},\n"
                                          "             y: {code: limit, acted: no, repeat: after_window}}}\n");
    const struct code_rule *codes = config->accounts[0].codes;

    assert_string_equal(codes[0].vendor_code, "6728");
    assert_int_equal(codes[0].code, CALL_REFUSED);
    assert_int_equal(codes[0].acted, ACTED_NO);
    assert_int_equal(codes[0].repeat, REPEAT_NEVER);
    assert_int_equal(codes[1].code, CALL_OK);
    assert_int_equal(codes[1].acted, ACTED_YES);
    assert_int_equal(codes[2].acted, ACTED_MAYBE); /* what nobody says is not taken for harmless */
    assert_int_equal(codes[2].repeat, REPEAT_IF_SAFE);
    assert_int_equal(codes[3].repeat, REPEAT_AFTER_WINDOW);
    assert_null(codes[4].vendor_code);
    assert_ptr_equal(code_rule_find(codes, NULL, slice_from("6728")), &codes[0]);
    config_free(config);
}

static void
accounts_without_credentials_are_left_out(void **state)
{
    (void)state;
    struct config *config =
        good(ACCOUNTS "  - {name: z, adapter: 7moor}\n"
                      "  - {name: b, adapter: yeta, settings: {app_key: '', app_secret: ~, customer_column: c}}\n"
                      "  - {" YETA "}\n");

    assert_int_equal(config->account_count, 1);
    assert_int_equal(config->accounts[0].index, 0);
    assert_int_equal(config->accounts_left_out_count, 2);
    assert_slice(config->accounts_left_out[0], "b");
    assert_slice(config->accounts_left_out[1], "z");
    assert_null(config_account(config, slice_from("z")));
    assert_int_equal(config->warning_count, 0); /* nothing is called, so nothing is plain http */
    config_free(config);

    config = good(ACCOUNTS "  - {name: z, adapter: 7moor}\n");
    assert_int_equal(config->account_count, 0);
    assert_null(config_account(config, slice_from("z")));
    config_free(config);
}

static void
what_is_seldom_meant_is_a_warning(void **state)
{
    (void)state;
    struct config *config = good(ACCOUNTS "  - {name: m1, adapter: 7moor, settings: {appkey: k, secret: s}}\n"
                                          "  - {name: m2, adapter: 7moor, url: 'https://h',\n"
                                          "     limit: {requests: 0}, settings: {appkey: l, secret: s}}\n");

    assert_int_equal(config->warning_count, 2);
    assert_int_equal(config->warnings[0].line, 3);
    assert_slice(config->warnings[0].text,
                 "account \"m1\": url is plain http, so anybody on the way can read the numbers that are called; set "
                 "an https URL if the vendor has one");
    assert_int_equal(config->warnings[1].line, 5);
    assert_non_null(strstr(config->warnings[1].text.data, "0 is no limit, but "));
    config_free(config);
}

static void
each_fault_of_an_account_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml; /* behind ACCOUNTS, so it begins with line 3 */
        const char *expected;
    } rows[] = {
        {"  - {adapter: 7moor}\n",
         "t.yaml:3: account in line 3: it has no name; set name to what commands shall call it"},
        {"  - {name: a/b, adapter: 7moor}\n", "t.yaml:3: account \"a/b\": a name is a text of at most 128 bytes "
                                              "without \"/\" and control characters; rename it"},
        {"  - {name: a}\n", "t.yaml:3: account \"a\": it has no adapter; set adapter to one of airudder, 7moor, yeta"},
        {"  - {name: a, adapter: x}\n",
         "t.yaml:3: account \"a\": there is no adapter \"x\"; there are airudder, 7moor, yeta"},
        {"  - {name: a, adapter: jiuyun}\n", "t.yaml:3: account \"a\": the adapter jiuyun only takes callbacks; "
                                             "accounts are for those that are called: airudder, 7moor, yeta"},
        {"  - {" MOOR ", limits: {}}\n",
         "t.yaml:3: account \"m1\": there is no key \"limits\"; did you mean \"limit\"?"},
        {"  - {" MOOR ", limit: {requests: 100001}}\n",
         "t.yaml:3: account \"m1\": limit.requests: \"100001\" is no whole number from 0 to 100000; write one"},
        {"  - {" MOOR ", limit: {window_seconds: 0}}\n",
         "t.yaml:3: account \"m1\": limit.window_seconds: \"0\" is no whole number from 1 to 86400; write one"},
        {"  - {" MOOR ", connect_seconds: 11}\n",
         "t.yaml:3: account \"m1\": connect_seconds: 11 is more than timeout_seconds, 10; lower it"},
        {"  - {" MOOR ", answer_seconds: 3, timeout_seconds: 2}\n",
         "t.yaml:3: account \"m1\": answer_seconds: 3 is more than timeout_seconds, 2; lower it"},
        {"  - {" MOOR ", timezone: Mars/Olympus}\n",
         "t.yaml:3: account \"m1\": timezone: time zone \"Mars/Olympus\" is not in /usr/share/zoneinfo/; check "
         "the spelling, or install the package tzdata if that directory is missing"},
        {"  - {" MOOR ", codes: [6728]}\n", "t.yaml:3: account \"m1\": codes: write them below it, indented, as "
                                            "\"code: {code: ..., acted: ..., repeat: ...}\""},
        {"  - {" MOOR ", codes: {6728: refused}}\n", "t.yaml:3: account \"m1\": codes: write what 6728 means as "
                                                     "{code: ..., acted: ..., repeat: ...}"},
        {"  - {" MOOR ", codes: {6728: {acted: no}}}\n",
         "t.yaml:3: account \"m1\": codes: 6728 has no code; set code to what the answer means"},
        {"  - {" MOOR ", codes: {6728: {code: fine}}}\n",
         "t.yaml:3: account \"m1\": code: there is no \"fine\"; there are ok, invalid, refused, busy, limit, "
         "credentials, unavailable, timeout, internal"},
        {"  - {" MOOR ", codes: {6728: {code: refusd, acted: no}}}\n",
         "t.yaml:3: account \"m1\": code: there is no \"refusd\"; there are ok, invalid, refused, busy, limit, "
         "credentials, unavailable, timeout, internal"},
        {"  - {" MOOR ", codes: {6728: {code: refused, actde: no}}}\n",
         "t.yaml:3: account \"m1\": there is no key \"actde\"; did you mean \"acted\"?"},
        {"  - {" MOOR ", codes: {6728: {code: ok, acted: no}}}\n",
         "t.yaml:3: account \"m1\": codes: 6728 is ok, but not done, or to be repeated; set acted to yes and repeat to "
         "never"},
        {"  - {" MOOR ", codes: {6728: {code: limit, repeat: after_window}}}\n",
         "t.yaml:3: account \"m1\": codes: 6728 would be repeated though the vendor may have acted; set acted to no, "
         "or repeat to never or if_safe"},
        {"  - {" MOOR ", codes: {6728: {code: busy, acted: yes}}}\n",
         "t.yaml:3: account \"m1\": codes: 6728 is no success, but done; set code to ok, or acted to maybe or no"},
        {"  - {name: a, adapter: 7moor, settings: {appkey: k}}\n",
         "t.yaml:3: account \"a\": its credentials are not whole: set settings.secret, too, or none of them to leave "
         "the account out"},
        {"  - {name: a, adapter: 7moor, settings: {appkey: \"k\\nm7-sign: x\", secret: s}, url: 'https://h'}\n",
         "t.yaml:3: account \"a\": settings.appkey holds a line break or another control character; take it out"},
        {"  - {name: a, adapter: 7moor, settings: {appkey: k, secret_file: /nonexistent}, url: 'https://h'}\n",
         "t.yaml:3: account \"a\": secret_file: cannot open /nonexistent: No such file or directory; name a file that "
         "this user can read"},
        {"  - {name: a, adapter: 7moor, settings: {app_key: k, secret: s}}\n",
         "t.yaml:3: account \"a\": there is no key \"app_key\" under settings; did you mean \"appkey\"?\n"
         "t.yaml:3: account \"a\": its credentials are not whole: set settings.appkey, too, or none of them to leave "
         "the account out"},
        {"  - m1\n", "t.yaml:3: an account is a mapping; begin it with \"- name: ...\""},
        {"  - {" MOOR "}\n  - {" YETA "}\n  - {name: y1, adapter: 7moor}\n",
         "t.yaml:5: account \"y1\": line 4 has an account of this name already; give each its own"},
        {"  - {" MOOR "}\n  - {name: a, adapter: 7moor, settings: {appkey: k1, secret: s2}}\n",
         "t.yaml:4: account \"a\": its settings.appkey is that of the account in line 3: each would spend the whole "
         "limit of what is one account at the vendor; keep one of them"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[1000];

        snprintf(yaml, sizeof yaml, ACCOUNTS "%s", rows[i].yaml);
        assert_fault(yaml, rows[i].expected);
    }
    assert_fault(KAFKA "accounts: m1\n", "t.yaml:2: accounts is a list; begin each one with \"- name: ...\"");
}

static void
one_vendors_key_is_not_anothers(void **state)
{
    (void)state;
    struct config *config = good(ACCOUNTS "  - {" MOOR "}\n  - {" YETA "}\n"); /* both have the key k1 */

    assert_int_equal(config->account_count, 2);
    config_free(config);
}

static void
hours_are_parts_of_a_day(void **state)
{
    (void)state;
    static const char *const bad[] = {"9:00-12:00",  "09:00",       "09:00-09:00", "09:00-24:01", "24:00-01:00",
                                      "09:60-12:00", "09:00-25:00", "0900-1200",   "09.00-12.00", "09:00-12:00 "};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[300];
        char expected[300];

        snprintf(yaml, sizeof yaml, ACCOUNTS "  - {" MOOR ", hours: '%s'}\n", bad[i]);
        snprintf(expected, sizeof expected,
                 "t.yaml:3: account \"m1\": hours: \"%s\" is no part of a day; write it like \"09:00-12:00\", with two "
                 "digits each, up to 24:00",
                 bad[i]);
        assert_fault(yaml, expected);
    }
}

static void
a_url_is_scheme_and_host_and_never_told(void **state)
{
    (void)state;
    static const char *const right[] = {
        "https://api.example.com", "https://api.example.com:65535",
        "https://192.0.2.7:1",     "https://[2001:db8::7]:80",
        "https://[::1]",           "https://a_b-c.d",
    };
    static const char *const wrong[] = {
        "api.example.com",     "ftp://h",       "https://",    "https://h//",     "https://h/hush",   "https://h?hush",
        "https://hush:hush@h", "https://h:",    "https://h:0", "https://h:65536", "https://h:000001", "https://h:8o",
        "https://[::1",        "https://[h]",   "https://::1", "https://h h",     "https://h#hush",   "HTTPS://h",
        "https://[192.0.2.7]", "https://h:1:2", "https://:80", "https://手",
    };

    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        char yaml[300];

        snprintf(yaml, sizeof yaml,
                 ACCOUNTS "  - {name: a, adapter: 7moor, url: '%s', settings: {appkey: k, secret: s}}\n", right[i]);
        struct config *config = good(yaml);
        assert_slice(config->accounts[0].base_url, right[i]);
        assert_int_equal(config->warning_count, 0);
        config_free(config);
    }
    struct config *config =
        good(ACCOUNTS "  - {name: a, adapter: 7moor, url: 'https://h:1/', settings: {appkey: k, secret: s}}\n");
    assert_slice(config->accounts[0].base_url, "https://h:1"); /* with a slash people mean the same */
    config_free(config);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char yaml[300];

        snprintf(yaml, sizeof yaml,
                 ACCOUNTS "  - {name: a, adapter: 7moor, url: '%s', settings: {appkey: k, secret: s}}\n", wrong[i]);
        assert_fault(yaml, "t.yaml:3: account \"a\": url: this is not scheme://host[:port]; write it like "
                           "https://api.example.com, with http or https, and without path, user and query");
    }
}

static void
windows_fit_what_topics_keep(void **state)
{
    (void)state;
    assert_fault("egress: {max_age_seconds: 172800, dedup_window_seconds: 259200}\n" ACCOUNTS "  - {" MOOR "}\n",
                 "t.yaml:1: egress.max_age_seconds: 172800 s are not less than 172800 s, for which topics.commands "
                 "keeps its records; lower it\n"
                 "t.yaml:1: egress.dedup_window_seconds: 259200 s are not less than 259200 s, for which topics.journal "
                 "keeps its records; lower it");
    assert_fault("egress: {dedup_window_seconds: 60}\n" ACCOUNTS "  - {" MOOR "}\n",
                 "t.yaml:1: egress.dedup_window_seconds: 60 s are less than egress.max_age_seconds, 86400, so a "
                 "command could be forgotten, and carried out again, while an older one waits; raise the one or lower "
                 "the other");
    assert_fault("egress: {group: 'a b'}\n" ACCOUNTS "  - {" MOOR "}\n",
                 "t.yaml:1: egress.group: \"a b\" is no name of a group; use letters, digits, \".\", \"_\" and \"-\", "
                 "at most 200");
    assert_fault("egress: {ca_file: /nonexistent}\n" ACCOUNTS "  - {" MOOR "}\n",
                 "t.yaml:1: egress.ca_file: cannot open /nonexistent: No such file or directory; name a file of "
                 "certificates (PEM) that this user can read");
}

/* --- the directory --- */

struct directory {
    char path[64];
};

static void
directory_make(struct directory *directory)
{
    snprintf(directory->path, sizeof directory->path, "/tmp/trunkline-test-XXXXXX");
    assert_non_null(mkdtemp(directory->path));
    setenv("DIRECTORY", directory->path, 1);
}

static void
directory_add(const struct directory *directory, const char *name, const char *content)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", directory->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static void
directory_remove(const struct directory *directory)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", directory->path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): the path is ours */
}

#define DIRECTORY KAFKA "accounts_directory: ${DIRECTORY}\n"

static void
a_directory_holds_accounts_and_lists(void **state)
{
    (void)state;
    struct directory directory;

    directory_make(&directory);
    directory_add(&directory, "b.yaml", "name: b\nadapter: yeta\nsettings: {app_key: b, app_secret: '${SECRET_B}'}\n");
    directory_add(&directory, "a.yaml",
                  "- {name: a1, adapter: yeta, settings: {app_key: a1, app_secret: s}}\n"
                  "- {name: c1, adapter: yeta}\n");
    directory_add(&directory, ".hidden.yaml", "hush");
    directory_add(&directory, "README", "hush");
    directory_add(&directory, "d.yml", "hush");
    setenv("SECRET_B", "of-b", 1);
    struct config *config = good(DIRECTORY "accounts:\n  - {" MOOR "}\n");

    assert_int_equal(config->account_count, 3);
    assert_slice(config->accounts[0].name, "a1");
    assert_slice(config_account(config, slice_from("b"))->settings[1], "of-b");
    assert_int_equal(config->accounts_left_out_count, 1);
    assert_int_equal(config->warning_count, 1);
    assert_non_null(strstr(config->warnings[0].path, "/d.yml"));
    config_free(config);
    directory_remove(&directory);
}

static void
faults_name_the_file_and_its_line(void **state)
{
    (void)state;
    struct directory directory;
    char expected[2000];

    directory_make(&directory);
    directory_add(&directory, "a.yaml", "- {name: m1, adapter: yeta}\n\n- {name: a, adapter: yeta, queue_max: 0}\n");
    directory_add(&directory, "b.yaml", "\nname: b\nadapter: 7moor\nsettings: {appkey: k1, secret: x}\n");
    directory_add(&directory, "c.yaml", "name: [\n");
    directory_add(&directory, "d.yaml", "just text\n");
    directory_add(&directory, "e.yaml", "");
    snprintf(expected, sizeof expected,
             "t.yaml:5: there is no key \"topcs\"; did you mean \"topics\"?\n"
             "%1$s/a.yaml:1: account \"m1\": line 4 of t.yaml has an account of this name already; give each its own\n"
             "%1$s/a.yaml:3: account \"a\": queue_max: \"0\" is no whole number from 1 to 10000000; write one\n"
             "%1$s/b.yaml:2: account \"b\": its settings.appkey is that of the account in line 4 of t.yaml: each would "
             "spend the whole limit of what is one account at the vendor; keep one of them\n"
             "%1$s/c.yaml:2: this is not YAML: while parsing a flow node, did not find expected node content; mend it\n"
             "%1$s/d.yaml:1: this is no account; write an account, \"name: ...\" and so on, or a list of accounts\n"
             "%1$s/e.yaml:1: it is empty; write an account, \"name: ...\" and so on, or a list of accounts",
             directory.path);
    assert_fault(DIRECTORY "accounts:\n  - {" MOOR "}\ntopcs: 1\n", expected);
    directory_remove(&directory);

    setenv("DIRECTORY", "/nonexistent", 1);
    assert_fault(DIRECTORY, "t.yaml:2: accounts_directory: cannot read /nonexistent: No such file or directory; name a "
                            "directory that this user can read");
}

/* --- many --- */

#define MANY 20000

/* One that is found by a walk would make this test take minutes under a sanitizer. */
static void
many_accounts_are_found_at_once(void **state)
{
    (void)state;
    char *yaml = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&yaml, &length);

    fputs(ACCOUNTS, stream);
    for (unsigned i = 0; i < MANY; i++) {
        unsigned number = i * 7919 % MANY; /* in no order */

        fprintf(stream,
                "  - name: account-%u\n    adapter: 7moor\n    url: https://api.example.com\n"
                "    settings: {appkey: key-%u, secret: secret-%u}\n    limit: {requests: %u}\n"
                "    hours: [\"09:00-12:00\", \"13:00-18:00\"]\n    codes: {\"6728\": {code: refused, acted: no}}\n",
                number, number, number, number % 1000 + 1);
    }
    fclose(stream);
    struct config *config = good(yaml);
    assert_int_equal(config->account_count, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        char name[32];

        snprintf(name, sizeof name, "account-%u", i);
        const struct account *account = config_account(config, slice_from(name));
        assert_non_null(account);
        assert_slice(account->name, name);
        assert_int_equal(account->limits.requests, i % 1000 + 1);
        assert_ptr_equal(account, &config->accounts[account->index]);
    }
    config_free(config);
    free(yaml);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_adapters),
        cmocka_unit_test(everything_can_be_configured),
        cmocka_unit_test(a_short_time_out_shortens_the_others),
        cmocka_unit_test(codes_come_before_the_adapters),
        cmocka_unit_test(accounts_without_credentials_are_left_out),
        cmocka_unit_test(what_is_seldom_meant_is_a_warning),
        cmocka_unit_test(each_fault_of_an_account_is_told),
        cmocka_unit_test(one_vendors_key_is_not_anothers),
        cmocka_unit_test(hours_are_parts_of_a_day),
        cmocka_unit_test(a_url_is_scheme_and_host_and_never_told),
        cmocka_unit_test(windows_fit_what_topics_keep),
        cmocka_unit_test(a_directory_holds_accounts_and_lists),
        cmocka_unit_test(faults_name_the_file_and_its_line),
        cmocka_unit_test(many_accounts_are_found_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
