/* A member of a command's data: the rule of what it may hold, and whether a value keeps it. What is refused is refused
 * with a sentence that names the member and says what is right; what the member holds is never repeated there: it may
 * be a phone number. */
#pragma once

#include "base/error.h"
#include "base/timestamp.h"
#include "base/value.h"

enum member_kind {
    MEMBER_TEXT,       /* a string without control characters: ids and phone numbers too, never a JSON number */
    MEMBER_DIGITS,     /* a string of digits: what vendors document as string and read as a number */
    MEMBER_INTEGER,    /* a whole number from least to most */
    MEMBER_NUMBER,     /* a number from least to most, passed on digit for digit */
    MEMBER_BOOLEAN,    /* true or false */
    MEMBER_WORD,       /* one of words, passed on as the vendor's JSON that stands beside it */
    MEMBER_MILLIS,     /* RFC 3339, passed on as epoch milliseconds */
    MEMBER_CHINA_TIME, /* RFC 3339, passed on as "YYYY-MM-DD HH:MM:SS" of China */
    MEMBER_OBJECT,     /* an object, passed on as it is */
    MEMBER_ANY,        /* any JSON, passed on as it is */
};

struct member_word {
    const char *word; /* ours; NULL ends the list */
    const char *json; /* the vendor's, quotes included */
};

/* One member of data, or of data.options. JSON null counts as absent. */
struct member_rule {
    const char *name;        /* NULL ends a table */
    const char *vendor_name; /* NULL: it is checked here, and written by the operation's own code, if at all */
    enum member_kind kind;
    bool required;
    bool may_be_empty;              /* MEMBER_TEXT: "" is a value too */
    const char *fallback;           /* JSON that is written when it is absent; NULL: nothing is */
    int64_t least, most;            /* of integers and numbers; of texts and digits: most bytes, 0 for TEXT_BYTES_MAX */
    unsigned list_least, list_most; /* list_most > 0: it is a list of so many values of that kind */
    const struct member_word *words;
};

#define TEXT_BYTES_MAX 255

/* Whether the value, which is there and not null, keeps the rule. false: error says "<prefix><name>: <what is wrong,
 * and what is right>", with a list's index behind the name. */
bool member_check(const char *prefix, const struct member_rule *rule, const struct value *value,
                  struct error *error) MUST_CHECK;

/* The member of an object; NULL when it is absent, or null. The object may be NULL. */
const struct value *member_present(const struct value *object, const char *name);

/* Which of the rule's words the value is; NULL: none of them. */
const struct member_word *member_find_word(const struct member_rule *rule, const struct value *value);

/* A time that has a four-digit year in China too, as China's clocks show it. */
bool member_read_time(const struct value *value, struct timestamp *timestamp) MUST_CHECK;

/* Appends a word to a list in a text of bounded size, with ", " before it where it is not the first; what does not fit
 * is left out. */
void member_list(char *text, size_t size, const char *word);
