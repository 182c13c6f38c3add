#include "gateway/state/runs.h"
#include "bus/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_RUNS = 1024,
    PATH_SIZE = 4200,
    HEAD_SIZE = 8,          /* u32 key length, u32 value length or ABSENT */
    ENTRY_LEAST = 64,       /* bytes: how many entries a run has room for */
    READ_SIZE = 256 * 1024, /* of a run at a time */
};

static const uint32_t ABSENT = UINT32_MAX;

/* An entry of the run at hand: where it lies, and the beginning of its key, which settles most comparisons. */
struct place {
    uint64_t prefix;
    uint32_t offset;
};

struct run {
    off_t begin, end; /* in the file */
};

struct gateway_runs {
    const char *folder;
    uint8_t *memory;
    size_t size, used;
    struct place *places;
    size_t place_count, place_capacity;
    int file; /* -1: everything fits into memory so far */
    struct run runs[MAX_RUNS];
    size_t run_count;
};

/* A run as it is merged: its entry at hand. */
struct reader {
    struct run left; /* not read yet */
    uint8_t *buffer; /* READ_SIZE, or more for a longer entry; the whole run when it is in memory */
    size_t at, length, capacity;
    const struct gateway_runs *in_memory; /* NULL: from the file */
    size_t next_place;
    struct bus_bytes key, value;
    bool is_end;
};

struct gateway_runs *gateway_runs_create(const char *folder, size_t memory_bytes)
{
    struct gateway_runs *runs = calloc(1, sizeof *runs);
    if (runs == NULL)
        return NULL;
    *runs = (struct gateway_runs){.folder = folder, .size = memory_bytes, .file = -1};
    runs->place_capacity = memory_bytes / ENTRY_LEAST + 1;
    runs->memory = malloc(memory_bytes);
    runs->places = malloc(runs->place_capacity * sizeof *runs->places);
    if (runs->memory != NULL && runs->places != NULL)
        return runs;
    gateway_runs_destroy(runs);
    return NULL;
}

void gateway_runs_destroy(struct gateway_runs *runs)
{
    if (runs == NULL)
        return;
    if (runs->file >= 0)
        close(runs->file);
    free(runs->memory);
    free(runs->places);
    free(runs);
}

/* --- one run --- */

static void read_entry(const uint8_t *at, struct bus_bytes *out_key, struct bus_bytes *out_value)
{
    uint32_t key_length = bus_get_u32be(at), value_length = bus_get_u32be(at + 4);
    *out_key = bus_bytes_of(at + HEAD_SIZE, key_length);
    *out_value =
        value_length == ABSENT ? bus_bytes_of(NULL, 0) : bus_bytes_of(at + HEAD_SIZE + key_length, value_length);
}

static size_t entry_size(struct bus_bytes key, struct bus_bytes value)
{
    return HEAD_SIZE + key.length + value.length;
}

static uint64_t prefix_of(struct bus_bytes key)
{
    uint8_t prefix[8] = {0};
    memcpy(prefix, key.data, key.length < sizeof prefix ? key.length : sizeof prefix);
    return bus_get_u64be(prefix);
}

/* As LMDB orders keys. */
static int compare_keys(struct bus_bytes a, struct bus_bytes b)
{
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

/* By key, and what came later behind. */
static int compare_places(const void *left, const void *right, void *memory)
{
    const struct place *a = left, *b = right;
    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    struct bus_bytes key_a, key_b, value;
    read_entry((const uint8_t *)memory + a->offset, &key_a, &value);
    read_entry((const uint8_t *)memory + b->offset, &key_b, &value);
    int order = compare_keys(key_a, key_b);
    return order != 0 ? order : (a->offset > b->offset) - (a->offset < b->offset);
}

static bool is_same_key(const struct gateway_runs *runs, const struct place *a, const struct place *b)
{
    struct bus_bytes key_a, key_b, value;
    read_entry(runs->memory + a->offset, &key_a, &value);
    read_entry(runs->memory + b->offset, &key_b, &value);
    return a->prefix == b->prefix && compare_keys(key_a, key_b) == 0;
}

/* Sorts what is in memory, and keeps the last entry of each key. */
static void sort_run(struct gateway_runs *runs)
{
    size_t kept = 0;
    qsort_r(runs->places, runs->place_count, sizeof *runs->places, compare_places, runs->memory);
    for (size_t i = 0; i < runs->place_count; i++)
        if (i + 1 == runs->place_count || !is_same_key(runs, &runs->places[i], &runs->places[i + 1]))
            runs->places[kept++] = runs->places[i];
    runs->place_count = kept;
}

static enum bus_status fail_file(const struct gateway_runs *runs, const char *what, struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "%s a file of sorted entries in %s: %s", what, runs->folder, strerror(errno));
}

