/* Code table: the file's rows, sorted by what they turn from. */
#include "adapters/mapping/code_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/formats/rows.h"
#include "adapters/mapping/transform.h"
#include "bus/arena.h"

enum { FROM, TO, COLUMNS, ARENA_SIZE = 2 * ADAPTERS_CODE_TABLE_FILE_MAX + 32 * ADAPTERS_CODE_TABLE_PAIRS_MAX };

struct pair {
    struct bus_bytes from, to;
    int64_t line;
};

struct adapters_code_table {
    struct bus_arena *arena; /* holds the values */
    struct pair *pairs;
    size_t count;
    size_t longest;
};

static int compare(struct bus_bytes a, struct bus_bytes b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = compare(left->from, right->from);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

struct bus_bytes adapters_code_table_find(const struct adapters_code_table *table, struct bus_bytes text)
{
    for (size_t low = 0, high = table->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = compare(text, table->pairs[middle].from);
        if (order == 0)
            return table->pairs[middle].to;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return text;
}

size_t adapters_code_table_longest(const struct adapters_code_table *table)
{
    return table->longest;
}

/* --- loading --- */

static enum bus_status add_pair(struct adapters_code_table *table, const char *path, const struct adapters_row *row,
                                struct bus_error *error)
{
    struct bus_bytes from = adapters_trim(row->fields[FROM]), to = adapters_trim(row->fields[TO]);
    if (from.length == 0)
        return bus_fail(error, BUS_FATAL, "%s:%lld: from is empty", path, (long long)row->line);
    if (from.length > ADAPTERS_CODE_TABLE_VALUE_MAX || to.length > ADAPTERS_CODE_TABLE_VALUE_MAX)
        return bus_fail(error, BUS_FATAL, "%s:%lld: a value of more than %d bytes", path, (long long)row->line,
                        ADAPTERS_CODE_TABLE_VALUE_MAX);
    if (table->count == ADAPTERS_CODE_TABLE_PAIRS_MAX)
        return bus_fail(error, BUS_FATAL, "%s:%lld: more than %d rows", path, (long long)row->line,
                        ADAPTERS_CODE_TABLE_PAIRS_MAX);
    struct pair *pair = &table->pairs[table->count];
    *pair = (struct pair){bus_arena_copy(table->arena, from), bus_bytes_of("", 0), row->line};
    if (to.length > 0)
        pair->to = bus_arena_copy(table->arena, to);
    if (pair->from.data == NULL || pair->to.data == NULL)
        return bus_fail(error, BUS_FATAL, "%s: out of memory", path);
    table->count++;
    table->longest = to.length > table->longest ? to.length : table->longest;
    return BUS_OK;
}

static enum bus_status read_rows(struct adapters_code_table *table, const char *path, struct adapters_rows *rows,
                                 struct bus_error *error)
{
    for (;;) {
        struct adapters_row row = {0};
        struct adapters_refusal refusal;
        bool end = false;
        enum bus_status status = adapters_rows_next(rows, &row, &end, &refusal, error);
        if (status == BUS_REJECT)
            return bus_fail(error, BUS_FATAL, "%s:%lld: %s", path, (long long)row.line, refusal.en);
        if (status == BUS_OK && !end)
            status = add_pair(table, path, &row, error);
        if (status != BUS_OK || end)
            return status;
    }
}

static enum bus_status check_twice(const struct adapters_code_table *table, const char *path, struct bus_error *error)
{
    for (size_t i = 1; i < table->count; i++)
        if (compare(table->pairs[i - 1].from, table->pairs[i].from) == 0)
            return bus_fail(error, BUS_FATAL, "%s:%lld: this value of from stands in line %lld already", path,
                            (long long)table->pairs[i].line, (long long)table->pairs[i - 1].line);
    return BUS_OK;
}

static enum bus_status read_file(struct adapters_code_table *table, const char *path, int file,
                                 struct adapters_rows *rows, struct bus_error *error)
{
    static const char *const columns[COLUMNS] = {"from", "to"};
    static const bool is_optional[COLUMNS] = {false, false};
    const struct adapters_layout layout = {.format = ADAPTERS_FORMAT_CSV,
                                           .separator = ',',
                                           .quote = '"',
                                           .has_header = true,
                                           .columns = columns,
                                           .is_optional = is_optional,
                                           .column_count = COLUMNS};
    struct adapters_refusal refusal;
    enum bus_status status = adapters_rows_start(rows, &layout, file, ADAPTERS_ENCODING_UTF8, &refusal, error);
    if (status == BUS_REJECT)
        return bus_fail(error, BUS_FATAL, "%s:1: the header of a code table is from,to: %s", path, refusal.en);
    if (status == BUS_OK)
        status = read_rows(table, path, rows, error);
    if (status != BUS_OK)
        return status;
    qsort(table->pairs, table->count, sizeof *table->pairs, compare_pairs);
    return check_twice(table, path, error);
}

static enum bus_status open_file(const char *path, int *out_file, struct bus_error *error)
{
    struct stat about;
    *out_file = open(path, O_RDONLY | O_CLOEXEC);
    if (*out_file < 0 || fstat(*out_file, &about) != 0)
        return bus_fail(error, BUS_FATAL, "%s: the code table cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(about.st_mode) || about.st_size > ADAPTERS_CODE_TABLE_FILE_MAX)
        return bus_fail(error, BUS_FATAL, "%s: a code table is a file of at most %d bytes", path,
                        ADAPTERS_CODE_TABLE_FILE_MAX);
    return BUS_OK;
}

enum bus_status adapters_code_table_load(const char *path, struct adapters_code_table **out_table,
                                         struct bus_error *error)
{
    struct adapters_decoder *decoder = NULL;
    struct adapters_rows *rows = NULL;
    int file = -1;
    struct adapters_code_table *table = calloc(1, sizeof *table);
    enum bus_status status = open_file(path, &file, error);
    if (status == BUS_OK)
        status = adapters_decoder_create(&decoder, error);
    if (status != BUS_OK)
        goto out;
    rows = adapters_rows_create(decoder);
    if (table != NULL) {
        table->arena = bus_arena_create(ARENA_SIZE);
        table->pairs = calloc(ADAPTERS_CODE_TABLE_PAIRS_MAX, sizeof *table->pairs);
    }
    if (rows == NULL || table == NULL || table->arena == NULL || table->pairs == NULL)
        status = bus_fail(error, BUS_FATAL, "%s: out of memory", path);
    else
        status = read_file(table, path, file, rows, error);
    if (status == BUS_OK) {
        *out_table = table;
        table = NULL;
    }
out:
    adapters_code_table_destroy(table);
    adapters_rows_destroy(rows);
    adapters_decoder_destroy(decoder);
    if (file >= 0)
        close(file);
    return status;
}

void adapters_code_table_destroy(struct adapters_code_table *table)
{
    if (table == NULL)
        return;
    bus_arena_destroy(table->arena);
    free(table->pairs);
    free(table);
}
