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

#define BUS_RECEIPT_FINGERPRINT UINT64_C(0xfa7a4cbb0eded412) /* of the schema; a test computes it again */

/* In the order of the schema's enum. */
enum bus_receipt_kind { BUS_RECEIPT_APPLIED, BUS_RECEIPT_REFUSED, BUS_RECEIPT_KIND_COUNT };

enum {
    BUS_RECEIPT_MAX_TEXT = 1024, /* bytes of any one text */
    BUS_RECEIPT_MAX_SIZE = 8192, /* of the framed record */
};

/* All is borrowed. */
struct bus_receipt {
    enum bus_receipt_kind kind;
    struct bus_bytes exchange, subscriber;
    struct bus_bytes log;              /* <topic>/<partition> */
    uint64_t size;                     /* APPLIED; else 0 */
    bus_digest_bytes root;             /* APPLIED, by the hash of the log's seals; else zeros */
    uint64_t leaf;                     /* REFUSED; else 0 */
    int64_t offset;                    /* in the topic, of the seal or of the refused delivery: a hint where to look */
    uint8_t record[BUS_IDENTITY_SIZE]; /* REFUSED: the record; else zeros */
    struct bus_bytes department, item; /* REFUSED; else "" */
    struct bus_bytes code, words;      /* REFUSED: reason code, and the receiver's own words; else "" */
    int64_t at_ms;                     /* rises for each log */
    /* Of the signature; not looked at by encode, filled by decode. */
    enum bus_suite suite;
    struct bus_bytes key_id, signature;
};

/* "APPLIED" or "REFUSED". */
const char *bus_receipt_kind_name(enum bus_receipt_kind kind);
/* Appends the text that is signed. The caller looks at buffer->failed. */
void bus_receipt_signed_text(const struct bus_receipt *receipt, struct bus_buffer *buffer);
/* Signs with the subscriber's private key and appends the framed record. REJECT (RECEIPT_TEXT): a text longer than BUS_RECEIPT_MAX_TEXT, no
 * UTF-8 or with control characters in it, a name that is missing; FATAL: the key, or the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_receipt_encode(const struct bus_receipt *receipt, const struct bus_key *key,
                                                  struct bus_buffer *buffer, struct bus_error *error);
/* REJECT (RECEIPT_MALFORMED) when the bytes are no receipt. Views borrow from `value`. */
BUS_MUST_CHECK enum bus_status bus_receipt_decode(struct bus_bytes value, struct bus_receipt *out_receipt,
                                                  struct bus_error *error);

/* --- whether it is genuine: bus/receipt_verifier.c --- */

/* Knows the folder of pinned keys. A key put there counts from the next receipt on, and one taken away no more. */
struct bus_receipt_verifier;
/* `folder` is copied; "" = no key is known. NULL when out of memory. */
struct bus_receipt_verifier *bus_receipt_verifier_create(const char *folder);
void bus_receipt_verifier_destroy(struct bus_receipt_verifier *verifier);
/* Whether the subscriber that it names signed it: REJECT RECEIPT_KEY (no such key is pinned under that name), RECEIPT_SIGNATURE. FATAL: the
 * folder or a pinned key cannot be read. */
BUS_MUST_CHECK enum bus_status bus_receipt_verify(struct bus_receipt_verifier *verifier,
                                                  const struct bus_receipt *receipt, struct bus_error *error);

/* A book as a receipt: header on an agent's record of xq.books, key id (16 bytes) and signature over
 * "xinqiao book v1\n" exchange "\n" name of the book "\n" lower-case hex of H(value) "\n", H of the key's suite. */
#define BUS_BOOK_RECEIPT_HEADER "xq-receipt"
/* Appends the header's bytes. FATAL: the key, or the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_receipt_sign_book(const struct bus_key *key, const char *exchange,
                                                     struct bus_bytes name, struct bus_bytes value,
                                                     struct bus_buffer *buffer, struct bus_error *error);
/* REJECT RECEIPT_MALFORMED, RECEIPT_KEY, RECEIPT_SIGNATURE. FATAL as above. */
BUS_MUST_CHECK enum bus_status bus_receipt_verify_book(struct bus_receipt_verifier *verifier, const char *exchange,
                                                       struct bus_bytes subscriber, struct bus_bytes name,
                                                       struct bus_bytes value, struct bus_bytes header,
                                                       struct bus_error *error);

#endif
