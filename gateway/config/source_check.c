/* What a source must hold to: names that fit where they go, secrets that can be carried, and at least one check. */
#include "config/faults.h"
#include "config/sections.h"

#define NAME_BYTES_MAX    64
#define ACCOUNT_BYTES_MAX 128
#define SECRET_BYTES_MAX  512
#define SECRET_BYTES_GOOD 16

#define LOWER      "abcdefghijklmnopqrstuvwxyz"
#define UPPER      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS     "0123456789"
#define UNRESERVED LOWER UPPER DIGITS "-._~"

/* Every byte of text is one of those in set. */
static bool
consists_of(struct slice text, const char *set)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\0' || strchr(set, text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

/* Printable ASCII without space: what a header field carries unchanged. */
static bool
is_visible(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool
has_control(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void
check_names(struct loader *loader, const struct source_draft *draft)
{
    const struct source *source = &draft->source;
    struct slice name = source->name;

    if (slice_empty(name)) {
        fault_add(loader->faults, draft->node->line, "%sit has no name; set name to its part of the URL",
                  loader->where);
    } else if (name.length > NAME_BYTES_MAX || !consists_of(name, LOWER DIGITS "._-") ||
               !consists_of(slice_make(name.data, 1), LOWER DIGITS)) {
        fault_add(
            loader->faults, option_line(draft->node, "name"),
            "%sa name is part of a URL; use a to z, 0 to 9, \".\", \"_\" and \"-\", at most %d, a letter or digit "
            "first",
            loader->where, NAME_BYTES_MAX);
    }
    for (const struct source_draft *earlier = draft - source->index; earlier < draft && !slice_empty(name); earlier++) {
        if (slice_equal(earlier->source.name, name)) {
            fault_add(loader->faults, option_line(draft->node, "name"),
                      "%sline %u has a source of this name already; give each its own", loader->where,
                      earlier->node->line);
            break;
        }
    }
    if (source->account.length > ACCOUNT_BYTES_MAX || has_control(source->account) ||
        (source->account.length > 0 && memchr(source->account.data, '/', source->account.length) != NULL)) {
        fault_add(loader->faults, option_line(draft->node, "account"),
                  "%san account is a text of at most %d bytes without \"/\" and control characters; rename it",
                  loader->where, ACCOUNT_BYTES_MAX);
    }
}

static void
check_request(struct loader *loader, const struct source_draft *draft)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "GET", "DELETE"};
    const struct source *source = &draft->source;

    for (size_t i = 0; i < source->method_count; i++) {
        bool known = false;

        for (size_t j = 0; j < sizeof methods / sizeof *methods; j++) {
            known = known || slice_is(source->methods[i], methods[j]);
        }
        for (size_t j = 0; j < i; j++) {
            known = known && !slice_equal(source->methods[i], source->methods[j]);
        }
        if (!known) {
            fault_add(loader->faults, option_line(draft->node, "methods"),
                      "%smethods: \"%.*s\" cannot be used; list POST, PUT, PATCH, GET or DELETE, each once",
                      loader->where, QUOTE(source->methods[i]));
        }
    }
    if (!consists_of(source->secret_header, LOWER DIGITS "!#$%&'*+-.^_`|~")) {
        fault_add(loader->faults, option_line(draft->node, "secret_header"),
                  "%ssecret_header is no name of a header field; use letters, digits and \"-\"", loader->where);
    }
}

/* --- secrets --- */

static bool
is_endpoint(const struct adapter *adapter, struct slice text)
{
    for (const char *const *endpoint = adapter->endpoints; *endpoint != NULL; endpoint++) {
        if (slice_is(text, *endpoint)) {
            return true;
        }
    }
    return false;
}

/* Why a secret cannot be carried where the source has it; NULL when it can. Never holds the secret. */
static const char *
secret_fault(const struct source *source, struct slice secret)
{
    if (secret.length > SECRET_BYTES_MAX) {
        return "is longer than 512 bytes; shorten it";
    }
    if ((source->secret_places & SECRET_IN_PATH) != 0) {
        if (!consists_of(secret, UNRESERVED) || slice_is(secret, ".") || slice_is(secret, "..")) {
            return "cannot stand in a path; use only letters, digits, \"-\", \".\", \"_\" and \"~\", or set secret_in "
                   "to header or query";
        }
        if (source->adapter != NULL && is_endpoint(source->adapter, secret)) {
            return "is the name of one of the adapter's endpoints; choose another";
        }
    }
    if ((source->secret_places & SECRET_IN_HEADER) != 0 && !is_visible(secret)) {
        return "cannot stand in a header field; use only visible ASCII characters";
    }
    return NULL;
}

