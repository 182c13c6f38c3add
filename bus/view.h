/* View: an item cut down to the fields of one grant, and the deliveries made from it (docs/formats.md).
 *
 * The view's schema is derived from the item's schema and the grant; its text is the same wherever it is derived, so gateway,
 * agent and any reader agree on its fingerprint. One view for each (grant, item version). */
#ifndef BUS_VIEW_H
#define BUS_VIEW_H

#include "bus/catalogue.h"

/* In the order of the schema's enum. */
enum bus_delivery_operation {
    BUS_DELIVERY_PUT,
    BUS_DELIVERY_WITHDRAW,
    BUS_DELIVERY_STATUS,       /* of a record that the subscriber holds: reason and flags, no fields */
    BUS_DELIVERY_RESYNC_BEGIN, /* about an item and partition, not a record: what is current of it follows */
    BUS_DELIVERY_RESYNC_END,   /* what no delivery since the begin has named is held no longer */
};
enum bus_delivery_reason {
    BUS_REASON_NONE,
    BUS_REASON_CORRECTED,
    BUS_REASON_WITHDRAWN,
    BUS_REASON_DISPUTED,
    BUS_REASON_DISPUTE_RESOLVED,
    BUS_REASON_REPAIRED,
    BUS_REASON_RESTRICTED,
    BUS_REASON_EXPIRED,
    BUS_REASON_GRANT_ENDED,
};

/* Flags: warnings that travel with an event, as bits here and as enum symbols in a delivery. Bit n is symbol n. */
enum bus_flag {
    BUS_FLAG_USCC_INNER_CHECK,   /* body code's own check digit fails */
    BUS_FLAG_NAME_MISMATCH,      /* not the registered name of its USCC */
    BUS_FLAG_DEREGISTERED,       /* about a deregistered organisation */
    BUS_FLAG_AREA_ENDED,         /* area code existed but has ended */
    BUS_FLAG_DATE_IN_FUTURE,     /* decided or occurred later than now */
    BUS_FLAG_OLD_CITIZEN_NUMBER, /* 15 digits, converted */
    BUS_FLAG_DISPUTED,           /* a dispute is open, or was upheld and the correction is awaited */
    BUS_FLAG_RESTRICTED,         /* not for the public */
    BUS_FLAG_PUBLICITY_ENDED,    /* its term of publicity is over */
    BUS_FLAG_COUNT
};
const char *bus_flag_name(enum bus_flag flag);

/* The symbols of a delivery's enums, as its schema writes them. */
const char *bus_delivery_operation_name(enum bus_delivery_operation operation);
const char *bus_delivery_reason_name(enum bus_delivery_reason reason);

/* The fields of a delivery, in the order of its schema. */
enum bus_delivery_field {
    BUS_DELIVERY_OPERATION,
    BUS_DELIVERY_REASON,
    BUS_DELIVERY_GRANT,
    BUS_DELIVERY_PURPOSE,
    BUS_DELIVERY_LEGAL_BASIS,
    BUS_DELIVERY_CATALOGUE, /* version of the catalogue in force, 16 hex digits */
    BUS_DELIVERY_FLAGS,
    BUS_DELIVERY_VERSION,
    BUS_DELIVERY_DELIVERED_AT,
    BUS_DELIVERY_FIELDS, /* union [null, record] */
    BUS_DELIVERY_FIELD_COUNT
};

struct bus_view {
    const struct bus_grant *grant;
    const struct bus_item *item;
    const struct bus_item_version *version;
    struct bus_schema *schema;
    const size_t *field_indexes; /* of the granted fields in the item's schema, in schema order */
    size_t field_count;
    const enum bus_transform *transforms; /* of each of them */
    const int
        *condition_indexes; /* of the grant's conditions' fields in the item's schema; -1: this version has it not */
};

struct bus_views; /* all views of a catalogue; borrows the catalogue */

BUS_MUST_CHECK enum bus_status bus_views_create(const struct bus_catalogue *catalogue, struct bus_views **out_views,
                                                struct bus_error *error);
void bus_views_destroy(struct bus_views *views);
size_t bus_views_count(const struct bus_views *views);
const struct bus_view *bus_views_at(const struct bus_views *views, size_t index);
/* Views of all grants on (item, version), over all subscribers; `out_count` of them, contiguous. */
const struct bus_view *const *bus_views_of(const struct bus_views *views, const struct bus_item_version *version,
                                           size_t *out_count);
/* By fingerprint among the views of one subscriber, or NULL: this is how an agent finds the schema of a delivery. */
const struct bus_view *bus_views_find(const struct bus_views *views, const char *subscriber, uint64_t fingerprint);

/* What a delivery says beside its granted fields. */
struct bus_delivery {
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    uint32_t flags;
    int64_t version;
    int64_t delivered_at_ms;
};

/* Appends the framed delivery: the granted fields' spans are copied or transformed from `datum` when the operation is PUT, and null
 * stands for them otherwise (datum and spans may then be empty). FATAL when the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status bus_view_project(const struct bus_view *view, const struct bus_delivery *delivery,
                                                struct bus_bytes datum, const struct bus_span *spans,
                                                struct bus_buffer *buffer, struct bus_error *error);

#endif
