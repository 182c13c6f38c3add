/* Keyholder: the process that holds the exchange's private key and signs seals, and nothing else.
 *
 * It composes the signed text itself from a batch root, a time and the exchange's name, so that who may speak to it can have
 * seals of this exchange signed but no other text. Clients are processes of the same user, over a unix socket of mode 0600. */
#ifndef GATEWAY_KEYHOLDER_H
#define GATEWAY_KEYHOLDER_H

#include "bus/seal.h"

enum { GATEWAY_KEYHOLDER_MAX_CLIENTS = 256 };

enum gateway_keyholder_kind { GATEWAY_KEYHOLDER_IDENTIFY = 'I', GATEWAY_KEYHOLDER_SIGN = 'S' };

/* One message each way over SOCK_SEQPACKET; bytes only, so that the structure is the wire format (docs/formats.md). */
struct gateway_keyholder_request {
    char magic[3]; /* "XQK" */
    char kind;
    uint8_t sealed_at_ms[8]; /* big endian; this and what follows for SIGN only, else zero */
    bus_digest_bytes root;
    char exchange[BUS_SEAL_MAX_TEXT]; /* zero padded */
};

enum gateway_keyholder_answer {
    GATEWAY_KEYHOLDER_DONE,
    GATEWAY_KEYHOLDER_REFUSED, /* no request of this protocol, or not of this exchange */
    GATEWAY_KEYHOLDER_BROKEN,  /* the library could not sign */
};

struct gateway_keyholder_reply {
    uint8_t answer;
    uint8_t suite;            /* enum bus_suite */
    uint8_t signature_length; /* 0 unless a seal was signed */
    char key_id[BUS_KEY_ID_SIZE];
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
};

struct gateway_keyholder_options {
    const char *key_path;    /* PEM, mode 0600 */
    const char *socket_path; /* created; a stale one is replaced */
    const char *exchange;    /* whose seals may be signed */
};

/* Loads the key and serves until bus_stop_requested(); the calling process becomes undumpable and locks its memory where it may.
 * Call it in a process of its own, forked before any key was loaded. OK: stopped. FATAL: the key or the socket, or another
 * keyholder serves there. */
BUS_MUST_CHECK enum bus_status gateway_keyholder_run(const struct gateway_keyholder_options *options,
                                                     struct bus_error *error);

#endif
