#include "bus/proof.h"

#include <inttypes.h>
#include <stdio.h>

#include "bus/json.h"

enum { HEX_CHUNK = 256 };

void bus_proof_init(struct bus_proof *proof)
{
    memset(proof, 0, sizeof *proof);
    bus_buffer_init(&proof->key, BUS_PROOF_MAX_RECORD);
    bus_buffer_init(&proof->value, BUS_PROOF_MAX_RECORD);
}

void bus_proof_release(struct bus_proof *proof)
{
    bus_buffer_release(&proof->key);
    bus_buffer_release(&proof->value);
}

/* --- writing --- */

static void write_text(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_integer(struct bus_json *json, const char *name, int64_t value)
{
    bus_json_name(json, name);
    bus_json_integer(json, value);
}

static void write_hex(struct bus_json *json, struct bus_bytes bytes)
{
    char hex[2 * HEX_CHUNK + 1];
    struct bus_buffer text;
    bus_buffer_init(&text, 2 * BUS_PROOF_MAX_RECORD);
    for (size_t at = 0; at < bytes.length; at += HEX_CHUNK) {
        size_t length = bytes.length - at < HEX_CHUNK ? bytes.length - at : HEX_CHUNK;
        bus_hex(bytes.data + at, length, hex);
        bus_buffer_append(&text, hex, 2 * length);
    }
    json->buffer->failed |= text.failed;
    bus_json_text(json, bus_buffer_view(&text));
    bus_buffer_release(&text);
}

static void write_digests(struct bus_json *json, const char *name, const bus_digest_bytes *digests, size_t count)
{
    bus_json_name(json, name);
    bus_json_array(json);
    for (size_t i = 0; i < count; i++)
        write_hex(json, bus_bytes_of(digests[i], BUS_DIGEST_SIZE));
    bus_json_end_array(json);
}

void bus_proof_write_seal(struct bus_json *json, const struct bus_seal *seal)
{
    bus_json_object(json);
    write_text(json, "exchange", seal->exchange);
    write_text(json, "log", seal->log);
    write_integer(json, "size", (int64_t)seal->size);
    bus_json_name(json, "root");
    write_hex(json, bus_bytes_of(seal->root, BUS_DIGEST_SIZE));
    write_digests(json, "frontier", seal->frontier, bus_merkle_peak_count(seal->size));
    write_integer(json, "batch_index", seal->batch_index);
    write_integer(json, "batch_size", seal->batch_size);
    write_digests(json, "batch_path", seal->batch_path, seal->batch_path_length);
    write_integer(json, "sealed_at_ms", seal->sealed_at_ms);
    write_text(json, "suite", bus_suite_name(seal->suite));
    write_text(json, "key_id", seal->key_id);
    bus_json_name(json, "signature");
    write_hex(json, bus_bytes_of(seal->signature, seal->signature_length));
    bus_json_end_object(json);
}

void bus_proof_write(const struct bus_proof *proof, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    write_text(&json, "format", BUS_PROOF_FORMAT);
    write_integer(&json, "offset", proof->offset);
    write_integer(&json, "leaf", (int64_t)proof->leaf);
    bus_json_name(&json, "key");
    write_hex(&json, bus_buffer_view(&proof->key));
    bus_json_name(&json, "value");
    write_hex(&json, bus_buffer_view(&proof->value));
    write_digests(&json, "path", proof->path, proof->path_length);
    bus_json_name(&json, "seal");
    bus_proof_write_seal(&json, &proof->seal);
    bus_json_end_object(&json);
}

/* --- reading: after the first thing that does not fit `failed` stays true --- */

struct reader {
    const struct bus_json_value *object;
    bool failed;
};

static const struct bus_json_value *member(struct reader *reader, const char *name, enum bus_json_type type)
{
    const struct bus_json_value *value = reader->object != NULL ? bus_json_member(reader->object, name) : NULL;
    if (value != NULL && bus_json_type(value) == type)
        return value;
    reader->failed = true;
    return NULL;
}

static int64_t read_integer(struct reader *reader, const char *name, int64_t most)
{
    const struct bus_json_value *value = member(reader, name, BUS_JSON_NUMBER);
    struct bus_bytes text = value != NULL ? bus_json_number_text(value) : bus_bytes_of(NULL, 0);
    int64_t number = value != NULL ? bus_json_as_integer(value) : 0;
    char again[24];
    /* Only what is written as a plain integer: 1.0 and 1e3 are not. */
    int length = snprintf(again, sizeof again, "%" PRId64, number);
    if (!bus_bytes_equal(text, bus_bytes_of(again, (size_t)length)) || number < 0 || number > most)
        reader->failed = true;
    return reader->failed ? 0 : number;
}

static void read_text(struct reader *reader, const char *name, char *out_text, size_t size)
{
    const struct bus_json_value *value = member(reader, name, BUS_JSON_STRING);
    struct bus_bytes text = value != NULL ? bus_json_as_text(value) : bus_bytes_of(NULL, 0);
    if (text.length >= size || !bus_seal_is_name(text)) {
        reader->failed = true;
        return;
    }
    memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
}

/* Appends the bytes of a hex string. */
static void append_hex(struct reader *reader, const struct bus_json_value *value, struct bus_buffer *buffer)
{
    struct bus_bytes text =
        value != NULL && bus_json_type(value) == BUS_JSON_STRING ? bus_json_as_text(value) : bus_bytes_of("?", 1);
    char pair[3] = {0};
    reader->failed |= text.length % 2 != 0;
    for (size_t i = 0; i + 1 < text.length && !reader->failed; i += 2) {
        uint8_t byte = 0;
        memcpy(pair, text.data + i, 2);
        if (!bus_unhex(pair, &byte, 1))
            reader->failed = true;
        bus_buffer_u8(buffer, byte);
    }
    reader->failed |= buffer->failed;
}

/* A hex string of at most `size` bytes; returns their number. */
static size_t read_hex(struct reader *reader, const struct bus_json_value *value, uint8_t *out_bytes, size_t size)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, size);
    append_hex(reader, value, &buffer);
    size_t length = reader->failed ? 0 : buffer.length;
    if (length != 0)
        memcpy(out_bytes, buffer.data, length);
    bus_buffer_release(&buffer);
    return length;
}

