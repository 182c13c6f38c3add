#include "adapters/engine/memo.h"

#include <stdlib.h>

#include "adapters/engine/scratch.h"

enum { FIRST_SLOTS = 4096, FILL_PERCENT = 60 };

/* A hash table of entries: texts are digests, so that their first bytes are the place. An empty slot is zero. */
struct table {
    struct adapters_scratch scratch;
    size_t slots, count;
};

struct adapters_memo {
    char folder[4096];
    struct table last, next;
};

enum bus_status adapters_memo_create(const char *folder, struct adapters_memo **out_memo, struct bus_error *error)
{
    struct adapters_memo *memo = calloc(1, sizeof *memo);
    if (memo == NULL || strlen(folder) >= sizeof memo->folder) {
        free(memo);
        return bus_fail(error, BUS_FATAL, "work out a list: out of memory");
    }
    memcpy(memo->folder, folder, strlen(folder) + 1);
    *out_memo = memo;
    return BUS_OK;
}

void adapters_memo_destroy(struct adapters_memo *memo)
{
    if (memo == NULL)
        return;
    adapters_scratch_close(&memo->last.scratch);
    adapters_scratch_close(&memo->next.scratch);
    free(memo);
}

bool adapters_memo_text(const struct bus_bytes *fields, size_t count, struct bus_buffer *scratch,
                        uint8_t out_text[BUS_CONTENT_SIZE])
{
    bus_buffer_reset(scratch);
    for (size_t i = 0; i < count; i++) {
        bus_buffer_varint(scratch, fields[i].data == NULL ? -1 : (int64_t)fields[i].length);
        bus_buffer_append_bytes(scratch, fields[i]);
    }
    bus_event_content_digest(bus_buffer_view(scratch), out_text);
    return !scratch->failed;
}

void adapters_memo_begin(struct adapters_memo *memo)
{
    adapters_scratch_close(&memo->last.scratch);
    memo->last = memo->next;
    memo->next = (struct table){0};
}

static struct adapters_memo_entry *slot_of(const struct table *table, const uint8_t text[BUS_CONTENT_SIZE])
{
    static const uint8_t empty[BUS_CONTENT_SIZE];
    struct adapters_memo_entry *entries = (struct adapters_memo_entry *)(void *)table->scratch.data;
    size_t at = bus_get_u64le(text) & (table->slots - 1);
    while (memcmp(entries[at].text, text, BUS_CONTENT_SIZE) != 0 &&
           memcmp(entries[at].text, empty, BUS_CONTENT_SIZE) != 0)
        at = (at + 1) & (table->slots - 1);
    return &entries[at];
}

const struct adapters_memo_entry *adapters_memo_find(const struct adapters_memo *memo,
                                                     const uint8_t text[BUS_CONTENT_SIZE])
{
    if (memo->last.slots == 0)
        return NULL;
    const struct adapters_memo_entry *entry = slot_of(&memo->last, text);
    return memcmp(entry->text, text, BUS_CONTENT_SIZE) == 0 ? entry : NULL;
}

static enum bus_status grow(struct adapters_memo *memo, struct bus_error *error)
{
    struct table larger = {.slots = memo->next.slots == 0 ? FIRST_SLOTS : memo->next.slots * 2};
    static const uint8_t empty[BUS_CONTENT_SIZE];
    void *room;
    enum bus_status status = adapters_scratch_open(&larger.scratch, memo->folder, error);
    if (status != BUS_OK)
        return status;
    status = adapters_scratch_add(&larger.scratch, larger.slots * sizeof(struct adapters_memo_entry), &room, error);
    if (status != BUS_OK) {
        adapters_scratch_close(&larger.scratch);
        return status;
    }
    const struct adapters_memo_entry *entries =
        (const struct adapters_memo_entry *)(const void *)memo->next.scratch.data;
    for (size_t i = 0; i < memo->next.slots; i++)
        if (memcmp(entries[i].text, empty, sizeof empty) != 0)
            *slot_of(&larger, entries[i].text) = entries[i];
    larger.count = memo->next.count;
    adapters_scratch_close(&memo->next.scratch);
    memo->next = larger;
    return BUS_OK;
}

enum bus_status adapters_memo_keep(struct adapters_memo *memo, const struct adapters_memo_entry *entry,
                                   struct bus_error *error)
{
    if (memo->next.count * 100 >= memo->next.slots * FILL_PERCENT) {
        enum bus_status status = grow(memo, error);
        if (status != BUS_OK)
            return status;
    }
    struct adapters_memo_entry *slot = slot_of(&memo->next, entry->text);
    memo->next.count += memcmp(slot->text, entry->text, sizeof slot->text) != 0;
    *slot = *entry;
    return BUS_OK;
}
