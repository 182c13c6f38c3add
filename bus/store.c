#include "bus/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/log.h"

enum {
    PATH_SIZE = 4096,
    MARK_SIZE = 64,
    PAGE_BYTES = 4096,
    /* A write copies the leaf of each key, branches and the free list: never more than there is, and what new keys add. */
    PAGES_A_KEY = 4,
    KEYS_A_NEW_PAGE = 8,
    PAGES_A_WRITE = 64,
    GROWTH_BYTES = 4 * 1024 * 1024,
};

struct bus_store {
    char folder[PATH_SIZE];
    int owner; /* descriptor that holds the lock */
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *reader; /* between writes; NULL until the first get */
    MDB_cursor *cursor;
    size_t map_bytes;
    size_t allocated_bytes; /* of the file, known to have blocks on disk */
};

static enum bus_status fail_errno(const struct bus_store *store, const char *what, int code, struct bus_error *error)
{
    return bus_fail(error, BUS_FATAL, "cannot %s in %s: %s", what, store->folder, strerror(code));
}

static enum bus_status fail_lmdb(const struct bus_store *store, const char *what, int code, struct bus_error *error)
{
    const char *advice = code == MDB_MAP_FULL
                             ? "; it is as large as it may become: raise state_map_mib, if this is a gateway"
                         : code == ENOSPC ? "; free space on this disk: it goes on by itself then"
                                          : "";
    return bus_fail(error, BUS_FATAL, "cannot %s state in %s: %s%s", what, store->folder, mdb_strerror(code), advice);
}

static void path_of(const struct bus_store *store, const char *name, char out_path[PATH_SIZE])
{
    snprintf(out_path, PATH_SIZE, "%.4000s/%s", store->folder, name);
}

static enum bus_status make_folders(struct bus_store *store, struct bus_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s", store->folder);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return fail_errno(store, "make the state folder", errno, error);
        if (slash == NULL)
            return BUS_OK;
        *slash = '/';
    }
}

static enum bus_status lock_owner(struct bus_store *store, struct bus_error *error)
{
    char path[PATH_SIZE];
    path_of(store, "owner", path);
    store->owner = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->owner < 0)
        return fail_errno(store, "open the lock file", errno, error);
    if (flock(store->owner, LOCK_EX | LOCK_NB) == 0)
        return BUS_OK;
    if (errno == EWOULDBLOCK)
        return bus_fail(error, BUS_RETRY, "state folder %s is in use by another process", store->folder);
    return fail_errno(store, "lock the lock file", errno, error);
}

static size_t read_small(const char *path, char *out_text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, out_text, size - 1);
    if (file >= 0)
        close(file);
    out_text[length > 0 ? length : 0] = '\0';
    return strlen(out_text);
}

