#include "adapters/formats/xlsx/other.h"

#include <errno.h>
#include <unistd.h>

enum {
    HEAD_SIZE = 8192,
    /* [MS-CFB]: an OLE compound file */
    SECTOR_SHIFT_AT = 30,
    DIRECTORY_AT = 48,
    ENTRIES_SIZE = 4096, /* of the directory that are looked through */
    ENTRY_SIZE = 128,
};

/* Whether the directory of a compound file has an entry of that name; its sectors lie in one piece in what Excel writes. */
static bool has_entry(int file, const uint8_t *head, size_t length, const char *name)
{
    uint8_t entries[ENTRIES_SIZE];
    if (length < DIRECTORY_AT + 4)
        return false;
    unsigned shift = head[SECTOR_SHIFT_AT] & 15;
    off_t place = ((off_t)bus_get_u32le(head + DIRECTORY_AT) + 1) << shift;
    ssize_t got = pread(file, entries, sizeof entries, place);
    for (ssize_t at = 0; at + ENTRY_SIZE <= got; at += ENTRY_SIZE) {
        size_t i = 0;
        while (name[i] != '\0' && entries[at + 2 * (ssize_t)i] == (uint8_t)name[i] &&
               entries[at + 2 * (ssize_t)i + 1] == 0)
            i++;
        if (name[i] == '\0')
            return true;
    }
    return false;
}

static enum bus_status refuse_compound(int file, const uint8_t *head, size_t length, struct adapters_refusal *refusal)
{
    if (has_entry(file, head, length, "EncryptedPackage"))
        return adapters_refuse(refusal, "FILE_ENCRYPTED", "文件已加密；请去掉密码后重新报送",
                               "the file is encrypted; take its password off and send it again");
    return adapters_refuse(refusal, "FILE_XLS", "文件是旧的 .xls 格式；请用 Excel 或 WPS 打开，另存为 .xlsx 后重新报送",
                           "the file is of the old .xls format; open it in Excel or WPS, save it as .xlsx and send it "
                           "again");
}

/* Whether `word` stands in the first bytes, in UTF-8 or UTF-16 and in any case. */
static bool has_word(const uint8_t *head, size_t length, const char *word)
{
    for (size_t from = 0; from < length; from++) {
        size_t i = 0;
        for (size_t at = from; at < length && word[i] != '\0'; at++) {
            if (head[at] == 0)
                continue;
            if ((head[at] >= 'A' && head[at] <= 'Z' ? head[at] | 32 : head[at]) != (uint8_t)word[i])
                break;
            i++;
        }
        if (word[i] == '\0')
            return true;
    }
    return false;
}

static bool is_text(const uint8_t *head, size_t length)
{
    bool is_wide = length >= 2 && ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff));
    for (size_t i = 0; i < length; i++) {
        bool is_control = head[i] < 32 && head[i] != '\t' && head[i] != '\n' && head[i] != '\r';
        if (is_control && !(is_wide && head[i] == 0))
            return false;
    }
    return true;
}

static enum bus_status refuse_text(const uint8_t *head, size_t length, struct adapters_refusal *refusal)
{
    if (has_word(head, length, "urn:schemas-microsoft-com:office:spreadsheet"))
        return adapters_refuse(refusal, "FILE_XML",
                               "文件是“XML 电子表格 2003”；请用 Excel 打开，另存为 .xlsx 后重新报送",
                               "the file is an XML spreadsheet of 2003; open it in Excel, save it as .xlsx and send it "
                               "again");
    if (has_word(head, length, "<html") || has_word(head, length, "<table") || has_word(head, length, "<!doctype html"))
        return adapters_refuse(
            refusal, "FILE_HTML",
            "文件其实是网页表格（HTML），只是扩展名为 .xlsx；请用 Excel 打开，另存为 .xlsx 后重新报送",
            "the file is a web page with a table that only calls itself .xlsx; open it in Excel, "
            "save it as .xlsx and send it again");
    return adapters_refuse(refusal, "FILE_TEXT",
                           "文件其实是文本（如 CSV），不是 Excel 工作簿；请另存为 .xlsx，或请交换中心将该报送改为 CSV",
                           "the file is text such as CSV and no Excel workbook; save it as .xlsx, or have the feed "
                           "changed to CSV");
}

/* BIFF without a compound file around it: Excel 2 to 4. */
static bool is_old_stream(const uint8_t *head, size_t length)
{
    return length >= 4 && head[0] == 0x09 && (head[1] == 0 || head[1] == 2 || head[1] == 4 || head[1] == 8) &&
           head[2] >= 4 && head[2] <= 16 && head[3] == 0;
}

enum bus_status adapters_xlsx_other_check(int file, struct adapters_refusal *refusal, struct bus_error *error)
{
    uint8_t head[HEAD_SIZE];
    ssize_t got = pread(file, head, sizeof head, 0);
    if (got < 0)
        return bus_fail(error, BUS_RETRY, "read a workbook: %s", strerror(errno));
    size_t length = (size_t)got;
    if (length == 0)
        return adapters_refuse(refusal, "FILE_EMPTY", "文件为空，请重新导出后报送",
                               "the file is empty; export it again");
    if (length >= 4 && (memcmp(head, "PK\3\4", 4) == 0 || memcmp(head, "PK\5\6", 4) == 0))
        return BUS_OK;
    if (length >= 8 && memcmp(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0)
        return refuse_compound(file, head, length, refusal);
    if (is_old_stream(head, length))
        return refuse_compound(file, head, 0, refusal);
    if (is_text(head, length))
        return refuse_text(head, length, refusal);
    return adapters_refuse(refusal, "FILE_NOT_XLSX",
                           "文件不是 Excel 工作簿，或已损坏；请用 Excel 或 WPS 另存为 .xlsx 后重新报送",
                           "the file is no Excel workbook, or is damaged; save it as .xlsx in Excel or WPS and send it "
                           "again");
}
