/* Sample callbacks, and the one place that posts them (libcurl). */
#include "verbs/sample.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>

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
        .body = slice_empty(body) ? slice_from(kind->sample) : body,
    };

    if (source->adapter->sign_sample != NULL && source->signed_by_vendor) {
        sample.body = source->adapter->sign_sample(source->settings, sample.body, arena);
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

static struct slice
url_make(const struct sample *sample, const char *base_url, struct arena *arena)
{
    const struct source *source = sample->source;
    bool in_path = secret_goes(source, SECRET_IN_PATH);
    struct slice url =
        arena_printf(arena, "%s/callbacks/%.*s%s%.*s%s%.*s", base_url, SLICE_ARGS(source->name), in_path ? "/" : "",
                     in_path ? (int)source->secrets[0].length : 0, in_path ? source->secrets[0].data : "",
                     slice_empty(sample->endpoint) ? "" : "/", SLICE_ARGS(sample->endpoint));
    char *escaped;

    if (!secret_goes(source, SECRET_IN_QUERY)) {
        return url;
    }
    escaped = curl_easy_escape(NULL, source->secrets[0].data, (int)source->secrets[0].length);
    url = arena_printf(arena, "%.*s?%.*s=%s", SLICE_ARGS(url), SLICE_ARGS(source->secret_parameter),
                       escaped == NULL ? "" : escaped);
    curl_free(escaped);
    return url;
}

static struct curl_slist *
fields_make(const struct sample *sample, struct arena *arena)
{
    const struct source *source = sample->source;
    struct curl_slist *fields = curl_slist_append(NULL, sample->format == BODY_XML ? "Content-Type: application/xml"
                                                                                   : "Content-Type: application/json");
    struct curl_slist *longer = fields == NULL ? NULL : curl_slist_append(fields, "Expect:");
    struct slice secret;

    if (longer != NULL && secret_goes(source, SECRET_IN_HEADER)) {
        secret = arena_printf(arena, "%.*s: %.*s", SLICE_ARGS(source->secret_header), SLICE_ARGS(source->secrets[0]));
        longer = slice_empty(secret) ? NULL : curl_slist_append(fields, secret.data);
    }
    if (longer == NULL) {
        curl_slist_free_all(fields);
    }
    return longer;
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
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, sample->body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)sample->body.length);
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
