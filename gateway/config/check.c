/* What options of different sections must be to each other, and what a row of the table cannot say. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/faults.h"
#include "config/sections.h"

#define TOPIC_NAME_BYTES_MAX 249
#define INSTANCE_BYTES_MAX   64
#define GROUP_BYTES_MAX      200     /* a transactional id is it and a partition's number */
#define MESSAGE_MAX_DEFAULT  1000000 /* librdkafka's message.max.bytes */
#define LAST_TOPIC_OF_EVENTS TOPIC_UNMAPPED
#define IPV4_PREFIX_BITS     96 /* what every IPv4 address has in common */

static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

bool
topic_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '\0' || strchr(name_bytes, name.data[i]) == NULL) {
            return false;
        }
    }
    return name.length > 0 && name.length <= TOPIC_NAME_BYTES_MAX && !slice_is(name, ".") && !slice_is(name, "..");
}

static void
check_instance(struct loader *loader, const struct node *root)
{
    const char *name = loader->config->instance;
    size_t length = strspn(name, name_bytes);

    if (length == 0 || length > INSTANCE_BYTES_MAX || name[length] != '\0' || name[0] == '.' ||
        strstr(name, "..") != NULL) {
        fault_add(loader->faults, option_line(root, "instance"),
                  "instance: \"%.*s\" is no name of a directory; set it to letters, digits, \".\", \"_\" and \"-\", "
                  "at most %d, no \".\" first",
                  QUOTE(slice_from(name)), INSTANCE_BYTES_MAX);
    }
}

static void
check_address(struct loader *loader, const struct node *root, const char *path, struct slice text)
{
    struct address address;

    if (!address_parse(text, &address)) {
        fault_add(loader->faults, option_line(root, path),
                  "%s: \"%.*s\" is no address; write one like 127.0.0.1, 0.0.0.0 or ::", path, QUOTE(text));
    }
}

static void
check_listeners(struct loader *loader, const struct node *root)
{
    const struct config *config = loader->config;

    check_address(loader, root, "gateway.address", config->address);
    check_address(loader, root, "management.address", config->management_address);
    if (config->port != 0 && config->port == config->management_port) {
        fault_add(loader->faults, option_line(root, "management.port"),
                  "management.port: %u is gateway.port already; give it another", config->port);
    }
}

/* --- sizes --- */

static int64_t
message_max_bytes(const struct kafka_settings *kafka)
{
    for (size_t i = 0; i < kafka->count; i++) {
        if (strcmp(kafka->properties[i].name, "message.max.bytes") == 0) {
            return strtoll(kafka->properties[i].value, NULL, 10);
        }
    }
    return MESSAGE_MAX_DEFAULT;
}

/* Below that the gateway is ready and refuses callbacks all the same, some of them or all. */
static void
check_spool(struct loader *loader, const struct node *root)
{
    const struct spool_settings *spool = &loader->config->spool;
    uint64_t share = (uint64_t)spool->max_bytes / 100 * spool->source_share_percent;
    int64_t largest = config_message_bytes(loader->config);

    if (spool->max_bytes > 0 && share < (uint64_t)largest) {
        fault_add(&loader->warnings, option_line(root, "spool.max_bytes"),
                  "spool.max_bytes: one source may take %llu bytes of it, and a single callback of "
                  "gateway.limits.body_bytes needs up to %lld: those that find no room are answered 503; raise it, or "
                  "spool.source_share_percent",
                  (unsigned long long)share, (long long)largest);
    }
}

static void
check_sizes(struct loader *loader, const struct node *root)
{
    const struct ingress_limits *limits = &loader->config->limits;
    int64_t message = config_message_bytes(loader->config);
    int64_t most = message_max_bytes(&loader->config->kafka);

    if (message > most) {
        fault_add(loader->faults, option_line(root, "gateway.limits.body_bytes"),
                  "gateway.limits.body_bytes: twice %zu and 65536 are more than kafka's message.max.bytes, %lld; lower "
                  "it, or raise message.max.bytes (and the topics' max.message.bytes) to %lld",
                  limits->body_bytes, (long long)most, (long long)message);
    }
    if (limits->buffered_bytes / loader->config->workers < limits->body_bytes) {
        fault_add(loader->faults, option_line(root, "gateway.limits.buffered_bytes"),
                  "gateway.limits.buffered_bytes: a worker's share of it, %zu, holds no body of %zu; raise it",
                  limits->buffered_bytes / loader->config->workers, limits->body_bytes);
    }
    check_spool(loader, root);
}

/* --- topics --- */

