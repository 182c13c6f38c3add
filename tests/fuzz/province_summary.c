/* Fuzzes what the province says of items and days: whatever the text, it is refused with a reason, or is counted and compared. */
#include <stdlib.h>

#include "subscribers/sinks/province/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct bus_catalogue *catalogue;
    static struct province_tally tally;
    struct bus_error error;
    if (catalogue == NULL && bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) != BUS_OK)
        abort();
    province_tally_reset(&tally);
    enum bus_status status = province_tally_read(&tally, catalogue, bus_bytes_of(data, size), &error);
    if (status == BUS_REJECT && error.code[0] == '\0')
        abort();
    if (status == BUS_OK && province_tally_differing(&tally) > tally.count)
        abort();
    return 0;
}
