/* Province plan: what one delivery asks of the province, given what is noted of its record, and what is noted afterwards. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_PLAN_H
#define SUBSCRIBERS_SINKS_PROVINCE_PLAN_H

#include "subscribers/engine/batch.h"
#include "subscribers/sinks/province/answer.h"

enum province_next {
    PROVINCE_SETTLED, /* nothing more is asked */
    PROVINCE_SEND,    /* the row */
    PROVINCE_ASK,     /* first what the province holds: its govId is not known */
};

enum { PROVINCE_MAX_ASKED = 3 }; /* times that one entry asks before the province is taken to contradict itself */

/* One delivery on its way; one more for each record that a resync's end takes back. */
struct province_entry {
    size_t at;                                   /* of the delivery in its batch; of the resync's end */
    const struct subscribers_delivery *delivery; /* NULL: a resync's end takes the record back */
    enum province_next next;
    struct province_row row;
    struct province_note note; /* as it stands */
    bool is_noted;             /* the note is to be written; state ABSENT: forgotten */
    int asked;
    char refusal[BUS_ERROR_CODE_SIZE]; /* "" = none */
    const char *words;                 /* in the arena; "" = none */
};

struct province_planner {
    const struct province_mapping *mapping;
    struct bus_arena *arena; /* of the batch */
};

/* Fills the rest of an entry whose `at`, `delivery` and `note` are set: next, row, note, or why the province would refuse it. Again after the
 * note has changed. FATAL. */
BUS_MUST_CHECK enum bus_status province_plan(const struct province_planner *planner, struct province_entry *entry,
                                             struct bus_error *error);
/* An entry by which that resync's end takes back the record (copied), of which that is noted. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_plan_sweep(const struct province_planner *planner,
                                                   const struct subscribers_delivery *end,
                                                   const uint8_t record[BUS_IDENTITY_SIZE],
                                                   const struct province_note *note, struct province_entry *out_entry,
                                                   struct bus_error *error);

/* The province has taken the row. */
void province_plan_acknowledge(struct province_entry *entry, const struct province_ack *ack);
/* What it holds (NULL: nothing) is noted, and the entry is planned again. Still pending: next stays ASK. REJECT PROVINCE_ANSWER: the govId
 * has changed, or the province contradicts itself. FATAL. */
BUS_MUST_CHECK enum bus_status province_plan_learn(const struct province_planner *planner, struct province_entry *entry,
                                                   const struct province_held *held, struct bus_error *error);
/* The province refuses the row, for a reason that the two can clear up (then next says how it goes on), or for good. REJECT and FATAL as learn. */
BUS_MUST_CHECK enum bus_status province_plan_refuse(const struct province_planner *planner,
                                                    struct province_entry *entry,
                                                    const struct province_refusal *refusal, struct bus_error *error);

#endif
