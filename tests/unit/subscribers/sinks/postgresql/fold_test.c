#include "subscribers/sinks/postgresql/fold.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above first */
#include <cmocka.h>

enum { PUT = BUS_DELIVERY_PUT, GONE = BUS_DELIVERY_WITHDRAW, STATUS = BUS_DELIVERY_STATUS, MOST = 8 };
enum { BEGIN = BUS_DELIVERY_RESYNC_BEGIN, END = BUS_DELIVERY_RESYNC_END };

static const uint8_t records[3][BUS_IDENTITY_SIZE] = {
    {1}, {2}, {1, 0, 0, 0, 0, 0, 0, 0, 9}}; /* 0 and 2: same first bytes */

struct step {
    int record;
    int operation;
    int32_t partition;
};

static struct subscribers_delivery deliveries[MOST];

/* Folds the steps; those about record 0 come out first. */
static struct postgresql_fold fold_of(const struct step *steps, size_t count)
{
    struct postgresql_fold fold;
    struct bus_error error;
    for (size_t i = 0; i < count; i++)
        deliveries[i] = (struct subscribers_delivery){.record = records[steps[i].record],
                                                      .operation = (enum bus_delivery_operation)steps[i].operation,
                                                      .partition = steps[i].partition};
    assert_int_equal(postgresql_fold_init(&fold, deliveries, count, &error), BUS_OK);
    return fold;
}

static void the_last_put_of_a_record_wins(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {1, PUT, 0}, {0, PUT, 0}, {2, PUT, 0}}, 4);
    assert_int_equal(fold.count, 3);
    assert_int_equal(fold.taken, 4);
    assert_ptr_equal(fold.records[0].put, &deliveries[2]);
    assert_ptr_equal(fold.records[1].put, &deliveries[1]);
    assert_ptr_equal(fold.records[2].put, &deliveries[3]);
    postgresql_fold_release(&fold);
}

/* A resync gives a version again, and a status or withdrawal may carry any: their order in the log is what counts. */
static void versions_do_not_count(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {0, STATUS, 0}}, 2);
    postgresql_fold_release(&fold);
    deliveries[0].version = 7;
    deliveries[1].version = 3;
    struct bus_error error;
    assert_int_equal(postgresql_fold_init(&fold, deliveries, 2, &error), BUS_OK);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    assert_ptr_equal(fold.records[0].status, &deliveries[1]);
    postgresql_fold_release(&fold);
}

static void a_marker_must_see_what_lies_before_it_written(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {1, END, 0}, {0, PUT, 0}}, 3);
    assert_int_equal(fold.taken, 1);
    assert_int_equal(fold.count, 1);
    postgresql_fold_release(&fold);
    fold = fold_of((struct step[]){{1, BEGIN, 0}, {0, PUT, 0}}, 2);
    assert_int_equal(fold.taken, 0);
    assert_int_equal(fold.count, 0);
    postgresql_fold_release(&fold);
}

static void two_partitions_are_not_folded_about_one_record(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {1, PUT, 1}, {0, GONE, 1}, {1, GONE, 1}}, 4);
    assert_int_equal(fold.taken, 2);
    assert_int_equal(fold.count, 2);
    assert_null(fold.records[0].withdrawal);
    postgresql_fold_release(&fold);
}

static void a_withdrawal_keeps_the_row_that_it_marks(void **state)
{
    (void)state;
    struct postgresql_fold fold =
        fold_of((struct step[]){{0, PUT, 0}, {0, STATUS, 0}, {0, GONE, 0}, {0, STATUS, 0}}, 4);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    assert_ptr_equal(fold.records[0].withdrawal, &deliveries[2]);
    assert_ptr_equal(fold.records[0].status, &deliveries[3]);
    postgresql_fold_release(&fold);
}

static void a_withdrawal_forgets_the_status_before_it(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, STATUS, 0}, {0, GONE, 0}}, 2);
    assert_ptr_equal(fold.records[0].withdrawal, &deliveries[1]);
    assert_null(fold.records[0].status);
    postgresql_fold_release(&fold);
}

static void a_new_put_forgets_the_withdrawal(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, GONE, 0}, {0, PUT, 0}}, 2);
    assert_ptr_equal(fold.records[0].put, &deliveries[1]);
    assert_null(fold.records[0].withdrawal);
    postgresql_fold_release(&fold);
}

static void a_status_is_added_to_the_row_before_it(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {0, STATUS, 0}, {0, STATUS, 0}}, 3);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    assert_ptr_equal(fold.records[0].status, &deliveries[2]);
    postgresql_fold_release(&fold);
}

static void a_row_replaces_the_status_before_it(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, STATUS, 0}, {0, PUT, 0}}, 2);
    assert_ptr_equal(fold.records[0].put, &deliveries[1]);
    assert_null(fold.records[0].status);
    postgresql_fold_release(&fold);
}

static void what_is_refused_does_not_count(void **state)
{
    (void)state;
    struct bus_error error;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 0}, {0, PUT, 0}}, 2);
    postgresql_fold_release(&fold);
    subscribers_delivery_refuse(&deliveries[1], "PG_23514");
    assert_int_equal(postgresql_fold_init(&fold, deliveries, 2, &error), BUS_OK);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    postgresql_fold_release(&fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_put_of_a_record_wins),
        cmocka_unit_test(versions_do_not_count),
        cmocka_unit_test(a_marker_must_see_what_lies_before_it_written),
        cmocka_unit_test(two_partitions_are_not_folded_about_one_record),
        cmocka_unit_test(a_withdrawal_keeps_the_row_that_it_marks),
        cmocka_unit_test(a_withdrawal_forgets_the_status_before_it),
        cmocka_unit_test(a_new_put_forgets_the_withdrawal),
        cmocka_unit_test(a_status_is_added_to_the_row_before_it),
        cmocka_unit_test(a_row_replaces_the_status_before_it),
        cmocka_unit_test(what_is_refused_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
