/* Asks Kafka for the offsets of times. */
#include "bus/offsets.h"

#include <poll.h>

#include "base/clock.h"

#define ANSWER_MS 5000 /* for one answer */
#define PAUSE_MS  50

static rd_kafka_resp_err_t
ask(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *answers, int timeout_ms)
{
    rd_kafka_resp_err_t failure = rd_kafka_offsets_for_times(rk, answers, timeout_ms);

    for (int i = 0; i < answers->cnt && failure == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        failure = answers->elems[i].err;
    }
    return failure;
}

bool
offsets_ask(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list, int timeout_ms, struct error *error)
{
    int64_t deadline_ns = clock_monotonic_ns(clock_system()) + timeout_ms * 1000000LL;
    rd_kafka_resp_err_t failure = RD_KAFKA_RESP_ERR__TIMED_OUT;
    int64_t left_ms;

    if (list->cnt == 0) {
        return true;
    }
    while ((left_ms = (deadline_ns - clock_monotonic_ns(clock_system())) / 1000000) > 0) {
        /* A copy: one that was answered in part does not hold the questions any more. */
        rd_kafka_topic_partition_list_t *answers = rd_kafka_topic_partition_list_copy(list);

        failure = ask(rk, answers, left_ms < ANSWER_MS ? (int)left_ms : ANSWER_MS);
        for (int i = 0; i < list->cnt && failure == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
            list->elems[i].offset = answers->elems[i].offset;
        }
        rd_kafka_topic_partition_list_destroy(answers);
        if (failure == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return true;
        }
        poll(NULL, 0, PAUSE_MS);
    }
    return error_set(error, "Kafka does not tell the offsets of topic %s: %s", list->elems[0].topic,
                     rd_kafka_err2str(failure));
}
