/* Reads a verb's usage text, piece by piece: for the manual, and for what shells complete. */
#pragma once

#include "base/slice.h"
#include "verbs/verb.h"

enum usage_kind {
    USAGE_SYNOPSIS,  /* a line of how to call it, from "trunkline" on */
    USAGE_PARAGRAPH, /* lines of text */
    USAGE_ITEM,      /* an option or action, and what it does */
};

struct usage_piece {
    enum usage_kind kind;
    struct slice term; /* of an item: "--source NAME", "list" */
    struct slice text; /* may go over several lines, which begin with spaces */
};

/* The next piece from *at on, which is the usage text at first; false at its end. */
bool usage_next(const char **at, struct usage_piece *piece) MUST_CHECK;
/* The next word of text (*at bytes of it are read); words are parted by spaces and line ends. false at its end. */
bool usage_word(struct slice text, size_t *at, struct slice *word) MUST_CHECK;
/* What the usage text tells of an option; false when it does not name it. */
bool usage_option(const struct verb *verb, const char *option, struct usage_piece *piece) MUST_CHECK;
