#include "adapters/sources/replication/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/file.h"

enum { WAITING_LIMIT = 4 * 1024 * 1024, WAITING_FULL = 1024 * 1024, FILE_MODE = 0600, FOLDER_MODE = 0700 };

/* --- files that appear whole --- */

static enum bus_status disk_refuses(const char *path, struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "cannot write %s: %s", path, strerror(errno));
}

static int create(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
}

static enum bus_status write_whole(const char *path, struct bus_bytes bytes, struct bus_error *error)
{
    char part[REPLICATION_PATH_SIZE];
    snprintf(part, sizeof part, "%.*s.part", REPLICATION_PATH_SIZE - 8, path);
    int file = create(part);
    bool good = file >= 0 && bus_file_write(file, bytes) && bus_file_settle(file, part, path);
    if (file >= 0 && close(file) != 0)
        good = false;
    return good ? BUS_OK : disk_refuses(path, error);
}

static void path_in(const char *state, const char *name, char out_path[REPLICATION_PATH_SIZE])
{
    snprintf(out_path, REPLICATION_PATH_SIZE, "%s/%s", state, name);
}

/* --- the manifest --- */

static bool take_line(struct bus_cursor *cursor, char *out_text, size_t size)
{
    const uint8_t *end = bus_cursor_left(cursor) > 0 ? memchr(cursor->at, '\n', bus_cursor_left(cursor)) : NULL;
    if (end == NULL || (size_t)(end - cursor->at) >= size)
        return false;
    struct bus_bytes line = bus_cursor_take(cursor, (size_t)(end - cursor->at));
    memcpy(out_text, line.data, line.length);
    out_text[line.length] = '\0';
    (void)bus_cursor_u8(cursor);
    return true;
}

enum bus_status replication_manifest_read(const char *state, const char *slot,
                                          struct replication_manifest *out_manifest, bool *out_found,
                                          struct bus_error *error)
{
    char path[REPLICATION_PATH_SIZE], line[REPLICATION_POSITION_TEXT_SIZE];
    struct bus_buffer file;
    bus_buffer_init(&out_manifest->signatures, REPLICATION_TABLES_LIMIT);
    *out_found = false;
    path_in(state, "snapshot", path);
    if (access(path, F_OK) != 0)
        return BUS_OK;
    bus_buffer_init(&file, REPLICATION_TABLES_LIMIT);
    enum bus_status status = bus_file_read(path, &file, error);
    struct bus_cursor cursor = bus_cursor_of(bus_buffer_view(&file));
    bool is_good = status == BUS_OK && take_line(&cursor, line, sizeof line);
    bool is_ours = is_good && strcmp(line, slot) == 0;
    if (is_ours)
        is_good = take_line(&cursor, line, sizeof line) && replication_position_read(line, &out_manifest->position);
    if (status == BUS_OK && !is_good)
        status = bus_fail(error, BUS_FATAL, "%s is no manifest of a snapshot: remove the file", path);
    *out_found = status == BUS_OK && is_ours;
    if (*out_found)
        bus_buffer_append(&out_manifest->signatures, cursor.at, bus_cursor_left(&cursor));
    bus_buffer_release(&file);
    return status;
}

enum bus_status replication_manifest_write(const char *state, const char *slot,
                                           const struct replication_position *position,
                                           const struct replication_tables *tables, struct bus_error *error)
{
    char path[REPLICATION_PATH_SIZE], text[REPLICATION_POSITION_TEXT_SIZE];
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, REPLICATION_TABLES_LIMIT);
    path_in(state, "snapshot", path);
    replication_position_write(position, text);
    bus_buffer_printf(&buffer, "%s\n%s\n", slot, text);
    for (size_t i = 0; i < tables->feeds->count; i++)
        replication_tables_write(tables, i, &buffer);
    enum bus_status status = buffer.failed ? bus_fail(error, BUS_FATAL, "out of memory")
                                           : write_whole(path, bus_buffer_view(&buffer), error);
    bus_buffer_release(&buffer);
    return status;
}

void replication_manifest_release(struct replication_manifest *manifest)
{
    bus_buffer_release(&manifest->signatures);
}

