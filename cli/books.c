/* xinqiao books: reads every writer's last book, folds them into a row an item, and says whether they balance. */
#include <stdio.h>
#include <stdlib.h>

#include "bus/balance.h"
#include "bus/json.h"
#include "bus/topics.h"
#include "cli/command.h"
#include "cli/scan.h"
#include "cli/table.h"

enum { MAX_BOOKS = 100000, MAX_SHOWN = 1000, ANSWER_LIMIT = 64 * 1024 * 1024 };

/* The last record of each book. */
struct shelf {
    struct bus_book **books;
    int64_t *at_ms;
    size_t count, capacity;
};

static void release_shelf(struct shelf *shelf)
{
    for (size_t i = 0; i < shelf->count; i++)
        bus_book_destroy(shelf->books[i]);
    free(shelf->books);
    free(shelf->at_ms);
}

static enum bus_status grow(struct shelf *shelf, struct bus_error *error)
{
    if (shelf->count < shelf->capacity)
        return BUS_OK;
    size_t capacity = shelf->capacity == 0 ? 64 : shelf->capacity * 2;
    if (capacity > MAX_BOOKS)
        return bus_fail(error, BUS_FATAL, "read the books: more than %d of them", MAX_BOOKS);
    struct bus_book **books = realloc(shelf->books, capacity * sizeof *books);
    if (books != NULL)
        shelf->books = books;
    int64_t *at_ms = realloc(shelf->at_ms, capacity * sizeof *at_ms);
    if (at_ms != NULL)
        shelf->at_ms = at_ms;
    if (books == NULL || at_ms == NULL)
        return bus_fail(error, BUS_FATAL, "read the books: out of memory");
    shelf->capacity = capacity;
    return BUS_OK;
}

/* Where the book of that name stands; shelf->count when it is new. */
static size_t place_of(const struct shelf *shelf, struct bus_bytes name)
{
    size_t at = 0;
    while (at < shelf->count && !bus_bytes_equal_text(name, bus_book_name_view(shelf->books[at])))
        at++;
    return at;
}

/* One record of the topic: the last one of a key wins, and a null value takes the book away. */
static enum bus_status take_book(void *self, const struct bus_message *message, struct bus_error *error)
{
    struct shelf *shelf = self;
    char name[BUS_BALANCE_NAME_SIZE * 2];
    size_t at = place_of(shelf, message->key);
    if (message->value.data == NULL) {
        if (at < shelf->count) {
            bus_book_destroy(shelf->books[at]);
            shelf->books[at] = shelf->books[--shelf->count];
            shelf->at_ms[at] = shelf->at_ms[shelf->count];
        }
        return BUS_OK;
    }
    if (at == shelf->count) {
        enum bus_status status = grow(shelf, error);
        if (status != BUS_OK)
            return status;
        if (message->key.length >= sizeof name)
            return bus_fail(error, BUS_REJECT, "read the books: a key of %zu bytes is no book's name",
                            message->key.length);
        snprintf(name, sizeof name, "%.*s", (int)message->key.length, (const char *)message->key.data);
        shelf->books[at] = bus_book_create(name);
        if (shelf->books[at] == NULL)
            return bus_fail(error, BUS_FATAL, "read the books: out of memory");
        shelf->count++;
    }
    return bus_book_decode(message->value, shelf->books[at], &shelf->at_ms[at], error);
}

static enum bus_status read_balance(const struct cli_context *context, struct bus_balance *balance,
                                    struct bus_error *error)
{
    char topic[BUS_TOPIC_SIZE];
    struct shelf shelf = {0};
    bus_topic_named(context->prefix, BUS_TOPIC_BOOKS, topic);
    enum bus_status status = cli_scan(&context->kafka, topic, CLI_ALL_PARTITIONS, take_book, &shelf, error);
    for (size_t i = 0; status == BUS_OK && i < shelf.count; i++)
        status = bus_balance_add(balance, shelf.books[i], error);
    release_shelf(&shelf);
    return status;
}

/* --- the table --- */

