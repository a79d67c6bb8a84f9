/* Writes the data object of an event: what happened, in the words that are the same for every vendor. */
#pragma once

#include "base/json_writer.h"
#include "event/model.h"

/* Writes the object's text at the writer's place. Members that are absent, and objects without a member, are left out.
 */
void event_data_write(struct json_writer *writer, const struct canonical_event *event);
