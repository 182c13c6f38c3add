/* Memo: what the rows of a feed's last list were found to say, by their text, so that a row that comes again as it was need not be mapped again:
 * mapping is most of the work on a list of which little changed.
 *
 * It belongs to one mapping and one process, for neither changes while it lives: a new process maps everything once. Memory is the page
 * cache's (scratch.h): about 100 bytes a row. */
#ifndef ADAPTERS_ENGINE_MEMO_H
#define ADAPTERS_ENGINE_MEMO_H

#include "adapters/engine/image.h"

struct adapters_memo;

/* What one row says. */
struct adapters_memo_entry {
    uint8_t text[BUS_CONTENT_SIZE]; /* digest of its fields */
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE], content[ADAPTERS_IMAGE_CONTENT_SIZE];
};

/* `folder` for its scratch. FATAL when it cannot be used, or out of memory. */
BUS_MUST_CHECK enum bus_status adapters_memo_create(const char *folder, struct adapters_memo **out_memo,
                                                    struct bus_error *error);
void adapters_memo_destroy(struct adapters_memo *memo);

/* Digest of a row's fields; `scratch` is overwritten. False when they are too long together. */
BUS_MUST_CHECK bool adapters_memo_text(const struct bus_bytes *fields, size_t count, struct bus_buffer *scratch,
                                       uint8_t out_text[BUS_CONTENT_SIZE]);
/* A new list begins: what is kept from now on is found in the one after it. */
void adapters_memo_begin(struct adapters_memo *memo);
/* The entry of a row of the last list, NULL when none had this text; valid until the next begin. */
const struct adapters_memo_entry *adapters_memo_find(const struct adapters_memo *memo,
                                                     const uint8_t text[BUS_CONTENT_SIZE]);
/* Keeps what a row of this list says. RETRY when the disk is full. */
BUS_MUST_CHECK enum bus_status adapters_memo_keep(struct adapters_memo *memo, const struct adapters_memo_entry *entry,
                                                  struct bus_error *error);

#endif
