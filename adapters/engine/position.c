#include "adapters/engine/position.h"

#include <stdlib.h>

/* CRC-64-AVRO of schemas/internal/position.avsc; held against the file by a test. */
static const uint64_t POSITION_FINGERPRINT = 0x0630397a0fba8f7cu;
/* Before there were cursors: what an adapter wrote then is still read. */
static const uint64_t FIRST_FINGERPRINT = 0xf5eec261f1c43331u;

static void encode_file(const struct adapters_file_position *file, struct bus_buffer *buffer)
{
    bus_datum_append_bytes(buffer, bus_bytes_text(file->feed));
    bus_datum_append_bytes(buffer, bus_bytes_text(file->name));
    bus_datum_append_bytes(buffer, bus_bytes_of(file->digest, sizeof file->digest));
    bus_buffer_varint(buffer, file->size_bytes);
    bus_buffer_varint(buffer, file->rows);
    bus_buffer_u8(buffer, file->is_done);
    bus_buffer_varint(buffer, file->published);
    bus_buffer_varint(buffer, file->quarantined);
}

/* An Avro array: one block of items when there are any, then an empty one. */
static void begin_array(struct bus_buffer *buffer, size_t count)
{
    if (count > 0)
        bus_buffer_varint(buffer, (int64_t)count);
}

enum bus_status adapters_position_encode(const char *adapter, const struct adapters_position *position,
                                         struct bus_buffer *buffer, struct bus_error *error)
{
    bus_frame_append(buffer, POSITION_FINGERPRINT);
    bus_datum_append_bytes(buffer, bus_bytes_text(adapter));
    bus_buffer_varint(buffer, position->at_ms);
    begin_array(buffer, position->file_count);
    for (size_t i = 0; i < position->file_count; i++)
        encode_file(&position->files[i], buffer);
    bus_buffer_varint(buffer, 0);
    begin_array(buffer, position->sequence_count);
    for (size_t i = 0; i < position->sequence_count; i++) {
        bus_datum_append_bytes(buffer, bus_bytes_text(position->sequences[i].topic));
        bus_buffer_varint(buffer, position->sequences[i].partition);
        bus_buffer_varint(buffer, position->sequences[i].next);
    }
    bus_buffer_varint(buffer, 0);
    begin_array(buffer, position->cursor_count);
    for (size_t i = 0; i < position->cursor_count; i++) {
        bus_datum_append_bytes(buffer, bus_bytes_text(position->cursors[i].name));
        bus_datum_append_bytes(buffer, bus_bytes_text(position->cursors[i].text));
    }
    bus_buffer_varint(buffer, 0);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode the adapter's position: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

static void take_text(struct bus_cursor *cursor, char *out_text, size_t size)
{
    struct bus_bytes text = bus_datum_take_bytes(cursor, size - 1);
    if (!cursor->failed)
        memcpy(out_text, text.data, text.length);
    out_text[cursor->failed ? 0 : text.length] = '\0';
}

static void decode_file(struct bus_cursor *cursor, struct adapters_file_position *file)
{
    take_text(cursor, file->feed, sizeof file->feed);
    take_text(cursor, file->name, sizeof file->name);
    struct bus_bytes digest = bus_datum_take_bytes(cursor, sizeof file->digest);
    if (digest.length == sizeof file->digest)
        memcpy(file->digest, digest.data, digest.length);
    else
        cursor->failed = true;
    file->size_bytes = bus_cursor_varint(cursor);
    file->rows = bus_cursor_varint(cursor);
    file->is_done = bus_cursor_u8(cursor) != 0;
    file->published = bus_cursor_varint(cursor);
    file->quarantined = bus_cursor_varint(cursor);
}

static void decode_sequence(struct bus_cursor *cursor, struct adapters_sequence *sequence)
{
    take_text(cursor, sequence->topic, sizeof sequence->topic);
    int64_t partition = bus_cursor_varint(cursor);
    if (partition < 0 || partition > INT32_MAX)
        cursor->failed = true;
    sequence->partition = (int32_t)partition;
    sequence->next = bus_cursor_varint(cursor);
}

static bool decode_files(struct bus_cursor *cursor, struct adapters_position *position)
{
    for (size_t block; (block = bus_datum_take_block(cursor, ADAPTERS_POSITION_MAX_FILES)) > 0 && !cursor->failed;) {
        size_t total = position->file_count + block;
        struct adapters_file_position *files =
            total <= ADAPTERS_POSITION_MAX_FILES ? realloc(position->files, total * sizeof *files) : NULL;
        if (files == NULL)
            return false;
        position->files = files;
        while (position->file_count < total)
            decode_file(cursor, &position->files[position->file_count++]);
    }
    return true;
}

static bool decode_sequences(struct bus_cursor *cursor, struct adapters_position *position)
{
    for (size_t block;
         (block = bus_datum_take_block(cursor, ADAPTERS_POSITION_MAX_SEQUENCES)) > 0 && !cursor->failed;) {
        size_t total = position->sequence_count + block;
        struct adapters_sequence *sequences =
            total <= ADAPTERS_POSITION_MAX_SEQUENCES ? realloc(position->sequences, total * sizeof *sequences) : NULL;
        if (sequences == NULL)
            return false;
        position->sequences = sequences;
        while (position->sequence_count < total)
            decode_sequence(cursor, &position->sequences[position->sequence_count++]);
    }
    return true;
}

static bool decode_cursors(struct bus_cursor *cursor, struct adapters_position *position)
{
    for (size_t block; (block = bus_datum_take_block(cursor, ADAPTERS_POSITION_MAX_CURSORS)) > 0 && !cursor->failed;) {
        size_t total = position->cursor_count + block;
        struct adapters_cursor *cursors =
            total <= ADAPTERS_POSITION_MAX_CURSORS ? realloc(position->cursors, total * sizeof *cursors) : NULL;
        if (cursors == NULL)
            return false;
        position->cursors = cursors;
        while (position->cursor_count < total) {
            struct adapters_cursor *taken = &position->cursors[position->cursor_count++];
            take_text(cursor, taken->name, sizeof taken->name);
            take_text(cursor, taken->text, sizeof taken->text);
        }
    }
    return true;
}

enum bus_status adapters_position_decode(struct bus_bytes value, struct adapters_position *out_position,
                                         struct bus_error *error)
{
    *out_position = (struct adapters_position){0};
    uint64_t fingerprint;
    enum bus_status status = bus_frame_fingerprint(value, &fingerprint, error);
    if (status == BUS_OK && fingerprint != POSITION_FINGERPRINT && fingerprint != FIRST_FINGERPRINT)
        status = bus_fail(error, BUS_REJECT, "the record is of another schema than xinqiao.position");
    if (status != BUS_OK)
        return status;
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    bus_datum_take_bytes(&cursor, SIZE_MAX);
    out_position->at_ms = bus_cursor_varint(&cursor);
    bool has_room = decode_files(&cursor, out_position) && decode_sequences(&cursor, out_position) &&
                    (fingerprint == FIRST_FINGERPRINT || decode_cursors(&cursor, out_position));
    if (has_room && !cursor.failed && bus_cursor_left(&cursor) == 0)
        return BUS_OK;
    adapters_position_release(out_position);
    return has_room ? bus_fail(error, BUS_REJECT, "the record is no position: cut off or too long")
                    : bus_fail(error, BUS_FATAL, "cannot read the position: out of memory or too many entries");
}

void adapters_position_release(struct adapters_position *position)
{
    free(position->files);
    free(position->sequences);
    free(position->cursors);
    *position = (struct adapters_position){0};
}
