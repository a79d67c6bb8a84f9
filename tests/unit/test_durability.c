/* Durability: HTTP, workers, breaker and a real spool beside a Kafka (a mock cluster) that does what tests want. What
 * is answered with a success is on its topic in the end, and the self-audit's sum holds. */
#include <sys/stat.h>

#include "base/instance.h"
#include "base/log.h"
#include "bus.h"
#include "bus/consumer.h"
#include "config/config.h"
#include "http_client.h"
#include "ingress/ingress.h"
#include "remove_tree.h"
#include "spool/spool.h"

#define BROKER      1
#define CALL_EVENTS "trunkline.call.events"
#define MOST_POSTS  400

struct house {
    struct bus *bus;
    char data_dir[64];
    struct instance *instance;
    struct config *config;
    struct spool *spool;
    struct ingress *ingress;
    struct client client;
    unsigned posted;
};

/* --- the house --- */

static void
configure(struct house *house, unsigned budget_ms, size_t max_bytes)
{
    char yaml[1024];
    struct config_faults faults;

    snprintf(yaml, sizeof(yaml),
             "gateway: {address: 127.0.0.1, port: 0, workers: 2}\n"
             "kafka: {bootstrap.servers: '%s'}\n"
             "spool: {max_bytes: %zu, source_share_percent: 100}\n"
             "sources: [{name: s1, adapter: yeta, open: true, budget_ms: %u}]\n",
             rd_kafka_mock_cluster_bootstraps(house->bus->cluster), max_bytes, budget_ms);
    house->config = config_parse("t.yaml", slice_from(yaml), &faults);
    if (house->config == NULL) {
        config_faults_print(&faults, stderr);
        abort();
    }
    config_faults_free(&faults);
    house->config->kafka.embedded = true;
}

static void
house_start(struct house *house, unsigned budget_ms, size_t max_bytes)
{
    struct error error = {""};
    struct spool_options spool_options = {
        .kafka = &house->bus->settings,
        .data_dir = house->data_dir,
        .metrics = house->bus->metrics,
        .clock = clock_system(),
    };
    struct ingress_options options = {
        .metrics = house->bus->metrics,
        .clock = clock_system(),
        .warm_up_ms = 3000,
    };

    configure(house, budget_ms, max_bytes);
    house->instance = instance_open(house->data_dir, "unit", &error);
    assert_non_null(house->instance);
    spool_options.settings = &house->config->spool;
    spool_options.instance = house->instance;
    house->spool = spool_start(&spool_options, &error);
    assert_string_equal(error.text, "");
    options.config = house->config;
    options.spool = house->spool;
    house->ingress = ingress_start(&options, &error);
    assert_string_equal(error.text, "");
    assert_non_null(house->ingress);
    client_open(&house->client, ingress_port(house->ingress));
}

static unsigned
stop_ingress(struct house *house, unsigned seconds)
{
    unsigned unanswered = ingress_stop(house->ingress, seconds);

    house->ingress = NULL;
    return unanswered;
}

/* Returns how many records stay on disk. */
static uint64_t
house_stop(struct house *house, unsigned seconds)
{
    uint64_t left;

    client_close(&house->client);
    if (house->ingress != NULL) {
        assert_int_equal(stop_ingress(house, 5), 0);
    }
    left = spool_stop(house->spool, seconds);
    house->spool = NULL;
    instance_close(house->instance);
    config_free(house->config);
    return left;
}

static int
setup(void **state)
{
    struct house *house = calloc(1, sizeof(*house));
    void *bus;

    assert_non_null(house);
    log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, clock_system());
    bus_setup(&bus);
    house->bus = bus;
    snprintf(house->data_dir, sizeof(house->data_dir), "/tmp/trunkline-durability-XXXXXX");
    assert_non_null(mkdtemp(house->data_dir));
    rd_kafka_mock_topic_create(house->bus->cluster, CALL_EVENTS, 4, 1);
    *state = house;
    return 0;
}

static int
teardown(void **state)
{
    struct house *house = *state;
    void *bus = house->bus;

    remove_tree(house->data_dir);
    bus_teardown(&bus);
    free(house);
    return 0;
}

/* --- callbacks --- */

static void
post(struct house *house)
{
    char text[512];
    char body[128];

    assert_true(house->posted < MOST_POSTS);
    snprintf(body, sizeof(body), "{\"call_uuid\":\"call-%u\",\"duration_call\":1}", house->posted++);
    snprintf(text, sizeof(text), "POST /callbacks/s1 HTTP/1.1\r\nHost: gateway\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    client_text(&house->client, text);
}

/* What the answers said. */
struct told {
    unsigned kafka, spool, refused;
};

static struct told
read_answers(struct house *house, unsigned count)
{
    struct told told = {0};

    for (unsigned i = 0; i < count; i++) {
        struct reply reply = client_read(&house->client);

        if (reply.status == 503) {
            assert_non_null(strstr(reply.head, "Retry-After: "));
            assert_null(strstr(reply.head, "Trunkline-Durability"));
            assert_null(strcasestr(reply.body, "success"));
            told.refused++;
            continue;
        }
        assert_int_equal(reply.status, 200);
        told.kafka += strstr(reply.head, "Trunkline-Durability: kafka\r\n") != NULL;
        told.spool += strstr(reply.head, "Trunkline-Durability: spool\r\n") != NULL;
    }
    assert_int_equal(told.kafka + told.spool + told.refused, count);
    return told;
}

static struct told
post_all(struct house *house, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        post(house);
    }
    return read_answers(house, count);
}

