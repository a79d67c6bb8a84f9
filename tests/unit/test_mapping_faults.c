/* Bad mappings: each fault with its line and what to do, and never a key. */
#include "mapping_head.h"

#define PLACES "/member, ^/member, header.<name>, query.<name>, body, query, method, endpoint"
#define S1     "source \"s1\": "

struct fault_row {
    const char *yaml;     /* behind the head */
    const char *expected; /* the faults, less the first "t.yaml:" */
};

static void
assert_faults(const char *head, const struct fault_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char yaml[4000];
        char expected[4000];

        snprintf(yaml, sizeof yaml, "%s%s", head, rows[i].yaml);
        snprintf(expected, sizeof expected, "t.yaml:%s", rows[i].expected);
        assert_fault(yaml, expected);
    }
}

static void
a_mapping_belongs_to_the_generic_adapter(void **state)
{
    (void)state;
    assert_fault(KAFKA "sources: [{name: s1, adapter: generic, open: true}]\n",
                 "t.yaml:2: " S1 "it has no mapping, by which the adapter generic reads callbacks; write one below "
                 "\"mapping:\"");
    assert_fault(KAFKA "sources:\n  - {name: s1, adapter: yeta, open: true, mapping: {vendor: acme}}\n",
                 "t.yaml:3: " S1 "mapping: the adapter yeta follows none; take it out, or set adapter to generic");
    assert_fault(KAFKA "sources:\n  - {name: s1, adapter: generic, open: true, mapping: acme}\n",
                 "t.yaml:3: " S1 "mapping has keys of its own; write them below it, indented");
    assert_fault(KAFKA "sources:\n  - name: s1\n    adapter: generic\n    mapping:\n      vendor: acme\n" LIST,
                 "t.yaml:3: " S1 "nothing checks who posts to it; set secrets, allow, expect, client_certificate, "
                 "mapping.signature.keys, or, to take callbacks from anybody, open: true");
}

static void
faults_of_the_frame_are_told(void **state)
{
    (void)state;
    static const struct fault_row rows[] = {
        {"      format: yaml\n",
         "9: " S1 "mapping: format: there is no \"yaml\"; there are auto, json, xml, form, query"},
        {"      records: events\n", "9: " S1 "mapping: records: \"events\" names no place in a callback; did you mean "
                                    "\"/events\"?"},
        {"      records: body\n",
         "9: " S1 "mapping: records: \"body\" cannot be used here; what can is /member, ^/member"},
        {"      records: /a~2\n", "9: " S1 "mapping: records: \"/a~2\" is no JSON pointer; in one, write ~1 for \"/\" "
                                  "and ~0 for \"~\""},
        {"      answer: {body: ok, content_type: json}\n",
         "9: " S1 "mapping: answer.content_type: \"json\" is no content type; write one like application/json"},
        {"      answer: {body: '{\"a\":{boddy}}'}\n",
         "9: " S1 "mapping: answer.body: \"boddy\" names no place in a callback; did you mean \"body\"?"},
        {"      answer: {body: '{body'}\n",
         "9: " S1 "mapping: answer.body: the brace before \"body\" is not closed; write \"}\" behind the reference, or "
         "\"{{\" for the brace itself"},
        {"      answer: {body: '{header.a b}'}\n",
         "9: " S1 "mapping: answer.body: \"header.a b\" names no place in a callback; there are " PLACES ", received"},
        {"      answer: {body: {/id}}\n",
         "9: " S1 "mapping: answer.body takes a text; one that begins with a brace stands in quotes"},
        {"      handshakes: {body: x}\n", "9: " S1 "handshakes is a list; begin each one with \"- when: ...\""},
        {"      handshakes: [{body: x}]\n", "9: " S1 "handshake 1: it has no when, so no callback would make an event; "
                                            "set when to what only this request has"},
        {"      handshakes:\n        - {when: {/a: b}, content_type: text/plain}\n",
         "10: " S1 "handshake 1: it has no body; set body to what the vendor wants to be answered"},
        {"      handshakes: [{when: {/a: b, query.x: }, body: x}]\n",
         "9: " S1 "handshake 1: when: query.x has no value; write one, a list of them, or \"*\" for whatever stands "
         "there"},
        {"      handshakes: [{when: [a], body: x}]\n",
         "9: " S1 "handshake 1: when: write its conditions below it, indented, as \"/event: value\""},
        {"      handshakes: [{when: {received: 1}, body: '{key}'}]\n",
         "9: " S1 "handshake 1: when: \"received\" cannot be used here; what can is " PLACES "\n"
         "t.yaml:9: " S1 "handshake 1: body: \"key\" cannot be used here; what can is " PLACES ", received"},
    };

    assert_fault(KAFKA OPEN "      vendor: acme\n", "t.yaml:6: " S1 "the mapping has no events; list below events what "
                                                    "callbacks become");
    assert_fault(KAFKA OPEN "      vendor: Acme Inc\n" LIST,
                 "t.yaml:7: " S1 "mapping: vendor: \"Acme Inc\" cannot head an event's id; use a to z, 0 to 9, \".\", "
                 "\"_\" and \"-\", at most 64, a letter or digit first");
    assert_fault(KAFKA OPEN "      vendor: yeta\n" LIST,
                 "t.yaml:7: " S1 "mapping: vendor: yeta is the name of an adapter already, whose events these would be "
                 "taken for; choose another");
    assert_fault(KAFKA OPEN "      vendr: acme\n" LIST,
                 "t.yaml:6: " S1 "mapping: it has no vendor; set vendor to what events shall call it\n"
                 "t.yaml:7: " S1 "mapping: there is no key \"vendr\"; did you mean \"vendor\"?");
    assert_faults(MAPPING, rows, sizeof rows / sizeof *rows);
}

