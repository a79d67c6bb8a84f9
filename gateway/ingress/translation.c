/* The way of a callback's bytes: signature over bytes, one strict parse, signature over members, handshake, expected
 * members, conversion by the adapter, records. */
#include "ingress/translation.h"

#include "adapters/mapping.h"
#include "adapters/message.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/xml.h"
#include "event/attribute.h"
#include "event/cloudevent.h"
#include "event/deadletter.h"
#include "ingress/mask.h"

const char outcome_accepted[] = "accepted";
const char outcome_unmapped[] = "unmapped";
const char outcome_dead_letter[] = "dead_letter";
const char outcome_handshake[] = "handshake";

#define ORIGINAL_BYTES       4096
#define ORIGINAL_FIELD_BYTES 192

/* What the steps share. */
struct work {
    const struct config *config;
    const struct incoming *incoming;
    struct arena *arena;
    struct translation *translation;
    struct callback callback;
    bool vouched;
    const char *unread;   /* why the body could not be read: a word; NULL: it could */
    struct error *detail; /* and a sentence */
};

/* --- records --- */

static struct envelope
envelope_of(const struct incoming *incoming)
{
    const struct source *source = incoming->source;

    return (struct envelope){
        .source = source->name,
        .adapter = source->mapping == NULL ? slice_from(source->adapter->name) : source->mapping->vendor,
        .account = source->account,
        .traceparent = traceparent_valid(incoming->traceparent) ? incoming->traceparent : (struct slice){0},
        .received = incoming->received,
    };
}

static bool
original_make(const struct work *work, struct original *original)
{
    const struct incoming *incoming = work->incoming;
    struct record_header *fields = arena_zalloc(work->arena, incoming->field_count, sizeof(*fields));
    size_t count = 0;

    if (fields == NULL && incoming->field_count > 0) {
        return false;
    }
    for (size_t i = 0; i < incoming->field_count; i++) {
        if (source_field_is_public(incoming->source, incoming->fields[i].name)) {
            fields[count++] = (struct record_header){
                incoming->fields[i].name,
                mask_secrets(incoming->source, incoming->fields[i].value, work->arena),
            };
        }
    }
    *original = (struct original){
        .method = incoming->method,
        .endpoint = incoming->endpoint,
        .query = mask_secrets(incoming->source, incoming->public_query, work->arena),
        .hash = callback_hash(&work->callback),
        .body = incoming->body,
        .headers = fields,
        .header_count = count,
    };
    return !slice_empty(original->hash) && !arena_failed(work->arena);
}

/* What a dead letter and a raw record take besides the body, which they do not copy; two copies of a text without its
 * secrets. */
static size_t
original_bytes(const struct incoming *incoming)
{
    size_t bytes = ORIGINAL_BYTES + 2 * incoming->public_query.length;

    for (size_t i = 0; i < incoming->field_count; i++) {
        bytes += ORIGINAL_FIELD_BYTES + 2 * (incoming->fields[i].name.length + incoming->fields[i].value.length);
    }
    return bytes;
}

/* Adds the raw record where it is switched on; the records have room for it. */
static bool
add_raw_record(const struct work *work)
{
    struct translation *translation = work->translation;
    struct record *record = &translation->records[translation->count];
    struct original original;

    if (!work->config->raw_enabled) {
        return true;
    }
    if (!original_make(work, &original) || !raw_record_write(&original, &translation->envelope, work->arena, record)) {
        return false;
    }
    record->topic = work->config->topics[TOPIC_RAW];
    translation->count++;
    return true;
}

static bool
records_allocate(const struct work *work, size_t count)
{
    work->translation->count = 0;
    work->translation->records = arena_zalloc(work->arena, count, sizeof(struct record));
    return work->translation->records != NULL;
}

static void
refuse(const struct work *work, enum refusal refusal, const char *reason)
{
    work->translation->refusal = refusal;
    work->translation->outcome = refusal_kind(refusal)->label;
    work->translation->reason = reason;
    work->translation->count = 0;
}

static void
make_dead_letter(const struct work *work, const char *reason, struct slice detail, bool with_raw)
{
    struct translation *translation = work->translation;
    struct original original;

    translation->outcome = outcome_dead_letter;
    translation->reason = reason;
    translation->detail = detail;
    if (!arena_allow(work->arena, original_bytes(work->incoming)) || !records_allocate(work, 2) ||
        !original_make(work, &original) ||
        !deadletter_write(&original, &translation->envelope, slice_from(reason), detail, work->arena,
                          &translation->records[0])) {
        refuse(work, REFUSAL_BUSY, "no_memory");
        return;
    }
    translation->records[0].topic = work->config->topics[TOPIC_DEADLETTER];
    translation->count = 1;
    if (with_raw && !add_raw_record(work)) {
        refuse(work, REFUSAL_BUSY, "no_memory");
    }
}