/* One behind the other, so that each is alone when it comes. */
static struct told
post_each(struct house *house, unsigned count)
{
    struct told told = {0};

    for (unsigned i = 0; i < count; i++) {
        struct told one = post_all(house, 1);

        told = (struct told){told.kafka + one.kafka, told.spool + one.spool, told.refused + one.refused};
    }
    return told;
}

static bool
is_drained(struct house *house)
{
    return spool_state(house->spool).records == 0 && gate_held(spool_gate(house->spool)) == 0 &&
           breaker_state(spool_breaker(house->spool)) == BREAKER_CLOSED;
}

/* A worker's producer may need a moment until it is connected again. */
static struct told
post_until_kafka(struct house *house)
{
    struct told told = {0};
    struct told one = {0};

    while (one.kafka == 0) {
        RUN_UNTIL(house->bus, is_drained(house));
        one = post_each(house, 1);
        told = (struct told){told.kafka + one.kafka, told.spool + one.spool, told.refused + one.refused};
    }
    return told;
}

/* --- what has become of them --- */

static uint64_t
fate(struct house *house, const char *unit, const char *name)
{
    char metric[64];
    char labels[64];

    snprintf(metric, sizeof(metric), "trunkline_custody_%s_total", unit);
    snprintf(labels, sizeof(labels), "fate=\"%s\"", name);
    return bus_counter(house->bus, metric, labels);
}

static void
assert_audit(struct house *house, struct told told)
{
    assert_int_equal(bus_gauge(house->bus, "trunkline_custody_callbacks_in_flight", ""), 0);
    assert_int_equal(bus_gauge(house->bus, "trunkline_custody_records_in_flight", ""), 0);
    assert_int_equal(fate(house, "callbacks", "published"), told.kafka);
    assert_int_equal(fate(house, "callbacks", "spooled"), told.spool);
    assert_int_equal(fate(house, "callbacks", "refused"), told.refused);
    assert_int_equal(fate(house, "callbacks", "accepted"), told.kafka + told.spool + told.refused);
    assert_int_equal(fate(house, "records", "accepted"), fate(house, "records", "published") +
                                                             fate(house, "records", "spooled") +
                                                             fate(house, "records", "refused"));
}

static bool seen[MOST_POSTS];
static size_t seen_count, read_count;

static void
on_record(const struct consumed *record, void *argument)
{
    unsigned long number = strtoul(record->key.data + strlen("call-"), NULL, 10);

    (void)argument;
    assert_true(number < MOST_POSTS);
    read_count++;
    seen_count += !seen[number];
    seen[number] = true;
}

/* The calls that Kafka has, at least so many. */
static size_t
count_calls(struct house *house, size_t wanted)
{
    static const struct slice topic = SLICE(CALL_EVENTS);
    struct error error = {""};
    struct consumer *consumer;

    memset(seen, 0, sizeof(seen));
    seen_count = read_count = 0;
    consumer = consumer_new(&house->bus->settings, house->bus->base, &topic, 1, CONSUMER_FROM_BEGINNING, on_record,
                            NULL, &error);
    assert_string_equal(error.text, "");
    RUN_UNTIL(house->bus, seen_count >= wanted);
    consumer_free(consumer);
    return seen_count;
}

/* --- tests --- */

static void
kafka_there_the_spool_stays_out_of_it(void **state)
{
    struct house *house = *state;
    struct told told;

    house_start(house, 5000, 1 << 24);
    told = post_all(house, 50);
    assert_int_equal(told.kafka, 50);
    assert_audit(house, told);
    assert_int_equal(bus_counter(house->bus, "trunkline_spool_records_total", ""), 0);
    assert_int_equal(house_stop(house, 5), 0);
    assert_int_equal(count_calls(house, 50), 50);
}

static void
a_broker_that_is_down_costs_nobody_an_answer(void **state)
{
    struct house *house = *state;
    struct told before, during, after;

    house_start(house, 5000, 1 << 24);
    before = post_all(house, 50);
    rd_kafka_mock_broker_set_down(house->bus->cluster, BROKER);
    RUN_UNTIL(house->bus, breaker_state(spool_breaker(house->spool)) != BREAKER_CLOSED);
    during = post_all(house, 100);
    assert_int_equal(during.spool, 100);
    assert_int_equal(spool_state(house->spool).records, 100);
    rd_kafka_mock_broker_set_up(house->bus->cluster, BROKER);
    RUN_UNTIL(house->bus, is_drained(house));
    after = post_until_kafka(house);
    assert_int_equal(before.kafka, 50);
    assert_audit(house, (struct told){50 + after.kafka, 100 + after.spool, 0});
    assert_int_equal(house_stop(house, 5), 0);
    assert_int_equal(count_calls(house, house->posted), house->posted);
    assert_int_equal(read_count, house->posted);
}

