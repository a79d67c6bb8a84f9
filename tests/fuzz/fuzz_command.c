/* Fuzzes what reads the commands and results topics. An input is a record, as record_text.h reads it. */
#include "base/json_writer.h"
#include "base/utf8.h"
#include "event/attribute.h"
#include "event/command.h"
#include "event/result.h"
#include "fuzz/fact.h"
#include "fuzz/record_text.h"

#define ARENA_BYTES ((size_t)64 << 20)

static void
check_id(struct slice id, bool required)
{
    require(!required || id.length > 0);
    require(id.length <= COMMAND_ID_BYTES_MAX && utf8_valid(id) && attribute_allowed(id));
}

/* A valid command, told again in the bare form, is the same content. */
static void
check_again(const struct command *command, struct arena *arena)
{
    struct json_writer writer;
    struct command again;
    struct slice text;

    json_writer_init(&writer, arena, 1024);
    json_open(&writer, '{');
    json_name(&writer, slice_from("data"));
    if (command->data == NULL) {
        json_raw(&writer, slice_from("{}"));
    } else {
        json_value(&writer, command->data);
    }
    json_name(&writer, slice_from("account"));
    json_string(&writer, command->account);
    json_name(&writer, slice_from("type"));
    json_string(&writer, arena_printf(arena, COMMAND_TYPE_PREFIX "%.*s.v1", SLICE_ARGS(command->name)));
    json_name(&writer, slice_from("id"));
    json_string(&writer, command->id);
    json_close(&writer, '}');
    text = json_finish(&writer);
    if (arena_failed(arena) || text.length > COMMAND_BYTES_MAX) {
        return;
    }
    switch (command_parse(text, NULL, 0, arena, &again, NULL)) {
    case COMMAND_VALID:
        require(memcmp(again.content_hash, command->content_hash, COMMAND_CONTENT_HASH_BYTES) == 0);
        require(slice_equal(again.name, command->name) && again.control == command->control);
        break;
    case COMMAND_NO_MEMORY:
        break;
    case COMMAND_INVALID:
        /* Binary-mode data may be one level deeper, and one value larger, than data inside an object. */
        require(command->data != NULL);
        break;
    }
}

static void
check_command(struct slice value, const struct record_header *headers, size_t count, struct arena *arena)
{
    struct command command;
    struct error error = {""};
    enum command_verdict verdict = command_parse(value, headers, count, arena, &command, &error);

    if (verdict == COMMAND_NO_MEMORY) {
        return;
    }
    require((verdict == COMMAND_VALID) == (error.text[0] == '\0'));
    check_id(command.id, verdict == COMMAND_VALID);
    check_id(command.account, verdict == COMMAND_VALID);
    check_id(command.correlation_id, false);
    require(command.expires_ms >= 0 && command.not_before_ms >= 0 && command.priority < PRIORITY_COUNT);
    require(command.traceparent.length == 0 || traceparent_valid(command.traceparent));
    if (verdict == COMMAND_VALID) {
        require(command.name.length > 0 && (command.data == NULL || command.data->kind == VALUE_OBJECT));
        check_again(&command, arena);
    }
}

/* What was read is written, and read again, as the same. */
static void
check_result(struct slice value, struct arena *arena)
{
    struct result result, again;
    struct record first, second;

    if (!result_read(value, arena, &result) || !result_write(&result, arena, &first)) {
        return;
    }
    if (result_read(first.value, arena, &again) && result_write(&again, arena, &second)) {
        require(slice_equal(first.value, second.value) && slice_equal(first.key, second.key));
    } else {
        require(arena_failed(arena));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_make((const char *)data, size);
    struct record_header headers[RECORD_TEXT_HEADERS_MAX];
    struct arena *arena = arena_new(NULL, ARENA_BYTES);
    size_t count = record_text_headers(&text, headers);

    check_command(text, headers, count, arena);
    arena_free(arena);
    arena = arena_new(NULL, ARENA_BYTES);
    check_result(text, arena);
    arena_free(arena);
    return 0;
}
