/* A reload on its way from the file to the workers; the ingress and the look at the topics are stood in for. */
#include <event2/event.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "configuration.h"
#include "ingress/ingress.h"
#include "verbs/preparation.h"
#include "verbs/reload.h"

#define SOURCES KAFKA "topics: {create: false}\nsources:\n"

static char path[] = "/tmp/test_reload.XXXXXX";
static struct config *in_force; /* the stand-in's own */
static unsigned taken, renewed;

/* The workers have taken it over, and nobody holds the one before any more, by the time that this returns. */
bool
ingress_reload(struct ingress *ingress, struct config *config, int taken_fd, struct error *error)
{
    (void)ingress;
    (void)error;
    config_free(in_force);
    in_force = config;
    taken++;
    assert_int_equal(eventfd_write(taken_fd, 1), 0);
    return true;
}

bool
preparation_renew(struct preparation *preparation, const struct topic_spec *specs, size_t count)
{
    (void)preparation;
    assert_non_null(specs);
    assert_true(count > 0);
    renewed++;
    return true;
}

static void
write_file(const char *yaml)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(yaml, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
reload_and_wait(struct reload *reload, struct event_base *base)
{
    unsigned before = taken;

    reload_ask(reload);
    while (taken == before) {
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    }
    assert_int_equal(event_base_loop(base, EVLOOP_NONBLOCK), 0);
}

static void
the_configuration_before_may_be_gone_at_once(void **state)
{
    struct event_base *base = event_base_new();
    struct metrics *metrics = metrics_new();
    struct config_faults faults;
    struct config *config;
    struct reload *reload;
    struct error error;
    int stand_in = 0;

    (void)state;
    write_file(SOURCES SOURCE);
    config = config_load_parts(path, CONFIG_SOURCES, &faults);
    assert_non_null(config);
    config_faults_free(&faults);
    reload = reload_new(config, base, metrics, &error);
    assert_non_null(reload);
    reload_serve(reload, (struct ingress *)(void *)&stand_in, NULL);
    for (unsigned i = 1; i <= 5; i++) {
        reload_and_wait(reload, base);
        assert_int_equal(taken, i);
        assert_int_equal(renewed, 0); /* the topics are those of before, of which nothing is left to compare with */
    }
    reload_stop(reload);
    reload_free(reload);
    config_free(in_force);
    config_free(config);
    metrics_free(metrics);
    event_base_free(base);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_configuration_before_may_be_gone_at_once)};
    int fd = mkstemp(path);
    int failed;

    if (fd < 0 || close(fd) != 0) {
        return 1;
    }
    (void)mallopt(M_PERTURB, 0x55); /* what is freed does not look as before */
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    return unlink(path) != 0 || failed;
}
