/* xinqiao receipts RECORD: who has signed for a record's last delivery, and for each withdrawal, correction, dispute and repair of it. */
#include <stdio.h>

#include "bus/table.h"
#include "cli/delivery.h"
#include "cli/life.h"
#include "cli/receipts.h"

enum { ANSWER_LIMIT = 64 * 1024 * 1024 };

struct asking {
    struct cli_context *context;
    struct cli_life life;
    struct cli_arrivals arrivals;
    int64_t now_ms;
};

/* --- which deliveries are told of --- */

static bool is_last(const struct cli_life *life, size_t index)
{
    for (size_t i = index + 1; i < life->delivery_count; i++)
        if (life->deliveries[i].subscriber == life->deliveries[index].subscriber)
            return false;
    return true;
}

static bool is_told(const struct cli_life *life, size_t index)
{
    const struct cli_life_delivery *delivery = &life->deliveries[index];
    const struct cli_delivery_head head = {0, delivery->operation, delivery->reason};
    return !delivery->read || cli_delivery_matters(&head) || is_last(life, index);
}

static enum cli_arrival arrival_of(const struct asking *asking, const struct cli_life_delivery *delivery,
                                   const struct bus_quarantined **out_refusal)
{
    return cli_arrival_of(&asking->arrivals, delivery->subscriber, asking->life.partition, delivery->leaf,
                          delivery->offset, out_refusal);
}

/* --- for people --- */

/* By the receipt of when, since when not, or the receiver's words. */
static void arrival_cell(struct bus_table *table, const struct asking *asking, const struct cli_life_delivery *delivery)
{
    const struct bus_quarantined *refusal;
    enum cli_arrival arrival = arrival_of(asking, delivery, &refusal);
    const struct cli_word *word = cli_arrival_word(arrival);
    const struct cli_signed_log *log =
        cli_signed_logs_find(&asking->arrivals.logs, delivery->subscriber, asking->life.partition);
    char text[CLI_MOMENT_SIZE], age[CLI_AGE_SIZE];
    if (arrival == CLI_ARRIVAL_REFUSED) {
        bus_table_cell(table, "%s %s: %.*s %.*s", word->zh, word->en, (int)refusal->code.length,
                       (const char *)refusal->code.data, (int)refusal->reason_zh.length,
                       (const char *)refusal->reason_zh.data);
    } else if (arrival == CLI_ARRIVAL_APPLIED && log != NULL) {
        cli_moment(log->at_ms, text);
        bus_table_cell(table, "%s %s（不晚于 by %s）", word->zh, word->en, text);
    } else {
        cli_age(asking->now_ms - delivery->at_ms, age);
        bus_table_cell(table, "%s %s（已过 for %s）", word->zh, word->en, age);
    }
}

static bool print_deliveries(const struct asking *asking)
{
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "订阅方", "subscriber", BUS_TABLE_LEFT);
    bus_table_column(table, "叶序号", "leaf", BUS_TABLE_RIGHT);
    bus_table_column(table, "投递时间", "delivered", BUS_TABLE_LEFT);
    bus_table_column(table, "操作", "operation", BUS_TABLE_LEFT);
    bus_table_column(table, "签收", "signed for", BUS_TABLE_LEFT);
    for (size_t i = 0; i < asking->life.delivery_count; i++) {
        const struct cli_life_delivery *delivery = &asking->life.deliveries[i];
        char when[CLI_MOMENT_SIZE], words[CLI_DELIVERY_WORDS_SIZE] = "?";
        if (!is_told(&asking->life, i))
            continue;
        cli_moment(delivery->at_ms, when);
        if (delivery->read)
            cli_delivery_words(delivery->operation, delivery->reason, words);
        bus_table_string(table, delivery->subscriber->name);
        bus_table_cell(table, "%lld", (long long)delivery->leaf);
        bus_table_string(table, when);
        bus_table_string(table, words);
        arrival_cell(table, asking, delivery);
    }
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static bool was_delivered_to(const struct cli_life *life, const struct bus_subscriber *subscriber)
{
    for (size_t i = 0; i < life->delivery_count; i++)
        if (life->deliveries[i].subscriber == subscriber)
            return true;
    return false;
}

static bool print_receipts(const struct asking *asking)
{
    struct bus_table *table = cli_receipts_table();
    for (size_t i = 0; i < asking->arrivals.logs.count; i++)
        if (was_delivered_to(&asking->life, asking->arrivals.logs.of[i].subscriber))
            cli_receipts_print(table, &asking->arrivals.logs.of[i]);
    puts("\n回执 / receipts");
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    return whole;
}

