#include "adapters/engine/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { DAY = 20781 };

static const char *const topics[] = {"xq.in.market.penalty", "xq.in.market.licence"};

static struct adapters_file_position file_of(int number)
{
    struct adapters_file_position file = {.feed = "penalty"};
    snprintf(file.name, sizeof file.name, "%d.csv", number);
    bus_digest(BUS_HASH_SM3, bus_bytes_text(file.name), file.digest);
    return file;
}

static struct adapters_journal *start(void)
{
    struct adapters_journal *journal = adapters_journal_create("market", topics, 2, 6);
    assert_non_null(journal);
    adapters_journal_mark(journal);
    return journal;
}

static void numbers_each_partition_of_each_topic_from_one(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    for (size_t topic = 0; topic < 2; topic++)
        for (int32_t partition = 0; partition < 6; partition++)
            assert_int_equal((*adapters_journal_next_sequence(journal, topic, partition))++, 1);
    *adapters_journal_next_sequence(journal, 1, 5) += 10;
    struct adapters_position position = adapters_journal_position(journal, 0);
    assert_int_equal(position.sequence_count, 12);
    assert_string_equal(position.sequences[11].topic, topics[1]);
    assert_int_equal(position.sequences[11].next, 12);
    adapters_journal_destroy(journal);
}

static void unused_sequences_are_no_part_of_a_position(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    assert_int_equal(adapters_journal_position(journal, 0).sequence_count, 0);
    adapters_journal_destroy(journal);
}

static void finds_every_finished_file_among_many(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    for (int i = 0; i < 5000; i++) {
        struct adapters_file_position file = file_of(i);
        file.rows = i;
        assert_null(adapters_journal_find_finished(journal, file.digest));
        assert_non_null(adapters_journal_begin_file(journal, &file));
        assert_true(adapters_journal_finish_file(journal, file.digest, 1000 + i));
        assert_null(adapters_journal_open_file(journal, file.digest));
    }
    for (int i = 0; i < 5000; i++) {
        struct adapters_file_position file = file_of(i);
        const struct adapters_finished *finished = adapters_journal_find_finished(journal, file.digest);
        assert_non_null(finished);
        assert_int_equal(finished->rows, i);
        assert_true(finished->name_hash == adapters_journal_name_hash(file.feed, file.name));
    }
    adapters_journal_destroy(journal);
}

static void rewind_takes_back_all_since_the_mark(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    struct adapters_file_position kept = file_of(1), lost = file_of(2), begun = file_of(3);
    assert_non_null(adapters_journal_begin_file(journal, &kept));
    assert_non_null(adapters_journal_begin_file(journal, &lost));
    *adapters_journal_next_sequence(journal, 0, 3) = 5;
    assert_true(bus_book_add(bus_ledger_open(adapters_journal_ledger(journal), DAY), "market", "penalty", "",
                             BUS_MEASURE_READ, 4));
    adapters_journal_mark(journal);

    *adapters_journal_next_sequence(journal, 0, 3) = 9;
    assert_true(bus_book_add(bus_ledger_open(adapters_journal_ledger(journal), DAY), "market", "penalty", "",
                             BUS_MEASURE_READ, 4));
    adapters_journal_open_file(journal, lost.digest)->rows = 77;
    assert_true(adapters_journal_finish_file(journal, lost.digest, 1));
    assert_non_null(adapters_journal_begin_file(journal, &begun));
    adapters_journal_rewind(journal);

    assert_int_equal(*adapters_journal_next_sequence(journal, 0, 3), 5);
    assert_int_equal(bus_book_count(bus_ledger_find(adapters_journal_ledger(journal), DAY), "market", "penalty", "",
                                    BUS_MEASURE_READ),
                     4);
    assert_null(adapters_journal_find_finished(journal, lost.digest));
    assert_non_null(adapters_journal_open_file(journal, kept.digest));
    assert_int_equal(adapters_journal_open_file(journal, lost.digest)->rows, 0);
    assert_null(adapters_journal_open_file(journal, begun.digest));
    adapters_journal_destroy(journal);
}

static void files_taken_in_part_are_bounded(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    struct adapters_file_position file = file_of(0);
    for (int i = 0; i < ADAPTERS_POSITION_MAX_FILES; i++)
        assert_non_null(adapters_journal_begin_file(journal, &file));
    assert_null(adapters_journal_begin_file(journal, &file));
    adapters_journal_destroy(journal);
}

static void name_hash_tells_feeds_and_names_apart(void **state)
{
    (void)state;
    assert_true(adapters_journal_name_hash("a", "bc") != adapters_journal_name_hash("ab", "c"));
}

static void cursors_go_back_with_the_transaction(void **state)
{
    (void)state;
    struct bus_error error;
    struct adapters_journal *journal = start();
    assert_int_equal(adapters_journal_set_cursor(journal, "penalty", "7", &error), BUS_OK);
    assert_int_equal(adapters_journal_set_cursor(journal, "licence", "1", &error), BUS_OK);
    assert_true(adapters_journal_has_moved(journal));
    adapters_journal_mark(journal);
    assert_false(adapters_journal_has_moved(journal));
    assert_int_equal(adapters_journal_set_cursor(journal, "penalty", "8", &error), BUS_OK);
    assert_int_equal(adapters_journal_set_cursor(journal, "licence", "", &error), BUS_OK);
    assert_string_equal(adapters_journal_cursor(journal, "licence"), "");
    adapters_journal_rewind(journal);
    assert_string_equal(adapters_journal_cursor(journal, "penalty"), "7");
    assert_string_equal(adapters_journal_cursor(journal, "licence"), "1");
    assert_int_equal(adapters_journal_position(journal, 0).cursor_count, 2);
    adapters_journal_destroy(journal);
}

static void a_file_that_is_dropped_was_never_begun(void **state)
{
    (void)state;
    struct adapters_journal *journal = start();
    struct adapters_file_position one = file_of(1), other = file_of(2);
    assert_non_null(adapters_journal_begin_file(journal, &one));
    assert_non_null(adapters_journal_begin_file(journal, &other));
    adapters_journal_mark(journal);
    assert_false(adapters_journal_has_moved(journal));
    adapters_journal_drop_file(journal, one.digest);
    assert_true(adapters_journal_has_moved(journal));
    assert_null(adapters_journal_open_file(journal, one.digest));
    assert_non_null(adapters_journal_open_file(journal, other.digest));
    adapters_journal_rewind(journal);
    assert_non_null(adapters_journal_open_file(journal, one.digest));
    adapters_journal_destroy(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursors_go_back_with_the_transaction),
        cmocka_unit_test(numbers_each_partition_of_each_topic_from_one),
        cmocka_unit_test(unused_sequences_are_no_part_of_a_position),
        cmocka_unit_test(finds_every_finished_file_among_many),
        cmocka_unit_test(rewind_takes_back_all_since_the_mark),
        cmocka_unit_test(files_taken_in_part_are_bounded),
        cmocka_unit_test(name_hash_tells_feeds_and_names_apart),
        cmocka_unit_test(a_file_that_is_dropped_was_never_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
