/* SM3 (GB/T 32905-2016) by our own code: one message, or many side by side in vector lanes. Part of bus/digest.h; others use that.
 *
 * Why not OpenSSL: 3.0 hashes one SM3 message at a time, nearly five times slower than SHA-256 with its instructions; eight side by
 * side cost the same as SHA-256, sixteen two thirds. Tests compare with OpenSSL for every length and mix of lengths. */
#ifndef BUS_DIGEST_SM3_H
#define BUS_DIGEST_SM3_H

#include "bus/bytes.h"

enum { BUS_DIGEST_SM3_BLOCK = 64, BUS_DIGEST_SM3_WORDS = 8, BUS_DIGEST_SM3_MAX_LANES = 16 };

extern const uint32_t bus_digest_sm3_start[BUS_DIGEST_SM3_WORDS];

/* Takes `count` whole blocks into a chaining value. */
void bus_digest_sm3_compress(uint32_t state[BUS_DIGEST_SM3_WORDS], const uint8_t *blocks, size_t count);

/* Goes on from a chaining value that has taken `bytes_before` bytes (a multiple of the block), takes the parts one after the
 * other and finishes. */
void bus_digest_sm3_finish(const uint32_t state[BUS_DIGEST_SM3_WORDS], uint64_t bytes_before,
                           const struct bus_bytes *parts, size_t count, uint8_t out_digest[32]);

/* Whether this processor hashes 1, 4, 8 or 16 messages side by side, and the best of these. */
bool bus_digest_sm3_has_lanes(size_t lanes);
size_t bus_digest_sm3_best_lanes(void);

/* The digests of heads[i] | bodies[i]; `heads` NULL = no heads. */
void bus_digest_sm3_many(size_t lanes, const struct bus_bytes *heads, const struct bus_bytes *bodies, size_t count,
                         uint8_t (*out_digests)[32]);
/* The same for messages without heads, each going on from `state`, as bus_digest_sm3_finish does. A message may stand where
 * its digest goes when it is shorter than a block. */
void bus_digest_sm3_many_from(size_t lanes, const uint32_t state[BUS_DIGEST_SM3_WORDS], uint64_t bytes_before,
                              const struct bus_bytes *messages, size_t count, uint8_t (*out_digests)[32]);

#endif
