/* What may stand next on a command line. */
#pragma once

#include <stdio.h>

#include "verbs/verb.h"

/* What shells are told in place of words: names of files may stand here. */
#define COMPLETION_FILES ":files"

/* Prints what the last word may become, one a line, a tab and what it means behind it where that is known. words are
 * those of the command line behind "trunkline", the last as far as it is written (perhaps empty). A configuration is
 * read for names that stand in it, and left aside when anything is wrong with it. */
void completion_words_print(FILE *stream, int count, char *const *words);

/* Options whose values are known, for a test that each is one of some verb's. */
const char *completion_value_option(size_t index); /* NULL behind the last */