/* One event to every topic of its type: the bytes are written once. */
static bool
write_event(const struct work *work, const struct canonical_event *event)
{
    struct translation *translation = work->translation;
    const struct target_list *targets = source_targets(work->incoming->source, event);
    struct record record = {0};

    if (!cloudevent_write(event, &translation->envelope, work->config->mode, work->arena, &record)) {
        return false;
    }
    for (size_t i = 0; i < targets->count; i++) {
        record.topic = targets->topics[i];
        translation->records[translation->count++] = record;
    }
    return true;
}

static bool
write_events(const struct work *work)
{
    const struct conversion *conversion = &work->translation->conversion;
    size_t count = 1; /* the raw record */

    for (const struct canonical_event *event = conversion->first; event != NULL; event = event->next) {
        count += source_targets(work->incoming->source, event)->count;
    }
    if (!records_allocate(work, count)) {
        return false;
    }
    for (const struct canonical_event *event = conversion->first; event != NULL; event = event->next) {
        if (!write_event(work, event)) {
            return false;
        }
    }
    return add_raw_record(work);
}

/* --- reading --- */

static const char too_complex_reason[] = "too_complex";
static const char too_complex_detail[] = "its values take more memory than a request may have";

/* Whether the body took all memory that a request may have. It would do so each time it came, so it is kept aside, and
 * not answered 503, which is for memory that is short just now. */
static bool
too_complex(const struct work *work)
{
    return arena_failed(work->arena) && arena_allow(work->arena, sizeof(struct error));
}

/* A vouched-for sender's unreadable body is kept and accepted, for a repeat would be no better; anybody else's is not.
 */
static void
unreadable(const struct work *work)
{
    const char *reason = work->unread;
    const char *detail = work->detail->text;

    if (too_complex(work)) {
        reason = too_complex_reason;
        detail = too_complex_detail;
    }
    if (arena_failed(work->arena)) {
        refuse(work, REFUSAL_BUSY, "no_memory");
    } else if (work->vouched) {
        make_dead_letter(work, reason, arena_copy(work->arena, slice_from(detail)), true);
    } else {
        refuse(work, REFUSAL_UNREADABLE, reason);
    }
}

/* A body is what the first byte of its text says, whatever its Content-Type: vendors label them wrongly. */
static bool
format_find(struct slice body, enum body_format *format)
{
    struct slice text = body_text(body);
    char first = slice_empty(text) ? '\0' : text.data[0];

    *format = first == '<' ? BODY_XML : BODY_JSON;
    return first == '<' || first == '{' || first == '[';
}

static const struct value *
parse_by_first_byte(struct work *work)
{
    struct callback *callback = &work->callback;
    struct slice body = body_text(callback->body);

    if (!format_find(callback->body, &callback->format)) {
        work->unread = "unknown_format";
        (void)error_set(work->detail, "the body begins neither as JSON nor as XML");
        return NULL;
    }
    /* White space before an XML declaration is against XML, and a byte order mark against JSON: neither says anything.
     */
    return callback->format == BODY_XML ? xml_parse(work->arena, body, VALUE_LIMITS_DEFAULT, NULL, work->detail)
                                        : json_parse(work->arena, body, VALUE_LIMITS_DEFAULT, work->detail);
}

/* The message, or why there is none. */
static void
parse(struct work *work)
{
    static const char *const words[] = {[BODY_JSON] = "not_json", [BODY_XML] = "not_xml", [BODY_FORM] = "not_form"};
    const struct adapter *adapter = work->incoming->source->adapter;
    struct callback *callback = &work->callback;

    callback->message =
        adapter->parse == NULL ? parse_by_first_byte(work) : adapter->parse(callback, &callback->format, work->detail);
    work->translation->format = callback->format;
    work->translation->message = callback->message;
    if (callback->message == NULL && work->unread == NULL) {
        work->unread = words[callback->format];
    }
}

/* --- checks --- */

static bool
must_be_signed(const struct work *work)
{
    return !work->incoming->unchecked && work->incoming->source->signed_by_vendor;
}

/* Runs one of the adapter's two verifications. The vendor may have signed the query as it was sent, with the secret
 * that nothing else sees. */
static bool
verify(struct work *work, enum verdict (*check)(const struct callback *callback))
{
    struct callback callback = work->callback;
    enum verdict verdict;

    if (!must_be_signed(work) || check == NULL) {
        return true;
    }
    callback.query = work->incoming->query;
    verdict = check(&callback);
    if (verdict == VERDICT_WRONG) {
        if (arena_failed(work->arena)) {
            refuse(work, REFUSAL_BUSY, "no_memory");
        } else {
            refuse(work, REFUSAL_UNAUTHORIZED, "signature");
        }
        return false;
    }
    work->vouched = work->vouched || verdict == VERDICT_VALID;
    return true;
}

/* After the verifications: where they are asked for, one of them or something else must have spoken for the sender. */
static bool
vouched_for(const struct work *work)
{
    if (must_be_signed(work) && !work->vouched) {
        refuse(work, REFUSAL_UNAUTHORIZED, "unsigned");
        return false;
    }
    return true;
}

