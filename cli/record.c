/* xinqiao record show: a record's life, found by its identity or by its department, item and key. */
#include <stdio.h>

#include "bus/table.h"
#include "cli/names.h"
#include "cli/record.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024, FLAGS_SIZE = 256, HOLDERS_SIZE = 8192, STATUS_SIZE = 256 };

#define USAGE                                                                                                          \
    "record show IDENTITY\n"                                                                                           \
    "record show --department D --item I --key KEY"

static void status_text(const struct cli_life *life, const struct cli_life_state *state, char out_text[STATUS_SIZE])
{
    const struct cli_word *words[CLI_STATUS_MAX];
    size_t count = cli_record_status(life, state, words), length = 0;
    out_text[0] = '\0';
    for (size_t i = 0; i < count && length < STATUS_SIZE; i++)
        length += (size_t)snprintf(out_text + length, STATUS_SIZE - length, "%s%s / %s", i > 0 ? "；" : "",
                                   words[i]->zh, words[i]->en);
}

/* --- sets as text --- */

static void flags_text(uint32_t flags, char text[FLAGS_SIZE])
{
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < BUS_FLAG_COUNT; i++)
        if ((flags >> i & 1) != 0 && length < FLAGS_SIZE)
            length += (size_t)snprintf(text + length, FLAGS_SIZE - length, "%s%s", length > 0 ? " " : "",
                                       bus_flag_name((enum bus_flag)i));
}

/* "court（已签收 applied） bank（未签收 …）" */
static void holders_text(const struct bus_catalogue *catalogue, const struct cli_life *life,
                         const struct cli_arrivals *arrivals, char text[HOLDERS_SIZE])
{
    uint64_t holders = life->states[life->state_count - 1].entry.holders;
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = cli_record_holder(catalogue, holders, i);
        if (subscriber == NULL || length >= HOLDERS_SIZE)
            continue;
        const struct cli_word *word = cli_arrival_word(cli_record_arrival(life, arrivals, subscriber));
        length += (size_t)snprintf(text + length, HOLDERS_SIZE - length, "%s%s（%s %s）", length > 0 ? " " : "",
                                   subscriber->name, word->zh, word->en);
    }
}

/* --- for people --- */

static void print_day(const char *what, int32_t days)
{
    char day[CLI_MOMENT_SIZE];
    cli_day(days, day);
    printf("%s: %s", what, day[0] != '\0' ? day : "-");
}

static void print_days(const struct bus_state_entry *entry)
{
    print_day("公示至 / public until", entry->publicity_days);
    print_day("    保存至 / kept until", entry->retention_days);
    print_day("    提醒日 / reminder after", entry->watch_days);
    putchar('\n');
}

static void print_head(const struct bus_catalogue *catalogue, const struct cli_life *life,
                       const struct cli_arrivals *arrivals)
{
    const struct cli_life_state *last = &life->states[life->state_count - 1];
    char text[2 * BUS_IDENTITY_SIZE + 1], flags[FLAGS_SIZE], holders[HOLDERS_SIZE], status[STATUS_SIZE];
    bus_hex(life->identity, sizeof life->identity, text);
    printf("记录标识 / identity: %s\n", text);
    bus_hex(life->subject_key, sizeof life->subject_key, text);
    printf("主体键 / subject key: %s    分区 / partition: %d\n", text, (int)life->partition);
    if (life->item != NULL)
        printf("目录项 / item: %s.%s %s / %s\n", life->item->department->name, life->item->name, life->item->name_zh,
               life->item->name_en);
    status_text(life, last, status);
    printf("状态 / status: %s\n", status);
    if (last->gone)
        return;
    flags_text(last->entry.flags, flags);
    holders_text(catalogue, life, arrivals, holders);
    printf("版本 / version: %lld    未决异议 / open disputes: %u\n", (long long)last->entry.version,
           cli_record_disputes(life, &last->entry));
    print_days(&last->entry);
    printf("标记 / flags: %s\n", flags[0] != '\0' ? flags : "-");
    printf("持有方 / holders: %s\n", holders[0] != '\0' ? holders : "-");
}

