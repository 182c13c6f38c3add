/* Promises of subscribers/sinks/postgresql/postgresql.h that only a real PostgreSQL can prove.
 *
 *     postgresql_sink CONNECTION      runs all of it in schemas of its own, "xinqiao_test_<pid>…", removed at the end */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants the first two above first */
#include <cmocka.h>

#include "subscribers/sinks/postgresql/client.h"
#include "subscribers/sinks/postgresql/postgresql.h"
#include "tests/support/catalogue_copy.h"
#include "tests/support/delivery_builder.h"
#include "tests/support/folder.h"

enum { PARTITIONS = 3, TEXT = 4096, MOST = 64 };
#define PUT BUS_DELIVERY_PUT
#define GONE BUS_DELIVERY_WITHDRAW
#define STATUS BUS_DELIVERY_STATUS
#define BEGIN BUS_DELIVERY_RESYNC_BEGIN
#define END BUS_DELIVERY_RESYNC_END
#define DISPUTED (1u << BUS_FLAG_DISPUTED)

static const char *connection;
static struct test_deliveries made;
static struct postgresql_client *client;

/* A sink into a schema of its own, and where it stands. */
struct receiver {
    char schema[64], folder[TEST_FOLDER_SIZE];
    struct bus_settings *settings;
    void *sink;
    struct bus_ledger *ledgers[PARTITIONS];
    int64_t next[PARTITIONS];
};

static struct receiver deleting, marking; /* by what a withdrawal does */

/* ── helpers ── */

static void must(enum bus_status status, const struct bus_error *error)
{
    if (status != BUS_OK)
        fail_msg("%s: %s", bus_status_name(status), error->message);
}

/* First value of the answer; "" when there is none. $ stands for the schema. */
static const char *ask(const struct receiver *receiver, const char *sql)
{
    static char answers[8][TEXT];
    static int turn;
    char *answer = answers[turn++ % 8], text[TEXT];
    size_t length = 0;
    struct postgresql_rows *rows;
    struct bus_error error;
    for (; *sql != '\0'; sql++)
        length += (size_t)snprintf(text + length, sizeof text - length, *sql == '$' ? "%s" : "%.1s",
                                   *sql == '$' ? receiver->schema : sql);
    must(postgresql_client_ask(client, text, NULL, 0, &rows, &error), &error);
    snprintf(answer, TEXT, "%s", postgresql_rows_count(rows) > 0 ? postgresql_rows_text_view(rows, 0, 0) : "");
    postgresql_rows_destroy(rows);
    return answer;
}

static void open_sink(struct receiver *receiver)
{
    struct bus_error error;
    struct subscribers_sink_context context = {
        .subscriber = "court", .topic = "xq.out.court", .catalogues = made.catalogues, .settings = receiver->settings};
    must(subscribers_postgresql.open(&context, bus_settings_root(receiver->settings), &receiver->sink, &error), &error);
}

static void load(struct receiver *receiver)
{
    struct bus_error error;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct subscribers_position position;
        subscribers_position_init(&position, i);
        must(subscribers_postgresql.load(receiver->sink, &position, &error), &error);
        receiver->next[i] = position.next;
        subscribers_position_release(&position);
    }
}

static void open_receiver(struct receiver *receiver, const char *name, const char *withdraw)
{
    struct bus_error error;
    char path[TEST_FOLDER_SIZE + 16];
    *receiver = (struct receiver){0};
    snprintf(receiver->schema, sizeof receiver->schema, "xinqiao_test_%d_%s", (int)getpid(), name);
    test_folder_make(receiver->folder);
    snprintf(path, sizeof path, "%s/sink.cfg", receiver->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "connection = \"%s\"; schema = \"%s\"; withdraw = \"%s\";\n", connection, receiver->schema, withdraw);
    fclose(file);
    must(bus_settings_load(path, &receiver->settings, &error), &error);
    must(bus_settings_check(bus_settings_root(receiver->settings), subscribers_postgresql.options, &error), &error);
    for (int32_t i = 0; i < PARTITIONS; i++)
        receiver->ledgers[i] = bus_ledger_create("agent/court/0", 3);
    open_sink(receiver);
    load(receiver);
}

