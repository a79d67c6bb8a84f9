/* The reference of all options, out of the same tables that read them. */
#include "config/mapping_draft.h"
#include "config/table.h"

#define TABLES_DEPTH_MAX 4
#define HEADING_BYTES    128

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "One YAML file; `deploy/trunkline.yaml` is a commented sample. `trunkline check --config FILE` tells everything "
    "that\n"
    "is wrong with one, each with its line and what to do, how each source is protected, and within which limits each\n"
    "account is used. This page is what `trunkline check --options` prints.\n"
    "\n"
    "- `${NAME}` in a value is replaced by the environment variable NAME, which must be set; `${NAME:-default}` may "
    "be\n"
    "  missing or empty; `$${` is a plain `${`. That happens after the YAML was read, so a variable's value is never "
    "YAML.\n"
    "- An empty value counts as not configured: the default holds, and an element of a list is left out.\n"
    "- Where a list is wanted, one value will do.\n"
    "- Every secret may come out of a file instead: `<key>_file` names it, and one newline at its end is not part of "
    "the\n"
    "  secret.\n"
    "- Unknown and doubled keys are errors. Aliases, anchors and tags of YAML are not taken.\n"
    "\n";

/* A text in a table's cell. */
static void
print_cell(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') {
            fputc('\\', stream);
        }
        fputc(*text, stream);
    }
}

static const char *
describe_kind(const struct config_option *row)
{
    switch (row->kind) {
    case OPTION_STRING:
    case OPTION_TEXT:
        return "text";
    case OPTION_SWITCH:
        return "true, false";
    case OPTION_INTEGER:
    case OPTION_COUNT:
    case OPTION_SIZE:
        return "number";
    case OPTION_WORD:
        return "one of ";
    case OPTION_WORDS:
        return "list of ";
    case OPTION_TEXTS:
        return "list of texts";
    case OPTION_SECRETS:
        return "list of secrets";
    case OPTION_NETWORKS:
        return "list of networks";
    case OPTION_ITEMS:
        return "list";
    case OPTION_MAPPING:
    case OPTION_SECTION:
        return "mapping";
    }
    return "";
}

static void
print_row(const struct config_option *row, FILE *stream)
{
    fprintf(stream, "| `%s` | %s", row->path, describe_kind(row));
    for (size_t i = 0; row->words != NULL && row->words[i] != NULL; i++) {
        fprintf(stream, "%s%s", i == 0 ? "" : ", ", row->words[i]);
    }
    if (row->high != 0) {
        fprintf(stream, ", %lld to %lld", (long long)row->low, (long long)row->high);
    }
    if (row->fallback == NULL || row->fallback[0] == '\0') {
        fputs(" | | ", stream);
    } else {
        fprintf(stream, " | `%s` | ", row->fallback);
    }
    print_cell(row->help, stream);
    fputs(" |\n", stream);
}

static void
print_table(const char *heading, const struct config_option *table, FILE *stream)
{
    fprintf(stream, "## %s\n\n| option | value | default | meaning |\n|---|---|---|---|\n", heading);
    for (; table->path != NULL; table++) {
        print_row(table, stream);
    }
    fputc('\n', stream);
}

static void
print_settings(const struct adapter_setting *row, FILE *stream)
{
    fputs("\n| setting | default | meaning |\n|---|---|---|\n", stream);
    for (; row->name != NULL; row++) {
        fprintf(stream, "| `%s` | %s%s%s | %s", row->name, row->fallback == NULL ? "" : "`",
                row->fallback == NULL ? "" : row->fallback, row->fallback == NULL ? "" : "`",
                row->secret ? "secret, also as `_file`: " : "");
        print_cell(row->help, stream);
        fputs(" |\n", stream);
    }
}

static void
print_limits(const struct call_limits *limits, FILE *stream)
{
    if (limits->requests == 0) {
        fputs("Requests are not limited", stream);
    } else {
        fprintf(stream, "Default limit %u requests in %u s, stragglers %u s", limits->requests, limits->window_seconds,
                limits->straggler_seconds);
    }
    if (limits->concurrency != 0) {
        fprintf(stream, "; %u at the same time", limits->concurrency);
    }
    fputs(".\n", stream);
}

static void
print_calls(const struct call_side *calls, FILE *stream)
{
    fprintf(stream, "\nAs an account: default URL `%s`. ", calls->base_url);
    print_limits(&calls->limits, stream);
    fputs("Its account settings:\n", stream);
    print_settings(calls->account_settings, stream);
}

static void
print_adapter(const struct adapter *adapter, FILE *stream)
{
    fprintf(stream, "\n### %s\n\n%s. Default budget %u ms.", adapter->name, adapter->title, adapter->budget_ms);
    if (adapter->endpoints[0] != NULL) {
        fputs(" Endpoints:", stream);
    }
    for (size_t i = 0; adapter->endpoints[i] != NULL; i++) {
        fprintf(stream, "%s `/%s`", i == 0 ? "" : ",", adapter->endpoints[i]);
    }
    fprintf(stream, "%s\n", adapter->endpoints[0] == NULL ? "" : ".");
    if (adapter->settings[0].name != NULL) {
        print_settings(adapter->settings, stream);
    }
    if (adapter->calls != NULL) {
        print_calls(adapter->calls, stream);
    }
}

/* What a mapping's fields can fill in our own events. */
static void
print_targets(FILE *stream)
{
    fputs("What can stand below `fields` where the type is one of ours:\n\n| member | form |\n|---|---|\n", stream);
    for (const struct generic_field *row = generic_fields; row->target != NULL; row++) {
        fprintf(stream, "| `%s` | %s", row->target, row->words == NULL ? field_forms[row->form] : "one of ");
        for (size_t i = 1; row->words != NULL && row->words[i] != NULL; i++) {
            fprintf(stream, "%s%s", i == 1 ? "" : ", ", row->words[i]);
        }
        fputs(" |\n", stream);
    }
    fputc('\n', stream);
}

/* A table, and those of the lists and mappings in it. */
static void
print_items(const char *heading, const struct config_option *table, unsigned depth, FILE *stream)
{
    print_table(heading, table, stream);
    if (table == mapping_table) {
        fputs(mapping_syntax, stream);
    }
    if (table == field_table) {
        print_targets(stream);
    }
    for (; table->path != NULL && depth < TABLES_DEPTH_MAX; table++) {
        if (table->items != NULL) {
            char inner[HEADING_BYTES];

            snprintf(inner, sizeof inner, "%s%s%s", heading, depth == 0 ? ": " : ".", table->path);
            print_items(inner, table->items, depth + 1, stream);
        }
    }
}

void
config_print_options(FILE *stream)
{
    fputs(introduction, stream);
    fputs("A dot in an option's name is a level of the file: `gateway.port` is `port` below `gateway`.\n\n", stream);
    print_table("Options", config_table, stream);
    for (const struct config_option *row = config_table; row->path != NULL; row++) {
        if (row->kind == OPTION_ITEMS) {
            print_items(row->path, row->items, 0, stream);
        }
    }
    fputs("## Adapters\n\nWhat may stand below the `settings` of a source and, where the vendor is called, of an "
          "account.\n",
          stream);
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        print_adapter(*adapter, stream);
    }
}