static int print_text(const struct asking *asking)
{
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    const struct bus_item *item = asking->life.item;
    bus_hex(asking->life.identity, sizeof asking->life.identity, identity);
    printf("记录 / record: %s    分区 / partition: %d\n", identity, (int)asking->life.partition);
    if (item != NULL)
        printf("目录项 / item: %s.%s %s / %s\n", item->department->name, item->name, item->name_zh, item->name_en);
    if (asking->life.delivery_count == 0)
        return cli_say(CLI_DONE, "该记录没有投递给任何订阅方", "it was delivered to nobody");
    putchar('\n');
    return print_deliveries(asking) && print_receipts(asking) ? CLI_DONE
                                                              : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- for programs --- */

static void write_text(struct bus_json *json, const char *name, struct bus_bytes text)
{
    bus_json_name(json, name);
    bus_json_text(json, text);
}

static void write_delivery(struct bus_json *json, const struct asking *asking, const struct cli_life_delivery *delivery)
{
    char when[CLI_TIME_SIZE];
    const struct bus_quarantined *refusal;
    enum cli_arrival arrival = arrival_of(asking, delivery, &refusal);
    cli_time(delivery->at_ms, when);
    bus_json_object(json);
    write_text(json, "subscriber", bus_bytes_text(delivery->subscriber->name));
    bus_json_name(json, "leaf");
    bus_json_integer(json, delivery->leaf);
    bus_json_name(json, "offset");
    bus_json_integer(json, delivery->offset);
    write_text(json, "delivered_at", bus_bytes_text(when));
    if (delivery->read) {
        write_text(json, "operation", bus_bytes_text(bus_delivery_operation_name(delivery->operation)));
        write_text(json, "reason", bus_bytes_text(bus_delivery_reason_name(delivery->reason)));
    }
    write_text(json, "arrival", bus_bytes_text(cli_arrival_word(arrival)->name));
    if (refusal != NULL) {
        write_text(json, "refused_code", refusal->code);
        write_text(json, "refused_words", refusal->reason_zh);
    }
    bus_json_end_object(json);
}

static int print_json(const struct asking *asking)
{
    struct bus_buffer buffer;
    struct bus_json json;
    char identity[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(asking->life.identity, sizeof asking->life.identity, identity);
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    write_text(&json, "record", bus_bytes_text(identity));
    bus_json_name(&json, "partition");
    bus_json_integer(&json, asking->life.partition);
    bus_json_name(&json, "deliveries");
    bus_json_array(&json);
    for (size_t i = 0; i < asking->life.delivery_count; i++)
        if (is_told(&asking->life, i))
            write_delivery(&json, asking, &asking->life.deliveries[i]);
    bus_json_end_array(&json);
    bus_json_name(&json, "receipts");
    bus_json_array(&json);
    for (size_t i = 0; i < asking->arrivals.logs.count; i++)
        if (was_delivered_to(&asking->life, asking->arrivals.logs.of[i].subscriber))
            cli_receipts_write(&json, &asking->arrivals.logs.of[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

/* --- the command --- */

/* A receiver without a pinned key is not expected to sign. */
static bool is_settled(const struct asking *asking, const struct cli_life_delivery *delivery)
{
    enum cli_arrival arrival = arrival_of(asking, delivery, NULL);
    return arrival == CLI_ARRIVAL_APPLIED ||
           (arrival == CLI_ARRIVAL_UNSIGNED && !cli_receipts_has_key(asking->context, delivery->subscriber));
}

/* No: somebody who should has not signed, refused, or signed badly. */
static int settle(const struct asking *asking)
{
    for (size_t i = 0; i < asking->life.delivery_count; i++)
        if (is_told(&asking->life, i) && !is_settled(asking, &asking->life.deliveries[i]))
            return CLI_NO;
    for (size_t i = 0; i < asking->arrivals.logs.count; i++)
        if (cli_receipt_is_bad(asking->arrivals.logs.of[i].verdict))
            return CLI_NO;
    return CLI_DONE;
}

static int ask(struct asking *asking)
{
    struct bus_error error;
    enum bus_status status = cli_life_read(asking->context, &asking->life, &error);
    if (status == BUS_OK)
        status = cli_arrivals_read(asking->context, cli_catalogue(asking->context), asking->life.partition,
                                   &asking->arrivals, &error);
    if (status == BUS_OK)
        status = cli_receipts_check(asking->context, &asking->arrivals.logs, &error);
    if (status != BUS_OK)
        return cli_fail(status, &error);
    int code = asking->context->json ? print_json(asking) : print_text(asking);
    return code == CLI_DONE ? settle(asking) : code;
}

int cli_receipts_record(struct cli_context *context, const uint8_t identity[BUS_IDENTITY_SIZE])
{
    struct asking asking = {.context = context, .now_ms = bus_clock_now_ms(&context->clock)};
    memcpy(asking.life.identity, identity, BUS_IDENTITY_SIZE);
    int code = ask(&asking);
    cli_arrivals_release(&asking.arrivals);
    cli_life_release(&asking.life);
    return code;
}