static void
faults_of_a_signature_are_told(void **state)
{
    (void)state;
    static const struct fault_row rows[] = {
        {"signature: hmac\n", "9: " S1 "mapping: signature has keys of its own; write them below it, indented"},
        {"signature: {in: header.x}\n",
         "9: " S1 "signature: it has no keys; set keys, or keys_file, to what the vendor signs with"},
        {"signature: {keys: secret}\n", "9: " S1 "signature: it has no in; set in to where the signature stands, like "
                                        "header.x-signature"},
        {"signature: {keys: k, in: header.x, algoritm: md5}\n",
         "9: " S1 "signature: there is no key \"algoritm\"; did you mean \"algorithm\"?"},
        {"signature: {keys: k, in: header.x, algorithm: sha512}\n",
         "9: " S1 "signature: algorithm: there is no \"sha512\"; there are hmac-sha256, hmac-sha1, hmac-md5, sha256, "
         "sha1, md5"},
        {"signature: {keys: k, in: x-signature}\n", "9: " S1 "signature: in: \"x-signature\" names no place in a "
                                                    "callback; there are /member, ^/member, header.<name>, "
                                                    "query.<name>"},
        {"signature: {keys: k, in: body}\n",
         "9: " S1 "signature: in: \"body\" cannot be used here; what can is /member, "
         "^/member, header.<name>, query.<name>"},
        {"signature: {keys: k, in: /sign}\n", "9: " S1 "signature: in: the signature stands in what is signed, which "
                                              "cannot be; name the parts that are signed"},
        {"signature: {keys: k, in: query.sign, signed: '{query}'}\n",
         "9: " S1 "signature: in: the signature stands in what is signed, which cannot be; name the parts that are "
         "signed"},
        {"signature: {keys: k, in: header.a, signed: '{body}{key}'}\n",
         "9: " S1 "signature: signed: \"key\" cannot be used here; what can is " PLACES},
        {"signature: {keys: k, in: header.a, signed: '{received}'}\n",
         "9: " S1 "signature: signed: \"received\" cannot be used here; what can is " PLACES},
        {"signature: {keys: k, in: header.a, algorithm: md5}\n",
         "9: " S1 "signature: signed: anybody can compute a plain digest of what holds no secret; put {key} where the "
         "vendor puts it, like \"{body}{key}\", or take an hmac algorithm"},
        {"signature: {keys: k, in: header.a, algorithm: sha1, signed: '{body}key'}\n",
         "9: " S1 "signature: signed: anybody can compute a plain digest of what holds no secret; put {key} where the "
         "vendor puts it, like \"{body}{key}\", or take an hmac algorithm"},
        {"signature: {keys: k, in: header.a, tolerance_seconds: 60}\n",
         "9: " S1 "signature: tolerance_seconds is of no use without time; set time to where the time of signing "
         "stands"},
        {"signature: {keys: k, in: header.a, time: body}\n",
         "9: " S1 "signature: time: \"body\" cannot be used here; what can is /member, ^/member, header.<name>, "
         "query.<name>"},
        {"signature: {keys: k, keys_file: /nowhere, in: header.a}\n",
         "9: " S1 "signature: keys and keys_file are both set; keep one of them"},
        {"signature: {keys_file: /nowhere/key, in: header.a}\n",
         "9: " S1
         "signature: keys_file: cannot open /nowhere/key: No such file or directory; name a file that this user "
         "can read"},
    };

    assert_faults(MAPPING "      ", rows, sizeof rows / sizeof *rows);
}

