/* Check: the signed statement of a check on the spot: what a subscriber held about one subject when an officer asked (docs/formats-check.md).
 *
 * Lines of text, short enough for a QR code:
 *
 *     xinqiao check v1
 *     exchange=… subscriber=… subject=… asked_at=… sealed_at=… records=… complete=yes|no root=… key=…
 *     signature=<base64 over all lines above, their ends included>
 *
 * `root` binds the records as the answer in JSON holds them, each a leaf of a Merkle tree by SM3, so paper, answer and signature can be
 * held against each other, offline. */
#ifndef BUS_CHECK_H
#define BUS_CHECK_H

#include "bus/json.h"
#include "bus/proof.h"

#define BUS_CHECK_FORMAT "xinqiao check v1"

enum {
    BUS_CHECK_TEXT_SIZE = 128,
    BUS_CHECK_MAX_SIZE = 2048, /* of a statement */
    BUS_CHECK_MAX_RECORDS = 100000,
    BUS_CHECK_TIME_SIZE = 32,
};

struct bus_check {
    /* Printable ASCII without blanks, as written. The subject: a credit code or organisation code; of a person "sm3:" and the digest of the
     * citizen number. */
    char exchange[BUS_CHECK_TEXT_SIZE], subscriber[BUS_CHECK_TEXT_SIZE], subject[BUS_CHECK_TEXT_SIZE];
    int64_t asked_at_ms;
    int64_t sealed_at_ms; /* of the newest seal in the subscriber's store; 0 = not known, written "-" */
    uint64_t records;
    bool complete; /* no: the subscriber holds more than it shows */
    bus_digest_bytes root;
    char key_id[BUS_KEY_ID_SIZE]; /* filled by sign and read, with the signature */
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t signature_length;
};

/* 2026-11-24T08:30:00.123Z; "-" of 0. */
void bus_check_time(int64_t at_ms, char out_text[BUS_CHECK_TIME_SIZE]);

/* Signs with the subscriber's private key. FATAL: the key, or a text that may not stand in a statement. */
BUS_MUST_CHECK enum bus_status bus_check_sign(struct bus_check *check, const struct bus_key *key,
                                              struct bus_error *error);
/* Appends the statement; a buffer that fails keeps its mark. */
void bus_check_write(const struct bus_check *check, struct bus_buffer *buffer);

/* Whether a file's text begins as a statement does, so that it is to be read as one. */
bool bus_check_is_statement(struct bus_bytes text);
/* REJECT CHECK_MALFORMED unless the text is exactly what write makes of it, but for ends of lines and blanks behind it. */
BUS_MUST_CHECK enum bus_status bus_check_read(struct bus_bytes text, struct bus_check *out_check,
                                              struct bus_error *error);
/* Finds the key that it names: <folder>/<subscriber>/<key_id>.pem, <folder>/receipt_keys/<subscriber>/…, or <folder>/<key_id>.pem. REJECT
 * CHECK_KEY: not pinned; FATAL: the key cannot be read. */
BUS_MUST_CHECK enum bus_status bus_check_find_key(const struct bus_check *check, const char *folder,
                                                  struct bus_key **out_key, struct bus_error *error);
/* REJECT CHECK_SIGNATURE: it is not this key's. */
BUS_MUST_CHECK enum bus_status bus_check_verify(const struct bus_check *check, const struct bus_key *key,
                                                struct bus_error *error);

/* The root over the records of an answer, an array of objects: leaf = H(0x00 | u32be(length of place) | place | record) by SM3, place =
 * <log>/<leaf> of the record, record = its JSON without its members `proof` and `proof_missing`, without blanks. REJECT CHECK_ANSWER when it is
 * no such array. */
BUS_MUST_CHECK enum bus_status bus_check_root(const struct bus_json_value *records, bus_digest_bytes out_root,
                                              struct bus_error *error);
/* The proof that a record of an answer carries. OK with *out_has false: none. REJECT: it is malformed, or of another place or record than the
 * record says; `proof` is initialised. Says nothing about its seal: bus_proof_check does. */
BUS_MUST_CHECK enum bus_status bus_check_proof(const struct bus_json_value *record, struct bus_proof *proof,
                                               bool *out_has, struct bus_error *error);
/* Whether the answer in JSON is the one that was signed: its members exchange, subscriber, subject.stated and records. REJECT JSON_SYNTAX,
 * CHECK_ANSWER (no such answer), CHECK_RECORDS (other records than on the sheet), CHECK_OTHER (about something else). */
BUS_MUST_CHECK enum bus_status bus_check_answer(const struct bus_check *check, const struct bus_json_value *answer,
                                                struct bus_error *error);

#endif
