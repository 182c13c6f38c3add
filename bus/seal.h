/* Seal: one signature over everything that one transaction appended to the output logs (docs/formats.md, design section 6).
 *
 * The batch tree has one leaf for each log that grew, in ascending byte order of log names ("<topic>/<partition>"):
 *   batch leaf = H(0x00 | u32be(length of log name) | log name | u64be(size) | root)
 *   signed     = "xinqiao seal v1\n" exchange "\n" sealed_at_ms "\n" lower-case hex of batch root "\n"
 * The last record of each log carries header xq-seal, an Avro single-object of schemas/seal.avsc; every data record carries
 * header xq-leaf, its index as u64be. */
#ifndef BUS_SEAL_H
#define BUS_SEAL_H

#include "bus/key.h"
#include "bus/merkle.h"

#define BUS_SEAL_HEADER "xq-seal"
#define BUS_LEAF_HEADER "xq-leaf"
/* CRC-64-AVRO of schemas/seal.avsc. */
#define BUS_SEAL_FINGERPRINT UINT64_C(0x4a7a06f9fb14e480)

enum {
    BUS_SEAL_MAX_LOGS = 4096,      /* logs under one signature */
    BUS_SEAL_MAX_TEXT = 256,       /* exchange and log names, terminator included; no control characters */
    BUS_SEAL_MAX_SIZE = 16 * 1024, /* an encoded seal */
    BUS_SEAL_SIGNED_SIZE = BUS_SEAL_MAX_TEXT + 128,
};

/* One log's share of a batch. */
struct bus_seal_log {
    const char *name;
    uint64_t size;
    bus_digest_bytes root;
};

struct bus_seal {
    char exchange[BUS_SEAL_MAX_TEXT];
    char log[BUS_SEAL_MAX_TEXT];
    uint64_t size;
    bus_digest_bytes root;
    bus_digest_bytes frontier[BUS_MERKLE_MAX_PEAKS]; /* bus_merkle_peak_count(size) peaks */
    uint32_t batch_index;
    uint32_t batch_size;
    bus_digest_bytes batch_path[BUS_MERKLE_MAX_PATH];
    size_t batch_path_length;
    int64_t sealed_at_ms;
    enum bus_suite suite;
    char key_id[BUS_KEY_ID_SIZE];
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t signature_length;
};

/* The bytes that are signed. `exchange` has less than BUS_SEAL_MAX_TEXT bytes; returns the text's length. */
size_t bus_seal_signed_text(const char *exchange, int64_t sealed_at_ms, const bus_digest_bytes batch_root,
                            char out_text[BUS_SEAL_SIGNED_SIZE]);

/* Whether `name` may be the name of an exchange or a log: 1 to BUS_SEAL_MAX_TEXT - 1 bytes, no control characters. */
bool bus_seal_is_name(struct bus_bytes name);

/* Batch leaves of `logs`, which stand in ascending byte order of their names. */
void bus_seal_batch_leaves(enum bus_hash hash, const struct bus_seal_log *logs, size_t count,
                           bus_digest_bytes *out_leaves);

/* Appends the encoded seal (single-object framing) to `buffer`. FATAL when the buffer's limit is reached. */
BUS_MUST_CHECK enum bus_status bus_seal_encode(const struct bus_seal *seal, struct bus_buffer *buffer,
                                               struct bus_error *error);
/* REJECT (code SEAL_MALFORMED) when the bytes are not exactly one seal within the limits. */
BUS_MUST_CHECK enum bus_status bus_seal_decode(struct bus_bytes bytes, struct bus_seal *out_seal,
                                               struct bus_error *error);

/* Checks that the seal is of this exchange and this log: a genuine seal of another one proves nothing here. REJECT SEAL_OTHER_LOG. */
BUS_MUST_CHECK enum bus_status bus_seal_expect(const struct bus_seal *seal, const char *exchange, const char *log,
                                               struct bus_error *error);

/* Checks that the signature covers the seal's log, size and root, by `key`, whose id must be the seal's, and that the frontier
 * has that root. REJECT otherwise (SEAL_KEY, SEAL_PATH, SEAL_SIGNATURE, SEAL_FRONTIER). */
BUS_MUST_CHECK enum bus_status bus_seal_verify(const struct bus_seal *seal, const struct bus_key *key,
                                               struct bus_error *error);

/* A reader of one log that hashes as it goes. */
struct bus_seal_reader {
    struct bus_merkle log;
};

/* Starts behind a seal that has been verified. Before the first record of a log a zeroed reader is right. */
void bus_seal_reader_start(struct bus_seal_reader *reader, const struct bus_seal *seal);

/* `leaves` are those read since the last seal, in order: appends them and compares size, root and frontier with `seal`,
 * whose signature bus_seal_verify has checked. REJECT (SEAL_LOG_MISMATCH: a record was changed, dropped, swapped or added) or
 * FATAL (arena full) leaves the reader unchanged. */
BUS_MUST_CHECK enum bus_status bus_seal_reader_check(struct bus_seal_reader *reader, const struct bus_seal *seal,
                                                     const bus_digest_bytes *leaves, size_t count,
                                                     struct bus_arena *arena, struct bus_error *error);

#endif
