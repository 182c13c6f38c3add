/* Feed status: how a feed stands, the value of a record of xq.feeds (schemas/internal/feed_status.avsc), key "<adapter>/<feed>". */
#ifndef BUS_FEED_STATUS_H
#define BUS_FEED_STATUS_H

#include "bus/calendar.h"
#include "bus/digest.h"

#define BUS_FEED_STATUS_FINGERPRINT UINT64_C(0xf0bdff1138621442) /* of the schema; a test computes it again */

enum { BUS_FEED_TEXT_SIZE = 256 };

/* What waits for an operator's word: a full list that would withdraw too much. */
struct bus_feed_held {
    bool is_held;
    char name[BUS_FEED_TEXT_SIZE]; /* of the file, or of the list's source */
    uint8_t digest[BUS_DIGEST_SIZE];
    int64_t at_ms;
    int64_t rows, added, changed, withdrawn; /* what it would do */
    int64_t standing;                        /* records that stand now */
};

struct bus_feed_status {
    char adapter[BUS_FEED_TEXT_SIZE], department[BUS_FEED_TEXT_SIZE], item[BUS_FEED_TEXT_SIZE],
        feed[BUS_FEED_TEXT_SIZE];
    char source[32];  /* files, replication, odbc, push */
    char cadence[32]; /* realtime, hourly, daily, weekly, monthly, yearly; "" = none declared */
    char due_by[8];   /* HH:MM in Beijing, until when the day's delivery is expected; "" = the day's end */
    bool is_full_list, is_paused;
    int64_t last_delivery_at_ms; /* when something was last taken, 0 = never */
    char last_delivery[BUS_FEED_TEXT_SIZE];
    int64_t last_rows, last_published, last_unchanged, last_withdrawn, last_quarantined;
    char trouble_zh[BUS_FEED_TEXT_SIZE], trouble_en[BUS_FEED_TEXT_SIZE]; /* why nothing comes, "" = all is well */
    struct bus_feed_held held;
    int64_t at_ms; /* of this status */
};

/* Appends the framed record; what ends in the middle of a character is cut before it. FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_feed_status_encode(const struct bus_feed_status *status, struct bus_buffer *buffer,
                                                      struct bus_error *error);
/* REJECT (FEED_STATUS_MALFORMED) when the bytes are no status. */
BUS_MUST_CHECK enum bus_status bus_feed_status_decode(struct bus_bytes value, struct bus_feed_status *out_status,
                                                      struct bus_error *error);

/* When the delivery after the last one is due at the latest: the end of the next period of the cadence. 0: none declared, or nothing was
 * ever delivered. Hourly: the end of the next hour. Realtime and daily: the next working day at due_by. Weekly, monthly, yearly: the last working
 * day of the next week, month, year at due_by; a week without one is passed over. */
int64_t bus_feed_due_ms(const struct bus_feed_status *status, const struct bus_calendar *calendar);
/* Whether it is due and was not delivered; a feed that is paused owes nothing. */
bool bus_feed_is_overdue(const struct bus_feed_status *status, const struct bus_calendar *calendar, int64_t now_ms);

#endif
