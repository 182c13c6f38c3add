#include "bus/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "bus/digest_sm3.h"
#include "bus/log.h"

enum { HMAC_PIECE = 256 }; /* messages at a time */

/* Fetched once: an implicit fetch in each call costs more than hashing a short message. Constant afterwards. */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *fetched_sm3, *fetched_sha256;

static _Noreturn void give_up(const char *what)
{
    bus_log(BUS_LOG_ERROR, "digest", "reason=\"%s is not available\" do=\"check the installation of libcrypto\"", what);
    abort();
}

static void fetch(void)
{
    fetched_sm3 = EVP_MD_fetch(NULL, "SM3", NULL);
    fetched_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (fetched_sm3 == NULL || fetched_sha256 == NULL)
        give_up("SM3 or SHA-256");
}

static const EVP_MD *algorithm(enum bus_hash hash)
{
    pthread_once(&fetch_once, fetch);
    return hash == BUS_HASH_SM3 ? fetched_sm3 : fetched_sha256;
}

static EVP_MD_CTX *context_create(enum bus_hash hash)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex2(context, algorithm(hash), NULL) != 1)
        give_up("memory for a digest");
    return context;
}

static void context_take(EVP_MD_CTX *context, struct bus_bytes bytes)
{
    if (bytes.length != 0 && EVP_DigestUpdate(context, bytes.data, bytes.length) != 1)
        give_up("a digest's next step");
}

static void context_finish(EVP_MD_CTX *context, uint8_t out_digest[BUS_DIGEST_SIZE])
{
    if (EVP_DigestFinal_ex(context, out_digest, NULL) != 1)
        give_up("a digest's last step");
}

void bus_digest(enum bus_hash hash, struct bus_bytes message, uint8_t out_digest[BUS_DIGEST_SIZE])
{
    bus_digest_parts(hash, &message, 1, out_digest);
}

void bus_digest_parts(enum bus_hash hash, const struct bus_bytes *parts, size_t count,
                      uint8_t out_digest[BUS_DIGEST_SIZE])
{
    if (hash == BUS_HASH_SM3) {
        bus_digest_sm3_finish(bus_digest_sm3_start, 0, parts, count, out_digest);
        return;
    }
    EVP_MD_CTX *context = context_create(hash);
    for (size_t i = 0; i < count; i++)
        context_take(context, parts[i]);
    context_finish(context, out_digest);
    EVP_MD_CTX_free(context);
}

void bus_digest_many(enum bus_hash hash, const struct bus_bytes *messages, size_t count,
                     uint8_t (*out_digests)[BUS_DIGEST_SIZE])
{
    bus_digest_many_headed(hash, NULL, messages, count, out_digests);
}

void bus_digest_many_headed(enum bus_hash hash, const struct bus_bytes *heads, const struct bus_bytes *bodies,
                            size_t count, uint8_t (*out_digests)[BUS_DIGEST_SIZE])
{
    if (hash == BUS_HASH_SM3) {
        bus_digest_sm3_many(bus_digest_sm3_best_lanes(), heads, bodies, count, out_digests);
        return;
    }
    EVP_MD_CTX *context = context_create(hash);
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestInit_ex2(context, NULL, NULL) != 1)
            give_up("a digest's first step");
        if (heads != NULL)
            context_take(context, heads[i]);
        context_take(context, bodies[i]);
        context_finish(context, out_digests[i]);
    }
    EVP_MD_CTX_free(context);
}

void bus_digest_stream_init(struct bus_digest_stream *stream, enum bus_hash hash)
{
    stream->context = context_create(hash);
}

void bus_digest_stream_update(struct bus_digest_stream *stream, struct bus_bytes bytes)
{
    context_take(stream->context, bytes);
}

void bus_digest_stream_final(struct bus_digest_stream *stream, uint8_t out_digest[BUS_DIGEST_SIZE])
{
    context_finish(stream->context, out_digest);
    bus_digest_stream_release(stream);
}

void bus_digest_stream_release(struct bus_digest_stream *stream)
{
    EVP_MD_CTX_free(stream->context);
    stream->context = NULL;
}

void bus_hmac_sm3_init(struct bus_hmac_sm3 *hmac, struct bus_bytes key)
{
    uint8_t block[BUS_DIGEST_SM3_BLOCK] = {0};

    if (key.length > sizeof block)
        bus_digest(BUS_HASH_SM3, key, block);
    else if (key.length != 0)
        memcpy(block, key.data, key.length);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36;
    memcpy(hmac->inner, bus_digest_sm3_start, sizeof hmac->inner);
    bus_digest_sm3_compress(hmac->inner, block, 1);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] ^= 0x36 ^ 0x5c;
    memcpy(hmac->outer, bus_digest_sm3_start, sizeof hmac->outer);
    bus_digest_sm3_compress(hmac->outer, block, 1);
    bus_wipe(block, sizeof block);
}

void bus_hmac_sm3_compute(const struct bus_hmac_sm3 *hmac, const struct bus_bytes *parts, size_t count,
                          uint8_t out_digest[BUS_DIGEST_SIZE])
{
    uint8_t inner[BUS_DIGEST_SIZE];
    bus_digest_sm3_finish(hmac->inner, BUS_DIGEST_SM3_BLOCK, parts, count, inner);
    struct bus_bytes result = bus_bytes_of(inner, sizeof inner);
    bus_digest_sm3_finish(hmac->outer, BUS_DIGEST_SM3_BLOCK, &result, 1, out_digest);
}

/* The outer digests are written over the inner ones that they are made of. */
void bus_hmac_sm3_many(const struct bus_hmac_sm3 *hmac, const struct bus_bytes *messages, size_t count,
                       uint8_t (*out_digests)[BUS_DIGEST_SIZE])
{
    const size_t lanes = bus_digest_sm3_best_lanes();
    struct bus_bytes inner[HMAC_PIECE];
    for (size_t done = 0, piece; done < count; done += piece) {
        piece = count - done < HMAC_PIECE ? count - done : HMAC_PIECE;
        bus_digest_sm3_many_from(lanes, hmac->inner, BUS_DIGEST_SM3_BLOCK, messages + done, piece, out_digests + done);
        for (size_t i = 0; i < piece; i++)
            inner[i] = bus_bytes_of(out_digests[done + i], BUS_DIGEST_SIZE);
        bus_digest_sm3_many_from(lanes, hmac->outer, BUS_DIGEST_SM3_BLOCK, inner, piece, out_digests + done);
    }
}

void bus_hmac_sm3_release(struct bus_hmac_sm3 *hmac)
{
    bus_wipe(hmac, sizeof *hmac);
}

void bus_wipe(void *memory, size_t length)
{
    OPENSSL_cleanse(memory, length);
}

void bus_random(void *out_bytes, size_t length)
{
    uint8_t *at = out_bytes;
    while (length != 0) {
        ssize_t got = getrandom(at, length, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            give_up("randomness from the kernel");
        at += got;
        length -= (size_t)got;
    }
}