/* --- the mark --- */

enum bus_status replication_mark_set(const char *state, const char *slot, struct bus_error *error)
{
    char path[REPLICATION_PATH_SIZE];
    path_in(state, "slot.made", path);
    return write_whole(path, bus_bytes_text(slot), error);
}

bool replication_mark_is_set(const char *state, const char *slot)
{
    char path[REPLICATION_PATH_SIZE];
    struct bus_buffer file;
    struct bus_error ignored;
    path_in(state, "slot.made", path);
    bus_buffer_init(&file, REPLICATION_PATH_SIZE);
    bool is_set = access(path, F_OK) == 0 && bus_file_read(path, &file, &ignored) == BUS_OK &&
                  bus_bytes_equal_text(bus_buffer_view(&file), slot);
    bus_buffer_release(&file);
    return is_set;
}

void replication_mark_clear(const char *state)
{
    char path[REPLICATION_PATH_SIZE];
    path_in(state, "slot.made", path);
    (void)unlink(path);
}

/* --- the lists --- */

static void spool_folder(const char *state, const char *feed, char out_path[REPLICATION_PATH_SIZE])
{
    snprintf(out_path, REPLICATION_PATH_SIZE, "%s/spool/%s", state, feed);
}

void replication_spool_path(const char *state, const char *feed, uint64_t lsn, char out_path[REPLICATION_PATH_SIZE])
{
    snprintf(out_path, REPLICATION_PATH_SIZE, "%s/spool/%s/snapshot-%016" PRIX64 ".csv", state, feed, lsn);
}

/* What a snapshot left that was given up. */
static void remove_earlier(const char *folder)
{
    DIR *listing = opendir(folder);
    const struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL)
        if (strncmp(entry->d_name, "snapshot-", strlen("snapshot-")) == 0)
            (void)unlinkat(dirfd(listing), entry->d_name, 0);
    if (listing != NULL)
        closedir(listing);
}

enum bus_status replication_list_begin(struct replication_list *list, const char *state, const char *feed, uint64_t lsn,
                                       struct bus_error *error)
{
    char folder[REPLICATION_PATH_SIZE];
    *list = (struct replication_list){.file = -1};
    bus_buffer_init(&list->waiting, WAITING_LIMIT);
    path_in(state, "spool", folder);
    (void)mkdir(folder, FOLDER_MODE);
    spool_folder(state, feed, folder);
    (void)mkdir(folder, FOLDER_MODE);
    remove_earlier(folder);
    replication_spool_path(state, feed, lsn, list->path);
    snprintf(list->part, sizeof list->part, "%.*s.part", REPLICATION_PATH_SIZE - 8, list->path);
    list->file = create(list->part);
    return list->file >= 0 ? BUS_OK : disk_refuses(list->part, error);
}

static enum bus_status flush(struct replication_list *list, struct bus_error *error)
{
    bool good = bus_file_write(list->file, bus_buffer_view(&list->waiting));
    bus_buffer_reset(&list->waiting);
    return good ? BUS_OK : disk_refuses(list->part, error);
}

enum bus_status replication_list_add(void *self, struct bus_bytes piece, struct bus_error *error)
{
    struct replication_list *list = self;
    list->size_bytes += piece.length;
    if (piece.length > WAITING_FULL) { /* a row that is longer than any that is taken */
        enum bus_status status = flush(list, error);
        return status != BUS_OK || bus_file_write(list->file, piece) ? status : disk_refuses(list->part, error);
    }
    bus_buffer_append_bytes(&list->waiting, piece);
    return list->waiting.length >= WAITING_FULL ? flush(list, error) : BUS_OK;
}

enum bus_status replication_list_finish(struct replication_list *list, struct bus_error *error)
{
    enum bus_status status = flush(list, error);
    if (status != BUS_OK)
        return status;
    bool good = bus_file_settle(list->file, list->part, list->path);
    return good ? BUS_OK : disk_refuses(list->path, error);
}

void replication_list_release(struct replication_list *list)
{
    if (list->file >= 0)
        close(list->file);
    list->file = -1;
    bus_buffer_release(&list->waiting);
}
