/* Fuzzes a whole .xlsx file, archive and all. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/formats/xlsx/excel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct adapters_excel *excel;
    static int file = -1;
    static const char *const columns[] = {"id", "name", "day"};
    static const bool is_optional[] = {false, false, true};
    const struct adapters_layout layout = {.format = ADAPTERS_FORMAT_XLSX,
                                           .has_header = true,
                                           .columns = columns,
                                           .is_optional = is_optional,
                                           .column_count = 3,
                                           .excel = {.sheet = "", .header_rows = 5}};
    struct adapters_refusal refusal;
    struct bus_error error;
    struct adapters_row row;
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX];
    bool is_end = false;
    if (excel == NULL) {
        excel = adapters_excel_create();
        file = memfd_create("workbook", 0);
    }
    if (excel == NULL || ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size)
        abort();
    enum bus_status status = adapters_excel_start(excel, &layout, file, &refusal, &error);
    if (status == BUS_REJECT && (refusal.code[0] == '\0' || refusal.zh[0] == '\0'))
        abort();
    while (status == BUS_OK && !is_end) {
        status = adapters_excel_next(excel, fields, &row, &is_end, &refusal, &error);
        if (status == BUS_REJECT)
            status = BUS_OK;
    }
    return 0;
}
