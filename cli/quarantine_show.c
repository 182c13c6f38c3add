/* xinqiao quarantine show: one record whole. The original bytes hold personal data, so they are shown only when asked for. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/table.h"
#include "bus/utf8.h"
#include "cli/quarantine.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

#define USAGE "quarantine show ID [--bytes]"
#define TEXT(view) (int)(view).length, (const char *)(view).data

/* An original event, decoded; spans NULL when it cannot be. */
struct decoded {
    const struct bus_schema *schema;
    struct bus_span *spans;
};

/* By the schema of its item whose fingerprint it bears. */
static struct decoded decode(struct cli_context *context, const struct bus_quarantined *record)
{
    struct bus_error error;
    struct decoded decoded = {0};
    uint64_t fingerprint;
    if (context->catalogue_path == NULL || record->topic.length == 0)
        return decoded;
    const struct bus_catalogue *catalogue = cli_catalogue(context);
    if (catalogue == NULL || bus_frame_fingerprint(record->original, &fingerprint, &error) != BUS_OK)
        return decoded;
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue); i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        const struct bus_item_version *version = bus_item_version_by_fingerprint(item, fingerprint);
        if (version != NULL)
            decoded.schema = version->schema;
    }
    if (decoded.schema == NULL)
        return decoded;
    decoded.spans = calloc(bus_schema_field_count(decoded.schema), sizeof *decoded.spans);
    if (decoded.spans != NULL && bus_datum_walk(decoded.schema, record->original, decoded.spans, &error) != BUS_OK) {
        free(decoded.spans);
        decoded.spans = NULL;
    }
    return decoded;
}

/* The text of field `index`; false when it is null. */
static bool field_text(const struct decoded *decoded, struct bus_bytes datum, size_t index, struct bus_buffer *text)
{
    const struct bus_field *field = bus_schema_field(decoded->schema, index);
    struct bus_value value = bus_datum_value(field, datum, decoded->spans[index]);
    bus_buffer_reset(text);
    if (value.type == BUS_TYPE_NULL)
        return false;
    bus_datum_text(field->value, &value, text);
    return true;
}

static void append_hex(struct bus_buffer *buffer, struct bus_bytes bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        bus_buffer_printf(buffer, "%02x", bytes.data[i]);
}

/* --- for people --- */

static void line(const char *name_zh, const char *name_en, struct bus_bytes text, struct bus_buffer *scratch)
{
    if (text.length == 0)
        return;
    bus_buffer_reset(scratch);
    bus_table_clean(scratch, text, false);
    printf("%s / %s: %.*s\n", name_zh, name_en, TEXT(bus_buffer_view(scratch)));
}

static void print_fields(const struct decoded *decoded, struct bus_bytes datum, struct bus_buffer *scratch)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "字段", "field", BUS_TABLE_LEFT);
    bus_table_column(table, "值", "value", BUS_TABLE_LEFT);
    for (size_t i = 0; i < bus_schema_field_count(decoded->schema); i++) {
        bus_table_string(table, bus_schema_field(decoded->schema, i)->name);
        bus_table_text(table, field_text(decoded, datum, i, scratch) ? bus_buffer_view(scratch) : bus_bytes_text("-"));
    }
    if (!bus_table_print(table))
        cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    bus_table_destroy(table);
}

static void print_original(struct cli_context *context, const struct bus_quarantined *record,
                           struct bus_buffer *scratch)
{
    struct decoded decoded = decode(context, record);
    bus_buffer_reset(scratch);
    if (decoded.spans != NULL) {
        print_fields(&decoded, record->original, scratch);
    } else if (bus_utf8_valid(record->original)) {
        bus_table_clean(scratch, record->original, true);
        printf("%.*s\n", TEXT(bus_buffer_view(scratch)));
    } else {
        append_hex(scratch, record->original);
        printf("%.*s\n", TEXT(bus_buffer_view(scratch)));
    }
    free(decoded.spans);
}

static void print_decision(const struct bus_quarantined *decision, struct bus_buffer *scratch)
{
    char when[CLI_TIME_SIZE];
    if (decision == NULL)
        return;
    cli_time(decision->at_ms, when);
    line("处理", "decision", decision->action, scratch);
    line("处理时间", "decided at", bus_bytes_text(when), scratch);
    line("处理人", "officer", decision->officer, scratch);
    line("理由", "reason given", decision->reason_zh, scratch);
}