/* Writes the sorted entries, a buffer at a time. */
static bool write_entries(const struct gateway_runs *runs, uint8_t *buffer, off_t *written)
{
    size_t filled = 0;
    for (size_t i = 0; i < runs->place_count; i++) {
        struct bus_bytes key, value;
        const uint8_t *at = runs->memory + runs->places[i].offset;
        read_entry(at, &key, &value);
        size_t size = entry_size(key, value);
        if (filled + size > READ_SIZE) {
            if (!bus_file_write(runs->file, bus_bytes_of(buffer, filled)))
                return false;
            *written += (off_t)filled;
            filled = 0;
        }
        if (size > READ_SIZE) {
            if (!bus_file_write(runs->file, bus_bytes_of(at, size)))
                return false;
            *written += (off_t)size;
            continue;
        }
        memcpy(buffer + filled, at, size);
        filled += size;
    }
    *written += (off_t)filled;
    return bus_file_write(runs->file, bus_bytes_of(buffer, filled));
}

/* Without a name as soon as it is there, so that nothing is left of it whatever happens. */
static enum bus_status make_file(struct gateway_runs *runs, struct bus_error *error)
{
    char path[PATH_SIZE];
    if (runs->file >= 0)
        return BUS_OK;
    snprintf(path, sizeof path, "%s/runs", runs->folder);
    runs->file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return runs->file >= 0 && unlink(path) == 0 ? BUS_OK : fail_file(runs, "make", error);
}

/* What is in memory becomes a run of the file. */
static enum bus_status write_run(struct gateway_runs *runs, struct bus_error *error)
{
    enum bus_status status = make_file(runs, error);
    if (status != BUS_OK)
        return status;
    if (runs->run_count == MAX_RUNS)
        return bus_fail(error, BUS_FATAL, "more than %d sorted runs in %s", MAX_RUNS, runs->folder);
    off_t begin = runs->run_count > 0 ? runs->runs[runs->run_count - 1].end : 0, written = 0;
    uint8_t *buffer = malloc(READ_SIZE);
    if (buffer == NULL)
        return bus_fail(error, BUS_FATAL, "sort a state: out of memory");
    sort_run(runs);
    bool is_written = write_entries(runs, buffer, &written);
    free(buffer);
    if (!is_written)
        return fail_file(runs, "write", error);
    runs->runs[runs->run_count++] = (struct run){begin, begin + written};
    runs->used = runs->place_count = 0;
    return BUS_OK;
}

enum bus_status gateway_runs_add(struct gateway_runs *runs, struct bus_bytes key, struct bus_bytes value,
                                 struct bus_error *error)
{
    size_t size = entry_size(key, value);
    if (size > runs->size)
        return bus_fail(error, BUS_FATAL, "an entry of %zu bytes is too long for a state", size);
    if (runs->used + size > runs->size || runs->place_count == runs->place_capacity) {
        enum bus_status status = write_run(runs, error);
        if (status != BUS_OK)
            return status;
    }
    uint8_t *at = runs->memory + runs->used;
    bus_put_u32be(at, (uint32_t)key.length);
    bus_put_u32be(at + 4, value.data == NULL ? ABSENT : (uint32_t)value.length);
    memcpy(at + HEAD_SIZE, key.data, key.length);
    if (value.length > 0)
        memcpy(at + HEAD_SIZE + key.length, value.data, value.length);
    runs->places[runs->place_count++] = (struct place){prefix_of(key), (uint32_t)runs->used};
    runs->used += size;
    return BUS_OK;
}

/* --- merging --- */

