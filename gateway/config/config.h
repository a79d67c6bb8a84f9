/* The configuration snapshot: read from one YAML file, checked whole, immutable from then on. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "adapters/adapter.h"
#include "adapters/operation.h"
#include "base/address.h"
#include "base/tls.h"
#include "bus/kafka_settings.h"
#include "bus/topic_admin.h"
#include "event/cloudevent.h"
#include "spool/settings.h"

/* The topics by what they are for; names are the configuration's. */
enum topic_role {
    TOPIC_CALL_EVENTS,
    TOPIC_AGENT_EVENTS,
    TOPIC_TASK_EVENTS,
    TOPIC_UNMAPPED,
    TOPIC_RAW,
    TOPIC_DEADLETTER,
    TOPIC_COMMANDS,
    TOPIC_RESULTS,
    TOPIC_JOURNAL,
    TOPIC_DIALOG_CONTEXT,
    TOPIC_DIALOG_REQUESTS,
    TOPIC_DIALOG_REPLIES,
    TOPIC_ROLE_COUNT,
};

enum secret_place {
    SECRET_IN_PATH = 1,   /* /callbacks/<source>/<secret>[/<endpoint>] */
    SECRET_IN_QUERY = 2,  /* ?<secret_parameter>=... */
    SECRET_IN_HEADER = 4, /* <secret_header>: ... */
};

/* `expect`: a member of the message that must have one of these values. */
struct expectation {
    struct slice member;
    const struct slice *values;
    size_t value_count;
};

struct target_list {
    const struct slice *topics; /* no topic twice */
    size_t count;
};

/* Where callbacks of one vendor account come in. */
struct source {
    size_t index; /* among the sources: for tables beside the snapshot */
    struct slice name;
    const struct adapter *adapter;
    struct slice account; /* by default the name */
    const struct slice *methods;
    size_t method_count;
    const struct slice *secrets; /* those that are configured; empty list: no secret is asked for */
    size_t secret_count;
    unsigned secret_places;                       /* bits of enum secret_place */
    struct slice secret_parameter, secret_header; /* header in lower case */
    struct network_list allow;                    /* empty: any address */
    const struct expectation *expectations;
    size_t expectation_count;
    bool open;
    bool signed_by_vendor; /* the settings make the vendor's signature verifiable */
    const struct zone *zone;
    unsigned budget_ms;
    const struct slice *settings;                 /* in the order of the adapter's rows */
    const struct mapping *mapping;                /* where the adapter follows one; else NULL */
    struct target_list targets[EVENT_TYPE_COUNT]; /* default topic, matching routes, extra topics */
    const struct target_list *custom_targets;     /* the same for each own type of the mapping, by its index */
    bool client_certificate;                      /* its senders show one that the gateway's client CA has signed */
    const struct slice *certificate_names;        /* one of which it must bear; empty: any */
    size_t certificate_name_count;
    unsigned share;                /* percent of the connections and of the bytes in memory that it may have */
    unsigned dedup_window_seconds; /* ids seen within are answered and not published again; 0: off */
};

/* Where the events of that one go. */
static inline const struct target_list *
source_targets(const struct source *source, const struct canonical_event *event)
{
    return event->type == EVENT_CUSTOM ? &source->custom_targets[event->custom->index] : &source->targets[event->type];
}

/* Whether nothing at all checks who posts. `open: true` only permits that: a source that says it may have checks. */
static inline bool
source_is_open(const struct source *source)
{
    return source->secret_count == 0 && source->allow.count == 0 && source->expectation_count == 0 &&
           !source->signed_by_vendor && !source->client_certificate;
}

/* Fields that carry credentials, ours or anybody's, reach neither topics nor answers. The name is in lower case. */
static inline bool
source_field_is_public(const struct source *source, struct slice name)
{
    return !slice_equal(name, source->secret_header) && !slice_is(name, "authorization") &&
           !slice_is(name, "proxy-authorization") && !slice_is(name, "cookie");
}

/* A part of the day in which customers may be called, in minutes since midnight of the account's zone; to is behind the
 * last minute. One that goes over midnight is two. */
struct calling_hours {
    uint16_t from_minute, to_minute;
};

/* A vendor's account that commands are carried out with. */
struct account {
    size_t index; /* among the accounts: for tables beside the snapshot */
    struct slice name;
    const struct adapter *adapter; /* one with a call side */
    struct slice base_url;         /* scheme://host[:port], no slash at the end */
    const struct slice *settings;  /* in the order of the adapter's account_settings; empty: not configured */
    struct call_limits limits;
    unsigned connect_ms, answer_ms, timeout_ms; /* see calls/call.h; the first two are at most the third */
    unsigned queue_max;                         /* unfinished commands */
    const struct calling_hours *hours;          /* none: at any time */
    size_t hour_count;
    const struct zone *zone;       /* of the hours */
    const struct code_rule *codes; /* what its answers' codes mean, before the adapter's table; NULL: none */
};

/* The worker that carries out commands. */
struct egress_settings {
    const char *group;                /* the consumer group, and the head of the transactional ids */
    unsigned lease_seconds;           /* between an intent's commit and its request */
    unsigned dedup_window_seconds;    /* for which a command's id is remembered */
    unsigned max_age_seconds;         /* the deadline of a command that tells none */
    unsigned unknown_account_seconds; /* for which a command of an unknown account waits for a configuration */
    const char *ca_file;              /* certificates that vendors are held against; NULL: the system's */
};

