/* The parts of a configuration that are lists, and what is checked across them. Faults go to the loader. */
#pragma once

#include "config/table.h"

/* kafka: librdkafka's properties. */
void kafka_read(struct loader *loader, const struct node *root);

/* What sources and accounts have alike. mapping is the source's or account's; its faults are told. */

/* NULL when there is no adapter of that name, or, where calls is set, none that calls its vendor. */
const struct adapter *adapter_read(struct loader *loader, const struct node *mapping, const char *name, bool calls);
/* The zone of that name, shared by all that name it; NULL when there is none. */
const struct zone *zone_read(struct loader *loader, const struct node *mapping, const char *name);
/* What stands below settings, in the order of the rows; NULL when the arena is full. */
const struct slice *settings_read(struct loader *loader, const struct node *mapping,
                                  const struct adapter_setting *rows);

/* What the adapter of a source follows, where it follows one; else NULL. node is the source's mapping, the source what
 * has been read of it. */
const struct mapping *mapping_read(struct loader *loader, const struct node *node, const struct source *source);
/* A copy in lower case: header fields' names are compared so. */
struct slice lower_case(struct loader *loader, struct slice text);

/* The drafts of all sources, in the arena; one that is not whole is told and left out of nothing. */
struct source_drafts {
    struct source_draft *drafts;
    size_t count;
};
struct source_drafts sources_read(struct loader *loader, const struct node *root);
/* The checks that a source needs once it is read: its names, its secrets, and that something vouches for its senders.
 */
void source_check(struct loader *loader, const struct source_draft *draft);

/* The drafts of all accounts, of the file and of accounts_directory, in the order of their names. */
struct account_drafts {
    struct account_draft *drafts;
    size_t count;
};
/* Reads and checks them, and puts those that have credentials into the snapshot. */
void accounts_read(struct loader *loader, const struct node *root);
/* One account: everything that stands in its mapping. */
void account_read(struct loader *loader, struct account_draft *draft);
/* The checks of an account by itself, once it is read; settles whether it is left out. */
void account_check(struct loader *loader, struct account_draft *draft);
/* The checks across accounts: no name twice, no account at a vendor twice. */
void accounts_check(struct loader *loader, struct account_drafts accounts);
/* From here on faults and warnings are of that file; NULL: of the configuration itself. */
void loader_file(struct loader *loader, const struct config_file *file);
/* The order of names: that of their bytes, a shorter one before those that it begins. */
int names_compare(struct slice a, struct slice b);
/* Whether accounts are configured at all, also such that have faults or are left out. */
bool accounts_given(const struct node *root);

/* Tells when events cannot go to that topic, which stands at key in that line. */
void topic_check(struct loader *loader, unsigned line, const char *key, struct slice topic);
/* Reads the routes and settles, for each source and event type, own ones too, the topics. */
void routes_apply(struct loader *loader, const struct node *root, struct source_drafts sources);

/* Lays what running has over every option that does not reload, and notes those that the file has otherwise. */
void config_keep(struct loader *loader, const struct config *running);
/* Certificate, key and the rest of the callback port's TLS, with what stands in their files. */
void tls_check(struct loader *loader, const struct node *root);
/* Checks between options of the file's sections. */
void config_check(struct loader *loader, const struct node *root);
/* For how long the topics that Trunkline makes keep their records, in seconds; 0: as long as the broker says. */
int64_t topic_retention_seconds(enum topic_role role);
/* Whether Kafka takes it as a topic's name. */
bool topic_name_valid(struct slice name);
/* What may become of a body at the limit, as a record: the event holds it once, and escaped at worst twice as long. */
int64_t config_message_bytes(const struct config *config);
