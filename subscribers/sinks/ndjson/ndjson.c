#include "subscribers/sinks/ndjson/ndjson.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/log.h"
#include "subscribers/sinks/ndjson/line.h"
#include "subscribers/sinks/ndjson/position.h"

enum { FLUSH_BYTES = 1024 * 1024, NAME_SIZE = 300 };

static const struct bus_option options[] = {
    {"folder", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "where files appear; made when missing"},
    {"max_bytes", BUS_OPTION_INTEGER, "8388608", 1024, 1073741824, NULL, "bytes of deliveries in one file, about"},
    {"max_ms", BUS_OPTION_INTEGER, "2000", 0, 86400000, NULL, "longest time that a delivery waits for its file"},
    {0},
};

struct ndjson {
    char folder[PATH_MAX];
    char subscriber[200];
    int folder_descriptor; /* -1 until reached */
    int lock_descriptor;
    struct subscribers_sink_bounds bounds;
    struct ndjson_positions *positions;
};

static void ndjson_close(void *self)
{
    struct ndjson *sink = self;
    if (sink == NULL)
        return;
    if (sink->lock_descriptor >= 0)
        close(sink->lock_descriptor);
    if (sink->folder_descriptor >= 0)
        close(sink->folder_descriptor);
    ndjson_positions_destroy(sink->positions);
    free(sink);
}

static enum bus_status ndjson_open(const struct subscribers_sink_context *context,
                                   const struct bus_settings_node *group, void **out_self, struct bus_error *error)
{
    struct ndjson *sink = calloc(1, sizeof *sink);
    if (sink == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    sink->folder_descriptor = sink->lock_descriptor = -1;
    snprintf(sink->subscriber, sizeof sink->subscriber, "%s", context->subscriber);
    sink->bounds.bytes = (size_t)bus_settings_integer(group, options, "max_bytes");
    sink->bounds.wait_ms = bus_settings_integer(group, options, "max_ms");
    sink->positions = ndjson_positions_create(context->topic);
    enum bus_status status = bus_settings_resolve(context->settings, bus_settings_text(group, options, "folder"),
                                                  sink->folder, sizeof sink->folder, error);
    if (status == BUS_OK && sink->positions == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        *out_self = sink;
    else
        ndjson_close(sink);
    return status;
}

static void ndjson_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    *out_bounds = ((const struct ndjson *)self)->bounds;
}

/* A disk that is full or a folder that is closed may be mended: everything here is tried again. */
static enum bus_status away(const struct ndjson *sink, const char *what, const char *name, struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "%s %s/%s: %s", what, sink->folder, name, strerror(errno));
}

static enum bus_status reach_folder(struct ndjson *sink, struct bus_error *error)
{
    if (sink->folder_descriptor >= 0)
        return BUS_OK;
    if (mkdir(sink->folder, 0750) != 0 && errno != EEXIST)
        return away(sink, "cannot make", "", error);
    sink->folder_descriptor = open(sink->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sink->folder_descriptor < 0)
        return away(sink, "cannot open", "", error);
    sink->lock_descriptor = openat(sink->folder_descriptor, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (sink->lock_descriptor < 0 || flock(sink->lock_descriptor, LOCK_EX | LOCK_NB) != 0) {
        enum bus_status status = away(sink, "another agent may be at work there: cannot lock", ".lock", error);
        if (sink->lock_descriptor >= 0)
            close(sink->lock_descriptor);
        close(sink->folder_descriptor);
        sink->lock_descriptor = sink->folder_descriptor = -1;
        return status;
    }
    return BUS_OK;
}

/* The lock says whose folder it is. */
static enum bus_status ndjson_prepare(void *self, struct bus_error *error)
{
    return reach_folder(self, error);
}

static void name_file(const struct ndjson *sink, uint64_t serial, char out_name[NAME_SIZE])
{
    snprintf(out_name, NAME_SIZE, "%s-%010llu.ndjson", sink->subscriber, (unsigned long long)serial);
}

static void name_hidden(const char *name, char out_hidden[NAME_SIZE + 1])
{
    snprintf(out_hidden, NAME_SIZE + 1, ".%s", name);
}

/* Finishes what the last commit began: gives the file that .position names its name. */
static enum bus_status publish(const struct ndjson *sink, struct bus_error *error)
{
    if (ndjson_positions_serial(sink->positions) == 0)
        return BUS_OK;
    char name[NAME_SIZE], hidden[NAME_SIZE + 1];
    name_file(sink, ndjson_positions_serial(sink->positions), name);
    name_hidden(name, hidden);
    if (renameat(sink->folder_descriptor, hidden, sink->folder_descriptor, name) != 0 && errno != ENOENT)
        return away(sink, "cannot rename", hidden, error);
    if (fsync(sink->folder_descriptor) != 0)
        return away(sink, "cannot sync", "", error);
    return BUS_OK;
}

/* Removes files that were never committed. */
static void sweep(const struct ndjson *sink)
{
    DIR *folder = opendir(sink->folder);
    if (folder == NULL)
        return;
    char prefix[NAME_SIZE];
    int length = snprintf(prefix, sizeof prefix, ".%s-", sink->subscriber);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strncmp(entry->d_name, prefix, (size_t)length) == 0)
            unlinkat(sink->folder_descriptor, entry->d_name, 0);
    closedir(folder);
}

