/* Audit: the disclosures of one transaction in one partition, the value of a record of xq.audit (schemas/internal/audit.avsc).
 *
 * A record explains itself for ever: it holds the version of the catalogue and, once each, the grants by which its disclosures left,
 * with their fields, purpose and legal basis. Each disclosure names the offset of the record's previous audit entry, so that a
 * report walks back from the state without an index. */
#ifndef BUS_AUDIT_H
#define BUS_AUDIT_H

#include "bus/event.h"
#include "bus/subject.h"
#include "bus/view.h"

#define BUS_AUDIT_FINGERPRINT UINT64_C(0xf9953401e268452e) /* of the schema; a test computes it again */

enum {
    BUS_AUDIT_MAX_GRANTS = 256, /* in one record; whoever has more begins another */
    BUS_AUDIT_MAX_DISCLOSURES = 1000000,
    BUS_AUDIT_MAX_FIELDS = 1024,
    BUS_AUDIT_MAX_TEXT = 64 * 1024,
};

/* One delivery about a record. All is borrowed. */
struct bus_disclosure {
    const uint8_t *subject_key, *record; /* 16 bytes each */
    int64_t version;
    enum bus_delivery_operation operation; /* PUT, WITHDRAW or STATUS */
    enum bus_delivery_reason reason;
    size_t grant;     /* index among the record's grants */
    uint64_t leaf;    /* index in the log of (subscriber, partition) */
    int64_t previous; /* offset in the same partition of xq.audit, -1 = none */
};

/* --- writing --- */

/* Begin, then grants and disclosures, then end. */
struct bus_audit_writer {
    struct bus_buffer head; /* frame, time, catalogue, grants; at the end the whole record */
    struct bus_buffer disclosures;
    size_t grant_count;
};

void bus_audit_writer_init(struct bus_audit_writer *writer, size_t limit_bytes);
void bus_audit_writer_release(struct bus_audit_writer *writer);
/* Forgets what was there. */
void bus_audit_begin(struct bus_audit_writer *writer, int64_t at_ms, const char *catalogue);
/* The view's grant as it is for the view's version of the item; returns its index. At most BUS_AUDIT_MAX_GRANTS. */
size_t bus_audit_add_grant(struct bus_audit_writer *writer, const struct bus_view *view);
void bus_audit_add(struct bus_audit_writer *writer, const struct bus_disclosure *disclosure);
/* Bytes so far. */
size_t bus_audit_size(const struct bus_audit_writer *writer);
/* The record; valid until the next begin. data NULL when the limit was reached. */
struct bus_bytes bus_audit_end(struct bus_audit_writer *writer);

/* --- reading --- */

/* A grant as it was in force. All is borrowed from the record. */
struct bus_audit_grant {
    struct bus_bytes subscriber, grant, department, item, purpose, legal_basis;
    struct bus_cursor fields; /* for bus_audit_next_field */
    size_t fields_left;
};

/* Open, then next until it gives false. */
struct bus_audit_reader {
    struct bus_cursor cursor;
    size_t left; /* in the block */
    bool ended;
    int64_t at_ms;
    struct bus_bytes catalogue;
    struct bus_audit_grant grants[BUS_AUDIT_MAX_GRANTS];
    size_t grant_count;
};
/* REJECT AUDIT_MALFORMED when the bytes are no audit record. Borrows `value`. */
BUS_MUST_CHECK enum bus_status bus_audit_open(struct bus_bytes value, struct bus_audit_reader *out_reader,
                                              struct bus_error *error);
/* False at the end, and when the bytes turn out bad: then reader->cursor.failed. The disclosure's grant is one of reader->grants. */
bool bus_audit_next(struct bus_audit_reader *reader, struct bus_disclosure *out_disclosure);
/* The next field of a grant, and how it left; `grant` is a copy that is used up. False behind the last. */
bool bus_audit_next_field(struct bus_audit_grant *grant, struct bus_bytes *out_name, enum bus_transform *out_transform);

#endif
