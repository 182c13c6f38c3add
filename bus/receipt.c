#include "bus/receipt.h"

#include <inttypes.h>

#include "bus/datum.h"
#include "bus/seal.h"
#include "bus/utf8.h"

const char *bus_receipt_kind_name(enum bus_receipt_kind kind)
{
    return kind == BUS_RECEIPT_APPLIED ? "APPLIED" : "REFUSED";
}

/* --- the text that is signed --- */

static void line_bytes(struct bus_buffer *buffer, struct bus_bytes text)
{
    bus_buffer_append_bytes(buffer, text);
    bus_buffer_u8(buffer, '\n');
}

/* What the other kind says stays an empty line. */
static void line_hex(struct bus_buffer *buffer, const uint8_t *data, size_t length)
{
    char hex[2 * BUS_DIGEST_SIZE + 1];
    bus_hex(data, length, hex);
    bus_buffer_printf(buffer, "%s\n", hex);
}

static size_t root_length(const struct bus_receipt *receipt)
{
    return receipt->kind == BUS_RECEIPT_APPLIED ? BUS_DIGEST_SIZE : 0;
}

static size_t record_length(const struct bus_receipt *receipt)
{
    return receipt->kind == BUS_RECEIPT_REFUSED ? BUS_IDENTITY_SIZE : 0;
}

void bus_receipt_signed_text(const struct bus_receipt *receipt, struct bus_buffer *buffer)
{
    bus_buffer_printf(buffer, "xinqiao receipt v1\n");
    line_bytes(buffer, receipt->exchange);
    line_bytes(buffer, receipt->subscriber);
    line_bytes(buffer, receipt->log);
    bus_buffer_printf(buffer, "%s\n%" PRIu64 "\n", bus_receipt_kind_name(receipt->kind), receipt->size);
    line_hex(buffer, receipt->root, root_length(receipt));
    bus_buffer_printf(buffer, "%" PRIu64 "\n%" PRId64 "\n", receipt->leaf, receipt->offset);
    line_hex(buffer, receipt->record, record_length(receipt));
    line_bytes(buffer, receipt->department);
    line_bytes(buffer, receipt->item);
    line_bytes(buffer, receipt->code);
    line_bytes(buffer, receipt->words);
    bus_buffer_printf(buffer, "%" PRId64 "\n", receipt->at_ms);
}

/* --- what a receipt is --- */

/* Each text is one line of what is signed, so none may hold the end of a line. */
static bool is_line(struct bus_bytes text)
{
    if (text.length > BUS_RECEIPT_MAX_TEXT || !bus_utf8_valid(text))
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool has_good_texts(const struct bus_receipt *receipt)
{
    const struct bus_bytes names[] = {receipt->exchange, receipt->subscriber, receipt->log};
    const struct bus_bytes texts[] = {receipt->department, receipt->item, receipt->code, receipt->words};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!bus_seal_is_name(names[i]) || !bus_utf8_valid(names[i]))
            return false;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!is_line(texts[i]))
            return false;
    return receipt->kind == BUS_RECEIPT_APPLIED || receipt->code.length > 0;
}

/* Each kind says its own and nothing of the other's. */
static bool is_whole(const struct bus_receipt *receipt)
{
    if (receipt->size > INT64_MAX || receipt->leaf > INT64_MAX || receipt->offset < -1)
        return false;
    if (receipt->kind == BUS_RECEIPT_REFUSED)
        return receipt->size == 0;
    return receipt->size > 0 && receipt->leaf == 0 && receipt->department.length == 0 && receipt->item.length == 0 &&
           receipt->code.length == 0 && receipt->words.length == 0;
}

/* --- encode --- */

static enum bus_status sign(const struct bus_receipt *receipt, const struct bus_key *key, uint8_t *out_signature,
                            size_t *out_length, struct bus_error *error)
{
    struct bus_buffer text;
    bus_buffer_init(&text, BUS_RECEIPT_MAX_SIZE);
    bus_receipt_signed_text(receipt, &text);
    enum bus_status status = text.failed ? bus_fail(error, BUS_FATAL, "cannot put together the text of a receipt")
                                         : bus_key_sign(key, bus_buffer_view(&text), out_signature, out_length, error);
    bus_buffer_release(&text);
    return status;
}

