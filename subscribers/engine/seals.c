#include "subscribers/engine/seals.h"

#include <stdlib.h>

enum { MAX_KEYS = 16 }; /* keys in use at once: an old one, a new one, and some to spare */

struct subscribers_seals {
    char *folder;
    char *exchange;
    struct bus_key *keys[MAX_KEYS];
    size_t key_count;
    /* The last signature found good, and what it covers. */
    struct {
        const struct bus_key *key; /* NULL = none yet */
        int64_t sealed_at_ms;
        bus_digest_bytes batch_root;
        uint8_t signature[BUS_SIGNATURE_MAX_SIZE];
        size_t signature_length;
    } good;
    uint64_t verified;
};

struct subscribers_seals *subscribers_seals_create(const char *folder, const char *exchange)
{
    struct subscribers_seals *seals = calloc(1, sizeof *seals);
    if (seals == NULL)
        return NULL;
    seals->folder = strdup(folder);
    seals->exchange = strdup(exchange);
    if (seals->folder == NULL || seals->exchange == NULL) {
        subscribers_seals_destroy(seals);
        return NULL;
    }
    return seals;
}

void subscribers_seals_destroy(struct subscribers_seals *seals)
{
    if (seals == NULL)
        return;
    for (size_t i = 0; i < seals->key_count; i++)
        bus_key_destroy(seals->keys[i]);
    free(seals->folder);
    free(seals->exchange);
    free(seals);
}

static enum bus_status find_key(struct subscribers_seals *seals, const char *key_id, const struct bus_key **out_key,
                                struct bus_error *error)
{
    for (size_t i = 0; i < seals->key_count; i++)
        if (strcmp(bus_key_id_view(seals->keys[i]), key_id) == 0) {
            *out_key = seals->keys[i];
            return BUS_OK;
        }
    if (seals->key_count == MAX_KEYS)
        return bus_fail(error, BUS_FATAL, "more than %d signing keys in one run; restart the agent", MAX_KEYS);
    struct bus_key *key;
    enum bus_status status = bus_key_find(seals->folder, key_id, &key, error);
    if (status == BUS_REJECT) {
        bus_reject(error, "SEAL_KEY", "签章所用密钥未被固定信任", "sealed by a key that is not pinned");
        bus_error_prefix(error, "key %s, folder %s", key_id, seals->folder);
    }
    if (status == BUS_OK)
        *out_key = seals->keys[seals->key_count++] = key;
    return status;
}

static enum bus_status batch_root(const struct bus_seal *seal, bus_digest_bytes out_root, struct bus_error *error)
{
    enum bus_hash hash = bus_suite_hash(seal->suite);
    struct bus_seal_log log = {.name = seal->log, .size = seal->size};
    memcpy(log.root, seal->root, sizeof log.root);
    bus_digest_bytes leaf;
    bus_seal_batch_leaves(hash, &log, 1, &leaf);
    return bus_merkle_root_of_path(hash, leaf, seal->batch_index, seal->batch_size,
                                   (const bus_digest_bytes *)seal->batch_path, seal->batch_path_length, out_root,
                                   error);
}

static bool is_known_good(const struct subscribers_seals *seals, const struct bus_seal *seal, const struct bus_key *key,
                          const bus_digest_bytes root)
{
    return seals->good.key == key && seals->good.sealed_at_ms == seal->sealed_at_ms &&
           memcmp(seals->good.batch_root, root, sizeof seals->good.batch_root) == 0 &&
           seals->good.signature_length == seal->signature_length &&
           memcmp(seals->good.signature, seal->signature, seal->signature_length) == 0;
}

enum bus_status subscribers_seals_check(struct subscribers_seals *seals, const struct bus_seal *seal, const char *log,
                                        struct bus_error *error)
{
    const struct bus_key *key;
    enum bus_status status = bus_seal_expect(seal, seals->exchange, log, error);
    if (status == BUS_OK)
        status = find_key(seals, seal->key_id, &key, error);
    if (status != BUS_OK)
        return status;
    if (bus_key_suite(key) != seal->suite)
        return bus_reject(error, "SEAL_KEY", "签章的密码套件与密钥不符", "the seal's suite is not its key's");

    bus_digest_bytes root;
    status = batch_root(seal, root, error);
    if (status != BUS_OK)
        return bus_reject(error, "SEAL_PATH", "签章的批次证明路径有误", "the seal's batch path does not fit");
    if (is_known_good(seals, seal, key, root))
        return BUS_OK;
    status = bus_seal_verify(seal, key, error);
    if (status != BUS_OK)
        return status;
    seals->verified++;
    seals->good.key = key;
    seals->good.sealed_at_ms = seal->sealed_at_ms;
    memcpy(seals->good.batch_root, root, sizeof seals->good.batch_root);
    memcpy(seals->good.signature, seal->signature, seal->signature_length);
    seals->good.signature_length = seal->signature_length;
    return BUS_OK;
}

uint64_t subscribers_seals_verified(const struct subscribers_seals *seals)
{
    return seals->verified;
}
