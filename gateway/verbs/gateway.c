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
        "Kafka and answers each vendor once Kafka has acknowledged. SIGTERM ends it in order, a second one at "
        "once.\n\n" COMMON_USAGE,
    .run = gateway_run,
};
