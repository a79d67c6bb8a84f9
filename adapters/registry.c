/* The list of all adapters: a vendor more is one file and one line here. */
#include "adapters/adapter.h"

extern const struct adapter adapter_airudder;
extern const struct adapter adapter_generic;
extern const struct adapter adapter_jiuyun;
extern const struct adapter adapter_sevenmoor;
extern const struct adapter adapter_yeta;

const struct adapter *const adapters[] = {
    &adapter_airudder, &adapter_generic, &adapter_jiuyun, &adapter_sevenmoor, &adapter_yeta, NULL,
};

const struct adapter *
adapter_find(struct slice name)
{
    for (const struct adapter *const *adapter = adapters; *adapter != NULL; adapter++) {
        if (slice_is(name, (*adapter)->name)) {
            return *adapter;
        }
    }
    return NULL;
}
