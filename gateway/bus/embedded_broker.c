/* The embedded broker: librdkafka's mock cluster in this process. */
#include "bus/embedded_broker.h"

#include <dirent.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "bus/conf.h"

struct embedded_broker {
    rd_kafka_t *host; /* lends the cluster its thread and memory */
    rd_kafka_mock_cluster_t *cluster;
};

/* Whether this descriptor is a socket that listens on that port of the loopback. */
static bool
listens_on(int fd, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    int accepts = 0;
    socklen_t accepts_length = sizeof accepts;

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 && address.sin_family == AF_INET &&
           ntohs(address.sin_port) == port &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &accepts_length) == 0 && accepts != 0;
}

/* Without TCP_NODELAY its answers wait for acknowledgements: stalls of 44 ms. librdkafka does not set it on the
 * connections it accepts and hands out no descriptor, but Linux gives them what their listening socket has: so that one
 * is looked for. */
static bool
disable_nagle(const char *address)
{
    const char *colon = strrchr(address, ':');
    unsigned port = colon == NULL ? 0 : (unsigned)strtoul(colon + 1, NULL, 10);
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    bool found = false;

    if (directory == NULL) {
        return false;
    }
    while (!found && (entry = readdir(directory)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);

        found = listens_on(fd, port) && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) == 0;
    }
    closedir(directory);
    return found;
}

struct embedded_broker *
embedded_broker_new(struct error *error)
{
    struct embedded_broker *broker = calloc(1, sizeof *broker);
    rd_kafka_conf_t *conf;

    if (broker == NULL) {
        error_set(error, "out of memory");
        return NULL;
    }
    conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, conf_log);
    broker->host = conf_client(conf, RD_KAFKA_PRODUCER, error);
    if (broker->host == NULL) {
        goto failed;
    }
    broker->cluster = rd_kafka_mock_cluster_new(broker->host, 1);
    if (broker->cluster == NULL) {
        error_set(error, "the embedded broker did not start: no port on 127.0.0.1 was to be had");
        goto failed;
    }
    if (!disable_nagle(embedded_broker_address(broker))) {
        error_set(error, "the embedded broker's listening socket was not found in /proc/self/fd");
        goto failed;
    }
    return broker;

failed:
    embedded_broker_free(broker);
    return NULL;
}

void
embedded_broker_free(struct embedded_broker *broker)
{
    if (broker == NULL) {
        return;
    }
    if (broker->cluster != NULL) {
        rd_kafka_mock_cluster_destroy(broker->cluster);
    }
    if (broker->host != NULL) {
        rd_kafka_destroy(broker->host);
    }
    free(broker);
}

bool
embedded_broker_add_topic(struct embedded_broker *broker, const char *name, int partitions, struct error *error)
{
    rd_kafka_resp_err_t failure = rd_kafka_mock_topic_create(broker->cluster, name, partitions, 1);

    if (failure != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(error, "the embedded broker did not make topic %s: %s", name, rd_kafka_err2str(failure));
    }
    return true;
}

const char *
embedded_broker_address(const struct embedded_broker *broker)
{
    return rd_kafka_mock_cluster_bootstraps(broker->cluster);
}