/* A request that is not taken reaches no handshake. */
static void
methods_that_are_not_taken_are_told(void **state)
{
    (void)state;
#define OF_METHODS(methods)                                                                                            \
    KAFKA "sources:\n  - {name: s1, adapter: generic, open: true, methods: " methods ",\n     mapping: "               \
          "{vendor: acme, events: [{type: call.ended, key: /id}],\n     handshakes: [{when: {query.c: '*',\n       "   \
          "method: GET}, body: x}]}}\n"
#define NO_METHOD(methods)                                                                                             \
    "t.yaml:6: " S1 "handshake 1: when: method: \"GET\" is none of the source's methods, which are " methods           \
    "; add it to methods, or take it out here"

    assert_fault(OF_METHODS("POST"), NO_METHOD("POST"));
    assert_fault(OF_METHODS("[POST, PUT]"), NO_METHOD("POST, PUT"));
    config_free(good(OF_METHODS("[POST, GET]")));
}

#define NOT_TOLD(place, option)                                                                                        \
    "\"" place "\" is where the source's own secret stands, which no event and no answer gets; point elsewhere, or, "  \
    "where the vendor has something else there, set " option " to another name"
#define CREDENTIALS(place) "\"" place "\" carries credentials, which no event and no answer gets; point elsewhere"

/* What vouches for the sender would be published, or told to whoever posts. */
static void
credentials_are_not_mapped(void **state)
{
    (void)state;
    static const struct fault_row rows[] = {
        {"- {type: call.ended, key: query.secret}\n",
         "9: " S1 "event 1: key: " NOT_TOLD("query.secret", "secret_parameter")},
        {"- {type: call.ended, key: /id, subject: header.X-Trunkline-Secret}\n",
         "9: " S1 "event 1: subject: " NOT_TOLD("header.X-Trunkline-Secret", "secret_header")},
        {"- {type: call.ended, key: /id, fields: {call.id: 'a{header.authorization}'}}\n",
         "9: " S1 "event 1: field call.id: from: " CREDENTIALS("header.authorization")},
        {"- {type: call.ended, key: /id, when: {header.Cookie: a}}\n",
         "9: " S1 "event 1: when: " CREDENTIALS("header.Cookie")},
    };

    assert_faults(EVENTS, rows, sizeof rows / sizeof *rows);
    assert_fault(MAPPING "      answer: {body: '{query.secret}'}\n",
                 "t.yaml:9: " S1 "mapping: answer.body: " NOT_TOLD("query.secret", "secret_parameter"));
    config_free(good(MAPPING "      signature: {keys: k, in: header.authorization, signed: '{query.secret}{body}'}\n"));
    config_free(good(KAFKA "sources:\n  - {name: s1, adapter: generic, open: true, secret_parameter: token, mapping: "
                           "{vendor: acme, events: [{type: call.ended, key: query.secret}]}}\n"));
}

