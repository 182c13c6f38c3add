/* List: what a full list would change, worked out from all its rows and the image before anything of it is published.
 *
 * A feed's full list says all that its department holds: what is not in it is to be withdrawn. Its rows are added one by one, in the order
 * of the file, by record and content; settling sorts them and walks the image beside them. Then each row has its verdict, and
 * the records that are to be withdrawn are known. Memory is the page cache's (scratch.h): about 50 bytes a row. */
#ifndef ADAPTERS_ENGINE_LIST_H
#define ADAPTERS_ENGINE_LIST_H

#include "adapters/engine/image.h"

enum { ADAPTERS_LIST_MAX_ROWS = 500 * 1000 * 1000 };

/* What a row says of its record. */
enum adapters_list_kind {
    ADAPTERS_LIST_STANDS,
    ADAPTERS_LIST_ENDED,   /* it is marked as withdrawn */
    ADAPTERS_LIST_REFUSED, /* nothing: it cannot be mapped, but its key could be told */
    ADAPTERS_LIST_UNTOLD,  /* neither */
};

/* What is to be done with a row in the second reading. */
enum adapters_list_verdict {
    ADAPTERS_LIST_LEAVE, /* what it says is known */
    ADAPTERS_LIST_VISIT, /* it adds or changes, or is refused once more for its reason */
    ADAPTERS_LIST_TWICE, /* another row says something else of the same record: neither counts */
};

struct adapters_list_sums {
    int64_t standing; /* records of the feed that stood before */
    int64_t rows, added, changed, unchanged;
    int64_t repeated; /* rows that say once more what an earlier one says */
    int64_t twice;    /* rows at odds with another of the same record */
    int64_t refused,
        untold;     /* rows that cannot be mapped: their record is known and stays as it was; or it is not known */
    int64_t absent; /* standing records that no row speaks of */
    int64_t ended;  /* standing records that their row marks as withdrawn */
};

struct adapters_list;

/* `folder` for its scratch. FATAL when it cannot be used, or out of memory. */
BUS_MUST_CHECK enum bus_status adapters_list_create(const char *folder, struct adapters_list **out_list,
                                                    struct bus_error *error);
void adapters_list_destroy(struct adapters_list *list);
/* Begins a new list. */
void adapters_list_reset(struct adapters_list *list);

/* The next row. `key` is not used for UNTOLD, `content` for STANDS only. RETRY when the disk is full, FATAL past
 * ADAPTERS_LIST_MAX_ROWS. */
BUS_MUST_CHECK enum bus_status adapters_list_add(struct adapters_list *list, enum adapters_list_kind kind,
                                                 const uint8_t key[ADAPTERS_IMAGE_KEY_SIZE],
                                                 const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE], int64_t line,
                                                 struct bus_error *error);
/* Holds all rows against what the image keeps of the feed, as committed. */
BUS_MUST_CHECK enum bus_status adapters_list_settle(struct adapters_list *list, struct adapters_image *image,
                                                    size_t feed, struct bus_error *error);

/* Of a settled list; a row by its number, from 0. */
const struct adapters_list_sums *adapters_list_sums_view(const struct adapters_list *list);
enum adapters_list_verdict adapters_list_verdict(const struct adapters_list *list, int64_t row);
/* Of a row that is TWICE: the line of one that says something else. */
int64_t adapters_list_other_line(const struct adapters_list *list, int64_t row);
/* The absent records, in the order of their keys. */
const uint8_t *adapters_list_absent_view(const struct adapters_list *list, int64_t index);

/* Whether a list would withdraw so much that somebody should look at it first: more than both limits. A row whose record cannot be told may
 * be any of those that seem to be absent, so it counts as one that is missing. */
bool adapters_list_withdraws_many(const struct adapters_list_sums *sums, int64_t max_percent, int64_t max_rows);

#endif
