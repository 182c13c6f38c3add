/* Fuzzes rows of JSON, an object a line. */
#include "tests/fuzz/rows_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {"id", "name", "note", "a\"b"};
    static const bool is_optional[] = {false, false, true, true};
    const struct adapters_layout layout = {.format = ADAPTERS_FORMAT_NDJSON,
                                           .has_header = true,
                                           .columns = columns,
                                           .is_optional = is_optional,
                                           .column_count = 4};
    rows_read(&layout, ADAPTERS_ENCODING_UTF8, data, size);
    return 0;
}
