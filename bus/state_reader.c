#include "bus/state_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/state_entry.h"

enum { PATH_SIZE = 4096, MARK_SIZE = 64 };

struct look {
    char folder[PATH_SIZE];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    struct stat lock; /* of lock.mdb as it was before the environment was opened */
};

static enum bus_status fail(const struct look *look, const char *why, struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "look into the state in %s: %s", look->folder, why);
}

static bool path_of(const struct look *look, const char *name, char out_path[PATH_SIZE])
{
    int length = snprintf(out_path, PATH_SIZE, "%s/%s", look->folder, name);
    return length > 0 && length < PATH_SIZE;
}

static bool find(const struct look *look, const char *name, struct stat *out_found)
{
    char path[PATH_SIZE];
    return path_of(look, name, path) && stat(path, out_found) == 0;
}

/* The first line of a small file, "" when it cannot be read. */
static void read_line(const char *path, char out_text[MARK_SIZE])
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, out_text, MARK_SIZE - 1);
    if (file >= 0)
        close(file);
    out_text[length > 0 ? length : 0] = '\0';
    out_text[strcspn(out_text, "\n")] = '\0';
}

/* As the worker sees it: closed in order, or open since this boot. */
static bool is_trusted(const struct look *look)
{
    char path[PATH_SIZE], mark[MARK_SIZE] = "", boot_id[MARK_SIZE], open_mark[MARK_SIZE + 8];
    if (path_of(look, "mark", path))
        read_line(path, mark);
    read_line("/proc/sys/kernel/random/boot_id", boot_id);
    snprintf(open_mark, sizeof open_mark, "open %s", boot_id[0] != '\0' ? boot_id : "unknown");
    return strcmp(mark, "clean") == 0 || strcmp(mark, open_mark) == 0;
}

static enum bus_status open_snapshot(struct look *look, struct bus_error *error)
{
    if (!is_trusted(look) || !find(look, "lock.mdb", &look->lock))
        return fail(look, "there is no environment that can be trusted", error);
    int code = mdb_env_create(&look->env);
    if (code == 0)
        code = mdb_env_open(look->env, look->folder, MDB_RDONLY | MDB_NORDAHEAD, 0600);
    if (code == 0)
        code = mdb_txn_begin(look->env, NULL, MDB_RDONLY, &look->txn);
    if (code == 0)
        code = mdb_dbi_open(look->txn, NULL, 0, &look->dbi);
    return code == 0 ? BUS_OK : fail(look, mdb_strerror(code), error);
}

/* A worker that made the environment anew does not see us among its readers, and may have overwritten what we read. */
static enum bus_status check_same(const struct look *look, struct bus_error *error)
{
    struct stat lock, data, ours;
    int file = -1;
    mdb_env_get_fd(look->env, &file);
    bool same = find(look, "lock.mdb", &lock) && find(look, "data.mdb", &data) && fstat(file, &ours) == 0 &&
                lock.st_ino == look->lock.st_ino && lock.st_dev == look->lock.st_dev && data.st_ino == ours.st_ino &&
                data.st_dev == ours.st_dev;
    return same ? BUS_OK : fail(look, "it was made anew meanwhile", error);
}

static enum bus_status read_next(const struct look *look, int64_t *out_next, struct bus_error *error)
{
    uint8_t meta = BUS_STATE_META;
    MDB_val key = {sizeof meta, &meta}, value;
    int code = mdb_get(look->txn, look->dbi, &key, &value);
    *out_next = 0;
    if (code == MDB_NOTFOUND)
        return BUS_OK; /* nothing has been written yet */
    if (code != 0)
        return fail(look, mdb_strerror(code), error);
    if (bus_state_number_read(bus_bytes_of(value.mv_data, value.mv_size), out_next, error) != BUS_OK)
        return fail(look, "it does not say up to where it is complete", error);
    return BUS_OK;
}

static enum bus_status walk(const struct look *look, struct bus_bytes prefix,
                            enum bus_status (*take)(void *, struct bus_bytes, struct bus_bytes, struct bus_error *),
                            void *self, struct bus_error *error)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = {prefix.length, (void *)(uintptr_t)prefix.data}, value;
    int code = mdb_cursor_open(look->txn, look->dbi, &cursor);
    if (code != 0)
        return fail(look, mdb_strerror(code), error);
    enum bus_status status = BUS_OK;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (status == BUS_OK && code == 0 && key.mv_size >= prefix.length &&
           memcmp(key.mv_data, prefix.data, prefix.length) == 0) {
        status = take(self, bus_bytes_of(key.mv_data, key.mv_size), bus_bytes_of(value.mv_data, value.mv_size), error);
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (status == BUS_OK && code != 0 && code != MDB_NOTFOUND)
        return fail(look, mdb_strerror(code), error);
    return status;
}

enum bus_status bus_state_reader_look(const char *folder, int32_t partition, struct bus_bytes prefix,
                                      enum bus_status (*take)(void *self, struct bus_bytes key, struct bus_bytes value,
                                                              struct bus_error *error),
                                      void *self, int64_t *out_next, struct bus_error *error)
{
    struct look look = {0};
    int length = snprintf(look.folder, sizeof look.folder, "%s/%d", folder, (int)partition);
    enum bus_status status = length > 0 && length < PATH_SIZE ? open_snapshot(&look, error)
                                                              : fail(&look, "the folder's name is too long", error);
    if (status == BUS_OK)
        status = read_next(&look, out_next, error);
    if (status == BUS_OK)
        status = walk(&look, prefix, take, self, error);
    if (status == BUS_OK)
        status = check_same(&look, error);
    if (look.txn != NULL)
        mdb_txn_abort(look.txn);
    if (look.env != NULL)
        mdb_env_close(look.env);
    return status;
}
