/* The envelope holds what every event of one callback shares: where it came from and when. */
#pragma once

#include "base/slice.h"
#include "base/timestamp.h"

struct envelope {
    struct slice source;       /* the source's name: CloudEvents source is /trunkline/<source> */
    struct slice adapter;      /* also the extension `vendor`, and the head of every id */
    struct slice account;      /* extension `account` */
    struct slice traceparent;  /* the request's, checked; or empty */
    struct timestamp received; /* extension recordedtime, and time where the vendor tells none */
    bool recovered;
};
