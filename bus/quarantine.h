/* Quarantine: where a refused event or row waits, with its reason, for its department (schemas/internal/quarantine.avsc). */
#ifndef BUS_QUARANTINE_H
#define BUS_QUARANTINE_H

#include "bus/bytes.h"

enum bus_severity {
    BUS_SEVERITY_REFUSED,  /* an event or row that went no further */
    BUS_SEVERITY_NOTICE,   /* it went on, and its department should look */
    BUS_SEVERITY_DECISION, /* an officer's word about an earlier record: replayed or discarded */
};

/* Views and texts are borrowed. Texts may be NULL when encoding ("" is written) and are never NULL after decoding. */
struct bus_quarantined {
    enum bus_severity severity;
    struct bus_bytes department, item, stage, code, reason_zh, reason_en;
    struct bus_bytes source; /* file of a row, "" for an event; of a gap the missing numbers, "<from>..<to>" */
    int64_t line;            /* 1-based, 0 = none */
    struct bus_bytes column;
    struct bus_bytes topic; /* of an event, "" for a row */
    int32_t partition;
    int64_t offset; /* -1 = none */
    struct bus_bytes adapter;
    int64_t at_ms;
    struct bus_bytes original; /* the value as it came: Avro bytes of an event, text of a row */
    struct bus_bytes original_key;
    struct bus_bytes decides; /* DECISION: "<partition>:<offset>" */
    struct bus_bytes action;  /* DECISION: REPLAYED or DISCARDED */
    struct bus_bytes officer;
};

/* Code of the notice about events that never came. */
#define BUS_QUARANTINE_GAP "SEQUENCE_GAP"

enum { BUS_QUARANTINE_MAX_ORIGINAL = 900 * 1024 }; /* longer originals are cut; the reason says so */

BUS_MUST_CHECK enum bus_status bus_quarantine_encode(const struct bus_quarantined *quarantined,
                                                     struct bus_buffer *buffer, struct bus_error *error);
/* REJECT when the bytes are no quarantine record. Views borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_quarantine_decode(struct bus_bytes value, struct bus_quarantined *out_quarantined,
                                                     struct bus_error *error);

#endif
