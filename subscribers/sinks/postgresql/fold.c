#include "subscribers/sinks/postgresql/fold.h"

#include <stdlib.h>

static const struct subscribers_delivery *last_of(const struct postgresql_folded *folded)
{
    if (folded->status != NULL)
        return folded->status;
    return folded->withdrawal != NULL ? folded->withdrawal : folded->put;
}

/* Record identities are digests: their first bytes are as good as any hash. */
static struct postgresql_folded *find_or_add(struct postgresql_fold *fold, const uint8_t *record)
{
    uint64_t start;
    memcpy(&start, record, sizeof start);
    for (size_t slot = start % fold->slot_count;; slot = (slot + 1) % fold->slot_count) {
        if (fold->slots[slot] == 0) {
            fold->slots[slot] = (uint32_t)++fold->count;
            return &fold->records[fold->count - 1];
        }
        struct postgresql_folded *folded = &fold->records[fold->slots[slot] - 1];
        if (memcmp(last_of(folded)->record, record, BUS_IDENTITY_SIZE) == 0)
            return folded;
    }
}

/* False: it is not to be folded with what came before. */
static bool take(struct postgresql_fold *fold, const struct subscribers_delivery *delivery)
{
    if (subscribers_delivery_is_refused(delivery))
        return true;
    struct postgresql_folded *folded = find_or_add(fold, delivery->record);
    const struct subscribers_delivery *before = last_of(folded);
    if (before != NULL && before->partition != delivery->partition)
        return false;
    if (delivery->operation == BUS_DELIVERY_PUT) {
        *folded = (struct postgresql_folded){.put = delivery};
    } else if (delivery->operation == BUS_DELIVERY_WITHDRAW) {
        folded->withdrawal = delivery;
        folded->status = NULL;
    } else {
        folded->status = delivery;
    }
    return true;
}

static size_t until_marker(const struct subscribers_delivery *deliveries, size_t count)
{
    size_t i = 0;
    while (i < count &&
           (subscribers_delivery_is_refused(&deliveries[i]) || !subscribers_delivery_is_marker(&deliveries[i])))
        i++;
    return i;
}

enum bus_status postgresql_fold_init(struct postgresql_fold *fold, const struct subscribers_delivery *deliveries,
                                     size_t count, struct bus_error *error)
{
    count = until_marker(deliveries, count);
    *fold = (struct postgresql_fold){.slot_count = 2 * count + 1};
    fold->records = calloc(count + 1, sizeof *fold->records);
    fold->slots = calloc(fold->slot_count, sizeof *fold->slots);
    if (fold->records == NULL || fold->slots == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory for %zu deliveries", count);
    while (fold->taken < count && take(fold, &deliveries[fold->taken]))
        fold->taken++;
    return BUS_OK;
}

void postgresql_fold_release(struct postgresql_fold *fold)
{
    free(fold->records);
    free(fold->slots);
    *fold = (struct postgresql_fold){0};
}