static void close_receiver(struct receiver *receiver)
{
    if (receiver->sink != NULL)
        subscribers_postgresql.close(receiver->sink);
    ask(receiver, "DROP SCHEMA IF EXISTS $ CASCADE");
    for (int32_t i = 0; i < PARTITIONS; i++)
        bus_ledger_destroy(receiver->ledgers[i]);
    bus_settings_destroy(receiver->settings);
    test_folder_remove(receiver->folder);
}

/* As a process that was killed and started again. */
static void restart(struct receiver *receiver)
{
    subscribers_postgresql.close(receiver->sink);
    open_sink(receiver);
    load(receiver);
}

/* Leaves must rise in each partition. */
static enum bus_status try_apply(struct receiver *receiver, struct subscribers_delivery *deliveries, size_t count,
                                 struct bus_error *error)
{
    struct subscribers_advance advances[PARTITIONS];
    struct subscribers_batch batch = {.deliveries = deliveries,
                                      .count = count,
                                      .advances = advances,
                                      .subscriber = "court",
                                      .clock = bus_clock_real()};
    for (int32_t p = 0; p < PARTITIONS; p++) {
        struct subscribers_advance *advance = &advances[batch.advance_count];
        *advance = (struct subscribers_advance){.from = receiver->next[p], .ledger = receiver->ledgers[p]};
        subscribers_position_init(&advance->position, p);
        for (size_t i = 0; i < count; i++)
            if (deliveries[i].partition == p)
                advance->position.next = deliveries[i].offset + 1;
        batch.advance_count += advance->position.next >= 0;
    }
    enum bus_status status = subscribers_postgresql.apply(receiver->sink, &batch, error);
    for (size_t i = 0; i < batch.advance_count; i++) {
        if (status == BUS_OK) {
            receiver->next[advances[i].position.partition] = advances[i].position.next;
            bus_ledger_mark(advances[i].ledger);
        }
        subscribers_position_release(&advances[i].position);
    }
    return status;
}

static void apply_to(struct receiver *receiver, const struct test_delivery *wanted, size_t count)
{
    struct subscribers_delivery deliveries[MOST];
    struct bus_error error;
    assert_true(count <= MOST);
    for (size_t i = 0; i < count; i++)
        deliveries[i] = test_delivery_of(&made, &wanted[i]);
    must(try_apply(receiver, deliveries, count, &error), &error);
    test_deliveries_free(deliveries, count);
}

#define APPLY(receiver, ...)                                                                                           \
    apply_to(receiver, (const struct test_delivery[]){__VA_ARGS__},                                                    \
             sizeof(const struct test_delivery[]){__VA_ARGS__} / sizeof(struct test_delivery))

static int64_t counted(const struct receiver *receiver, int32_t partition, enum bus_measure measure)
{
    int64_t sum = 0;
    const struct bus_ledger *ledger = receiver->ledgers[partition];
    for (size_t i = 0; i < bus_ledger_count(ledger); i++)
        sum +=
            bus_book_count(bus_ledger_find(ledger, bus_ledger_day_at(ledger, i)), "tax", "arrears", "court", measure);
    return sum;
}

static int set_up(void **state)
{
    (void)state;
    open_receiver(&deleting, "delete", "delete");
    return 0;
}

static int set_up_both(void **state)
{
    open_receiver(&marking, "mark", "mark");
    return set_up(state);
}

static int tear_down(void **state)
{
    (void)state;
    close_receiver(&deleting);
    if (marking.sink != NULL)
        close_receiver(&marking);
    marking = (struct receiver){0};
    return 0;
}

/* version, amount owed, status, flags, partition, leaf, withdrawn, of the one row */
#define ROW                                                                                                            \
    "SELECT concat_ws(' ', xq_version, arrears_amount, xq_status, xq_flags, xq_partition, xq_leaf, xq_withdrawn) FROM $.arrears"
