/* Audit: the disclosures of one transaction in one partition, the value of a record of xq.audit (schemas/internal/audit.avsc).
 *
 * Each disclosure names the offset of the record's previous audit entry, so that a report walks back from the state without an
 * index. */
#ifndef BUS_AUDIT_H
#define BUS_AUDIT_H

#include "bus/event.h"
#include "bus/subject.h"

#define BUS_AUDIT_FINGERPRINT UINT64_C(0x13b2a50a164e975e) /* of the schema; a test computes it again */

enum { BUS_AUDIT_MAX_DISCLOSURES = 1000000, BUS_AUDIT_MAX_NAME = 1024 };

/* One delivery. All is borrowed. */
struct bus_disclosure {
    const uint8_t *subject_key, *record, *event_id; /* 16 bytes each */
    struct bus_bytes subscriber, grant;
    uint64_t leaf;    /* index in the log of (subscriber, partition) */
    int64_t previous; /* offset in the same partition of xq.audit, -1 = none */
};

/* Writing: begin, any number of disclosures, end; then look at buffer->failed once. */
void bus_audit_begin(struct bus_buffer *buffer, int64_t at_ms);
void bus_audit_add(struct bus_buffer *buffer, const struct bus_disclosure *disclosure);
void bus_audit_end(struct bus_buffer *buffer);

/* Reading: open, then next until it gives false. */
struct bus_audit_reader {
    struct bus_cursor cursor;
    size_t left; /* in the block */
    bool ended;
    int64_t at_ms;
};
/* REJECT when the bytes are no audit record. Borrows `value`. */
BUS_MUST_CHECK enum bus_status bus_audit_open(struct bus_bytes value, struct bus_audit_reader *out_reader,
                                              struct bus_error *error);
/* False at the end, and when the bytes turn out bad: then reader->cursor.failed. */
bool bus_audit_next(struct bus_audit_reader *reader, struct bus_disclosure *out_disclosure);

#endif
