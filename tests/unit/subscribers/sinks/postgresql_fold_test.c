#include "subscribers/sinks/postgresql_fold.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants the three above first */
#include <cmocka.h>

enum { PUT = BUS_DELIVERY_PUT, GONE = BUS_DELIVERY_WITHDRAW, STATUS = BUS_DELIVERY_STATUS, MOST = 8 };

static const uint8_t records[3][BUS_IDENTITY_SIZE] = {
    {1}, {2}, {1, 0, 0, 0, 0, 0, 0, 0, 9}}; /* 0 and 2: same first bytes */

struct step {
    int record;
    int operation;
    int64_t version;
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
                                                      .version = steps[i].version};
    assert_int_equal(postgresql_fold_init(&fold, deliveries, count, &error), BUS_OK);
    return fold;
}

static void the_last_version_of_a_record_wins(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 1}, {1, PUT, 1}, {0, PUT, 2}, {2, PUT, 5}}, 4);
    assert_int_equal(fold.count, 3);
    assert_ptr_equal(fold.records[0].put, &deliveries[2]);
    assert_ptr_equal(fold.records[1].put, &deliveries[1]);
    assert_ptr_equal(fold.records[2].put, &deliveries[3]);
    postgresql_fold_release(&fold);
}

static void an_older_version_changes_nothing(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, GONE, 3}, {0, PUT, 2}, {0, STATUS, 2}}, 3);
    assert_null(fold.records[0].put);
    assert_ptr_equal(fold.records[0].withdrawal, &deliveries[0]);
    assert_null(fold.records[0].status);
    postgresql_fold_release(&fold);
}

static void a_withdrawal_keeps_the_row_that_it_marks(void **state)
{
    (void)state;
    struct postgresql_fold fold =
        fold_of((struct step[]){{0, PUT, 2}, {0, STATUS, 2}, {0, GONE, 3}, {0, STATUS, 3}}, 4);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    assert_ptr_equal(fold.records[0].withdrawal, &deliveries[2]);
    assert_ptr_equal(fold.records[0].status, &deliveries[3]);
    postgresql_fold_release(&fold);
}

static void a_new_put_forgets_the_withdrawal(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, GONE, 2}, {0, PUT, 3}}, 2);
    assert_ptr_equal(fold.records[0].put, &deliveries[1]);
    assert_null(fold.records[0].withdrawal);
    postgresql_fold_release(&fold);
}

static void a_status_is_added_to_the_row_before_it(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 2}, {0, STATUS, 2}, {0, STATUS, 2}}, 3);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    assert_ptr_equal(fold.records[0].status, &deliveries[2]);
    postgresql_fold_release(&fold);
}

static void a_row_replaces_the_status_before_it(void **state)
{
    (void)state;
    struct postgresql_fold fold = fold_of((struct step[]){{0, STATUS, 2}, {0, PUT, 3}}, 2);
    assert_ptr_equal(fold.records[0].put, &deliveries[1]);
    assert_null(fold.records[0].status);
    postgresql_fold_release(&fold);
}

static void what_is_refused_does_not_count(void **state)
{
    (void)state;
    struct bus_error error;
    struct postgresql_fold fold = fold_of((struct step[]){{0, PUT, 1}, {0, PUT, 2}}, 2);
    postgresql_fold_release(&fold);
    subscribers_delivery_refuse(&deliveries[1], "PG_23514");
    assert_int_equal(postgresql_fold_init(&fold, deliveries, 2, &error), BUS_OK);
    assert_ptr_equal(fold.records[0].put, &deliveries[0]);
    postgresql_fold_release(&fold);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_version_of_a_record_wins),
        cmocka_unit_test(an_older_version_changes_nothing),
        cmocka_unit_test(a_withdrawal_keeps_the_row_that_it_marks),
        cmocka_unit_test(a_new_put_forgets_the_withdrawal),
        cmocka_unit_test(a_status_is_added_to_the_row_before_it),
        cmocka_unit_test(a_row_replaces_the_status_before_it),
        cmocka_unit_test(what_is_refused_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
