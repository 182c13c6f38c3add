#include "subscribers/sinks/ndjson/ndjson.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
/* cmocka wants the three above first */
#include <cmocka.h>

#include "bus/json.h"
#include "subscribers/sinks/ndjson/line.h"
#include "tests/support/delivery_builder.h"
#include "tests/support/folder.h"

static struct test_deliveries made;

/* A sink on an empty folder, with books for partition 0. */
struct fixture {
    char folder[TEST_FOLDER_SIZE];
    struct bus_settings *settings;
    struct bus_ledger *ledger;
    void *sink;
};

static enum bus_status open_sink(const struct fixture *fixture, void **out_sink)
{
    struct bus_error error;
    struct subscribers_sink_context context = {.subscriber = "website",
                                               .topic = "xq.out.website",
                                               .catalogues = made.catalogues,
                                               .settings = fixture->settings};
    const struct bus_settings_node *group = bus_settings_root(fixture->settings);
    assert_int_equal(bus_settings_check(group, subscribers_ndjson.options, &error), BUS_OK);
    return subscribers_ndjson.open(&context, group, out_sink, &error);
}

static void at(const struct fixture *fixture, const char *name, char out_path[256])
{
    snprintf(out_path, 256, "%s/%s", fixture->folder, name);
}

static bool exists(const struct fixture *fixture, const char *name)
{
    char path[256];
    struct stat status;
    at(fixture, name, path);
    return stat(path, &status) == 0;
}

static void write_text(const struct fixture *fixture, const char *name, const char *text)
{
    char path[256];
    at(fixture, name, path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct bus_error error;
    char path[256];
    fixture = (struct fixture){0};
    test_folder_make(fixture.folder);
    write_text(&fixture, "sink.cfg", "folder = \".\";\n");
    at(&fixture, "sink.cfg", path);
    assert_int_equal(bus_settings_load(path, &fixture.settings, &error), BUS_OK);
    assert_int_equal(open_sink(&fixture, &fixture.sink), BUS_OK);
    fixture.ledger = bus_ledger_create("agent/website/0", 3);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    subscribers_ndjson.close(fixture->sink);
    bus_ledger_destroy(fixture->ledger);
    bus_settings_destroy(fixture->settings);
    test_folder_remove(fixture->folder);
    return 0;
}

static int64_t stored_next(struct fixture *fixture)
{
    struct bus_error error;
    struct subscribers_position position;
    subscribers_position_init(&position, 0);
    assert_int_equal(subscribers_ndjson.load(fixture->sink, &position, &error), BUS_OK);
    int64_t next = position.next;
    subscribers_position_release(&position);
    return next;
}

/* One PUT, then a WITHDRAW, from offset `from` (-1 = the beginning) to `next`. */
static enum bus_status apply(struct fixture *fixture, int64_t from, int64_t next, struct bus_error *error)
{
    struct subscribers_delivery deliveries[] = {test_delivery(&made, BUS_DELIVERY_PUT, 1, 12, 0),
                                                test_delivery(&made, BUS_DELIVERY_WITHDRAW, 1, 13, 1)};
    struct subscribers_advance advance = {.from = from, .ledger = fixture->ledger};
    subscribers_position_init(&advance.position, 0);
    advance.position.next = next;
    advance.position.hash = BUS_HASH_SM3;
    advance.position.log.size = 2;
    memset(advance.position.log.peaks[0], 0xab, BUS_DIGEST_SIZE);
    struct subscribers_batch batch = {.deliveries = deliveries,
                                      .count = 2,
                                      .advances = &advance,
                                      .advance_count = 1,
                                      .subscriber = "website",
                                      .clock = bus_clock_real()};
    enum bus_status status = subscribers_ndjson.apply(fixture->sink, &batch, error);
    if (status == BUS_OK)
        bus_ledger_mark(fixture->ledger);
    subscribers_position_release(&advance.position);
    test_deliveries_free(deliveries, 2);
    return status;
}

static void reopen(struct fixture *fixture)
{
    subscribers_ndjson.close(fixture->sink);
    fixture->sink = NULL;
    assert_int_equal(open_sink(fixture, &fixture->sink), BUS_OK);
}

static void a_new_folder_stands_nowhere(void **state)
{
    assert_int_equal(stored_next(*state), -1);
}

static void position_log_and_books_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    struct subscribers_position position;
    assert_int_equal(stored_next(fixture), -1);
    assert_int_equal(apply(fixture, -1, 7, &error), BUS_OK);
    reopen(fixture);
    subscribers_position_init(&position, 0);
    assert_int_equal(subscribers_ndjson.load(fixture->sink, &position, &error), BUS_OK);
    assert_int_equal(position.next, 7);
    assert_int_equal(position.hash, BUS_HASH_SM3);
    assert_int_equal(position.log.size, 2);
    assert_int_equal(position.log.peaks[0][31], 0xab);
    struct bus_ledger *ledger = bus_ledger_create("agent/website/0", 3);
    assert_int_equal(bus_ledger_decode(bus_buffer_view(&position.books), ledger, &error), BUS_OK);
    assert_int_equal(bus_ledger_count(ledger), 1);
    assert_int_equal(bus_book_count(bus_ledger_book_at(ledger, 0), "tax", "arrears", "website", BUS_MEASURE_APPLIED),
                     2);
    bus_ledger_destroy(ledger);
    subscribers_position_release(&position);
}

