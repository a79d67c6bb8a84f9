/* Sample callbacks, and the one place that posts them (libcurl). */
#include "verbs/sample.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

#include "adapters/message.h"
#include "base/clock.h"

#define POST_SECONDS 10L
#define INPUT_BYTES  ((size_t)16 * 1024 * 1024)

const struct adapter_kind *
sample_kind(const struct source *source, const char *name)
{
    for (const struct adapter_kind *kind = source->adapter->kinds; kind->name != NULL; kind++) {
        if (name == NULL || strcmp(kind->name, name) == 0) {
            return kind;
        }
    }
    return NULL;
}

struct sample
sample_of_kind(const struct source *source, const struct adapter_kind *kind)
{
    static const struct request posted = REQUEST_DEFAULT;

    return (struct sample){
        .source = source,
        .request = &posted,
        .endpoint = slice_from(kind->endpoint),
        .format = kind->format,
        .signed_sample.body = slice_from(kind->sample),
    };
}

enum body_format
sample_format(struct slice body)
{
    struct slice text = body_text(body);
    char first = slice_empty(text) ? '\0' : text.data[0];

    return first == '<' ? BODY_XML : first == '{' || first == '[' ? BODY_JSON : BODY_FORM;
}

bool
sample_sign(struct sample *sample, int64_t at_ms, struct arena *arena)
{
    const struct source *source = sample->source;
    struct callback callback = {
        .method = sample->request->method,
        .endpoint = sample->endpoint,
        .query = sample->request->query,
        .fields = sample->request->fields,
        .field_count = sample->request->field_count,
        .body = sample->signed_sample.body,
        .format = sample->format,
        .account = source->account,
        .zone = source->zone,
        .settings = source->settings,
        .mapping = source->mapping,
        .received_ms = at_ms,
        .arena = arena,
    };

    return source->adapter->sign_sample == NULL || !source->signed_by_vendor ||
           source->adapter->sign_sample(&callback, &sample->signed_sample);
}

/* Whether the first secret goes there: the first of the source's places, in the order path, query, header. */
static bool
secret_goes(const struct source *source, enum secret_place place)
{
    unsigned first = source->secret_places & -source->secret_places;

    return source->secret_count > 0 && first == (unsigned)place;
}

/* The query: secret (percent-encoded, or NULL), and the request's own, or what signing has made of that. */
static struct slice
query_make(const struct sample *sample, const char *secret, struct arena *arena)
{
    struct slice signed_query = sample->signed_sample.query;
    struct slice own = slice_empty(signed_query) ? sample->request->query : signed_query;
    struct slice query = slice_from("");

    if (secret != NULL) {
        query = arena_printf(arena, "?%.*s=%s", SLICE_ARGS(sample->source->secret_parameter), secret);
    }
    if (!slice_empty(own)) {
        query = arena_printf(arena, "%.*s%c%.*s", SLICE_ARGS(query), slice_empty(query) ? '?' : '&', SLICE_ARGS(own));
    }
    return query;
}

static struct slice
url_make(const struct sample *sample, const char *base_url, struct arena *arena)
{
    const struct source *source = sample->source;
    bool in_path = secret_goes(source, SECRET_IN_PATH);
    char *escaped = NULL;
    struct slice query;

    if (secret_goes(source, SECRET_IN_QUERY)) {
        escaped = curl_easy_escape(NULL, source->secrets[0].data, (int)source->secrets[0].length);
    }
    query = query_make(sample, escaped, arena);
    curl_free(escaped);
    return arena_printf(arena, "%s/callbacks/%.*s%s%.*s%s%.*s%.*s", base_url, SLICE_ARGS(source->name),
                        in_path ? "/" : "", in_path ? (int)source->secrets[0].length : 0,
                        in_path ? source->secrets[0].data : "", slice_empty(sample->endpoint) ? "" : "/",
                        SLICE_ARGS(sample->endpoint), SLICE_ARGS(query));
}

static const char *
content_type(enum body_format format)
{
    switch (format) {
    case BODY_JSON:
        break;
    case BODY_XML:
        return "Content-Type: application/xml";
    case BODY_FORM:
        return "Content-Type: application/x-www-form-urlencoded";
    }
    return "Content-Type: application/json";
}

/* Appends it; false when out of memory: then the list is gone. */
static bool
append(struct curl_slist **fields, const char *line)
{
    struct curl_slist *longer = line == NULL ? NULL : curl_slist_append(*fields, line);

    if (longer == NULL) {
        curl_slist_free_all(*fields);
    }
    *fields = longer;
    return longer != NULL;
}

static bool
append_field(struct curl_slist **fields, struct record_header field, struct arena *arena)
{
    const char *value = slice_empty(field.value) ? ";" : ": "; /* libcurl's way to write a field without a value */

    return append(fields,
                  arena_printf(arena, "%.*s%s%.*s", SLICE_ARGS(field.name), value, SLICE_ARGS(field.value)).data);
}

