/* Push body: what a client sends, as it comes: in memory while it is short, then in a file without a name. */
#ifndef ADAPTERS_SOURCES_PUSH_BODY_H
#define ADAPTERS_SOURCES_PUSH_BODY_H

#include "bus/digest.h"

enum { ADAPTERS_PUSH_BODY_IN_MEMORY = 64 * 1024 };

struct adapters_push_body {
    const char *folder; /* where the file would be; borrowed */
    size_t length;
    uint8_t *memory; /* of ADAPTERS_PUSH_BODY_IN_MEMORY bytes, or the mapped file once it is finished */
    int file;        /* -1: all of it is in memory */
    bool is_mapped;
    struct bus_digest_stream digest;
};

void adapters_push_body_init(struct adapters_push_body *body, const char *folder);
void adapters_push_body_release(struct adapters_push_body *body);
/* RETRY: no memory or no disk. */
BUS_MUST_CHECK enum bus_status adapters_push_body_add(struct adapters_push_body *body, struct bus_bytes piece,
                                                      struct bus_error *error);
/* Nothing follows: gives the digest (SM3) and the whole, which is valid until the release. RETRY as above. */
BUS_MUST_CHECK enum bus_status adapters_push_body_finish(struct adapters_push_body *body,
                                                         uint8_t out_digest[BUS_DIGEST_SIZE],
                                                         struct bus_bytes *out_view, struct bus_error *error);

#endif
