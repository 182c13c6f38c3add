/* xinqiao record show: a record's life, found by its identity or by its department, item and key. */
#include <stdio.h>

#include "bus/json.h"
#include "cli/command.h"
#include "cli/life.h"
#include "cli/names.h"
#include "cli/table.h"

enum {
    ANSWER_LIMIT = 64 * 1024 * 1024,
    FLAGS_SIZE = 256,
    HOLDERS_SIZE = 1024,
    DAY_SIZE = 16,
    DAY_MS = 24 * 3600 * 1000
};

#define USAGE                                                                                                          \
    "record show IDENTITY\n"                                                                                           \
    "record show --department D --item I --key KEY"

static const char *const operation_names[] = {"PUT", "WITHDRAW"};

static const char *status_name(const struct cli_life_state *state)
{
    if (state->gone)
        return "GONE";
    return state->entry.status == BUS_RECORD_WITHDRAWN ? "WITHDRAWN" : "LIVE";
}

static const char *status_text(const struct cli_life_state *state)
{
    if (state->gone)
        return "已清除 / gone";
    return state->entry.status == BUS_RECORD_WITHDRAWN ? "已撤回 / withdrawn" : "有效 / live";
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

static const struct bus_subscriber *holder(const struct bus_catalogue *catalogue, uint64_t holders, size_t index)
{
    const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, index);
    return (holders >> subscriber->number & 1) != 0 ? subscriber : NULL;
}

static void holders_text(const struct bus_catalogue *catalogue, uint64_t holders, char text[HOLDERS_SIZE])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *subscriber = holder(catalogue, holders, i);
        if (subscriber != NULL && length < HOLDERS_SIZE)
            length +=
                (size_t)snprintf(text + length, HOLDERS_SIZE - length, "%s%s", length > 0 ? " " : "", subscriber->name);
    }
}

static void day_text(int32_t days, char text[DAY_SIZE])
{
    char when[CLI_TIME_SIZE];
    if (days == INT32_MAX) {
        snprintf(text, DAY_SIZE, "-");
        return;
    }
    cli_time((int64_t)days * DAY_MS, when);
    snprintf(text, DAY_SIZE, "%.10s", when);
}

/* --- for people --- */

static void print_head(const struct bus_catalogue *catalogue, const struct cli_life *life)
{
    const struct cli_life_state *last = &life->states[life->state_count - 1];
    char text[2 * BUS_IDENTITY_SIZE + 1], flags[FLAGS_SIZE], holders[HOLDERS_SIZE], day[DAY_SIZE];
    bus_hex(life->identity, sizeof life->identity, text);
    printf("记录标识 / identity: %s\n", text);
    bus_hex(life->subject_key, sizeof life->subject_key, text);
    printf("主体键 / subject key: %s    分区 / partition: %d\n", text, (int)life->partition);
    if (life->item != NULL)
        printf("目录项 / item: %s.%s %s / %s\n", life->item->department->name, life->item->name, life->item->name_zh,
               life->item->name_en);
    printf("状态 / status: %s\n", status_text(last));
    if (last->gone)
        return;
    flags_text(last->entry.flags, flags);
    holders_text(catalogue, last->entry.holders, holders);
    day_text(last->entry.publicity_days, day);
    printf("版本 / version: %lld    公示至 / public until: %s\n", (long long)last->entry.version, day);
    printf("标记 / flags: %s\n", flags[0] != '\0' ? flags : "-");
    printf("持有方 / holders: %s\n", holders[0] != '\0' ? holders : "-");
}

static void time_cell(struct cli_table *table, int64_t at_ms)
{
    char when[CLI_TIME_SIZE];
    cli_time(at_ms, when);
    cli_table_string(table, when);
}

static bool print_versions(const struct cli_life *life)
{
    struct cli_table *table = cli_table_create();
    printf("\n收到的版本 / versions received: %zu\n", life->version_count);
    cli_table_column(table, "位点", "offset", CLI_RIGHT);
    cli_table_column(table, "发布时间", "published", CLI_LEFT);
    cli_table_column(table, "操作", "operation", CLI_LEFT);
    cli_table_column(table, "版本", "version", CLI_RIGHT);
    cli_table_column(table, "序号", "sequence", CLI_RIGHT);
    cli_table_column(table, "适配器", "adapter", CLI_LEFT);
    cli_table_column(table, "重放", "replayed", CLI_LEFT);
    for (size_t i = 0; i < life->version_count; i++) {
        const struct cli_life_version *version = &life->versions[i];
        cli_table_cell(table, "%lld", (long long)version->offset);
        time_cell(table, version->at_ms);
        cli_table_string(table, operation_names[version->operation]);
        cli_table_cell(table, "%lld", (long long)version->version);
        cli_table_cell(table, "%lld", (long long)version->sequence);
        cli_table_string(table, version->adapter);
        cli_table_string(table, version->replayed ? "是 yes" : "");
    }
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    return whole;
}

