/* The transactional producer and the group consumer as a process of their own, told what to do by lines on stdin and
 * telling what happened by lines on stdout: for test_ports.py, which runs several and kills some.
 *
 *   ports transact BROKERS ID TOPIC           init | commit PARTITION VALUE COPIES ... [offset GROUP TOPIC NEXT]
 *   ports own BROKERS GROUP TOPIC             release PARTITION | committed PARTITION | leave */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/group_consumer.h"
#include "bus/transaction.h"

#define MOST_RECORDS 50000
#define CALL_MS      20000

static struct kafka_property properties[] = {{"bootstrap.servers", NULL}};
static const struct kafka_settings settings = {.properties = properties, .count = 1};
static struct error error;

static void
say(const char *what, const char *text, long long number)
{
    printf("%s %lld %s\n", what, number, text);
    fflush(stdout);
}

static int
failed(void)
{
    fprintf(stderr, "ports: %s\n", error.text);
    return 1;
}

/* The words after "commit" make the batch. */
static void
commit(struct transaction_producer *producer, struct slice topic)
{
    struct transaction_record *records = calloc(MOST_RECORDS, sizeof *records);
    struct transaction_offset offset = {0};
    struct transaction_batch batch = {.records = records, .offsets = &offset};
    enum transaction_outcome outcome;
    const char *word;

    while (records != NULL && (word = strtok(NULL, " ")) != NULL) {
        if (strcmp(word, "offset") == 0) {
            batch.group = strtok(NULL, " ");
            offset.topic = slice_from(strtok(NULL, " "));
            offset.next = strtoll(strtok(NULL, " "), NULL, 10);
            batch.offset_count = 1;
        } else {
            int32_t partition = (int32_t)strtol(word, NULL, 10);
            struct slice value = slice_from(strtok(NULL, " "));
            size_t copies = strtoul(strtok(NULL, " "), NULL, 10);

            for (; copies > 0 && batch.record_count < MOST_RECORDS; copies--) {
                records[batch.record_count++] = (struct transaction_record){
                    .topic = topic, .partition = partition, .key = slice_from("key"), .value = value};
            }
        }
    }
    error_set(&error, "none");
    outcome = transaction_producer_commit(producer, &batch, &error);
    if (outcome == TRANSACTION_COMMITTED && batch.record_count > 0) {
        say("record", "", (long long)records[0].offset);
        say("time", "", (long long)records[0].timestamp_ms);
    }
    say(transaction_outcome_name(outcome), error.text, (long long)batch.record_count);
    free(records);
}

static int
transact(const char *id, const char *topic_name)
{
    struct transaction_producer *producer = transaction_producer_new(&settings, id, &error);
    struct slice topic = slice_from(topic_name);
    char *line = NULL;
    size_t size = 0;

    if (producer == NULL) {
        return failed();
    }
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(strtok(line, " "), "commit") == 0) {
            commit(producer, topic);
        } else if (transaction_producer_init(producer, &topic, 1, CALL_MS, &error)) {
            say("ready", "", 0);
        } else {
            say("failed", error.text, 0);
        }
    }
    free(line);
    transaction_producer_free(producer);
    return 0;
}

static struct group_consumer *member;
static struct event_base *base;

static void
on_assigned(void *owner, int32_t partition)
{
    (void)owner;
    say("assigned", "", partition);
}

static void
on_revoked(void *owner, int32_t partition)
{
    (void)owner;
    say("revoked", "", partition);
}

static void
on_lost(void *owner, int32_t partition)
{
    (void)owner;
    say("lost", "", partition);
}

static void
on_left(void *owner)
{
    (void)owner;
    say("left", "", 0);
    event_base_loopbreak(base);
}

static void
obey(char *line)
{
    const char *verb = strtok(line, " ");
    const char *word = strtok(NULL, " ");
    int32_t partition = word == NULL ? 0 : (int32_t)strtol(word, NULL, 10);
    int64_t offset = 0;

    if (strcmp(verb, "leave") == 0) {
        group_consumer_leave(member);
    } else if (strcmp(verb, "release") == 0) {
        group_consumer_release(member, partition);
    } else if (group_consumer_committed(member, partition, CALL_MS, &offset, &error)) {
        say("committed", "", (long long)offset);
    } else {
        say("failed", error.text, partition);
    }
}

/* Whole lines only: each is written at once and short. */
static void
on_stdin(evutil_socket_t fd, short what, void *argument)
{
    char text[1024];
    ssize_t length = read(fd, text, sizeof text - 1);
    char *rest = text;
    char *line;

    (void)what;
    (void)argument;
    if (length <= 0) {
        event_base_loopbreak(base);
        return;
    }
    text[length] = '\0';
    while ((line = strsep(&rest, "\n")) != NULL) {
        if (line[0] != '\0') {
            obey(line);
        }
    }
}

static int
own(const char *group, const char *topic)
{
    static const struct group_consumer_owner owner = {on_assigned, on_revoked, on_lost, on_left, NULL};
    struct event *input;

    base = event_base_new();
    member = group_consumer_new(&settings, group, slice_from(topic), base, &owner, &error);
    if (member == NULL) {
        return failed();
    }
    input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, NULL);
    event_add(input, NULL);
    event_base_dispatch(base);
    event_free(input);
    group_consumer_free(member);
    event_base_free(base);
    return 0;
}

int
main(int count, char **words)
{
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, clock_system());
    if (count == 5 && strcmp(words[1], "transact") == 0) {
        properties[0].value = words[2];
        return transact(words[3], words[4]);
    }
    if (count == 5 && strcmp(words[1], "own") == 0) {
        properties[0].value = words[2];
        return own(words[3], words[4]);
    }
    fprintf(stderr, "usage: ports transact BROKERS ID TOPIC | ports own BROKERS GROUP TOPIC\n");
    return 2;
}
