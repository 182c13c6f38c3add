/* Store: what the subscriber's database holds about a subject, as of one moment; and the log of who asked, in the same database. One
 * connection; belongs to one thread. */
#ifndef SUBSCRIBERS_SERVE_STORE_H
#define SUBSCRIBERS_SERVE_STORE_H

#include "bus/arena.h"
#include "subscribers/serve/question.h"
#include "subscribers/serve/shelf.h"

struct serve_record {
    const struct postgresql_table *table;
    const struct bus_item *item;                 /* NULL: the catalogue has it no more */
    const char *fixed[POSTGRESQL_FIXED_COLUMNS]; /* as text; flags with blanks between; withdrawn never is "t" */
    const char **values;                         /* of the table's columns, as text; NULL = null */
    int32_t partition;
    uint64_t leaf;
    struct bus_bytes proof;    /* as `xinqiao prove` writes it; nothing when there is none */
    const char *proof_missing; /* why, a code; NULL when it was not asked for or is there */
};

struct serve_holding {
    struct serve_record *records; /* in the order of tables, then departments, the newest first */
    size_t count;
    bool is_cut;           /* there are more */
    int64_t sealed_at_ms;  /* of the newest seal that is in the store; 0 = not known */
    int64_t applied_at_ms; /* when the store was written last; 0 = never */
};

struct serve_store;

/* Does not connect. NULL when out of memory. Settings are borrowed. */
struct serve_store *serve_store_create(const struct serve_settings *settings);
void serve_store_destroy(struct serve_store *store);

/* Makes the table of accesses when it is missing, and indexes that are; `shelf` is that in force. RETRY: the database is away. FATAL: it
 * refuses. */
BUS_MUST_CHECK enum bus_status serve_store_prepare(struct serve_store *store, const struct serve_shelf *shelf,
                                                   struct bus_error *error);
/* All the records that name the subject and are not withdrawn, in one snapshot. Everything lives in the arena. RETRY: the database is away.
 * FATAL: it refuses, or there is no room. */
BUS_MUST_CHECK enum bus_status serve_store_find(struct serve_store *store, const struct serve_shelf *shelf,
                                                const struct serve_question *question, struct bus_arena *arena,
                                                struct serve_holding *out_holding, struct bus_error *error);
/* Notes the access, for good, before anybody is answered. Status as above. */
BUS_MUST_CHECK enum bus_status serve_store_note(struct serve_store *store, const struct serve_question *question,
                                                size_t records, struct bus_error *error);
/* How far each partition is: the first offset that was not applied, -1 = none was. `next` has `partitions` elements. Status as above. */
BUS_MUST_CHECK enum bus_status serve_store_positions(struct serve_store *store, int64_t *next, size_t partitions,
                                                     struct bus_error *error);

#endif
