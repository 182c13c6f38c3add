#include "adapters/engine/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/folder.h"

/* What the image would say: records and what they say, in the order of their keys. */
enum { MAX_STANDING = 200 };

struct standing {
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE];
    struct adapters_image_entry entry;
};

struct world {
    char folder[TEST_FOLDER_SIZE];
    struct adapters_list *list;
    struct standing standing[MAX_STANDING];
    size_t count;
    int64_t line;
};

/* In place of image.c: this program links its own walk. */
enum bus_status adapters_image_walk(struct adapters_image *image, size_t feed, const uint8_t *from,
                                    bool (*visit)(void *self, const uint8_t *key,
                                                  const struct adapters_image_entry *entry),
                                    void *self, struct bus_error *error)
{
    const struct world *world = (const struct world *)(const void *)image;
    (void)feed, (void)from, (void)error;
    for (size_t i = 0; i < world->count && visit(self, world->standing[i].key, &world->standing[i].entry); i++)
        continue;
    return BUS_OK;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct bus_error error;
    test_folder_make(world->folder);
    assert_int_equal(adapters_list_create(world->folder, &world->list, &error), BUS_OK);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    adapters_list_destroy(world->list);
    test_folder_remove(world->folder);
    free(world);
    return 0;
}

static void key_of(int record, uint8_t out_key[ADAPTERS_IMAGE_KEY_SIZE])
{
    memset(out_key, 0, ADAPTERS_IMAGE_KEY_SIZE);
    bus_put_u32be(out_key, (uint32_t)record);
}

static void content_of(const char *text, uint8_t out_content[ADAPTERS_IMAGE_CONTENT_SIZE])
{
    memset(out_content, 0, ADAPTERS_IMAGE_CONTENT_SIZE);
    memcpy(out_content, text, strlen(text));
}

static void stands(struct world *world, int record, const char *text)
{
    struct standing *standing = &world->standing[world->count++];
    key_of(record, standing->key);
    content_of(text, standing->entry.content);
}

static void add(struct world *world, enum adapters_list_kind kind, int record, const char *text)
{
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE], content[ADAPTERS_IMAGE_CONTENT_SIZE];
    struct bus_error error;
    key_of(record, key);
    content_of(text, content);
    assert_int_equal(adapters_list_add(world->list, kind, key, content, ++world->line, &error), BUS_OK);
}

static const struct adapters_list_sums *settle(struct world *world)
{
    struct bus_error error;
    assert_int_equal(adapters_list_settle(world->list, (struct adapters_image *)(void *)world, 0, &error), BUS_OK);
    return adapters_list_sums_view(world->list);
}

static enum adapters_list_verdict verdict(const struct world *world, int64_t row)
{
    return adapters_list_verdict(world->list, row);
}

static void rows_are_new_changed_or_known_and_the_rest_is_absent(void **state)
{
    struct world *world = *state;
    stands(world, 1, "a");
    stands(world, 2, "b");
    stands(world, 3, "c");
    add(world, ADAPTERS_LIST_STANDS, 4, "d");
    add(world, ADAPTERS_LIST_STANDS, 2, "B");
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->standing, 3);
    assert_int_equal(sums->rows, 3);
    assert_int_equal(sums->added, 1);
    assert_int_equal(sums->changed, 1);
    assert_int_equal(sums->unchanged, 1);
    assert_int_equal(sums->absent, 1);
    assert_int_equal(verdict(world, 0), ADAPTERS_LIST_VISIT);
    assert_int_equal(verdict(world, 1), ADAPTERS_LIST_VISIT);
    assert_int_equal(verdict(world, 2), ADAPTERS_LIST_LEAVE);
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE];
    key_of(3, key);
    assert_memory_equal(adapters_list_absent_view(world->list, 0), key, sizeof key);
}

static void identical_rows_of_a_record_count_once(void **state)
{
    struct world *world = *state;
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->added, 1);
    assert_int_equal(sums->repeated, 1);
    assert_int_equal(verdict(world, 0), ADAPTERS_LIST_VISIT);
    assert_int_equal(verdict(world, 1), ADAPTERS_LIST_LEAVE);
}

static void differing_rows_of_a_record_all_fall_and_it_stays(void **state)
{
    struct world *world = *state;
    stands(world, 1, "a");
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    add(world, ADAPTERS_LIST_STANDS, 1, "b");
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->twice, 3);
    assert_int_equal(sums->absent, 0);
    assert_int_equal(sums->changed, 0);
    for (int row = 0; row < 3; row++)
        assert_int_equal(verdict(world, row), ADAPTERS_LIST_TWICE);
    assert_int_equal(adapters_list_other_line(world->list, 0), 2);
    assert_int_equal(adapters_list_other_line(world->list, 1), 1);
    assert_int_equal(adapters_list_other_line(world->list, 2), 2);
}

