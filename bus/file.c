#include "bus/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { CHUNK_SIZE = 16 * 1024 };

static enum bus_status read_all(int file, const char *path, struct bus_buffer *buffer, struct bus_error *error)
{
    uint8_t chunk[CHUNK_SIZE];
    for (;;) {
        ssize_t length = read(file, chunk, sizeof chunk);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return bus_fail(error, BUS_FATAL, "%s: cannot read: %s", path, strerror(errno));
        if (length == 0)
            return BUS_OK;
        bus_buffer_append(buffer, chunk, (size_t)length);
        if (buffer->failed)
            return bus_fail(error, BUS_FATAL, "%s: longer than the %zu bytes allowed", path, buffer->limit);
    }
}

enum bus_status bus_file_read(const char *path, struct bus_buffer *buffer, struct bus_error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return bus_fail(error, BUS_FATAL, "%s: cannot open: %s", path, strerror(errno));
    enum bus_status status = read_all(file, path, buffer, error);
    close(file);
    return status;
}

bool bus_file_write(int file, struct bus_bytes bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(file, bytes.data, bytes.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = bus_bytes_of(bytes.data + written, bytes.length - (size_t)written);
    }
    return true;
}

bool bus_file_sync_folder(int at, const char *path)
{
    int folder = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        close(folder);
    return is_synced;
}

bool bus_file_settle(int file, const char *part, const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    return fsync(file) == 0 && rename(part, path) == 0 && bus_file_sync_folder(AT_FDCWD, dirname(copy));
}