static void lines_are_json_with_typed_fields(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    char path[256], line[4096];
    stored_next(fixture);
    assert_int_equal(apply(fixture, -1, 7, &error), BUS_OK);
    at(fixture, "website-0000000001.ndjson", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    struct bus_json_document *document;
    assert_int_equal(bus_json_parse(bus_bytes_text(line), &document, &error), BUS_OK);
    const struct bus_json_value *root = bus_json_root(document), *fields = bus_json_member(root, "fields");
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_member(root, "operation")), "PUT"));
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_member(root, "department")), "tax"));
    assert_true(
        bus_bytes_equal_text(bus_json_as_text(bus_json_member(root, "delivered_at")), "2026-09-21T14:13:20.123Z"));
    assert_true(bus_bytes_equal_text(bus_json_number_text(bus_json_member(fields, "arrears_amount")), "12.00"));
    assert_int_equal(bus_json_type(bus_json_member(fields, "new_arrears_amount")), BUS_JSON_NULL);
    bus_json_destroy(document);
    assert_non_null(fgets(line, sizeof line, file));
    assert_non_null(strstr(line, "\"operation\":\"WITHDRAW\""));
    assert_non_null(strstr(line, "\"fields\":null"));
    assert_null(fgets(line, sizeof line, file));
    fclose(file);
}

/* The line that the delivery makes, parsed; the caller destroys it. */
static struct bus_json_document *line_of(const struct test_delivery *wanted)
{
    struct bus_error error;
    struct bus_buffer buffer;
    struct bus_json_document *document;
    struct subscribers_delivery delivery = test_delivery_of(&made, wanted);
    bus_buffer_init(&buffer, BUS_DATUM_MAX_SIZE);
    subscribers_ndjson_line(&delivery, &buffer);
    assert_int_equal(bus_json_parse(bus_buffer_view(&buffer), &document, &error), BUS_OK);
    bus_buffer_release(&buffer);
    test_deliveries_free(&delivery, 1);
    return document;
}

static void expect_text(const struct bus_json_document *document, const char *name, const char *text)
{
    const struct bus_json_value *member = bus_json_member(bus_json_root(document), name);
    assert_non_null(member);
    assert_true(bus_bytes_equal_text(bus_json_as_text(member), text));
}

static void a_status_is_a_line_without_fields(void **state)
{
    (void)state;
    struct bus_json_document *document = line_of(&(struct test_delivery){.operation = BUS_DELIVERY_STATUS,
                                                                         .reason = BUS_REASON_DISPUTED,
                                                                         .flags = 1u << BUS_FLAG_DISPUTED,
                                                                         .number = 1,
                                                                         .version = 3});
    const struct bus_json_value *root = bus_json_root(document), *flags = bus_json_member(root, "flags");
    expect_text(document, "operation", "STATUS");
    expect_text(document, "reason", "DISPUTED");
    expect_text(document, "catalogue", bus_catalogue_version_view(made.catalogue));
    assert_int_equal(bus_json_count(flags), 1);
    assert_true(bus_bytes_equal_text(bus_json_as_text(bus_json_at(flags, 0)), "DISPUTED"));
    assert_int_equal(bus_json_type(bus_json_member(root, "fields")), BUS_JSON_NULL);
    assert_non_null(bus_json_member(root, "record"));
    bus_json_destroy(document);
}

