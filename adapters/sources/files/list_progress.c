#include "adapters/sources/files/list_progress.h"

#include <inttypes.h>
#include <stdio.h>

void adapters_list_progress_write(const struct adapters_list_progress *progress,
                                  char out_text[ADAPTERS_LIST_PROGRESS_SIZE])
{
    char hex[2 * BUS_DIGEST_SIZE + 1];
    bus_hex(progress->digest, BUS_DIGEST_SIZE, hex);
    snprintf(out_text, ADAPTERS_LIST_PROGRESS_SIZE, "%s %" PRId64 " %s %" PRId64 " %" PRId64 " %" PRId64 " %s",
             progress->is_done ? "done" : "open", progress->begun_ms, hex, progress->rows, progress->published,
             progress->withdrawn, progress->name);
}

bool adapters_list_progress_read(const char *text, struct adapters_list_progress *out_progress)
{
    char state[8], hex[2 * BUS_DIGEST_SIZE + 1];
    int name_at = 0;
    *out_progress = (struct adapters_list_progress){0};
    int found =
        sscanf(text, "%7s %" SCNd64 " %64s %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", state, &out_progress->begun_ms, hex,
               &out_progress->rows, &out_progress->published, &out_progress->withdrawn, &name_at);
    if (found != 6 || text[name_at] != ' ' || !bus_unhex(hex, out_progress->digest, BUS_DIGEST_SIZE))
        return false;
    out_progress->is_done = strcmp(state, "done") == 0;
    snprintf(out_progress->name, sizeof out_progress->name, "%s", text + name_at + 1);
    return out_progress->is_done || strcmp(state, "open") == 0;
}