static void read_digest(struct reader *reader, const struct bus_json_value *value, bus_digest_bytes out_digest)
{
    if (read_hex(reader, value, out_digest, BUS_DIGEST_SIZE) != BUS_DIGEST_SIZE)
        reader->failed = true;
}

static size_t read_digests(struct reader *reader, const char *name, bus_digest_bytes *out_digests, size_t most)
{
    const struct bus_json_value *array = member(reader, name, BUS_JSON_ARRAY);
    size_t count = array != NULL ? bus_json_count(array) : 0;
    if (count > most)
        reader->failed = true;
    for (size_t i = 0; i < count && !reader->failed; i++)
        read_digest(reader, bus_json_at(array, i), out_digests[i]);
    return count;
}

static void read_seal(struct reader *reader, struct bus_seal *seal)
{
    char suite[BUS_SEAL_MAX_TEXT] = "";
    read_text(reader, "exchange", seal->exchange, sizeof seal->exchange);
    read_text(reader, "log", seal->log, sizeof seal->log);
    seal->size = (uint64_t)read_integer(reader, "size", INT64_MAX);
    read_digest(reader, member(reader, "root", BUS_JSON_STRING), seal->root);
    if (read_digests(reader, "frontier", seal->frontier, BUS_MERKLE_MAX_PEAKS) != bus_merkle_peak_count(seal->size))
        reader->failed = true;
    seal->batch_index = (uint32_t)read_integer(reader, "batch_index", BUS_SEAL_MAX_LOGS);
    seal->batch_size = (uint32_t)read_integer(reader, "batch_size", BUS_SEAL_MAX_LOGS);
    seal->batch_path_length = read_digests(reader, "batch_path", seal->batch_path, BUS_MERKLE_MAX_PATH);
    seal->sealed_at_ms = read_integer(reader, "sealed_at_ms", INT64_MAX);
    read_text(reader, "suite", suite, sizeof suite);
    if (bus_suite_parse(suite, &seal->suite, NULL) != BUS_OK)
        reader->failed = true;
    read_text(reader, "key_id", seal->key_id, sizeof seal->key_id);
    seal->signature_length =
        read_hex(reader, member(reader, "signature", BUS_JSON_STRING), seal->signature, sizeof seal->signature);
}

enum bus_status bus_proof_read(struct bus_bytes text, struct bus_proof *proof, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    char format[BUS_SEAL_MAX_TEXT] = "";

    enum bus_status status = bus_json_parse(text, &document, error);
    if (status != BUS_OK)
        return status;
    struct reader reader = {.object = bus_json_root(document)};
    read_text(&reader, "format", format, sizeof format);
    reader.failed |= strcmp(format, BUS_PROOF_FORMAT) != 0;
    proof->offset = read_integer(&reader, "offset", INT64_MAX);
    proof->leaf = (uint64_t)read_integer(&reader, "leaf", INT64_MAX);
    append_hex(&reader, member(&reader, "key", BUS_JSON_STRING), &proof->key);
    append_hex(&reader, member(&reader, "value", BUS_JSON_STRING), &proof->value);
    proof->path_length = read_digests(&reader, "path", proof->path, BUS_MERKLE_MAX_PATH);
    reader.object = member(&reader, "seal", BUS_JSON_OBJECT);
    read_seal(&reader, &proof->seal);
    bus_json_destroy(document);
    if (reader.failed)
        return bus_reject(error, "PROOF_MALFORMED", "文件不是所规定格式的证明",
                          "the file is no proof as docs/formats.md lays it down");
    return BUS_OK;
}

/* --- checking --- */

enum bus_status bus_proof_check_path(const struct bus_proof *proof, struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(proof->seal.suite);
    uint8_t head[5] = {0};
    bus_digest_bytes leaf, root;

    bus_put_u32be(head + 1, (uint32_t)proof->key.length);
    const struct bus_bytes parts[] = {bus_bytes_of(head, sizeof head), bus_buffer_view(&proof->key),
                                      bus_buffer_view(&proof->value)};
    bus_digest_parts(hash, parts, 3, leaf);
    if (bus_merkle_root_of_path(hash, leaf, proof->leaf, proof->seal.size, proof->path, proof->path_length, root,
                                NULL) == BUS_OK &&
        memcmp(root, proof->seal.root, sizeof root) == 0)
        return BUS_OK;
    return bus_reject(error, "PROOF_PATH", "该记录不在签章所覆盖的日志的这个位置上",
                      "the record does not stand at this place of the sealed log");
}

enum bus_status bus_proof_check(const struct bus_proof *proof, const char *keys_folder, struct bus_error *error)
{
    struct bus_key *key = NULL;
    enum bus_status status = bus_proof_check_path(proof, error);
    if (status == BUS_OK)
        status = bus_key_find(keys_folder, proof->seal.key_id, &key, error);
    if (status == BUS_OK)
        status = bus_seal_verify(&proof->seal, key, error);
    bus_key_destroy(key);
    return status;
}