struct ingress_limits {
    size_t head_bytes; /* request line and fields */
    unsigned header_count;
    size_t body_bytes;
    unsigned connections;  /* of the process */
    size_t buffered_bytes; /* body bytes in memory, of the process */
    unsigned head_seconds, body_seconds, idle_seconds, write_seconds;
    size_t output_bytes; /* that one connection may leave unread */
};

struct named_zone {
    const char *name;
    struct zone *zone;
};

/* What a process may do without. What is wrong there need not keep it from its work. */
enum config_part {
    CONFIG_SOURCES = 1 << 0,  /* sources, routes: for those that take callbacks */
    CONFIG_ACCOUNTS = 1 << 1, /* accounts, accounts_directory: for those that call vendors */
};
#define CONFIG_WHOLE ((unsigned)CONFIG_SOURCES | (unsigned)CONFIG_ACCOUNTS)

/* What is wrong with a file, or to be thought over. */
struct config_fault {
    const char *path; /* the file: the configuration, or one of its accounts_directory */
    unsigned file;    /* 0: the configuration; the others from 1 on, in the order of their names */
    unsigned line;    /* 0: the file as a whole */
    struct slice text;
    unsigned order; /* in which it was found */
    unsigned part;  /* an enum config_part; 0: it concerns everybody */
};

struct config {
    struct arena *arena;
    const char *path;
    const char *instance;
    bool instance_by_host; /* not configured: the host's name */
    bool from_file;        /* path can be read again */
    const char *data_dir;

    struct slice address; /* of the callback port */
    unsigned port;        /* 0: any, as the tests do */
    unsigned workers;
    struct tls_settings tls; /* of the callback port */
    size_t dedup_ids;        /* that are remembered at most, of all sources together */
    struct ingress_limits limits;
    struct network_list trusted_proxies;
    unsigned shutdown_seconds; /* what is owed is finished within */

    struct spool_settings spool;

    struct slice management_address;
    unsigned management_port;
    unsigned egress_management_port;

    struct kafka_settings kafka;
    bool topics_create;
    int topics_partitions;
    int topics_replication;
    struct slice topics[TOPIC_ROLE_COUNT];
    bool raw_enabled;
    enum cloudevent_mode mode;

    const struct source *sources;
    size_t source_count;
    struct egress_settings egress;
    const char *accounts_directory; /* whose *.yaml are accounts, too; NULL: none */
    const struct account *accounts; /* in the order of their names */
    size_t account_count;
    const struct slice *accounts_left_out; /* names of those without credentials, in order: to be logged once */
    size_t accounts_left_out_count;
    const struct named_zone *zones; /* shared by the sources and accounts */
    size_t zone_count;

    unsigned parts_left_out;             /* those with faults that are not needed: an enum config_part each */
    const struct config_fault *warnings; /* what works and is seldom meant */
    size_t warning_count;

    const char *const *deferred; /* of config_reload: options that the file has otherwise, for the next start */
    size_t deferred_count;
};

/* In the order of the files and their lines. */
struct config_faults {
    struct arena *arena;
    const char *path;
    const struct config_file *file; /* of what is found at the moment; NULL: the configuration itself */
    unsigned part;                  /* of what is found at the moment; 0: none */
    struct config_fault *faults;
    size_t count, capacity; /* count may exceed capacity: then the last ones were only counted */
};

/* Reads, expands ${NAME} and ${NAME:-default}, checks. NULL when anything is wrong; faults then holds all of it, each
 * with its line and what to do. faults is initialised by the call; free with config_faults_free in either case. */
struct config *config_load(const char *path, struct config_faults *faults);
/* The same for a process that needs only those parts (enum config_part). A part that it does not need, and that has
 * faults, is left out as a whole, and the faults are warnings. */
struct config *config_load_parts(const char *path, unsigned parts, struct config_faults *faults);
/* Reads the file of running, which outlives the result, once more for the same process: sources, routes, secrets and
 * trusted proxies are the file's, whatever cannot change while it runs stays as it is; deferred names what the file has
 * otherwise. The file is checked both as it stands and so. */
struct config *config_reload(const struct config *running, unsigned parts, struct config_faults *faults);
/* The same from memory; path is only for messages. */
struct config *config_parse(const char *path, struct slice yaml, struct config_faults *faults);
void config_faults_print(const struct config_faults *faults, FILE *stream); /* "file:line: text" each */
void config_warnings_print(const struct config *config, FILE *stream);      /* the same */
void config_faults_free(struct config_faults *faults);
void config_free(struct config *config);

const struct source *config_source(const struct config *config, struct slice name);
/* NULL when there is none of that name. Takes O(log n): there may be tens of thousands. */
const struct account *config_account(const struct config *config, struct slice name);
/* Every topic that events go to (by default, by routes, by sources), each once; *count of them, with room for `more`
 * that config_add_topic appends. malloc'd; NULL when out of memory. */
struct slice *config_event_topics(const struct config *config, size_t more, size_t *count);
/* Unless it is among them. */
void config_add_topic(struct slice *topics, size_t *count, struct slice topic);
/* The specs of the topics that this configuration needs; *count of them, in the snapshot's arena. */
const struct topic_spec *config_topic_specs(const struct config *config, size_t *count);
/* Prints every option with its default and meaning: `check --options`, and the reference in docs/. */
void config_print_options(FILE *stream);
