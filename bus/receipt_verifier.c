#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "bus/receipt.h"

enum { MAX_KEYS = 256, PATH_SIZE = 4096, MAX_SUBSCRIBER = 200, BOOK_TEXT_SIZE = 1024 };

struct pinned {
    char subscriber[MAX_SUBSCRIBER];
    struct bus_key *key;
};

struct bus_receipt_verifier {
    char *folder;
    struct pinned pinned[MAX_KEYS];
    size_t count, next; /* when it is full, the oldest is let go */
};

struct bus_receipt_verifier *bus_receipt_verifier_create(const char *folder)
{
    struct bus_receipt_verifier *verifier = calloc(1, sizeof *verifier);
    if (verifier != NULL)
        verifier->folder = strdup(folder);
    if (verifier == NULL || verifier->folder != NULL)
        return verifier;
    free(verifier);
    return NULL;
}

void bus_receipt_verifier_destroy(struct bus_receipt_verifier *verifier)
{
    if (verifier == NULL)
        return;
    for (size_t i = 0; i < verifier->count; i++)
        bus_key_destroy(verifier->pinned[i].key);
    free(verifier->folder);
    free(verifier);
}

/* --- keys --- */

static enum bus_status reject_key(const char *subscriber, const char *key_id, struct bus_error *error)
{
    bus_reject(error, "RECEIPT_KEY", "回执所用的公钥不在该订阅方受信任的公钥中",
               "the receipt's key is not among the subscriber's pinned public keys");
    bus_error_prefix(error, "%s/%s.pem", subscriber, key_id);
    return BUS_REJECT;
}

/* Both come from outside and become part of a path: names of the catalogue's subscribers, hex digits. */
static bool is_safe(const char *subscriber, const char *key_id)
{
    return subscriber[0] != '\0' && subscriber[0] != '.' && strchr(subscriber, '/') == NULL &&
           strspn(key_id, "0123456789abcdef") == BUS_KEY_ID_SIZE - 1;
}

static bool copy_text(struct bus_bytes text, char *out_text, size_t size)
{
    if (text.length == 0 || text.length >= size || memchr(text.data, 0, text.length) != NULL)
        return false;
    memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
    return true;
}

static struct bus_key *remembered(const struct bus_receipt_verifier *verifier, const char *subscriber,
                                  const char *key_id)
{
    for (size_t i = 0; i < verifier->count; i++)
        if (strcmp(verifier->pinned[i].subscriber, subscriber) == 0 &&
            strcmp(bus_key_id_view(verifier->pinned[i].key), key_id) == 0)
            return verifier->pinned[i].key;
    return NULL;
}

static void remember(struct bus_receipt_verifier *verifier, const char *subscriber, struct bus_key *take_key)
{
    struct pinned *pinned = &verifier->pinned[verifier->next];
    if (verifier->count == MAX_KEYS)
        bus_key_destroy(pinned->key);
    else
        verifier->count++;
    verifier->next = (verifier->next + 1) % MAX_KEYS;
    pinned->key = take_key;
    snprintf(pinned->subscriber, sizeof pinned->subscriber, "%s", subscriber);
}

/* A key that the subscriber has not pinned is its receipt's fault; a folder of keys that is gone is ours. */
static enum bus_status look_for(const struct bus_receipt_verifier *verifier, const char *subscriber, const char *key_id,
                                char out_folder[PATH_SIZE], struct bus_error *error)
{
    char path[PATH_SIZE];
    struct stat about;
    int folder_length = snprintf(out_folder, PATH_SIZE, "%s/%s", verifier->folder, subscriber);
    int length = snprintf(path, sizeof path, "%s/%s/%s.pem", verifier->folder, subscriber, key_id);
    if (folder_length < 0 || length < 0 || (size_t)length >= sizeof path)
        return bus_fail(error, BUS_FATAL, "find the key of a receipt: the folder's path is too long");
    if (stat(path, &about) == 0)
        return BUS_OK;
    if (errno != ENOENT && errno != ENOTDIR)
        return bus_fail(error, BUS_FATAL, "find the key of a receipt, %s: %s", path, strerror(errno));
    if (stat(verifier->folder, &about) != 0)
        return bus_fail(error, BUS_FATAL, "find the keys of receipts in %s: %s", verifier->folder, strerror(errno));
    return reject_key(subscriber, key_id, error);
}

