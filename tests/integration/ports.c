/* The ports of the bus that the lanes stand on, and the record reader, as a process of their own, told what to do by
 * lines on stdin and telling what happened by lines on stdout: for test_ports.py, which runs several and kills some.
 *
 *   ports transact BROKERS ID TOPIC           init | commit PARTITION VALUE COPIES ... [offset GROUP TOPIC NEXT]
 *                                             | at PARTITION UNIX_MS | partitions
 *   ports own BROKERS GROUP TOPIC             release PARTITION | committed PARTITION | leave
 *   ports follow BROKERS TOPIC OFFSET         seek OFFSET | pause | resume      (partition 0)
 *   ports read BROKERS TOPIC                  fetch OFFSET ...                  (partition 0)
 *   ports publish BROKERS patient|not TOPIC   send FIRST COUNT | purge | partition KEY
 *   ports range BROKERS FROM TO TOPIC         (Unix ms, TO 0: the end) */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "bus/consumer.h"
#include "bus/group_consumer.h"
#include "bus/producer.h"
#include "bus/range_reader.h"
#include "bus/transaction.h"
#include "egress/record_reader.h"

#define MOST_RECORDS 50000
#define CALL_MS      20000
#define KEPT_BYTES   65536

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

/* The words after "at". */
static void
find(struct transaction_producer *producer, struct slice topic)
{
    int32_t partition = (int32_t)strtol(strtok(NULL, " "), NULL, 10);
    int64_t unix_ms = strtoll(strtok(NULL, " "), NULL, 10);
    int64_t offset = 0;

    if (transaction_producer_offset_at(producer, topic, partition, unix_ms, CALL_MS, &offset, &error)) {
        say("offset", "", (long long)offset);
    } else {
        say("failed", error.text, partition);
    }
}

