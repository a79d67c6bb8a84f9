/* What the tests of mappings share: the heads of configurations whose rest is the mapping. */
#pragma once

#include "configuration.h"

#define OPEN    "sources:\n  - name: s1\n    adapter: generic\n    open: true\n    mapping:\n"
#define LIST    "      events: [{type: call.ended, key: /id}]\n"
#define MAPPING KAFKA OPEN "      vendor: acme\n" LIST
#define EVENTS  KAFKA OPEN "      vendor: acme\n      events:\n        "
