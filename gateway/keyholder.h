/* Keyholder: the process that holds the exchange's private key and signs seals, and nothing else.
 *
 * It composes the signed text itself from a batch root, a time and the exchange's name, so that who may speak to it can have
 * seals of this exchange signed but no other text. Clients are processes of the same user, over a unix socket of mode 0600. */
#ifndef GATEWAY_KEYHOLDER_H
#define GATEWAY_KEYHOLDER_H

#include "bus/seal.h"

enum {
    GATEWAY_KEYHOLDER_MAX_CLIENTS = 256,
    /* One message each way, SOCK_SEQPACKET (docs/formats.md). */
    GATEWAY_KEYHOLDER_REQUEST_SIZE = 4 + 8 + BUS_DIGEST_SIZE + BUS_SEAL_MAX_TEXT,
    GATEWAY_KEYHOLDER_REPLY_SIZE = 4 + BUS_KEY_ID_SIZE + BUS_SIGNATURE_MAX_SIZE,
};

/* Request: "XQK" | kind | u64be sealed_at_ms | root | exchange, zero padded. IDENTIFY uses the kind alone. */
enum gateway_keyholder_request { GATEWAY_KEYHOLDER_IDENTIFY = 'I', GATEWAY_KEYHOLDER_SIGN = 'S' };
/* Reply: answer | suite | u16be length of the signature | key id and its terminator | signature, zero padded. */
enum gateway_keyholder_answer {
    GATEWAY_KEYHOLDER_OK,
    GATEWAY_KEYHOLDER_REFUSED, /* not a request, or not of this exchange */
    GATEWAY_KEYHOLDER_BROKEN,  /* the library could not sign */
};

struct gateway_keyholder_options {
    const char *key_path;    /* PEM, mode 0600 */
    const char *socket_path; /* created; a stale one is replaced */
    const char *exchange;    /* whose seals may be signed */
};

/* Loads the key and serves until bus_stop_requested(); the calling process becomes undumpable and locks its memory where it may.
 * Call it in a process of its own, which has forked before any key was loaded. OK: stopped. FATAL: the key or the socket. */
BUS_MUST_CHECK enum bus_status gateway_keyholder_run(const struct gateway_keyholder_options *options,
                                                     struct bus_error *error);

#endif
