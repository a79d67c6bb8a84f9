/* `trunkline simulate`: a vendor's API on this machine, for tests of one's own and for a look at what a worker sends.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "simulators/simulator.h"
#include "verbs/options.h"
#include "verbs/verbs.h"

#define NUMBER_MAX 100000000

struct simulate_options {
    struct common_options common;
    struct simulator_options simulator;
    const char *ledger;
};

enum {
    OPTION_PORT = 1,
    OPTION_CONTROL_PORT,
    OPTION_LEDGER,
    OPTION_PUSH_URL,
    OPTION_PUSH_STEP,
    OPTION_KEY,
    OPTION_SECRET,
    OPTION_LIMIT,
    OPTION_WINDOW,
    OPTION_TOKEN_SECONDS,
    OPTION_SINGLE_TOKEN,
    OPTION_REFUSED_NUMBERS,
    OPTION_SEED,
};

static const struct option table[] = {
    {"port", required_argument, NULL, OPTION_PORT},
    {"control-port", required_argument, NULL, OPTION_CONTROL_PORT},
    {"ledger", required_argument, NULL, OPTION_LEDGER},
    {"push-url", required_argument, NULL, OPTION_PUSH_URL},
    {"push-step-ms", required_argument, NULL, OPTION_PUSH_STEP},
    {"key", required_argument, NULL, OPTION_KEY},
    {"secret", required_argument, NULL, OPTION_SECRET},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"window-ms", required_argument, NULL, OPTION_WINDOW},
    {"token-seconds", required_argument, NULL, OPTION_TOKEN_SECONDS},
    {"single-token", no_argument, NULL, OPTION_SINGLE_TOKEN},
    {"refused-numbers", required_argument, NULL, OPTION_REFUSED_NUMBERS},
    {"seed", required_argument, NULL, OPTION_SEED},
    LOG_OPTIONS,
};

/* The number that an option sets; NULL: it sets none. */
static unsigned *
number_of(struct simulator_options *simulator, int option, unsigned *seed, unsigned *most)
{
    *most = NUMBER_MAX;
    switch (option) {
    case OPTION_PORT:
        *most = 65535;
        return &simulator->port;
    case OPTION_CONTROL_PORT:
        *most = 65535;
        return &simulator->control_port;
    case OPTION_PUSH_STEP:
        return &simulator->push_step_ms;
    case OPTION_LIMIT:
        return &simulator->limit;
    case OPTION_WINDOW:
        return &simulator->window_ms;
    case OPTION_TOKEN_SECONDS:
        return &simulator->token_seconds;
    case OPTION_SEED:
        return seed;
    default:
        return NULL;
    }
}

static void
take_text(struct simulate_options *options, int option)
{
    struct simulator_options *simulator = &options->simulator;

    switch (option) {
    case OPTION_LEDGER:
        options->ledger = optarg;
        break;
    case OPTION_PUSH_URL:
        simulator->push_url = optarg;
        break;
    case OPTION_KEY:
        simulator->key = optarg;
        break;
    case OPTION_SECRET:
        simulator->secret = optarg;
        break;
    case OPTION_REFUSED_NUMBERS:
        simulator->refused_numbers = optarg;
        break;
    default:
        simulator->single_token = true;
        break;
    }
}

static const char *
option_name(int option)
{
    for (const struct option *row = table; row->name != NULL; row++) {
        if (row->val == option) {
            return row->name;
        }
    }
    return "";
}

static bool
read_vendor(const char *name, struct simulator_options *simulator)
{
    if (name != NULL && strcmp(name, "7moor") == 0) {
        simulator->vendor = SIMULATED_SEVENMOOR;
    } else if (name != NULL && strcmp(name, "yeta") == 0) {
        simulator->vendor = SIMULATED_YETA;
        simulator->limit = simulator->limit == UINT32_MAX ? 0 : simulator->limit;
    } else {
        fprintf(stderr, "trunkline simulate: which vendor? 7moor or yeta\n");
        return false;
    }
    simulator->limit = simulator->limit == UINT32_MAX ? 20 : simulator->limit;
    return true;
}

