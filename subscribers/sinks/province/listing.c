#include "subscribers/sinks/province/listing.h"

#include <stdlib.h>

enum { FIRST_ROWS = 1024 };

void province_listing_release(struct province_listing *listing)
{
    free(listing->rows);
    *listing = (struct province_listing){0};
}

void province_listing_reset(struct province_listing *listing)
{
    listing->count = listing->at = 0;
    listing->has_last = false;
}

enum bus_status province_listing_add(struct province_listing *listing, const uint8_t record[BUS_IDENTITY_SIZE],
                                     const uint8_t digest[BUS_DIGEST_SIZE], struct bus_error *error)
{
    if (listing->count == listing->capacity) {
        size_t capacity = listing->capacity > 0 ? 2 * listing->capacity : FIRST_ROWS;
        struct province_listed *rows = realloc(listing->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory for a comparison with the province");
        listing->rows = rows;
        listing->capacity = capacity;
    }
    struct province_listed *row = &listing->rows[listing->count++];
    memcpy(row->record, record, BUS_IDENTITY_SIZE);
    memcpy(row->digest, digest, BUS_DIGEST_SIZE);
    return BUS_OK;
}

/* Ours in front of `record` are not there; all of them when it is NULL. */
static enum bus_status pass(struct province_listing *listing, const uint8_t *record, struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    while (status == BUS_OK && listing->at < listing->count &&
           (record == NULL || memcmp(listing->rows[listing->at].record, record, BUS_IDENTITY_SIZE) < 0))
        status = listing->differs(listing->self, listing->rows[listing->at++].record, error);
    return status;
}

enum bus_status province_listing_meet(struct province_listing *listing, const uint8_t record[BUS_IDENTITY_SIZE],
                                      const uint8_t digest[BUS_DIGEST_SIZE], struct bus_error *error)
{
    if (listing->has_last && memcmp(listing->last, record, BUS_IDENTITY_SIZE) >= 0)
        return bus_reject(error, "PROVINCE_ANSWER", "平台应答不符合约定：行未按 rowKey 升序",
                          "the answer is not what was agreed: rows do not ascend by rowKey");
    memcpy(listing->last, record, BUS_IDENTITY_SIZE);
    listing->has_last = true;
    enum bus_status status = pass(listing, record, error);
    if (status != BUS_OK)
        return status;
    const struct province_listed *ours = listing->at < listing->count ? &listing->rows[listing->at] : NULL;
    if (ours == NULL || memcmp(ours->record, record, BUS_IDENTITY_SIZE) != 0)
        return listing->differs(listing->self, record, error);
    listing->at++;
    if (memcmp(ours->digest, digest, BUS_DIGEST_SIZE) != 0)
        return listing->differs(listing->self, record, error);
    return BUS_OK;
}

enum bus_status province_listing_end(struct province_listing *listing, struct bus_error *error)
{
    return pass(listing, NULL, error);
}
