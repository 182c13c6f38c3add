/* xinqiao books: folds every writer's books, of a day or of all days, into a row an item, says whether they balance, and where not. */
#include "cli/books.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/table.h"
#include "cli/signatures.h"

#define USAGE "books [--day YYYY-MM-DD] [--brief]"

enum { TEXT_LIMIT = 4096 };

/* --- what there is --- */

static bool has_losses(const struct bus_balance *balance)
{
    for (size_t i = 0; i < bus_balance_row_count(balance); i++)
        if (bus_balance_row_view(balance, i)->lost != 0)
            return true;
    return false;
}

static enum bus_status find_mismatch_places(const struct cli_context *context, struct cli_books_found *found,
                                            struct bus_error *error)
{
    found->places = calloc(cli_books_shown(found) + 1, sizeof *found->places);
    if (found->places == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = BUS_OK;
    if (has_losses(found->balance))
        status = cli_losses_read(context, &found->losses, error);
    for (size_t i = 0; status == BUS_OK && i < cli_books_shown(found); i++)
        status = cli_places_of_mismatch(context, found->shelf, &found->part, &found->losses, found->balance,
                                        &found->mismatches[i], &found->places[i], error);
    return status;
}

static int64_t under_way_to(const struct bus_balance *balance, size_t subscriber)
{
    struct bus_balance_row total;
    bus_balance_total(balance, &total);
    return bus_balance_under_way(&total.shares[subscriber]);
}

static enum bus_status find_waiting(const struct cli_context *context, struct cli_books_found *found,
                                    struct bus_error *error)
{
    size_t count = bus_balance_subscriber_count(found->balance);
    found->waiting = calloc(count + 1, sizeof *found->waiting);
    if (found->waiting == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < count; i++)
        if (under_way_to(found->balance, i) != 0)
            status = cli_places_of_subscriber(context, bus_balance_subscriber_view(found->balance, i),
                                              &found->waiting[i], error);
    return status;
}

/* Rows come in the same order in both. */
int64_t cli_books_signed(const struct cli_books_found *found, const struct bus_balance_row *row, const char *subscriber)
{
    const struct bus_balance *balance = found->signed_for;
    size_t place = 0;
    while (place < bus_balance_subscriber_count(balance) &&
           strcmp(bus_balance_subscriber_view(balance, place), subscriber) != 0)
        place++;
    if (place == bus_balance_subscriber_count(balance))
        return 0;
    struct bus_balance_row total;
    bus_balance_total(balance, &total);
    if (row->item[0] == '\0')
        return total.shares[place].applied + total.shares[place].refused;
    for (size_t i = 0; i < bus_balance_row_count(balance); i++) {
        const struct bus_balance_row *other = bus_balance_row_view(balance, i);
        if (strcmp(other->department, row->department) == 0 && strcmp(other->item, row->item) == 0)
            return other->shares[place].applied + other->shares[place].refused;
    }
    return 0;
}

/* Without any keys books are as they always were. */
static enum bus_status find_signatures(const struct cli_context *context, const char *exchange,
                                       struct cli_books_found *found, struct bus_error *error)
{
    found->has_signatures = exchange != NULL;
    if (exchange == NULL)
        return BUS_OK;
    enum bus_status status =
        cli_signatures_check(context->receipt_keys_path, exchange, found->shelf, &found->part, error);
    struct cli_shelf_part part = found->part;
    part.only_signed = true;
    if (status == BUS_OK)
        status = cli_shelf_fold(found->shelf, &part, &found->signed_for, error);
    if (status != BUS_OK)
        return status;
    cli_places_of_signatures(found->shelf, &found->part, &found->signatures);
    found->has_forged = cli_signatures_has_forged(found->shelf, &found->part);
    return BUS_OK;
}

/* `exchange` NULL: without signatures. */
static enum bus_status find(const struct cli_context *context, const char *exchange, bool brief,
                            struct cli_books_found *found, struct bus_error *error)
{
    enum bus_status status = cli_shelf_read(context, &found->shelf, error);
    if (status == BUS_OK)
        status = cli_shelf_fold(found->shelf, &found->part, &found->balance, error);
    if (status != BUS_OK)
        return status;
    found->mismatch_count = bus_balance_mismatches(found->balance, found->mismatches, CLI_BOOKS_SHOWN);
    found->under_way = bus_balance_all_under_way(found->balance);
    status = find_signatures(context, exchange, found, error);
    if (status == BUS_OK && !brief)
        status = find_mismatch_places(context, found, error);
    return status == BUS_OK && !brief ? find_waiting(context, found, error) : status;
}

static void release(struct cli_books_found *found)
{
    bus_balance_destroy(found->balance);
    bus_balance_destroy(found->signed_for);
    cli_shelf_destroy(found->shelf);
    cli_losses_release(&found->losses);
    free(found->places);
    free(found->waiting);
}

/* --- the table --- */

static void count_cells(struct bus_table *table, const struct cli_books_found *found, const struct bus_balance_row *row)
{
    const struct bus_balance *balance = found->balance;
    const int64_t counts[] = {row->read,  row->published,    row->accepted,       row->duplicate,
                              row->stale, row->refused_rows, row->refused_events, row->replayed};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        bus_table_cell(table, "%lld", (long long)counts[i]);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        const struct bus_balance_share *share = &row->shares[i];
        bus_table_cell(table, "%lld", (long long)share->delivered);
        if (share->refused == 0)
            bus_table_cell(table, "%lld", (long long)share->applied);
        else
            bus_table_cell(table, "%lld (-%lld)", (long long)share->applied, (long long)share->refused);
        bus_table_cell(table, "%lld", (long long)bus_balance_under_way(share));
        if (found->has_signatures)
            bus_table_cell(table, "%lld",
                           (long long)cli_books_signed(found, row, bus_balance_subscriber_view(balance, i)));
    }
}

