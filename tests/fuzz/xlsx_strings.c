/* Fuzzes shared strings and styles: the first byte says which of the two the rest is. */
#include "adapters/formats/xlsx/strings.h"
#include "adapters/formats/xlsx/styles.h"
#include "bus/utf8.h"
#include "tests/fuzz/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct adapters_xlsx_xml *xml;
static struct adapters_xlsx_strings *strings;
static struct adapters_xlsx_styles styles;

static void read_strings(struct adapters_refusal *refusal, struct bus_error *error)
{
    struct bus_bytes text;
    uint64_t number = 0;
    if (adapters_xlsx_strings_read(strings, xml, &parts_package, "part", refusal, error) != BUS_OK)
        return;
    while (adapters_xlsx_strings_get(strings, number, &text)) {
        if (!bus_utf8_valid(text) && text.length <= ADAPTERS_FIELD_MAX)
            abort();
        number++;
    }
    for (uint64_t i = 0; i < number; i += 5) {
        if (!adapters_xlsx_strings_get(strings, number - 1 - i, &text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adapters_refusal refusal;
    struct bus_error error;
    if (xml == NULL) {
        xml = adapters_xlsx_xml_create();
        strings = adapters_xlsx_strings_create();
        parts_add("part", 4, bus_bytes_of(NULL, 0));
    }
    if (size < 2)
        return 0;
    parts_package.parts[0].bytes = bus_bytes_of(data + 1, size - 1);
    parts_package.piece = data[0] >> 1;
    if (data[0] & 1)
        read_strings(&refusal, &error);
    else if (adapters_xlsx_styles_read(&styles, xml, &parts_package, "part", &refusal, &error) == BUS_OK &&
             styles.count > ADAPTERS_XLSX_STYLES_MAX)
        abort();
    return 0;
}