static void
check_secrets(struct loader *loader, const struct source_draft *draft)
{
    const struct source *source = &draft->source;
    const char *key = tree_given(tree_member(draft->node, slice_from("secrets_file"))) ? "secrets_file" : "secrets";
    unsigned line = option_line(draft->node, key);

    for (size_t i = 0; i < source->secret_count; i++) {
        const char *fault = secret_fault(source, source->secrets[i]);

        if (fault != NULL) {
            fault_add(loader->faults, line, "%ssecret %zu %s", loader->where, i + 1, fault);
        } else if (source->secrets[i].length < SECRET_BYTES_GOOD) {
            fault_add(&loader->warnings, line,
                      "%ssecret %zu is shorter than %d characters; `openssl rand -hex 16` makes a good one",
                      loader->where, i + 1, SECRET_BYTES_GOOD);
        }
    }
}

/* --- who vouches for the senders --- */

/* The options that make its vendor's signature verifiable: ", settings.key". */
static struct slice
signing_settings(struct loader *loader, const struct adapter *adapter)
{
    struct slice list = slice_from(adapter->mapped ? ", mapping.signature.keys" : "");

    for (const struct adapter_setting *row = adapter->settings; adapter->signed_with != NULL && row->name != NULL;
         row++) {
        if (row->secret) {
            list = arena_printf(loader->arena, "%.*s, settings.%s", SLICE_ARGS(list), row->name);
        }
    }
    return list;
}

static void
check_vouched(struct loader *loader, const struct source_draft *draft)
{
    const struct source *source = &draft->source;

    /* A file of secrets that could not be read has been told, and so has a signature that is not whole: more would only
     * distract. */
    if (source->adapter == NULL || source->secret_count > 0 || source->allow.count > 0 ||
        source->expectation_count > 0 || source->signed_by_vendor || source->client_certificate ||
        tree_given(tree_member(draft->node, slice_from("secrets_file"))) ||
        tree_given(option_node(draft->node, "mapping.signature"))) {
        return;
    }
    if (source->open) {
        fault_add(&loader->warnings, draft->node->line, "%sit is open: anybody who knows its URL may post events%s",
                  loader->where,
                  source->dedup_window_seconds == 0
                      ? ""
                      : ", and, with dedup_window_seconds, keep the true ones from being published by being first");
    } else {
        fault_add(loader->faults, draft->node->line,
                  "%snothing checks who posts to it; set secrets, allow, expect, client_certificate%.*s, or, to take "
                  "callbacks from "
                  "anybody, open: true",
                  loader->where, SLICE_ARGS(signing_settings(loader, source->adapter)));
    }
}

static void
check_certificate(struct loader *loader, const struct source_draft *draft)
{
    const struct source *source = &draft->source;
    const struct tls_settings *tls = &loader->config->tls;

    if (source->client_certificate && (tls->certificate_file == NULL || tls->client_ca_file == NULL)) {
        fault_add(loader->faults, option_line(draft->node, "client_certificate"),
                  "%sclient_certificate: nobody is asked for one; set gateway.tls.%s, or take this out", loader->where,
                  tls->certificate_file == NULL ? "certificate_file, key_file and client_ca_file" : "client_ca_file");
    }
    if (!source->client_certificate && source->certificate_name_count > 0) {
        fault_add(loader->faults, option_line(draft->node, "certificate_names"),
                  "%scertificate_names mean nothing without client_certificate: true; set it, or take them out",
                  loader->where);
    }
}

void
source_check(struct loader *loader, const struct source_draft *draft)
{
    const struct source *source = &draft->source;

    check_names(loader, draft);
    check_request(loader, draft);
    check_secrets(loader, draft);
    check_certificate(loader, draft);
    check_vouched(loader, draft);
    if (source->adapter != NULL && source->budget_ms > source->adapter->budget_ms) {
        fault_add(&loader->warnings, option_line(draft->node, "budget_ms"),
                  "%sbudget_ms is above %u, so %s may have given up before it is answered", loader->where,
                  source->adapter->budget_ms, source->adapter->title);
    }
}
