/* Key: signing keys of the two seal suites, their files and their identifiers.
 *
 * sm2-sm3:        SM2 signature (GB/T 32918.2) with SM3, identity 1234567812345678, DER encoded.
 * ed25519-sha256: Ed25519 (RFC 8032); logs hash with SHA-256.
 * Files are PEM: PKCS#8 private keys (mode 0600), SubjectPublicKeyInfo public keys named <key_id>.pem. */
#ifndef BUS_KEY_H
#define BUS_KEY_H

#include "bus/digest.h"

enum bus_suite { BUS_SUITE_SM2_SM3, BUS_SUITE_ED25519_SHA256 };

enum {
    BUS_KEY_ID_SIZE = 17,       /* 16 lower-case hex digits and the terminator */
    BUS_SIGNATURE_MAX_SIZE = 80 /* SM2 in DER takes 69 to 72 bytes, Ed25519 64 */
};

/* "sm2-sm3" or "ed25519-sha256". */
const char *bus_suite_name(enum bus_suite suite);
/* REJECT when `name` is neither. */
BUS_MUST_CHECK enum bus_status bus_suite_parse(const char *name, enum bus_suite *out_suite, struct bus_error *error);
enum bus_hash bus_suite_hash(enum bus_suite suite);

struct bus_key; /* a public key, and with it perhaps the private one */

/* A new key pair. FATAL when the library refuses. */
BUS_MUST_CHECK enum bus_status bus_key_generate(enum bus_suite suite, struct bus_key **out_key,
                                                struct bus_error *error);
/* Reads a PEM file, private or public; the suite follows from the key. FATAL with the path when it cannot be read, is no
 * key of either suite, or (private) may be read by others. */
BUS_MUST_CHECK enum bus_status bus_key_load(const char *path, struct bus_key **out_key, struct bus_error *error);
/* Writes PEM files; never overwrites. FATAL with the path. */
BUS_MUST_CHECK enum bus_status bus_key_save_private(const struct bus_key *key, const char *path,
                                                    struct bus_error *error);
BUS_MUST_CHECK enum bus_status bus_key_save_public(const struct bus_key *key, const char *path,
                                                   struct bus_error *error);
/* Loads `<folder>/<key_id>.pem`; REJECT SEAL_KEY when there is none: a seal by a key that is not pinned. FATAL
 * when the folder or the file cannot be read or the file holds another key. */
BUS_MUST_CHECK enum bus_status bus_key_find(const char *folder, const char *key_id, struct bus_key **out_key,
                                            struct bus_error *error);
void bus_key_destroy(struct bus_key *key);

enum bus_suite bus_key_suite(const struct bus_key *key);
/* First 8 bytes, lower-case hex, of H(DER SubjectPublicKeyInfo), H of the key's suite. Lives as long as the key. */
const char *bus_key_id_view(const struct bus_key *key);
bool bus_key_is_private(const struct bus_key *key);

/* `out_signature` holds BUS_SIGNATURE_MAX_SIZE bytes. FATAL without a private key or when the library refuses. */
BUS_MUST_CHECK enum bus_status bus_key_sign(const struct bus_key *key, struct bus_bytes message, uint8_t *out_signature,
                                            size_t *out_length, struct bus_error *error);
/* REJECT when the signature is not this key's over `message`. */
BUS_MUST_CHECK enum bus_status bus_key_verify(const struct bus_key *key, struct bus_bytes message,
                                              struct bus_bytes signature, struct bus_error *error);

#endif