static void a_marker_is_a_line_without_a_record(void **state)
{
    (void)state;
    struct bus_json_document *document =
        line_of(&(struct test_delivery){.operation = BUS_DELIVERY_RESYNC_END, .partition = 2, .leaf = 9});
    const struct bus_json_value *root = bus_json_root(document);
    expect_text(document, "operation", "RESYNC_END");
    expect_text(document, "department", "tax");
    expect_text(document, "item", "arrears");
    assert_int_equal(bus_json_as_integer(bus_json_member(root, "partition")), 2);
    assert_int_equal(bus_json_as_integer(bus_json_member(root, "leaf")), 9);
    assert_null(bus_json_member(root, "record"));
    bus_json_destroy(document);
}

static void a_file_that_was_committed_gets_its_name_after_a_crash(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    char hidden[256], name[256];
    stored_next(fixture);
    assert_int_equal(apply(fixture, -1, 7, &error), BUS_OK);
    at(fixture, "website-0000000001.ndjson", name);
    at(fixture, ".website-0000000001.ndjson", hidden);
    assert_int_equal(rename(name, hidden), 0); /* as if killed between the two renames */
    reopen(fixture);
    assert_int_equal(stored_next(fixture), 7);
    assert_true(exists(fixture, "website-0000000001.ndjson"));
    assert_false(exists(fixture, ".website-0000000001.ndjson"));
}

static void a_file_that_was_not_committed_is_removed(void **state)
{
    struct fixture *fixture = *state;
    write_text(fixture, ".website-0000000001.ndjson", "half a li");
    assert_int_equal(stored_next(fixture), -1);
    assert_false(exists(fixture, ".website-0000000001.ndjson"));
    assert_false(exists(fixture, "website-0000000001.ndjson"));
}

static void a_file_that_the_receiver_took_is_not_written_again(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    char name[256];
    stored_next(fixture);
    assert_int_equal(apply(fixture, -1, 7, &error), BUS_OK);
    at(fixture, "website-0000000001.ndjson", name);
    assert_int_equal(remove(name), 0);
    reopen(fixture);
    assert_int_equal(stored_next(fixture), 7);
    assert_int_equal(apply(fixture, 7, 9, &error), BUS_OK);
    assert_false(exists(fixture, "website-0000000001.ndjson"));
    assert_true(exists(fixture, "website-0000000002.ndjson"));
}

static void a_batch_from_elsewhere_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    stored_next(fixture);
    assert_int_equal(apply(fixture, -1, 7, &error), BUS_OK);
    assert_int_equal(apply(fixture, 3, 9, &error), BUS_FATAL);
    assert_int_equal(stored_next(fixture), 7);
}

static void a_second_agent_waits(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    void *second;
    struct subscribers_position position;
    stored_next(fixture);
    assert_int_equal(open_sink(fixture, &second), BUS_OK);
    subscribers_position_init(&position, 0);
    assert_int_equal(subscribers_ndjson.load(second, &position, &error), BUS_RETRY);
    subscribers_position_release(&position);
    subscribers_ndjson.close(second);
}

static void a_damaged_position_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct bus_error error;
    struct subscribers_position position;
    write_text(fixture, ".position", "{\"topic\": \"xq.out.website\", \"serial\": 1, \"partitions\": [{}]}");
    subscribers_position_init(&position, 0);
    assert_int_equal(subscribers_ndjson.load(fixture->sink, &position, &error), BUS_FATAL);
    subscribers_position_release(&position);
}

static int open_world(void **state)
{
    (void)state;
    test_deliveries_open(&made);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    test_deliveries_close(&made);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_folder_stands_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(position_log_and_books_survive_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_json_with_typed_fields, set_up, tear_down),
        cmocka_unit_test(a_status_is_a_line_without_fields),
        cmocka_unit_test(a_marker_is_a_line_without_a_record),
        cmocka_unit_test_setup_teardown(a_file_that_was_committed_gets_its_name_after_a_crash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_not_committed_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_the_receiver_took_is_not_written_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_batch_from_elsewhere_is_fatal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_agent_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_position_is_fatal, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
