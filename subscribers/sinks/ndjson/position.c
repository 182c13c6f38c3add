#include "subscribers/sinks/ndjson/position.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "subscribers/sinks/ndjson/position_text.h"

enum { MAX_FILE_SIZE = 64 * 1024 * 1024 };
static const char position_name[] = ".position";
static const char new_name[] = ".position.new";

struct ndjson_positions {
    char *topic;
    uint64_t serial;
    struct subscribers_position *entries;
    size_t count;
};

struct ndjson_positions *ndjson_positions_create(const char *topic)
{
    struct ndjson_positions *positions = calloc(1, sizeof *positions);
    if (positions == NULL || (positions->topic = strdup(topic)) == NULL) {
        free(positions);
        return NULL;
    }
    return positions;
}

static void clear(struct ndjson_positions *positions)
{
    for (size_t i = 0; i < positions->count; i++)
        subscribers_position_release(&positions->entries[i]);
    free(positions->entries);
    positions->entries = NULL;
    positions->count = 0;
    positions->serial = 0;
}

void ndjson_positions_destroy(struct ndjson_positions *positions)
{
    if (positions == NULL)
        return;
    clear(positions);
    free(positions->topic);
    free(positions);
}

uint64_t ndjson_positions_serial(const struct ndjson_positions *positions)
{
    return positions->serial;
}

static struct subscribers_position *find(const struct ndjson_positions *positions, int32_t partition)
{
    for (size_t i = 0; i < positions->count; i++)
        if (positions->entries[i].partition == partition)
            return &positions->entries[i];
    return NULL;
}

static struct subscribers_position *find_or_add(struct ndjson_positions *positions, int32_t partition)
{
    struct subscribers_position *found = find(positions, partition);
    if (found != NULL)
        return found;
    struct subscribers_position *entries = realloc(positions->entries, (positions->count + 1) * sizeof *entries);
    if (entries == NULL)
        return NULL;
    positions->entries = entries;
    subscribers_position_init(&entries[positions->count], partition);
    return &entries[positions->count++];
}

static enum bus_status copy(struct subscribers_position *to, const struct subscribers_position *from,
                            struct bus_error *error)
{
    to->next = from->next;
    to->hash = from->hash;
    to->log = from->log;
    bus_buffer_reset(&to->books);
    bus_buffer_append_bytes(&to->books, bus_buffer_view(&from->books));
    return to->books.failed ? bus_fail(error, BUS_FATAL, "out of memory for a position") : BUS_OK;
}

enum bus_status ndjson_positions_get(const struct ndjson_positions *positions, struct subscribers_position *position,
                                     struct bus_error *error)
{
    const struct subscribers_position *found = find(positions, position->partition);
    return found != NULL ? copy(position, found, error) : BUS_OK;
}

enum bus_status ndjson_positions_check(const struct ndjson_positions *positions, const struct subscribers_batch *batch,
                                       struct bus_error *error)
{
    for (size_t i = 0; i < batch->advance_count; i++) {
        const struct subscribers_advance *advance = &batch->advances[i];
        const struct subscribers_position *stored = find(positions, advance->position.partition);
        int64_t next = stored != NULL ? stored->next : -1;
        if (next != advance->from)
            return bus_fail(error, BUS_FATAL, "partition %d: the folder stands at offset %lld, this agent at %lld",
                            (int)advance->position.partition, (long long)next, (long long)advance->from);
    }
    return BUS_OK;
}

/* ── writing ── */

static const struct subscribers_position *advanced(const struct subscribers_batch *batch, int32_t partition)
{
    for (size_t i = 0; i < batch->advance_count; i++)
        if (batch->advances[i].position.partition == partition)
            return &batch->advances[i].position;
    return NULL;
}

/* The file as it will be; what this object knows changes only after the rename. */
static void compose(const struct ndjson_positions *positions, const struct subscribers_batch *batch,
                    struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    bus_json_name(&json, "topic");
    bus_json_string(&json, positions->topic);
    bus_json_name(&json, "serial");
    bus_json_integer(&json, (int64_t)positions->serial + 1);
    bus_json_name(&json, "partitions");
    bus_json_array(&json);
    for (size_t i = 0; i < positions->count; i++) {
        const struct subscribers_position *after = advanced(batch, positions->entries[i].partition);
        ndjson_position_write(&json, after != NULL ? after : &positions->entries[i]);
    }
    for (size_t i = 0; i < batch->advance_count; i++)
        if (find(positions, batch->advances[i].position.partition) == NULL)
            ndjson_position_write(&json, &batch->advances[i].position);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    bus_buffer_u8(buffer, '\n');
}

