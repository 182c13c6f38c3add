#include "adapters/engine/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FIRST_BYTES = 1024 * 1024 };

/* Not every file system has O_TMPFILE. */
static int open_nameless(const char *folder)
{
    char path[4096 + 16];
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return file;
    snprintf(path, sizeof path, "%s/.scratch.XXXXXX", folder);
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

enum bus_status adapters_scratch_open(struct adapters_scratch *scratch, const char *folder, struct bus_error *error)
{
    *scratch = (struct adapters_scratch){.file = open_nameless(folder)};
    snprintf(scratch->folder, sizeof scratch->folder, "%s", folder);
    if (scratch->file < 0)
        return bus_fail(error, BUS_FATAL, "cannot make a file in the adapter's state folder %s: %s", folder,
                        strerror(errno));
    return BUS_OK;
}

void adapters_scratch_close(struct adapters_scratch *scratch)
{
    if (scratch->data != NULL)
        munmap(scratch->data, scratch->capacity);
    if (scratch->data != NULL || scratch->folder[0] != '\0')
        close(scratch->file);
    *scratch = (struct adapters_scratch){.file = -1};
}

void adapters_scratch_reset(struct adapters_scratch *scratch)
{
    scratch->length = 0;
}

/* With its blocks: a full disk under a mapping would be a SIGBUS. */
static enum bus_status grow(struct adapters_scratch *scratch, size_t capacity, struct bus_error *error)
{
    int code = posix_fallocate(scratch->file, (off_t)scratch->capacity, (off_t)(capacity - scratch->capacity));
    if (code != 0)
        return bus_fail(error, BUS_RETRY, "work out a list in %s: %s; free space on this disk", scratch->folder,
                        strerror(code));
    void *data = scratch->data == NULL ? mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_SHARED, scratch->file, 0)
                                       : mremap(scratch->data, scratch->capacity, capacity, MREMAP_MAYMOVE);
    if (data == MAP_FAILED)
        return bus_fail(error, BUS_FATAL, "work out a list: %s", strerror(errno));
    scratch->data = data;
    scratch->capacity = capacity;
    return BUS_OK;
}

enum bus_status adapters_scratch_add(struct adapters_scratch *scratch, size_t size, void **out_room,
                                     struct bus_error *error)
{
    size_t capacity = scratch->capacity > 0 ? scratch->capacity : FIRST_BYTES;
    while (capacity < scratch->length + size)
        capacity *= 2;
    enum bus_status status = capacity > scratch->capacity ? grow(scratch, capacity, error) : BUS_OK;
    if (status != BUS_OK)
        return status;
    *out_room = scratch->data + scratch->length;
    scratch->length += size;
    return BUS_OK;
}
