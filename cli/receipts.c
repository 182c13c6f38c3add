/* xinqiao receipts: what receivers have signed for: of one record, of each log, and what they refused. */
#include "cli/receipts.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/table.h"
#include "cli/members.h"
#include "cli/names.h"
#include "cli/scan.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

#define USAGE                                                                                                          \
    "receipts IDENTITY\n"                                                                                              \
    "receipts --department D --item I --key KEY\n"                                                                     \
    "receipts [--subscriber NAME]\n"                                                                                   \
    "receipts --refused [--subscriber NAME]"

/* --- the latest receipt of each log --- */

struct bus_table *cli_receipts_table(void)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "分区", "partition", BUS_TABLE_RIGHT);
    bus_table_column(table, "已投递", "leaves", BUS_TABLE_RIGHT);
    bus_table_column(table, "已签收", "signed for", BUS_TABLE_RIGHT);
    bus_table_column(table, "签收时间", "signed at", BUS_TABLE_LEFT);
    bus_table_column(table, "核验", "check", BUS_TABLE_LEFT);
    return table;
}

void cli_receipts_print(struct bus_table *table, const struct cli_signed_log *log)
{
    char when[CLI_MOMENT_SIZE] = "-";
    const struct cli_word *verdict = cli_receipt_verdict_word(log->verdict);
    if (log->is_signed)
        cli_moment(log->at_ms, when);
    bus_table_string(table, log->subscriber->name);
    bus_table_cell(table, "%d", (int)log->partition);
    bus_table_cell(table, "%llu", (unsigned long long)log->log_size);
    bus_table_cell(table, "%llu", (unsigned long long)log->size);
    bus_table_string(table, when);
    bus_table_cell(table, "%s / %s", verdict->zh, verdict->en);
}

void cli_receipts_write(struct bus_json *json, const struct cli_signed_log *log)
{
    bus_json_object(json);
    cli_member_text(json, "subscriber", log->subscriber->name);
    cli_member_number(json, "partition", log->partition);
    cli_member_number(json, "leaves", (int64_t)log->log_size);
    cli_member_number(json, "signed_for", (int64_t)log->size);
    bus_json_name(json, "seal_offset");
    if (log->is_signed)
        bus_json_integer(json, log->offset);
    else
        bus_json_null(json);
    cli_member_time(json, "signed_at", log->at_ms);
    cli_member_text(json, "check", cli_receipt_verdict_word(log->verdict)->name);
    bus_json_end_object(json);
}

static int print_text(const struct cli_signed_logs *logs)
{
    struct bus_table *table = cli_receipts_table();
    for (size_t i = 0; i < logs->count; i++)
        if (logs->of[i].log_size > 0 || logs->of[i].is_signed)
            cli_receipts_print(table, &logs->of[i]);
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static int print_json(const struct cli_signed_logs *logs)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_array(&json);
    for (size_t i = 0; i < logs->count; i++)
        cli_receipts_write(&json, &logs->of[i]);
    bus_json_end_array(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

bool cli_receipt_is_bad(enum cli_receipt_verdict verdict)
{
    return verdict == CLI_RECEIPT_KEY || verdict == CLI_RECEIPT_SIGNATURE || verdict == CLI_RECEIPT_ROOT ||
           verdict == CLI_RECEIPT_SEAL;
}

static int list_logs(struct cli_context *context, const struct bus_subscriber *only)
{
    struct bus_error error;
    struct cli_signed_logs logs;
    enum bus_status status =
        cli_signed_logs_read(context, cli_catalogue(context), only, CLI_ALL_PARTITIONS, &logs, &error);
    if (status == BUS_OK)
        status = cli_receipts_check(context, &logs, &error);
    int code = status != BUS_OK ? cli_fail(status, &error) : context->json ? print_json(&logs) : print_text(&logs);
    for (size_t i = 0; code == CLI_DONE && i < logs.count; i++)
        if (cli_receipt_is_bad(logs.of[i].verdict))
            code = CLI_NO;
    cli_signed_logs_release(&logs);
    return code;
}

/* --- the command --- */

struct arguments {
    const char *department, *item, *key, *subscriber;
    bool refused;
};

static int of_record(struct cli_context *context, const struct arguments *arguments, const char *identity_text)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    bool named = arguments->department != NULL && arguments->item != NULL && arguments->key != NULL;
    if (arguments->refused || arguments->subscriber != NULL || (identity_text == NULL && !named) ||
        (identity_text != NULL && !bus_unhex(identity_text, identity, sizeof identity)))
        return cli_usage(USAGE);
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    if (identity_text == NULL &&
        !cli_record_identity(catalogue, arguments->department, arguments->item, arguments->key, identity))
        return CLI_WRONG_USE;
    return cli_receipts_record(context, identity);
}

int cli_receipts(struct cli_context *context, int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct bus_subscriber *only = NULL;
    const struct cli_option options[] = {
        {"department", CLI_OPTION_TEXT, &arguments.department},
        {"item", CLI_OPTION_TEXT, &arguments.item},
        {"key", CLI_OPTION_TEXT, &arguments.key},
        {"subscriber", CLI_OPTION_TEXT, &arguments.subscriber},
        {"refused", CLI_OPTION_FLAG, &arguments.refused},
        {0},
    };
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    if (rest > 1)
        return cli_usage(USAGE);
    if (rest == 1 || arguments.department != NULL || arguments.item != NULL || arguments.key != NULL)
        return of_record(context, &arguments, rest == 1 ? argv[1] : NULL);
    const struct bus_catalogue *catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (catalogue == NULL)
        return CLI_WRONG_USE;
    if (arguments.subscriber != NULL && (only = cli_subscriber(catalogue, arguments.subscriber)) == NULL)
        return CLI_WRONG_USE;
    return arguments.refused ? cli_receipts_refused(context, only) : list_logs(context, only);
}
