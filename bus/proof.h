/* Proof: one delivery, its place in its log, and the seal over that log, as a JSON file that anyone can check offline
 * (docs/formats.md). Written by `xinqiao prove`, checked by `xinqiao verify`. */
#ifndef BUS_PROOF_H
#define BUS_PROOF_H

#include "bus/json.h"
#include "bus/seal.h"

#define BUS_PROOF_FORMAT "xinqiao proof v1"

enum {
    BUS_PROOF_MAX_RECORD = 1024 * 1024,
    BUS_PROOF_MAX_SIZE = 4 * 1024 * 1024 /* of the file */
};

struct bus_proof {
    int64_t offset;               /* of the record in its partition; a hint, not proved */
    uint64_t leaf;                /* its index in the log */
    struct bus_buffer key, value; /* init/release by the functions below */
    bus_digest_bytes path[BUS_MERKLE_MAX_PATH];
    size_t path_length;
    struct bus_seal seal; /* of a log that holds the leaf */
};

void bus_proof_init(struct bus_proof *proof);
void bus_proof_release(struct bus_proof *proof);

/* Appends the JSON text; a buffer that fails keeps its mark. */
void bus_proof_write(const struct bus_proof *proof, struct bus_buffer *buffer);
/* Its member `seal` alone, an object, for who carries seals in another form. */
void bus_proof_write_seal(struct bus_json *json, const struct bus_seal *seal);
/* REJECT PROOF_MALFORMED or JSON_SYNTAX when the text is no proof within the limits. */
BUS_MUST_CHECK enum bus_status bus_proof_read(struct bus_bytes text, struct bus_proof *proof, struct bus_error *error);

/* Whether the record stands at its leaf in the sealed log. REJECT PROOF_PATH. Says nothing about the signature. */
BUS_MUST_CHECK enum bus_status bus_proof_check_path(const struct bus_proof *proof, struct bus_error *error);
/* All: the path, and the seal's signature by the key of that id in `keys_folder`. REJECT PROOF_PATH, SEAL_…; FATAL when the folder's
 * key cannot be read. */
BUS_MUST_CHECK enum bus_status bus_proof_check(const struct bus_proof *proof, const char *keys_folder,
                                               struct bus_error *error);

#endif