/* A key is never told, whatever is wrong with what stands around it. */
static void
keys_are_not_told(void **state)
{
    (void)state;
    char *text =
        faults_of(slice_from(MAPPING "      signature: {keys: [hush-hush], in: body, signed: '{', time: x}\n"));

    assert_non_null(strstr(text, "signature: in: "));
    assert_null(strstr(text, "hush"));
    free(text);
    text = faults_of(slice_from(MAPPING "      signature: {keys: {hush-hush: {a: b}}, in: body}\n"));
    assert_non_null(strstr(text, "keys is a list"));
    assert_null(strstr(text, "hush"));
    free(text);
}

#define E1 S1 "event 1: "

static void
faults_of_events_are_told(void **state)
{
    (void)state;
    static const struct fault_row rows[] = {
        {"key: /id\n", "8: " S1 "events is a list; begin each one with \"- type: ...\""},
        {"- call.ended\n", "9: " S1 "events: this is none; begin it with \"- type: ...\""},
        {"- key: /id\n", "9: " E1 "it has no type; set type to one of ours, like call.ended, or to one of your own, "
                         "like com.acme.ticket.closed.v1"},
        {"- type: call.ended\n",
         "9: " E1 "it has no key; set key to what tells this message from all others, like /id"},
        {"- {type: call.endd, key: /id}\n", "9: " E1 "type: there is no \"call.endd\"; did you mean \"call.ended\"?"},
        {"- {type: ticket.v1, key: /id}\n",
         "9: " E1 "type: \"ticket.v1\" is neither one of ours, like call.ended, nor one of your own; write that like "
         "com.acme.ticket.closed.v1: your domain reversed, what happened, and a version, in small letters, at most "
         "128"},
        {"- type: call.ended\n          kee: /id\n",
         "9: " E1 "it has no key; set key to what tells this message from all others, like /id\n"
         "t.yaml:10: " E1 "there is no key \"kee\"; did you mean \"key\"?"},
        {"- {type: call.ended, key: id}\n", "9: " E1 "key: \"id\" names no place in a callback; did you mean \"/id\"?"},
        {"- {type: call.ended, key: call.id}\n",
         "9: " E1 "key: \"call.id\" names no place in a callback; did you mean \"/call/id\"?"},
        {"- {type: call.ended, key: '{body/id}-{/leg}'}\n",
         "9: " E1 "key: \"body/id\" names no place in a callback; did you mean \"/body/id\"?"},
        {"- {type: call.ended, key: headers.x-id}\n",
         "9: " E1 "key: \"headers.x-id\" names no place in a callback; did you mean \"header.x-id\"?"},
        {"- {type: call.ended, key: '/id-{/leg}'}\n",
         "9: " E1 "key: \"/id-{/leg}\" is half a pointer and half a text; put each reference in braces, like "
         "\"{/call/id}-{/leg}\""},
        {"- {type: call.ended, key: '{ x }'}\n",
         "9: " E1 "key: \"{ x }\" holds no reference; write one like {/call/id}"},
        {"- {type: call.ended, key: key}\n", "9: " E1 "key: \"key\" cannot be used here; what can is " PLACES},
        {"- {type: call.ended, key: received}\n",
         "9: " E1 "key: \"received\" cannot be used here; what can is " PLACES},
        {"- {type: call.ended, key: /id, suffix: '{/a}{received}', subject: received}\n",
         "9: " E1 "suffix: \"received\" cannot be used here; what can is " PLACES "\n"
         "t.yaml:9: " E1 "subject: \"received\" cannot be used here; what can is " PLACES},
        {"- {type: call.ended, key: /id, when: {method: [POST, 'P*', GET]}}\n",
         "9: " E1
         "when: method: \"GET\" is none of the source's methods, which are POST; add it to methods, or take it "
         "out here"},
        {"- {type: call.ended, key: /id, when: {endpoint: [calls, /calls]}}\n",
         "9: " E1 "when: endpoint: \"/calls\": no endpoint begins with a slash; write it without"},
        {"- {type: call.ended, key: /id, time: {/t}}\n",
         "9: " E1 "time takes a text; one that begins with a brace stands in quotes"},
        {"- {type: call.ended, key: /id, time_form: second}\n",
         "9: " E1 "time_form: there is no \"second\"; there are seconds, milliseconds, rfc3339, local, compact"},
        {"- {type: call.ended, key: /id, topic: t, schema: 's:s'}\n",
         "9: " E1 "topic is for types of your own, which call.ended is not; take it out, or add a route\n"
         "t.yaml:9: " E1 "schema is for types of your own, which call.ended is not; take it out"},
        {"- {type: com.acme.a.v1, key: /id}\n", "9: " E1 "it has no topic, which a type of your own needs; set topic"},
        {"- {type: com.acme.a.v1, key: /id, topic: a b}\n",
         "9: " E1 "topic: \"a b\" is no topic's name; use letters, digits, \".\", \"_\" and \"-\", at most 249"},
        {"- {type: com.acme.a.v1, key: /id, topic: trunkline.deadletter}\n",
         "9: " E1 "topic: events cannot go to \"trunkline.deadletter\", which is topics.deadletter; choose another "
         "topic"},
        {"- {type: com.acme.a.v1, key: /id, topic: a, schema: ticket}\n",
         "9: " E1 "schema: \"ticket\" is no URI; write one like urn:acme:schema:ticket.closed:v1"},
        {"- {type: com.acme.a.v1, key: /id, topic: a, when: {/a: 1}}\n"
         "        - {type: com.acme.a.v1, key: /id, topic: b, schema: 'x:y'}\n",
         "10: " S1 "event 2: topic: com.acme.a.v1 goes to \"a\" by line 9; a type has one topic, so leave it out here, "
         "or add a route\n"
         "t.yaml:10: " S1 "event 2: schema: com.acme.a.v1 has another by line 9; leave it out here, or give the type a "
         "new version"},
    };

    assert_faults(EVENTS, rows, sizeof rows / sizeof *rows);
}

