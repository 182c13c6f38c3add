/* Fuzzes CSV and tab-separated files, the encoding being told or found. The first byte chooses the layout. */
#include "tests/fuzz/rows_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = {"id", "name", "note"}, *const ignored[] = {"x"};
    static const bool is_optional[] = {false, false, true};
    static const uint8_t separators[] = {',', '\t', ';', '|'};
    if (size == 0)
        return 0;
    const struct adapters_layout layout = {.format = ADAPTERS_FORMAT_CSV,
                                           .separator = separators[data[0] & 3],
                                           .quote = data[0] & 4 ? 0 : '"',
                                           .has_header = (data[0] & 8) == 0,
                                           .columns = columns,
                                           .is_optional = is_optional,
                                           .column_count = 3,
                                           .ignored = ignored,
                                           .ignored_count = 1};
    struct adapters_encoding_probe probe = {0};
    enum adapters_encoding encoding = data[0] & 16 ? ADAPTERS_ENCODING_GB18030 : ADAPTERS_ENCODING_UTF8;
    adapters_encoding_probe_add(&probe, bus_bytes_of(data + 1, size - 1));
    if (data[0] & 32)
        encoding = adapters_encoding_probe_finish(&probe);
    rows_read(&layout, encoding, data + 1, size - 1);
    return 0;
}