#define ROWS                                                                                                           \
    "SELECT coalesce(string_agg(arrears_amount::int::text, ' ' ORDER BY arrears_amount), '') FROM $.arrears WHERE NOT xq_withdrawn"

/* ── a row ── */

static void a_put_names_its_grant_and_catalogue(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3, .leaf = 4});
    assert_string_equal(ask(&deleting, ROW), "3 3.00 NONE {} 0 4 f");
    assert_string_equal(ask(&deleting, "SELECT xq_catalogue FROM $.arrears"),
                        bus_catalogue_version_view(made.catalogue));
    assert_string_equal(ask(&deleting, "SELECT xq_grant FROM $.arrears"), "court-tax-arrears");
}

static void a_status_changes_the_row_and_keeps_its_fields(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3, .flags = 1u << BUS_FLAG_AREA_ENDED});
    APPLY(
        &deleting,
        {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .flags = DISPUTED, .number = 1, .version = 3, .leaf = 1});
    assert_string_equal(ask(&deleting, ROW), "3 3.00 DISPUTED {DISPUTED} 0 1 f");
    APPLY(&deleting,
          {.operation = STATUS, .reason = BUS_REASON_DISPUTE_RESOLVED, .number = 1, .version = 3, .leaf = 2});
    assert_string_equal(ask(&deleting, ROW), "3 3.00 DISPUTE_RESOLVED {} 0 2 f");
}

static void a_status_of_a_newer_version_leaves_that_of_the_fields(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3},
          {.operation = STATUS, .reason = BUS_REASON_CORRECTED, .number = 1, .version = 9, .leaf = 1});
    assert_string_equal(ask(&deleting, ROW), "3 3.00 CORRECTED {} 0 1 f");
}

static void a_status_without_a_row_changes_nothing_and_is_applied(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .number = 1, .version = 3});
    assert_string_equal(ask(&deleting, "SELECT count(*) FROM $.arrears"), "0");
    assert_int_equal(counted(&deleting, 0, BUS_MEASURE_APPLIED), 1);
    assert_int_equal(counted(&deleting, 0, BUS_MEASURE_REFUSED), 0);
}

static void a_withdrawal_takes_the_row_whatever_its_reason(void **state)
{
    (void)state;
    static const enum bus_delivery_reason reasons[] = {BUS_REASON_WITHDRAWN, BUS_REASON_REPAIRED, BUS_REASON_RESTRICTED,
                                                       BUS_REASON_EXPIRED, BUS_REASON_GRANT_ENDED};
    uint64_t leaf = 0;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct test_delivery steps[] = {
            {.operation = PUT, .number = 1, .version = 3, .leaf = leaf},
            {.operation = GONE, .reason = reasons[i], .flags = DISPUTED, .number = 1, .version = 3, .leaf = leaf + 1}};
        char row[TEXT];
        leaf += 2;
        apply_to(&deleting, steps, 2);
        apply_to(&marking, &steps[0], 1);
        apply_to(&marking, &steps[1], 1);
        snprintf(row, sizeof row, "3 3.00 %s {DISPUTED} 0 %d t", bus_delivery_reason_name(reasons[i]), (int)leaf - 1);
        assert_string_equal(ask(&deleting, "SELECT count(*) FROM $.arrears"), "0");
        assert_string_equal(ask(&marking, ROW), row);
    }
}

static void a_put_of_the_same_version_replaces_the_row(void **state)
{
    (void)state;
    APPLY(&marking, {.operation = PUT, .number = 1, .version = 3},
          {.operation = GONE, .reason = BUS_REASON_GRANT_ENDED, .number = 1, .version = 3, .leaf = 1});
    APPLY(&marking, {.operation = PUT, .flags = DISPUTED, .number = 1, .version = 3, .leaf = 2});
    assert_string_equal(ask(&marking, ROW), "3 3.00 NONE {DISPUTED} 0 2 f");
}

