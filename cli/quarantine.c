/* xinqiao quarantine: list; the other forms are in quarantine_show.c and quarantine_decide.c. */
#include "cli/quarantine.h"

#include <stdio.h>

#include "bus/json.h"
#include "bus/table.h"

enum { DEFAULT_LIMIT = 100, ANSWER_LIMIT = 512 * 1024 * 1024, PLACE_SIZE = 512 };

#define USAGE                                                                                                          \
    "quarantine list [--department D] [--item I] [--stage S] [--code C] [--open] [--limit N]\n"                        \
    "quarantine show ID [--bytes]\n"                                                                                   \
    "quarantine replay ID… --officer NAME --reason TEXT\n"                                                           \
    "quarantine discard ID… --officer NAME --reason TEXT"

static const char *const severity_names[] = {"REFUSED", "NOTICE", "DECISION"};
static const char *const severity_texts[] = {"拒绝 refused", "通知 notice", "决定 decision"};

#define TEXT(view) (int)(view).length, (const char *)(view).data

/* --- table --- */

/* Where it came from: file, line and column of a row, or coordinates of an event. */
static void place_cell(struct bus_table *table, const struct bus_quarantined *record)
{
    if (record->topic.length > 0)
        bus_table_cell(table, "%.*s %d:%lld", TEXT(record->topic), (int)record->partition, (long long)record->offset);
    else if (record->column.length > 0)
        bus_table_cell(table, "%.*s:%lld %.*s", TEXT(record->source), (long long)record->line, TEXT(record->column));
    else
        bus_table_cell(table, "%.*s:%lld", TEXT(record->source), (long long)record->line);
}

static void decision_cell(struct bus_table *table, const struct cli_quarantined *entry)
{
    if (entry->decision != NULL)
        bus_table_cell(table, "%.*s %.*s", TEXT(entry->decision->action), TEXT(entry->decision->officer));
    else
        bus_table_string(table, entry->record.severity == BUS_SEVERITY_REFUSED ? "待处理 open" : "");
}

static int print_table(const struct cli_quarantined *entries, size_t count)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "编号", "id", BUS_TABLE_LEFT);
    bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
    bus_table_column(table, "类别", "kind", BUS_TABLE_LEFT);
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "环节", "stage", BUS_TABLE_LEFT);
    bus_table_column(table, "原因代码", "code", BUS_TABLE_LEFT);
    bus_table_column(table, "位置", "place", BUS_TABLE_LEFT);
    bus_table_column(table, "处理", "decision", BUS_TABLE_LEFT);
    bus_table_column(table, "原因", "reason", BUS_TABLE_LEFT);
    for (size_t i = 0; i < count; i++) {
        const struct bus_quarantined *record = &entries[i].record;
        char id[CLI_QUARANTINE_ID_SIZE], when[CLI_TIME_SIZE];
        cli_quarantine_print_id(entries[i].id, id);
        cli_time(record->at_ms, when);
        bus_table_string(table, id);
        bus_table_string(table, when);
        bus_table_string(table, severity_texts[record->severity]);
        bus_table_cell(table, "%.*s.%.*s", TEXT(record->department), TEXT(record->item));
        bus_table_text(table, record->stage);
        bus_table_text(table, record->code);
        place_cell(table, record);
        decision_cell(table, &entries[i]);
        bus_table_text(table, record->reason_zh);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- JSON --- */

static void write_text(struct bus_json *json, const char *name, struct bus_bytes text)
{
    bus_json_name(json, name);
    bus_json_text(json, text);
}

static void write_number(struct bus_json *json, const char *name, int64_t number)
{
    bus_json_name(json, name);
    bus_json_integer(json, number);
}

static void write_time(struct bus_json *json, int64_t at_ms)
{
    char when[CLI_TIME_SIZE];
    cli_time(at_ms, when);
    bus_json_name(json, "at");
    bus_json_string(json, when);
}

static void write_decision(struct bus_json *json, const struct bus_quarantined *decision)
{
    bus_json_name(json, "decision");
    if (decision == NULL) {
        bus_json_null(json);
        return;
    }
    bus_json_object(json);
    write_text(json, "action", decision->action);
    write_text(json, "officer", decision->officer);
    write_time(json, decision->at_ms);
    write_text(json, "reason", decision->reason_zh);
    bus_json_end_object(json);
}

void cli_quarantine_write(struct bus_json *json, const struct cli_quarantined *entry)
{
    const struct bus_quarantined *record = &entry->record;
    char id[CLI_QUARANTINE_ID_SIZE];
    cli_quarantine_print_id(entry->id, id);
    bus_json_name(json, "id");
    bus_json_string(json, id);
    write_time(json, record->at_ms);
    bus_json_name(json, "severity");
    bus_json_string(json, severity_names[record->severity]);
    write_text(json, "department", record->department);
    write_text(json, "item", record->item);
    write_text(json, "stage", record->stage);
    write_text(json, "code", record->code);
    write_text(json, "reason_zh", record->reason_zh);
    write_text(json, "reason_en", record->reason_en);
    write_text(json, "adapter", record->adapter);
    write_text(json, "source", record->source);
    write_number(json, "line", record->line);
    write_text(json, "column", record->column);
    write_text(json, "topic", record->topic);
    write_number(json, "partition", record->partition);
    write_number(json, "offset", record->offset);
    write_decision(json, entry->decision);
}

static int print_json(const struct cli_quarantined *entries, size_t count)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < count; i++) {
        bus_json_object(&json);
        cli_quarantine_write(&json, &entries[i]);
        bus_json_end_object(&json);
    }
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- list --- */

