/* Fuzzes the JSON reader: whatever the text, it is refused with a reason or is read and can be written again. */
#include <stdlib.h>

#include "bus/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_values(const struct bus_json_value *value)
{
    size_t count = 1;
    enum bus_json_type type = bus_json_type(value);
    for (size_t i = 0; (type == BUS_JSON_ARRAY || type == BUS_JSON_OBJECT) && i < bus_json_count(value); i++)
        count += count_values(bus_json_at(value, i));
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_json_document *document = NULL;
    struct bus_error error;
    enum bus_status status = bus_json_parse(bus_bytes_of(data, size), &document, &error);
    if (status == BUS_OK && count_values(bus_json_root(document)) > size)
        abort();
    if (status == BUS_REJECT && error.code[0] == '\0')
        abort();
    bus_json_destroy(document);
    return 0;
}
