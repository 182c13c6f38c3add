/* Event: one version of a record, PUT or WITHDRAW (docs/formats.md, schemas/envelope.avsc).
 *
 * The envelope's fields come first, in this order, in every item's schema, so their indexes are constants. */
#ifndef BUS_EVENT_H
#define BUS_EVENT_H

#include "bus/datum.h"

enum bus_envelope {
    BUS_ENVELOPE_EVENT_ID,
    BUS_ENVELOPE_RECORD_KEY,
    BUS_ENVELOPE_VERSION,
    BUS_ENVELOPE_SEQUENCE,
    BUS_ENVELOPE_OPERATION,
    BUS_ENVELOPE_SUBJECT_KIND,
    BUS_ENVELOPE_SUBJECT_ID,
    BUS_ENVELOPE_SUBJECT_NAME,
    BUS_ENVELOPE_OCCURRED_AT,
    BUS_ENVELOPE_SOURCE_COMMITTED_AT,
    BUS_ENVELOPE_PUBLISHED_AT,
    BUS_ENVELOPE_CONDUCT_END_DATE,
    BUS_ENVELOPE_PUBLICITY_UNTIL,
    BUS_ENVELOPE_RULE_VERSION,
    BUS_ENVELOPE_AREA_CODE,
    BUS_ENVELOPE_FIELDS, /* how many; the item's own fields start here */
};

enum bus_operation { BUS_OPERATION_PUT, BUS_OPERATION_WITHDRAW };
enum bus_subject_kind { BUS_SUBJECT_ORGANISATION, BUS_SUBJECT_PERSON };

#define BUS_ADAPTER_HEADER "xq-adapter" /* the adapter's name on every in record */
#define BUS_FEED_HEADER "xq-feed"       /* the feed, on records of feeds that keep an image of what they said */
#define BUS_REPLAY_HEADER "xq-replay"   /* present on a record replayed from quarantine: its sequence is not checked */

enum { BUS_IDENTITY_SIZE = 16, BUS_RECORD_KEY_MAX = 512, BUS_SUBJECT_ID_MAX = 64 };

/* Envelope values; views borrow from the datum. */
struct bus_event {
    uint8_t event_id[BUS_IDENTITY_SIZE];
    struct bus_bytes record_key;
    int64_t version;
    int64_t sequence;
    enum bus_operation operation;
    enum bus_subject_kind subject_kind;
    struct bus_bytes subject_id;
    struct bus_bytes subject_name;
    int64_t occurred_at_ms;
    int64_t source_committed_at_ms;
    int64_t published_at_ms;
    bool has_conduct_end_date;
    int32_t conduct_end_date; /* days since 1970-01-01 */
    bool has_publicity_until;
    int32_t publicity_until;
    struct bus_bytes rule_version;
    struct bus_bytes area_code;
};

/* REJECT (code ENVELOPE) unless `schema` begins with the envelope's fields, in order and of the right types. */
BUS_MUST_CHECK enum bus_status bus_event_check_schema(const struct bus_schema *schema, struct bus_error *error);
/* Reads the envelope of a walked datum. */
void bus_event_read(const struct bus_schema *schema, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_event *out_event);

/* Record identity = first 16 bytes of SM3(item | 0x00 | record key). */
void bus_event_identity(struct bus_bytes item, struct bus_bytes record_key, uint8_t out_identity[BUS_IDENTITY_SIZE]);
/* event_id = first 16 bytes of SM3(item | 0x00 | record key | 0x00 | version), version as its decimal text. */
void bus_event_make_id(struct bus_bytes item, struct bus_bytes record_key, int64_t version,
                       uint8_t out_event_id[BUS_IDENTITY_SIZE]);
/* XXH3-64 of what makes a version's content: [operation..occurred_at] and [conduct_end_date..end]; sequence, event id and the
 * clocks of transport are left out, so that a repeated event has the same digest. */
uint64_t bus_event_digest(struct bus_bytes datum, const struct bus_span *spans);

/* XXH3-128 of what a source says of a record. No signature: who makes two contents collide hides a change of his own only. */
enum { BUS_CONTENT_SIZE = 16 };
void bus_event_content_digest(struct bus_bytes content, uint8_t out_digest[BUS_CONTENT_SIZE]);

#endif