static bool print_states(const struct cli_life *life)
{
    struct cli_table *table = cli_table_create();
    printf("\n接受后的状态 / states kept (xq.state): %zu\n", life->state_count);
    cli_table_column(table, "位点", "offset", CLI_RIGHT);
    cli_table_column(table, "变更时间", "changed", CLI_LEFT);
    cli_table_column(table, "版本", "version", CLI_RIGHT);
    cli_table_column(table, "状态", "status", CLI_LEFT);
    for (size_t i = 0; i < life->state_count; i++) {
        const struct cli_life_state *state = &life->states[i];
        cli_table_cell(table, "%lld", (long long)state->offset);
        time_cell(table, state->entry.changed_ms);
        cli_table_cell(table, "%lld", (long long)state->entry.version);
        cli_table_string(table, status_text(state));
    }
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    return whole;
}

static bool print_deliveries(const struct cli_life *life)
{
    struct cli_table *table = cli_table_create();
    printf("\n投递 / deliveries: %zu\n", life->delivery_count);
    cli_table_column(table, "订阅方", "subscriber", CLI_LEFT);
    cli_table_column(table, "位点", "offset", CLI_RIGHT);
    cli_table_column(table, "叶序号", "leaf", CLI_RIGHT);
    cli_table_column(table, "投递时间", "delivered", CLI_LEFT);
    cli_table_column(table, "操作", "operation", CLI_LEFT);
    cli_table_column(table, "原因", "reason", CLI_LEFT);
    cli_table_column(table, "版本", "version", CLI_RIGHT);
    cli_table_column(table, "授权", "grant", CLI_LEFT);
    for (size_t i = 0; i < life->delivery_count; i++) {
        const struct cli_life_delivery *delivery = &life->deliveries[i];
        cli_table_string(table, delivery->subscriber->name);
        cli_table_cell(table, "%lld", (long long)delivery->offset);
        cli_table_cell(table, "%lld", (long long)delivery->leaf);
        time_cell(table, delivery->at_ms);
        cli_table_string(table, delivery->read ? bus_delivery_operation_name(delivery->operation) : "?");
        cli_table_string(table, delivery->read ? bus_delivery_reason_name(delivery->reason) : "?");
        cli_table_cell(table, "%lld", (long long)delivery->version);
        cli_table_string(table, delivery->grant);
    }
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    return whole;
}

static bool print_disclosures(const struct cli_life *life)
{
    struct cli_table *table = cli_table_create();
    printf("\n披露审计 / audit of disclosures: %zu\n", life->disclosure_count);
    cli_table_column(table, "位点", "offset", CLI_RIGHT);
    cli_table_column(table, "时间", "when", CLI_LEFT);
    cli_table_column(table, "订阅方", "subscriber", CLI_LEFT);
    cli_table_column(table, "授权", "grant", CLI_LEFT);
    cli_table_column(table, "叶序号", "leaf", CLI_RIGHT);
    for (size_t i = 0; i < life->disclosure_count; i++) {
        const struct cli_life_disclosure *disclosure = &life->disclosures[i];
        cli_table_cell(table, "%lld", (long long)disclosure->offset);
        time_cell(table, disclosure->at_ms);
        cli_table_string(table, disclosure->subscriber);
        cli_table_string(table, disclosure->grant);
        cli_table_cell(table, "%lld", (long long)disclosure->leaf);
    }
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    return whole;
}