static struct bus_table *start_table(const struct cli_books_found *found)
{
    const struct bus_balance *balance = found->balance;
    char head[BUS_BALANCE_NAME_SIZE + 32];
    struct bus_table *table = bus_table_create();
    bus_table_column(table, "目录项", "item", BUS_TABLE_LEFT);
    bus_table_column(table, "读取", "read", BUS_TABLE_RIGHT);
    bus_table_column(table, "发布", "published", BUS_TABLE_RIGHT);
    bus_table_column(table, "接收", "accepted", BUS_TABLE_RIGHT);
    bus_table_column(table, "重复", "duplicate", BUS_TABLE_RIGHT);
    bus_table_column(table, "过期", "stale", BUS_TABLE_RIGHT);
    bus_table_column(table, "隔离(行)", "quar. rows", BUS_TABLE_RIGHT);
    bus_table_column(table, "隔离(事件)", "quar. events", BUS_TABLE_RIGHT);
    bus_table_column(table, "重放", "replayed", BUS_TABLE_RIGHT);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        snprintf(head, sizeof head, "→%s", bus_balance_subscriber_view(balance, i));
        bus_table_column(table, head, "delivered", BUS_TABLE_RIGHT);
        bus_table_column(table, "应用", "applied", BUS_TABLE_RIGHT);
        bus_table_column(table, "在途", "under way", BUS_TABLE_RIGHT);
        if (found->has_signatures)
            bus_table_column(table, "已签收", "signed", BUS_TABLE_RIGHT);
    }
    return table;
}

