/* The options of a mapping, a row each. */
#include "config/mapping_draft.h"
#include "config/table.h"

#define MAPPING(member)   .offset = offsetof(struct mapping_draft, member)
#define SIGNATURE(member) .offset = offsetof(struct signature_draft, member)
#define HANDSHAKE(member) .offset = offsetof(struct handshake_draft, member)
#define EVENT(member)     .offset = offsetof(struct event_draft, member)
#define FIELD(member)     .offset = offsetof(struct field_draft, member)

static const char *const formats[] = {
    [MAPPING_AUTO] = "auto", [MAPPING_JSON] = "json",   [MAPPING_XML] = "xml",
    [MAPPING_FORM] = "form", [MAPPING_QUERY] = "query", NULL,
};

static const char *const time_forms[] = {
    [TIME_SECONDS] = "seconds", [TIME_MILLISECONDS] = "milliseconds", [TIME_RFC3339] = "rfc3339",
    [TIME_LOCAL] = "local",     [TIME_COMPACT] = "compact",           NULL,
};

const char *const field_forms[] = {
    [FIELD_TEXT] = "text",     [FIELD_NUMBER] = "number", [FIELD_TIME] = "time",
    [FIELD_SWITCH] = "switch", [FIELD_JSON] = "json",     NULL,
};

static const char *const algorithms[] = {
    [ALGORITHM_HMAC_SHA256] = "hmac-sha256",
    [ALGORITHM_HMAC_SHA1] = "hmac-sha1",
    [ALGORITHM_HMAC_MD5] = "hmac-md5",
    [ALGORITHM_SHA256] = "sha256",
    [ALGORITHM_SHA1] = "sha1",
    [ALGORITHM_MD5] = "md5",
    NULL,
};

static const char *const encodings[] = {"hex", "base64", NULL};

const char mapping_syntax[] =
    "A *reference* names a place in a callback:\n"
    "\n"
    "| reference | place |\n"
    "|---|---|\n"
    "| `/call/id` | the member `id` of the member `call`; of the record where there are `records`; numbers count in "
    "arrays from 0; `~1` and `~0` are `/` and `~` in a name; `/` alone is the whole |\n"
    "| `^/batch/id` | the same, always from the top of the message |\n"
    "| `header.x-event` | a header field |\n"
    "| `query.event` | a parameter of the URL, decoded |\n"
    "| `body`, `query` | the bytes as they came |\n"
    "| `method`, `endpoint` | of the request |\n"
    "| `received` | when it came, in seconds since 1970; not in `key`, `suffix` and `subject`, which a repeated "
    "callback "
    "has again |\n"
    "| `key` | in `signature.signed`, with a plain digest: the key |\n"
    "\n"
    "A *template* is text with references in braces: `v0:{header.x-time}:{body}`. A brace begins one only when a "
    "letter, `/`\n"
    "or `^` follows it, so JSON can be written as it is: `{\"ok\":true,\"id\":\"{/id}\"}`; `{{` stands for the brace "
    "itself where a\n"
    "letter follows. A *value* is a reference, `/call/id`, or a template with one at least, `\"{/call/id}-{/leg}\"`. "
    "In "
    "YAML a\n"
    "text that begins with a brace stands in quotes, and so does `\"*\"`.\n"
    "\n"
    "What is answered is escaped by its content type, so nothing that was sent changes what is around it. In JSON a "
    "reference\n"
    "in quotes gives text; outside of quotes it gives a value: a number, `true`, an object as it came, a text in "
    "quotes, "
    "`null`\n"
    "for what is not there. `check` warns of an answer that would be no JSON.\n"
    "\n"
    "Credentials are named in `signature` alone: anywhere else the source's `secret_header` and `secret_parameter`, "
    "and "
    "the\n"
    "header fields `authorization`, `proxy-authorization` and `cookie`, are a fault.\n"
    "\n";

const struct config_option mapping_table[] = {
    {.path = "vendor",
     .kind = OPTION_TEXT,
     MAPPING(mapping.vendor),
     .help = "what events call the vendor, and the head of their ids: a to z, 0 to 9, `.`, `_`, `-`, at most 64; "
             "needed"},
    {.path = "format",
     .kind = OPTION_WORD,
     .fallback = "auto",
     .words = formats,
     MAPPING(mapping.format),
     .help = "of bodies; `auto`: JSON or XML by the first character, else a form; `query`: the parameters of the URL "
             "are the message. A byte order mark is passed over"},
    {.path = "records",
     .kind = OPTION_TEXT,
     MAPPING(records),
     .help = "pointer to an array, each of whose elements gives events by itself; `/`: the message is that array"},
    {.path = "signature",
     .kind = OPTION_SECTION,
     .items = signature_table,
     .help = "how the vendor signs its callbacks: see below"},
    {.path = "handshakes",
     .kind = OPTION_ITEMS,
     .items = handshake_table,
     .help = "requests by which the vendor checks the URL: they are answered, and make no event"},
    {.path = "answer.body",
     .kind = OPTION_TEXT,
     MAPPING(answer_body),
     .help = "what the vendor takes as accepted, a template; by default `{\"code\":0}`"},
    {.path = "answer.content_type",
     .kind = OPTION_TEXT,
     .fallback = "application/json",
     MAPPING(mapping.answer.content_type),
     .help = "of that"},
    {.path = "time_form",
     .kind = OPTION_WORD,
     .fallback = "rfc3339",
     .words = time_forms,
     MAPPING(time_form),
     .help = "how the vendor writes times, unless an event or a field says otherwise: since 1970 in `seconds` "
             "(decimals may follow) or `milliseconds`; `rfc3339` (2026-05-07T08:09:10Z, or with +0800) with its "
             "offset; `local` (2026-05-07 08:09:10) or `compact` (20260507080910), these two in the source's "
             "`timezone`; a `local` one that has an offset goes by that"},
    {.path = "events",
     .kind = OPTION_ITEMS,
     .items = event_table,
     .help = "what becomes of a callback, or of each record: the first one whose `when` holds; none: "
             "`vendor.unmapped`. Needed"},
    {.path = "every",
     .kind = OPTION_SWITCH,
     .fallback = "false",
     MAPPING(mapping.every),
     .help = "not the first one only: each whose `when` holds gives an event; of those with the same id the first"},
    {0},
};

