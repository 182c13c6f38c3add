/* Province listing: the rows of one item and day on both sides, held against each other as the province's pages come. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_LISTING_H
#define SUBSCRIBERS_SINKS_PROVINCE_LISTING_H

#include "subscribers/sinks/province/answer.h"

struct province_listed {
    uint8_t record[BUS_IDENTITY_SIZE];
    uint8_t digest[BUS_DIGEST_SIZE];
};

struct province_listing {
    struct province_listed *rows; /* ours, ascending by record */
    size_t count, capacity;
    size_t at;                       /* the first that the province has not come to */
    uint8_t last[BUS_IDENTITY_SIZE]; /* the province's last */
    bool has_last;
    /* Whom a record is told that one side does not have, or has with another content. FATAL. */
    enum bus_status (*differs)(void *self, const uint8_t record[BUS_IDENTITY_SIZE], struct bus_error *error);
    void *self;
};

void province_listing_release(struct province_listing *listing);
/* Forgets the rows, keeps who is told. */
void province_listing_reset(struct province_listing *listing);
/* One of ours, in ascending order. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_listing_add(struct province_listing *listing,
                                                    const uint8_t record[BUS_IDENTITY_SIZE],
                                                    const uint8_t digest[BUS_DIGEST_SIZE], struct bus_error *error);
/* The province's next. REJECT PROVINCE_ANSWER: not in ascending order; FATAL. */
BUS_MUST_CHECK enum bus_status province_listing_meet(struct province_listing *listing,
                                                     const uint8_t record[BUS_IDENTITY_SIZE],
                                                     const uint8_t digest[BUS_DIGEST_SIZE], struct bus_error *error);
/* The province has no more. FATAL. */
BUS_MUST_CHECK enum bus_status province_listing_end(struct province_listing *listing, struct bus_error *error);

#endif