static void time_cell(struct bus_table *table, int64_t at_ms)
{
    char when[CLI_TIME_SIZE];
    cli_time(at_ms, when);
    bus_table_string(table, when);
}

static bool print_versions(const struct cli_life *life)
{
    struct bus_table *table = bus_table_create();
    printf("\n收到的版本 / versions received: %zu\n", life->version_count);
    bus_table_column(table, "位点", "offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "发布时间", "published", BUS_TABLE_LEFT);
    bus_table_column(table, "操作", "operation", BUS_TABLE_LEFT);
    bus_table_column(table, "版本", "version", BUS_TABLE_RIGHT);
    bus_table_column(table, "序号", "sequence", BUS_TABLE_RIGHT);
    bus_table_column(table, "适配器", "adapter", BUS_TABLE_LEFT);
    bus_table_column(table, "重放", "replayed", BUS_TABLE_LEFT);
    for (size_t i = 0; i < life->version_count; i++) {
        const struct cli_life_version *version = &life->versions[i];
        bus_table_cell(table, "%lld", (long long)version->offset);
        time_cell(table, version->at_ms);
        bus_table_string(table, cli_record_operations[version->operation]);
        bus_table_cell(table, "%lld", (long long)version->version);
        bus_table_cell(table, "%lld", (long long)version->sequence);
        bus_table_string(table, version->adapter);
        bus_table_string(table, version->replayed ? "是 yes" : "");
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static bool print_states(const struct cli_life *life)
{
    struct bus_table *table = bus_table_create();
    printf("\n接受后的状态 / states kept (xq.state): %zu\n", life->state_count);
    bus_table_column(table, "位点", "offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "变更时间", "changed", BUS_TABLE_LEFT);
    bus_table_column(table, "版本", "version", BUS_TABLE_RIGHT);
    bus_table_column(table, "变化", "what", BUS_TABLE_LEFT);
    bus_table_column(table, "状态", "status", BUS_TABLE_LEFT);
    for (size_t i = 0; i < life->state_count; i++) {
        const struct cli_life_state *state = &life->states[i];
        char status[STATUS_SIZE];
        status_text(life, state, status);
        bus_table_cell(table, "%lld", (long long)state->offset);
        time_cell(table, state->entry.changed_ms);
        bus_table_cell(table, "%lld", (long long)state->entry.version);
        bus_table_string(table, state->status_only ? "状态 status" : "版本 version");
        bus_table_string(table, status);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static bool print_deliveries(const struct cli_life *life, const struct cli_arrivals *arrivals)
{
    struct bus_table *table = bus_table_create();
    printf("\n投递 / deliveries: %zu\n", life->delivery_count);
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "位点", "offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "叶序号", "leaf", BUS_TABLE_RIGHT);
    bus_table_column(table, "投递时间", "delivered", BUS_TABLE_LEFT);
    bus_table_column(table, "操作", "operation", BUS_TABLE_LEFT);
    bus_table_column(table, "原因", "reason", BUS_TABLE_LEFT);
    bus_table_column(table, "版本", "version", BUS_TABLE_RIGHT);
    bus_table_column(table, "授权", "grant", BUS_TABLE_LEFT);
    bus_table_column(table, "签收", "signed for", BUS_TABLE_LEFT);
    for (size_t i = 0; i < life->delivery_count; i++) {
        const struct cli_life_delivery *delivery = &life->deliveries[i];
        const struct cli_word *arrival = cli_arrival_word(
            cli_arrival_of(arrivals, delivery->subscriber, life->partition, delivery->leaf, delivery->offset, NULL));
        bus_table_string(table, delivery->subscriber->name);
        bus_table_cell(table, "%lld", (long long)delivery->offset);
        bus_table_cell(table, "%lld", (long long)delivery->leaf);
        time_cell(table, delivery->at_ms);
        bus_table_string(table, delivery->read ? bus_delivery_operation_name(delivery->operation) : "?");
        bus_table_string(table, delivery->read ? bus_delivery_reason_name(delivery->reason) : "?");
        bus_table_cell(table, "%lld", (long long)delivery->version);
        bus_table_string(table, delivery->grant);
        bus_table_cell(table, "%s %s", arrival->zh, arrival->en);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static bool print_disclosures(const struct cli_life *life)
{
    struct bus_table *table = bus_table_create();
    printf("\n披露审计 / audit of disclosures: %zu%s\n", life->trail.count,
           life->trail.cut ? "（更早的已不再保存 / older ones are kept no more）" : "");
    bus_table_column(table, "位点", "offset", BUS_TABLE_RIGHT);
    bus_table_column(table, "时间", "when", BUS_TABLE_LEFT);
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "叶序号", "leaf", BUS_TABLE_RIGHT);
    bus_table_column(table, "操作", "operation", BUS_TABLE_LEFT);
    bus_table_column(table, "原因", "reason", BUS_TABLE_LEFT);
    bus_table_column(table, "版本", "version", BUS_TABLE_RIGHT);
    bus_table_column(table, "授权", "grant", BUS_TABLE_LEFT);
    bus_table_column(table, "用途", "purpose", BUS_TABLE_LEFT);
    bus_table_column(table, "目录版本", "catalogue", BUS_TABLE_LEFT);
    for (size_t i = 0; i < life->trail.count; i++) {
        const struct cli_disclosure *disclosure = &life->trail.disclosures[i];
        bus_table_cell(table, "%lld", (long long)disclosure->offset);
        time_cell(table, disclosure->at_ms);
        bus_table_string(table, disclosure->grant->subscriber);
        bus_table_cell(table, "%llu", (unsigned long long)disclosure->leaf);
        bus_table_string(table, bus_delivery_operation_name(disclosure->operation));
        bus_table_string(table, bus_delivery_reason_name(disclosure->reason));
        bus_table_cell(table, "%lld", (long long)disclosure->version);
        bus_table_string(table, disclosure->grant->grant);
        bus_table_string(table, disclosure->grant->purpose);
        bus_table_string(table, disclosure->grant->catalogue);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static int print_life(const struct bus_catalogue *catalogue, const struct cli_life *life,
                      const struct cli_arrivals *arrivals)
{
    print_head(catalogue, life, arrivals);
    if (print_versions(life) && print_states(life) && print_deliveries(life, arrivals) && print_disclosures(life))
        return CLI_DONE;
    return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct bus_catalogue *catalogue, const struct cli_life *life,
                      const struct cli_arrivals *arrivals)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    cli_record_write_json(catalogue, life, arrivals, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- the command --- */

static int show(struct cli_context *context, struct cli_life *life)
{
    struct bus_error error;
    struct cli_arrivals arrivals = {0};
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_life_read(context, life, &error);
    if (status == BUS_OK)
        status = cli_arrivals_read(context, catalogue, life->partition, &arrivals, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? print_json(catalogue, life, &arrivals)
                                : print_life(catalogue, life, &arrivals);
    cli_arrivals_release(&arrivals);
    return code;
}

int cli_record(struct cli_context *context, int argc, char **argv)
{
    const char *department = NULL, *item = NULL, *key = NULL;
    struct cli_life life = {0};
    const struct cli_option options[] = {
        {"department", CLI_OPTION_TEXT, &department},
        {"item", CLI_OPTION_TEXT, &item},
        {"key", CLI_OPTION_TEXT, &key},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest < 1 || strcmp(argv[1], "show") != 0)
        return cli_usage(USAGE);
    bool named = department != NULL && item != NULL && key != NULL;
    if (rest == 2 ? !bus_unhex(argv[2], life.identity, sizeof life.identity) : rest != 1 || !named)
        return cli_usage(USAGE);
    const struct bus_catalogue *catalogue = rest == 2 ? NULL : cli_catalogue(context);
    if (rest != 2 && (catalogue == NULL || !cli_record_identity(catalogue, department, item, key, life.identity)))
        return CLI_WRONG_USE;
    int code = show(context, &life);
    cli_life_release(&life);
    return code;
}
