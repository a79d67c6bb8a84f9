/* Looks for every secret at every place of a text. */
#include "ingress/mask.h"

#include "adapters/mapping.h"
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
longest_spelled(struct slice text, const struct slice *secrets, size_t count)
{
    size_t longest = 0;

    for (size_t i = 0; i < count; i++) {
        size_t length = spelled(text, secrets[i]);

        longest = length > longest ? length : longest;
    }
    return longest;
}

/* Those of the source, and the keys that its callbacks are signed with. */
static size_t
secret_length(const struct source *source, struct slice text)
{
    const struct mapping *mapping = source->mapping;
    size_t secret = longest_spelled(text, source->secrets, source->secret_count);
    size_t key = mapping == NULL ? 0 : longest_spelled(text, mapping->signature.keys, mapping->signature.key_count);

    return secret > key ? secret : key;
}

static bool
has_secrets(const struct source *source)
{
    return source->secret_count > 0 || (source->mapping != NULL && source->mapping->signature.key_count > 0);
}

struct slice
mask_secrets(const struct source *source, struct slice text, struct arena *arena)
{
    char *masked = NULL;
    size_t length = 0;
    size_t at = 0;

    while (at < text.length && has_secrets(source)) {
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
