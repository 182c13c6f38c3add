/* The answer in JSON that a statement stands for: its records, and whether they are those that were signed. */
#include "bus/check.h"
#include "bus/event.h"

enum { MAX_RECORD = 4 * 1024 * 1024, MAX_DEPTH = 16, ARENA_LIMIT = 32 * 1024 * 1024 };

static enum bus_status malformed(struct bus_error *error)
{
    return bus_reject(error, "CHECK_ANSWER", "JSON 不是所规定格式的核查答复",
                      "the JSON is no answer to a check as docs/formats-check.md lays it down");
}

/* --- one form for the same JSON --- */

/* What is not of the record itself, and may come or be missing. */
static bool is_beside(const char *name)
{
    return strcmp(name, "proof") == 0 || strcmp(name, "proof_missing") == 0;
}

static bool write_value(struct bus_json *json, const struct bus_json_value *value, int depth);

static bool write_members(struct bus_json *json, const struct bus_json_value *value, int depth)
{
    bool good = true;
    bool is_object = bus_json_type(value) == BUS_JSON_OBJECT;
    if (is_object)
        bus_json_object(json);
    else
        bus_json_array(json);
    for (size_t i = 0; good && i < bus_json_count(value); i++) {
        const char *name = is_object ? bus_json_member_name(value, i) : "";
        if (is_object && depth == 0 && is_beside(name))
            continue;
        if (is_object)
            bus_json_name(json, name);
        good = write_value(json, is_object ? bus_json_member_at(value, i) : bus_json_at(value, i), depth + 1);
    }
    if (is_object)
        bus_json_end_object(json);
    else
        bus_json_end_array(json);
    return good;
}

static bool write_value(struct bus_json *json, const struct bus_json_value *value, int depth)
{
    switch (bus_json_type(value)) {
    case BUS_JSON_NULL: bus_json_null(json); break;
    case BUS_JSON_BOOLEAN: bus_json_boolean(json, bus_json_as_boolean(value)); break;
    case BUS_JSON_NUMBER: bus_json_raw(json, bus_json_number_text(value)); break;
    case BUS_JSON_STRING: bus_json_text(json, bus_json_as_text(value)); break;
    case BUS_JSON_ARRAY:
    case BUS_JSON_OBJECT: return depth < MAX_DEPTH && write_members(json, value, depth);
    }
    return true;
}

/* --- root --- */

static bool write_place(const struct bus_json_value *record, struct bus_buffer *buffer)
{
    const struct bus_json_value *log = bus_json_member(record, "log"), *leaf = bus_json_member(record, "leaf");
    if (log == NULL || bus_json_type(log) != BUS_JSON_STRING || leaf == NULL || bus_json_type(leaf) != BUS_JSON_NUMBER)
        return false;
    bus_buffer_append_bytes(buffer, bus_json_as_text(log));
    bus_buffer_u8(buffer, '/');
    bus_buffer_append_bytes(buffer, bus_json_number_text(leaf));
    return true;
}

static bool append_leaf(const struct bus_json_value *record, struct bus_buffer *scratch, struct bus_buffer *leaves)
{
    struct bus_json json;
    uint8_t head[5] = {0};
    bus_digest_bytes leaf;
    bus_buffer_reset(scratch);
    if (bus_json_type(record) != BUS_JSON_OBJECT || !write_place(record, scratch))
        return false;
    size_t place = scratch->length;
    bus_json_init(&json, scratch);
    if (!write_value(&json, record, 0) || scratch->failed)
        return false;
    bus_put_u32be(head + 1, (uint32_t)place);
    const struct bus_bytes parts[] = {bus_bytes_of(head, sizeof head), bus_buffer_view(scratch)};
    bus_digest_parts(BUS_HASH_SM3, parts, 2, leaf);
    bus_buffer_append(leaves, leaf, sizeof leaf);
    return !leaves->failed;
}