static enum bus_status write_file(int folder_descriptor, const struct bus_buffer *buffer, struct bus_error *error)
{
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "out of memory for %s", position_name);
    int descriptor = openat(folder_descriptor, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool good = descriptor >= 0;
    for (size_t at = 0; good && at < buffer->length;) {
        ssize_t written = write(descriptor, buffer->data + at, buffer->length - at);
        if (written < 0 && errno == EINTR)
            continue;
        good = written >= 0;
        at += good ? (size_t)written : 0;
    }
    good = good && fsync(descriptor) == 0;
    int why = errno;
    if (descriptor >= 0)
        close(descriptor);
    return good ? BUS_OK : bus_fail(error, BUS_RETRY, "cannot write %s: %s", new_name, strerror(why));
}

enum bus_status ndjson_positions_commit(struct ndjson_positions *positions, const struct subscribers_batch *batch,
                                        int folder_descriptor, struct bus_error *error)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, MAX_FILE_SIZE);
    compose(positions, batch, &buffer);
    enum bus_status status = write_file(folder_descriptor, &buffer, error);
    if (status == BUS_OK && renameat(folder_descriptor, new_name, folder_descriptor, position_name) != 0)
        status = bus_fail(error, BUS_RETRY, "cannot rename %s: %s", new_name, strerror(errno));
    if (status == BUS_OK && fsync(folder_descriptor) != 0)
        status = bus_fail(error, BUS_RETRY, "cannot sync the folder: %s", strerror(errno));
    bus_buffer_release(&buffer);
    if (status != BUS_OK)
        return status;
    positions->serial++;
    for (size_t i = 0; status == BUS_OK && i < batch->advance_count; i++) {
        struct subscribers_position *entry = find_or_add(positions, batch->advances[i].position.partition);
        status = entry != NULL ? copy(entry, &batch->advances[i].position, error)
                               : bus_fail(error, BUS_FATAL, "out of memory for a position");
    }
    return status;
}

/* ── reading ── */

static bool read_position(struct ndjson_positions *positions, const struct bus_json_value *object)
{
    int32_t partition;
    if (!ndjson_position_partition(object, &partition))
        return false;
    struct subscribers_position *position = find_or_add(positions, partition);
    return position != NULL && ndjson_position_read(object, position);
}

static bool read_document(struct ndjson_positions *positions, const struct bus_json_value *root)
{
    const struct bus_json_value *topic = bus_json_member(root, "topic");
    const struct bus_json_value *list = bus_json_member(root, "partitions");
    const struct bus_json_value *number = bus_json_member(root, "serial");
    int64_t serial = number != NULL && bus_json_type(number) == BUS_JSON_NUMBER ? bus_json_as_integer(number) : -1;
    if (topic == NULL || list == NULL || serial < 0 || !bus_bytes_equal_text(bus_json_as_text(topic), positions->topic))
        return false;
    positions->serial = (uint64_t)serial;
    for (size_t i = 0; i < bus_json_count(list); i++)
        if (!read_position(positions, bus_json_at(list, i)))
            return false;
    return true;
}

static enum bus_status read_file(int descriptor, struct bus_buffer *buffer, struct bus_error *error)
{
    uint8_t chunk[65536];
    for (ssize_t got; (got = read(descriptor, chunk, sizeof chunk)) != 0;) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return bus_fail(error, BUS_RETRY, "cannot read %s: %s", position_name, strerror(errno));
        bus_buffer_append(buffer, chunk, (size_t)got);
    }
    return buffer->failed ? bus_fail(error, BUS_FATAL, "%s is too long", position_name) : BUS_OK;
}

enum bus_status ndjson_positions_read(struct ndjson_positions *positions, int folder_descriptor,
                                      struct bus_error *error)
{
    clear(positions);
    int descriptor = openat(folder_descriptor, position_name, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
        return BUS_OK;
    if (descriptor < 0)
        return bus_fail(error, BUS_RETRY, "cannot open %s: %s", position_name, strerror(errno));
    struct bus_buffer buffer;
    struct bus_json_document *document = NULL;
    bus_buffer_init(&buffer, MAX_FILE_SIZE);
    enum bus_status status = read_file(descriptor, &buffer, error);
    close(descriptor);
    if (status == BUS_OK) {
        bool good = bus_json_parse(bus_buffer_view(&buffer), &document, NULL) == BUS_OK &&
                    read_document(positions, bus_json_root(document));
        bus_json_destroy(document);
        if (!good)
            status = bus_fail(
                error, BUS_FATAL,
                "%s is damaged or belongs to another topic than %s: give the sink an empty folder (all files are "
                "written again), or restore the file",
                position_name, positions->topic);
    }
    bus_buffer_release(&buffer);
    return status;
}
