#include "adapters/sources/odbc/refused.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/digest.h"

enum { HEX_DIGITS = 16, MAX_COUNT = ODBC_REFUSED_SLOTS / 2 };

/* Never 0, which is an empty slot. */
static uint64_t mark_of(struct bus_bytes row)
{
    uint8_t digest[BUS_DIGEST_SIZE];
    bus_digest(BUS_HASH_SM3, row, digest);
    uint64_t mark = bus_get_u64be(digest);
    return mark != 0 ? mark : 1;
}

void odbc_refused_release(struct odbc_refused *refused)
{
    free(refused->slots);
    *refused = (struct odbc_refused){0};
}

static size_t slot_of(const struct odbc_refused *refused, uint64_t mark)
{
    size_t slot = (size_t)mark % ODBC_REFUSED_SLOTS;
    while (refused->slots[slot] != 0 && refused->slots[slot] != mark)
        slot = (slot + 1) % ODBC_REFUSED_SLOTS;
    return slot;
}

bool odbc_refused_has(const struct odbc_refused *refused, struct bus_bytes row)
{
    if (refused->count == 0)
        return false;
    uint64_t mark = mark_of(row);
    return refused->slots[slot_of(refused, mark)] == mark;
}

static void add(struct odbc_refused *refused, uint64_t mark)
{
    if (refused->slots == NULL)
        refused->slots = calloc(ODBC_REFUSED_SLOTS, sizeof *refused->slots);
    if (refused->slots == NULL)
        return;
    if (refused->count == MAX_COUNT) {
        memset(refused->slots, 0, ODBC_REFUSED_SLOTS * sizeof *refused->slots);
        refused->count = 0;
    }
    size_t slot = slot_of(refused, mark);
    if (refused->slots[slot] == mark)
        return;
    refused->slots[slot] = mark;
    refused->count++;
    refused->newest[refused->newest_next] = mark;
    refused->newest_next = (refused->newest_next + 1) % ODBC_REFUSED_KEPT;
    if (refused->newest_count < ODBC_REFUSED_KEPT)
        refused->newest_count++;
}

void odbc_refused_add(struct odbc_refused *refused, struct bus_bytes row)
{
    add(refused, mark_of(row));
}

/* The oldest first. */
void odbc_refused_write(const struct odbc_refused *refused, char out_text[ADAPTERS_CURSOR_TEXT_SIZE])
{
    size_t first = refused->newest_next + ODBC_REFUSED_KEPT - refused->newest_count;
    char *at = out_text;
    *at = '\0';
    for (size_t i = 0; i < refused->newest_count; i++)
        at += sprintf(at, "%016llx", (unsigned long long)refused->newest[(first + i) % ODBC_REFUSED_KEPT]);
}

void odbc_refused_read(struct odbc_refused *refused, const char *text)
{
    odbc_refused_release(refused);
    for (unsigned long long mark; strlen(text) >= HEX_DIGITS && sscanf(text, "%16llx", &mark) == 1; text += HEX_DIGITS)
        if (mark != 0)
            add(refused, mark);
}
