/* PostgreSQL fold: of many deliveries about one record, those that make the row what it is in the end.
 *
 * The last PUT counts, the last WITHDRAW behind it, and the last STATUS behind both; what is older than the newest version so far
 * changes nothing. So a record is touched a bounded number of times a batch, whatever came. */
#ifndef SUBSCRIBERS_SINKS_POSTGRESQL_FOLD_H
#define SUBSCRIBERS_SINKS_POSTGRESQL_FOLD_H

#include "subscribers/engine/batch.h"

struct postgresql_folded { /* NULL = none */
    const struct subscribers_delivery *put;
    const struct subscribers_delivery *withdrawal; /* after the PUT */
    const struct subscribers_delivery *status;     /* after both */
};

struct postgresql_fold {
    struct postgresql_folded *records; /* in order of first appearance */
    size_t count;
    uint32_t *slots; /* 1 + index into records, 0 = free */
    size_t slot_count;
};

/* Folds `count` deliveries, without those refused. FATAL out of memory. Release whatever the status. */
BUS_MUST_CHECK enum bus_status postgresql_fold_init(struct postgresql_fold *fold,
                                                    const struct subscribers_delivery *deliveries, size_t count,
                                                    struct bus_error *error);
void postgresql_fold_release(struct postgresql_fold *fold);

#endif