static int print_life(const struct bus_catalogue *catalogue, const struct cli_life *life)
{
    print_head(catalogue, life);
    if (print_versions(life) && print_states(life) && print_deliveries(life) && print_disclosures(life))
        return CLI_DONE;
    return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- JSON --- */

static void write_string(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_number(struct bus_json *json, const char *name, int64_t number)
{
    bus_json_name(json, name);
    bus_json_integer(json, number);
}

static void write_hex(struct bus_json *json, const char *name, const uint8_t bytes[BUS_IDENTITY_SIZE])
{
    char text[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(bytes, BUS_IDENTITY_SIZE, text);
    write_string(json, name, text);
}

static void write_entry(struct bus_json *json, const struct bus_catalogue *catalogue,
                        const struct cli_life_state *state)
{
    const struct bus_state_entry *entry = &state->entry;
    char day[DAY_SIZE];
    bus_json_object(json);
    write_number(json, "offset", state->offset);
    write_string(json, "status", status_name(state));
    if (!state->gone) {
        write_number(json, "version", entry->version);
        write_number(json, "changed_ms", entry->changed_ms);
        write_number(json, "first_seen_ms", entry->first_seen_ms);
        day_text(entry->publicity_days, day);
        write_string(json, "public_until", entry->publicity_days == INT32_MAX ? "" : day);
        bus_json_name(json, "flags");
        bus_json_array(json);
        for (int i = 0; i < BUS_FLAG_COUNT; i++)
            if ((entry->flags >> i & 1) != 0)
                bus_json_string(json, bus_flag_name((enum bus_flag)i));
        bus_json_end_array(json);
        bus_json_name(json, "holders");
        bus_json_array(json);
        for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
            if (holder(catalogue, entry->holders, i) != NULL)
                bus_json_string(json, holder(catalogue, entry->holders, i)->name);
        bus_json_end_array(json);
    }
    bus_json_end_object(json);
}

static void write_version(struct bus_json *json, const struct cli_life_version *version)
{
    bus_json_object(json);
    write_number(json, "offset", version->offset);
    write_number(json, "published_at_ms", version->at_ms);
    write_string(json, "operation", operation_names[version->operation]);
    write_number(json, "version", version->version);
    write_number(json, "sequence", version->sequence);
    write_string(json, "adapter", version->adapter);
    bus_json_name(json, "replayed");
    bus_json_boolean(json, version->replayed);
    bus_json_end_object(json);
}

static void write_delivery(struct bus_json *json, const struct cli_life_delivery *delivery)
{
    bus_json_object(json);
    write_string(json, "subscriber", delivery->subscriber->name);
    write_number(json, "offset", delivery->offset);
    write_number(json, "leaf", delivery->leaf);
    write_number(json, "delivered_at_ms", delivery->at_ms);
    if (delivery->read) {
        write_string(json, "operation", bus_delivery_operation_name(delivery->operation));
        write_string(json, "reason", bus_delivery_reason_name(delivery->reason));
        write_number(json, "version", delivery->version);
        write_string(json, "grant", delivery->grant);
    }
    bus_json_end_object(json);
}

static void write_disclosure(struct bus_json *json, const struct cli_life_disclosure *disclosure)
{
    bus_json_object(json);
    write_number(json, "offset", disclosure->offset);
    write_number(json, "at_ms", disclosure->at_ms);
    write_string(json, "subscriber", disclosure->subscriber);
    write_string(json, "grant", disclosure->grant);
    write_number(json, "leaf", disclosure->leaf);
    bus_json_end_object(json);
}

static void write_life(struct bus_json *json, const struct bus_catalogue *catalogue, const struct cli_life *life)
{
    bus_json_object(json);
    write_hex(json, "identity", life->identity);
    write_hex(json, "subject_key", life->subject_key);
    write_number(json, "partition", life->partition);
    write_string(json, "department", life->item != NULL ? life->item->department->name : "");
    write_string(json, "item", life->item != NULL ? life->item->name : "");
    write_string(json, "status", status_name(&life->states[life->state_count - 1]));
    bus_json_name(json, "states");
    bus_json_array(json);
    for (size_t i = 0; i < life->state_count; i++)
        write_entry(json, catalogue, &life->states[i]);
    bus_json_end_array(json);
    bus_json_name(json, "versions");
    bus_json_array(json);
    for (size_t i = 0; i < life->version_count; i++)
        write_version(json, &life->versions[i]);
    bus_json_end_array(json);
    bus_json_name(json, "deliveries");
    bus_json_array(json);
    for (size_t i = 0; i < life->delivery_count; i++)
        write_delivery(json, &life->deliveries[i]);
    bus_json_end_array(json);
    bus_json_name(json, "disclosures");
    bus_json_array(json);
    for (size_t i = 0; i < life->disclosure_count; i++)
        write_disclosure(json, &life->disclosures[i]);
    bus_json_end_array(json);
    bus_json_end_object(json);
}

static int print_json(const struct bus_catalogue *catalogue, const struct cli_life *life)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    write_life(&json, catalogue, life);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- the command --- */

static int show(struct cli_context *context, struct cli_life *life)
{
    struct bus_error error;
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    enum bus_status status = cli_life_read(context, life, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    return context->json ? print_json(catalogue, life) : print_life(catalogue, life);
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