static enum bus_status root_of(const struct bus_buffer *leaves, bus_digest_bytes out_root, struct bus_error *error)
{
    struct bus_merkle tree = {0};
    struct bus_arena *arena = bus_arena_create(ARENA_LIMIT);
    if (arena == NULL)
        return bus_fail(error, BUS_FATAL, "hash a check: out of memory");
    enum bus_status status =
        bus_merkle_append(&tree, BUS_HASH_SM3, (const bus_digest_bytes *)(const void *)leaves->data,
                          leaves->length / BUS_DIGEST_SIZE, arena, error);
    bus_arena_destroy(arena);
    if (status == BUS_OK)
        bus_merkle_root(&tree, BUS_HASH_SM3, out_root);
    return status;
}

enum bus_status bus_check_root(const struct bus_json_value *records, bus_digest_bytes out_root, struct bus_error *error)
{
    struct bus_buffer scratch, leaves;
    if (records == NULL || bus_json_type(records) != BUS_JSON_ARRAY || bus_json_count(records) > BUS_CHECK_MAX_RECORDS)
        return malformed(error);
    bus_buffer_init(&scratch, MAX_RECORD);
    bus_buffer_init(&leaves, (size_t)BUS_CHECK_MAX_RECORDS * BUS_DIGEST_SIZE);
    bool good = true;
    for (size_t i = 0; good && i < bus_json_count(records); i++)
        good = append_leaf(bus_json_at(records, i), &scratch, &leaves);
    enum bus_status status = good ? root_of(&leaves, out_root, error) : malformed(error);
    bus_buffer_release(&scratch);
    bus_buffer_release(&leaves);
    return status;
}

/* --- a record's proof --- */

static bool is_text(const struct bus_json_value *object, const char *name, const char *text)
{
    const struct bus_json_value *value = object != NULL ? bus_json_member(object, name) : NULL;
    return value != NULL && bus_json_type(value) == BUS_JSON_STRING &&
           bus_bytes_equal_text(bus_json_as_text(value), text);
}

static bool is_of(const struct bus_proof *proof, const struct bus_json_value *record)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    const struct bus_json_value *leaf = bus_json_member(record, "leaf");
    if (proof->key.length != BUS_IDENTITY_SIZE || leaf == NULL || bus_json_type(leaf) != BUS_JSON_NUMBER)
        return false;
    bus_hex(proof->key.data, BUS_IDENTITY_SIZE, identity);
    return is_text(record, "record", identity) && is_text(record, "log", proof->seal.log) &&
           bus_json_as_integer(leaf) == (int64_t)proof->leaf;
}

enum bus_status bus_check_proof(const struct bus_json_value *record, struct bus_proof *proof, bool *out_has,
                                struct bus_error *error)
{
    const struct bus_json_value *value = bus_json_member(record, "proof");
    struct bus_buffer text;
    struct bus_json json;
    *out_has = value != NULL;
    if (value == NULL)
        return BUS_OK;
    bus_buffer_init(&text, BUS_PROOF_MAX_SIZE);
    bus_json_init(&json, &text);
    enum bus_status status = write_value(&json, value, 1) && !text.failed
                                 ? bus_proof_read(bus_buffer_view(&text), proof, error)
                                 : malformed(error);
    bus_buffer_release(&text);
    if (status == BUS_OK && !is_of(proof, record))
        return bus_reject(error, "CHECK_PROOF", "答复中的一条证明不是该记录的",
                          "a proof in the answer is not of the record that carries it");
    return status;
}

/* --- the whole answer --- */

enum bus_status bus_check_answer(const struct bus_check *check, const struct bus_json_value *answer,
                                 struct bus_error *error)
{
    const struct bus_json_value *records = bus_json_member(answer, "records");
    bus_digest_bytes root;
    enum bus_status status = bus_check_root(records, root, error);
    if (status != BUS_OK)
        return status;
    if (!is_text(answer, "exchange", check->exchange) || !is_text(answer, "subscriber", check->subscriber) ||
        !is_text(bus_json_member(answer, "subject"), "stated", check->subject))
        return bus_reject(
            error, "CHECK_OTHER", "答复与核查声明不是同一平台、同一订阅方、同一主体的",
            "the answer is of another exchange or subscriber, or about another subject, than the statement");
    if (bus_json_count(records) != check->records || memcmp(root, check->root, sizeof root) != 0)
        return bus_reject(error, "CHECK_RECORDS", "答复中的记录与核查声明所签的不同",
                          "the records of the answer are not those that the statement was signed over");
    return BUS_OK;
}