static void the_order_of_the_log_counts_and_not_the_version(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3});
    APPLY(&deleting, {.operation = STATUS, .reason = BUS_REASON_EXPIRED, .number = 1, .version = 2, .leaf = 1});
    assert_string_equal(ask(&deleting, ROW), "3 3.00 EXPIRED {} 0 1 f");
    APPLY(&deleting, {.operation = GONE, .reason = BUS_REASON_EXPIRED, .number = 1, .version = 2, .leaf = 2});
    assert_string_equal(ask(&deleting, "SELECT count(*) FROM $.arrears"), "0");
}

/* A record whose subject has changed: nobody knows the order of two partitions, but versions rise. */
static void a_row_that_another_partition_took_over_is_not_the_formers(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3, .partition = 0});
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 4, .partition = 1});
    assert_string_equal(ask(&deleting, ROW), "4 4.00 NONE {} 1 0 f");
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3, .partition = 0, .leaf = 1},
          {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .number = 1, .version = 5, .partition = 0, .leaf = 2});
    APPLY(&deleting, {.operation = GONE, .reason = BUS_REASON_EXPIRED, .number = 1, .version = 5, .leaf = 3});
    assert_string_equal(ask(&deleting, ROW), "4 4.00 NONE {} 1 0 f");
}

/* ── resync ── */

static void a_resync_removes_what_it_did_not_name(void **state)
{
    (void)state;
    struct receiver *receivers[] = {&deleting, &marking};
    for (size_t i = 0; i < 2; i++) {
        struct receiver *receiver = receivers[i];
        APPLY(receiver, {.operation = PUT, .number = 1, .version = 1},
              {.operation = PUT, .number = 2, .version = 2, .leaf = 1},
              {.operation = PUT, .number = 3, .version = 3, .leaf = 2},
              {.operation = PUT, .number = 4, .version = 4, .leaf = 3});
        APPLY(receiver, {.operation = BEGIN, .leaf = 4}, {.operation = PUT, .number = 2, .version = 2, .leaf = 5});
        APPLY(receiver, {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .number = 3, .version = 3, .leaf = 6},
              {.operation = PUT, .number = 5, .version = 5, .leaf = 7});
        assert_string_equal(ask(receiver, ROWS), "1 2 3 4 5");
        APPLY(receiver, {.operation = END, .leaf = 8}, {.operation = PUT, .number = 6, .version = 6, .leaf = 9});
        assert_string_equal(ask(receiver, ROWS), "2 3 5 6");
        assert_string_equal(ask(receiver, "SELECT count(*) FROM $.xinqiao_resync"), "0");
        assert_int_equal(counted(receiver, 0, BUS_MEASURE_APPLIED), 10);
    }
    assert_string_equal(ask(&marking, ROW " WHERE arrears_amount = 4"), "4 4.00 RESYNC_END {} 0 8 t");
    assert_string_equal(ask(&deleting, "SELECT count(*) FROM $.arrears"), "4");
}

static void what_is_named_after_the_end_does_not_save_a_row(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1});
    APPLY(&deleting, {.operation = BEGIN, .leaf = 1}, {.operation = END, .leaf = 2},
          {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .number = 1, .version = 1, .leaf = 3});
    assert_string_equal(ask(&deleting, ROWS), "");
}

static void one_batch_may_hold_several_resyncs(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1},
          {.operation = PUT, .number = 2, .version = 2, .leaf = 1}, {.operation = BEGIN, .leaf = 2},
          {.operation = PUT, .number = 2, .version = 2, .leaf = 3},
          {.operation = PUT, .number = 3, .version = 3, .leaf = 4}, {.operation = END, .leaf = 5},
          {.operation = BEGIN, .leaf = 6}, {.operation = PUT, .number = 3, .version = 3, .leaf = 7},
          {.operation = END, .leaf = 8});
    assert_string_equal(ask(&deleting, ROWS), "3");
}

static void a_resync_that_begins_anew_counts_from_there(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1},
          {.operation = PUT, .number = 2, .version = 2, .leaf = 1}, {.operation = BEGIN, .leaf = 2},
          {.operation = PUT, .number = 1, .version = 1, .leaf = 3});
    APPLY(&deleting, {.operation = BEGIN, .leaf = 4}, {.operation = PUT, .number = 2, .version = 2, .leaf = 5},
          {.operation = END, .leaf = 6});
    assert_string_equal(ask(&deleting, ROWS), "2");
}

