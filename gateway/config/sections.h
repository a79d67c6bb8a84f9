/* The parts of a configuration that are lists, and what is checked across them. Faults go to the loader. */
#pragma once

#include "config/table.h"

/* kafka: librdkafka's properties. */
void kafka_read(struct loader *loader, const struct node *root);

/* The drafts of all sources, in the arena; one that is not whole is told and left out of nothing. */
struct source_drafts {
    struct source_draft *drafts;
    size_t count;
};
struct source_drafts sources_read(struct loader *loader, const struct node *root);
/* The checks that a source needs once it is read: its names, its secrets, and that something vouches for its senders.
 */
void source_check(struct loader *loader, const struct source_draft *draft);

/* Reads the routes and settles, for each source and event type, the topics. */
void routes_apply(struct loader *loader, const struct node *root, struct source_drafts sources);

/* Checks between options of the file's sections. */
void config_check(struct loader *loader, const struct node *root);
/* Whether Kafka takes it as a topic's name. */
bool topic_name_valid(struct slice name);
/* What may become of a body at the limit, as a record: the event holds it once, and escaped at worst twice as long. */
int64_t config_message_bytes(const struct config *config);