/* Borrowed from the verifier until its next call. */
static enum bus_status find_key(struct bus_receipt_verifier *verifier, struct bus_bytes subscriber,
                                struct bus_bytes key_id, const struct bus_key **out_key, struct bus_error *error)
{
    char name[MAX_SUBSCRIBER], id[BUS_KEY_ID_SIZE], folder[PATH_SIZE];
    if (!copy_text(subscriber, name, sizeof name) || !copy_text(key_id, id, sizeof id) || !is_safe(name, id))
        return bus_reject(error, "RECEIPT_KEY", "回执中的订阅方名称或公钥标识不合规定",
                          "the receipt's subscriber or key id is not written as it must be");
    if (verifier->folder[0] == '\0')
        return reject_key(name, id, error);
    enum bus_status status = look_for(verifier, name, id, folder, error);
    if (status != BUS_OK)
        return status;
    struct bus_key *key = remembered(verifier, name, id);
    if (key == NULL) {
        status = bus_key_find(folder, id, &key, error);
        if (status != BUS_OK)
            return status == BUS_REJECT ? reject_key(name, id, error) : status;
        remember(verifier, name, key);
    }
    *out_key = key;
    return BUS_OK;
}

static enum bus_status check_signature(const struct bus_key *key, struct bus_bytes text, struct bus_bytes signature,
                                       struct bus_error *error)
{
    if (bus_key_verify(key, text, signature, error) == BUS_OK)
        return BUS_OK;
    return bus_reject(error, "RECEIPT_SIGNATURE", "回执的签名与内容不符",
                      "the receipt's signature does not fit its content");
}

/* --- receipts --- */

enum bus_status bus_receipt_verify(struct bus_receipt_verifier *verifier, const struct bus_receipt *receipt,
                                   struct bus_error *error)
{
    const struct bus_key *key = NULL;
    struct bus_buffer text;
    enum bus_status status = find_key(verifier, receipt->subscriber, receipt->key_id, &key, error);
    if (status != BUS_OK)
        return status;
    bus_buffer_init(&text, BUS_RECEIPT_MAX_SIZE);
    bus_receipt_signed_text(receipt, &text);
    if (text.failed)
        status = bus_fail(error, BUS_FATAL, "cannot put together the text of a receipt");
    else
        status = check_signature(key, bus_buffer_view(&text), receipt->signature, error);
    bus_buffer_release(&text);
    return status;
}

/* --- books --- */

static size_t book_text(enum bus_hash hash, const char *exchange, struct bus_bytes name, struct bus_bytes value,
                        char out_text[BOOK_TEXT_SIZE])
{
    bus_digest_bytes digest;
    char hex[2 * BUS_DIGEST_SIZE + 1];
    bus_digest(hash, value, digest);
    bus_hex(digest, sizeof digest, hex);
    int length = snprintf(out_text, BOOK_TEXT_SIZE, "xinqiao book v1\n%s\n%.*s\n%s\n", exchange, (int)name.length,
                          (const char *)name.data, hex);
    return length > 0 && length < BOOK_TEXT_SIZE ? (size_t)length : 0;
}

enum bus_status bus_receipt_sign_book(const struct bus_key *key, const char *exchange, struct bus_bytes name,
                                      struct bus_bytes value, struct bus_buffer *buffer, struct bus_error *error)
{
    char text[BOOK_TEXT_SIZE];
    uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
    size_t length = 0;
    size_t text_length = book_text(bus_suite_hash(bus_key_suite(key)), exchange, name, value, text);
    if (text_length == 0)
        return bus_fail(error, BUS_FATAL, "sign a book: its name is too long");
    enum bus_status status = bus_key_sign(key, bus_bytes_of(text, text_length), signature, &length, error);
    if (status != BUS_OK)
        return status;
    bus_buffer_append_bytes(buffer, bus_bytes_text(bus_key_id_view(key)));
    bus_buffer_append(buffer, signature, length);
    if (buffer->failed)
        return bus_fail(error, BUS_FATAL, "sign a book: more than %zu bytes", buffer->limit);
    return BUS_OK;
}

enum bus_status bus_receipt_verify_book(struct bus_receipt_verifier *verifier, const char *exchange,
                                        struct bus_bytes subscriber, struct bus_bytes name, struct bus_bytes value,
                                        struct bus_bytes header, struct bus_error *error)
{
    char text[BOOK_TEXT_SIZE];
    const struct bus_key *key = NULL;
    struct bus_cursor cursor = bus_cursor_of(header);
    struct bus_bytes key_id = bus_cursor_take(&cursor, BUS_KEY_ID_SIZE - 1);
    if (cursor.failed || header.length > BUS_KEY_ID_SIZE - 1 + BUS_SIGNATURE_MAX_SIZE)
        return bus_reject(error, "RECEIPT_MALFORMED", "账本的签收不是所规定的格式",
                          "the book's receipt is not laid out as it must be");
    enum bus_status status = find_key(verifier, subscriber, key_id, &key, error);
    if (status != BUS_OK)
        return status;
    size_t length = book_text(bus_suite_hash(bus_key_suite(key)), exchange, name, value, text);
    return check_signature(key, bus_bytes_of(text, length), bus_cursor_take(&cursor, bus_cursor_left(&cursor)), error);
}
