/* Subject: the organisation or person whom a record is about, and the key that stands for it.
 *
 * Subject identifier: a person's 18-digit citizen number (15-digit ones are converted); an organisation's nine-character body
 * code: positions 9-17 of its USCC, its organisation code, or the end of its old tax number, so that records under old and new
 * numbers meet. Subject key = first 16 bytes of HMAC-SM3(pepper, 'P' or 'O' | subject identifier). */
#ifndef BUS_SUBJECT_H
#define BUS_SUBJECT_H

#include "bus/digest.h"
#include "bus/event.h"

enum { BUS_SUBJECT_KEY_SIZE = 16, BUS_PEPPER_MIN_SIZE = 32, BUS_PEPPER_MAX_SIZE = 256 };

struct bus_subject_keyer; /* holds the exchange's pepper */

/* Reads the pepper file (32 to 256 bytes as hex digits, a newline behind them; readable by its owner only). FATAL with the path
 * and what is wrong. */
BUS_MUST_CHECK enum bus_status bus_subject_keyer_load(const char *pepper_path, struct bus_subject_keyer **out_keyer,
                                                      struct bus_error *error);
/* From memory, for tests. */
struct bus_subject_keyer *bus_subject_keyer_create(struct bus_bytes pepper);
void bus_subject_keyer_destroy(struct bus_subject_keyer *keyer);

/* The canonical identifier of a subject from what an event's subject_id holds: an 18-digit or 15-digit citizen number, an
 * 18-character USCC, a 9-character organisation code (with '-': checked; without: any, because the codes inside some credit codes
 * in use fail their own check), a 15-, 17- or 20-character old tax number that ends in an organisation code.
 * `out_identifier` holds 19 bytes. REJECT with the codes of bus/identifier.h where the length says what it should be, else
 * SUBJECT_ID. */
BUS_MUST_CHECK enum bus_status bus_subject_identifier(enum bus_subject_kind kind, struct bus_bytes subject_id,
                                                      char out_identifier[19], struct bus_error *error);

/* The same without knowing whose it is: the kind by the identifier's shape, what is good as the one and not as the other. REJECT
 * SUBJECT_KIND: it may be either; else the code of what it looks most like. */
BUS_MUST_CHECK enum bus_status bus_subject_either(struct bus_bytes subject_id, enum bus_subject_kind *out_kind,
                                                  char out_identifier[19], struct bus_error *error);

/* The key of a canonical identifier. */
void bus_subject_key(const struct bus_subject_keyer *keyer, enum bus_subject_kind kind, const char *identifier,
                     uint8_t out_key[BUS_SUBJECT_KEY_SIZE]);
/* A canonical identifier and whose it is. */
struct bus_subject {
    enum bus_subject_kind kind;
    char identifier[19];
};
/* The keys of many, hashed side by side. */
void bus_subject_keys(const struct bus_subject_keyer *keyer, const struct bus_subject *subjects, size_t count,
                      uint8_t (*out_keys)[BUS_SUBJECT_KEY_SIZE]);
/* First 8 bytes, big endian, modulo `partitions`. */
int32_t bus_subject_partition(const uint8_t key[BUS_SUBJECT_KEY_SIZE], int32_t partitions);

#endif
