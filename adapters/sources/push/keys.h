/* Push keys: which idempotency keys were used, for which body, and what was answered (IETF draft-ietf-httpapi-idempotency-key-header).
 *
 * Kept in xq.positions under "<adapter>/push/<id in hex>", written in the transaction that takes the rows; here in memory, bounded by
 * time, count and bytes, the oldest first. Not thread-safe: the desk guards it. */
#ifndef ADAPTERS_SOURCES_PUSH_KEYS_H
#define ADAPTERS_SOURCES_PUSH_KEYS_H

#include "bus/bytes.h"
#include "bus/digest.h"

enum {
    ADAPTERS_PUSH_ID_SIZE = 16,
    ADAPTERS_PUSH_KEY_MAX = 255,                 /* characters of an idempotency key */
    ADAPTERS_PUSH_KEEP_BYTES = 64 * 1024 * 1024, /* of answers */
    ADAPTERS_PUSH_EXPIRED_MAX = 256,             /* let go in one transaction */
};

struct adapters_push_keys;

struct adapters_push_keys_limits {
    int64_t keep_ms;
    size_t keep_count, keep_bytes;
};

/* What an idempotency key means depends on who uses it, and where: the first bytes of SM3 of the three. */
void adapters_push_keys_id(const char *client, const char *feed, struct bus_bytes key,
                           uint8_t out_id[ADAPTERS_PUSH_ID_SIZE]);

/* NULL when out of memory. */
struct adapters_push_keys *adapters_push_keys_create(const struct adapters_push_keys_limits *limits);
void adapters_push_keys_destroy(struct adapters_push_keys *keys);

/* Notes the record (push_answer.h) that ended the key; copied. REJECT when it is none, FATAL when out of memory. */
BUS_MUST_CHECK enum bus_status adapters_push_keys_note(struct adapters_push_keys *keys,
                                                       const uint8_t id[ADAPTERS_PUSH_ID_SIZE], struct bus_bytes record,
                                                       struct bus_error *error);
/* The record of the key and the digest of its body; valid until the keys change. False: the key is new. */
bool adapters_push_keys_find(const struct adapters_push_keys *keys, const uint8_t id[ADAPTERS_PUSH_ID_SIZE],
                             const uint8_t **out_body, struct bus_bytes *out_record);
void adapters_push_keys_forget(struct adapters_push_keys *keys, const uint8_t id[ADAPTERS_PUSH_ID_SIZE]);
/* The oldest keys that are kept for too long or are too many, at most `max`. */
size_t adapters_push_keys_expired(const struct adapters_push_keys *keys, int64_t now_ms,
                                  uint8_t (*out_ids)[ADAPTERS_PUSH_ID_SIZE], size_t max);
size_t adapters_push_keys_count(const struct adapters_push_keys *keys);

#endif