static void count_cells(struct cli_table *table, const struct bus_balance *balance, const struct bus_balance_row *row)
{
    const int64_t counts[] = {row->read,  row->published,    row->accepted,       row->duplicate,
                              row->stale, row->refused_rows, row->refused_events, row->replayed};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        cli_table_cell(table, "%lld", (long long)counts[i]);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        cli_table_cell(table, "%lld", (long long)row->shares[i].delivered);
        if (row->shares[i].refused == 0)
            cli_table_cell(table, "%lld", (long long)row->shares[i].applied);
        else
            cli_table_cell(table, "%lld (-%lld)", (long long)row->shares[i].applied, (long long)row->shares[i].refused);
    }
}

static struct cli_table *start_table(const struct bus_balance *balance)
{
    char head[BUS_BALANCE_NAME_SIZE + 32];
    struct cli_table *table = cli_table_create();
    cli_table_column(table, "目录项", "item", CLI_LEFT);
    cli_table_column(table, "读取", "read", CLI_RIGHT);
    cli_table_column(table, "发布", "published", CLI_RIGHT);
    cli_table_column(table, "接收", "accepted", CLI_RIGHT);
    cli_table_column(table, "重复", "duplicate", CLI_RIGHT);
    cli_table_column(table, "过期", "stale", CLI_RIGHT);
    cli_table_column(table, "隔离(行)", "quar. rows", CLI_RIGHT);
    cli_table_column(table, "隔离(事件)", "quar. events", CLI_RIGHT);
    cli_table_column(table, "重放", "replayed", CLI_RIGHT);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        snprintf(head, sizeof head, "→%s", bus_balance_subscriber_view(balance, i));
        cli_table_column(table, head, "delivered", CLI_RIGHT);
        cli_table_column(table, "应用", "applied", CLI_RIGHT);
    }
    return table;
}

static int print_rows(const struct bus_balance *balance)
{
    struct bus_balance_row total;
    struct cli_table *table = start_table(balance);
    for (size_t i = 0; i < bus_balance_row_count(balance); i++) {
        const struct bus_balance_row *row = bus_balance_row_view(balance, i);
        cli_table_cell(table, "%s.%s", row->department, row->item);
        count_cells(table, balance, row);
    }
    bus_balance_total(balance, &total);
    cli_table_string(table, "合计 / total");
    count_cells(table, balance, &total);
    bool whole = cli_table_print(table);
    cli_table_destroy(table);
    if (total.gaps != 0 || total.notices != 0)
        printf("\n序号缺口 / sequence gaps: %lld    通知 / notices: %lld\n", (long long)total.gaps,
               (long long)total.notices);
    return whole ? CLI_DONE : cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
}

static void print_mismatches(const struct bus_balance *balance, const struct bus_mismatch *mismatches, size_t count)
{
    for (size_t i = 0; i < count && i < MAX_SHOWN; i++) {
        const struct bus_balance_row *row = bus_balance_row_view(balance, mismatches[i].row);
        printf("✗ %s.%s：%s / %s\n", row->department, row->item, mismatches[i].text_zh, mismatches[i].text_en);
    }
}

/* --- JSON --- */

static void write_count(struct bus_json *json, const char *name, int64_t count)
{
    bus_json_name(json, name);
    bus_json_integer(json, count);
}

static void write_shares(struct bus_json *json, const struct bus_balance *balance, const struct bus_balance_row *row)
{
    bus_json_name(json, "subscribers");
    bus_json_object(json);
    for (size_t i = 0; i < bus_balance_subscriber_count(balance); i++) {
        bus_json_name(json, bus_balance_subscriber_view(balance, i));
        bus_json_object(json);
        write_count(json, "delivered", row->shares[i].delivered);
        write_count(json, "applied", row->shares[i].applied);
        write_count(json, "refused", row->shares[i].refused);
        bus_json_end_object(json);
    }
    bus_json_end_object(json);
}

