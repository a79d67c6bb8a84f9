/* The words, in the order of the enumerations of model.h. */
#include "event/words.h"

#include "event/model.h"

const char *const direction_words[] = {
    [DIRECTION_ABSENT] = NULL,
    [DIRECTION_INBOUND] = "inbound",
    [DIRECTION_OUTBOUND] = "outbound",
    NULL,
};

const char *const call_kind_words[] = {
    [CALL_KIND_ABSENT] = NULL,
    [CALL_KIND_AGENT] = "agent",
    [CALL_KIND_WEBCALL] = "webcall",
    [CALL_KIND_PREVIEW] = "preview",
    [CALL_KIND_AUTO] = "auto",
    [CALL_KIND_ROBOT] = "robot",
    [CALL_KIND_AXB] = "axb",
    [CALL_KIND_PREDICTIVE] = "predictive",
    NULL,
};

const char *const call_leg_words[] = {
    [CALL_LEG_ABSENT] = NULL,
    [CALL_LEG_AGENT] = "agent",
    [CALL_LEG_CUSTOMER] = "customer",
    NULL,
};

const char *const record_kind_words[] = {
    [RECORD_ABSENT] = NULL,
    [RECORD_BASIC] = "basic",
    [RECORD_FULL] = "full",
    NULL,
};

const char *const agent_state_words[] = {
    [AGENT_STATE_ABSENT] = NULL,
    [AGENT_STATE_IDLE] = "idle",
    [AGENT_STATE_BUSY] = "busy",
    [AGENT_STATE_DIALING] = "dialing",
    [AGENT_STATE_RINGING] = "ringing",
    [AGENT_STATE_TALKING] = "talking",
    [AGENT_STATE_WRAP_UP] = "wrap_up",
    [AGENT_STATE_HELD] = "held",
    [AGENT_STATE_MUTED] = "muted",
    [AGENT_STATE_DISCONNECTED] = "disconnected",
    [AGENT_STATE_INVALID] = "invalid",
    [AGENT_STATE_CUSTOM] = "custom",
    NULL,
};

const char *const outcome_words[] = {
    [OUTCOME_ABSENT] = NULL,
    [OUTCOME_ANSWERED] = "answered",
    [OUTCOME_NO_ANSWER] = "no_answer",
    [OUTCOME_AGENT_NO_ANSWER] = "agent_no_answer",
    [OUTCOME_BUSY] = "busy",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_UNREACHABLE] = "unreachable",
    [OUTCOME_POWERED_OFF] = "powered_off",
    [OUTCOME_SUSPENDED] = "suspended",
    [OUTCOME_INVALID_NUMBER] = "invalid_number",
    [OUTCOME_RESTRICTED] = "restricted",
    [OUTCOME_CANCELLED] = "cancelled",
    [OUTCOME_TIMEOUT] = "timeout",
    [OUTCOME_ABANDONED_IN_QUEUE] = "abandoned_in_queue",
    [OUTCOME_ENDED_IN_IVR] = "ended_in_ivr",
    [OUTCOME_NETWORK_FAILURE] = "network_failure",
    [OUTCOME_FAILED] = "failed",
    [OUTCOME_UNKNOWN] = "unknown",
    NULL,
};

const char *const party_words[] = {
    [PARTY_ABSENT] = NULL,
    [PARTY_CALLER] = "caller",
    [PARTY_CALLEE] = "callee",
    NULL,
};

const char *const hung_up_by_words[] = {
    [HUNG_UP_BY_ABSENT] = NULL,     [HUNG_UP_BY_AGENT] = "agent",     [HUNG_UP_BY_CUSTOMER] = "customer",
    [HUNG_UP_BY_SYSTEM] = "system", [HUNG_UP_BY_UNKNOWN] = "unknown", NULL,
};

const char *const recording_kind_words[] = {
    [RECORDING_ABSENT] = NULL,
    [RECORDING_MIXED] = "mixed",
    [RECORDING_STEREO] = "stereo",
    [RECORDING_AGENT] = "agent",
    [RECORDING_CUSTOMER] = "customer",
    [RECORDING_VOICEMAIL] = "voicemail",
    NULL,
};
