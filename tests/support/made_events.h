/* Made events: what adapters would publish of tests/generate, in the same proportions, without files; for the benchmarks.
 *
 * Every value is good: codes of the lists, numbers with true check digits, texts of usual lengths. The same records each time; a higher
 * `round` makes each an update. Three records a subject on average. Rights of subjects are left out: they are about records. */
#ifndef TEST_SUPPORT_MADE_EVENTS_H
#define TEST_SUPPORT_MADE_EVENTS_H

#include "bus/catalogue.h"
#include "bus/subject.h"
#include "bus/topics.h"

struct made_options {
    const struct bus_catalogue *catalogue;
    const struct bus_subject_keyer *keyer;
    const char *prefix, *item; /* "department/item"; NULL = all that have a share */
    int32_t partitions;
    long records, first, round; /* how many, from which number on */
    long
        population; /* 0: each record once, in order; else updates, spread uniformly over the records that a run of so many made,
                                 * each with the time in µs as its version */
    long subject;             /* -1: many; else all records are about this one */
    const char *rule_version; /* of the envelope */
    int32_t day;              /* of every date, days since 1970-01-01; 0 = spread over a year */
    int64_t published_ms;     /* 0 = now */
    int32_t share, shares;    /* only partitions p with p % shares == share; 0, 1 = all */
};

struct made_event {
    const struct bus_item *item;
    const char *topic, *adapter;
    int32_t partition;
    uint8_t key[BUS_SUBJECT_KEY_SIZE];
    struct bus_bytes value; /* until the next one is made */
};

struct made_events;

/* The options are copied, what they point to is borrowed. Ends the program with a message when something is wrong with them. */
struct made_events *made_events_create(const struct made_options *options);
void made_events_destroy(struct made_events *events);
/* False: all were made. */
bool made_events_next(struct made_events *events, struct made_event *out_event);
/* The unified social credit code of subject `number`. */
void made_events_subject(long number, char out_uscc[19]);

#endif
