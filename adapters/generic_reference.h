/* What references and templates of a mapping stand for in a callback. */
#pragma once

#include "adapters/mapping.h"

/* A callback, or one record of it, as a mapping looks at it. */
struct scene {
    const struct callback *callback;
    const struct value *record; /* what pointers count from: the message, or a record in it; NULL: nothing is there */
    struct slice key;           /* what PLACE_KEY is; empty outside of signatures */
    unsigned unreadable;        /* texts that were there and could not be used */
    size_t effort;              /* values looked at so far */
};
struct scene scene_of(const struct callback *callback);

/* So many values are looked at for one callback. What is looked for then is not found, and scene_exhausted: a message
 * that is made of members alone, and of records that all look for theirs, would take seconds. */
#define SCENE_EFFORT_MAX ((size_t)4000000)
bool scene_exhausted(const struct scene *scene);

/* What stands at a place. Absent is what adapters/message.h says; a boolean is the text `true` or `false`; objects and
 * arrays are there and have no text. Header fields, parameters and whole bodies may hold bytes that are no UTF-8, or a
 * NUL: these are unreadable, and absent. A parameter that comes twice is absent. */
struct finding {
    bool present;
    struct slice text;
    const struct value *value; /* of a member; else NULL */
};
struct finding reference_find(struct scene *scene, const struct reference *reference);
/* The bytes there as they are, for signatures: nothing counts as absent, objects and arrays are their JSON. */
struct slice reference_bytes(struct scene *scene, const struct reference *reference);

/* A lone reference gives what it finds; else the texts one behind the other, absent when one of them is: half an id
 * would be none. An object or array among them is unreadable. */
struct finding template_find(struct scene *scene, const struct text_template *template);
/* The same where only a text will do. Absent: the empty slice. */
struct slice template_text(struct scene *scene, const struct text_template *template);

/* How texts are put into what is answered. */
enum rendering { RENDERING_PLAIN, RENDERING_JSON, RENDERING_XML };
enum rendering rendering_of(struct slice content_type);
/* The template as it is answered: what the sender has written never changes what is around it. In XML, and in JSON's
 * strings, it is escaped, and what is absent leaves nothing. Elsewhere in JSON it is a value: a text is quoted, what is
 * absent is null, anything else is as it came. The empty slice also when the arena is full. */
struct slice template_render(struct scene *scene, const struct text_template *template, enum rendering rendering);
/* Whether it is JSON, whatever it is filled with. The arena is for finding out. */
bool template_is_json(const struct text_template *template, struct arena *arena);

/* Whether all of the conditions hold; none: they do. A text of more than CONDITION_BYTES_MAX equals no value but `*`.
 */
#define CONDITION_BYTES_MAX 4096
bool conditions_hold(struct scene *scene, const struct condition_list *list);
