/* Bad configurations: each fault with its line and what to do, all of them at once, and never a secret. */
#include "configuration.h"

#define S_LINE "  - {name: s1, adapter: yeta, "
#define OPEN   "  - {name: s1, adapter: yeta, open: true, "

static void
each_fault_has_its_line_and_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *yaml; /* behind KAFKA, its line 1 */
        const char *expected;
    } rows[] = {
        {"gateway: {prot: 1}\nsources:\n" SOURCE,
         "t.yaml:2: there is no key \"prot\" under gateway; did you mean \"port\"?"},
        {"sorces: []\nsources:\n" SOURCE, "t.yaml:2: there is no key \"sorces\"; did you mean \"sources\"?"},
        {"events: {colour: red}\nsources:\n" SOURCE,
         "t.yaml:2: there is no key \"colour\" under events; there are mode"},
        {"gateway.port: 80\nsources:\n" SOURCE,
         "t.yaml:2: \"gateway.port\" is written as one key; write its parts below each other, each indented more"},
        {"gateway: 80\nsources:\n" SOURCE, "t.yaml:2: gateway has keys of its own; write them below it, indented"},
        {"raw: true\nraw: false\nsources:\n" SOURCE,
         "t.yaml:3: \"raw\" stands here a second time, first in line 2; keep one"},
        {"gateway:\n  port: 70000\nsources:\n" SOURCE,
         "t.yaml:3: gateway.port: \"70000\" is no whole number from 0 to 65535; write one"},
        {"gateway:\n  port: ${PORT_OF_TEST}\nsources:\n" SOURCE,
         "t.yaml:3: gateway.port: \"http\" (from ${PORT_OF_TEST}) is no whole number from 0 to 65535; write one"},
        {"gateway: {port: -1}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.port: \"-1\" is no whole number from 0 to 65535; write one"},
        {"gateway: {port: 9223372036854775808}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.port: \"9223372036854775808\" is no whole number from 0 to 65535; write one"},
        {"gateway: {port: [80]}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.port takes one value; write it on the same line"},
        {"gateway: {address: localhost}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.address: \"localhost\" is no address; write one like 127.0.0.1, 0.0.0.0 or ::"},
        {"gateway: {port: 99}\nmanagement: {port: 99}\nsources:\n" SOURCE,
         "t.yaml:3: management.port: 99 is gateway.port already; give it another"},
        {"gateway: {trusted_proxies: [10.0.0.1/8]}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.trusted_proxies: \"10.0.0.1/8\" is no network; write addresses like 192.0.2.7 or "
         "2001:db8::7, or networks like 192.0.2.0/24, with no bit set behind the prefix"},
        {"gateway: {limits: {body_bytes: 500000}}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.limits.body_bytes: twice 500000 and 65536 are more than kafka's message.max.bytes, "
         "1000000; lower it, or raise message.max.bytes (and the topics' max.message.bytes) to 1065536"},
        {"gateway: {workers: 4, limits: {buffered_bytes: 1000000}}\nsources:\n" SOURCE,
         "t.yaml:2: gateway.limits.buffered_bytes: a worker's share of it, 250000, holds no body of 262144; raise it"},
        {"raw: maybe\nsources:\n" SOURCE, "t.yaml:2: raw: \"maybe\" is neither true nor false; write one of them"},
        {"events: {mode: batched}\nsources:\n" SOURCE,
         "t.yaml:2: events.mode: there is no \"batched\"; there are structured, binary"},
        {"instance: a/b\nsources:\n" SOURCE,
         "t.yaml:2: instance: \"a/b\" is no name of a directory; set it to letters, digits, \".\", \"_\" and \"-\", at "
         "most 64, no \".\" first"},
        {"topics: {raw: a b}\nsources:\n" SOURCE,
         "t.yaml:2: topics.raw: \"a b\" is no topic's name; use letters, digits, \".\", \"_\" and \"-\", at most 249"},
        {"topics: {journal: x, commands: x}\nsources:\n" SOURCE,
         "t.yaml:2: topics.journal: \"x\" is topics.commands already; only topics of events may be one and the same"},
        {"topics: {replication: 0, partitions: 0}\nsources:\n" SOURCE,
         "t.yaml:2: topics.partitions: \"0\" is no whole number from 1 to 10000; write one\n"
         "t.yaml:2: topics.replication: \"0\" is neither -1 nor a number from 1; write one"},
        {"sources: []\naccounts: []\n",
         "t.yaml:2: there is neither a source nor an account, so no callback could come in and no command go out; "
         "write a list below sources or accounts, each one beginning with \"- name: ...\""},
        {"", "t.yaml: there is neither a source nor an account, so no callback could come in and no command go out; "
             "write a list below sources or accounts, each one beginning with \"- name: ...\""},
        {"sources: s1\n", "t.yaml:2: sources is a list; begin each one with \"- name: ...\""},
        {"sources: [s1]\n", "t.yaml:2: a source is a mapping; begin it with \"- name: ...\""},
    };

    setenv("PORT_OF_TEST", "http", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[1000];

        snprintf(yaml, sizeof yaml, KAFKA "%s", rows[i].yaml);
        assert_fault(yaml, rows[i].expected);
    }
}

