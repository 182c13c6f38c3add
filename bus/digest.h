/* Digest: SM3 (GB/T 32905-2016) and SHA-256 (FIPS 180-4), one message or many at a time, and HMAC (RFC 2104).
 *
 * Many short SM3 messages are hashed side by side in vector lanes, chosen at run time for the processor, so that sealing
 * with SM3 costs no more than with SHA-256. */
#ifndef BUS_DIGEST_H
#define BUS_DIGEST_H

#include "bus/bytes.h"

enum bus_hash { BUS_HASH_SM3, BUS_HASH_SHA256 };

enum { BUS_DIGEST_SIZE = 32 };

/* The digest of `message`. Cannot fail: the algorithms are fetched once, and their absence ends the process. */
void bus_digest(enum bus_hash hash, struct bus_bytes message, uint8_t out_digest[BUS_DIGEST_SIZE]);

/* The digest of the parts one after the other. */
void bus_digest_parts(enum bus_hash hash, const struct bus_bytes *parts, size_t count,
                      uint8_t out_digest[BUS_DIGEST_SIZE]);

/* The digests of `count` messages of any lengths, in order. */
void bus_digest_many(enum bus_hash hash, const struct bus_bytes *messages, size_t count,
                     uint8_t (*out_digests)[BUS_DIGEST_SIZE]);
/* The digests of heads[i] | bodies[i], so that a prefix costs no copy of the body. */
void bus_digest_many_headed(enum bus_hash hash, const struct bus_bytes *heads, const struct bus_bytes *bodies,
                            size_t count, uint8_t (*out_digests)[BUS_DIGEST_SIZE]);

/* A digest over a stream (a file). init/update/final; final releases, too; release accepts a
 * zeroed or finished one. */
struct bus_digest_stream {
    void *context;
};
void bus_digest_stream_init(struct bus_digest_stream *stream, enum bus_hash hash);
void bus_digest_stream_update(struct bus_digest_stream *stream, struct bus_bytes bytes);
void bus_digest_stream_final(struct bus_digest_stream *stream, uint8_t out_digest[BUS_DIGEST_SIZE]);
void bus_digest_stream_release(struct bus_digest_stream *stream);

/* HMAC-SM3 with the key's two padding blocks hashed beforehand, so that a short message costs two blocks. Holds key
 * material: wipe with release. */
struct bus_hmac_sm3 {
    uint32_t inner[8];
    uint32_t outer[8];
};
void bus_hmac_sm3_init(struct bus_hmac_sm3 *hmac, struct bus_bytes key);
void bus_hmac_sm3_compute(const struct bus_hmac_sm3 *hmac, const struct bus_bytes *parts, size_t count,
                          uint8_t out_digest[BUS_DIGEST_SIZE]);
/* Of many messages, hashed side by side. */
void bus_hmac_sm3_many(const struct bus_hmac_sm3 *hmac, const struct bus_bytes *messages, size_t count,
                       uint8_t (*out_digests)[BUS_DIGEST_SIZE]);
void bus_hmac_sm3_release(struct bus_hmac_sm3 *hmac);

/* Overwrites `length` bytes in a way that the compiler keeps. */
void bus_wipe(void *memory, size_t length);
/* Cryptographic random bytes. */
void bus_random(void *out_bytes, size_t length);

#endif
