#include "subscribers/sinks/http/gzip.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15 + 16, /* 16: a gzip header instead of zlib's */
    MEMORY_LEVEL = 8,
    LEVEL = 1, /* deliveries repeat themselves: the fastest level takes most of it */
};

enum bus_status http_client_gzip(struct bus_bytes body, struct bus_buffer *buffer, struct bus_error *error)
{
    assert(body.length <= UINT_MAX);
    z_stream stream = {0};
    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return bus_fail(error, BUS_FATAL, "out of memory to compress a request");
    uLong bound = deflateBound(&stream, (uLong)body.length);
    uint8_t *out = malloc(bound);
    stream.next_in = (z_const Bytef *)body.data;
    stream.avail_in = (uInt)body.length;
    stream.next_out = out;
    stream.avail_out = (uInt)bound;
    bool is_whole = out != NULL && bound <= UINT_MAX && deflate(&stream, Z_FINISH) == Z_STREAM_END;
    if (is_whole)
        bus_buffer_append(buffer, out, stream.total_out);
    deflateEnd(&stream);
    free(out);
    return is_whole && !buffer->failed ? BUS_OK : bus_fail(error, BUS_FATAL, "out of memory to compress a request");
}
