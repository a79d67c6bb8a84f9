/* A configuration and a request: whatever mapping is taken can be followed, wherever it points. An input is YAML up to
 * a line "...", then the request. */
#include "fuzz/callbacks.h"

#define SEPARATOR    "\n...\n"
#define SOURCES_MOST 3 /* more of them show nothing more */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t length = sizeof(SEPARATOR) - 1;
    const char *text = size == 0 ? "" : (const char *)data;
    const char *separator = size == 0 ? NULL : memmem(text, size, SEPARATOR, length);
    size_t yaml = separator == NULL ? size : (size_t)(separator - text);
    struct slice request = separator == NULL ? slice_from("{}") : slice_make(separator + length, size - yaml - length);
    struct config_faults faults;
    struct config *config = config_parse("fuzz.yaml", slice_make(text, yaml), &faults);

    config_faults_free(&faults);
    if (config != NULL && config->source_count <= SOURCES_MOST) {
        config->raw_enabled = false;
        check_callback(config, request);
    }
    config_free(config);
    return 0;
}
