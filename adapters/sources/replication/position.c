#include "adapters/sources/replication/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void replication_lsn_text(uint64_t lsn, char out_text[REPLICATION_LSN_TEXT_SIZE])
{
    snprintf(out_text, REPLICATION_LSN_TEXT_SIZE, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
}

/* Up to eight hex digits; NULL when there are none. */
static const char *take_half(const char *text, uint32_t *out_half)
{
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    if (length == 0 || length > 8)
        return NULL;
    *out_half = (uint32_t)strtoul(text, NULL, 16);
    return text + length;
}

bool replication_lsn_parse(const char *text, uint64_t *out_lsn)
{
    uint32_t high = 0, low = 0;
    const char *behind = take_half(text, &high);
    if (behind == NULL || *behind != '/' || (behind = take_half(behind + 1, &low)) == NULL || *behind != '\0')
        return false;
    *out_lsn = (uint64_t)high << 32 | low;
    return true;
}

void replication_position_write(const struct replication_position *position,
                                char out_text[REPLICATION_POSITION_TEXT_SIZE])
{
    char snapshot[REPLICATION_LSN_TEXT_SIZE], end[REPLICATION_LSN_TEXT_SIZE], commit[REPLICATION_LSN_TEXT_SIZE],
        at[REPLICATION_LSN_TEXT_SIZE], tables[2 * REPLICATION_TABLES_DIGEST + 1];
    replication_lsn_text(position->snapshot, snapshot);
    replication_lsn_text(position->end, end);
    replication_lsn_text(position->commit, commit);
    replication_lsn_text(position->at, at);
    bus_hex(position->tables, REPLICATION_TABLES_DIGEST, tables);
    snprintf(out_text, REPLICATION_POSITION_TEXT_SIZE,
             "system=%" PRIu64 " database=%" PRIu32 " snapshot=%s base=%" PRId64
             " tables=%s end=%s commit=%s at=%s nth=%" PRIu64,
             position->system, position->database, snapshot, position->base, tables, end, commit, at, position->nth);
}

bool replication_position_read(const char *text, struct replication_position *out_position)
{
    struct replication_position *position = out_position;
    char snapshot[REPLICATION_LSN_TEXT_SIZE], end[REPLICATION_LSN_TEXT_SIZE], commit[REPLICATION_LSN_TEXT_SIZE],
        at[REPLICATION_LSN_TEXT_SIZE], tables[2 * REPLICATION_TABLES_DIGEST + 1];
    int length = 0;
    *position = (struct replication_position){0};
    int found = sscanf(text,
                       "system=%" SCNu64 " database=%" SCNu32 " snapshot=%23s base=%" SCNd64
                       " tables=%16[0-9a-f] end=%23s commit=%23s at=%23s nth=%" SCNu64 "%n",
                       &position->system, &position->database, snapshot, &position->base, tables, end, commit, at,
                       &position->nth, &length);
    return found == 9 && text[length] == '\0' && replication_lsn_parse(snapshot, &position->snapshot) &&
           replication_lsn_parse(end, &position->end) && replication_lsn_parse(commit, &position->commit) &&
           replication_lsn_parse(at, &position->at) && bus_unhex(tables, position->tables, REPLICATION_TABLES_DIGEST);
}

bool replication_position_has(const struct replication_position *position, uint64_t commit, uint64_t lsn, uint64_t nth)
{
    if (commit != position->commit)
        return commit < position->end;
    return lsn < position->at || (lsn == position->at && nth < position->nth);
}

int64_t replication_position_version(const struct replication_position *position, uint64_t lsn)
{
    return position->base + (int64_t)(lsn - position->snapshot);
}
