/* The un-chunker's state machine. */
#include "ingress/chunked.h"

#include "ingress/syntax.h"

#define SIZE_DIGITS_MAX    8
#define OVERHEAD_BYTES_MAX 8192 /* of extensions and trailers together */

enum state {
    STATE_SIZE,
    STATE_EXTENSION,
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER, /* the first byte of a trailer line, or of the empty line */
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE,
    STATE_TRAILER_LF,
    STATE_END_LF,
    STATE_COMPLETE,
};

void
chunked_init(struct chunked *chunked, size_t limit)
{
    *chunked = (struct chunked){.state = STATE_SIZE, .limit = limit};
}

static bool
refuse(struct chunked *chunked, enum refusal refusal)
{
    chunked->refusal = refusal;
    return false;
}

static bool
go(struct chunked *chunked, enum state state)
{
    chunked->state = state;
    return true;
}

static bool
expect_byte(struct chunked *chunked, char byte, char expected, enum state next)
{
    return byte == expected ? go(chunked, next) : refuse(chunked, REFUSAL_BAD_REQUEST);
}

static bool
overhead(struct chunked *chunked)
{
    return ++chunked->overhead <= OVERHEAD_BYTES_MAX || refuse(chunked, REFUSAL_FIELDS_TOO_LARGE);
}

static unsigned
hex_value(char digit)
{
    return syntax_is(digit, SYNTAX_DIGIT) ? (unsigned)(digit - '0') : (unsigned)(syntax_lower(digit) - 'a') + 10;
}

static bool
size_over(struct chunked *chunked, enum state next)
{
    if (chunked->digits == 0) {
        return refuse(chunked, REFUSAL_BAD_REQUEST);
    }
    return go(chunked, next);
}

/* The size is held against the limit while it is read: a chunk that cannot fit is refused before its data. */
static bool
size(struct chunked *chunked, char byte)
{
    if (byte == '\r') {
        return size_over(chunked, STATE_SIZE_LF);
    }
    if (byte == ';') {
        return size_over(chunked, STATE_EXTENSION);
    }
    if (!syntax_is(byte, SYNTAX_HEX) || ++chunked->digits > SIZE_DIGITS_MAX) {
        return refuse(chunked, REFUSAL_BAD_REQUEST);
    }
    chunked->left = chunked->left * 16 + hex_value(byte);
    if (chunked->left > chunked->limit - chunked->received) {
        return refuse(chunked, REFUSAL_TOO_LARGE);
    }
    return true;
}

static bool
text(struct chunked *chunked, char byte, enum state line_feed)
{
    if (byte == '\r') {
        return go(chunked, line_feed);
    }
    return syntax_is(byte, SYNTAX_VALUE) ? overhead(chunked) : refuse(chunked, REFUSAL_BAD_REQUEST);
}

static bool
size_line_over(struct chunked *chunked, char byte)
{
    bool last = chunked->left == 0;

    chunked->received += chunked->left;
    chunked->digits = 0;
    return expect_byte(chunked, byte, '\n', last ? STATE_TRAILER : STATE_DATA);
}

static bool
trailer(struct chunked *chunked, char byte)
{
    if (chunked->state == STATE_TRAILER && byte == '\r') {
        return go(chunked, STATE_END_LF);
    }
    if (chunked->state == STATE_TRAILER_NAME && byte == ':') {
        return go(chunked, STATE_TRAILER_VALUE);
    }
    if (!syntax_is(byte, SYNTAX_TOKEN)) {
        return refuse(chunked, REFUSAL_BAD_REQUEST);
    }
    chunked->state = STATE_TRAILER_NAME;
    return overhead(chunked);
}

static bool
judge(struct chunked *chunked, char byte)
{
    switch ((enum state)chunked->state) {
    case STATE_SIZE:
        return size(chunked, byte);
    case STATE_EXTENSION:
        return text(chunked, byte, STATE_SIZE_LF);
    case STATE_SIZE_LF:
        return size_line_over(chunked, byte);
    case STATE_DATA_CR:
        return expect_byte(chunked, byte, '\r', STATE_DATA_LF);
    case STATE_DATA_LF:
        return expect_byte(chunked, byte, '\n', STATE_SIZE);
    case STATE_TRAILER:
    case STATE_TRAILER_NAME:
        return trailer(chunked, byte);
    case STATE_TRAILER_VALUE:
        return text(chunked, byte, STATE_TRAILER_LF);
    case STATE_TRAILER_LF:
        return expect_byte(chunked, byte, '\n', STATE_TRAILER);
    case STATE_END_LF:
        return expect_byte(chunked, byte, '\n', STATE_COMPLETE);
    case STATE_DATA:
    case STATE_COMPLETE:
        break;
    }
    return refuse(chunked, REFUSAL_BAD_REQUEST);
}

static struct slice
take_data(struct chunked *chunked, struct slice input)
{
    size_t length = input.length < chunked->left ? input.length : (size_t)chunked->left;

    chunked->left -= length;
    if (chunked->left == 0) {
        chunked->state = STATE_DATA_CR;
    }
    return slice_make(input.data, length);
}

enum chunked_verdict
chunked_feed(struct chunked *chunked, struct slice input, size_t *consumed, struct slice *data)
{
    *data = (struct slice){NULL, 0};
    for (*consumed = 0; *consumed < input.length; ++*consumed) {
        if (chunked->state == STATE_DATA) {
            *data = take_data(chunked, slice_make(input.data + *consumed, input.length - *consumed));
            *consumed += data->length;
            return CHUNKED_DATA;
        }
        if (!judge(chunked, input.data[*consumed])) {
            return CHUNKED_REFUSED;
        }
        if (chunked->state == STATE_COMPLETE) {
            ++*consumed;
            return CHUNKED_COMPLETE;
        }
    }
    return CHUNKED_MORE;
}