/* Keeps what waits for a decision; returns how many. */
static size_t keep_open(struct cli_quarantine_list *list)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->entries[i].decision == NULL && list->entries[i].record.severity == BUS_SEVERITY_REFUSED)
            list->entries[count++] = list->entries[i];
    return count;
}

static int print_list(const struct cli_context *context, struct cli_quarantine_list *list, bool open, int64_t limit)
{
    size_t total = list->count, waiting = 0;
    for (size_t i = 0; i < list->count; i++)
        waiting += list->entries[i].decision == NULL && list->entries[i].record.severity == BUS_SEVERITY_REFUSED;
    if (open)
        list->count = keep_open(list);
    size_t count = (uint64_t)limit < list->count ? (size_t)limit : list->count;
    const struct cli_quarantined *newest = list->count == 0 ? NULL : &list->entries[list->count - count];
    if (context->json)
        return print_json(newest, count);
    int code = count > 0 ? print_table(newest, count) : CLI_DONE;
    printf("%s共 %zu 条，待处理 %zu 条，显示 %zu 条 / %zu in all, %zu open, %zu shown\n", count > 0 ? "\n" : "", total,
           waiting, count, total, waiting, count);
    return code;
}

static int list(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    struct cli_quarantine_filter filter = {0};
    struct cli_quarantine_list found;
    bool open = false;
    int64_t limit = DEFAULT_LIMIT;
    const struct cli_option options[] = {
        {"department", CLI_OPTION_TEXT, &filter.department},
        {"item", CLI_OPTION_TEXT, &filter.item},
        {"stage", CLI_OPTION_TEXT, &filter.stage},
        {"code", CLI_OPTION_TEXT, &filter.code},
        {"open", CLI_OPTION_FLAG, &open},
        {"limit", CLI_OPTION_INTEGER, &limit},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest != 0)
        return rest < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_quarantine_read(context, &filter, &found, &error);
    int code = status == BUS_OK ? print_list(context, &found, open, limit) : cli_fail(status, &error);
    cli_quarantine_release(&found);
    return code;
}

int cli_quarantine(struct cli_context *context, int argc, char **argv)
{
    const char *form = argc > 1 ? argv[1] : "";
    if (strcmp(form, "list") == 0)
        return list(context, argc - 1, argv + 1);
    if (strcmp(form, "show") == 0)
        return cli_quarantine_show(context, argc - 1, argv + 1);
    if (strcmp(form, "replay") == 0 || strcmp(form, "discard") == 0)
        return cli_quarantine_decide(context, argc - 1, argv + 1);
    return cli_usage(USAGE);
}
