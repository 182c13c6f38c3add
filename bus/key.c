#include "bus/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE_SIZE = 16 * 1024 };

/* The identity of GB/T 35276 where none is agreed. OpenSSL's default is the empty one, so it is set before each use. */
static const char sm2_identity[] = "1234567812345678";

struct bus_key {
    EVP_PKEY *pkey;
    enum bus_suite suite;
    bool is_private;
    char id[BUS_KEY_ID_SIZE];
};

static const struct {
    const char *name, *algorithm;
    enum bus_hash hash;
} suites[] = {
    [BUS_SUITE_SM2_SM3] = {"sm2-sm3", "SM2", BUS_HASH_SM3},
    [BUS_SUITE_ED25519_SHA256] = {"ed25519-sha256", "ED25519", BUS_HASH_SHA256},
};

const char *bus_suite_name(enum bus_suite suite)
{
    return suites[suite].name;
}

enum bus_status bus_suite_parse(const char *name, enum bus_suite *out_suite, struct bus_error *error)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (strcmp(name, suites[i].name) == 0) {
            *out_suite = (enum bus_suite)i;
            return BUS_OK;
        }
    }
    return bus_fail(error, BUS_REJECT, "\"%.40s\" is no cipher suite; there are sm2-sm3 and ed25519-sha256", name);
}

enum bus_hash bus_suite_hash(enum bus_suite suite)
{
    return suites[suite].hash;
}

/* OpenSSL's reason, and an empty queue so that the next failure does not show an old one. */
static const char *library_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
    ERR_clear_error();
    return reason != NULL ? reason : "no reason given";
}

static bool find_id(struct bus_key *key)
{
    uint8_t *der = NULL, digest[BUS_DIGEST_SIZE];
    int length = i2d_PUBKEY(key->pkey, &der);
    if (length <= 0)
        return false;
    bus_digest(bus_suite_hash(key->suite), bus_bytes_of(der, (size_t)length), digest);
    bus_hex(digest, (BUS_KEY_ID_SIZE - 1) / 2, key->id);
    OPENSSL_free(der);
    return true;
}

/* Takes `pkey` in any case. */
static enum bus_status adopt(EVP_PKEY *take_pkey, bool is_private, struct bus_key **out_key, struct bus_error *error)
{
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
        if (!EVP_PKEY_is_a(take_pkey, suites[i].algorithm))
            continue;
        struct bus_key *key = calloc(1, sizeof *key);
        if (key == NULL)
            break;
        *key = (struct bus_key){.pkey = take_pkey, .suite = (enum bus_suite)i, .is_private = is_private};
        if (!find_id(key)) {
            bus_key_destroy(key);
            return bus_fail(error, BUS_FATAL, "the key cannot be encoded: %s", library_reason());
        }
        *out_key = key;
        return BUS_OK;
    }
    const char *name = EVP_PKEY_get0_type_name(take_pkey);
    bus_fail(error, BUS_FATAL, "a key of type %.20s is of no cipher suite; SM2 and Ed25519 are",
             name != NULL ? name : "?");
    EVP_PKEY_free(take_pkey);
    return BUS_FATAL;
}

enum bus_status bus_key_generate(enum bus_suite suite, struct bus_key **out_key, struct bus_error *error)
{
    EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, suites[suite].algorithm);
    if (pkey == NULL)
        return bus_fail(error, BUS_FATAL, "make a %s key: %s", suites[suite].name, library_reason());
    return adopt(pkey, true, out_key, error);
}

