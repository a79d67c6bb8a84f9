/* The last refusal of the process. librdkafka tells of it in its log alone: its error callback needs somebody who
 * polls, and a client that has not come in yet has nobody. */
#include "bus/refusal.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"

/* It tries again every second and leaves out what it has said before, for half a minute. */
#define LATELY_NS ((int64_t)60 * 1000000000)

static const struct {
    const char *mark; /* in librdkafka's text */
    const char *advice;
} kinds[] = {
    {"SASL authentication error", "check kafka's sasl.username, sasl.password and sasl.mechanism"},
    {"SSL routines", "check kafka's ssl.ca.location, and ssl.certificate.location and ssl.key.location"},
    {"security.protocol", "check kafka's security.protocol"},
};

static struct {
    pthread_mutex_t lock;
    char text[320];
    const char *advice; /* NULL: there was none */
    int64_t noted_ns;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Without librdkafka's name of the thread. */
static const char *
behind_thread(const char *text)
{
    const char *end = strncmp(text, "[thrd:", 6) == 0 ? strstr(text, "]: ") : NULL;

    return end == NULL ? text : end + 3;
}

/* It says so of any broker that hangs up soon after it was found in order: of one that is stopped, too. */
static bool
may_be_gone(const char *text)
{
    return strstr(text, "in state UP") != NULL;
}

void
refusal_note(const char *text)
{
    if (may_be_gone(text)) {
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strstr(text, kinds[i].mark) == NULL) {
            continue;
        }
        (void)pthread_mutex_lock(&last.lock);
        strncpy(last.text, behind_thread(text), sizeof last.text - 1);
        last.advice = kinds[i].advice;
        last.noted_ns = clock_monotonic_ns(clock_system());
        (void)pthread_mutex_unlock(&last.lock);
        return;
    }
}

void
refusal_over(void)
{
    (void)pthread_mutex_lock(&last.lock);
    last.advice = NULL;
    (void)pthread_mutex_unlock(&last.lock);
}

bool
refusal_lately(struct error *error)
{
    bool lately;

    (void)pthread_mutex_lock(&last.lock);
    lately = last.advice != NULL && clock_monotonic_ns(clock_system()) - last.noted_ns < LATELY_NS;
    if (lately) {
        error_set(error, "Kafka does not let us in; %s: %s", last.advice, last.text);
    }
    (void)pthread_mutex_unlock(&last.lock);
    return lately;
}
