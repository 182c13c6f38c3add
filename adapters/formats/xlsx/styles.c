#include "adapters/formats/xlsx/styles.h"

static void add_format(struct adapters_xlsx_styles *styles, const char **attributes)
{
    int64_t id = adapters_xlsx_attribute_number(attributes, "numFmtId", -1);
    const char *code = adapters_xlsx_attribute(attributes, "formatCode");
    if (id >= 0 && id < ADAPTERS_XLSX_FORMATS_MAX && code != NULL)
        styles->formats[id] = (uint8_t)adapters_xlsx_look_of_format(bus_bytes_text(code));
}

static void add_style(struct adapters_xlsx_styles *styles, const char **attributes)
{
    if (styles->count == ADAPTERS_XLSX_STYLES_MAX) {
        adapters_xlsx_xml_refuse(styles->xml, "单元格样式过多", "too many cell styles");
        return;
    }
    int64_t id = adapters_xlsx_attribute_number(attributes, "numFmtId", 0);
    styles->looks[styles->count++] = id < ADAPTERS_XLSX_FORMATS_MAX ? styles->formats[id] : ADAPTERS_XLSX_PLAIN;
}

/* styleSheet > numFmts > numFmt comes before styleSheet > cellXfs > xf. */
static void on_start(void *self, const char *name, const char **attributes, int depth)
{
    struct adapters_xlsx_styles *styles = self;
    if (depth == 2)
        styles->is_in_cell_styles = strcmp(name, "cellXfs") == 0;
    else if (depth == 3 && strcmp(name, "numFmt") == 0)
        add_format(styles, attributes);
    else if (depth == 3 && styles->is_in_cell_styles && strcmp(name, "xf") == 0)
        add_style(styles, attributes);
}

static void on_end(void *self, const char *name, int depth)
{
    struct adapters_xlsx_styles *styles = self;
    if (depth == 2 && strcmp(name, "cellXfs") == 0)
        adapters_xlsx_xml_finish(styles->xml);
}

enum bus_status adapters_xlsx_styles_read(struct adapters_xlsx_styles *styles, struct adapters_xlsx_xml *xml,
                                          struct adapters_xlsx_package *package, const char *path,
                                          struct adapters_refusal *refusal, struct bus_error *error)
{
    static const struct adapters_xlsx_handler handler = {.start = on_start, .end = on_end};
    enum { OWN_IDS_MAX = 164 }; /* Excel's own formats are below */
    memset(styles->formats, ADAPTERS_XLSX_PLAIN, sizeof styles->formats);
    for (int id = 0; id < OWN_IDS_MAX; id++)
        styles->formats[id] = (uint8_t)adapters_xlsx_look_of_id(id);
    styles->count = 0;
    styles->xml = xml;
    styles->is_in_cell_styles = false;
    if (path == NULL)
        return BUS_OK;
    return adapters_xlsx_xml_read(xml, package, path, ADAPTERS_XLSX_STYLES_BYTES, &handler, styles, refusal, error);
}
