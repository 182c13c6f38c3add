#include "bus/seal.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/datum.h"

size_t bus_seal_signed_text(const char *exchange, int64_t sealed_at_ms, const bus_digest_bytes batch_root,
                            char out_text[BUS_SEAL_SIGNED_SIZE])
{
    char hex[2 * BUS_DIGEST_SIZE + 1];
    bus_hex(batch_root, BUS_DIGEST_SIZE, hex);
    return (size_t)snprintf(out_text, BUS_SEAL_SIGNED_SIZE, "xinqiao seal v1\n%.*s\n%" PRId64 "\n%s\n",
                            BUS_SEAL_MAX_TEXT - 1, exchange, sealed_at_ms, hex);
}

bool bus_seal_is_name(struct bus_bytes name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] < 0x20 || name.data[i] == 0x7f)
            return false;
    return name.length > 0 && name.length < BUS_SEAL_MAX_TEXT;
}

static void batch_leaf(enum bus_hash hash, const char *name, uint64_t size, const bus_digest_bytes root,
                       bus_digest_bytes out_leaf)
{
    struct bus_bytes text = bus_bytes_text(name);
    uint8_t head[5] = {0}, tail[8];
    bus_put_u32be(head + 1, (uint32_t)text.length);
    bus_put_u64be(tail, size);
    const struct bus_bytes parts[] = {bus_bytes_of(head, sizeof head), text, bus_bytes_of(tail, sizeof tail),
                                      bus_bytes_of(root, BUS_DIGEST_SIZE)};
    bus_digest_parts(hash, parts, 4, out_leaf);
}

void bus_seal_batch_leaves(enum bus_hash hash, const struct bus_seal_log *logs, size_t count,
                           bus_digest_bytes *out_leaves)
{
    for (size_t i = 0; i < count; i++)
        batch_leaf(hash, logs[i].name, logs[i].size, logs[i].root, out_leaves[i]);
}

static void append_digests(struct bus_buffer *buffer, const bus_digest_bytes *digests, size_t count)
{
    if (count != 0)
        bus_buffer_varint(buffer, (int64_t)count);
    for (size_t i = 0; i < count; i++)
        bus_datum_append_bytes(buffer, bus_bytes_of(digests[i], BUS_DIGEST_SIZE));
    bus_buffer_varint(buffer, 0);
}

/* Field by field as in schemas/seal.avsc. */
enum bus_status bus_seal_encode(const struct bus_seal *seal, struct bus_buffer *buffer, struct bus_error *error)
{
    bus_frame_append(buffer, BUS_SEAL_FINGERPRINT);
    bus_datum_append_bytes(buffer, bus_bytes_text(seal->exchange));
    bus_datum_append_bytes(buffer, bus_bytes_text(seal->log));
    bus_buffer_varint(buffer, (int64_t)seal->size);
    bus_datum_append_bytes(buffer, bus_bytes_of(seal->root, BUS_DIGEST_SIZE));
    append_digests(buffer, seal->frontier, bus_merkle_peak_count(seal->size));
    bus_buffer_varint(buffer, seal->batch_index);
    bus_buffer_varint(buffer, seal->batch_size);
    append_digests(buffer, seal->batch_path, seal->batch_path_length);
    bus_buffer_varint(buffer, seal->sealed_at_ms);
    bus_datum_append_bytes(buffer, bus_bytes_text(bus_suite_name(seal->suite)));
    bus_datum_append_bytes(buffer, bus_bytes_text(seal->key_id));
    bus_datum_append_bytes(buffer, bus_bytes_of(seal->signature, seal->signature_length));
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "encode the seal of %s: the buffer's limit is reached", seal->log);
    return BUS_OK;
}

/* A string of less than `size` bytes without control characters, terminated. */
static void take_text(struct bus_cursor *cursor, char *out_text, size_t size)
{
    struct bus_bytes text = bus_datum_take_bytes(cursor, size - 1);
    if (!bus_seal_is_name(text)) {
        cursor->failed = true;
        text.length = 0;
    }
    if (text.length != 0)
        memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
}

static void take_digest(struct bus_cursor *cursor, bus_digest_bytes out_digest)
{
    struct bus_bytes bytes = bus_datum_take_bytes(cursor, BUS_DIGEST_SIZE);
    if (bytes.length == BUS_DIGEST_SIZE)
        memcpy(out_digest, bytes.data, BUS_DIGEST_SIZE);
    else
        cursor->failed = true;
}

/* An array of at most `most` digests; returns their number. */
static size_t take_digests(struct bus_cursor *cursor, bus_digest_bytes *out_digests, size_t most)
{
    size_t count = 0, block;
    while ((block = bus_datum_take_block(cursor, most - count)) != 0 && !cursor->failed)
        for (size_t i = 0; i < block && !cursor->failed; i++)
            take_digest(cursor, out_digests[count++]);
    return count;
}

static uint32_t take_index(struct bus_cursor *cursor)
{
    int64_t value = bus_cursor_varint(cursor);
    if (value >= 0 && value <= BUS_SEAL_MAX_LOGS)
        return (uint32_t)value;
    cursor->failed = true;
    return 0;
}

static enum bus_suite take_suite(struct bus_cursor *cursor)
{
    char name[BUS_SEAL_MAX_TEXT];
    enum bus_suite suite = BUS_SUITE_SM2_SM3;
    take_text(cursor, name, sizeof name);
    if (bus_suite_parse(name, &suite, NULL) != BUS_OK)
        cursor->failed = true;
    return suite;
}

