/* Signer: who signs a batch root for a worker.
 *
 * A worker never holds a private key: it asks the keyholder over a unix socket (gateway/keyholder.h). The other maker signs with
 * a key in this process and is for scenario tests and benchmarks. */
#ifndef GATEWAY_SIGNER_H
#define GATEWAY_SIGNER_H

#include "bus/seal.h"

/* Signs bus_seal_signed_text(exchange, sealed_at_ms, root). `out_signature` holds BUS_SIGNATURE_MAX_SIZE bytes. RETRY: the
 * keyholder is away; nothing was signed, abort the transaction and repeat it. FATAL: it refuses. */
typedef enum bus_status (*gateway_sign_function)(void *self, const char *exchange, int64_t sealed_at_ms,
                                                 const bus_digest_bytes root, uint8_t *out_signature,
                                                 size_t *out_length, struct bus_error *error);

struct gateway_signer {
    gateway_sign_function sign;
    const char *key_id; /* of the last signature, or of the key to come; lives as long as the signer */
    enum bus_suite suite;
    void *self;
};

/* A signer over the keyholder's socket. Learns suite and key from the keyholder, waiting at most `wait_ms` for it, as does every
 * later call when the connection is gone. RETRY: not there in time. FATAL: not our user's process, or no keyholder.
 * After a reconnection another key of the same suite is taken; another suite is FATAL, because a log cannot change its hash. */
BUS_MUST_CHECK enum bus_status gateway_signer_connect(const char *socket_path, int64_t wait_ms,
                                                      struct gateway_signer *out_signer, struct bus_error *error);
/* A signer with `key`, borrowed for the signer's life. FATAL without a private key. */
BUS_MUST_CHECK enum bus_status gateway_signer_local(struct bus_key *key, struct gateway_signer *out_signer,
                                                    struct bus_error *error);
/* Of either maker, or zeroed. */
void gateway_signer_release(struct gateway_signer *signer);

#endif
