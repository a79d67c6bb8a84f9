/* Admission judges a request by its head alone, before a byte of body is read: path (404), method (405), encodings that
 * are not read (415), declared size (413), the sender's address, its secret and its certificate (401).
 *
 * Paths are /callbacks/<source>[/<secret>][/<endpoint>], exactly: a segment is one or more unreserved characters of
 * RFC 3986, so percent-encoding, dot segments, doubled and trailing slashes are all 404. Where a source has secrets,
 * whether an endpoint exists is told only to those who know one: to all others every path below the source is the same
 * 401. */
#include "base/digest.h"
#include "base/log.h"
#include "base/percent.h"
#include "base/tls.h"
#include "ingress/generation.h"
#include "ingress/service.h"
#include "ingress/worker.h"

#define PATH_PREFIX   "/callbacks/"
#define PATH_SEGMENTS 3 /* source, secret, endpoint */

struct path {
    struct slice segments[PATH_SEGMENTS];
    size_t count;
};

static bool
is_unreserved(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static bool
segment_valid(struct slice segment)
{
    for (size_t i = 0; i < segment.length; i++) {
        if (!is_unreserved(segment.data[i])) {
            return false;
        }
    }
    return !slice_empty(segment) && !slice_is(segment, ".") && !slice_is(segment, "..");
}

/* Cuts text at the first of that byte; *rest gets what is behind it. false when there is none: text is the last part.
 */
static bool
cut(struct slice text, char byte, struct slice *part, struct slice *rest)
{
    const char *found = text.length == 0 ? NULL : memchr(text.data, byte, text.length);

    if (found == NULL) {
        *part = text;
        return false;
    }
    *part = slice_make(text.data, (size_t)(found - text.data));
    *rest = slice_make(found + 1, text.length - part->length - 1);
    return true;
}

static bool
path_read(struct slice text, struct path *path)
{
    const size_t prefix = sizeof(PATH_PREFIX) - 1;
    bool more = true;

    *path = (struct path){0};
    if (text.length <= prefix || memcmp(text.data, PATH_PREFIX, prefix) != 0) {
        return false;
    }
    text = slice_make(text.data + prefix, text.length - prefix);
    while (more) {
        if (path->count == PATH_SEGMENTS) {
            return false;
        }
        more = cut(text, '/', &path->segments[path->count], &text);
        if (!segment_valid(path->segments[path->count++])) {
            return false;
        }
    }
    return true;
}

/* Whether the adapter names it. */
static bool
endpoint_named(const struct adapter *adapter, struct slice endpoint)
{
    for (const char *const *known = adapter->endpoints; *known != NULL; known++) {
        if (slice_is(endpoint, *known)) {
            return true;
        }
    }
    return false;
}

/* Where a mapping tells what there is, any endpoint may come: the mapping looks at it, or does not. */
static bool
endpoint_exists(const struct adapter *adapter, struct slice endpoint)
{
    return slice_empty(endpoint) || adapter->mapped || endpoint_named(adapter, endpoint);
}

/* Tells secret and endpoint apart. A lone segment that names an endpoint is one; the configuration sees to it that no
 * secret does. */
static bool
path_assign(const struct path *path, const struct source *source, struct slice *secret, struct slice *endpoint)
{
    bool carries = source->secret_count > 0 && (source->secret_places & SECRET_IN_PATH) != 0;

    if (path->count == PATH_SEGMENTS) {
        *secret = path->segments[1];
        *endpoint = path->segments[2];
        return carries;
    }
    if (path->count == 1) {
        return true;
    }
    if (carries && !endpoint_named(source->adapter, path->segments[1])) {
        *secret = path->segments[1];
    } else {
        *endpoint = path->segments[1];
    }
    return true;
}

/* Sets the ticket's source, endpoint and public path; *secret gets what the path carries. */
static bool
find_source(struct ticket *ticket, struct slice *secret)
{
    const struct config *config = ticket->generation->config;
    struct path path;

    if (!path_read(ticket->head.path, &path)) {
        return false;
    }
    ticket->source = config_source(config, path.segments[0]);
    if (ticket->source == NULL) {
        return false;
    }
    if (!path_assign(&path, ticket->source, secret, &ticket->endpoint) ||
        (ticket->source->secret_count == 0 && !endpoint_exists(ticket->source->adapter, ticket->endpoint))) {
        return false;
    }
    ticket->public_path = ticket->head.path;
    if (!slice_empty(*secret)) {
        ticket->public_path = arena_printf(ticket->arena, PATH_PREFIX "%.*s%s%.*s", SLICE_ARGS(ticket->source->name),
                                           slice_empty(ticket->endpoint) ? "" : "/", SLICE_ARGS(ticket->endpoint));
    }
    return true;
}

static bool
method_listed(const struct source *source, struct slice method)
{
    for (size_t i = 0; i < source->method_count; i++) {
        if (slice_equal(source->methods[i], method)) {
            return true;
        }
    }
    return false;
}

static bool
encoding_read(const struct head *head)
{
    struct slice encoding = head_field(head, "content-encoding");
    struct slice type = head_field(head, "content-type");

    if (!slice_empty(encoding) && !slice_is_nocase(encoding, "identity")) {
        return false;
    }
    return type.length < 10 || strncasecmp(type.data, "multipart/", 10) != 0;
}

/* --- who it is --- */

static struct slice
trim(struct slice text)
{
    while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = slice_make(text.data + 1, text.length - 1);
    }
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Whom a trusted proxy names: the right-most address of X-Forwarded-For that is no trusted proxy itself, for everything
 * to the left of it is hearsay. All of them proxies: the left-most. A list that cannot be read counts as none. */
static struct address
find_sender(const struct ticket *ticket)
{
    const struct network_list *trusted = &ticket->generation->config->trusted_proxies;
    struct address sender = ticket->peer;
    struct slice list;

    if (trusted->count == 0 || !network_list_has(trusted, &ticket->peer)) {
        return ticket->peer;
    }
    list = head_field(&ticket->head, "x-forwarded-for");
    while (list.length > 0) {
        const char *comma = memrchr(list.data, ',', list.length);
        const char *start = comma == NULL ? list.data : comma + 1;
        struct slice text = slice_make(start, (size_t)(list.data + list.length - start));

        if (!address_parse(trim(text), &sender)) {
            return ticket->peer;
        }
        if (comma == NULL || !network_list_has(trusted, &sender)) {
            return sender;
        }
        list.length = (size_t)(comma - list.data);
    }
    return sender;
}

/* Compares with all of them, so that the time tells nothing. */
static bool
secret_known(const struct source *source, struct slice given)
{
    bool known = false;

    for (size_t i = 0; i < source->secret_count; i++) {
        known = secret_equal(given, source->secrets[i]) || known;
    }
    return known;
}

/* The empty slice when the arena is full. */
static struct slice
decode(struct arena *arena, struct slice text)
{
    char *decoded = arena_alloc(arena, text.length + 1);
    size_t length = 0;

    if (decoded == NULL) {
        return (struct slice){0};
    }
    for (size_t at = 0; at < text.length;) {
        decoded[length++] = percent_next(text, &at);
    }
    return slice_make(decoded, length);
}

/* Takes the secret's parameter out of the query, wherever the source asks for its secret: a vendor's console may still
 * have it there. true: one of its values is a secret of the source. */
static bool
query_check(struct ticket *ticket)
{
    const struct source *source = ticket->source;
    struct slice rest = ticket->head.query;
    size_t length = 0;
    bool known = false;
    bool more = !slice_empty(rest);
    char *kept = more ? arena_alloc(ticket->arena, rest.length + 1) : NULL;

    ticket->public_query = (struct slice){0};
    while (more && kept != NULL) {
        struct slice parameter;
        struct slice name;
        struct slice value = {0};

        more = cut(rest, '&', &parameter, &rest);
        (void)cut(parameter, '=', &name, &value);
        if (slice_equal(decode(ticket->arena, name), source->secret_parameter)) {
            known = secret_known(source, decode(ticket->arena, value)) || known;
            continue;
        }
        if (length > 0) {
            kept[length++] = '&';
        }
        if (parameter.length > 0) {
            memcpy(kept + length, parameter.data, parameter.length);
        }
        length += parameter.length;
    }
    ticket->public_query = slice_make(kept, length);
    return known && (source->secret_places & SECRET_IN_QUERY) != 0;
}

static bool
header_check(const struct ticket *ticket)
{
    const struct source *source = ticket->source;
    bool known = false;

    if ((source->secret_places & SECRET_IN_HEADER) == 0) {
        return false;
    }
    for (size_t i = 0; i < ticket->head.field_count; i++) {
        if (slice_equal(ticket->head.fields[i].name, source->secret_header)) {
            known = secret_known(source, ticket->head.fields[i].value) || known;
        }
    }
    return known;
}

static enum refusal
unauthorized(struct ticket *ticket, const char *reason)
{
    char sender[ADDRESS_TEXT_BYTES];
    size_t length = address_format(&ticket->sender, sender);

    log_warn_limited(&ticket->worker->refusals, "callback_refused", log_slice("source", ticket->source->name),
                     log_text("outcome", refusal_kind(REFUSAL_UNAUTHORIZED)->label), log_text("reason", reason),
                     log_slice("sender", slice_make(sender, length)), log_text("request_id", ticket->request_id));
    return REFUSAL_UNAUTHORIZED;
}

/* A certificate that was shown before a reload counts by what the reload has brought. false: that could not be told. */
static bool
judge_certificate(const struct ticket *ticket)
{
    return ticket->session == NULL || tls_judge_anew(ticket->session, ticket->generation->tls);
}

/* Any that our CA vouches for, or one that bears a name of the source's list. */
static bool
certificate_fits(const struct ticket *ticket)
{
    const struct source *source = ticket->source;
    bool fits = source->certificate_name_count == 0;

    if (ticket->session == NULL || !tls_certified(ticket->session)) {
        return false;
    }
    for (size_t i = 0; i < source->certificate_name_count && !fits; i++) {
        fits = tls_certified_as(ticket->session, source->certificate_names[i]);
    }
    return fits;
}

static enum refusal
check_sender(struct ticket *ticket, struct slice path_secret)
{
    const struct source *source = ticket->source;
    bool known = secret_known(source, path_secret);

    known = query_check(ticket) || known;
    known = header_check(ticket) || known;
    ticket->sender = find_sender(ticket);
    if (source->allow.count > 0 && !network_list_has(&source->allow, &ticket->sender)) {
        return unauthorized(ticket, "address");
    }
    if (source->secret_count > 0 && !known) {
        return unauthorized(ticket, "secret");
    }
    if (source->client_certificate && !judge_certificate(ticket)) {
        return REFUSAL_BUSY;
    }
    if (source->client_certificate && !certificate_fits(ticket)) {
        return unauthorized(ticket, "certificate");
    }
    ticket->vouched = source->allow.count > 0 || source->secret_count > 0 || source->client_certificate;
    return endpoint_exists(source->adapter, ticket->endpoint) ? REFUSAL_NONE : REFUSAL_NOT_FOUND;
}

/* What is asked, whoever asks it. */
static enum refusal
check_request(struct ticket *ticket, struct slice *path_secret)
{
    const struct ingress_limits *limits = &ticket->generation->config->limits;

    if (!find_source(ticket, path_secret)) {
        return REFUSAL_NOT_FOUND;
    }
    if (!method_listed(ticket->source, ticket->head.method)) {
        return REFUSAL_METHOD;
    }
    if (!encoding_read(&ticket->head)) {
        return REFUSAL_UNSUPPORTED;
    }
    if (ticket->head.content_length > 0 && (uint64_t)ticket->head.content_length > limits->body_bytes) {
        return REFUSAL_TOO_LARGE;
    }
    return REFUSAL_NONE;
}

enum refusal
admission_check(struct ticket *ticket)
{
    struct slice path_secret = {0};
    enum refusal refusal = check_request(ticket, &path_secret);

    if (refusal != REFUSAL_NONE) {
        return refusal;
    }
    refusal = check_sender(ticket, path_secret);
    return arena_failed(ticket->arena) ? REFUSAL_BUSY : refusal;
}

enum refusal
admission_check_request(struct ticket *ticket)
{
    struct slice path_secret = {0};
    enum refusal refusal = check_request(ticket, &path_secret);

    if (refusal != REFUSAL_NONE) {
        return refusal;
    }
    (void)query_check(ticket);
    if (arena_failed(ticket->arena)) {
        return REFUSAL_BUSY;
    }
    return endpoint_exists(ticket->source->adapter, ticket->endpoint) ? REFUSAL_NONE : REFUSAL_NOT_FOUND;
}
