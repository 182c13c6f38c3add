/* Reads a file of bytes by a layout to its end, as an adapter does. To be included by one file of a program. */
#ifndef TESTS_FUZZ_ROWS_READ_H
#define TESTS_FUZZ_ROWS_READ_H

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/formats/rows.h"
#include "bus/utf8.h"

static void rows_read_need(bool is_true)
{
    if (!is_true)
        abort();
}

/* Lines rise, refusals say why, what is given out is text that lies in its row or was unfolded from it. */
static void rows_read(const struct adapters_layout *layout, enum adapters_encoding encoding, const uint8_t *data,
                      size_t size)
{
    static struct adapters_decoder *decoder;
    static struct adapters_rows *rows;
    static int file;
    struct adapters_refusal refusal;
    struct bus_error error;
    struct adapters_row row;
    int64_t line = 0;
    if (rows == NULL) {
        rows_read_need(adapters_decoder_create(&decoder, &error) == BUS_OK);
        rows = adapters_rows_create(decoder);
        file = memfd_create("rows", 0);
        rows_read_need(rows != NULL && file >= 0);
    }
    rows_read_need(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size &&
                   lseek(file, 0, SEEK_SET) == 0);
    enum bus_status status = adapters_rows_start(rows, layout, file, encoding, &refusal, &error);
    rows_read_need(status == BUS_OK || (status == BUS_REJECT && refusal.code[0] != '\0' && refusal.zh[0] != '\0'));
    for (bool is_end = false; status == BUS_OK && !is_end;) {
        enum bus_status next = adapters_rows_next(rows, &row, &is_end, &refusal, &error);
        rows_read_need(next == BUS_OK || (next == BUS_REJECT && refusal.code[0] != '\0' && refusal.zh[0] != '\0'));
        if (is_end)
            break;
        rows_read_need(row.line > line && row.original.length <= ADAPTERS_ROW_MAX);
        line = row.line;
        for (size_t i = 0; next == BUS_OK && i < layout->column_count; i++)
            rows_read_need(row.fields[i].length <= ADAPTERS_FIELD_MAX && bus_utf8_valid(row.fields[i]));
    }
}

#endif
