/* PostgreSQL fold: of many deliveries about one record, those that make the row what it is in the end.
 *
 * The last PUT counts, the last WITHDRAW behind it, and the last STATUS behind both. So a record is touched a bounded number of times a
 * batch, whatever came. Their order alone decides: within one partition it is the order of the log, and the gateway lets nothing older
 * follow what is newer. Deliveries of two partitions about one record (its subject has changed) are never folded together. */
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
    size_t taken;    /* of the deliveries */
    uint32_t *slots; /* 1 + index into records, 0 = free */
    size_t slot_count;
};

/* Folds deliveries, without those refused, up to `count` or the first that must see the others written: a marker, or a record that came
 * from another partition before. FATAL out of memory. Release whatever the status. */
BUS_MUST_CHECK enum bus_status postgresql_fold_init(struct postgresql_fold *fold,
                                                    const struct subscribers_delivery *deliveries, size_t count,
                                                    struct bus_error *error);
void postgresql_fold_release(struct postgresql_fold *fold);

#endif
