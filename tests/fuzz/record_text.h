/* A Kafka record as the text of a fuzz input: lines "name: value" are its headers up to an empty line, the rest is its
 * value; a text that begins with `{` or `[` has no headers. */
#pragma once

#include "event/recordset.h"

#define RECORD_TEXT_HEADERS_MAX 16

/* Takes the headers off the text, which keeps them, and returns how many there are. */
static inline size_t
record_text_headers(struct slice *text, struct record_header headers[RECORD_TEXT_HEADERS_MAX])
{
    size_t count = 0;

    while (text->length > 0 && text->data[0] != '{' && text->data[0] != '[') {
        const char *end = memchr(text->data, '\n', text->length);
        size_t length = end == NULL ? text->length : (size_t)(end - text->data);
        const char *colon = memchr(text->data, ':', length);

        if (colon != NULL && count < RECORD_TEXT_HEADERS_MAX) {
            size_t name = (size_t)(colon - text->data);
            size_t value = name + 1 < length && colon[1] == ' ' ? name + 2 : name + 1;

            headers[count++] = (struct record_header){
                .name = slice_make(text->data, name),
                .value = slice_make(text->data + value, length - value),
            };
        }
        text->data += end == NULL ? length : length + 1;
        text->length -= end == NULL ? length : length + 1;
        if (length == 0) {
            break;
        }
    }
    return count;
}
