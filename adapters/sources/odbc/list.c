#include "adapters/sources/odbc/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/clock.h"
#include "bus/file.h"
#include "bus/log.h"
#include "bus/stop.h"

enum {
    PATH_SIZE = 4096,
    NAME_SIZE = 128,
    WRITE_BYTES = 1024 * 1024,
    LINE_LIMIT = WRITE_BYTES + 8 * ADAPTERS_ROW_MAX, /* quotes may double it */
    PROGRESS_MS = 10000,
    LOOK_ROWS = 256,
};

/* A file on its way. */
struct writing {
    const struct odbc_table *table;
    const char *folder;
    char part[PATH_SIZE];
    int file;
    struct bus_buffer lines;
    int64_t rows, unmarked_rows;
    int64_t told_ms;
};

/* --- names --- */

static void write_name(enum adapters_poll_kind kind, const struct odbc_list *list, char out_name[NAME_SIZE])
{
    char mark[ODBC_MARK_TEXT_SIZE];
    odbc_mark_text(kind, &list->mark, mark);
    char *blank = strchr(mark, ' ');
    if (blank != NULL)
        *blank = 'T';
    snprintf(out_name, NAME_SIZE, "%lld_%s.csv", (long long)list->at_ms, mark);
}

bool odbc_list_read_name(enum adapters_poll_kind kind, const char *name, struct odbc_list *out_list)
{
    long long at_ms;
    int length = 0;
    *out_list = (struct odbc_list){0};
    if (sscanf(name, "%lld_%n", &at_ms, &length) != 1 || length == 0 || at_ms <= 0)
        return false;
    const char *mark = name + length, *end = strstr(mark, ".csv");
    if (end == NULL)
        return false;
    out_list->at_ms = at_ms;
    return end == mark || odbc_mark_parse(kind, bus_bytes_of(mark, (size_t)(end - mark)), &out_list->mark);
}

static void look_into(enum adapters_poll_kind kind, const char *folder, struct odbc_list *list)
{
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        struct odbc_list found;
        if (odbc_list_read_name(kind, entry->d_name, &found) && found.at_ms > list->at_ms)
            *list = found;
    }
    if (entries != NULL)
        closedir(entries);
}

void odbc_list_find(enum adapters_poll_kind kind, const char *folder, struct odbc_list *out_list)
{
    char held[PATH_SIZE];
    *out_list = (struct odbc_list){0};
    look_into(kind, folder, out_list);
    if (snprintf(held, sizeof held, "%s/held", folder) < (int)sizeof held)
        look_into(kind, held, out_list);
}

/* --- lines --- */

static void append_field(struct bus_bytes field, struct bus_buffer *buffer)
{
    const uint8_t *at = field.data, *end = field.data + field.length;
    bus_buffer_u8(buffer, '"');
    while (at < end) {
        const uint8_t *quote = memchr(at, '"', (size_t)(end - at));
        const uint8_t *stop = quote != NULL ? quote + 1 : end;
        bus_buffer_append(buffer, at, (size_t)(stop - at));
        if (quote != NULL)
            bus_buffer_u8(buffer, '"');
        at = stop;
    }
    bus_buffer_u8(buffer, '"');
}

void odbc_list_append_line(const struct bus_bytes *fields, size_t count, struct bus_buffer *buffer)
{
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            bus_buffer_u8(buffer, ',');
        if (fields[i].data != NULL)
            append_field(fields[i], buffer);
    }
    bus_buffer_u8(buffer, '\n');
}

/* The mapping's columns among those that were asked for: they come first. */
static size_t count_mapped(const struct odbc_table *table)
{
    size_t count = table->column_count;
    while (count > 0 && table->of_mapping[count - 1] == ODBC_NO_COLUMN)
        count--;
    return count;
}

static void append_header(const struct odbc_table *table, struct bus_buffer *buffer)
{
    struct bus_bytes names[ADAPTERS_COLUMNS_MAX + 1];
    const struct adapters_layout *layout = adapters_mapping_layout(table->mapping);
    size_t count = count_mapped(table);
    for (size_t i = 0; i < count; i++)
        names[i] = bus_bytes_text(layout->columns[table->of_mapping[i]]);
    odbc_list_append_line(names, count, buffer);
}

/* A byte that is no text makes whoever reads the file set this row aside, as it must be. */
static void spoil(struct bus_bytes *fields, const struct adapters_refusal *refusal)
{
    static const uint8_t no_text[] = {0xff};
    bool is_long = strcmp(refusal->code, "FIELD_TOO_LONG") == 0 || strcmp(refusal->code, "ROW_TOO_LONG") == 0;
    if (!is_long)
        fields[0] = bus_bytes_of(no_text, sizeof no_text);
}

/* --- the file --- */

static enum bus_status fail_disk(const struct writing *writing, struct bus_error *error)
{
    return bus_fail(error, BUS_RETRY, "write a list of table %s into %s: %s", writing->table->label, writing->folder,
                    strerror(errno));
}