static void a_refused_row_keeps_its_record_as_it_was(void **state)
{
    struct world *world = *state;
    stands(world, 1, "a");
    add(world, ADAPTERS_LIST_REFUSED, 1, "");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->refused, 1);
    assert_int_equal(sums->absent, 0);
    assert_int_equal(verdict(world, 0), ADAPTERS_LIST_VISIT);
}

static void a_good_row_beside_a_refused_one_of_its_record_does_not_count(void **state)
{
    struct world *world = *state;
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    add(world, ADAPTERS_LIST_REFUSED, 1, "");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->twice, 1);
    assert_int_equal(sums->refused, 1);
    assert_int_equal(sums->added, 0);
    assert_int_equal(verdict(world, 0), ADAPTERS_LIST_TWICE);
    assert_int_equal(adapters_list_other_line(world->list, 0), 2);
    assert_int_equal(verdict(world, 1), ADAPTERS_LIST_VISIT);
}

static void a_row_marked_as_withdrawn_ends_its_record_once(void **state)
{
    struct world *world = *state;
    stands(world, 1, "a");
    add(world, ADAPTERS_LIST_ENDED, 1, "");
    add(world, ADAPTERS_LIST_ENDED, 2, "");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->ended, 1);
    assert_int_equal(sums->unchanged, 1);
    assert_int_equal(sums->absent, 0);
    assert_int_equal(verdict(world, 0), ADAPTERS_LIST_VISIT);
    assert_int_equal(verdict(world, 1), ADAPTERS_LIST_LEAVE);
}

static void many_rows_in_any_order_are_told_apart(void **state)
{
    struct world *world = *state;
    enum { RECORDS = 150 };
    for (int record = 0; record < RECORDS; record++)
        stands(world, record, "a");
    for (int i = 0; i < RECORDS; i++) {
        int record = i * 77 % RECORDS; /* 77 and 150 have no factor in common */
        if (record % 10 != 0)
            add(world, ADAPTERS_LIST_STANDS, record, record % 3 == 0 ? "b" : "a");
    }
    for (int again = 0; again < 1000; again++)
        add(world, ADAPTERS_LIST_STANDS, 7, "a");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->absent, 15);
    assert_int_equal(sums->changed, 45);
    assert_int_equal(sums->unchanged, 90);
    assert_int_equal(sums->repeated, 1000);
    for (int64_t i = 1; i < sums->absent; i++)
        assert_true(memcmp(adapters_list_absent_view(world->list, i - 1), adapters_list_absent_view(world->list, i),
                           ADAPTERS_IMAGE_KEY_SIZE) < 0);
}

static void a_new_list_knows_nothing_of_the_last(void **state)
{
    struct world *world = *state;
    stands(world, 1, "a");
    settle(world);
    adapters_list_reset(world->list);
    add(world, ADAPTERS_LIST_STANDS, 1, "a");
    const struct adapters_list_sums *sums = settle(world);
    assert_int_equal(sums->rows, 1);
    assert_int_equal(sums->absent, 0);
    assert_int_equal(sums->unchanged, 1);
}

static void it_is_held_beyond_both_limits_only(void **state)
{
    (void)state;
    struct adapters_list_sums sums = {.standing = 1000, .absent = 101};
    assert_true(adapters_list_withdraws_many(&sums, 10, 20));
    sums.absent = 100;
    assert_false(adapters_list_withdraws_many(&sums, 10, 20));
    sums.ended = 1;
    assert_true(adapters_list_withdraws_many(&sums, 10, 20));
    sums = (struct adapters_list_sums){.standing = 20, .absent = 20};
    assert_false(adapters_list_withdraws_many(&sums, 10, 20));
}

static void rows_that_tell_no_record_count_as_missing_where_any_is(void **state)
{
    (void)state;
    struct adapters_list_sums sums = {.standing = 1000, .absent = 1, .untold = 100};
    assert_true(adapters_list_withdraws_many(&sums, 10, 20));
    sums.absent = 0;
    assert_false(adapters_list_withdraws_many(&sums, 10, 20));
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct adapters_list *list = NULL;
    struct bus_error error;
    assert_int_equal(adapters_list_create("/nonexistent/folder", &list, &error), BUS_FATAL);
    assert_non_null(strstr(error.message, "/nonexistent/folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_new_changed_or_known_and_the_rest_is_absent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(identical_rows_of_a_record_count_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(differing_rows_of_a_record_all_fall_and_it_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_row_keeps_its_record_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_good_row_beside_a_refused_one_of_its_record_does_not_count, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_row_marked_as_withdrawn_ends_its_record_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_rows_in_any_order_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_list_knows_nothing_of_the_last, set_up, tear_down),
        cmocka_unit_test(it_is_held_beyond_both_limits_only),
        cmocka_unit_test(rows_that_tell_no_record_count_as_missing_where_any_is),
        cmocka_unit_test(a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
