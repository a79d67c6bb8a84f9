/* What the configuration says of the spool. */
#pragma once

#include <stddef.h>

struct spool_settings {
    size_t max_bytes;                  /* that its records may take; 0: there is no spool */
    unsigned source_share_percent;     /* of max_bytes that one source may take */
    unsigned drain_records_per_second; /* that go from it to Kafka at most */
};
