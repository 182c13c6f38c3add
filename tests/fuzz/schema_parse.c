/* Fuzzes the reading of schemas: whatever the text, it is refused with a reason or gives a schema whose canonical form is itself a
 * schema with the same fingerprint. */
#include <stdlib.h>

#include "bus/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bus_schema *schema = NULL, *again = NULL;
    struct bus_error error;
    if (bus_schema_parse(bus_bytes_of(data, size), "fuzz", &schema, &error) != BUS_OK)
        return 0;
    if (bus_schema_parse(bus_schema_canonical_view(schema), "canonical", &again, &error) != BUS_OK ||
        bus_schema_fingerprint(schema) != bus_schema_fingerprint(again) ||
        bus_schema_resolves(again, again, &error) != BUS_OK)
        abort();
    bus_schema_destroy(schema);
    bus_schema_destroy(again);
    return 0;
}
