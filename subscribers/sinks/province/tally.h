/* Province tally: how many rows each side holds of each item and day, and their digest, so that most of a comparison is one question.
 *
 * The digest is the XOR over the rows of SM3("rowKey digest\n"), whatever their order (docs/openapi/province.yaml). */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_TALLY_H
#define SUBSCRIBERS_SINKS_PROVINCE_TALLY_H

#include "bus/catalogue.h"
#include "bus/digest.h"
#include "bus/event.h"

enum province_side { PROVINCE_HERE, PROVINCE_THERE, PROVINCE_SIDES };

enum {
    PROVINCE_MAX_CELLS = 1000000, /* items times days */
    PROVINCE_TALLY_GROUP = 64,    /* rows hashed side by side */
    PROVINCE_TALLY_TEXT = 2 * BUS_IDENTITY_SIZE + 1 + 2 * BUS_DIGEST_SIZE + 1,
};

/* An item, by the catalogue's number, and a day since 1970-01-01. */
struct province_cell {
    int32_t item, day;
    uint64_t count[PROVINCE_SIDES];
    uint8_t digest[PROVINCE_SIDES][BUS_DIGEST_SIZE];
};

struct province_tally {
    struct province_cell *cells;
    size_t count, capacity;
    uint32_t *index; /* hash table of cell numbers, from 1; 0 = free */
    size_t index_size;
    uint64_t rows[PROVINCE_SIDES];
    uint64_t unknown; /* rows there, of items that the catalogue does not know */
    /* Rows of ours that are not hashed yet. */
    char texts[PROVINCE_TALLY_GROUP][PROVINCE_TALLY_TEXT + 1];
    int32_t text_item[PROVINCE_TALLY_GROUP], text_day[PROVINCE_TALLY_GROUP];
    size_t text_count;
};

void province_tally_init(struct province_tally *tally);
void province_tally_release(struct province_tally *tally);
void province_tally_reset(struct province_tally *tally);

/* A row that we say the province holds. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_tally_add(struct province_tally *tally, int32_t item, int32_t day,
                                                  const uint8_t record[BUS_IDENTITY_SIZE],
                                                  const uint8_t digest[BUS_DIGEST_SIZE], struct bus_error *error);
/* After the last one. FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_tally_flush(struct province_tally *tally, struct bus_error *error);
/* What the province says, an answer to /summary. REJECT PROVINCE_ANSWER: it is not what was agreed; FATAL out of memory. */
BUS_MUST_CHECK enum bus_status province_tally_read(struct province_tally *tally, const struct bus_catalogue *catalogue,
                                                   struct bus_bytes body, struct bus_error *error);
/* Puts the cells in which the sides differ in front, ascending by day and item; how many. No more may be added. */
size_t province_tally_differing(struct province_tally *tally);

#endif