/* The reports come, but too late for the answers. */
static void
a_slow_kafka_is_given_up_after_the_budget(void **state)
{
    struct house *house = *state;
    struct told told;

    house_start(house, 200, 1 << 24);
    assert_int_equal(post_all(house, 10).kafka, 10);
    rd_kafka_mock_broker_set_rtt(house->bus->cluster, BROKER, 1500);
    told = post_each(house, 20);
    assert_int_equal(told.refused, 0);
    assert_true(told.spool > 0);
    rd_kafka_mock_broker_set_rtt(house->bus->cluster, BROKER, 0);
    RUN_UNTIL(house->bus, is_drained(house));
    assert_int_equal(bus_gauge(house->bus, "trunkline_buffered_bytes", "source=\"s1\""), 0);
    told.kafka += 10;
    assert_audit(house, told);
    assert_int_equal(house_stop(house, 5), 0);
    assert_int_equal(count_calls(house, 30), 30);
}

static void
a_full_spool_refuses_until_there_is_room(void **state)
{
    struct house *house = *state;
    struct told told;
    struct told more;

    house_start(house, 5000, 40000);
    assert_int_equal(post_all(house, 10).kafka, 10);
    rd_kafka_mock_broker_set_down(house->bus->cluster, BROKER);
    RUN_UNTIL(house->bus, breaker_state(spool_breaker(house->spool)) != BREAKER_CLOSED);
    told = post_all(house, 150);
    assert_int_equal(told.kafka, 0);
    assert_true(told.spool > 10);
    assert_true(told.refused > 10);
    rd_kafka_mock_broker_set_up(house->bus->cluster, BROKER);
    RUN_UNTIL(house->bus, is_drained(house));
    more = post_until_kafka(house);
    assert_int_equal(more.refused, 0);
    assert_audit(house, (struct told){10 + more.kafka, told.spool + more.spool, told.refused});
    assert_int_equal(house_stop(house, 5), 0);
    assert_int_equal(count_calls(house, house->posted - told.refused), house->posted - told.refused);
}

/* First the event is refused, then its dead letter, then the dead letter out of the spool: it is kept there. */
static void
what_kafka_refuses_for_good_is_kept(void **state)
{
    struct house *house = *state;
    struct told told;

    house_start(house, 5000, 1 << 24);
    rd_kafka_mock_push_request_errors(house->bus->cluster, PRODUCE_API_KEY, 1, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    told = post_all(house, 1);
    assert_int_equal(told.kafka, 1);
    assert_int_equal(
        bus_counter(house->bus, "trunkline_dead_letters_total", "source=\"s1\",reason=\"refused_by_kafka\""), 1);
    assert_audit(house, told);
    rd_kafka_mock_push_request_errors(house->bus->cluster, PRODUCE_API_KEY, 3, RD_KAFKA_RESP_ERR_INVALID_RECORD,
                                      RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_RECORD);
    told = post_all(house, 1);
    assert_int_equal(told.spool, 1);
    assert_audit(house, (struct told){1, 1, 0});
    RUN_UNTIL(house->bus, spool_state(house->spool).set_aside == 1 && is_drained(house));
    assert_int_equal(house_stop(house, 5), 0);
}

static void
who_waits_at_the_end_is_answered_by_the_spool(void **state)
{
    struct house *house = *state;
    struct told told;

    house_start(house, 30000, 1 << 24);
    assert_int_equal(post_all(house, 10).kafka, 10);
    rd_kafka_mock_broker_set_rtt(house->bus->cluster, BROKER, 10000);
    post(house);
    RUN_UNTIL(house->bus, bus_gauge(house->bus, "trunkline_custody_callbacks_in_flight", "") == 1);
    assert_int_equal(stop_ingress(house, 1), 0);
    told = read_answers(house, 1);
    assert_int_equal(told.spool, 1);
    assert_audit(house, (struct told){10, 1, 0});
    assert_int_equal(house_stop(house, 0), 1);

    rd_kafka_mock_broker_set_rtt(house->bus->cluster, BROKER, 0);
    house_start(house, 5000, 1 << 24);
    RUN_UNTIL(house->bus, is_drained(house));
    assert_int_equal(house_stop(house, 5), 0);
    assert_int_equal(count_calls(house, 11), 11);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(kafka_there_the_spool_stays_out_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broker_that_is_down_costs_nobody_an_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_slow_kafka_is_given_up_after_the_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_spool_refuses_until_there_is_room, setup, teardown),
        cmocka_unit_test_setup_teardown(what_kafka_refuses_for_good_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_at_the_end_is_answered_by_the_spool, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