static void
own_types_are_named_so_that_nobody_else_has_them(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "io.trunkline.call.over.v1", "com.acme.v1",   "com.acme.ticket",   "com.acme.ticket.v0", "com.acme.ticket.v01",
        "com.acme.ticket.v12345",    "com..acme.v1",  ".com.acme.a.v1",    "com.acme.Ticket.v1", "com.acme.a b.v1",
        "com.acme.ticket.1",         "com.acme./.v1", "com.acme.ticket.v", "com.acme.ticketv1",
    };
    static const char *const right[] = {"com.acme.ticket.v1", "cn.acme-2.call_over.done.v9999"};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char yaml[400];

        snprintf(yaml, sizeof yaml, EVENTS "- {type: '%s', key: /id}\n", wrong[i]);
        char *text = faults_of(slice_from(yaml));
        assert_non_null(strstr(text, "is neither one of ours"));
        free(text);
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        char yaml[400];

        snprintf(yaml, sizeof yaml, EVENTS "- {type: '%s', key: /id, topic: t}\n", right[i]);
        config_free(good(yaml));
    }
}

#define FIELDS EVENTS "- type: call.ended\n          key: /id\n          fields: "

static void
faults_of_fields_of_ours_are_told(void **state)
{
    (void)state;
    static const struct fault_row rows[] = {
        {"/id\n", "11: " E1 "fields has keys of its own; write them below it, indented"},
        {"{call.idd: /id}\n", "11: " E1 "fields: our events have no \"call.idd\"; did you mean \"call.id\"?"},
        {"{ticket: /id}\n", "11: " E1 "fields: our events have no \"ticket\"; `trunkline check --options` lists what "
                            "they have"},
        {"{call.id: }\n", "11: " E1 "field call.id: write where it stands, like /call/id, or {value: ...} for a "
                          "constant, or {from: ..., map: ...}"},
        {"{call.id: outbound}\n",
         "11: " E1 "field call.id: from: \"outbound\" names no place in a callback; did you mean \"/outbound\"?"},
        {"{call.id: {form: text, from: /id}}\n",
         "11: " E1 "field call.id: form is for types of your own; this is a text in all our events, so take it out"},
        {"{call.id: {map: {a: b}}}\n", "11: " E1 "field call.id: set from to where it stands, or value to a constant"},
        {"{call.id: {from: /id, value: x}}\n",
         "11: " E1 "field call.id: set from to where it stands, or value to a constant, not both"},
        {"{call.id: {value: x, map: {a: b}}}\n", "11: " E1 "field call.id: map: a constant needs none; take it out"},
        {"{call.id: {from: /id, map: [a]}}\n",
         "11: " E1 "field call.id: map has keys of its own; write them below it, indented"},
        {"{call.id: {from: /id, map: {a: [b]}}}\n",
         "11: " E1 "field call.id: map: a becomes one text; write it on the same line"},
        {"{call.id: {from: /id, time_form: local}}\n",
         "11: " E1 "field call.id: time_form: this is no time; take it out"},
        {"{call.id: {frm: /id, from: /id}}\n",
         "11: " E1 "field call.id: there is no key \"frm\"; did you mean \"from\"?"},
        {"{call.direction: {value: outbond}}\n",
         "11: " E1 "field call.direction: \"outbond\" is none of its words; did you mean \"outbound\"?"},
        {"{call.direction: {value: up}}\n",
         "11: " E1 "field call.direction: \"up\" is none of its words; there are inbound, outbound"},
        {"\n            outcome.status:\n              from: /r\n              map:\n                ok: answred\n",
         "15: " E1 "field outcome.status: \"answred\" is none of its words; did you mean \"answered\"?"},
        {"{durations.talk_seconds: {from: /t, map: {x: none}}}\n",
         "11: " E1 "field durations.talk_seconds: \"none\" is no number, which this field is; write one"},
        {"{outcome.transferred: {value: maybe}}\n",
         "11: " E1 "field outcome.transferred: \"maybe\" is neither true nor false; write one of them"},
        {"{times.ended: {value: now}}\n", "11: " E1 "field times.ended: value gives a text, a number, true or false, "
                                          "which this field is not; take it out"},
        {"{extras: {from: /x, map: {a: b}}}\n", "11: " E1 "field extras: map gives a text, a number, true or false, "
                                                "which this field is not; take it out"},
    };

    assert_faults(FIELDS, rows, sizeof rows / sizeof *rows);
}

