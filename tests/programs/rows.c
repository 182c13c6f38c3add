/* Prints the rows of a file as adapters read them, a line each, or only counts them.
 *
 * rows FORMAT COLUMNS FILE [--sheet NAME] [--sheets one|first|all] [--count]
 *
 * COLUMNS: names parted by commas; "?" in front of one that may be missing. A row is `line<TAB>value<TAB>…`, what is refused `line!<TAB>code<TAB>column<TAB>zh`; a file that is
 * held ends the program with status 1. --count: rows, refused rows, milliseconds, peak memory in KiB. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "adapters/formats/rows.h"
#include "bus/clock.h"

static const char *columns[ADAPTERS_COLUMNS_MAX];
static bool is_optional[ADAPTERS_COLUMNS_MAX];

static size_t read_columns(char *names)
{
    size_t count = 0;
    for (char *name = strtok(names, ","); name != NULL && count < ADAPTERS_COLUMNS_MAX; name = strtok(NULL, ",")) {
        is_optional[count] = name[0] == '?';
        columns[count++] = name + (name[0] == '?');
    }
    return count;
}

static void read_arguments(struct adapters_layout *layout, int count, char **arguments, bool *out_only_count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--count") == 0)
            *out_only_count = true;
        else if (strcmp(arguments[i], "--sheet") == 0 && i + 1 < count)
            layout->excel.sheet = arguments[++i];
        else if (strcmp(arguments[i], "--sheets") == 0 && i + 1 < count)
            layout->excel.sheets = arguments[++i][0] == 'f' ? ADAPTERS_SHEETS_FIRST
                                   : arguments[i][0] == 'a' ? ADAPTERS_SHEETS_ALL
                                                            : ADAPTERS_SHEETS_ONE;
    }
}

static void print_row(const struct adapters_layout *layout, const struct adapters_row *row)
{
    printf("%lld", (long long)row->line);
    for (size_t i = 0; i < layout->column_count; i++)
        printf("\t%.*s", (int)row->fields[i].length, (const char *)row->fields[i].data);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct adapters_layout layout = {.separator = ',',
                                     .quote = '"',
                                     .has_header = true,
                                     .columns = columns,
                                     .is_optional = is_optional,
                                     .excel = {.sheet = "", .header_rows = 20}};
    struct adapters_decoder *decoder = NULL;
    struct adapters_refusal refusal;
    struct bus_error error;
    bool only_count = false, is_end = false;
    size_t rows_read = 0, refused = 0;
    if (argc < 4)
        return 2;
    layout.format = argv[1][0] == 'x' ? ADAPTERS_FORMAT_XLSX : ADAPTERS_FORMAT_CSV;
    layout.column_count = read_columns(argv[2]);
    read_arguments(&layout, argc - 4, argv + 4, &only_count);
    int file = open(argv[3], O_RDONLY | O_CLOEXEC);
    if (file < 0 || adapters_decoder_create(&decoder, &error) != BUS_OK)
        return 2;
    struct adapters_rows *rows = adapters_rows_create(decoder);
    int64_t began_ms = bus_clock_monotonic_ms();
    enum bus_status status = adapters_rows_start(rows, &layout, file, ADAPTERS_ENCODING_UTF8, &refusal, &error);
    if (status != BUS_OK) {
        printf("%s\t%s\t%s\n", status == BUS_REJECT ? refusal.code : "RETRY", refusal.column,
               status == BUS_REJECT ? refusal.zh : error.message);
        return 1;
    }
    for (;;) {
        struct adapters_row row;
        status = adapters_rows_next(rows, &row, &is_end, &refusal, &error);
        if (is_end || (status != BUS_OK && status != BUS_REJECT))
            break;
        rows_read += status == BUS_OK;
        refused += status == BUS_REJECT;
        if (only_count)
            continue;
        if (status == BUS_OK)
            print_row(&layout, &row);
        else
            printf("%lld!\t%s\t%s\t%s\n", (long long)row.line, refusal.code, refusal.column, refusal.zh);
    }
    if (!is_end)
        printf("RETRY\t\t%s\n", error.message);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (only_count)
        printf("%zu %zu %lld %ld\n", rows_read, refused, (long long)(bus_clock_monotonic_ms() - began_ms),
               usage.ru_maxrss);
    adapters_rows_destroy(rows);
    adapters_decoder_destroy(decoder);
    close(file);
    return is_end ? 0 : 1;
}
