/* The pushes of a simulated vendor: one call's in their order, each when the one before was answered. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

struct event_base;
struct pushes;
struct story;

struct push_counts {
    unsigned long answered; /* with a 2xx */
    unsigned long given_up; /* after PUSH_TRIES, or for want of room */
    size_t waiting;
};

#define PUSHES_OF_STORY_MAX 8
#define PUSH_TRIES          4 /* as yeta's document has it: three retries */

/* url: "http://HOST:PORT/PATH"; HOST is best an IP address: looking up a name holds the loop up. */
struct pushes *pushes_new(struct event_base *base, const char *url, unsigned step_ms, struct error *error);
void pushes_free(struct pushes *pushes); /* what is not told is forgotten; NULL is fine */
struct push_counts pushes_count(const struct pushes *pushes);

/* A story is added to, and then told. NULL when there is no memory, or too many stories wait. */
struct story *story_new(struct pushes *pushes);
/* endpoint: behind the URL, "" or "/receiveCallRecord". */
void story_add(struct story *story, const char *endpoint, struct slice body);
void story_tell(struct story *story); /* it is pushes' from here on */
