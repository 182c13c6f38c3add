#include "adapters/formats/xlsx/workbook.h"

#include <stdio.h>
#include <strings.h>

enum { PART_LIMIT = 8 * 1024 * 1024 };

/* --- paths --- */

/* "xl/workbook.xml" -> "xl/_rels/workbook.xml.rels" */
static bool relations_path(const char *path, char out_path[ADAPTERS_XLSX_PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    int length = snprintf(out_path, ADAPTERS_XLSX_PATH_SIZE, "%.*s_rels/%s.rels", (int)folder, path, path + folder);
    return length < ADAPTERS_XLSX_PATH_SIZE;
}

/* The last folder of a path taken away; "" at the top. */
static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    *(slash != NULL ? slash : path) = '\0';
}

/* `target` of a relation of the part `from`: from the top when it begins with a slash, else beside `from`. False when too long. */
static bool resolve(const char *from, const char *target, char out_path[ADAPTERS_XLSX_PATH_SIZE])
{
    char path[ADAPTERS_XLSX_PATH_SIZE] = "";
    if (target[0] != '/') {
        snprintf(path, sizeof path, "%s", from);
        go_up(path);
    }
    while (*target != '\0') {
        size_t length = strcspn(target, "/"), used = strlen(path);
        if (length == 2 && memcmp(target, "..", 2) == 0)
            go_up(path);
        else if (length > 0 && !(length == 1 && target[0] == '.')) {
            int needed = snprintf(path + used, sizeof path - used, "%s%.*s", used > 0 ? "/" : "", (int)length, target);
            if (used + (size_t)needed >= sizeof path)
                return false;
        }
        target += length + (target[length] == '/');
    }
    memcpy(out_path, path, sizeof path);
    return true;
}

/* "http://…/relationships/worksheet", of either namespace. */
static bool is_type(const char *type, const char *name)
{
    const char *slash = strrchr(type, '/');
    return slash != NULL && strcmp(slash + 1, name) == 0;
}

/* --- relations: Relationships > Relationship --- */

struct relations {
    struct adapters_xlsx_workbook *workbook;
    bool is_root;
};

static void copy_path(struct adapters_xlsx_workbook *workbook, const char *target, char *out_path)
{
    if (!resolve(workbook->path, target, out_path))
        adapters_xlsx_xml_refuse(workbook->xml, "部件路径过长", "a part's path is too long");
}

static void relate_sheet(struct adapters_xlsx_workbook *workbook, const char *id, const char *target)
{
    for (size_t i = 0; i < workbook->sheet_count; i++) {
        if (strcmp(workbook->sheets[i].relation, id) == 0)
            copy_path(workbook, target, workbook->sheets[i].path);
    }
}

static void on_relation(void *self, const char *name, const char **attributes, int depth)
{
    struct relations *relations = self;
    struct adapters_xlsx_workbook *workbook = relations->workbook;
    const char *type = adapters_xlsx_attribute(attributes, "Type"), *id = adapters_xlsx_attribute(attributes, "Id"),
               *target = adapters_xlsx_attribute(attributes, "Target"),
               *mode = adapters_xlsx_attribute(attributes, "TargetMode");
    bool is_inside = mode == NULL || strcmp(mode, "External") != 0;
    if (depth != 2 || strcmp(name, "Relationship") != 0 || type == NULL || id == NULL || target == NULL || !is_inside)
        return;
    if (relations->is_root) {
        if (is_type(type, "officeDocument"))
            copy_path(workbook, target, workbook->path);
        return;
    }
    if (is_type(type, "worksheet"))
        relate_sheet(workbook, id, target);
    else if (is_type(type, "styles"))
        copy_path(workbook, target, workbook->styles);
    else if (is_type(type, "sharedStrings"))
        copy_path(workbook, target, workbook->strings);
}

static enum bus_status read_relations(struct adapters_xlsx_workbook *workbook, struct adapters_xlsx_package *package,
                                      const char *path, bool is_root, struct adapters_refusal *refusal,
                                      struct bus_error *error)
{
    static const struct adapters_xlsx_handler handler = {.start = on_relation};
    struct relations relations = {.workbook = workbook, .is_root = is_root};
    return adapters_xlsx_xml_read(workbook->xml, package, path, PART_LIMIT, &handler, &relations, refusal, error);
}

/* --- the workbook: workbook > workbookPr, workbook > sheets > sheet --- */

