#include "adapters/formats/xlsx/package.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zip.h>

enum {
    END_RECORD_SIZE = 22, /* end of central directory, without its comment */
    LOCATOR_SIZE = 20,    /* of the zip64 end record, in front of it */
    COMMENT_MAX = 65535,
    TAIL_SIZE = COMMENT_MAX + END_RECORD_SIZE + LOCATOR_SIZE,
};

struct adapters_xlsx_package {
    zip_t *archive;
};

enum bus_status adapters_xlsx_refuse_part(struct adapters_refusal *refusal, const char *name, const char *zh,
                                          const char *en)
{
    adapters_refuse(refusal, "FILE_DAMAGED", "", "");
    snprintf(refusal->zh, sizeof refusal->zh,
             "工作簿已损坏或不完整：%s（%.80s）；请用 Excel 或 WPS 打开并另存为 .xlsx 后重新报送", zh, name);
    snprintf(refusal->en, sizeof refusal->en,
             "the workbook is damaged or not whole: %s (%.80s); open it in Excel or WPS, save it as .xlsx and send it "
             "again",
             en, name);
    return BUS_REJECT;
}

static enum bus_status refuse_zip(const zip_error_t *failure, const char *name, struct adapters_refusal *refusal,
                                  struct bus_error *error)
{
    int code = zip_error_code_zip(failure);
    if (code == ZIP_ER_MEMORY)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    if (code == ZIP_ER_READ && zip_error_code_system(failure) == EIO)
        return bus_fail(error, BUS_RETRY, "read a workbook: %s", strerror(EIO));
    if (code == ZIP_ER_NOPASSWD || code == ZIP_ER_ENCRNOTSUPP || code == ZIP_ER_WRONGPASSWD)
        return adapters_refuse(refusal, "FILE_ENCRYPTED", "文件已加密；请去掉密码后重新报送",
                               "the file is encrypted; take its password off and send it again");
    return adapters_xlsx_refuse_part(refusal, name, "压缩包读取失败，文件可能没有传完",
                                     "the archive cannot be read, perhaps the file was cut off");
}

/* --- the directory --- */

static uint64_t little_endian(const uint8_t *from, size_t length)
{
    uint64_t value = 0;
    for (size_t i = length; i > 0; i--)
        value = value << 8 | from[i - 1];
    return value;
}

/* How many parts the end record in the last bytes of the file tells; libzip would take memory for all of them. -1: there is none. */
static int64_t count_parts(int file, const uint8_t *tail, size_t length)
{
    for (size_t at = length >= END_RECORD_SIZE ? length - END_RECORD_SIZE + 1 : 0; at-- > 0;) {
        uint8_t wide[40];
        if (memcmp(tail + at, "PK\5\6", 4) != 0)
            continue;
        int64_t count = (int64_t)little_endian(tail + at + 10, 2);
        if (at < LOCATOR_SIZE || memcmp(tail + at - LOCATOR_SIZE, "PK\6\7", 4) != 0)
            return count;
        off_t place = (off_t)little_endian(tail + at - LOCATOR_SIZE + 8, 8);
        if (place < 0 || pread(file, wide, sizeof wide, place) != (ssize_t)sizeof wide)
            return -1;
        uint64_t counted = little_endian(wide + 32, 8);
        return counted > ADAPTERS_XLSX_PARTS_MAX ? ADAPTERS_XLSX_PARTS_MAX + 1 : (int64_t)counted;
    }
    return -1;
}

static enum bus_status check_directory(int file, struct adapters_refusal *refusal, struct bus_error *error)
{
    off_t size = lseek(file, 0, SEEK_END);
    size_t length = size < TAIL_SIZE ? (size_t)size : TAIL_SIZE;
    uint8_t *tail = malloc(TAIL_SIZE);
    if (tail == NULL)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    ssize_t got = size >= 0 ? pread(file, tail, length, size - (off_t)length) : -1;
    int64_t parts = got == (ssize_t)length ? count_parts(file, tail, length) : -1;
    free(tail);
    if (got < 0)
        return bus_fail(error, BUS_RETRY, "read a workbook: %s", strerror(errno));
    if (parts < 0)
        return adapters_xlsx_refuse_part(refusal, "zip", "压缩包没有目录，文件没有传完",
                                         "the archive has no directory: the file was cut off");
    if (parts > ADAPTERS_XLSX_PARTS_MAX)
        return adapters_xlsx_refuse_part(refusal, "zip", "压缩包中的文件过多", "the archive holds too many files");
    return BUS_OK;
}

