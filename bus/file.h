/* File: reading a small file whole, and writing all that was given. */
#ifndef BUS_FILE_H
#define BUS_FILE_H

#include "bus/bytes.h"

/* Appends the file's bytes. FATAL with the path and the reason when it cannot be read or is longer than the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_file_read(const char *path, struct bus_buffer *buffer, struct bus_error *error);
/* Writes all of it where the open file stands. False, with errno, when that cannot be done. */
BUS_MUST_CHECK bool bus_file_write(int file, struct bus_bytes bytes);
/* The names in a folder, to disk; `path` below the open folder `at`, or AT_FDCWD. False, with errno, when that cannot be done. */
BUS_MUST_CHECK bool bus_file_sync_folder(int at, const char *path);
/* What was written to `part`, which is open as `file`, is on disk and has the name `path` from here on, in the same folder. False, with
 * errno, when that cannot be done. */
BUS_MUST_CHECK bool bus_file_settle(int file, const char *part, const char *path);

#endif
