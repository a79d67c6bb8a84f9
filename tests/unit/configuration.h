/* What the tests of the configuration share: good texts give a snapshot, bad ones the faults as people see them. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* The shortest good configuration is this and a source. */
#define KAFKA  "kafka: {bootstrap.servers: 'broker:9092'}\n"
#define SOURCE "  - {name: s1, adapter: yeta, open: true}\n"

static inline struct config *
good(const char *yaml)
{
    struct config_faults faults;
    struct config *config = config_parse("t.yaml", slice_from(yaml), &faults);

    if (config == NULL)
        config_faults_print(&faults, stderr);
    assert_non_null(config);
    assert_int_equal(faults.count, 0);
    config_faults_free(&faults);
    return config;
}

/* What is printed of the faults, of any bytes; free it. */
static inline char *
faults_of(struct slice yaml)
{
    struct config_faults faults;
    char *text = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&text, &length);

    assert_non_null(stream);
    assert_null(config_parse("t.yaml", yaml, &faults));
    config_faults_print(&faults, stream);
    fclose(stream);
    config_faults_free(&faults);
    return text;
}

/* The yaml has just this one fault, line and all. */
static inline void
assert_fault(const char *yaml, const char *expected)
{
    char *text = faults_of(slice_from(yaml));
    size_t length = strlen(expected);

    if (strncmp(text, expected, length) != 0 || strcmp(text + length, "\n") != 0)
        fail_msg("expected: %s\nfound:    %s", expected, text);
    free(text);
}

static inline void
assert_slice(struct slice slice, const char *expected)
{
    if (!slice_is(slice, expected))
        fail_msg("expected \"%s\", found \"%.*s\"", expected, SLICE_ARGS(slice));
}