#define OWN EVENTS "- type: com.acme.a.v1\n          topic: a\n          key: /id\n          fields: "

static void
faults_of_fields_of_own_types_are_told(void **state)
{
    (void)state;
#define NO_MEMBER                                                                                                      \
    "cannot be a member of the data; write names with dots between, like ticket.id, at most 8, and not \"vendor\", "   \
    "where the whole message stands"
    static const struct fault_row rows[] = {
        {"{vendor: /x}\n", "12: " E1 "fields: \"vendor\" " NO_MEMBER},
        {"{vendor.x: /x}\n", "12: " E1 "fields: \"vendor.x\" " NO_MEMBER},
        {"{a..b: /x}\n", "12: " E1 "fields: \"a..b\" " NO_MEMBER},
        {"{.a: /x}\n", "12: " E1 "fields: \".a\" " NO_MEMBER},
        {"{a.: /x}\n", "12: " E1 "fields: \"a.\" " NO_MEMBER},
        {"{1.2.3.4.5.6.7.8.9: /x}\n", "12: " E1 "fields: \"1.2.3.4.5.6.7.8.9\" " NO_MEMBER},
        {"{a.b: /x, ab: /y, a: /z}\n", "12: " E1 "fields: \"a\" and \"a.b\" cannot both be, for one is a part of the "
                                       "other; rename one"},
        {"{a: {from: /x, form: numer}}\n",
         "12: " E1 "field a: form: there is no \"numer\"; there are text, number, time, switch, json"},
        {"{a: {from: /x, form: number, time_form: local}}\n",
         "12: " E1 "field a: time_form: this is no time; take it out"},
        {"{a: {from: /x, form: json, map: {x: y}}}\n", "12: " E1 "field a: map gives a text, a number, true or false, "
                                                       "which this field is not; take it out"},
        {"{a: {value: x, form: number}}\n", "12: " E1 "field a: \"x\" is no number, which this field is; write one"},
    };

    assert_faults(OWN, rows, sizeof rows / sizeof *rows);
    config_free(
        good(OWN "{a.b: /x, a.c.d: /y, ab: {value: 1.5, form: number}, vendors: {value: yes, form: switch}}\n"));
}