static enum bus_status flush(struct writing *writing, struct bus_error *error)
{
    struct bus_bytes left = bus_buffer_view(&writing->lines);
    if (writing->lines.failed)
        return bus_fail(error, BUS_FATAL, "write a list of a table: out of memory");
    while (left.length > 0) {
        ssize_t written = write(writing->file, left.data, left.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_disk(writing, error);
        left = bus_bytes_of(left.data + written, left.length - (size_t)written);
    }
    bus_buffer_reset(&writing->lines);
    return BUS_OK;
}

static enum bus_status open_part(struct writing *writing, struct bus_error *error)
{
    if (snprintf(writing->part, sizeof writing->part, "%s/list.part", writing->folder) >= (int)sizeof writing->part)
        return bus_fail(error, BUS_FATAL, "the path of the state folder is too long");
    if (mkdir(writing->folder, 0700) != 0 && errno != EEXIST)
        return fail_disk(writing, error);
    writing->file = open(writing->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    return writing->file >= 0 ? BUS_OK : fail_disk(writing, error);
}

/* It counts from here on. */
static enum bus_status finish(struct writing *writing, const struct odbc_list *list, struct bus_error *error)
{
    char name[NAME_SIZE], path[PATH_SIZE];
    enum bus_status status = flush(writing, error);
    if (status != BUS_OK)
        return status;
    write_name(adapters_mapping_poll(writing->table->mapping)->kind, list, name);
    if (snprintf(path, sizeof path, "%s/%s", writing->folder, name) >= (int)sizeof path)
        return bus_fail(error, BUS_FATAL, "the path of the state folder is too long");
    return bus_file_settle(writing->file, writing->part, path) ? BUS_OK : fail_disk(writing, error);
}

/* --- the rows --- */

static enum bus_status note_mark(struct writing *writing, struct bus_bytes field, struct odbc_mark *highest,
                                 struct bus_error *error)
{
    struct odbc_mark mark = {0};
    enum adapters_poll_kind kind = adapters_mapping_poll(writing->table->mapping)->kind;
    if (field.data == NULL)
        writing->unmarked_rows++;
    else if (!odbc_mark_parse(kind, field, &mark))
        return bus_fail(error, BUS_REJECT, "the rising column of table %s holds a value that is no %s",
                        writing->table->label, kind == ADAPTERS_POLL_NUMBER ? "whole number of 64 bits" : "time");
    if (odbc_mark_compare(&mark, highest) > 0)
        *highest = mark;
    return BUS_OK;
}

static void tell_progress(struct writing *writing)
{
    int64_t now_ms = bus_clock_monotonic_ms();
    if (now_ms - writing->told_ms < PROGRESS_MS)
        return;
    writing->told_ms = now_ms;
    bus_log(BUS_LOG_INFO, "list of a table is being written", "table=%s rows=%lld", writing->table->label,
            (long long)writing->rows);
}

static enum bus_status write_rows(struct writing *writing, struct odbc_client *client, struct odbc_list *list,
                                  struct bus_error *error)
{
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX + 1];
    const struct odbc_table *table = writing->table;
    size_t mapped = count_mapped(table);
    for (;;) {
        struct adapters_refusal refusal;
        bool is_end;
        enum bus_status status = odbc_client_next(client, fields, &is_end, &refusal, error);
        if (status != BUS_OK || is_end)
            return status;
        if (table->rising != ODBC_NO_COLUMN)
            status = note_mark(writing, fields[table->rising], &list->mark, error);
        if (refusal.code[0] != '\0')
            spoil(fields, &refusal);
        odbc_list_append_line(fields, mapped, &writing->lines);
        if (status == BUS_OK && writing->lines.length >= WRITE_BYTES)
            status = flush(writing, error);
        if (status != BUS_OK)
            return status;
        if (++writing->rows % LOOK_ROWS != 0)
            continue;
        tell_progress(writing);
        if (bus_stop_requested())
            return bus_fail(error, BUS_RETRY, "a stop was requested while table %s was read", table->label);
    }
}

enum bus_status odbc_list_write(const struct odbc_table *table, struct odbc_client *client, const char *folder,
                                int64_t now_ms, struct odbc_list *out_list, struct bus_error *error)
{
    struct writing writing = {.table = table, .folder = folder, .file = -1, .told_ms = bus_clock_monotonic_ms()};
    struct odbc_list list = {.at_ms = now_ms};
    bus_buffer_init(&writing.lines, LINE_LIMIT);
    append_header(table, &writing.lines);
    enum bus_status status = open_part(&writing, error);
    if (status == BUS_OK)
        status = odbc_table_ask(table, client, ODBC_ALL, NULL, 0, error);
    if (status == BUS_OK)
        status = write_rows(&writing, client, &list, error);
    odbc_client_finish(client);
    if (status == BUS_OK)
        status = finish(&writing, &list, error);
    if (status == BUS_OK) {
        *out_list = list;
        bus_log(BUS_LOG_INFO, "list of a table is written", "table=%s rows=%lld", table->label,
                (long long)writing.rows);
        if (writing.unmarked_rows > 0)
            bus_log(BUS_LOG_WARN, "rows without a value in the rising column are found by lists only",
                    "table=%s rows=%lld", table->label, (long long)writing.unmarked_rows);
    } else if (writing.part[0] != '\0') {
        unlink(writing.part);
    }
    if (writing.file >= 0)
        close(writing.file);
    bus_buffer_release(&writing.lines);
    return status;
}