/* It makes no event, so nobody need have signed it; a wrong signature has been refused before. */
static bool
answer_handshake(const struct work *work)
{
    const struct adapter *adapter = work->incoming->source->adapter;

    if (adapter->handshake == NULL || !adapter->handshake(&work->callback, &work->translation->answer)) {
        return false;
    }
    work->translation->outcome = outcome_handshake;
    if (arena_failed(work->arena)) {
        refuse(work, REFUSAL_BUSY, "no_memory");
    }
    return true;
}

static bool
expected_value(const struct expectation *expectation, const struct value *value)
{
    bool found = false;

    if (value->kind != VALUE_STRING && value->kind != VALUE_NUMBER) {
        return false;
    }
    for (size_t i = 0; i < expectation->value_count; i++) {
        found = secret_equal(value->text, expectation->values[i]) || found;
    }
    return found;
}

/* The member stands at the top, or where a vendor wraps its message (玖云 `req`, 7moor `content`) one level below: then
 * wherever it stands there it must be right. */
static bool
expectation_met(const struct expectation *expectation, const struct value *message)
{
    const struct value *found = value_member_named(message, expectation->member);
    bool met = false;

    if (found != NULL) {
        return expected_value(expectation, found);
    }
    if (message->kind != VALUE_OBJECT) {
        return false;
    }
    for (const struct value *child = message->first; child != NULL; child = child->next) {
        found = value_member_named(child, expectation->member);
        if (found != NULL && !expected_value(expectation, found)) {
            return false;
        }
        met = met || found != NULL;
    }
    return met;
}

static bool
expectations_met(const struct work *work)
{
    const struct source *source = work->incoming->source;

    if (work->incoming->unchecked) {
        return true;
    }
    for (size_t i = 0; i < source->expectation_count; i++) {
        if (!expectation_met(&source->expectations[i], work->callback.message)) {
            refuse(work, REFUSAL_UNAUTHORIZED, "expect");
            return false;
        }
    }
    return true;
}

static void
convert(const struct work *work)
{
    struct translation *translation = work->translation;
    struct conversion *conversion = &translation->conversion;
    bool converted = work->incoming->source->adapter->convert(&work->callback, conversion);
    bool written = converted && !arena_failed(work->arena) && write_events(work);

    if (too_complex(work)) {
        make_dead_letter(work, too_complex_reason, slice_from(too_complex_detail), true);
        return;
    }
    if (converted && !written) {
        refuse(work, REFUSAL_BUSY, "no_memory");
        return;
    }
    if (!converted) {
        make_dead_letter(work, conversion->reason, slice_from(conversion->detail), true);
        return;
    }
    translation->outcome = outcome_unmapped;
    for (const struct canonical_event *event = conversion->first; event != NULL; event = event->next) {
        if (event->type != EVENT_VENDOR_UNMAPPED) {
            translation->outcome = outcome_accepted;
        }
    }
}

struct callback
incoming_callback(const struct incoming *incoming, struct arena *arena)
{
    return (struct callback){
        .method = incoming->method,
        .endpoint = incoming->endpoint,
        .query = incoming->public_query,
        .fields = incoming->fields,
        .field_count = incoming->field_count,
        .body = incoming->body,
        .account = incoming->source->account,
        .zone = incoming->source->zone,
        .settings = incoming->source->settings,
        .mapping = incoming->source->mapping,
        .received_ms = incoming->received.unix_ms,
        .arena = arena,
    };
}

static struct work
work_begin(const struct config *config, const struct incoming *incoming, struct arena *arena,
           struct translation *translation)
{
    return (struct work){
        .config = config,
        .incoming = incoming,
        .arena = arena,
        .translation = translation,
        .vouched = incoming->vouched,
        .callback = incoming_callback(incoming, arena),
    };
}

/* A message that could be read, or one whose adapter tells more by its head. */
static bool
verify_message(struct work *work)
{
    const struct adapter *adapter = work->incoming->source->adapter;
    bool known = work->unread == NULL || (adapter->mapped && !arena_failed(work->arena));

    return !known || verify(work, adapter->verify_parsed);
}

void
translate(const struct config *config, const struct incoming *incoming, struct arena *arena,
          struct translation *translation)
{
    const struct adapter *adapter = incoming->source->adapter;
    struct work work = work_begin(config, incoming, arena, translation);
    struct error detail; /* set where it is looked at */

    work.detail = &detail;
    *translation = (struct translation){.envelope = envelope_of(incoming)};
    (void)format_find(incoming->body, &work.callback.format);
    translation->format = work.callback.format;
    if (!verify(&work, adapter->verify_raw) || (adapter->verify_parsed == NULL && !vouched_for(&work))) {
        return;
    }
    parse(&work);
    if (!verify_message(&work) || (!arena_failed(arena) && answer_handshake(&work))) {
        return;
    }
    if (work.unread != NULL) {
        unreadable(&work);
    } else if (vouched_for(&work) && expectations_met(&work)) {
        convert(&work);
    }
}

void
translate_to_dead_letter(const struct config *config, const struct incoming *incoming, struct arena *arena,
                         const char *reason, struct slice detail, struct translation *translation)
{
    struct work work = work_begin(config, incoming, arena, translation);

    make_dead_letter(&work, reason, detail, false);
}
