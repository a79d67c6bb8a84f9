/* What the files that make a mapping out of YAML share: its tables with what their rows fill in, and the syntax of
 * references, templates and conditions. Faults go to the loader. */
#pragma once

#include "adapters/mapping.h"
#include "config/option.h"

/* --- the tables --- */

struct mapping_draft {
    struct mapping mapping;
    struct slice records, answer_body;
    unsigned time_form;            /* an enum time_form: of every time that names none */
    struct custom_type *own_types; /* mapping.custom_types, while they are gathered */
    unsigned *own_lines;           /* of the rule of each that comes first */
};

enum signature_algorithm {
    ALGORITHM_HMAC_SHA256,
    ALGORITHM_HMAC_SHA1,
    ALGORITHM_HMAC_MD5,
    ALGORITHM_SHA256,
    ALGORITHM_SHA1,
    ALGORITHM_MD5,
};

struct signature_draft {
    struct signature_rule rule;
    unsigned algorithm, encoding; /* an enum signature_algorithm; 1: Base64 */
    struct slice signed_text, at, time;
};

struct handshake_draft {
    struct slice body, content_type;
};

struct event_draft {
    struct slice type, topic, schema, key, suffix, subject, correlation, time;
    unsigned time_form; /* an enum time_form */
};

struct field_draft {
    struct slice from, value;
    unsigned form, time_form; /* an enum field_form, an enum time_form */
};

extern const struct config_option signature_table[]; /* struct signature_draft */
extern const struct config_option handshake_table[]; /* struct handshake_draft */
extern const struct config_option event_table[];     /* struct event_draft */
extern const struct config_option field_table[];     /* struct field_draft */
extern const char mapping_syntax[];                  /* how references and so on are written, for the reference */
extern const char *const field_forms[];              /* the words of enum field_form; ends with NULL */

/* --- references, templates, conditions --- */

#define PLACE_BIT(place) (1U << (unsigned)(place))
#define PLACES_POINTED   (PLACE_BIT(PLACE_MEMBER) | PLACE_BIT(PLACE_TOP_MEMBER))
#define PLACES_NAMED     (PLACES_POINTED | PLACE_BIT(PLACE_HEADER) | PLACE_BIT(PLACE_PARAMETER))
#define PLACES_SENT                                                                                                    \
    (PLACES_NAMED | PLACE_BIT(PLACE_BODY) | PLACE_BIT(PLACE_QUERY) | PLACE_BIT(PLACE_METHOD) |                         \
     PLACE_BIT(PLACE_ENDPOINT))
#define PLACES_ALL         (PLACES_SENT | PLACE_BIT(PLACE_RECEIVED))
#define PLACES_CREDENTIALS (1U << 31) /* besides: where credentials stand */

/* A text that names places in a callback, as it stands in the file. */
struct written {
    struct slice text; /* empty: not configured */
    unsigned line;
    const char *option; /* what faults call it */
    unsigned places;    /* that it may name: PLACE_BIT of an enum reference_place each, PLACES_CREDENTIALS */
};

/* Each reads what is configured; nothing else changes the result. false when there is nothing, or it is wrong. */
bool reference_read(struct loader *loader, const struct written *written, struct reference *reference);
/* Text with references in braces, none of them perhaps. */
bool template_read(struct loader *loader, const struct written *written, struct text_template *template);
/* A reference, or text with one in braces at least. */
bool value_read(struct loader *loader, const struct written *written, struct text_template *template);
/* node is what stands below `when`; NULL is fine. false when it is wrong. */
bool conditions_read(struct loader *loader, const struct node *node, struct condition_list *list);

/* Whether the template names that place. */
bool template_names(const struct text_template *template, enum reference_place place);
bool references_equal(const struct reference *one, const struct reference *other);

/* --- the parts --- */

/* node is the mapping: its members below that name, when it is of that kind; NULL, and told, when it is of another.
 * begin is how an element of a list begins. */
const struct node *section_read(struct loader *loader, const struct node *node, const char *name);
const struct node *list_read(struct loader *loader, const struct node *node, const char *name, const char *begin);
/* Sets loader->where to its head and the rest; the one before is the result, to be set again. */
const char *where_enter(struct loader *loader, const char *head, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void signature_read(struct loader *loader, const struct node *node, struct signature_rule *rule);
/* node is the mapping. */
void events_read(struct loader *loader, const struct node *node, struct mapping_draft *draft);
/* node is the rule; time_form is that of times that name none. */
void fields_read(struct loader *loader, const struct node *node, unsigned time_form, struct event_rule *rule);
/* Tells what is right by itself and cannot be meant; node is the mapping, which has been read without a fault. */
void mapping_check(struct loader *loader, const struct node *node, const struct mapping *mapping);
/* What may be a header field's value: neither a control character nor anything but ASCII. */
bool content_type_valid(struct slice text);