static void
count(struct transaction_producer *producer, struct slice topic)
{
    int32_t partitions = 0;

    if (transaction_producer_partitions(producer, topic, CALL_MS, &partitions, &error)) {
        say("partitions", "", partitions);
    } else {
        say("failed", error.text, 0);
    }
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
        const char *verb;

        line[strcspn(line, "\n")] = '\0';
        verb = strtok(line, " ");
        if (strcmp(verb, "commit") == 0) {
            commit(producer, topic);
        } else if (strcmp(verb, "at") == 0) {
            find(producer, topic);
        } else if (strcmp(verb, "partitions") == 0) {
            count(producer, topic);
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

static struct event_base *base;
static struct group_consumer *member;
static struct consumer *follower;
static struct record_reader *reader;
static void (*obey)(char *line); /* what a line on stdin is given to */

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
obey_as_member(char *line)
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

/* Runs the loop until stdin is closed or somebody ends it. */
static void
listen_to(void (*to)(char *line))
{
    struct event *input = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_stdin, NULL);

    obey = to;
    event_add(input, NULL);
    event_base_dispatch(base);
    event_free(input);
}

static int
own(const char *group, const char *topic)
{
    static const struct group_consumer_owner owner = {on_assigned, on_revoked, on_lost, on_left, NULL};

    member = group_consumer_new(&settings, group, slice_from(topic), base, &owner, &error);
    if (member == NULL) {
        return failed();
    }
    listen_to(obey_as_member);
    group_consumer_free(member);
    return 0;
}

static void
say_record(const char *what, int64_t offset, const struct consumed *record)
{
    char value[64];

    snprintf(value, sizeof value, "%.*s", SLICE_ARGS(record->value));
    say(what, value, (long long)offset);
}

static void
on_followed(const struct consumed *record, void *argument)
{
    (void)argument;
    say_record("record", record->offset, record);
}

static void
on_end(void *argument)
{
    (void)argument;
    say("end", "", (long long)consumer_end(follower));
}

static void
obey_as_follower(char *line)
{
    const char *verb = strtok(line, " ");

    if (strcmp(verb, "seek") == 0) {
        if (!consumer_seek(follower, strtoll(strtok(NULL, " "), NULL, 10), &error)) {
            say("failed", error.text, 0);
        }
    } else {
        consumer_pause(follower, strcmp(verb, "pause") == 0);
        say("done", "", 0);
    }
}

static int
follow(const char *topic, int64_t offset)
{
    follower = consumer_new_at(&settings, base, slice_from(topic), 0, offset, on_followed, NULL, &error);
    if (follower == NULL) {
        return failed();
    }
    consumer_on_end(follower, on_end);
    listen_to(obey_as_follower);
    consumer_free(follower);
    return 0;
}

static void
on_fetched(void *argument, int64_t offset, const struct consumed *record)
{
    (void)argument;
    if (record == NULL) {
        say("gone", "", (long long)offset);
    } else {
        say_record("record", offset, record);
    }
}

static void
obey_as_reader(char *line)
{
    const char *word;

    strtok(line, " "); /* "fetch" */
    while ((word = strtok(NULL, " ")) != NULL) {
        if (!record_reader_fetch(reader, strtoll(word, NULL, 10), on_fetched, NULL)) {
            say("failed", "out of memory", 0);
        }
    }
}

static int
read_records(const char *topic)
{
    reader = record_reader_new(&settings, base, slice_from(topic), 0, KEPT_BYTES);
    if (reader == NULL) {
        return 1;
    }
    listen_to(obey_as_reader);
    record_reader_free(reader);
    return 0;
}

/* One record, whose value is its number. */
struct parcel {
    struct parcel *next;
    struct recordset set;
    struct record record;
    char value[24];
    long number;
};

static struct producer *producer;
static struct slice publish_topic;
static struct parcel *parcels; /* all of them, for as long as the producer may know one */

static void
on_published(struct recordset *set)
{
    static const char *const fates[] = {"pending", "acknowledged", "failed", "refused"};

    say(fates[set->delivery], "", ((struct parcel *)set->owner)->number);
}

static void
obey_as_publisher(char *line)
{
    const char *verb = strtok(line, " ");
    const char *word = strtok(NULL, " ");

    if (strcmp(verb, "purge") == 0) {
        producer_purge_queued(producer);
    } else if (strcmp(verb, "partition") == 0) {
        say("partition", word, producer_partition(producer, publish_topic, slice_from(word)));
    } else {
        long first = strtol(word, NULL, 10), past = first + strtol(strtok(NULL, " "), NULL, 10);

        for (long number = first; number < past; number++) {
            struct parcel *parcel = calloc(1, sizeof *parcel);

            if (parcel == NULL) {
                abort();
            }
            parcel->next = parcels;
            parcels = parcel;
            parcel->number = number;
            snprintf(parcel->value, sizeof parcel->value, "%ld", number);
            parcel->record =
                (struct record){.topic = publish_topic, .key = SLICE("key"), .value = slice_from(parcel->value)};
            parcel->set =
                (struct recordset){.records = &parcel->record, .count = 1, .on_done = on_published, .owner = parcel};
            producer_publish(producer, &parcel->set);
        }
    }
}

static int
publish(bool patient, const char *topic)
{
    struct metrics *metrics = metrics_new();

    publish_topic = slice_from(topic);
    producer = patient ? producer_new_patient(&settings, "spool", base, metrics, clock_system(), &error)
                       : producer_new(&settings, "worker-0", base, metrics, clock_system(), &error);
    if (producer == NULL) {
        return failed();
    }
    listen_to(obey_as_publisher);
    producer_free(producer, CALL_MS);
    while (parcels != NULL) {
        struct parcel *parcel = parcels;

        parcels = parcel->next;
        free(parcel);
    }
    metrics_free(metrics);
    return 0;
}

static void
on_ranged(const struct consumed *record, void *argument)
{
    (void)argument;
    say_record("record", record->offset, record);
}

static void
on_range_end(void *argument)
{
    struct range_progress progress = range_reader_progress(*(struct range_reader **)argument);

    say("end", "", (long long)progress.all);
    event_base_loopbreak(base);
}

static int
read_range(int64_t from_ms, int64_t to_ms, const char *topic)
{
    const struct time_range range = {.from_ms = from_ms, .to_ms = to_ms == 0 ? INT64_MAX : to_ms};
    const struct slice name = slice_from(topic);
    struct range_reader *range_reader = NULL;

    range_reader =
        range_reader_new(&settings, base, &name, 1, &range, CALL_MS, on_ranged, on_range_end, &range_reader, &error);
    if (range_reader == NULL) {
        return failed();
    }
    event_base_dispatch(base);
    range_reader_free(range_reader);
    return 0;
}

static int
run(int count, char **words)
{
    if (count == 5 && strcmp(words[1], "transact") == 0) {
        return transact(words[3], words[4]);
    }
    if (count == 5 && strcmp(words[1], "own") == 0) {
        return own(words[3], words[4]);
    }
    if (count == 5 && strcmp(words[1], "follow") == 0) {
        return follow(words[3], strtoll(words[4], NULL, 10));
    }
    if (count == 4 && strcmp(words[1], "read") == 0) {
        return read_records(words[3]);
    }
    if (count == 5 && strcmp(words[1], "publish") == 0) {
        return publish(strcmp(words[3], "patient") == 0, words[4]);
    }
    if (count == 6 && strcmp(words[1], "range") == 0) {
        return read_range(strtoll(words[3], NULL, 10), strtoll(words[4], NULL, 10), words[5]);
    }
    fprintf(stderr, "usage: ports transact BROKERS ID TOPIC | own BROKERS GROUP TOPIC | follow BROKERS TOPIC OFFSET | "
                    "read BROKERS TOPIC | publish BROKERS patient|not TOPIC | range BROKERS FROM TO TOPIC\n");
    return 2;
}

int
main(int count, char **words)
{
    int status;

    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_INFO, clock_system());
    properties[0].value = count > 2 ? words[2] : "";
    base = event_base_new();
    status = run(count, words);
    event_base_free(base);
    return status;
}