static void an_end_without_a_begin_removes_nothing(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1}, {.operation = END, .leaf = 1});
    assert_string_equal(ask(&deleting, ROWS), "1");
    assert_int_equal(counted(&deleting, 0, BUS_MEASURE_APPLIED), 2);
}

static void a_resync_outlives_the_agent(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1},
          {.operation = PUT, .number = 2, .version = 2, .leaf = 1}, {.operation = BEGIN, .leaf = 2});
    restart(&deleting);
    assert_int_equal(deleting.next[0], 3);
    APPLY(&deleting, {.operation = PUT, .number = 2, .version = 2, .leaf = 3});
    restart(&deleting);
    APPLY(&deleting, {.operation = END, .leaf = 4});
    assert_string_equal(ask(&deleting, ROWS), "2");
}

static void a_batch_that_fails_takes_its_begin_and_end_back(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1}, {.operation = BEGIN, .leaf = 1});
    const struct test_delivery steps[] = {{.operation = END, .leaf = 2}, {.operation = BEGIN, .leaf = 3}};
    struct subscribers_delivery deliveries[] = {test_delivery_of(&made, &steps[0]), test_delivery_of(&made, &steps[1])};
    struct bus_error error;
    deleting.next[0] = 77; /* as if another agent had gone on */
    assert_int_equal(try_apply(&deleting, deliveries, 2, &error), BUS_FATAL);
    test_deliveries_free(deliveries, 2);
    assert_string_equal(ask(&deleting, ROWS), "1");
    assert_string_equal(ask(&deleting, "SELECT leaf FROM $.xinqiao_resync"), "1");
}

static void a_resync_is_of_one_partition_and_one_department(void **state)
{
    (void)state;
    const struct bus_view *market = test_deliveries_view(&made, "market", "penalty");
    const struct bus_view *transport = test_deliveries_view(&made, "transport", "penalty");
    APPLY(&deleting, {.view = market, .operation = PUT, .number = 1, .version = 1},
          {.view = transport, .operation = PUT, .number = 1, .version = 1, .leaf = 1},
          {.view = market, .operation = PUT, .number = 2, .version = 1, .partition = 1},
          {.operation = PUT, .number = 1, .version = 1, .leaf = 2});
    assert_string_equal(ask(&deleting, "SELECT count(*) FROM $.penalty"), "3");
    APPLY(&deleting, {.view = market, .operation = BEGIN, .leaf = 3}, {.view = market, .operation = END, .leaf = 4});
    assert_string_equal(ask(&deleting, "SELECT string_agg(xq_department || xq_partition, ' ' ORDER BY xq_partition) "
                                       "FROM $.penalty"),
                        "transport0 market1");
    assert_string_equal(ask(&deleting, ROWS), "1");
}

static void a_record_that_the_database_refused_was_named_all_the_same(void **state)
{
    (void)state;
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1},
          {.operation = PUT, .number = 2, .version = 2, .leaf = 1});
    ask(&deleting, "ALTER TABLE $.arrears ADD CHECK (arrears_amount < 5)");
    APPLY(&deleting, {.operation = BEGIN, .leaf = 2}, {.operation = PUT, .number = 1, .version = 7, .leaf = 3},
          {.operation = END, .leaf = 4});
    assert_string_equal(ask(&deleting, ROWS), "1");
    assert_int_equal(counted(&deleting, 0, BUS_MEASURE_REFUSED), 1);
    assert_int_equal(counted(&deleting, 0, BUS_MEASURE_APPLIED), 4);
}

/* ── another catalogue ── */

#define GRANTS "subscribers/receivers/court/grants.cfg"

