/* Delivery: one record of an output topic as a sink sees it, after its seal has been verified (docs/formats.md).
 *
 * Views borrow from the delivery's value. */
#ifndef SUBSCRIBERS_ENGINE_DELIVERY_H
#define SUBSCRIBERS_ENGINE_DELIVERY_H

#include "bus/event.h"
#include "bus/view.h"

enum { SUBSCRIBERS_MAX_FIELDS = 256 }; /* granted fields in one view, the limit of bus_schema_parse */

struct subscribers_delivery {
    int32_t partition;
    int64_t offset;
    uint64_t leaf;
    const uint8_t *record; /* record identity, BUS_IDENTITY_SIZE bytes; zeros in a marker */
    struct bus_bytes value;
    const struct bus_view *view;
    enum bus_delivery_operation operation;
    enum bus_delivery_reason reason;
    uint32_t flags; /* bit = enum bus_flag */
    int64_t version;
    int64_t delivered_at_ms;
    struct bus_bytes grant, purpose, legal_basis, catalogue;
    struct bus_bytes fields;           /* the encoded record of the granted fields; data NULL unless a PUT */
    char refusal[BUS_ERROR_CODE_SIZE]; /* why it was not applied; "" when it was */
    char *words;                       /* the receiver's own words about it, the batch's; NULL = none */
};

/* About an item and partition, not about a record. */
static inline bool subscribers_delivery_is_marker(const struct subscribers_delivery *delivery)
{
    return delivery->operation == BUS_DELIVERY_RESYNC_BEGIN || delivery->operation == BUS_DELIVERY_RESYNC_END;
}

/* Reads `value` in `view`, whose fingerprint it carries. Partition, offset, leaf and record are the caller's. REJECT with a
 * DATUM_… code when it is not what the view says, DELIVERY_FIELDS when a PUT has no fields or another operation has some. */
BUS_MUST_CHECK enum bus_status subscribers_delivery_read(const struct bus_view *view, struct bus_bytes value,
                                                         struct subscribers_delivery *out_delivery,
                                                         struct bus_error *error);

/* The granted fields of a view, in the order of `fields`; `out_count` of them. */
const struct bus_field *subscribers_delivery_view_fields(const struct bus_view *view, size_t *out_count);
/* Spans, within delivery->value, of the granted fields of a PUT; `out_spans` holds view field count entries. */
void subscribers_delivery_spans(const struct subscribers_delivery *delivery, struct bus_span *out_spans);
/* "PUT", "WITHDRAW", "STATUS"; "NONE", "CORRECTED", …: the symbols of the view's schema. */
const char *subscribers_delivery_operation(const struct subscribers_delivery *delivery);
const char *subscribers_delivery_reason(const struct subscribers_delivery *delivery);

#endif
