#include "adapters/sources/push/body.h"
#include "bus/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATH_SIZE = 4200 };

void adapters_push_body_init(struct adapters_push_body *body, const char *folder)
{
    *body = (struct adapters_push_body){.folder = folder, .file = -1};
    bus_digest_stream_init(&body->digest, BUS_HASH_SM3);
}

void adapters_push_body_release(struct adapters_push_body *body)
{
    if (body->is_mapped)
        munmap(body->memory, body->length);
    else
        free(body->memory);
    if (body->file >= 0)
        close(body->file);
    bus_digest_stream_release(&body->digest);
    *body = (struct adapters_push_body){.file = -1};
}

/* From now on the body is in a file; its name is gone before anything is in it, so that nothing outlives this process. */
static bool open_file(struct adapters_push_body *body)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/push-body-XXXXXX", body->folder);
    body->file = mkostemp(path, O_CLOEXEC);
    if (body->file < 0)
        return false;
    unlink(path);
    bool is_written = bus_file_write(body->file, bus_bytes_of(body->memory, body->length));
    free(body->memory);
    body->memory = NULL;
    return is_written;
}

enum bus_status adapters_push_body_add(struct adapters_push_body *body, struct bus_bytes piece, struct bus_error *error)
{
    bus_digest_stream_update(&body->digest, piece);
    if (body->memory == NULL && body->file < 0)
        body->memory = malloc(ADAPTERS_PUSH_BODY_IN_MEMORY);
    if (body->memory == NULL && body->file < 0)
        return bus_fail(error, BUS_RETRY, "receive a delivery: out of memory");
    bool fits = body->file < 0 && piece.length <= ADAPTERS_PUSH_BODY_IN_MEMORY - body->length;
    if (fits && piece.length > 0)
        memcpy(body->memory + body->length, piece.data, piece.length);
    if (!fits && ((body->file < 0 && !open_file(body)) || !bus_file_write(body->file, piece)))
        return bus_fail(error, BUS_RETRY, "write a delivery into %s: %s", body->folder, strerror(errno));
    body->length += piece.length;
    return BUS_OK;
}

enum bus_status adapters_push_body_finish(struct adapters_push_body *body, uint8_t out_digest[BUS_DIGEST_SIZE],
                                          struct bus_bytes *out_view, struct bus_error *error)
{
    bus_digest_stream_final(&body->digest, out_digest);
    if (body->file >= 0) {
        void *mapped = mmap(NULL, body->length, PROT_READ, MAP_PRIVATE, body->file, 0);
        if (mapped == MAP_FAILED)
            return bus_fail(error, BUS_RETRY, "read a delivery in %s: %s", body->folder, strerror(errno));
        body->memory = mapped;
        body->is_mapped = true;
    }
    *out_view = bus_bytes_of(body->memory, body->length);
    return BUS_OK;
}
