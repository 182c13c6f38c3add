/* Province segments: a batch in parts, in each of which no record occurs twice, so that one part can be on its way at a time.
 *
 * The entries of all parts are kept until the batch is settled: what a part has learned of a record, the next ones know. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_SEGMENT_H
#define SUBSCRIBERS_SINKS_PROVINCE_SEGMENT_H

#include "subscribers/sinks/province/plan.h"

enum { PROVINCE_MAX_SWEEP = 1000000 }; /* records that the end of one resync takes back in one partition */

struct province_segments {
    struct subscribers_batch *batch;
    struct subscribers_memory *memory;
    const struct province_planner *planner;
    struct province_entry **entries; /* each where it is until released */
    size_t count, capacity;
    uint64_t leaf;     /* of the batch's first delivery */
    size_t deliveries; /* in the batch */
    size_t first;      /* entry of the part that is under way */
    size_t next;       /* delivery with which the next part begins */
};

/* All is borrowed. */
void province_segments_init(struct province_segments *segments, struct subscribers_batch *batch,
                            struct subscribers_memory *memory, const struct province_planner *planner);
void province_segments_release(struct province_segments *segments);

/* The same deliveries have come again, in another place: nothing that was learned is lost. False, and nothing is changed, when they are not
 * the same, or some are refused now that were not. */
bool province_segments_move(struct province_segments *segments, struct subscribers_batch *batch);

bool province_segments_at_end(const struct province_segments *segments);
/* Plans the next part. FATAL. */
BUS_MUST_CHECK enum bus_status province_segments_begin(struct province_segments *segments, struct bus_error *error);
/* Of the part that is under way, an entry about which the province must be asked, else the first that is to be sent; NULL: it is settled. */
struct province_entry *province_segments_next(struct province_segments *segments);
/* The first entries that are to be sent, at most `limit`; returns how many. */
size_t province_segments_pending(struct province_segments *segments, struct province_entry **out_entries, size_t limit);
/* Leaves out this entry of the part and all behind it. */
void province_segments_cut(struct province_segments *segments, const struct province_entry *entry);

/* Marks the refused among the batch's first `settled` deliveries, and writes what is to be noted of them. FATAL. */
BUS_MUST_CHECK enum bus_status province_segments_settle(struct province_segments *segments, size_t settled,
                                                        struct bus_error *error);

#endif
