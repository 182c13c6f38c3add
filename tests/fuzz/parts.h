/* Parts of a workbook out of memory, in place of a zip archive: what the fuzzer makes reaches the XML without a checksum in between. To be
 * included by one file of a program, which then needs no xlsx_package.c. */
#ifndef TESTS_FUZZ_PARTS_H
#define TESTS_FUZZ_PARTS_H

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "adapters/formats/xlsx/package.h"

enum { PARTS_MAX = 16 };

/* The parts that there are; `piece`: bytes that a read gives at most. */
struct adapters_xlsx_package {
    struct {
        char name[ADAPTERS_XLSX_PATH_SIZE];
        struct bus_bytes bytes;
    } parts[PARTS_MAX];
    size_t count, piece;
};

static struct adapters_xlsx_package parts_package;

static void parts_add(const char *name, size_t length, struct bus_bytes bytes)
{
    if (parts_package.count == PARTS_MAX)
        return;
    snprintf(parts_package.parts[parts_package.count].name, ADAPTERS_XLSX_PATH_SIZE, "%.*s", (int)length, name);
    parts_package.parts[parts_package.count++].bytes = bytes;
}

enum bus_status adapters_xlsx_refuse_part(struct adapters_refusal *refusal, const char *name, const char *zh,
                                          const char *en)
{
    (void)name;
    return adapters_refuse(refusal, "FILE_DAMAGED", zh, en);
}

enum bus_status adapters_xlsx_package_open(int file, struct adapters_xlsx_package **out_package,
                                           struct adapters_refusal *refusal, struct bus_error *error)
{
    (void)file, (void)refusal, (void)error;
    *out_package = &parts_package;
    return BUS_OK;
}

void adapters_xlsx_package_close(struct adapters_xlsx_package *package)
{
    (void)package;
}

static struct bus_bytes *parts_find(struct adapters_xlsx_package *package, const char *name)
{
    for (size_t i = 0; i < package->count; i++) {
        if (strcasecmp(package->parts[i].name, name) == 0)
            return &package->parts[i].bytes;
    }
    return NULL;
}

bool adapters_xlsx_package_has(const struct adapters_xlsx_package *package, const char *name)
{
    return parts_find((struct adapters_xlsx_package *)(uintptr_t)package, name) != NULL;
}

enum bus_status adapters_xlsx_part_open(struct adapters_xlsx_package *package, const char *name, int64_t limit_bytes,
                                        struct adapters_xlsx_part *part, struct adapters_refusal *refusal,
                                        struct bus_error *error)
{
    struct bus_bytes *bytes = parts_find(package, name);
    (void)limit_bytes, (void)error;
    *part = (struct adapters_xlsx_part){.package = package, .name = name, .file = (struct zip_file *)bytes};
    return bytes != NULL ? BUS_OK : adapters_xlsx_refuse_part(refusal, name, "缺少部件", "a part is missing");
}

void adapters_xlsx_part_close(struct adapters_xlsx_part *part)
{
    part->file = NULL;
}

enum bus_status adapters_xlsx_part_read(struct adapters_xlsx_part *part, void *out_bytes, size_t size,
                                        size_t *out_length, struct adapters_refusal *refusal, struct bus_error *error)
{
    const struct bus_bytes *bytes = (const struct bus_bytes *)part->file;
    size_t left = bytes->length - (size_t)part->read_bytes;
    (void)refusal, (void)error;
    size_t length = left < size ? left : size;
    if (part->package->piece > 0 && length > part->package->piece)
        length = part->package->piece;
    if (length > 0)
        memcpy(out_bytes, bytes->data + part->read_bytes, length);
    part->read_bytes += (int64_t)length;
    *out_length = length;
    return BUS_OK;
}

#endif