static enum bus_status ndjson_load(void *self, struct subscribers_position *position, struct bus_error *error)
{
    struct ndjson *sink = self;
    enum bus_status status = reach_folder(sink, error);
    if (status == BUS_OK)
        status = ndjson_positions_read(sink->positions, sink->folder_descriptor, error);
    if (status == BUS_OK)
        status = publish(sink, error);
    if (status != BUS_OK)
        return status;
    sweep(sink);
    return ndjson_positions_get(sink->positions, position, error);
}

static enum bus_status write_all(const struct ndjson *sink, int descriptor, struct bus_buffer *buffer, const char *name,
                                 struct bus_error *error)
{
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "out of memory for a line of %s", name);
    for (size_t at = 0; at < buffer->length;) {
        ssize_t written = write(descriptor, buffer->data + at, buffer->length - at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return away(sink, "cannot write", name, error);
        at += (size_t)written;
    }
    bus_buffer_reset(buffer);
    return BUS_OK;
}

/* The batch's lines under the hidden name, synced. */
static enum bus_status write_lines(const struct ndjson *sink, const struct subscribers_batch *batch, const char *hidden,
                                   struct bus_error *error)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, (size_t)8 * BUS_DATUM_MAX_SIZE);
    enum bus_status status = BUS_OK;
    int descriptor = openat(sink->folder_descriptor, hidden, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return away(sink, "cannot write", hidden, error);
    for (size_t i = 0; status == BUS_OK && i < batch->count; i++) {
        subscribers_ndjson_line(&batch->deliveries[i], &buffer);
        if (buffer.length >= FLUSH_BYTES || buffer.failed)
            status = write_all(sink, descriptor, &buffer, hidden, error);
    }
    if (status == BUS_OK)
        status = write_all(sink, descriptor, &buffer, hidden, error);
    if (status == BUS_OK && fsync(descriptor) != 0)
        status = away(sink, "cannot sync", hidden, error);
    if (close(descriptor) != 0 && status == BUS_OK)
        status = away(sink, "cannot close", hidden, error);
    bus_buffer_release(&buffer);
    return status;
}

static enum bus_status ndjson_apply(void *self, struct subscribers_batch *batch, struct bus_error *error)
{
    struct ndjson *sink = self;
    assert(sink->folder_descriptor >= 0);
    char name[NAME_SIZE], hidden[NAME_SIZE + 1];
    name_file(sink, ndjson_positions_serial(sink->positions) + 1, name);
    name_hidden(name, hidden);
    enum bus_status status = ndjson_positions_check(sink->positions, batch, error);
    if (status == BUS_OK)
        status = subscribers_batch_settle(batch, error);
    if (status == BUS_OK)
        status = write_lines(sink, batch, hidden, error);
    if (status == BUS_OK)
        status = ndjson_positions_commit(sink->positions, batch, sink->folder_descriptor, error);
    if (status == BUS_OK)
        status = publish(sink, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_DEBUG, "file", "name=%s deliveries=%zu", name, batch->count);
    return status;
}

const struct subscribers_sink subscribers_ndjson = {
    .name = "ndjson",
    .options = options,
    .open = ndjson_open,
    .bounds = ndjson_bounds,
    .prepare = ndjson_prepare,
    .load = ndjson_load,
    .apply = ndjson_apply,
    .close = ndjson_close,
};