static int print_rows(const struct cli_books_found *found)
{
    const struct bus_balance *balance = found->balance;
    struct bus_balance_row total;
    struct bus_table *table = start_table(found);
    for (size_t i = 0; i < bus_balance_row_count(balance); i++) {
        const struct bus_balance_row *row = bus_balance_row_view(balance, i);
        bus_table_cell(table, "%s.%s", row->department, row->item);
        count_cells(table, found, row);
    }
    bus_balance_total(balance, &total);
    bus_table_string(table, "合计 / total");
    count_cells(table, found, &total);
    bool whole = bus_table_print(table);
    bus_table_destroy(table);
    if (total.lost != 0 || total.notices != 0)
        printf("\n丢失 / lost: %lld    通知 / notices: %lld\n", (long long)total.lost, (long long)total.notices);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

/* --- what is amiss --- */

static void print_places(const struct cli_places *places)
{
    struct bus_buffer zh, en;
    bus_buffer_init(&zh, TEXT_LIMIT);
    bus_buffer_init(&en, TEXT_LIMIT);
    for (size_t i = 0; i < places->count; i++) {
        bus_buffer_reset(&zh);
        bus_buffer_reset(&en);
        cli_place_describe(&places->of[i], &zh, &en);
        printf("    %.*s / %.*s\n", (int)zh.length, (const char *)zh.data, (int)en.length, (const char *)en.data);
    }
    if (places->all > places->count)
        printf("    …另有 %zu 处 / and %zu more\n", places->all - places->count, places->all - places->count);
    bus_buffer_release(&zh);
    bus_buffer_release(&en);
}

static void print_mismatches(const struct cli_books_found *found)
{
    for (size_t i = 0; i < cli_books_shown(found); i++) {
        const struct bus_mismatch *mismatch = &found->mismatches[i];
        const struct bus_balance_row *row = bus_balance_row_view(found->balance, mismatch->row);
        printf("✗ %s.%s：%s / %s\n", row->department, row->item, mismatch->text_zh, mismatch->text_en);
        if (found->places != NULL)
            print_places(&found->places[i]);
    }
    for (size_t i = 0; found->waiting != NULL && i < bus_balance_subscriber_count(found->balance); i++)
        print_places(&found->waiting[i]);
    print_places(&found->signatures);
}

static void print_verdict(const struct cli_books_found *found)
{
    if (found->has_forged)
        puts("✗ 有账目的签名是伪造的 / a book bears a forged signature");
    if (found->mismatch_count > 0)
        puts("✗ 账目不平 / the books do not balance");
    else if (found->under_way > 0)
        printf("… 在途 %lld，其余账目平衡 / %lld under way; all else balances\n", (long long)found->under_way,
               (long long)found->under_way);
    else
        puts("✓ 账目平衡 / the books balance");
}

static int print(const struct cli_books_found *found)
{
    int code = print_rows(found);
    if (code != CLI_DONE)
        return code;
    putchar('\n');
    print_mismatches(found);
    print_verdict(found);
    return CLI_DONE;
}

int cli_books(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    const char *day = NULL;
    bool brief = false;
    const struct cli_option options[] = {
        {"day", CLI_OPTION_TEXT, &day},
        {"brief", CLI_OPTION_FLAG, &brief},
        {0},
    };
    int count = cli_arguments(argc, argv, options);
    if (count != 0)
        return count < 0 ? CLI_WRONG_USE : cli_usage(USAGE);
    struct cli_books_found found = {.part = {.of_day = day != NULL}};
    if (day != NULL && !bus_book_day_read(bus_bytes_text(day), &found.part.day))
        return cli_say(CLI_WRONG_USE, "--day 需要日期，如 2026-11-24", "--day needs a day such as 2026-11-24");
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    bool has_keys = context->receipt_keys_path != NULL && context->receipt_keys_path[0] != '\0';
    const struct bus_catalogue *catalogue = has_keys ? cli_catalogue(context) : NULL;
    if (has_keys && catalogue == NULL)
        return CLI_WRONG_USE;
    const char *exchange = catalogue != NULL ? bus_catalogue_exchange_view(catalogue) : NULL;
    enum bus_status status = find(context, exchange, brief, &found, &error);
    int code = status != BUS_OK ? cli_fail(status, &error)
               : context->json  ? cli_books_print_json(&found)
                                : print(&found);
    if (code == CLI_DONE && !cli_books_balance(&found))
        code = CLI_NO;
    release(&found);
    return code;
}
