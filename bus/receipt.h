/* Receipt: a receiver's signed word about a log, the value of a record of xq.receipts (schemas/internal/receipt.avsc,
 * docs/formats-receipts.md); key: the subscriber; partition: the log's.
 *
 * APPLIED: the first `size` leaves have been applied or refused, and their root is `root`. Made where a seal ends, so anyone can hold it
 * against that seal. REFUSED: the leaf `leaf` was not applied, for this reason. Signed by the subscriber's own key, whose public half the
 * exchange has pinned under the subscriber's name: <folder>/<subscriber>/<key_id>.pem. */
#ifndef BUS_RECEIPT_H
#define BUS_RECEIPT_H

#include "bus/event.h"
#include "bus/key.h"
#include "bus/merkle.h"

/* In the order of the schema's enum. */
enum bus_receipt_kind { BUS_RECEIPT_APPLIED, BUS_RECEIPT_REFUSED };

enum { BUS_RECEIPT_MAX_TEXT = 1024, BUS_RECEIPT_MAX_SIZE = 8192 };

/* All is borrowed. */
struct bus_receipt {
    enum bus_receipt_kind kind;
    struct bus_bytes exchange, subscriber;
    struct bus_bytes log;  /* <topic>/<partition> */
    uint64_t size;         /* APPLIED; else 0 */
    bus_digest_bytes root; /* APPLIED; else zeros */
    uint64_t leaf;         /* REFUSED; else 0 */
    int64_t offset;        /* in the topic, of the seal or of the refused delivery: a hint where to look */
    uint8_t record[BUS_IDENTITY_SIZE];  /* REFUSED: the record; else zeros */
    struct bus_bytes department, item;  /* REFUSED; else "" */
    struct bus_bytes code, words;       /* REFUSED: reason code, and the receiver's own words; else "" */
    int64_t at_ms;                      /* rises for each log */
    /* Of the signature; filled by encode and decode. */
    enum bus_suite suite;
    struct bus_bytes key_id, signature;
};

/* Signs with the subscriber's private key and appends the framed record. REJECT (RECEIPT_TEXT): a text longer than BUS_RECEIPT_MAX_TEXT or
 * with control characters in it; FATAL: the key, or the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_receipt_encode(const struct bus_receipt *receipt, const struct bus_key *key,
                                                  struct bus_buffer *buffer, struct bus_error *error);
/* REJECT (RECEIPT_MALFORMED) when the bytes are no receipt. Views borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_receipt_decode(struct bus_bytes value, struct bus_receipt *out_receipt,
                                                  struct bus_error *error);
/* Whether the subscriber that it names signed it: REJECT RECEIPT_KEY (no such key is pinned under that name), RECEIPT_SIGNATURE. FATAL: a pinned
 * key cannot be read. Keys are remembered by the verifier. */
struct bus_receipt_verifier;
/* `folder` is copied; "" = no key is known. NULL when out of memory. */
struct bus_receipt_verifier *bus_receipt_verifier_create(const char *folder);
void bus_receipt_verifier_destroy(struct bus_receipt_verifier *verifier);
BUS_MUST_CHECK enum bus_status bus_receipt_verify(struct bus_receipt_verifier *verifier,
                                                  const struct bus_receipt *receipt, struct bus_error *error);

/* --- a book as a receipt: header BUS_BOOK_RECEIPT_HEADER on an agent's record of xq.books --- */

#define BUS_BOOK_RECEIPT_HEADER "xq-receipt"
/* Appends key id (16 bytes) and signature over "xinqiao book v1\n" book name "\n" hex of H(value) "\n". FATAL. */
BUS_MUST_CHECK enum bus_status bus_receipt_sign_book(const struct bus_key *key, struct bus_bytes name,
                                                     struct bus_bytes value, struct bus_buffer *buffer,
                                                     struct bus_error *error);
/* REJECT RECEIPT_MALFORMED, RECEIPT_KEY, RECEIPT_SIGNATURE. FATAL as above. */
BUS_MUST_CHECK enum bus_status bus_receipt_verify_book(struct bus_receipt_verifier *verifier, struct bus_bytes subscriber,
                                                       struct bus_bytes name, struct bus_bytes value,
                                                       struct bus_bytes header, struct bus_error *error);

#endif
