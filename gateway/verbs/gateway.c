/* `trunkline gateway`: the HTTP ingress, run from a configuration. */
#include "verbs/options.h"
#include "verbs/process.h"
#include "verbs/serve.h"
#include "verbs/verbs.h"

static int
gateway_run(int argc, char **argv)
{
    return serve_run(argc, argv, PROCESS_INGRESS);
}

const struct verb verb_gateway = {
    .name = "gateway",
    .summary = "takes callbacks over HTTP and publishes their events to Kafka",
    .usage =
        "usage: trunkline gateway [OPTIONS]\n\n"
        "Takes the callbacks of the configured sources over HTTP, checks and converts them, publishes the events to\n"
        "Kafka and answers each vendor once Kafka has acknowledged, or, while it does not, once they are safe on "
        "disk;\n"
        "they are sent when Kafka is back. SIGTERM ends it in order, a second one at once. Exit status 3: it ended in\n"
        "order, and events wait on disk for the next start.\n\n" COMMON_USAGE,
    .options = serve_options,
    .run = gateway_run,
};
