/* The calls to yeta that submit numbers to be called: 三, one row a command, and 五, up to 50 rows in one. */
#include <stdarg.h>
#include <stdio.h>

#include "adapters/composer.h"
#include "adapters/yeta_calls.h"

#define COLUMNS_MAX    128
#define ROWS_MAX       50   /* 三, 五 */
#define CELL_BYTES_MAX 1024 /* what a robot says of one row */

/* Where a cell stands: for messages, in which no row's own words may appear. */
struct cell_place {
    struct composer *composer;
    const char *member; /* "row", "rows" */
    int row;            /* -1: there is but one */
};

__attribute__((format(printf, 3, 4))) static bool
refuse_cell(const struct cell_place *place, unsigned column, const char *format, ...)
{
    va_list arguments;
    char text[128];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (place->row < 0) {
        return composer_refuse(place->composer, place->member, "column %u %s", column + 1, text);
    }
    return composer_refuse(place->composer, place->member, "column %u of row %d %s", column + 1, place->row + 1, text);
}

/* The document has strings and nothing else in a row: how a number is to be read out, its writer decides. */
static bool
check_cell(const struct cell_place *place, unsigned column, const struct value *cell)
{
    if (cell->kind != VALUE_STRING) {
        return refuse_cell(place, column, "must be a string%s", cell->kind == VALUE_NUMBER ? "; put it in quotes" : "");
    }
    if (cell->text.length > CELL_BYTES_MAX) {
        return refuse_cell(place, column, "has %zu bytes; at most %d are allowed", cell->text.length, CELL_BYTES_MAX);
    }
    for (size_t i = 0; i < cell->text.length; i++) {
        if ((unsigned char)cell->text.data[i] < ' ' || cell->text.data[i] == 0x7f) {
            return refuse_cell(place, column, "holds control characters; take them out");
        }
    }
    return true;
}

/* --- 三 --- */

static const struct member_rule dial_rules[] = {
    {.name = "callee", .kind = MEMBER_TEXT, .required = true},
    {.name = "robot", .vendor_name = "robot_id", .kind = MEMBER_TEXT, .required = true},
    {.name = "line", .vendor_name = "line_num", .kind = MEMBER_TEXT, .required = true},
    {.name = "row", .kind = MEMBER_OBJECT},
    {0},
};
static const struct member_rule dial_options[] = {
    {.name = "voice_code", .vendor_name = "voice_code", .kind = MEMBER_TEXT},
    {.name = "robot_speed", .vendor_name = "robot_speed", .kind = MEMBER_NUMBER, .least = -500, .most = 500},
    {0},
};

static const struct value *
first_cell(const struct composer *composer)
{
    const struct value *row = composer_member(composer, "row");

    return row == NULL ? NULL : row->first;
}

static bool
check_row(struct composer *composer, struct slice customer_column)
{
    struct cell_place place = {composer, "row", -1};
    unsigned column = 0;

    for (const struct value *cell = first_cell(composer); cell != NULL; cell = cell->next, column++) {
        if (column + 1 >= COLUMNS_MAX) {
            return composer_refuse(composer, "row", "has too many columns; it takes %d", COLUMNS_MAX - 1);
        }
        if (slice_empty(cell->name)) {
            return refuse_cell(&place, column, "has no name");
        }
        if (slice_equal(cell->name, customer_column)) {
            return refuse_cell(&place, column, "is the customer's, which data.callee fills; leave it out");
        }
        if (!check_cell(&place, column, cell)) {
            return false;
        }
    }
    return true;
}

static void
write_columns(struct composer *composer, struct slice customer_column)
{
    json_name(&composer->writer, slice_from("call_column"));
    json_open(&composer->writer, '[');
    json_string(&composer->writer, customer_column);
    for (const struct value *cell = first_cell(composer); cell != NULL; cell = cell->next) {
        json_string(&composer->writer, cell->name);
    }
    json_close(&composer->writer, ']');
}

static void
write_row(struct composer *composer)
{
    json_open(&composer->writer, '[');
    json_string(&composer->writer, composer_text(composer, "callee"));
    for (const struct value *cell = first_cell(composer); cell != NULL; cell = cell->next) {
        json_string(&composer->writer, cell->text);
    }
    json_close(&composer->writer, ']');
}