static void write_row(struct bus_json *json, const struct bus_balance *balance, const struct bus_balance_row *row)
{
    bus_json_object(json);
    bus_json_name(json, "department");
    bus_json_string(json, row->department);
    bus_json_name(json, "item");
    bus_json_string(json, row->item);
    write_count(json, "read", row->read);
    write_count(json, "published", row->published);
    write_count(json, "quarantined_rows", row->refused_rows);
    write_count(json, "consumed", row->consumed);
    write_count(json, "replayed", row->replayed);
    write_count(json, "accepted", row->accepted);
    write_count(json, "duplicate", row->duplicate);
    write_count(json, "stale", row->stale);
    write_count(json, "quarantined_events", row->refused_events);
    write_count(json, "gaps", row->gaps);
    write_count(json, "notices", row->notices);
    write_shares(json, balance, row);
    bus_json_end_object(json);
}

static void write_mismatch(struct bus_json *json, const struct bus_balance *balance,
                           const struct bus_mismatch *mismatch)
{
    const struct bus_balance_row *row = bus_balance_row_view(balance, mismatch->row);
    bus_json_object(json);
    bus_json_name(json, "department");
    bus_json_string(json, row->department);
    bus_json_name(json, "item");
    bus_json_string(json, row->item);
    bus_json_name(json, "subscriber");
    bus_json_string(json, mismatch->subscriber);
    bus_json_name(json, "equation");
    bus_json_string(json, mismatch->equation);
    write_count(json, "left", mismatch->left);
    write_count(json, "right", mismatch->right);
    bus_json_name(json, "text_zh");
    bus_json_string(json, mismatch->text_zh);
    bus_json_name(json, "text_en");
    bus_json_string(json, mismatch->text_en);
    bus_json_end_object(json);
}

static int print_json(const struct bus_balance *balance, const struct bus_mismatch *mismatches, size_t count)
{
    struct bus_buffer buffer;
    struct bus_json json;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    bus_json_init(&json, &buffer);
    bus_json_object(&json);
    bus_json_name(&json, "balanced");
    bus_json_boolean(&json, count == 0);
    bus_json_name(&json, "rows");
    bus_json_array(&json);
    for (size_t i = 0; i < bus_balance_row_count(balance); i++)
        write_row(&json, balance, bus_balance_row_view(balance, i));
    bus_json_end_array(&json);
    bus_json_name(&json, "mismatches");
    bus_json_array(&json);
    for (size_t i = 0; i < count && i < MAX_SHOWN; i++)
        write_mismatch(&json, balance, &mismatches[i]);
    bus_json_end_array(&json);
    bus_json_end_object(&json);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code;
}

static int answer(const struct cli_context *context, const struct bus_balance *balance)
{
    struct bus_mismatch *mismatches = calloc(MAX_SHOWN, sizeof *mismatches);
    if (mismatches == NULL)
        return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    size_t count = bus_balance_mismatches(balance, mismatches, MAX_SHOWN);
    int code = context->json ? print_json(balance, mismatches, count) : print_rows(balance);
    if (code == CLI_DONE && !context->json) {
        putchar('\n');
        print_mismatches(balance, mismatches, count);
        puts(count == 0 ? "✓ 账目平衡 / the books balance" : "✗ 账目不平 / the books do not balance");
    }
    free(mismatches);
    return code == CLI_DONE && count > 0 ? CLI_NO : code;
}

int cli_books(struct cli_context *context, int argc, char **argv)
{
    struct bus_error error;
    const struct cli_option options[] = {{0}};
    int count = cli_arguments(argc, argv, options);
    if (count != 0)
        return count < 0 ? CLI_WRONG_USE : cli_usage("books");
    if (cli_kafka(context) == NULL)
        return CLI_WRONG_USE;
    struct bus_balance *balance = bus_balance_create();
    if (balance == NULL)
        return cli_say(CLI_CANNOT_REACH, "内存不足", "out of memory");
    enum bus_status status = read_balance(context, balance, &error);
    int code = status == BUS_OK ? answer(context, balance) : cli_fail(status, &error);
    bus_balance_destroy(balance);
    return code;
}