static void a_field_that_is_granted_no_more_is_emptied(void **state)
{
    (void)state;
    char folder[TEST_FOLDER_SIZE], path[TEST_CATALOGUE_PATH_SIZE];
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 3});
    ask(&deleting, "UPDATE $.arrears SET tax_kind = 'VAT'");
    ask(&deleting, "ALTER TABLE $.arrears ADD COLUMN note text");
    ask(&deleting, "UPDATE $.arrears SET note = 'mine'");
    test_folder_make(folder);
    test_catalogue_copy(folder, path);
    test_catalogue_change(folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"arrears_amount\"");
    struct test_deliveries before = made;
    test_deliveries_open_at(&made, path);
    restart(&deleting); /* with the new catalogue alone */
    APPLY(&deleting, {.operation = PUT, .reason = BUS_REASON_CORRECTED, .number = 1, .version = 3, .leaf = 1});
    assert_string_equal(ask(&deleting, "SELECT tax_kind IS NULL FROM $.arrears"), "t");
    assert_string_equal(ask(&deleting, "SELECT note FROM $.arrears"), "mine");
    assert_string_equal(ask(&deleting, "SELECT xq_catalogue FROM $.arrears"),
                        bus_catalogue_version_view(made.catalogue));
    subscribers_postgresql.close(deleting.sink);
    subscribers_catalogues_close(made.catalogues);
    made = before;
    open_sink(&deleting);
    test_folder_remove(folder);
}

static void a_renewed_catalogue_adds_columns_and_leaves_the_former_views_readable(void **state)
{
    (void)state;
    char folder[TEST_FOLDER_SIZE], path[TEST_CATALOGUE_PATH_SIZE];
    struct bus_error error;
    bool changed;
    test_folder_make(folder);
    test_catalogue_copy(folder, path);
    test_catalogue_change(folder, GRANTS, "\"tax_kind\", \"arrears_amount\"", "\"arrears_amount\"");
    struct test_deliveries before = made;
    test_deliveries_open_at(&made, path);
    const struct bus_view *former = made.view;
    restart(&marking);
    ask(&marking, "DROP TABLE $.arrears");
    restart(&marking);
    APPLY(&marking, {.operation = PUT, .number = 1, .version = 1});
    test_catalogue_change(folder, GRANTS, "\"arrears_amount\"", "\"tax_kind\", \"arrears_amount\"");
    must(subscribers_catalogues_load(made.catalogues, &changed, &error), &error);
    assert_true(changed);
    struct subscribers_sink_context context = {
        .subscriber = "court", .topic = "xq.out.court", .catalogues = made.catalogues, .settings = marking.settings};
    must(subscribers_postgresql.renew(marking.sink, &context, &error), &error);
    subscribers_catalogues_settle(made.catalogues, true);
    made.catalogue = subscribers_catalogues_at(made.catalogues, 0);
    made.view = test_deliveries_view(&made, "tax", "arrears");
    assert_ptr_not_equal(made.view, former);
    APPLY(&marking, {.operation = PUT, .number = 1, .version = 2, .leaf = 1},
          {.view = former, .operation = PUT, .number = 2, .version = 1, .leaf = 2},
          {.operation = STATUS, .reason = BUS_REASON_DISPUTED, .number = 2, .version = 1, .leaf = 3});
    assert_string_equal(ask(&marking,
                            "SELECT string_agg(coalesce(tax_kind, '-') || arrears_amount, ' ' ORDER BY xq_leaf) "
                            "FROM $.arrears"),
                        "2.00 -1.00");
    subscribers_postgresql.close(marking.sink);
    subscribers_catalogues_close(made.catalogues);
    made = before;
    open_sink(&marking);
    test_folder_remove(folder);
}

