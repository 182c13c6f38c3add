/* Package: the zip archive that an .xlsx file is (ECMA-376 part 2), and its parts as streams of bytes that cannot explode.
 *
 * A part holds at most ADAPTERS_XLSX_PART_MAX bytes, and a large one at most ADAPTERS_XLSX_RATIO_MAX times what it takes in the file. */
#ifndef ADAPTERS_FORMATS_XLSX_PACKAGE_H
#define ADAPTERS_FORMATS_XLSX_PACKAGE_H

#include "adapters/engine/row.h"

enum {
    ADAPTERS_XLSX_RATIO_MAX = 300,
    ADAPTERS_XLSX_RATIO_FROM = 32 * 1024 * 1024, /* bytes: below, any ratio is harmless */
    ADAPTERS_XLSX_PARTS_MAX = 10000,
    ADAPTERS_XLSX_PATH_SIZE = 256, /* of a part's name */
};
#define ADAPTERS_XLSX_PART_MAX (4LL * 1024 * 1024 * 1024)

struct adapters_xlsx_package;

/* Opens the archive in `file`, which stays the caller's and must outlive the package. REJECT: FILE_DAMAGED (cut off, or no archive). RETRY
 * when it cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_package_open(int file, struct adapters_xlsx_package **out_package,
                                                          struct adapters_refusal *refusal, struct bus_error *error);
void adapters_xlsx_package_close(struct adapters_xlsx_package *package);
/* Whether there is a part of that name, without regard to case. */
bool adapters_xlsx_package_has(const struct adapters_xlsx_package *package, const char *name);

/* A part as it is read. Zeroed: closed. */
struct adapters_xlsx_part {
    struct adapters_xlsx_package *package;
    struct zip_file *file;
    const char *name;
    int64_t packed_bytes, limit_bytes;
    int64_t told_bytes; /* of the whole, as the archive says: nothing is built on it */
    int64_t read_bytes;
};

/* `limit_bytes` (0: ADAPTERS_XLSX_PART_MAX) bounds what may be read of it; `name` must outlive the part. REJECT: FILE_DAMAGED (no such part, or
 * not readable), FILE_ENCRYPTED. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_part_open(struct adapters_xlsx_package *package, const char *name,
                                                       int64_t limit_bytes, struct adapters_xlsx_part *part,
                                                       struct adapters_refusal *refusal, struct bus_error *error);
void adapters_xlsx_part_close(struct adapters_xlsx_part *part);
/* The next bytes; *out_length 0: the end, and all of it was whole. REJECT: FILE_BOMB, FILE_DAMAGED. RETRY when the file cannot be read. */
BUS_MUST_CHECK enum bus_status adapters_xlsx_part_read(struct adapters_xlsx_part *part, void *out_bytes, size_t size,
                                                       size_t *out_length, struct adapters_refusal *refusal,
                                                       struct bus_error *error);

/* Refuses the file because `name`, one of its parts, is not as it should be: FILE_DAMAGED. */
enum bus_status adapters_xlsx_refuse_part(struct adapters_refusal *refusal, const char *name, const char *zh,
                                          const char *en);

#endif