/* Makes sure that `size` bytes lie behind `at`. False at a file that ends early or cannot be read. */
static bool have(const struct gateway_runs *runs, struct reader *reader, size_t size)
{
    if (reader->length - reader->at >= size)
        return true;
    memmove(reader->buffer, reader->buffer + reader->at, reader->length - reader->at);
    reader->length -= reader->at;
    reader->at = 0;
    if (size > reader->capacity) {
        uint8_t *larger = realloc(reader->buffer, size);
        if (larger == NULL)
            return false;
        reader->buffer = larger;
        reader->capacity = size;
    }
    while (reader->length < size && reader->left.begin < reader->left.end) {
        size_t room = reader->capacity - reader->length;
        off_t left = reader->left.end - reader->left.begin;
        ssize_t got = pread(runs->file, reader->buffer + reader->length, left < (off_t)room ? (size_t)left : room,
                            reader->left.begin);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        reader->length += (size_t)got;
        reader->left.begin += got;
    }
    return reader->length >= size;
}

static bool next_in_memory(struct reader *reader)
{
    const struct gateway_runs *runs = reader->in_memory;
    reader->is_end = reader->next_place == runs->place_count;
    if (!reader->is_end)
        read_entry(runs->memory + runs->places[reader->next_place++].offset, &reader->key, &reader->value);
    return true;
}

/* The reader's next entry. False when the file cannot be read. */
static bool next(const struct gateway_runs *runs, struct reader *reader)
{
    if (reader->in_memory != NULL)
        return next_in_memory(reader);
    reader->is_end = reader->at == reader->length && reader->left.begin == reader->left.end;
    if (reader->is_end)
        return true;
    if (!have(runs, reader, HEAD_SIZE))
        return false;
    uint32_t key_length = bus_get_u32be(reader->buffer + reader->at);
    uint32_t value_length = bus_get_u32be(reader->buffer + reader->at + 4);
    size_t size = HEAD_SIZE + (size_t)key_length + (value_length == ABSENT ? 0 : value_length);
    if (!have(runs, reader, size))
        return false;
    read_entry(reader->buffer + reader->at, &reader->key, &reader->value);
    reader->at += size;
    return true;
}

/* One for each run of the file, in their order, and one for what is in memory. */
static struct reader *make_readers(struct gateway_runs *runs, size_t count)
{
    struct reader *readers = calloc(count, sizeof *readers);
    for (size_t i = 0; readers != NULL && i < runs->run_count; i++) {
        readers[i] = (struct reader){.left = runs->runs[i], .buffer = malloc(READ_SIZE), .capacity = READ_SIZE};
        if (readers[i].buffer == NULL)
            readers[i].capacity = 0; /* told by the first read */
    }
    if (readers != NULL)
        readers[count - 1].in_memory = runs;
    return readers;
}

static void free_readers(struct reader *readers, size_t count)
{
    for (size_t i = 0; readers != NULL && i < count; i++)
        free(readers[i].buffer);
    free(readers);
}

/* The reader with the least key, of equal ones the last, whose entry came last; NULL at the end. */
static struct reader *least(struct reader *readers, size_t count)
{
    struct reader *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (!readers[i].is_end && (found == NULL || compare_keys(readers[i].key, found->key) <= 0))
            found = &readers[i];
    return found;
}

/* Goes on behind `key` in all runs but `but`. */
static bool skip_key(const struct gateway_runs *runs, struct reader *readers, size_t count, const struct reader *but)
{
    for (size_t i = 0; i < count; i++)
        if (&readers[i] != but && !readers[i].is_end && compare_keys(readers[i].key, but->key) == 0 &&
            !next(runs, &readers[i]))
            return false;
    return true;
}

enum bus_status gateway_runs_merge(struct gateway_runs *runs,
                                   enum bus_status (*take)(void *self, struct bus_bytes key, struct bus_bytes value,
                                                           struct bus_error *error),
                                   void *self, struct bus_error *error)
{
    size_t count = runs->run_count + 1;
    struct reader *readers = make_readers(runs, count), *found;
    if (readers == NULL)
        return bus_fail(error, BUS_FATAL, "sort a state: out of memory");
    sort_run(runs);
    bool is_good = true;
    enum bus_status status = BUS_OK;
    for (size_t i = 0; is_good && i < count; i++)
        is_good = next(runs, &readers[i]);
    while (is_good && status == BUS_OK && (found = least(readers, count)) != NULL) {
        is_good = skip_key(runs, readers, count, found);
        if (found->value.data != NULL)
            status = take(self, found->key, found->value, error);
        is_good = is_good && next(runs, found);
    }
    if (!is_good)
        status = fail_file(runs, "read", error);
    free_readers(readers, count);
    return status;
}
