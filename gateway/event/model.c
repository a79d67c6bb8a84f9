/* The names of the event types. */
#include "event/model.h"

/* One row gives all three forms of a name, so that no event has to format them. */
#define NAMES(name)                                                                                                    \
    {                                                                                                                  \
        name, SLICE("io.trunkline." name ".v1"), SLICE("urn:trunkline:schema:" name ":v1")                             \
    }

static const struct event_names names[EVENT_TYPE_COUNT] = {
    [EVENT_NONE] = {"", {NULL, 0}, {NULL, 0}},
    [EVENT_CALL_DIALING] = NAMES("call.dialing"),
    [EVENT_CALL_RINGING] = NAMES("call.ringing"),
    [EVENT_CALL_ANSWERED] = NAMES("call.answered"),
    [EVENT_CALL_ENDED] = NAMES("call.ended"),
    [EVENT_CALL_RECORDED] = NAMES("call.recorded"),
    [EVENT_CALL_RECORDING_AVAILABLE] = NAMES("call.recording.available"),
    [EVENT_CALL_TRANSCRIBED] = NAMES("call.transcribed"),
    [EVENT_CALL_DISPOSITIONED] = NAMES("call.dispositioned"),
    [EVENT_CALL_MEDIA_DIAGNOSED] = NAMES("call.media.diagnosed"),
    [EVENT_AGENT_STATUS_CHANGED] = NAMES("agent.status.changed"),
    [EVENT_AGENT_LOGGED_IN] = NAMES("agent.loggedin"),
    [EVENT_AGENT_LOGGED_OUT] = NAMES("agent.loggedout"),
    [EVENT_TASK_FINISHED] = NAMES("task.finished"),
    [EVENT_TASK_STATUS_CHANGED] = NAMES("task.status.changed"),
    [EVENT_VENDOR_UNMAPPED] = NAMES("vendor.unmapped"),
};

const struct event_names *
event_names(enum event_type type)
{
    return &names[type];
}

const char *
event_type_name(enum event_type type)
{
    return names[type].name;
}
