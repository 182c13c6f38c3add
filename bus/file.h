/* File: reading a small file whole, and writing all that was given. */
#ifndef BUS_FILE_H
#define BUS_FILE_H

#include "bus/bytes.h"

/* Appends the file's bytes. FATAL with the path and the reason when it cannot be read or is longer than the buffer's limit. */
BUS_MUST_CHECK enum bus_status bus_file_read(const char *path, struct bus_buffer *buffer, struct bus_error *error);
/* Writes all of it where the open file stands. False, with errno, when that cannot be done. */
BUS_MUST_CHECK bool bus_file_write(int file, struct bus_bytes bytes);

#endif