static bool take_seal(struct bus_cursor *cursor, struct bus_seal *seal)
{
    take_text(cursor, seal->exchange, sizeof seal->exchange);
    take_text(cursor, seal->log, sizeof seal->log);
    int64_t size = bus_cursor_varint(cursor);
    seal->size = (uint64_t)size;
    take_digest(cursor, seal->root);
    size_t peaks = take_digests(cursor, seal->frontier, BUS_MERKLE_MAX_PEAKS);
    seal->batch_index = take_index(cursor);
    seal->batch_size = take_index(cursor);
    seal->batch_path_length = take_digests(cursor, seal->batch_path, BUS_MERKLE_MAX_PATH);
    seal->sealed_at_ms = bus_cursor_varint(cursor);
    seal->suite = take_suite(cursor);
    take_text(cursor, seal->key_id, sizeof seal->key_id);
    struct bus_bytes signature = bus_datum_take_bytes(cursor, BUS_SIGNATURE_MAX_SIZE);
    seal->signature_length = signature.length;
    if (signature.length != 0)
        memcpy(seal->signature, signature.data, signature.length);
    return !cursor->failed && bus_cursor_left(cursor) == 0 && size > 0 && peaks == bus_merkle_peak_count(seal->size) &&
           seal->batch_index < seal->batch_size && strlen(seal->key_id) == BUS_KEY_ID_SIZE - 1;
}

enum bus_status bus_seal_decode(struct bus_bytes bytes, struct bus_seal *out_seal, struct bus_error *error)
{
    uint64_t fingerprint;
    if (bytes.length > BUS_SEAL_MAX_SIZE || bus_frame_fingerprint(bytes, &fingerprint, NULL) != BUS_OK ||
        fingerprint != BUS_SEAL_FINGERPRINT)
        return bus_reject(error, "SEAL_MALFORMED", "签章数据不是所规定的格式",
                          "the seal is not framed as docs/formats.md says");
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(bytes.data + BUS_FRAME_SIZE, bytes.length - BUS_FRAME_SIZE));
    memset(out_seal, 0, sizeof *out_seal);
    if (!take_seal(&cursor, out_seal))
        return bus_reject(error, "SEAL_MALFORMED", "签章数据残缺或超出限度",
                          "the seal is damaged or beyond its limits");
    return BUS_OK;
}

enum bus_status bus_seal_expect(const struct bus_seal *seal, const char *exchange, const char *log,
                                struct bus_error *error)
{
    if (strcmp(seal->exchange, exchange) != 0 || strcmp(seal->log, log) != 0)
        return bus_reject(error, "SEAL_OTHER_LOG", "签章属于另一个交换平台或另一个日志",
                          "the seal is of another exchange or another log");
    return BUS_OK;
}

enum bus_status bus_seal_verify(const struct bus_seal *seal, const struct bus_key *key, struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    struct bus_seal_reader frontier;
    bus_digest_bytes leaf, root;
    char text[BUS_SEAL_SIGNED_SIZE];

    if (bus_key_suite(key) != seal->suite || strcmp(bus_key_id_view(key), seal->key_id) != 0)
        return bus_reject(error, "SEAL_KEY", "签章由另一把密钥签发", "the seal is signed by another key");
    bus_seal_reader_start(&frontier, seal);
    bus_merkle_root(&frontier.log, hash, root);
    if (memcmp(root, seal->root, sizeof root) != 0)
        return bus_reject(error, "SEAL_FRONTIER", "签章中的峰值与默克尔根不符",
                          "the seal's frontier does not have its root");
    batch_leaf(hash, seal->log, seal->size, seal->root, leaf);
    if (bus_merkle_root_of_path(hash, leaf, seal->batch_index, seal->batch_size, seal->batch_path,
                                seal->batch_path_length, root, NULL) != BUS_OK)
        return bus_reject(error, "SEAL_PATH", "签章中的批次路径与批次大小不符",
                          "the seal's batch path does not fit its batch");
    size_t length = bus_seal_signed_text(seal->exchange, seal->sealed_at_ms, root, text);
    return bus_key_verify(key, bus_bytes_of(text, length), bus_bytes_of(seal->signature, seal->signature_length),
                          error);
}

void bus_seal_reader_start(struct bus_seal_reader *reader, const struct bus_seal *seal)
{
    reader->log.size = seal->size;
    memcpy(reader->log.peaks, seal->frontier, bus_merkle_peak_count(seal->size) * sizeof seal->frontier[0]);
}

enum bus_status bus_seal_reader_check(struct bus_seal_reader *reader, const struct bus_seal *seal,
                                      const bus_digest_bytes *leaves, size_t count, struct bus_arena *arena,
                                      struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    struct bus_merkle log = reader->log;
    bus_digest_bytes root;

    enum bus_status status = bus_merkle_append(&log, hash, leaves, count, arena, error);
    if (status != BUS_OK)
        return status;
    bus_merkle_root(&log, hash, root);
    if (log.size != seal->size || memcmp(root, seal->root, sizeof root) != 0 ||
        memcmp(log.peaks, seal->frontier, bus_merkle_peak_count(log.size) * sizeof log.peaks[0]) != 0)
        return bus_reject(error, "SEAL_LOG_MISMATCH", "记录与签章不符：有记录被修改、丢失、调换或添加",
                          "the records do not match their seal: one was changed, dropped, swapped or added");
    reader->log = log;
    return BUS_OK;
}
