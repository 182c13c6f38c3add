/* Push peer: who is at the other end of a TLS connection, by its certificate. */
#ifndef ADAPTERS_SOURCES_PUSH_PEER_H
#define ADAPTERS_SOURCES_PUSH_PEER_H

#include "adapters/sources/push/reply.h"
#include "adapters/sources/push/settings.h"
#include "bus/http_peer.h"

enum { ADAPTERS_PUSH_PEER_SIZE = BUS_HTTP_SHOWN_SIZE };

/* `session` is a gnutls_session_t whose handshake is done. PROBLEMS: *out_client; else NO_CERTIFICATE, BAD_CERTIFICATE (why in
 * *out_detail) or UNKNOWN_CLIENT. `out_peer`: the certificate's common name and fingerprint, for logs; "-" without one. */
enum adapters_push_problem adapters_push_peer(const struct adapters_push_settings *settings, void *session,
                                              size_t *out_client, char out_peer[ADAPTERS_PUSH_PEER_SIZE],
                                              struct bus_error *out_detail);
/* Of a configured client: by fingerprint first, then by common name. client_count: there is none. */
size_t adapters_push_peer_find(const struct adapters_push_settings *settings, const char *name,
                               const char *fingerprint);

#endif