static void a_field_of_another_type_is_refused_until_its_column_makes_room(void **state)
{
    (void)state;
    char folder[TEST_FOLDER_SIZE], path[TEST_CATALOGUE_PATH_SIZE];
    struct bus_error error;
    bool changed;
    test_folder_make(folder);
    test_catalogue_copy(folder, path);
    struct test_deliveries before = made;
    test_deliveries_open_at(&made, path);
    const struct bus_view *former = made.view;
    restart(&deleting);
    test_catalogue_change(folder, GRANTS, "\"occurred_at\", \"taxpayer_number\"",
                          "\"occurred_at:year\", \"taxpayer_number\"");
    must(subscribers_catalogues_load(made.catalogues, &changed, &error), &error);
    struct subscribers_sink_context context = {
        .subscriber = "court", .topic = "xq.out.court", .catalogues = made.catalogues, .settings = deleting.settings};
    assert_int_equal(subscribers_postgresql.renew(deleting.sink, &context, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "occurred_at"));
    ask(&deleting, "ALTER TABLE $.arrears RENAME COLUMN occurred_at TO occurred_at_before");
    must(subscribers_postgresql.renew(deleting.sink, &context, &error), &error);
    subscribers_catalogues_settle(made.catalogues, true);
    made.catalogue = subscribers_catalogues_at(made.catalogues, 0);
    made.view = test_deliveries_view(&made, "tax", "arrears");
    APPLY(&deleting, {.operation = PUT, .number = 1, .version = 1},
          {.view = former, .operation = PUT, .number = 2, .version = 1, .leaf = 1});
    assert_string_equal(ask(&deleting, "SELECT string_agg(coalesce(occurred_at::text, '-'), ' ' ORDER BY xq_leaf) "
                                       "FROM $.arrears"),
                        "1970 -");
    subscribers_postgresql.close(deleting.sink);
    test_deliveries_close(&made);
    made = before;
    open_sink(&deleting);
    test_folder_remove(folder);
}

/* ── any history, in any batches ── */

enum { HISTORY = 240, HISTORIES = 4, PART = 40, NUMBERS = 1, ITEMS = 3 }; /* compared after every part */

static uint32_t chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)*seed * below >> 32);
}

/* A history as a gateway could write it: in each partition a record's versions do not fall. */
static void make_history(uint32_t *seed, struct test_delivery *history)
{
    static const enum bus_delivery_operation operations[] = {PUT,  PUT,    PUT,    PUT,    PUT,    PUT,    PUT,
                                                             PUT,  STATUS, STATUS, STATUS, STATUS, STATUS, GONE,
                                                             GONE, GONE,   GONE,   GONE,   BEGIN,  END,    END};
    enum { OPERATIONS = sizeof operations / sizeof *operations };
    const struct bus_view *views[ITEMS] = {made.view, test_deliveries_view(&made, "market", "penalty"),
                                           test_deliveries_view(&made, "transport", "penalty")};
    uint64_t leaves[PARTITIONS] = {0};
    int64_t versions[PARTITIONS][ITEMS][NUMBERS * (PARTITIONS + 1)] = {{{0}}};
    for (size_t i = 0; i < HISTORY; i++) {
        struct test_delivery *step = &history[i];
        int32_t partition = (int32_t)chance(seed, PARTITIONS);
        size_t item = chance(seed, ITEMS);
        *step = (struct test_delivery){
            .view = views[item], .operation = operations[chance(seed, OPERATIONS)], .partition = partition};
        step->leaf = leaves[partition]++;
        if (step->operation == BEGIN || step->operation == END)
            continue;
        bool has_moved = chance(seed, 8) == 0; /* otherwise a record comes from one partition */
        step->number = (int)chance(seed, NUMBERS) + (has_moved ? 0 : NUMBERS * (partition + 1));
        step->flags = chance(seed, 1u << BUS_FLAG_COUNT);
        step->reason = step->operation == PUT    ? BUS_REASON_CORRECTED
                       : step->operation == GONE ? BUS_REASON_EXPIRED
                                                 : BUS_REASON_DISPUTED;
        int64_t *version = &versions[partition][item][step->number];
        *version += chance(seed, 3);
        step->version = *version;
    }
}

/* Steps [from, to), cut anywhere. */
static void apply_in_cuts(struct receiver *receiver, struct subscribers_delivery *deliveries, size_t from, size_t to,
                          uint32_t *seed, uint32_t longest)
{
    struct bus_error error;
    while (from < to) {
        size_t count = 1 + chance(seed, longest);
        count = count < to - from ? count : to - from;
        must(try_apply(receiver, deliveries + from, count, &error), &error);
        from += count;
    }
}

