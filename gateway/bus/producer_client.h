/* A producer client is one librdkafka producer with its callbacks on an event loop. It lives until a fatal error; the
 * producer, which outlives it, then makes the next. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "bus/kafka_settings.h"
#include "bus/producer_metrics.h"
#include "event/recordset.h"

struct event_base;
struct producer_client;

/* All of them run on the loop, within the serving of the client, so none may free it. */
struct producer_client_owner {
    /* Once for every record that producer_client_send took; error is RD_KAFKA_RESP_ERR_NO_ERROR for an acknowledged
     * one. */
    void (*on_report)(void *owner, struct record *record, rd_kafka_resp_err_t error);
    /* It is dead: it sends no more and reports everything it has as failed. At least once, perhaps several times. */
    void (*on_death)(void *owner);
    /* Reports follow, and a positive one is the first of them: once each time that the client is served. */
    void (*on_acknowledged)(void *owner);
    /* How many brokers it is connected to, twice a second and when the last is lost. */
    void (*on_brokers)(void *owner, int up);
    void *owner;
};

/* A patient one gives up no record by time, whatever the settings say. */
struct producer_client *producer_client_new(const struct kafka_settings *settings, bool patient,
                                            struct event_base *base, struct producer_metrics *metrics,
                                            const struct producer_client_owner *owner, struct error *error);
/* Ends it: librdkafka holds no byte of any record afterwards, and what is not reported yet never will be. This joins
 * its threads, one of which may be waiting for a name server. NULL is fine. */
void producer_client_free(struct producer_client *client);
/* The same on a thread of its own, for use on the loop. Nothing may be outstanding. True: *thread is to be joined. */
bool producer_client_retire(struct producer_client *client, pthread_t *thread);

/* What is not RD_KAFKA_RESP_ERR_NO_ERROR took nothing, and reports nothing. */
rd_kafka_resp_err_t producer_client_send(struct producer_client *client, struct record *record);
size_t producer_client_outstanding(const struct producer_client *client); /* records taken and not reported */
bool producer_client_dead(const struct producer_client *client);
const char *producer_client_cause(const struct producer_client *client, char *text, size_t size); /* of its death */
/* Gives up everything that is not acknowledged: its reports follow. */
void producer_client_purge(struct producer_client *client);
/* The same of what is not on its way to a broker. */
void producer_client_purge_queued(struct producer_client *client);
/* How many partitions the topic has, as the latest statistics told; 0: not known yet. Has it found out, where nobody
 * has asked before. */
int32_t producer_client_partitions(struct producer_client *client, struct slice topic);
/* Serves what has come in; waits up to timeout_ms for the first of it. For the time without a loop. */
void producer_client_serve(struct producer_client *client, int timeout_ms);
/* Waits until each topic has its leaders and a record could be sent at once. */
bool producer_client_warm_up(struct producer_client *client, const struct slice *topics, size_t count, int timeout_ms,
                             struct error *error);
void producer_client_break(struct producer_client *client);