static void open_mark(char out_mark[MARK_SIZE])
{
    char boot_id[40];
    if (read_small("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id) == 0)
        snprintf(boot_id, sizeof boot_id, "unknown");
    boot_id[strcspn(boot_id, "\n")] = '\0';
    snprintf(out_mark, MARK_SIZE, "open %s\n", boot_id);
}

static enum bus_status write_mark(struct bus_store *store, const char *mark, struct bus_error *error)
{
    char path[PATH_SIZE];
    path_of(store, "mark", path);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return fail_errno(store, "write the mark", errno, error);
    enum bus_status status = BUS_OK;
    if (write(file, mark, strlen(mark)) != (ssize_t)strlen(mark) || fsync(file) != 0)
        status = fail_errno(store, "write the mark", errno, error);
    close(file);
    return status;
}

/* Removes an environment that may have lost pages, and says that it is open from now on. */
static enum bus_status take_over(struct bus_store *store, struct bus_error *error)
{
    char mark[MARK_SIZE], old[MARK_SIZE], path[PATH_SIZE];
    open_mark(mark);
    path_of(store, "mark", path);
    read_small(path, old, sizeof old);
    if (strcmp(old, "clean\n") != 0 && strcmp(old, mark) != 0) {
        path_of(store, "data.mdb", path);
        if (unlink(path) == 0)
            bus_log(BUS_LOG_WARN, "state thrown away", "folder=%s reason=\"not closed before the machine went down\"",
                    store->folder);
        else if (errno != ENOENT)
            return fail_errno(store, "remove the old environment", errno, error);
        path_of(store, "lock.mdb", path);
        unlink(path);
    }
    return write_mark(store, mark, error);
}

static enum bus_status open_environment(struct bus_store *store, struct bus_error *error)
{
    int code = mdb_env_create(&store->env);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, store->map_bytes);
    /* Without MDB_NORDAHEAD: Linux never counts the pages of a mapping advised as random as used, and Kafka's streams push them out. */
    if (code == 0)
        code = mdb_env_open(store->env, store->folder, MDB_WRITEMAP | MDB_NOSYNC, 0600);
    MDB_txn *txn = NULL;
    if (code == 0)
        code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_dbi_open(txn, NULL, 0, &store->dbi);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? BUS_OK : fail_lmdb(store, "open", code, error);
}

enum bus_status bus_store_open(const char *folder, size_t map_bytes, struct bus_store **out_store,
                               struct bus_error *error)
{
    struct bus_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    store->owner = -1;
    store->map_bytes = map_bytes;
    enum bus_status status = make_folders(store, error);
    if (status == BUS_OK)
        status = lock_owner(store, error);
    if (status == BUS_OK)
        status = take_over(store, error);
    if (status == BUS_OK)
        status = open_environment(store, error);
    if (status == BUS_OK)
        *out_store = store;
    else
        bus_store_close(store, false);
    return status;
}

static void stop_reading(struct bus_store *store)
{
    if (store->reader == NULL)
        return;
    mdb_cursor_close(store->cursor);
    mdb_txn_abort(store->reader);
    store->reader = NULL;
    store->cursor = NULL;
}

void bus_store_close(struct bus_store *store, bool clean)
{
    if (store == NULL)
        return;
    if (store->env != NULL) {
        stop_reading(store);
        struct bus_error error;
        if (clean && mdb_env_sync(store->env, 1) == 0 && write_mark(store, "clean\n", &error) != BUS_OK)
            bus_log_failure(BUS_LOG_WARN, "state not marked clean", BUS_FATAL, &error);
        mdb_env_close(store->env);
    }
    if (store->owner >= 0)
        close(store->owner);
    free(store);
}

static enum bus_status start_reading(struct bus_store *store, struct bus_error *error)
{
    if (store->reader != NULL)
        return BUS_OK;
    int code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
    if (code == 0)
        code = mdb_cursor_open(store->reader, store->dbi, &store->cursor);
    if (code == 0)
        return BUS_OK;
    mdb_txn_abort(store->reader);
    store->reader = NULL;
    return fail_lmdb(store, "read", code, error);
}

enum bus_status bus_store_get(struct bus_store *store, struct bus_bytes key, struct bus_bytes *out_value,
                              struct bus_error *error)
{
    enum bus_status status = start_reading(store, error);
    if (status != BUS_OK)
        return status;
    MDB_val name = {key.length, (void *)(uintptr_t)key.data}, value;
    int code = mdb_cursor_get(store->cursor, &name, &value, MDB_SET_KEY);
    *out_value = (struct bus_bytes){NULL, 0};
    if (code == 0)
        *out_value = bus_bytes_of(value.mv_data, value.mv_size);
    else if (code != MDB_NOTFOUND)
        return fail_lmdb(store, "read", code, error);
    return BUS_OK;
}

enum bus_status bus_store_walk(struct bus_store *store, struct bus_bytes from,
                               bool (*take)(void *self, struct bus_bytes key, struct bus_bytes value), void *self,
                               bool *out_end, struct bus_error *error)
{
    enum bus_status status = start_reading(store, error);
    if (status != BUS_OK)
        return status;
    MDB_val key = {from.length, (void *)(uintptr_t)from.data}, value;
    int code = mdb_cursor_get(store->cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && take(self, bus_bytes_of(key.mv_data, key.mv_size), bus_bytes_of(value.mv_data, value.mv_size)))
        code = mdb_cursor_get(store->cursor, &key, &value, MDB_NEXT);
    *out_end = code == MDB_NOTFOUND;
    return code == 0 || code == MDB_NOTFOUND ? BUS_OK : fail_lmdb(store, "read", code, error);
}

/* A full disk under a written map would be a SIGBUS: whatever this write may touch gets its blocks beforehand. */
static enum bus_status allocate(struct bus_store *store, struct bus_slot *const *slots, size_t count,
                                struct bus_error *error)
{
    MDB_envinfo info;
    mdb_env_info(store->env, &info);
    size_t used = info.me_last_pgno + 1, most = used + count / KEYS_A_NEW_PAGE;
    size_t pages = used + PAGES_A_WRITE + (count * PAGES_A_KEY < most ? count * PAGES_A_KEY : most);
    for (size_t i = 0; i < count; i++)
        pages += slots[i]->value_length / PAGE_BYTES;
    size_t bytes = pages * PAGE_BYTES;
    if (bytes <= store->allocated_bytes)
        return BUS_OK;
    bytes = (bytes + GROWTH_BYTES - 1) / GROWTH_BYTES * GROWTH_BYTES;
    if (bytes > store->map_bytes)
        bytes = store->map_bytes; /* LMDB says MDB_MAP_FULL when that is not enough */
    int file;
    mdb_env_get_fd(store->env, &file);
    if (bytes > store->allocated_bytes && fallocate(file, FALLOC_FL_KEEP_SIZE, (off_t)store->allocated_bytes,
                                                    (off_t)(bytes - store->allocated_bytes)) != 0) {
        if (errno != EOPNOTSUPP)
            return fail_lmdb(store, "grow", errno, error);
    }
    store->allocated_bytes = bytes;
    return BUS_OK;
}

static int put_slot(MDB_cursor *cursor, const struct bus_slot *slot, unsigned flags)
{
    MDB_val key = {slot->key.length, (void *)(uintptr_t)slot->key.data};
    MDB_val value = {slot->value_length, slot->value};
    if (slot->value != NULL)
        return mdb_cursor_put(cursor, &key, &value, flags);
    int code = mdb_cursor_get(cursor, &key, &value, MDB_SET);
    if (code == 0)
        return mdb_cursor_del(cursor, 0);
    return code == MDB_NOTFOUND ? 0 : code;
}

static enum bus_status write_slots(struct bus_store *store, struct bus_slot *const *slots, size_t count, unsigned flags,
                                   struct bus_error *error)
{
    stop_reading(store); /* an open reader would keep every old page from reuse */
    enum bus_status status = allocate(store, slots, count, error);
    if (status != BUS_OK)
        return status;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_cursor_open(txn, store->dbi, &cursor);
    for (size_t i = 0; code == 0 && i < count; i++)
        code = put_slot(cursor, slots[i], flags);
    if (cursor != NULL)
        mdb_cursor_close(cursor);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? BUS_OK : fail_lmdb(store, "write", code, error);
}

enum bus_status bus_store_write(struct bus_store *store, struct bus_slot *const *slots, size_t count,
                                struct bus_error *error)
{
    return write_slots(store, slots, count, 0, error);
}

enum bus_status bus_store_append(struct bus_store *store, struct bus_slot *const *slots, size_t count,
                                 struct bus_error *error)
{
    return write_slots(store, slots, count, MDB_APPEND, error);
}

enum bus_status bus_store_clear(struct bus_store *store, struct bus_error *error)
{
    stop_reading(store);
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (code == 0)
        code = mdb_drop(txn, store->dbi, 0);
    if (code == 0)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return code == 0 ? BUS_OK : fail_lmdb(store, "clear", code, error);
}
