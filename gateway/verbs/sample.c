/* Sample callbacks, and the one place that posts them (libcurl). */
#include "verbs/sample.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

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
sample_make(const struct source *source, const struct adapter_kind *kind, struct slice body, struct arena *arena)
{
    struct sample sample = {
        .source = source,
        .endpoint = slice_from(kind->endpoint),
        .format = kind->format,
        .signed_sample.body = slice_empty(body) ? slice_from(kind->sample) : body,
    };
    struct callback callback = {
        .method = SLICE("POST"),
        .endpoint = sample.endpoint,
        .body = sample.signed_sample.body,
        .format = kind->format,
        .account = source->account,
        .zone = source->zone,
        .settings = source->settings,
        .mapping = source->mapping,
        .received_ms = clock_wall_ms(clock_system()),
        .arena = arena,
    };

    if (source->adapter->sign_sample != NULL && source->signed_by_vendor &&
        !source->adapter->sign_sample(&callback, &sample.signed_sample)) {
        sample.signed_sample.body = (struct slice){0};
    }
    return sample;
}

/* Whether the first secret goes there: the first of the source's places, in the order path, query, header. */
static bool
secret_goes(const struct source *source, enum secret_place place)
{
    unsigned first = source->secret_places & -source->secret_places;

    return source->secret_count > 0 && first == (unsigned)place;
}

/* The query with what is signed in it; secret: percent-encoded, or NULL. */
static struct slice
query_make(const struct sample *sample, const char *secret, struct arena *arena)
{
    struct slice query = sample->signed_sample.query;

    if (secret == NULL) {
        return slice_empty(query) ? slice_from("") : arena_printf(arena, "?%.*s", SLICE_ARGS(query));
    }
    return arena_printf(arena, "?%.*s=%s%s%.*s", SLICE_ARGS(sample->source->secret_parameter), secret,
                        slice_empty(query) ? "" : "&", SLICE_ARGS(query));
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

/* NULL when out of memory. */
static struct curl_slist *
fields_make(const struct sample *sample, struct arena *arena)
{
    const struct source *source = sample->source;
    const struct signed_sample *signed_sample = &sample->signed_sample;
    struct curl_slist *fields = NULL;
    bool good = append(&fields, content_type(sample->format)) && append(&fields, "Expect:");

    if (good && secret_goes(source, SECRET_IN_HEADER)) {
        good = append(
            &fields,
            arena_printf(arena, "%.*s: %.*s", SLICE_ARGS(source->secret_header), SLICE_ARGS(source->secrets[0])).data);
    }
    for (size_t i = 0; good && i < signed_sample->field_count; i++) {
        good = append(&fields, arena_printf(arena, "%.*s: %.*s", SLICE_ARGS(signed_sample->fields[i].name),
                                            SLICE_ARGS(signed_sample->fields[i].value))
                                   .data);
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

static CURLcode
post(CURL *curl, const struct sample *sample, const char *url, struct curl_slist *fields, struct reply *reply)
{
    CURLcode code;

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, POST_SECONDS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sample->signed_sample.body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sample->signed_sample.body.length);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    code = curl_easy_perform(curl);
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
    CURLcode code = CURLE_OUT_OF_MEMORY;

    *reply = (struct reply){0};
    if (!slice_empty(url) && fields != NULL && curl != NULL) {
        code = post(curl, sample, url.data, fields, reply);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(fields);
    if (code == CURLE_OK) {
        return true;
    }
    return error_set(error, "no answer from %s: %s", base_url, curl_easy_strerror(code));
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
