/* HTTP peer: who is at the other end of a TLS connection, by its certificate. */
#ifndef BUS_HTTP_PEER_H
#define BUS_HTTP_PEER_H

#include "bus/digest.h"

#define BUS_HTTP_NO_CERTIFICATE "NO_CERTIFICATE"

enum {
    BUS_HTTP_NAME_SIZE = 128,
    BUS_HTTP_FINGERPRINT_SIZE = 2 * BUS_DIGEST_SIZE + 1,
    BUS_HTTP_SHOWN_SIZE = 160,
};

struct bus_http_peer {
    char name[BUS_HTTP_NAME_SIZE]; /* common name of the certificate; "" when it has none that can be shown */
    char fingerprint[BUS_HTTP_FINGERPRINT_SIZE]; /* SHA-256 of the certificate, lower-case hex */
    char shown[BUS_HTTP_SHOWN_SIZE];             /* both, for logs; "-" without a certificate */
};

/* `session` is a gnutls_session_t whose handshake is done, NULL = no TLS. REJECT NO_CERTIFICATE; CERTIFICATE_EXPIRED, _NOT_YET, _PURPOSE,
 * _WEAK, _UNTRUSTED with the reason; *out_peer is filled all the same. */
BUS_MUST_CHECK enum bus_status bus_http_peer_read(void *session, struct bus_http_peer *out_peer,
                                                  struct bus_error *error);

#endif