static void add_sheet(struct adapters_xlsx_workbook *workbook, const char **attributes)
{
    const char *name = adapters_xlsx_attribute(attributes, "name"), *id = adapters_xlsx_attribute(attributes, "id"),
               *state = adapters_xlsx_attribute(attributes, "state");
    if (name == NULL || id == NULL)
        return;
    if (workbook->sheet_count == ADAPTERS_XLSX_SHEETS_MAX) {
        adapters_xlsx_xml_refuse(workbook->xml, "工作表过多", "too many sheets");
        return;
    }
    struct adapters_xlsx_sheet_entry *sheet = &workbook->sheets[workbook->sheet_count++];
    *sheet = (struct adapters_xlsx_sheet_entry){.is_hidden = state != NULL && strcmp(state, "visible") != 0};
    if ((size_t)snprintf(sheet->name, sizeof sheet->name, "%s", name) >= sizeof sheet->name ||
        (size_t)snprintf(sheet->relation, sizeof sheet->relation, "%s", id) >= sizeof sheet->relation)
        adapters_xlsx_xml_refuse(workbook->xml, "工作表名称过长", "a sheet's name is too long");
}

static void on_workbook(void *self, const char *name, const char **attributes, int depth)
{
    struct adapters_xlsx_workbook *workbook = self;
    if (depth == 2 && strcmp(name, "workbookPr") == 0)
        workbook->is_1904 = adapters_xlsx_attribute_true(attributes, "date1904");
    else if (depth == 3 && strcmp(name, "sheet") == 0)
        add_sheet(workbook, attributes);
}

/* --- the whole --- */

static enum bus_status refuse_other_archive(const struct adapters_xlsx_package *package,
                                            struct adapters_refusal *refusal)
{
    if (adapters_xlsx_package_has(package, "xl/workbook.bin"))
        return adapters_refuse(refusal, "FILE_XLSB", "文件是 .xlsb（Excel 二进制工作簿）；请另存为 .xlsx 后重新报送",
                               "the file is an .xlsb, Excel's binary workbook; save it as .xlsx and send it again");
    if (adapters_xlsx_package_has(package, "mimetype") && adapters_xlsx_package_has(package, "content.xml"))
        return adapters_refuse(refusal, "FILE_ODS", "文件是 OpenDocument 表格（.ods）；请另存为 .xlsx 后重新报送",
                               "the file is an OpenDocument spreadsheet; save it as .xlsx and send it again");
    return adapters_refuse(
        refusal, "FILE_NOT_XLSX",
        "文件是压缩包，但不是 Excel 工作簿；请直接报送 .xlsx，不要再压缩，也不要报送其他类型的文件",
        "the file is a zip archive but no Excel workbook; send the .xlsx itself, neither packed again nor of another "
        "kind");
}

enum bus_status adapters_xlsx_workbook_read(struct adapters_xlsx_workbook *workbook, struct adapters_xlsx_xml *xml,
                                            struct adapters_xlsx_package *package, struct adapters_refusal *refusal,
                                            struct bus_error *error)
{
    static const struct adapters_xlsx_handler handler = {.start = on_workbook};
    static const char root[] = "_rels/.rels";
    char path[ADAPTERS_XLSX_PATH_SIZE];
    memset(workbook, 0, sizeof *workbook);
    workbook->xml = xml;
    enum bus_status status = BUS_OK;
    if (adapters_xlsx_package_has(package, root))
        status = read_relations(workbook, package, root, true, refusal, error);
    if (status != BUS_OK)
        return status;
    if (workbook->path[0] == '\0')
        snprintf(workbook->path, sizeof workbook->path, "xl/workbook.xml");
    size_t length = strlen(workbook->path);
    bool is_binary = length > 4 && strcasecmp(workbook->path + length - 4, ".bin") == 0;
    if (is_binary || !adapters_xlsx_package_has(package, workbook->path) || !relations_path(workbook->path, path))
        return refuse_other_archive(package, refusal);
    status = adapters_xlsx_xml_read(xml, package, workbook->path, PART_LIMIT, &handler, workbook, refusal, error);
    if (status == BUS_OK && workbook->sheet_count == 0) /* a text document has its main part too */
        return refuse_other_archive(package, refusal);
    return status == BUS_OK ? read_relations(workbook, package, path, false, refusal, error) : status;
}
