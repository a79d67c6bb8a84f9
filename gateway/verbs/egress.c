/* `trunkline egress`: the worker that carries out commands, run from a configuration. */
#include "verbs/options.h"
#include "verbs/process.h"
#include "verbs/serve.h"
#include "verbs/verbs.h"

static int
egress_run(int argc, char **argv)
{
    return serve_run(argc, argv, PROCESS_EGRESS);
}

const struct verb verb_egress = {
    .name = "egress",
    .summary = "reads commands from Kafka and calls the vendors' APIs",
    .usage =
        "usage: trunkline egress [OPTIONS]\n\n"
        "Reads the commands topic, calls the vendors' APIs with the configured accounts within their limits, and\n"
        "publishes what became of each command. Workers with one egress.group share the commands among them. SIGTERM\n"
        "ends it in order: calls that are going on are finished and what is left is handed over. A second one ends it\n"
        "at once.\n\n" COMMON_USAGE,
    .options = serve_options,
    .run = egress_run,
};
