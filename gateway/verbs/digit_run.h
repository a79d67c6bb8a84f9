/* Runs of digits in a text, with what may stand between the digits of a phone number: where they are, and whether one
 * looks like a time, a hash or a number of China. What it is in truth, numbers.h decides. */
#pragma once

#include "base/slice.h"

#define DIGIT_RUN_LEAST 7  /* digits of a phone number */
#define DIGIT_RUN_MOST  15 /* E.164; what is longer is taken for an id */
#define DIGIT_RUN_SHOWN 4
#define DIGIT_RUN_SEEN  64 /* digits of a run that are looked at */

struct digit_run {
    size_t start, end; /* bytes of the text */
    size_t digits;
    size_t last;                      /* digits of the last group */
    char compact[DIGIT_RUN_SEEN + 1]; /* the digits alone, the first of them */
};

/* Whether a phone number can stand in the text at all: most texts are let go here. */
bool digit_run_possible(struct slice text);

/* The next run from *at on, which is moved behind it; false at the text's end. Spaces, dashes and brackets between its
 * digits are part of it as long as all of them can be one number, and dots as in 415.555.2671; dates as in 2021-05-08
 * are no runs. */
bool digit_run_next(struct slice text, size_t *at, struct digit_run *run);

/* Seconds and milliseconds since 1970 from 2001 to 2033, 20210508, 20210508143947. */
bool digit_run_is_time(const struct digit_run *run);

/* Part of a hash in hexadecimal digits, or of a UUID. */
bool digit_run_is_hexadecimal(struct slice text, const struct digit_run *run);

/* A number of China, apart from letters; also behind another group, as in "8001-13800000001". The run has
 * DIGIT_RUN_MOST digits or less. */
bool digit_run_is_chinese(struct slice text, const struct digit_run *run);

/* All its digits but the last DIGIT_RUN_SHOWN become asterisks, in a text of the run's own that may be written to. The
 * run has DIGIT_RUN_LEAST digits or more. */
void digit_run_mask(const struct digit_run *run, char *text);
