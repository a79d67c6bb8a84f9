/* A topic's settings as a broker has them, held against a spec. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "bus/topic_admin.h"

/* Puts what the spec asks for into a topic that is to be made. */
bool topic_settings_apply(rd_kafka_NewTopic_t *topic, const struct topic_spec *spec, struct error *error);

/* Appends to the report's detail, each with what to do, how the entries of DescribeConfigs differ from the spec. */
void topic_settings_compare(const struct topic_spec *spec, const rd_kafka_ConfigEntry_t *const *entries, size_t count,
                            struct topic_report *report);

/* Appends one difference; more than fits is cut. */
void topic_detail(char *detail, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
