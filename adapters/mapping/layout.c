/* Loading the layout of a feed's files. */
#include "adapters/mapping/load.h"

const struct bus_option adapters_mapping_excel_options[] = {
    {"sheet", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "name of the sheet that is read, hidden or not; by default as sheets says"},
    {"sheets", BUS_OPTION_TEXT, "one", 0, 0, "one|first|all",
     "of the visible sheets: the one that holds the header (a file with several is held), the first, or all that hold it"},
    {"header_rows", BUS_OPTION_INTEGER, "20", 1, 1000, NULL, "the header is among the first so many rows"},
    {0},
};

static enum adapters_format read_format(const char *name)
{
    static const char *const names[] = {"csv", "tsv", "ndjson", "table", "xlsx"}; /* as enum adapters_format */
    size_t format = 0;
    while (strcmp(names[format], name) != 0) /* one of these: the options were checked */
        format++;
    return (enum adapters_format)format;
}

/* One ASCII character that can part fields. */
static enum bus_status read_separator(struct adapters_layout *layout, const struct bus_settings_node *root,
                                      struct bus_error *error)
{
    const char *separator = bus_settings_text(root, adapters_mapping_options, "separator");
    layout->separator = layout->format == ADAPTERS_FORMAT_TSV ? '\t' : ',';
    if (separator[0] == '\0')
        return BUS_OK;
    if (layout->format != ADAPTERS_FORMAT_CSV || separator[1] != '\0' || (uint8_t)separator[0] >= 0x7f ||
        strchr("\r\n\"", separator[0]) != NULL)
        return bus_settings_fail(bus_settings_child(root, "separator"), error,
                                 "separator is one ASCII character, of format = \"csv\" only");
    layout->separator = (uint8_t)separator[0];
    return BUS_OK;
}

static enum bus_status read_excel(struct adapters_layout *layout, const struct bus_settings_node *root,
                                  struct bus_error *error)
{
    const struct bus_option *options = adapters_mapping_excel_options;
    const struct bus_settings_node *group = bus_settings_child(root, "excel");
    layout->excel = (struct adapters_excel_layout){.sheet = "", .header_rows = 20};
    if (group == NULL)
        return BUS_OK;
    if (layout->format != ADAPTERS_FORMAT_XLSX)
        return bus_settings_fail(group, error, "excel is for format = \"xlsx\" only");
    enum bus_status status = bus_settings_check(group, options, error);
    if (status != BUS_OK)
        return status;
    const char *sheets = bus_settings_text(group, options, "sheets");
    layout->excel.sheet = bus_settings_text(group, options, "sheet");
    layout->excel.sheets = sheets[0] == 'o'   ? ADAPTERS_SHEETS_ONE
                           : sheets[0] == 'f' ? ADAPTERS_SHEETS_FIRST
                                              : ADAPTERS_SHEETS_ALL;
    layout->excel.header_rows = bus_settings_integer(group, options, "header_rows");
    return BUS_OK;
}

enum bus_status adapters_load_layout(struct adapters_mapping *mapping, const struct bus_settings_node *root,
                                     struct bus_error *error)
{
    const char *encoding = bus_settings_text(root, adapters_mapping_options, "encoding");
    const char *complete = bus_settings_text(root, adapters_mapping_options, "complete");
    const char *quotes = bus_settings_text(root, adapters_mapping_options, "quotes");
    struct adapters_layout *layout = &mapping->layout;
    layout->format = read_format(bus_settings_text(root, adapters_mapping_options, "format"));
    bool has_quotes = quotes[0] == 'a' ? layout->format != ADAPTERS_FORMAT_TSV : quotes[0] == 'y';
    layout->quote = has_quotes ? '"' : 0;
    layout->has_header = bus_settings_boolean(root, adapters_mapping_options, "header");
    layout->columns = mapping->columns;
    layout->is_optional = mapping->is_optional;
    layout->ignored = mapping->ignored;
    mapping->encoding = encoding[0] == 'a'   ? ADAPTERS_ENCODING_AUTO
                        : encoding[0] == 'u' ? ADAPTERS_ENCODING_UTF8
                                             : ADAPTERS_ENCODING_GB18030;
    mapping->completion = complete[0] == 'r'   ? ADAPTERS_COMPLETE_RENAME
                          : complete[0] == 'm' ? ADAPTERS_COMPLETE_MARK
                                               : ADAPTERS_COMPLETE_STABLE;
    enum bus_status status = read_separator(layout, root, error);
    return status == BUS_OK ? read_excel(layout, root, error) : status;
}