/* Topics of events may be one and the same; all others have readers or policies of their own. */
static void
check_topics(struct loader *loader, const struct node *root)
{
    const struct slice *topics = loader->config->topics;

    if (loader->config->topics_replication == 0) {
        fault_add(loader->faults, option_line(root, "topics.replication"),
                  "topics.replication: \"0\" is neither -1 nor a number from 1; write one");
    }
    for (int role = 0; role < TOPIC_ROLE_COUNT; role++) {
        const char *path = topic_option((enum topic_role)role);

        if (!topic_name_valid(topics[role])) {
            fault_add(loader->faults, option_line(root, path),
                      "%s: \"%.*s\" is no topic's name; use letters, digits, \".\", \"_\" and \"-\", at most %d", path,
                      QUOTE(topics[role]), TOPIC_NAME_BYTES_MAX);
        }
        for (int other = 0; other < role && role > LAST_TOPIC_OF_EVENTS; other++) {
            if (slice_equal(topics[role], topics[other])) {
                fault_add(loader->faults, option_line(root, path),
                          "%s: \"%.*s\" is %s already; only topics of events may be one and the same", path,
                          QUOTE(topics[role]), topic_option((enum topic_role)other));
            }
        }
    }
}

/* --- calls out --- */

static void
check_window(struct loader *loader, const struct node *root, const char *path, unsigned seconds, enum topic_role role)
{
    int64_t retention = topic_retention_seconds(role);

    if (seconds >= retention) {
        fault_add(loader->faults, option_line(root, path),
                  "%s: %u s are not less than %lld s, for which %s keeps its records; lower it", path, seconds,
                  (long long)retention, topic_option(role));
    }
}

/* The commands topic must still hold what waits, and the journal what is remembered. What was finished while an older
 * command waited is known from the journal alone, so that must reach back as far as commands wait. */
static void
check_egress(struct loader *loader, const struct node *root)
{
    const struct egress_settings *egress = &loader->config->egress;

    check_window(loader, root, "egress.max_age_seconds", egress->max_age_seconds, TOPIC_COMMANDS);
    check_window(loader, root, "egress.dedup_window_seconds", egress->dedup_window_seconds, TOPIC_JOURNAL);
    if (egress->dedup_window_seconds < egress->max_age_seconds) {
        fault_add(loader->faults, option_line(root, "egress.dedup_window_seconds"),
                  "egress.dedup_window_seconds: %u s are less than egress.max_age_seconds, %u, so a command could be "
                  "forgotten, and carried out again, while an older one waits; raise the one or lower the other",
                  egress->dedup_window_seconds, egress->max_age_seconds);
    }
    if (strspn(egress->group, name_bytes) != strlen(egress->group) || strlen(egress->group) > GROUP_BYTES_MAX) {
        fault_add(
            loader->faults, option_line(root, "egress.group"),
            "egress.group: \"%.*s\" is no name of a group; use letters, digits, \".\", \"_\" and \"-\", at most %d",
            QUOTE(slice_from(egress->group)), GROUP_BYTES_MAX);
    }
    if (egress->ca_file != NULL && access(egress->ca_file, R_OK) != 0) {
        fault_add(loader->faults, option_line(root, "egress.ca_file"),
                  "egress.ca_file: cannot open %.*s: %s; name a file of certificates (PEM) that this user can read",
                  QUOTE(slice_from(egress->ca_file)), strerror(errno));
    }
}

/* Half of it may be missing, for a process that only takes callbacks or only calls. */
static void
check_purpose(struct loader *loader, const struct node *root)
{
    const struct node *sources = tree_member(root, (struct slice)SLICE("sources"));

    if (tree_given(sources) || accounts_given(root)) {
        return;
    }
    fault_add(loader->faults, sources == NULL ? 0 : sources->line,
              "there is neither a source nor an account, so no callback could come in and no command go out; write a "
              "list below sources or accounts, each one beginning with \"- name: ...\"");
}

static void
check_proxies(struct loader *loader, const struct node *root)
{
    const struct network_list *proxies = &loader->config->trusted_proxies;

    for (size_t i = 0; i < proxies->count; i++) {
        const struct address ipv4 = {{[10] = 0xff, [11] = 0xff}}; /* 0.0.0.0 */
        const struct network_list one = {&proxies->networks[i], 1};

        if (proxies->networks[i].prefix <= IPV4_PREFIX_BITS && network_list_has(&one, &ipv4)) {
            fault_add(&loader->warnings, option_line(root, "gateway.trusted_proxies"),
                      "gateway.trusted_proxies: it trusts every address, so anybody can claim any; list the proxies");
        }
    }
}

void
config_check(struct loader *loader, const struct node *root)
{
    check_instance(loader, root);
    check_listeners(loader, root);
    check_sizes(loader, root);
    check_topics(loader, root);
    check_proxies(loader, root);
    check_egress(loader, root);
    check_purpose(loader, root);
}
