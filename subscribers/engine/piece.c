#include "subscribers/engine/piece.h"

#include <stdlib.h>

struct subscribers_piece *subscribers_piece_create(int32_t partition)
{
    struct subscribers_piece *piece = calloc(1, sizeof *piece);
    if (piece == NULL)
        return NULL;
    piece->partition = partition;
    bus_buffer_init(&piece->data, SUBSCRIBERS_PIECE_MAX_BYTES);
    return piece;
}

void subscribers_piece_destroy(struct subscribers_piece *piece)
{
    if (piece == NULL)
        return;
    bus_buffer_release(&piece->data);
    free(piece->records);
    free(piece->leaves);
    free(piece->seal);
    free(piece);
}

static bool piece_has_room(struct subscribers_piece *piece)
{
    if (piece->count < piece->capacity)
        return true;
    size_t capacity = piece->capacity == 0 ? 64 : 2 * piece->capacity;
    struct subscribers_record *records = realloc(piece->records, capacity * sizeof *records);
    if (records == NULL)
        return false;
    piece->records = records;
    piece->capacity = capacity;
    return true;
}

enum bus_status subscribers_piece_append(struct subscribers_piece *piece, int64_t offset,
                                         const uint8_t record[BUS_IDENTITY_SIZE], struct bus_bytes value,
                                         struct bus_error *error)
{
    size_t at = piece->data.length;
    bus_buffer_append(&piece->data, record, BUS_IDENTITY_SIZE);
    bus_buffer_append_bytes(&piece->data, value);
    if (piece->data.failed || piece->count == SUBSCRIBERS_PIECE_MAX_RECORDS || !piece_has_room(piece))
        return bus_fail(
            error, BUS_FATAL,
            "partition %d: %zu records (%zu bytes) and no seal among them; the producer of this topic does not "
            "seal, or memory is used up",
            (int)piece->partition, piece->count, piece->data.length);
    piece->records[piece->count++] = (struct subscribers_record){offset, at, (uint32_t)value.length};
    return BUS_OK;
}

struct bus_bytes subscribers_piece_key_view(const struct subscribers_piece *piece, size_t index)
{
    return bus_bytes_of(piece->data.data + piece->records[index].at, BUS_IDENTITY_SIZE);
}

struct bus_bytes subscribers_piece_value_view(const struct subscribers_piece *piece, size_t index)
{
    const struct subscribers_record *record = &piece->records[index];
    return bus_bytes_of(piece->data.data + record->at + BUS_IDENTITY_SIZE, record->length);
}