static bool
options_read(int argc, char **argv, struct simulate_options *options)
{
    const char *vendor = NULL;
    unsigned seed = 1;
    int option;

    *options = (struct simulate_options){
        .common = {.log_format = LOG_FORMAT_TEXT, .log_level = LOG_LEVEL_INFO},
        .simulator = {.key = "simulated",
                      .secret = "simulated-secret",
                      .limit = UINT32_MAX,
                      .window_ms = 60000,
                      .token_seconds = 3600,
                      .refused_numbers = "0000*",
                      .push_step_ms = 20},
    };
    while ((option = options_next(argc, argv, table, &options->common)) != -1) {
        unsigned most;
        unsigned *number = number_of(&options->simulator, option, &seed, &most);

        if (option == '?') {
            return false;
        }
        if (number == NULL) {
            take_text(options, option);
        } else if (!options_number("simulate", option_name(option), optarg, most, number)) {
            return false;
        }
    }
    options->simulator.seed = seed;
    return options_operand(argc, argv, &vendor) && read_vendor(vendor, &options->simulator);
}

static void
on_signal(evutil_socket_t number, short what, void *argument)
{
    (void)number;
    (void)what;
    (void)event_base_loopexit(argument, NULL);
}

static int
serve(struct event_base *base, const struct simulate_options *options)
{
    struct event *signals[] = {evsignal_new(base, SIGTERM, on_signal, base),
                               evsignal_new(base, SIGINT, on_signal, base)};
    struct error error = {{0}};
    struct simulator *simulator = simulator_new(base, clock_system(), &options->simulator, &error);
    int status = EXIT_FAULT;

    if (simulator == NULL) {
        fprintf(stderr, "trunkline simulate: %s\n", error.text);
    } else if (signals[0] != NULL && signals[1] != NULL && event_add(signals[0], NULL) == 0 &&
               event_add(signals[1], NULL) == 0) {
        log_info("simulator_started", log_text("url", simulator_url(simulator)),
                 log_text("control_url", simulator_control_url(simulator)));
        status = event_base_dispatch(base) == -1 ? EXIT_FAULT : EXIT_OK;
    }
    simulator_free(simulator);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (signals[i] != NULL) {
            event_free(signals[i]);
        }
    }
    return status;
}

static int
simulate_run(int argc, char **argv)
{
    struct simulate_options options;
    struct event_base *base;
    int status = EXIT_FAULT;

    if (!options_read(argc, argv, &options)) {
        return EXIT_USAGE;
    }
    log_setup(options.common.log_format, options.common.log_level, clock_system());
    if (options.ledger != NULL) {
        options.simulator.ledger = fopen(options.ledger, "ae");
        if (options.simulator.ledger == NULL) {
            fprintf(stderr, "trunkline simulate: cannot write the ledger %s\n", options.ledger);
            return EXIT_USAGE;
        }
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a client may be gone before its answer */
    base = event_base_new();
    if (base != NULL) {
        status = serve(base, &options);
        event_base_free(base);
    }
    if (options.simulator.ledger != NULL) {
        (void)fclose(options.simulator.ledger);
    }
    return status;
}

const struct verb verb_simulate = {
    .name = "simulate",
    .summary = "a vendor's API on this machine, to try a worker against",
    .usage = "usage: trunkline simulate 7moor|yeta [OPTIONS]\n\n"
             "Does what the vendor's API does, on 127.0.0.1: checks requests, keeps a limit at its door, writes every\n"
             "call down, and misbehaves when told to by POST /simulator/behaviour; GET /simulator/calls tells what\n"
             "came. Nobody is called.\n\n"
             "  --port N              of the API (default 0: any; the log tells it)\n"
             "  --control-port N      of /simulator/ alone, which no behaviour disturbs (the same)\n"
             "  --key KEY             m7-appkey or app_key (default simulated)\n"
             "  --secret SECRET       secretKey or app_secret (default simulated-secret)\n"
             "  --limit N             calls in a window; 0: any number (default 7moor 20, yeta 0)\n"
             "  --window-ms N         the window (default 60000)\n"
             "  --token-seconds N     for how long yeta's tokens are valid (default 3600)\n"
             "  --single-token        a new token of yeta makes the older ones void\n"
             "  --refused-numbers GLOB  a number that makes yeta refuse a whole batch (default 0000*)\n"
             "  --push-url URL        where pushes about the calls go, such as "
             "http://127.0.0.1:8080/callbacks/7moor\n"
             "  --push-step-ms N      between the pushes of a call (default 20)\n"
             "  --ledger FILE         every call as a line of JSON, added to what is there\n"
             "  --seed N              of chance; the same one gives the same again (default 1)\n"
             "  --log-format FORMAT   json or text (default)\n"
             "  --log-level LEVEL     debug, info (default), warn or error\n",
    .actions = (const struct verb_action[]){{"7moor", table}, {"yeta", table}, {NULL, NULL}},
    .run = simulate_run,
};
