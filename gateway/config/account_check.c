/* What an account must hold to: a name that fits into keys, a URL without secrets, whole credentials, and an account
 * at the vendor that no other one spends. */
#include <stdlib.h>

#include "config/faults.h"
#include "config/sections.h"

#define NAME_BYTES_MAX 128
#define PORT_DIGITS    5
#define PORT_MAX       65535

int
names_compare(struct slice a, struct slice b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static void
check_name(struct loader *loader, const struct account_draft *draft)
{
    struct slice name = draft->account.name;
    bool fits = name.length <= NAME_BYTES_MAX;

    for (size_t i = 0; i < name.length; i++) {
        fits = fits && (unsigned char)name.data[i] >= ' ' && name.data[i] != 0x7f && name.data[i] != '/';
    }
    if (slice_empty(name)) {
        fault_add(loader->faults, draft->node->line, "%sit has no name; set name to what commands shall call it",
                  loader->where);
    } else if (!fits) {
        fault_add(loader->faults, option_line(draft->node, "name"),
                  "%sa name is a text of at most %d bytes without \"/\" and control characters; rename it",
                  loader->where, NAME_BYTES_MAX);
    }
}

/* --- the URL --- */

/* Cuts what text begins with off it. */
static bool
take(struct slice *text, const char *start)
{
    size_t length = strlen(start);

    if (text->length < length || memcmp(text->data, start, length) != 0) {
        return false;
    }
    *text = slice_make(text->data + length, text->length - length);
    return true;
}

static bool
port_valid(struct slice port)
{
    unsigned number = 0;

    for (size_t i = 0; i < port.length && i < PORT_DIGITS; i++) {
        if (port.data[i] < '0' || port.data[i] > '9') {
            return false;
        }
        number = number * 10 + (unsigned)(port.data[i] - '0');
    }
    return port.length <= PORT_DIGITS && number >= 1 && number <= PORT_MAX;
}

/* A name, an IPv4 address, or an IPv6 address within brackets. */
static bool
host_valid(struct slice host)
{
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    struct address address;

    if (host.length > 2 && host.data[0] == '[') {
        return host.data[host.length - 1] == ']' &&
               address_parse(slice_make(host.data + 1, host.length - 2), &address) &&
               memchr(host.data, ':', host.length) != NULL;
    }
    for (size_t i = 0; i < host.length; i++) {
        if (host.data[i] == '\0' || strchr(bytes, host.data[i]) == NULL) {
            return false;
        }
    }
    return host.length > 0 && host.length <= 253;
}

static bool
url_valid(struct slice url, bool *plain)
{
    *plain = take(&url, "http://");
    if (!*plain && !take(&url, "https://")) {
        return false;
    }
    const char *bracket = memrchr(url.data, ']', url.length);
    const char *host_end = bracket == NULL ? url.data : bracket;
    const char *colon = memchr(host_end, ':', (size_t)(url.data + url.length - host_end));

    if (colon == NULL) {
        return host_valid(url);
    }
    size_t length = (size_t)(colon - url.data);
    return host_valid(slice_make(url.data, length)) && port_valid(slice_make(colon + 1, url.length - length - 1));
}

/* What is plain there is read by nobody on the way. */
static bool
is_this_machine(struct slice url)
{
    static const char *const heads[] = {"http://127.", "http://localhost", "http://[::1]"};

    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        if (url.length > strlen(heads[i]) && memcmp(url.data, heads[i], strlen(heads[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A URL may hold a password where somebody put it: it is never told. */
static void
check_url(struct loader *loader, const struct account_draft *draft)
{
    unsigned line = option_line(draft->node, "url");
    bool plain = false;

    if (draft->account.adapter == NULL && slice_empty(draft->account.base_url)) {
        return;
    }
    if (!url_valid(draft->account.base_url, &plain)) {
        fault_add(loader->faults, line,
                  "%surl: this is not scheme://host[:port]; write it like https://api.example.com, with http or https, "
                  "and without path, user and query",
                  loader->where);
    } else if (plain && !draft->left_out && !is_this_machine(draft->account.base_url)) {
        fault_add(&loader->warnings, line,
                  "%surl is plain http, so anybody on the way can read the numbers that are called; set an https URL "
                  "if the vendor has one",
                  loader->where);
    }
}

/* --- credentials --- */

/* All secret settings, and the one that tells the account at the vendor. */
static bool
is_credential(const struct call_side *calls, size_t index)
{
    return calls->account_settings[index].secret || index == calls->identity_setting;
}

/* Whether it is there, or was to come out of a file that could not be read, which has been told. */
static bool
credential_given(struct loader *loader, const struct account_draft *draft, size_t index)
{
    const struct adapter_setting *row = &draft->account.adapter->calls->account_settings[index];
    const struct node *settings = tree_member(draft->node, (struct slice)SLICE("settings"));

    return !slice_empty(draft->account.settings[index]) ||
           (row->secret && tree_given(settings) &&
            tree_given(tree_member(settings, arena_printf(loader->arena, "%s_file", row->name))));
}

/* Some are header fields of every request, which a line break would end. */
static void
check_settings(struct loader *loader, const struct account_draft *draft)
{
    const struct adapter_setting *rows = draft->account.adapter->calls->account_settings;

    for (size_t i = 0; rows[i].name != NULL; i++) {
        struct slice text = draft->account.settings[i];
        bool control = false;

        for (size_t j = 0; j < text.length; j++) {
            control = control || (unsigned char)text.data[j] < ' ' || text.data[j] == 0x7f;
        }
        if (control) {
            fault_add(loader->faults, option_line(draft->node, "settings"),
                      "%ssettings.%s holds a line break or another control character; take it out", loader->where,
                      rows[i].name);
        }
    }
}

static void
check_credentials(struct loader *loader, struct account_draft *draft)
{
    const struct call_side *calls = draft->account.adapter->calls;
    struct slice missing = {NULL, 0};
    size_t given = 0;

    for (size_t i = 0; calls->account_settings[i].name != NULL; i++) {
        if (!is_credential(calls, i)) {
            continue;
        }
        if (credential_given(loader, draft, i)) {
            given++;
        } else {
            missing = arena_printf(loader->arena, "%.*s%ssettings.%s", SLICE_ARGS(missing),
                                   slice_empty(missing) ? "" : ", ", calls->account_settings[i].name);
        }
    }
    draft->left_out = given == 0;
    if (given > 0 && !slice_empty(missing)) {
        const struct node *settings = tree_member(draft->node, (struct slice)SLICE("settings"));

        fault_add(loader->faults, settings == NULL ? draft->node->line : settings->line,
                  "%sits credentials are not whole: set %.*s, too, or none of them to leave the account out",
                  loader->where, SLICE_ARGS(missing));
    }
}

static void
check_times(struct loader *loader, const struct account_draft *draft)
{
    if (draft->connect_seconds > draft->timeout_seconds) {
        fault_add(loader->faults, option_line(draft->node, "connect_seconds"),
                  "%sconnect_seconds: %u is more than timeout_seconds, %u; lower it", loader->where,
                  draft->connect_seconds, draft->timeout_seconds);
    }
    if (draft->answer_seconds > draft->timeout_seconds) {
        fault_add(loader->faults, option_line(draft->node, "answer_seconds"),
                  "%sanswer_seconds: %u is more than timeout_seconds, %u; lower it", loader->where,
                  draft->answer_seconds, draft->timeout_seconds);
    }
}

static void
check_limit(struct loader *loader, const struct account_draft *draft)
{
    const struct call_limits *limits = &draft->account.limits;
    const struct call_limits *usual = &draft->account.adapter->calls->limits;

    if (limits->requests == 0 && usual->requests != 0) {
        fault_add(&loader->warnings, option_line(draft->node, "limit.requests"),
                  "%slimit.requests: 0 is no limit, but %s usually takes %u requests in %u s and refuses what is above",
                  loader->where, draft->account.adapter->title, usual->requests, usual->window_seconds);
    }
}

void
account_check(struct loader *loader, struct account_draft *draft)
{
    check_name(loader, draft);
    check_times(loader, draft);
    if (draft->account.adapter != NULL && draft->account.settings != NULL) {
        check_settings(loader, draft);
        check_credentials(loader, draft);
        check_limit(loader, draft);
    }
    check_url(loader, draft);
}

/* --- across accounts --- */

static int
compare_place(const struct account_draft *a, const struct account_draft *b)
{
    unsigned file_a = a->file == NULL ? 0 : a->file->order;
    unsigned file_b = b->file == NULL ? 0 : b->file->order;

    if (file_a != file_b) {
        return file_a < file_b ? -1 : 1;
    }
    return (a->node->line > b->node->line) - (a->node->line < b->node->line);
}

static int
compare_names(const void *left, const void *right)
{
    const struct account_draft *a = left;
    const struct account_draft *b = right;
    int order = names_compare(a->account.name, b->account.name);

    return order != 0 ? order : compare_place(a, b);
}

/* Of an account at its vendor, to be compared with others'. */
struct claim {
    const struct account_draft *draft;
};

static struct slice
identity(const struct account_draft *draft)
{
    return draft->account.settings[draft->account.adapter->calls->identity_setting];
}

static int
compare_identities(const void *left, const void *right)
{
    const struct account_draft *a = ((const struct claim *)left)->draft;
    const struct account_draft *b = ((const struct claim *)right)->draft;
    int order = strcmp(a->account.adapter->name, b->account.adapter->name);

    order = order != 0 ? order : names_compare(identity(a), identity(b));
    return order != 0 ? order : compare_place(a, b);
}

/* "line 7", or "line 7 of accounts.d/x.yaml" when that is another file than draft's. */
static struct slice
place(struct loader *loader, const struct account_draft *other, const struct account_draft *draft)
{
    const char *path = other->file == NULL ? loader->config->path : other->file->path;

    if (other->file == draft->file) {
        return arena_printf(loader->arena, "line %u", other->node->line);
    }
    return arena_printf(loader->arena, "line %u of %.200s", other->node->line, path);
}

static void
check_same_names(struct loader *loader, struct account_drafts accounts)
{
    for (size_t i = 1; i < accounts.count; i++) {
        const struct account_draft *draft = &accounts.drafts[i];
        const struct account_draft *earlier = draft - 1;

        if (!slice_empty(draft->account.name) && slice_equal(earlier->account.name, draft->account.name)) {
            loader_file(loader, draft->file);
            fault_add(loader->faults, option_line(draft->node, "name"),
                      "%s%.*s has an account of this name already; give each its own", draft->where,
                      SLICE_ARGS(place(loader, earlier, draft)));
        }
    }
}

/* Whether it is one at its vendor that can be compared with others. */
static bool
has_identity(const struct account_draft *draft)
{
    return draft->account.adapter != NULL && draft->account.settings != NULL && !draft->left_out &&
           !slice_empty(identity(draft));
}

static void
check_same_identities(struct loader *loader, struct account_drafts accounts)
{
    struct claim *claims = arena_zalloc(loader->arena, accounts.count + 1, sizeof *claims);
    size_t count = 0;

    for (size_t i = 0; claims != NULL && i < accounts.count; i++) {
        if (has_identity(&accounts.drafts[i])) {
            claims[count++].draft = &accounts.drafts[i];
        }
    }
    if (count > 1) {
        qsort(claims, count, sizeof *claims, compare_identities);
    }
    for (size_t i = 1; i < count; i++) {
        const struct account_draft *draft = claims[i].draft;
        const struct account_draft *earlier = claims[i - 1].draft;
        const struct call_side *calls = draft->account.adapter->calls;

        if (draft->account.adapter == earlier->account.adapter && slice_equal(identity(draft), identity(earlier))) {
            loader_file(loader, draft->file);
            fault_add(loader->faults, draft->node->line,
                      "%sits settings.%s is that of the account in %.*s: each would spend the whole limit of what is "
                      "one account at the vendor; keep one of them",
                      draft->where, calls->account_settings[calls->identity_setting].name,
                      SLICE_ARGS(place(loader, earlier, draft)));
        }
    }
}

void
accounts_check(struct loader *loader, struct account_drafts accounts)
{
    if (accounts.count > 1) {
        qsort(accounts.drafts, accounts.count, sizeof *accounts.drafts, compare_names);
    }
    check_same_names(loader, accounts);
    check_same_identities(loader, accounts);
    loader_file(loader, NULL);
}