bool
yeta_compose_dial(const struct operation *operation, const struct composition_input *input,
                  struct composition *composition, struct error *error)
{
    struct slice customer_column = yeta_setting(input, YETA_CUSTOMER_COLUMN);
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    if (!composer_write(&composer, dial_rules, dial_options)) {
        return false;
    }
    write_columns(&composer, customer_column);
    json_name(&composer.writer, slice_from("call_list"));
    json_open(&composer.writer, '[');
    for (size_t i = 0; i < input->count; i++) {
        composer_turn_to(&composer, input->commands[i]);
        if (!composer_check(&composer, dial_rules, dial_options) || !check_row(&composer, customer_column)) {
            return false;
        }
        if (i > 0 && !yeta_dials_together(input->commands[0], input->commands[i])) {
            return error_set(error, "dials of different robots, lines, columns, voices or speeds in one request");
        }
        write_row(&composer);
    }
    json_close(&composer.writer, ']');
    return composer_finish(&composer, composition);
}

/* Whether both have the same text or number there, or neither has any. */
static bool
same_member(const struct value *a, const struct value *b, const char *name)
{
    const struct value *in_a = value_member(a, name);
    const struct value *in_b = value_member(b, name);
    bool a_absent = in_a == NULL || in_a->kind == VALUE_NULL;
    bool b_absent = in_b == NULL || in_b->kind == VALUE_NULL;

    if (a_absent || b_absent) {
        return a_absent && b_absent;
    }
    return in_a->kind == in_b->kind && slice_equal(in_a->text, in_b->text);
}

static bool
same_columns(const struct value *a, const struct value *b)
{
    const struct value *in_a = a == NULL ? NULL : a->first;
    const struct value *in_b = b == NULL ? NULL : b->first;

    while (in_a != NULL && in_b != NULL && slice_equal(in_a->name, in_b->name)) {
        in_a = in_a->next;
        in_b = in_b->next;
    }
    return in_a == NULL && in_b == NULL;
}

bool
yeta_dials_together(const struct command *a, const struct command *b)
{
    const struct value *options_a = value_member(a->data, "options");
    const struct value *options_b = value_member(b->data, "options");

    return same_member(a->data, b->data, "robot") && same_member(a->data, b->data, "line") &&
           same_member(options_a, options_b, "voice_code") && same_member(options_a, options_b, "robot_speed") &&
           same_columns(value_member(a->data, "row"), value_member(b->data, "row"));
}

/* --- 五 --- */

static const struct member_rule add_rules[] = {
    {.name = "task", .vendor_name = "task_id", .kind = MEMBER_TEXT, .required = true},
    {.name = "columns",
     .vendor_name = "call_column",
     .kind = MEMBER_TEXT,
     .required = true,
     .list_least = 1,
     .list_most = COLUMNS_MAX},
    {.name = "rows",
     .vendor_name = "call_list",
     .kind = MEMBER_ANY,
     .required = true,
     .list_least = 1,
     .list_most = ROWS_MAX},
    {0},
};

static bool
check_columns(struct composer *composer)
{
    const struct value *columns = composer_member(composer, "columns");
    unsigned index = 0;

    for (const struct value *column = columns->first; column != NULL; column = column->next, index++) {
        for (const struct value *earlier = columns->first; earlier != column; earlier = earlier->next) {
            if (slice_equal(earlier->text, column->text)) {
                return composer_refuse(composer, "columns", "value %u is there before; each name comes once",
                                       index + 1);
            }
        }
    }
    return true;
}

static bool
check_listed_row(const struct cell_place *place, const struct value *row, uint32_t columns)
{
    unsigned column = 0;

    if (row->kind != VALUE_ARRAY || row->count != columns) {
        return composer_refuse(place->composer, place->member, "row %d must be a list of %u values, one a column",
                               place->row + 1, (unsigned)columns);
    }
    for (const struct value *cell = row->first; cell != NULL; cell = cell->next, column++) {
        if (!check_cell(place, column, cell)) {
            return false;
        }
        if (column == 0 && slice_empty(cell->text)) {
            return refuse_cell(place, column, "is empty; it is the number to be called");
        }
    }
    return true;
}

static bool
check_rows(struct composer *composer)
{
    struct cell_place place = {composer, "rows", 0};
    uint32_t columns = composer_member(composer, "columns")->count;

    for (const struct value *row = composer_member(composer, "rows")->first; row != NULL; row = row->next) {
        if (!check_listed_row(&place, row, columns)) {
            return false;
        }
        place.row++;
    }
    return true;
}

bool
yeta_compose_add(const struct operation *operation, const struct composition_input *input,
                 struct composition *composition, struct error *error)
{
    struct composer composer;

    composer_init(&composer, operation, input->commands[0], input->arena, error);
    return composer_check(&composer, add_rules, NULL) && check_columns(&composer) && check_rows(&composer) &&
           composer_write(&composer, add_rules, NULL) && composer_finish(&composer, composition);
}