/* Reads a small file into `out_text`, refusing a private key that others may read. */
static enum bus_status read_file(const char *path, char out_text[MAX_FILE_SIZE + 1], bool *out_private,
                                 struct bus_error *error)
{
    struct stat about;
    size_t length = 0;
    ssize_t got = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0 || fstat(file, &about) != 0)
        goto failed;
    while (length < MAX_FILE_SIZE && (got = read(file, out_text + length, MAX_FILE_SIZE - length)) > 0)
        length += (size_t)got;
    if (got < 0)
        goto failed;
    close(file);
    out_text[length] = '\0';
    *out_private = strstr(out_text, "PRIVATE KEY-----") != NULL;
    if (*out_private && (about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bus_fail(error, BUS_FATAL, "key %s may be read by others (mode %04o); run: chmod 600 %s", path,
                        (unsigned)(about.st_mode & 07777), path);
    return BUS_OK;

failed:
    bus_fail(error, BUS_FATAL, "read key %s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    return BUS_FATAL;
}

/* Instead of OpenSSL's own, which would ask at the terminal. */
static int no_password(char *buffer, int size, int writing, void *data)
{
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

enum bus_status bus_key_load(const char *path, struct bus_key **out_key, struct bus_error *error)
{
    char text[MAX_FILE_SIZE + 1];
    bool is_private;
    EVP_PKEY *pkey = NULL;

    enum bus_status status = read_file(path, text, &is_private, error);
    BIO *memory = status == BUS_OK ? BIO_new_mem_buf(text, -1) : NULL;
    if (memory != NULL)
        pkey = is_private ? PEM_read_bio_PrivateKey(memory, NULL, no_password, NULL)
                          : PEM_read_bio_PUBKEY(memory, NULL, no_password, NULL);
    BIO_free(memory);
    bus_wipe(text, sizeof text);
    if (status != BUS_OK)
        return status;
    if (pkey == NULL)
        return bus_fail(error, BUS_FATAL, "key %s is no PEM key that can be read (%s); make one with: xinqiao keys new",
                        path, library_reason());
    status = adopt(pkey, is_private, out_key, error);
    if (status != BUS_OK)
        bus_error_prefix(error, "key %s", path);
    return status;
}

/* Creates `path` with all of `text`, or not at all. */
static enum bus_status write_file(const char *path, mode_t mode, const char *text, size_t length,
                                  struct bus_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0)
        return bus_fail(error, BUS_FATAL, "write key %s: %s", path, strerror(errno));
    ssize_t written = write(file, text, length);
    bool whole = written == (ssize_t)length && fsync(file) == 0;
    int reason = written >= 0 && !whole && errno == 0 ? ENOSPC : errno;
    if (close(file) == 0 && whole)
        return BUS_OK;
    unlink(path);
    return bus_fail(error, BUS_FATAL, "write key %s: %s", path, strerror(reason));
}

static enum bus_status save(const struct bus_key *key, const char *path, bool private_half, struct bus_error *error)
{
    char *text = NULL;
    enum bus_status status = BUS_FATAL;
    BIO *memory = BIO_new(BIO_s_mem());

    if (memory == NULL || (private_half ? PEM_write_bio_PKCS8PrivateKey(memory, key->pkey, NULL, NULL, 0, NULL, NULL)
                                        : PEM_write_bio_PUBKEY(memory, key->pkey)) != 1) {
        bus_fail(error, BUS_FATAL, "encode key for %s: %s", path, library_reason());
        goto out;
    }
    long length = BIO_get_mem_data(memory, &text);
    errno = 0;
    status = write_file(path, private_half ? 0600 : 0644, text, (size_t)length, error);
    if (private_half)
        bus_wipe(text, (size_t)length);
out:
    BIO_free(memory);
    return status;
}

enum bus_status bus_key_save_private(const struct bus_key *key, const char *path, struct bus_error *error)
{
    if (!key->is_private)
        return bus_fail(error, BUS_FATAL, "write private key %s: only its public half is known", path);
    return save(key, path, true, error);
}

enum bus_status bus_key_save_public(const struct bus_key *key, const char *path, struct bus_error *error)
{
    return save(key, path, false, error);
}

/* A key id comes from outside: only sixteen hex digits may become part of a path. */
static bool is_key_id(const char *key_id)
{
    return strspn(key_id, "0123456789abcdef") == BUS_KEY_ID_SIZE - 1 && key_id[BUS_KEY_ID_SIZE - 1] == '\0';
}

enum bus_status bus_key_find(const char *folder, const char *key_id, struct bus_key **out_key, struct bus_error *error)
{
    char path[4096];
    struct bus_key *key = NULL;

    if (!is_key_id(key_id))
        return bus_reject(error, "SEAL_KEY", "公钥标识不是16位小写十六进制数",
                          "the key id is not 16 lower-case hex digits");
    int length = snprintf(path, sizeof path, "%s/%s.pem", folder, key_id);
    if (length < 0 || (size_t)length >= sizeof path)
        return bus_fail(error, BUS_FATAL, "find key %s: the folder's path is too long", key_id);
    if (access(folder, R_OK | X_OK) != 0)
        return bus_fail(error, BUS_FATAL, "find key %s in folder %s: %s", key_id, folder, strerror(errno));
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        bus_reject(error, "SEAL_KEY", "签章所用的公钥不在受信任的公钥文件夹中",
                   "the seal's key is not among the pinned public keys");
        bus_error_prefix(error, "%s", path);
        return BUS_REJECT;
    }
    enum bus_status status = bus_key_load(path, &key, error);
    if (status != BUS_OK)
        return status;
    if (strcmp(key->id, key_id) != 0) {
        status = bus_fail(error, BUS_FATAL, "key %s has the id %s: the file has a wrong name", path, key->id);
        bus_key_destroy(key);
        return status;
    }
    *out_key = key;
    return BUS_OK;
}

void bus_key_destroy(struct bus_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

enum bus_suite bus_key_suite(const struct bus_key *key)
{
    return key->suite;
}

const char *bus_key_id_view(const struct bus_key *key)
{
    return key->id;
}

bool bus_key_is_private(const struct bus_key *key)
{
    return key->is_private;
}

/* A context ready to sign or verify one message; NULL when the library refuses. */
static EVP_MD_CTX *begin(const struct bus_key *key, bool signing)
{
    EVP_PKEY_CTX *pkey_context = NULL; /* belongs to the context */
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const char *digest = key->suite == BUS_SUITE_SM2_SM3 ? "SM3" : NULL;

    if (context == NULL)
        return NULL;
    int done = signing ? EVP_DigestSignInit_ex(context, &pkey_context, digest, NULL, NULL, key->pkey, NULL)
                       : EVP_DigestVerifyInit_ex(context, &pkey_context, digest, NULL, NULL, key->pkey, NULL);
    if (done == 1 && key->suite == BUS_SUITE_SM2_SM3)
        done = EVP_PKEY_CTX_set1_id(pkey_context, sm2_identity, sizeof sm2_identity - 1);
    if (done == 1)
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

enum bus_status bus_key_sign(const struct bus_key *key, struct bus_bytes message, uint8_t *out_signature,
                             size_t *out_length, struct bus_error *error)
{
    if (!key->is_private)
        return bus_fail(error, BUS_FATAL, "sign with key %s: only its public half is known", key->id);
    size_t length = BUS_SIGNATURE_MAX_SIZE;
    EVP_MD_CTX *context = begin(key, true);
    bool done = context != NULL && EVP_DigestSign(context, out_signature, &length, message.data, message.length) == 1;
    EVP_MD_CTX_free(context);
    if (!done)
        return bus_fail(error, BUS_FATAL, "sign with key %s: %s", key->id, library_reason());
    *out_length = length;
    return BUS_OK;
}

enum bus_status bus_key_verify(const struct bus_key *key, struct bus_bytes message, struct bus_bytes signature,
                               struct bus_error *error)
{
    EVP_MD_CTX *context = begin(key, false);
    bool good = context != NULL &&
                EVP_DigestVerify(context, signature.data, signature.length, message.data, message.length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (!good)
        return bus_reject(error, "SEAL_SIGNATURE", "签名与内容或公钥不符",
                          "the signature is not this key's over this content");
    return BUS_OK;
}
