#include "cli/delivery.h"

#include <stdio.h>

#include "cli/words.h"

bool cli_delivery_read(struct bus_bytes value, struct cli_delivery_head *out_head)
{
    if (value.length < BUS_FRAME_SIZE || bus_frame_fingerprint(value, &out_head->fingerprint, NULL) != BUS_OK)
        return false;
    struct bus_cursor cursor = bus_cursor_of(bus_bytes_of(value.data + BUS_FRAME_SIZE, value.length - BUS_FRAME_SIZE));
    int64_t operation = bus_cursor_varint(&cursor), reason = bus_cursor_varint(&cursor);
    if (cursor.failed || operation < 0 || operation > BUS_DELIVERY_RESYNC_END || reason < 0 ||
        reason > BUS_REASON_GRANT_ENDED)
        return false;
    out_head->operation = (enum bus_delivery_operation)operation;
    out_head->reason = (enum bus_delivery_reason)reason;
    return true;
}

void cli_delivery_words(enum bus_delivery_operation operation, enum bus_delivery_reason reason,
                        char out_text[CLI_DELIVERY_WORDS_SIZE])
{
    const struct cli_word *what = cli_operation_word(operation), *why = cli_reason_word(reason);
    if (reason == BUS_REASON_NONE)
        snprintf(out_text, CLI_DELIVERY_WORDS_SIZE, "%s / %s", what->zh, what->en);
    else
        snprintf(out_text, CLI_DELIVERY_WORDS_SIZE, "%s（%s）/ %s, %s", what->zh, why->zh, what->en, why->en);
}
