/* HTTP client, gzip: a body made smaller for its way. The only file that includes zlib. */
#ifndef SUBSCRIBERS_SINKS_HTTP_CLIENT_GZIP_H
#define SUBSCRIBERS_SINKS_HTTP_CLIENT_GZIP_H

#include "bus/bytes.h"

/* Appends `body` as one gzip member (RFC 1952). FATAL out of memory, or the buffer's limit. */
BUS_MUST_CHECK enum bus_status http_client_gzip(struct bus_bytes body, struct bus_buffer *buffer,
                                                struct bus_error *error);

#endif
