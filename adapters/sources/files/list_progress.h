/* List progress: which full list of a feed was taken last, or is being taken, and how far: the text of its cursor "list/<feed>". */
#ifndef ADAPTERS_SOURCES_FILES_LIST_PROGRESS_H
#define ADAPTERS_SOURCES_FILES_LIST_PROGRESS_H

#include "adapters/engine/position.h"

struct adapters_list_progress {
    bool is_done;
    int64_t begun_ms; /* the list's time: the version of its records that have none of their own */
    uint8_t digest[BUS_DIGEST_SIZE];
    int64_t rows, published,
        withdrawn; /* gone through in the second reading; rows published; absent records withdrawn */
    char name[ADAPTERS_FILE_NAME_SIZE];
};

enum { ADAPTERS_LIST_PROGRESS_SIZE = 512 };

/* "open|done <begun_ms> <digest> <rows> <published> <withdrawn> <name>". */
void adapters_list_progress_write(const struct adapters_list_progress *progress,
                                  char out_text[ADAPTERS_LIST_PROGRESS_SIZE]);
/* False when the text is none. */
BUS_MUST_CHECK bool adapters_list_progress_read(const char *text, struct adapters_list_progress *out_progress);

#endif
