#include "subscribers/sinks/postgresql/position.h"

#include <stdio.h>
#include <stdlib.h>

enum bus_status postgresql_positions_init(struct postgresql_positions *positions, struct postgresql_client *client,
                                          const char *topic, const char *schema, struct bus_error *error)
{
    *positions = (struct postgresql_positions){
        .client = client,
        .topic = topic,
        .load_sql =
            postgresql_statement("SELECT next_offset, hash, log_size, encode(frontier, 'hex'), encode(book, 'hex'), "
                                 "coalesce((extract(epoch FROM sealed_at) * 1000)::bigint, 0) FROM ",
                                 schema, "xinqiao_position WHERE topic = $1 AND partition = $2::integer"),
        /* Only from where this agent stands: a second one that moved the position meanwhile shows as no row. */
        .save_sql = postgresql_statement(
            "INSERT INTO ", schema,
            "xinqiao_position AS held (topic, partition, next_offset, hash, log_size, frontier, book, sealed_at) "
            "VALUES ($1, $2::integer, $3::bigint, $4, $5::bigint, $6::bytea, $7::bytea, to_timestamp(nullif($9::bigint, 0) / 1000.0)) "
            "ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset, hash = excluded.hash, "
            "log_size = excluded.log_size, frontier = excluded.frontier, book = excluded.book, "
            "sealed_at = excluded.sealed_at, changed_at = now() "
            "WHERE held.next_offset = $8::bigint"),
    };
    return positions->load_sql != NULL && positions->save_sql != NULL
               ? BUS_OK
               : bus_fail(error, BUS_FATAL, "out of memory for the statements");
}

void postgresql_positions_release(struct postgresql_positions *positions)
{
    free(positions->load_sql);
    free(positions->save_sql);
    *positions = (struct postgresql_positions){0};
}

static bool unhex_buffer(const char *text, struct bus_buffer *buffer)
{
    size_t length = strlen(text) / 2;
    uint8_t *bytes = malloc(length + 1);
    bool good = bytes != NULL && bus_unhex(text, bytes, length);
    bus_buffer_reset(buffer);
    if (good)
        bus_buffer_append(buffer, bytes, length);
    free(bytes);
    return good && !buffer->failed;
}

static bool read_position(const struct postgresql_rows *rows, struct subscribers_position *position)
{
    const char *frontier = postgresql_rows_text_view(rows, 0, 3);
    position->next = strtoll(postgresql_rows_text_view(rows, 0, 0), NULL, 10);
    position->hash = strcmp(postgresql_rows_text_view(rows, 0, 1), "sm3") == 0 ? BUS_HASH_SM3 : BUS_HASH_SHA256;
    position->log.size = strtoull(postgresql_rows_text_view(rows, 0, 2), NULL, 10);
    position->sealed_at_ms = strtoll(postgresql_rows_text_view(rows, 0, 5), NULL, 10);
    size_t bytes = bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE;
    return bus_unhex(frontier, (uint8_t *)position->log.peaks, bytes) &&
           unhex_buffer(postgresql_rows_text_view(rows, 0, 4), &position->books);
}

enum bus_status postgresql_positions_load(const struct postgresql_positions *positions,
                                          struct subscribers_position *position, struct bus_error *error)
{
    char partition[16];
    snprintf(partition, sizeof partition, "%d", (int)position->partition);
    const struct postgresql_parameter parameters[] = {{bus_bytes_text(positions->topic), false},
                                                      {bus_bytes_text(partition), false}};
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(positions->client, positions->load_sql, parameters, 2, &rows, error);
    if (status != BUS_OK)
        return status;
    if (postgresql_rows_count(rows) > 0 && !read_position(rows, position))
        status = bus_fail(error, BUS_FATAL, "xinqiao_position of partition %d is damaged; restore it from a backup",
                          (int)position->partition);
    postgresql_rows_destroy(rows);
    return status;
}

enum bus_status postgresql_positions_save(const struct postgresql_positions *positions,
                                          const struct subscribers_advance *advance, struct bus_error *error)
{
    const struct subscribers_position *position = &advance->position;
    char partition[16], next[24], size[24], from[24], sealed[24];
    snprintf(partition, sizeof partition, "%d", (int)position->partition);
    snprintf(next, sizeof next, "%lld", (long long)position->next);
    snprintf(size, sizeof size, "%llu", (unsigned long long)position->log.size);
    snprintf(from, sizeof from, "%lld", (long long)advance->from);
    snprintf(sealed, sizeof sealed, "%lld", (long long)position->sealed_at_ms);
    const struct postgresql_parameter parameters[] = {
        {bus_bytes_text(positions->topic), false},
        {bus_bytes_text(partition), false},
        {bus_bytes_text(next), false},
        {bus_bytes_text(position->hash == BUS_HASH_SM3 ? "sm3" : "sha256"), false},
        {bus_bytes_text(size), false},
        {bus_bytes_of(position->log.peaks, bus_merkle_peak_count(position->log.size) * BUS_DIGEST_SIZE), true},
        {bus_buffer_view(&position->books), true},
        {bus_bytes_text(from), false},
        {bus_bytes_text(sealed), false},
    };
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(positions->client, positions->save_sql, parameters, 9, &rows, error);
    if (status != BUS_OK)
        return status;
    if (postgresql_rows_affected(rows) != 1)
        status = bus_fail(
            error, BUS_FATAL,
            "the stored position of partition %d is not %s: another agent writes into the same schema; stop one",
            (int)position->partition, from);
    postgresql_rows_destroy(rows);
    return status;
}
