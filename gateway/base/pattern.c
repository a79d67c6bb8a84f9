/* Matching with '*'. */
#include "base/pattern.h"

/* What '*' takes is settled by trying again, one byte longer, from the last one only: an earlier one need not take
 * more, since the later can take whatever is left. So it costs the product of the lengths at most. */
bool
pattern_matches(struct slice pattern, struct slice text)
{
    size_t at = 0;
    size_t retry_pattern = 0;
    size_t retry_text = 0;
    bool starred = false;

    for (size_t i = 0; i < text.length || at < pattern.length;) {
        if (at < pattern.length && pattern.data[at] == '*') {
            starred = true;
            retry_pattern = ++at;
            retry_text = i;
        } else if (at < pattern.length && i < text.length && pattern.data[at] == text.data[i]) {
            at++;
            i++;
        } else if (starred && retry_text < text.length) {
            at = retry_pattern;
            i = ++retry_text;
        } else {
            return false;
        }
    }
    return true;
}