/* A field that the request has by itself stands as it is there, also where another would have been signed: so one sees
 * what becomes of a wrong signature. NULL when out of memory. */
static struct curl_slist *
fields_make(const struct sample *sample, struct arena *arena)
{
    const struct source *source = sample->source;
    const struct signed_sample *signed_sample = &sample->signed_sample;
    const struct request *request = sample->request;
    struct record_header secret = {source->secret_header, source->secret_count > 0 ? source->secrets[0] : source->name};
    struct curl_slist *fields = NULL;
    bool good = append(&fields, "Expect:");

    if (good && request_has_body(request) && !request_has_field(request, slice_from("content-type"))) {
        good = append(&fields, content_type(sample->format));
    }
    if (good && secret_goes(source, SECRET_IN_HEADER) && !request_has_field(request, secret.name)) {
        good = append_field(&fields, secret, arena);
    }
    for (size_t i = 0; good && i < request->field_count; i++) {
        good = append_field(&fields, request->fields[i], arena);
    }
    for (size_t i = 0; good && i < signed_sample->field_count; i++) {
        good = request_has_field(request, signed_sample->fields[i].name) ||
               append_field(&fields, signed_sample->fields[i], arena);
    }
    return fields;
}

static size_t
on_bytes(char *bytes, size_t size, size_t count, void *argument)
{
    struct reply *reply = argument;
    size_t room = sizeof(reply->body) - reply->length;
    size_t taken = size * count < room ? size * count : room;

    memcpy(reply->body + reply->length, bytes, taken);
    reply->length += taken;
    return size * count;
}

/* NULL leaves an option as it is. */
static CURLcode
set_files(CURL *curl, const struct sample *sample)
{
    CURLcode code = sample->ca_file == NULL ? CURLE_OK : curl_easy_setopt(curl, CURLOPT_CAINFO, sample->ca_file);

    if (code == CURLE_OK && sample->certificate_file != NULL) {
        code = curl_easy_setopt(curl, CURLOPT_SSLCERT, sample->certificate_file);
    }
    if (code == CURLE_OK && sample->key_file != NULL) {
        code = curl_easy_setopt(curl, CURLOPT_SSLKEY, sample->key_file);
    }
    return code;
}

static CURLcode
post(CURL *curl, const struct sample *sample, const char *url, struct curl_slist *fields, struct reply *reply)
{
    struct slice body = sample->signed_sample.body;
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, POST_SECONDS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    if (request_has_body(sample->request)) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, slice_empty(body) ? "" : body.data);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    }
    if (slice_is(sample->request->method, "HEAD")) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, sample->request->method.data);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    code = set_files(curl, sample);
    if (code == CURLE_OK) {
        code = curl_easy_perform(curl);
    }
    if (code == CURLE_OK) {
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
    }
    return code;
}

bool
sample_post(const struct sample *sample, const char *base_url, struct arena *arena, struct reply *reply,
            struct error *error)
{
    struct slice url = url_make(sample, base_url, arena);
    struct curl_slist *fields = fields_make(sample, arena);
    CURL *curl = curl_easy_init();
    char detail[CURL_ERROR_SIZE] = "";
    CURLcode code = CURLE_OUT_OF_MEMORY;

    *reply = (struct reply){0};
    if (!slice_empty(url) && fields != NULL && curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
        code = post(curl, sample, url.data, fields, reply);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(fields);
    if (code == CURLE_OK) {
        return true;
    }
    return error_set(error, "no answer from %s: %s%s", base_url, detail[0] == '\0' ? curl_easy_strerror(code) : detail,
                     code == CURLE_PEER_FAILED_VERIFICATION
                         ? "; --ca-file names who has signed the gateway's certificate, --url a name that it bears"
                         : "");
}

static bool
stream_read(FILE *stream, const char *path, struct arena *arena, struct slice *bytes, struct error *error)
{
    size_t length = 0;
    size_t capacity = (size_t)64 * 1024;
    char *data = NULL;

    while (!feof(stream) && !ferror(stream)) {
        char *larger = arena_alloc(arena, capacity);

        if (larger == NULL || capacity > INPUT_BYTES) {
            return error_set(error, "%s is larger than %zu bytes", path, INPUT_BYTES);
        }
        if (length > 0) {
            memcpy(larger, data, length);
        }
        data = larger;
        length += fread(data + length, 1, capacity - length, stream);
        capacity *= 2;
    }
    if (ferror(stream)) {
        return error_set(error, "cannot read %s: %s", path, strerror(errno));
    }
    *bytes = slice_make(data, length);
    return true;
}

bool
sample_read(const char *path, struct arena *arena, struct slice *bytes, struct error *error)
{
    bool standard_input = strcmp(path, "-") == 0;
    FILE *stream = standard_input ? stdin : fopen(path, "rbe");
    bool read;

    if (stream == NULL) {
        return error_set(error, "cannot open %s: %s", path, strerror(errno));
    }
    read = stream_read(stream, path, arena, bytes, error);
    if (!standard_input) {
        (void)fclose(stream);
    }
    return read;
}
