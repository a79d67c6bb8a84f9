/* The words of the model's enumerations, as data has them. */
#pragma once

/* Each by the enumeration's value: NULL for the absent one, and NULL behind the last. */
extern const char *const direction_words[];      /* enum direction */
extern const char *const call_kind_words[];      /* enum call_kind */
extern const char *const call_leg_words[];       /* enum call_leg */
extern const char *const record_kind_words[];    /* enum record_kind */
extern const char *const agent_state_words[];    /* enum agent_state */
extern const char *const outcome_words[];        /* enum outcome_status */
extern const char *const party_words[];          /* enum call_party */
extern const char *const hung_up_by_words[];     /* enum hung_up_by */
extern const char *const recording_kind_words[]; /* enum recording_kind */