/* Field by field as in schemas/internal/receipt.avsc. */
static void append(const struct bus_receipt *receipt, const struct bus_key *key, struct bus_bytes signature,
                   struct bus_buffer *buffer)
{
    bus_frame_append(buffer, BUS_RECEIPT_FINGERPRINT);
    bus_buffer_varint(buffer, receipt->kind);
    bus_datum_append_bytes(buffer, receipt->exchange);
    bus_datum_append_bytes(buffer, receipt->subscriber);
    bus_datum_append_bytes(buffer, receipt->log);
    bus_buffer_varint(buffer, (int64_t)receipt->size);
    bus_datum_append_bytes(buffer, bus_bytes_of(receipt->root, root_length(receipt)));
    bus_buffer_varint(buffer, (int64_t)receipt->leaf);
    bus_buffer_varint(buffer, receipt->offset);
    bus_datum_append_bytes(buffer, bus_bytes_of(receipt->record, record_length(receipt)));
    bus_datum_append_bytes(buffer, receipt->department);
    bus_datum_append_bytes(buffer, receipt->item);
    bus_datum_append_bytes(buffer, receipt->code);
    bus_datum_append_bytes(buffer, receipt->words);
    bus_buffer_varint(buffer, receipt->at_ms);
    bus_datum_append_bytes(buffer, bus_bytes_text(bus_suite_name(bus_key_suite(key))));
    bus_datum_append_bytes(buffer, bus_bytes_text(bus_key_id_view(key)));
    bus_datum_append_bytes(buffer, signature);
}

enum bus_status bus_receipt_encode(const struct bus_receipt *receipt, const struct bus_key *key,
                                   struct bus_buffer *buffer, struct bus_error *error)
{
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t length = 0;
    if (!has_good_texts(receipt))
        return bus_reject(error, "RECEIPT_TEXT", "回执中有文字过长、缺失、含控制字符或不是UTF-8",
                          "a text of the receipt is too long, missing, has control characters or is no UTF-8");
    if (!is_whole(receipt))
        return bus_fail(error, BUS_FATAL, "a receipt that says too little, or what the other kind says");
    enum bus_status status = sign(receipt, key, signature, &length, error);
    if (status != BUS_OK)
        return status;
    append(receipt, key, bus_bytes_of(signature, length), buffer);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "cannot encode a receipt: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

/* --- decode --- */

/* Bytes of exactly this length into `out_data`. */
static void take_exact(struct bus_cursor *cursor, uint8_t *out_data, size_t length)
{
    struct bus_bytes bytes = bus_datum_take_bytes(cursor, length);
    if (bytes.length != length)
        cursor->failed = true;
    else if (length != 0)
        memcpy(out_data, bytes.data, length);
}

static void take_signature(struct bus_cursor *cursor, struct bus_receipt *receipt)
{
    char name[32] = "";
    struct bus_bytes suite = bus_datum_take_bytes(cursor, sizeof name - 1);
    if (suite.length != 0)
        memcpy(name, suite.data, suite.length);
    receipt->key_id = bus_datum_take_bytes(cursor, BUS_KEY_ID_SIZE - 1);
    receipt->signature = bus_datum_take_bytes(cursor, BUS_SIGNATURE_MAX_SIZE);
    if (bus_suite_parse(name, &receipt->suite, NULL) != BUS_OK || receipt->key_id.length != BUS_KEY_ID_SIZE - 1 ||
        strlen(name) != suite.length)
        cursor->failed = true;
}

static bool take_receipt(struct bus_cursor *cursor, struct bus_receipt *receipt)
{
    int64_t kind = bus_cursor_varint(cursor);
    if (kind < 0 || kind >= BUS_RECEIPT_KIND_COUNT)
        return false;
    *receipt = (struct bus_receipt){.kind = (enum bus_receipt_kind)kind};
    receipt->exchange = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->subscriber = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->log = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->size = (uint64_t)bus_cursor_varint(cursor);
    take_exact(cursor, receipt->root, root_length(receipt));
    receipt->leaf = (uint64_t)bus_cursor_varint(cursor);
    receipt->offset = bus_cursor_varint(cursor);
    take_exact(cursor, receipt->record, record_length(receipt));
    receipt->department = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->item = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->code = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->words = bus_datum_take_bytes(cursor, BUS_RECEIPT_MAX_TEXT);
    receipt->at_ms = bus_cursor_varint(cursor);
    take_signature(cursor, receipt);
    return !cursor->failed && bus_cursor_left(cursor) == 0 && has_good_texts(receipt) && is_whole(receipt);
}

enum bus_status bus_receipt_decode(struct bus_bytes value, struct bus_receipt *out_receipt, struct bus_error *error)
{
    uint64_t fingerprint;
    if (value.length >= BUS_FRAME_SIZE && value.length <= BUS_RECEIPT_MAX_SIZE &&
        bus_frame_fingerprint(value, &fingerprint, NULL) == BUS_OK && fingerprint == BUS_RECEIPT_FINGERPRINT) {
        struct bus_cursor cursor =
            bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
        if (take_receipt(&cursor, out_receipt))
            return BUS_OK;
    }
    return bus_reject(error, "RECEIPT_MALFORMED", "不是回执记录", "the bytes are no receipt");
}