static void
each_fault_of_a_source_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *yaml; /* behind KAFKA "sources:", its line 2 */
        const char *expected;
    } rows[] = {
        {"  - {adapter: yeta, open: true}\n",
         "t.yaml:3: source in line 3: it has no name; set name to its part of the URL"},
        {"  - {name: Yeta, adapter: yeta, open: true}\n", "t.yaml:3: source \"Yeta\": a name is part of a URL; use a "
                                                          "to z, 0 to 9, \".\", \"_\" and \"-\", at most 64, a "
                                                          "letter or digit first"},
        {"  - {name: .x, adapter: yeta, open: true}\n",
         "t.yaml:3: source \".x\": a name is part of a URL; use a to z, 0 to 9, \".\", \"_\" and \"-\", at most 64, a "
         "letter or digit first"},
        {SOURCE SOURCE, "t.yaml:4: source \"s1\": line 3 has a source of this name already; give each its own"},
        {"  - {name: s1, open: true}\n",
         "t.yaml:3: source \"s1\": it has no adapter; set adapter to one of airudder, generic, jiuyun, 7moor, yeta"},
        {"  - {name: s1, open: true, adapter: yeti}\n",
         "t.yaml:3: source \"s1\": there is no adapter \"yeti\"; there are airudder, generic, jiuyun, 7moor, yeta"},
        {"  - {name: s1, adapter: yeta}\n",
         "t.yaml:3: source \"s1\": nothing checks who posts to it; set secrets, allow, expect, client_certificate, or, "
         "to take callbacks from anybody, open: true"},
        {"  - {name: s1, adapter: airudder}\n",
         "t.yaml:3: source \"s1\": nothing checks who posts to it; set secrets, allow, expect, client_certificate, "
         "settings.key, or, to take callbacks from anybody, open: true"},
        {OPEN "open_: 1}\n", "t.yaml:3: source \"s1\": there is no key \"open_\"; did you mean \"open\"?"},
        {OPEN "account: a/b}\n", "t.yaml:3: source \"s1\": an account is a text of at most 128 bytes without \"/\" and "
                                 "control characters; rename it"},
        {OPEN "methods: [post]}\n", "t.yaml:3: source \"s1\": methods: \"post\" cannot be used; list POST, PUT, PATCH, "
                                    "GET or DELETE, each once"},
        {OPEN "secret_in: [cookie]}\n",
         "t.yaml:3: source \"s1\": secret_in: there is no \"cookie\"; there are path, query, header"},
        {OPEN "secret_header: 'x y'}\n",
         "t.yaml:3: source \"s1\": secret_header is no name of a header field; use letters, digits and \"-\""},
        {OPEN "budget_ms: 9}\n",
         "t.yaml:3: source \"s1\": budget_ms: \"9\" is no whole number from 10 to 60000; write one"},
        {OPEN "expect: appId}\n",
         "t.yaml:3: source \"s1\": expect: write its members below it, indented, as \"member: value\""},
        {OPEN "expect: {a: {b: c}}}\n",
         "t.yaml:3: source \"s1\": expect is a list; write [one, another], or each behind a dash"},
        {OPEN "allow: [{a: b}]}\n", "t.yaml:3: source \"s1\": allow is a list of texts; this is none"},
        {OPEN "settings: {recording_prefx: x}}\n",
         "t.yaml:3: source \"s1\": there is no key \"recording_prefx\" under settings; did you mean "
         "\"recording_prefix\"?"},
        {OPEN "settings: {recording_prefix_file: x}}\n",
         "t.yaml:3: source \"s1\": there is no key \"recording_prefix_file\" under settings; there are "
         "recording_prefix"},
        {OPEN "extra_topics: [trunkline.commands]}\n",
         "t.yaml:3: source \"s1\": extra_topics: events cannot go to \"trunkline.commands\", which is "
         "topics.commands; choose another topic"},
        {OPEN "extra_topics: ['']}\nroutes:\n  - {types: call.endet, topics: [x]}\n",
         "t.yaml:5: route 1: types: \"call.endet\" matches no event; write types like call.ended or call.*"},
        {OPEN "extra_topics: []}\nroutes:\n  - {sources: [s2], topics: [x]}\n",
         "t.yaml:5: route 1: sources: no source is called \"s2\"; write the names of sources, or *"},
        {SOURCE "routes:\n  - {types: '*'}\n", "t.yaml:5: route 1: it has no topics; list those that the events go to"},
        {SOURCE "routes:\n  - {topics: [..]}\n", "t.yaml:5: route 1: topics: \"..\" is no topic's name; use letters, "
                                                 "digits, \".\", \"_\" and \"-\", at most 249"},
        {SOURCE "routes: {topics: x}\n", "t.yaml:4: routes is a list; begin each one with \"- types: ...\""},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[1000];

        snprintf(yaml, sizeof yaml, KAFKA "sources:\n%s", rows[i].yaml);
        assert_fault(yaml, rows[i].expected);
    }
}

