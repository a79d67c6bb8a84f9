/* Composes the JSON body of a request to a vendor out of the data of a command, by tables that say which member becomes
 * which member of the vendor's, and what it may hold. Whatever a command gives wrong is refused with a sentence that
 * names the member and says what is right; what a member holds is never repeated there: it may be a phone number. */
#pragma once

#include "adapters/member.h"
#include "adapters/operation.h"
#include "base/json_writer.h"

/* One body on its way. */
struct composer {
    const struct operation *operation;
    const struct command *command;
    struct arena *arena;
    struct error *error;
    struct json_writer writer; /* inside the body's object: the operation's own code may add members */
};

/* Opens the body's object. command is the one whose data is read (of several that are gathered, any). */
void composer_init(struct composer *composer, const struct operation *operation, const struct command *command,
                   struct arena *arena, struct error *error);
/* Another command's data from now on: for operations that gather. */
void composer_turn_to(struct composer *composer, const struct command *command);

/* Checks data by rules and data.options by options (NULL: the operation takes none), then writes the members, each
 * table in its own order, options last. false: error says what is wrong. */
bool composer_write(struct composer *composer, const struct member_rule *rules,
                    const struct member_rule *options) MUST_CHECK;
/* The same without writing anything. */
bool composer_check(struct composer *composer, const struct member_rule *rules,
                    const struct member_rule *options) MUST_CHECK;

/* Members of data for the operation's own code. NULL, empty, absent where there is none, or null. */
const struct value *composer_member(const struct composer *composer, const char *name);
struct slice composer_text(const struct composer *composer, const char *name);     /* of a string */
struct timestamp composer_time(const struct composer *composer, const char *name); /* of a readable RFC 3339 time */

/* Always false: "data.<member>: <what is wrong, and what is right>". */
bool composer_refuse(struct composer *composer, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A value as compact JSON: no white space, escapes only where JSON wants them, numbers digit for digit. */
void composer_write_compact(struct json_writer *writer, const struct value *value);

/* Closes the body; fills body, and path with the operation's. false: the arena is full, now or before. */
bool composer_finish(struct composer *composer, struct composition *composition) MUST_CHECK;
