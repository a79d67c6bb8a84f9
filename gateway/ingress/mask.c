/* Looks for every secret at every place of a text. */
#include "ingress/mask.h"

#include "base/percent.h"

/* How many bytes of the text, from its first on, spell the secret; 0: they do not. */
static size_t
spelled(struct slice text, struct slice secret)
{
    size_t at = 0;

    if (text.length >= secret.length && memcmp(text.data, secret.data, secret.length) == 0) {
        return secret.length;
    }
    for (size_t i = 0; i < secret.length; i++) {
        if (at == text.length || percent_next(text, &at) != secret.data[i]) {
            return 0;
        }
    }
    return at;
}

static size_t
secret_length(const struct source *source, struct slice text)
{
    size_t longest = 0;

    for (size_t i = 0; i < source->secret_count; i++) {
        size_t length = spelled(text, source->secrets[i]);

        longest = length > longest ? length : longest;
    }
    return longest;
}

struct slice
mask_secrets(const struct source *source, struct slice text, struct arena *arena)
{
    char *masked = NULL;
    size_t length = 0;
    size_t at = 0;

    while (at < text.length && source->secret_count > 0) {
        size_t secret = secret_length(source, slice_make(text.data + at, text.length - at));

        if (secret != 0 && masked == NULL) {
            masked = arena_alloc(arena, text.length);
            if (masked == NULL) {
                return (struct slice){NULL, 0};
            }
            memcpy(masked, text.data, length);
        }
        if (masked != NULL) {
            masked[length] = secret == 0 ? text.data[at] : '*';
        }
        length++;
        at += secret == 0 ? 1 : secret;
    }
    return masked == NULL ? text : slice_make(masked, length);
}
