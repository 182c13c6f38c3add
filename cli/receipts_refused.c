/* xinqiao receipts --refused: deliveries that receivers refused, with their own words, as their departments see them in quarantine. */
#include <stdio.h>

#include "bus/table.h"
#include "bus/topics.h"
#include "cli/receipts.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

/* Whether a subscriber refused a delivery, that one or any when NULL. Notices about receipts that the gateway did not accept are of the same
 * stage, and about xq.receipts. */
static bool is_wanted(const struct cli_context *context, const struct bus_subscriber *only,
                      const struct bus_quarantined *record)
{
    char topic[BUS_TOPIC_SIZE];
    bus_topic_out(context->prefix, only != NULL ? only->name : "", topic);
    size_t length = strlen(topic);
    return only != NULL ? bus_bytes_equal_text(record->topic, topic)
                        : record->topic.length > length && memcmp(record->topic.data, topic, length) == 0;
}

static void print_refusal(struct bus_table *table, const struct cli_quarantined *entry)
{
    const struct bus_quarantined *record = &entry->record;
    char when[CLI_MOMENT_SIZE], id[CLI_QUARANTINE_ID_SIZE], identity[2 * BUS_IDENTITY_SIZE + 1] = "";
    cli_moment(record->at_ms, when);
    cli_quarantine_print_id(entry->id, id);
    if (record->original_key.length == BUS_IDENTITY_SIZE)
        bus_hex(record->original_key.data, BUS_IDENTITY_SIZE, identity);
    bus_table_string(table, id);
    bus_table_string(table, when);
    bus_table_text(table, record->topic);
    bus_table_cell(table, "%d/%lld", (int)record->partition, (long long)record->offset);
    bus_table_cell(table, "%.*s/%.*s", (int)record->department.length, (const char *)record->department.data,
                   (int)record->item.length, (const char *)record->item.data);
    bus_table_string(table, identity);
    bus_table_text(table, record->code);
    bus_table_text(table, record->reason_zh);
    bus_table_string(table, entry->decision != NULL ? "已处理 decided" : "");
}

static int print_text(const struct cli_context *context, const struct bus_subscriber *only,
                      const struct cli_quarantine_list *list)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "隔离编号", "quarantine", BUS_TABLE_LEFT);
    bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
    bus_table_column(table, "主题", "topic", BUS_TABLE_LEFT);
    bus_table_column(table, "分区/位点", "partition/offset", BUS_TABLE_LEFT);
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "记录", "record", BUS_TABLE_LEFT);
    bus_table_column(table, "代码", "code", BUS_TABLE_LEFT);
    bus_table_column(table, "接收方的话", "the receiver's words", BUS_TABLE_LEFT);
    bus_table_column(table, "处理", "decision", BUS_TABLE_LEFT);
    for (size_t i = 0; i < list->count; i++)
        if (is_wanted(context, only, &list->entries[i].record))
            print_refusal(table, &list->entries[i]);
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct cli_context *context, const struct bus_subscriber *only,
                      const struct cli_quarantine_list *list)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < list->count; i++) {
        if (!is_wanted(context, only, &list->entries[i].record))
            continue;
        char identity[2 * BUS_IDENTITY_SIZE + 1] = "";
        const struct bus_bytes key = list->entries[i].record.original_key;
        if (key.length == BUS_IDENTITY_SIZE)
            bus_hex(key.data, BUS_IDENTITY_SIZE, identity);
        bus_json_object(&json);
        cli_quarantine_write(&json, &list->entries[i]);
        bus_json_name(&json, "record");
        bus_json_string(&json, identity);
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

int cli_receipts_refused(struct cli_context *context, const struct bus_subscriber *only)
{
    struct bus_error error;
    struct cli_quarantine_list list;
    const struct cli_quarantine_filter filter = {.stage = CLI_RECEIPT_STAGE, .with_original = true};
    enum bus_status status = cli_quarantine_read(context, &filter, &list, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(context, only, &list)
                                : print_text(context, only, &list);
    cli_quarantine_release(&list);
    return code;
}
