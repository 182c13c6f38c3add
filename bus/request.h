/* Request: what an officer asks the gateway to do, the value of a record of xq.requests (schemas/internal/request.avsc).
 *
 * One request is one record in every partition, written in one transaction, so that the worker of each partition meets it in
 * its own order. */
#ifndef BUS_REQUEST_H
#define BUS_REQUEST_H

#include "bus/bytes.h"

#define BUS_REQUEST_FINGERPRINT UINT64_C(0x0a83696f7668a823) /* of the schema; a test computes it again */

/* In the order of the schema's enum. */
enum bus_request_kind {
    BUS_REQUEST_RESYNC, /* deliver what is current to the subscriber once more */
};

enum { BUS_REQUEST_MAX_TEXT = 4096 }; /* bytes of any one text */

/* All is borrowed. */
struct bus_request {
    enum bus_request_kind kind;
    struct bus_bytes subscriber;
    struct bus_bytes item; /* "department/item", "" = all that the subscriber may have */
    struct bus_bytes officer, reason;
    int64_t at_ms;
};

/* Appends the framed record. REJECT (REQUEST_TEXT): a text longer than BUS_REQUEST_MAX_TEXT; FATAL: the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_request_encode(const struct bus_request *request, struct bus_buffer *buffer,
                                                  struct bus_error *error);
/* REJECT (REQUEST_MALFORMED) when the bytes are no request. Views borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_request_decode(struct bus_bytes value, struct bus_request *out_request,
                                                  struct bus_error *error);

#endif