static const char *content(const struct receiver *receiver, const char *table)
{
    char sql[TEXT];
    snprintf(sql, sizeof sql,
             "SELECT md5(coalesce(string_agg(held::text, '|' ORDER BY held::text), '')) || ' ' || count(*) "
             "FROM $.%s AS held",
             table);
    return ask(receiver, sql);
}

static void any_cuts_give_the_table_of_one_by_one(const char *withdraw, uint32_t *seed)
{
    static struct test_delivery history[HISTORY];
    struct subscribers_delivery deliveries[HISTORY];
    struct receiver single, batched;
    print_message("seed %u, withdraw = \"%s\"\n", *seed, withdraw);
    make_history(seed, history);
    for (size_t i = 0; i < HISTORY; i++)
        deliveries[i] = test_delivery_of(&made, &history[i]);
    open_receiver(&single, "single", withdraw);
    open_receiver(&batched, "batched", withdraw);
    static const char *const tables[] = {"arrears", "penalty", "xinqiao_resync"};
    for (size_t at = 0; at < HISTORY; at += PART) {
        apply_in_cuts(&single, deliveries, at, at + PART, seed, 1);
        apply_in_cuts(&batched, deliveries, at, at + PART, seed, PART);
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
            assert_string_equal(content(&batched, tables[i]), content(&single, tables[i]));
    }
    close_receiver(&single);
    close_receiver(&batched);
    test_deliveries_free(deliveries, HISTORY);
}

static void any_history_in_any_batches_gives_one_table(void **state)
{
    (void)state;
    const char *given = getenv("XQ_SEED");
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)getpid();
    for (int i = 0; i < HISTORIES; i++)
        any_cuts_give_the_table_of_one_by_one(i % 2 == 0 ? "delete" : "mark", &seed);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "postgresql_sink CONNECTION\n");
        return 2;
    }
    struct bus_error error;
    connection = argv[1];
    client = postgresql_client_create(connection);
    if (client == NULL || postgresql_client_open(client, &error) != BUS_OK) {
        fprintf(stderr, "postgresql_sink: cannot reach PostgreSQL\n");
        return 1;
    }
    test_deliveries_open(&made);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_BOTH(name) cmocka_unit_test_setup_teardown(name, set_up_both, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_put_names_its_grant_and_catalogue),
        TEST(a_status_changes_the_row_and_keeps_its_fields),
        TEST(a_status_of_a_newer_version_leaves_that_of_the_fields),
        TEST(a_status_without_a_row_changes_nothing_and_is_applied),
        TEST_BOTH(a_withdrawal_takes_the_row_whatever_its_reason),
        TEST_BOTH(a_put_of_the_same_version_replaces_the_row),
        TEST(the_order_of_the_log_counts_and_not_the_version),
        TEST(a_row_that_another_partition_took_over_is_not_the_formers),
        TEST_BOTH(a_resync_removes_what_it_did_not_name),
        TEST(what_is_named_after_the_end_does_not_save_a_row),
        TEST(one_batch_may_hold_several_resyncs),
        TEST(a_resync_that_begins_anew_counts_from_there),
        TEST(an_end_without_a_begin_removes_nothing),
        TEST(a_resync_outlives_the_agent),
        TEST(a_batch_that_fails_takes_its_begin_and_end_back),
        TEST(a_resync_is_of_one_partition_and_one_department),
        TEST(a_record_that_the_database_refused_was_named_all_the_same),
        TEST(a_field_that_is_granted_no_more_is_emptied),
        TEST_BOTH(a_renewed_catalogue_adds_columns_and_leaves_the_former_views_readable),
        TEST(a_field_of_another_type_is_refused_until_its_column_makes_room),
        cmocka_unit_test(any_history_in_any_batches_gives_one_table),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_deliveries_close(&made);
    postgresql_client_destroy(client);
    return failed;
}
