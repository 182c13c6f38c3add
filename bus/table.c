#include "bus/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/utf8.h"

enum { MAX_COLUMNS = 96, CELL_SIZE = 1024, TABLE_LIMIT = 256 * 1024 * 1024, HEAD_ROWS = 2, GAP = 2 };

#define REPLACEMENT "\xef\xbf\xbd"

struct column {
    enum bus_table_align align;
    size_t width;
};

/* Cells lie one behind the other, each ended by a NUL: column by column the heads, row by row the rest. */
struct bus_table {
    struct column columns[MAX_COLUMNS];
    size_t column_count;
    struct bus_buffer heads[HEAD_ROWS];
    struct bus_buffer cells;
    size_t cell_count;
};

/* --- text --- */

struct range {
    uint32_t first, last;
};

static const struct range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},
    {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};
static const struct range marks[] = {{0x300, 0x36f}, {0x200b, 0x200f}};
/* Control characters and those that turn the direction of what follows. */
static const struct range unfit[] = {{0, 0x1f}, {0x7f, 0x9f}, {0x202a, 0x202e}, {0x2066, 0x2069}};

#define IN(character, ranges) in_ranges(character, ranges, sizeof(ranges) / sizeof((ranges)[0]))

static bool in_ranges(uint32_t character, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

/* The next character of `text` and its length; length 1 and U+FFFD where the bytes are none. */
static size_t next_character(struct bus_bytes text, uint32_t *out_character)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t length = bus_utf8_sequence(text);
    if (length == 0) {
        *out_character = 0xfffd;
        return 1;
    }
    *out_character = text.data[0] & lead_bits[length];
    for (size_t i = 1; i < length; i++)
        *out_character = *out_character << 6 | (text.data[i] & 0x3f);
    return length;
}

size_t bus_table_width(struct bus_bytes text)
{
    size_t width = 0;
    while (text.length > 0) {
        uint32_t character;
        size_t length = next_character(text, &character);
        width += IN(character, wide) ? 2 : IN(character, marks) ? 0 : 1;
        text = bus_bytes_of(text.data + length, text.length - length);
    }
    return width;
}

void bus_table_clean(struct bus_buffer *buffer, struct bus_bytes text, bool lines)
{
    while (text.length > 0) {
        uint32_t character;
        size_t length = next_character(text, &character);
        bool passes = lines && (character == '\t' || character == '\n');
        if (character == 0xfffd || (IN(character, unfit) && !passes))
            bus_buffer_append(buffer, REPLACEMENT, strlen(REPLACEMENT));
        else
            bus_buffer_append(buffer, text.data, length);
        text = bus_bytes_of(text.data + length, text.length - length);
    }
}

/* --- building --- */

struct bus_table *bus_table_create(void)
{
    struct bus_table *table = calloc(1, sizeof *table);
    if (table == NULL)
        return NULL;
    for (int i = 0; i < HEAD_ROWS; i++)
        bus_buffer_init(&table->heads[i], TABLE_LIMIT);
    bus_buffer_init(&table->cells, TABLE_LIMIT);
    return table;
}

void bus_table_destroy(struct bus_table *table)
{
    if (table == NULL)
        return;
    for (int i = 0; i < HEAD_ROWS; i++)
        bus_buffer_release(&table->heads[i]);
    bus_buffer_release(&table->cells);
    free(table);
}

/* Appends a cell, and widens its column to fit. */
static void put(struct bus_buffer *buffer, struct bus_bytes text, struct column *column)
{
    size_t start = buffer->length;
    bus_table_clean(buffer, text, false);
    if (!buffer->failed) {
        size_t width = bus_table_width(bus_bytes_of(buffer->data + start, buffer->length - start));
        if (width > column->width)
            column->width = width;
    }
    bus_buffer_u8(buffer, '\0');
}

void bus_table_column(struct bus_table *table, const char *head_zh, const char *head_en, enum bus_table_align align)
{
    if (table == NULL || table->column_count == MAX_COLUMNS)
        return;
    struct column *column = &table->columns[table->column_count++];
    *column = (struct column){.align = align};
    put(&table->heads[0], bus_bytes_text(head_zh), column);
    put(&table->heads[1], bus_bytes_text(head_en), column);
}

void bus_table_text(struct bus_table *table, struct bus_bytes text)
{
    if (table == NULL || table->column_count == 0)
        return;
    put(&table->cells, text, &table->columns[table->cell_count % table->column_count]);
    table->cell_count++;
}

void bus_table_string(struct bus_table *table, const char *text)
{
    bus_table_text(table, bus_bytes_text(text));
}

void bus_table_cell(struct bus_table *table, const char *format, ...)
{
    char text[CELL_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bus_table_string(table, text);
}

/* --- printing --- */

static void print_spaces(size_t count)
{
    printf("%*s", (int)count, "");
}

/* Prints one row of cells and returns what follows it. */
static const char *print_row(const struct bus_table *table, const char *cell)
{
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        size_t padding = column->width - bus_table_width(bus_bytes_text(cell));
        bool last = i + 1 == table->column_count;
        if (column->align == BUS_TABLE_RIGHT)
            print_spaces(padding);
        fputs(cell, stdout);
        if (column->align == BUS_TABLE_LEFT && !last)
            print_spaces(padding);
        if (!last)
            print_spaces(GAP);
        cell += strlen(cell) + 1;
    }
    putchar('\n');
    return cell;
}

bool bus_table_print(const struct bus_table *table)
{
    if (table == NULL || table->column_count == 0 || table->cells.failed || table->heads[0].failed ||
        table->heads[1].failed)
        return false;
    for (int i = 0; i < HEAD_ROWS; i++)
        print_row(table, (const char *)table->heads[i].data);
    const char *cell = (const char *)table->cells.data;
    for (size_t row = 0; row < table->cell_count / table->column_count; row++)
        cell = print_row(table, cell);
    return true;
}