static zip_t *open_archive(int file, zip_error_t *failure)
{
    int own = dup(file);
    FILE *stream = own >= 0 ? fdopen(own, "rb") : NULL;
    zip_source_t *source = stream != NULL ? zip_source_filep_create(stream, 0, -1, failure) : NULL;
    zip_t *archive = source != NULL ? zip_open_from_source(source, ZIP_RDONLY, failure) : NULL;
    if (archive != NULL)
        return archive;
    if (stream == NULL)
        zip_error_set(failure, ZIP_ER_MEMORY, errno);
    if (source != NULL)
        zip_source_free(source); /* closes the stream */
    else if (stream != NULL)
        fclose(stream);
    else if (own >= 0)
        close(own);
    return NULL;
}

enum bus_status adapters_xlsx_package_open(int file, struct adapters_xlsx_package **out_package,
                                           struct adapters_refusal *refusal, struct bus_error *error)
{
    zip_error_t failure;
    enum bus_status status = check_directory(file, refusal, error);
    if (status != BUS_OK)
        return status;
    struct adapters_xlsx_package *package = calloc(1, sizeof *package);
    if (package == NULL)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    zip_error_init(&failure);
    package->archive = open_archive(file, &failure);
    if (package->archive != NULL)
        *out_package = package;
    else
        status = refuse_zip(&failure, "zip", refusal, error);
    zip_error_fini(&failure);
    if (status != BUS_OK)
        free(package);
    return status;
}

void adapters_xlsx_package_close(struct adapters_xlsx_package *package)
{
    if (package == NULL)
        return;
    zip_discard(package->archive);
    free(package);
}

static zip_int64_t locate(const struct adapters_xlsx_package *package, const char *name)
{
    zip_int64_t index = zip_name_locate(package->archive, name, 0);
    return index >= 0 ? index : zip_name_locate(package->archive, name, ZIP_FL_NOCASE);
}

bool adapters_xlsx_package_has(const struct adapters_xlsx_package *package, const char *name)
{
    return locate(package, name) >= 0;
}

/* --- parts --- */

enum bus_status adapters_xlsx_part_open(struct adapters_xlsx_package *package, const char *name, int64_t limit_bytes,
                                        struct adapters_xlsx_part *part, struct adapters_refusal *refusal,
                                        struct bus_error *error)
{
    zip_stat_t facts;
    zip_int64_t index = locate(package, name);
    *part = (struct adapters_xlsx_part){.package = package, .name = name};
    if (index < 0)
        return adapters_xlsx_refuse_part(refusal, name, "缺少部件", "a part is missing");
    if (zip_stat_index(package->archive, (zip_uint64_t)index, 0, &facts) != 0 ||
        (facts.valid & ZIP_STAT_COMP_SIZE) == 0 || facts.comp_size > INT64_MAX)
        return adapters_xlsx_refuse_part(refusal, name, "部件没有大小", "a part has no size");
    part->packed_bytes = (int64_t)facts.comp_size;
    part->told_bytes = (facts.valid & ZIP_STAT_SIZE) != 0 && facts.size < INT64_MAX ? (int64_t)facts.size : 0;
    part->limit_bytes = limit_bytes > 0 ? limit_bytes : ADAPTERS_XLSX_PART_MAX;
    part->file = zip_fopen_index(package->archive, (zip_uint64_t)index, 0);
    return part->file != NULL ? BUS_OK : refuse_zip(zip_get_error(package->archive), name, refusal, error);
}

void adapters_xlsx_part_close(struct adapters_xlsx_part *part)
{
    if (part->file != NULL)
        zip_fclose(part->file);
    part->file = NULL;
}

static bool is_bomb(const struct adapters_xlsx_part *part)
{
    return part->read_bytes > part->limit_bytes || (part->read_bytes > ADAPTERS_XLSX_RATIO_FROM &&
                                                    part->read_bytes / ADAPTERS_XLSX_RATIO_MAX > part->packed_bytes);
}

enum bus_status adapters_xlsx_part_read(struct adapters_xlsx_part *part, void *out_bytes, size_t size,
                                        size_t *out_length, struct adapters_refusal *refusal, struct bus_error *error)
{
    zip_int64_t length = zip_fread(part->file, out_bytes, size);
    *out_length = 0;
    if (length < 0)
        return refuse_zip(zip_file_get_error(part->file), part->name, refusal, error);
    part->read_bytes += length;
    if (is_bomb(part))
        return adapters_refuse(
            refusal, "FILE_BOMB",
            "文件解压后异常庞大（疑似压缩炸弹，或有大量只有格式的空行）；请只保留有数据的行，另存后重新报送",
            "the file is monstrous when inflated: a zip bomb, or very many rows that hold formatting only; keep the "
            "rows with data, save it and send it again");
    *out_length = (size_t)length;
    return BUS_OK;
}