const struct config_option signature_table[] = {
    {.path = "algorithm",
     .kind = OPTION_WORD,
     .fallback = "hmac-sha256",
     .words = algorithms,
     SIGNATURE(algorithm),
     .help = "`hmac-...` is keyed; the others are plain digests over a text that holds `{key}`"},
    {.path = "keys",
     .kind = OPTION_SECRETS,
     SIGNATURE(rule.keys),
     .count_offset = offsetof(struct signature_draft, rule.key_count),
     .help = "any of them may have signed: several make a change without a gap; needed"},
    {.path = "signed",
     .kind = OPTION_TEXT,
     SIGNATURE(signed_text),
     .help = "what is signed, a template: `{header.x-time}.{body}`; by default `{body}`; with a plain digest it must "
             "hold `{key}`"},
    {.path = "in",
     .kind = OPTION_TEXT,
     SIGNATURE(at),
     .help = "where the signature stands: `header.<name>`, `query.<name>` or a pointer; needed"},
    {.path = "encoding",
     .kind = OPTION_WORD,
     .fallback = "hex",
     .words = encodings,
     SIGNATURE(encoding),
     .help = "of the signature"},
    {.path = "prefix", .kind = OPTION_TEXT, SIGNATURE(rule.prefix), .help = "what stands before it there: `sha256=`"},
    {.path = "time",
     .kind = OPTION_TEXT,
     SIGNATURE(time),
     .help = "where the time of signing stands, in seconds or milliseconds since 1970; should be part of `signed`"},
    {.path = "tolerance_seconds",
     .kind = OPTION_COUNT,
     .fallback = "300",
     .low = 1,
     .high = 86400,
     SIGNATURE(rule.tolerance_seconds),
     .help = "that `time` may be off"},
    {0},
};

const struct config_option handshake_table[] = {
    {.path = "when",
     .kind = OPTION_MAPPING,
     .help = "references and the value, or list of values, that each must have: see `events`; needed. A `method` must "
             "be one of the source's `methods`"},
    {.path = "body", .kind = OPTION_TEXT, HANDSHAKE(body), .help = "of the answer, a template: `{query.echo}`; needed"},
    {.path = "content_type",
     .kind = OPTION_TEXT,
     .fallback = "text/plain; charset=utf-8",
     HANDSHAKE(content_type),
     .help = "of that"},
    {0},
};

const struct config_option event_table[] = {
    {.path = "when",
     .kind = OPTION_MAPPING,
     .help = "references and the value, or list of values, that each must have, with `*` for any run of characters; "
             "`\"*\"`: whatever stands there; none: always"},
    {.path = "type",
     .kind = OPTION_TEXT,
     EVENT(type),
     .help = "one of ours, `call.ended`; or one of your own, `com.acme.ticket.closed.v1`; needed"},
    {.path = "key",
     .kind = OPTION_TEXT,
     EVENT(key),
     .help =
         "a value: what tells this message from all others; a repeated callback has the same one, and so its events "
         "the same ids; needed"},
    {.path = "suffix",
     .kind = OPTION_TEXT,
     EVENT(suffix),
     .help = "a value: tells events of one type and key apart; the end of the id, behind a `-`"},
    {.path = "subject",
     .kind = OPTION_TEXT,
     EVENT(subject),
     .help = "a value: whose events stay in order, the partition key; by default the key"},
    {.path = "correlation",
     .kind = OPTION_TEXT,
     EVENT(correlation),
     .help = "a value: the id of the command behind it"},
    {.path = "time", .kind = OPTION_TEXT, EVENT(time), .help = "a value; by default when the callback came"},
    {.path = "time_form",
     .kind = OPTION_WORD,
     .words = time_forms,
     EVENT(time_form),
     .help = "of that, and of the fields' times; by default the mapping's"},
    {.path = "topic", .kind = OPTION_TEXT, EVENT(topic), .help = "where an own type goes, which needs one"},
    {.path = "schema",
     .kind = OPTION_TEXT,
     EVENT(schema),
     .help = "of an own type, a URI; by default `urn:<vendor>:schema:<name>:v<n>`"},
    {.path = "fields",
     .kind = OPTION_MAPPING,
     .items = field_table,
     .help = "members of the event's data, `call.id`, and what each is: a value, or a mapping of the options below"},
    {0},
};

const struct config_option field_table[] = {
    {.path = "from", .kind = OPTION_TEXT, FIELD(from), .help = "a value; either this or `value`"},
    {.path = "value", .kind = OPTION_TEXT, FIELD(value), .help = "a constant, as it stands"},
    {.path = "map",
     .kind = OPTION_MAPPING,
     .help =
         "the vendor's words and what each becomes, `\"*\"` for all others, which else stay as they are; `\"\"` leaves "
         "the field out"},
    {.path = "form",
     .kind = OPTION_WORD,
     .words = field_forms,
     FIELD(form),
     .help = "of an own type's field; by default what the message has there, and text for what is put together or "
             "mapped"},
    {.path = "time_form", .kind = OPTION_WORD, .words = time_forms, FIELD(time_form), .help = "of a time"},
    {0},
};