static void print_entry(struct cli_context *context, const struct cli_quarantined *entry, bool bytes)
{
    const struct bus_quarantined *record = &entry->record;
    struct bus_buffer scratch;
    char id[CLI_QUARANTINE_ID_SIZE], when[CLI_TIME_SIZE];
    bus_buffer_init(&scratch, ANSWER_LIMIT);
    cli_quarantine_print_id(entry->id, id);
    cli_time(record->at_ms, when);
    line("编号", "id", bus_bytes_text(id), &scratch);
    line("时间", "when", bus_bytes_text(when), &scratch);
    line("部门", "department", record->department, &scratch);
    line("目录项", "item", record->item, &scratch);
    line("环节", "stage", record->stage, &scratch);
    line("原因代码", "code", record->code, &scratch);
    line("原因", "reason", record->reason_zh, &scratch);
    line("英文原因", "in English", record->reason_en, &scratch);
    line("适配器", "adapter", record->adapter, &scratch);
    line("文件", "file", record->source, &scratch);
    if (record->line > 0)
        printf("行 / line: %lld\n", (long long)record->line);
    line("列", "column", record->column, &scratch);
    line("主题", "topic", record->topic, &scratch);
    if (record->topic.length > 0)
        printf("分区与位点 / partition and offset: %d:%lld\n", (int)record->partition, (long long)record->offset);
    print_decision(entry->decision, &scratch);
    printf("原始字节 / original bytes: %zu\n", record->original.length);
    if (bytes)
        print_original(context, record, &scratch);
    else if (record->original.length > 0)
        puts("  （可能含个人信息，用 --bytes 查看 / may hold personal data: --bytes shows them)");
    bus_buffer_release(&scratch);
}

/* --- JSON --- */

static void write_fields(struct bus_json *json, const struct decoded *decoded, struct bus_bytes datum)
{
    struct bus_buffer text;
    bus_buffer_init(&text, ANSWER_LIMIT);
    bus_json_name(json, "fields");
    bus_json_object(json);
    for (size_t i = 0; i < bus_schema_field_count(decoded->schema); i++) {
        bus_json_name(json, bus_schema_field(decoded->schema, i)->name);
        if (field_text(decoded, datum, i, &text))
            bus_json_text(json, bus_buffer_view(&text));
        else
            bus_json_null(json);
    }
    bus_json_end_object(json);
    bus_buffer_release(&text);
}

static void write_original(struct cli_context *context, struct bus_json *json, const struct bus_quarantined *record)
{
    struct bus_buffer hex;
    struct decoded decoded = decode(context, record);
    if (decoded.spans != NULL)
        write_fields(json, &decoded, record->original);
    free(decoded.spans);
    bus_buffer_init(&hex, ANSWER_LIMIT);
    append_hex(&hex, record->original);
    bus_json_name(json, "original_hex");
    bus_json_text(json, bus_buffer_view(&hex));
    bus_buffer_release(&hex);
}

static int print_json(struct cli_context *context, const struct cli_quarantined *entry, bool bytes)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    cli_quarantine_write(&json, entry);
    bus_json_name(&json, "original_bytes");
    bus_json_integer(&json, (int64_t)entry->record.original.length);
    if (bytes)
        write_original(context, &json, &entry->record);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

int cli_quarantine_show(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_quarantine_id id;
    struct cli_quarantine_list found;
    bool bytes = false;
    const struct cli_option options[] = {{"bytes", CLI_OPTION_FLAG, &bytes}, {0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest != 1 || !cli_quarantine_parse_id(bus_bytes_text(argv[1]), &id))
        return cli_usage(USAGE);
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    struct cli_quarantine_filter filter = {.ids = &id, .id_count = 1, .with_original = true};
    enum bus_status status = cli_quarantine_read(context, &filter, &found, &error);
    int code;
    if (status != BUS_OK)
        code = cli_fail(status, &error);
    else if (found.count == 0)
        code = cli_say(CLI_NO, "隔离区没有这个编号（处理决定不单独显示）",
                       "the quarantine has no such id (decisions are shown with what they decide)");
    else if (context->json)
        code = print_json(context, &found.entries[0], bytes);
    else
        code = (print_entry(context, &found.entries[0], bytes), CLI_DONE);
    cli_quarantine_release(&found);
    return code;
}