static void
secrets_are_checked_and_never_told(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"secrets: [hush/hush-hush-hush]", "secret 1 cannot stand in a path; use only letters, digits, \"-\", \".\", "
                                           "\"_\" and \"~\", or set secret_in to "
                                           "header or query"},
        {"secrets: [0123456789abcdef, ..]", "secret 2 cannot stand in a path; use only letters, digits, \"-\", \".\", "
                                            "\"_\" and \"~\", or set secret_in to header or query"},
        {"secrets: [receiveVoice]", "secret 1 is the name of one of the adapter's endpoints; choose another"},
        {"secret_in: header, secrets: ['hush hush-hush-hush']",
         "secret 1 cannot stand in a header field; use only visible ASCII characters"},
        {"secret_in: header, secrets: ['座席座席座席']",
         "secret 1 cannot stand in a header field; use only visible ASCII characters"},
        {"secrets: [hush-hush-hush-hush], secrets_file: [/dev/null]",
         "secrets and secrets_file are both set; keep one of them"},
        {"open: true, secrets: {hush: hush}", "secrets is a list; write [one, another], or each behind a dash"},
        {"secrets_file: [/nonexistent/hush]",
         "secrets_file: cannot open /nonexistent/hush: No such file or directory; name a file that this user can read"},
        {"secrets_file: [/tmp]", "secrets_file: cannot read /tmp: Is a directory; name a file that this user can read"},
        {"secrets_file: [/dev/null]", "secrets_file: /dev/null is empty; write the secret into it"},
        {"secrets_file: [/dev/zero]", "secrets_file: /dev/zero is longer than 65536 bytes; name a file that this user "
                                      "can read"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char yaml[500];
        char expected[500];

        snprintf(yaml, sizeof yaml, KAFKA "sources:\n" S_LINE "%s}\n", rows[i][0]);
        snprintf(expected, sizeof expected, "t.yaml:3: source \"s1\": %s", rows[i][1]);
        assert_fault(yaml, expected);
    }
    assert_fault(KAFKA "sources:\n  - {name: s1, adapter: airudder, open: true, settings: {key: hush, key_file: x}}\n",
                 "t.yaml:3: source \"s1\": key and key_file are both set; keep one of them");
    assert_fault("kafka: {bootstrap.servers: b, sasl.password: hush, sasl.password_file: x}\nsources:\n" SOURCE,
                 "t.yaml:1: kafka: sasl.password and sasl.password_file are both set; keep one of them");
}

static void
kafka_is_checked(void **state)
{
    (void)state;
    char *text;

    assert_fault("sources:\n" SOURCE, "t.yaml: kafka: no broker is named; set bootstrap.servers below kafka to "
                                      "host:port of one or more");
    assert_fault("kafka: {bootstrap.servers: ''}\nsources:\n" SOURCE,
                 "t.yaml:1: kafka: no broker is named; set bootstrap.servers below kafka to host:port of one or more");
    assert_fault("kafka: broker:9092\nsources:\n" SOURCE,
                 "t.yaml:1: kafka: its properties stand below it, indented, as \"name: value\"");
    assert_fault("kafka: {bootstrap.servers: b, linger.ms: [1]}\nsources:\n" SOURCE,
                 "t.yaml:1: kafka: linger.ms takes one value; write it on the same line");
    text =
        faults_of((struct slice)SLICE("kafka:\n  bootstrap.servers: b\n  acks: 1\n  linger.mss: 5\nsources:\n" SOURCE));
    assert_non_null(strstr(text, "t.yaml:3: kafka: \"acks\" is not yours to set"));
    assert_non_null(strstr(text, "t.yaml:4: kafka: librdkafka has no property \"linger.mss\""));
    free(text);
}

static void
all_faults_are_told_at_once_in_the_order_of_lines(void **state)
{
    (void)state;
    unsetenv("NO_SUCH_VARIABLE");
    assert_fault("raw: perhaps\n"
                 "kafka: {}\n"
                 "sources:\n"
                 "  - {name: A, adapter: x}\n"
                 "data_dir: ${NO_SUCH_VARIABLE}\n"
                 "gateway: {port: 0x50}\n",
                 "t.yaml:1: raw: \"perhaps\" is neither true nor false; write one of them\n"
                 "t.yaml:2: kafka: no broker is named; set bootstrap.servers below kafka to host:port of one or more\n"
                 "t.yaml:4: source \"A\": there is no adapter \"x\"; there are airudder, generic, jiuyun, 7moor, yeta\n"
                 "t.yaml:4: source \"A\": a name is part of a URL; use a to z, 0 to 9, \".\", \"_\" and \"-\", at most "
                 "64, a letter or digit first\n"
                 "t.yaml:5: the environment has no NO_SUCH_VARIABLE; set it, or write ${NO_SUCH_VARIABLE:-} where it "
                 "may be missing\n"
                 "t.yaml:6: gateway.port: \"0x50\" is no whole number from 0 to 65535; write one");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_line_and_what_to_do),
        cmocka_unit_test(each_fault_of_a_source_is_told),
        cmocka_unit_test(secrets_are_checked_and_never_told),
        cmocka_unit_test(kafka_is_checked),
        cmocka_unit_test(all_faults_are_told_at_once_in_the_order_of_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