/* What works and is seldom meant. */
static void
warnings_are_told(void **state)
{
    (void)state;
    struct config *config = good(MAPPING "      signature: {keys: k, in: header.a, time: header.b}\n");

    assert_int_equal(config->warning_count, 1);
    assert_int_equal(config->warnings[0].line, 9);
    assert_slice(config->warnings[0].text,
                 S1 "signature: time: it is not part of what is signed, so whoever has seen a "
                    "callback can post it again with a new time");
    config_free(config);

    config = good(EVENTS "- {type: call.ended, key: /id}\n        - {type: call.ringing, key: /id, when: {/a: b}}\n");
    assert_int_equal(config->warning_count, 2); /* that it is open is the other */
    assert_int_equal(config->warnings[1].line, 10);
    assert_slice(config->warnings[1].text,
                 S1 "event 2: it is never used, for event 1 has no when; give that one a when, or put it last");
    config_free(config);

    config = good(EVENTS "- {type: com.acme.a.v1, topic: t, key: /id}\n        - {type: com.acme.a.v2, topic: t, key: "
                         "/id}\n        - {type: com.acme.a.v3, topic: t, key: /id, suffix: /x}\n      every: true\n");
    assert_int_equal(config->warning_count, 2);
    assert_slice(config->warnings[1].text,
                 S1 "event 2: type: its events have the ids of those of event 1, for a version "
                    "is no part of an id; set suffix in one of them");
    config_free(config);
}

/* An answer that says that it is JSON is, whatever it is filled with. */
static void
answers_that_are_no_json_are_told(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "ok", "'{\"a\":{/a}{/b}}'", "'{\"a\":1{/a}}'", "'{{/a}:1}'", "'\"\\{/a}\"'", "'{\"a\":\"{/a}}'", "'1,2'"};
    static const char *const right[] = {"'{\"a\":{/a},\"b\":[\"{/b}{/c}\",{/d}]}'", "'\"{/a}\"'", "'{/a}'",
                                        "'{\"{/a}\":1,\"{/b}\":2}'"};
    char yaml[1000];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(yaml, sizeof yaml, MAPPING "      answer: {body: %s}\n", wrong[i]);
        struct config *config = good(yaml);

        assert_int_equal(config->warning_count, 2); /* that it is open is the other */
        assert_int_equal(config->warnings[1].line, 9);
        assert_slice(config->warnings[1].text,
                     S1 "mapping: answer.body: it is no JSON, as answer.content_type says that it is; correct it, or "
                        "set answer.content_type to what it is, like text/plain");
        config_free(config);
        snprintf(yaml, sizeof yaml, MAPPING "      answer: {content_type: text/plain, body: %s}\n", wrong[i]);
        config = good(yaml);
        assert_int_equal(config->warning_count, 1);
        config_free(config);
    }
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        snprintf(yaml, sizeof yaml, MAPPING "      answer: {body: %s}\n", right[i]);
        struct config *config = good(yaml);

        assert_int_equal(config->warning_count, 1);
        config_free(config);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_belongs_to_the_generic_adapter),
        cmocka_unit_test(faults_of_the_frame_are_told),
        cmocka_unit_test(faults_of_a_signature_are_told),
        cmocka_unit_test(methods_that_are_not_taken_are_told),
        cmocka_unit_test(credentials_are_not_mapped),
        cmocka_unit_test(keys_are_not_told),
        cmocka_unit_test(faults_of_events_are_told),
        cmocka_unit_test(own_types_are_named_so_that_nobody_else_has_them),
        cmocka_unit_test(faults_of_fields_of_ours_are_told),
        cmocka_unit_test(faults_of_fields_of_own_types_are_told),
        cmocka_unit_test(warnings_are_told),
        cmocka_unit_test(answers_that_are_no_json_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
