#include "subscribers/sinks/province/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the two above first */
#include <cmocka.h>

enum { ROWS = 130, DAY = 20000 };
/* Of rows 1 to 130 below, and of the first, computed by another program (tests/province/rules.py). */
#define DIGEST_ALL "85d8daf203fb266a1515e8ccd352f4a6168558c5b9fdc6b4767289b12760ad96"
#define DIGEST_FIRST "0b08e4f6df716b5fb51d882d2576760ba982327894007d0779b5dfb0573af20a"

static struct bus_catalogue *catalogue;

static int load(void **state)
{
    struct bus_error error;
    (void)state;
    return bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK ? 0 : -1;
}

static int unload(void **state)
{
    (void)state;
    bus_catalogue_destroy(catalogue);
    return 0;
}

static const struct bus_item *item(const char *name)
{
    return bus_catalogue_find_item(catalogue, "market", name);
}

/* Row n: record n, digest 7 n, both as numbers. */
static void add(struct province_tally *tally, const char *name, int32_t day, uint32_t number)
{
    struct bus_error error;
    uint8_t record[BUS_IDENTITY_SIZE] = {0}, digest[BUS_DIGEST_SIZE] = {0};
    bus_put_u32be(record + BUS_IDENTITY_SIZE - 4, number);
    bus_put_u32be(digest + BUS_DIGEST_SIZE - 4, 7 * number);
    assert_int_equal(province_tally_add(tally, item(name)->number, day, record, digest, &error), BUS_OK);
}

static enum bus_status read_text(struct province_tally *tally, const char *text)
{
    struct bus_error error;
    return province_tally_read(tally, catalogue, bus_bytes_text(text), &error);
}

static size_t differing(struct province_tally *tally)
{
    struct bus_error error;
    assert_int_equal(province_tally_flush(tally, &error), BUS_OK);
    return province_tally_differing(tally);
}

#define ALL_THERE                                                                                                      \
    "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":130,\"digest\":\"" DIGEST_ALL "\"}]}"

static void the_same_rows_in_any_order_are_equal(void **state)
{
    struct province_tally tally;
    (void)state;
    province_tally_init(&tally);
    for (uint32_t i = ROWS; i > 0; i--)
        add(&tally, "penalty", DAY, i);
    assert_int_equal(read_text(&tally, ALL_THERE), BUS_OK);
    assert_int_equal(differing(&tally), 0);
    assert_int_equal(tally.rows[PROVINCE_HERE], ROWS);
    assert_int_equal(tally.rows[PROVINCE_THERE], ROWS);
    province_tally_release(&tally);
}

static void a_row_too_few_too_many_or_of_another_day_shows(void **state)
{
    struct province_tally tally;
    (void)state;
    province_tally_init(&tally);
    for (int variant = 0; variant < 4; variant++) {
        province_tally_reset(&tally);
        for (uint32_t i = 1; i < ROWS; i++)
            add(&tally, "penalty", DAY, i);
        if (variant == 1)
            add(&tally, "penalty", DAY, ROWS + 1); /* the same count */
        else if (variant == 2)
            add(&tally, "penalty", DAY + 1, ROWS);
        else if (variant == 3)
            add(&tally, "licence", DAY, ROWS);
        assert_int_equal(read_text(&tally, ALL_THERE), BUS_OK);
        assert_int_equal(differing(&tally), variant < 2 ? 1 : 2);
    }
    province_tally_release(&tally);
}

static void what_differs_comes_by_day_and_only_that(void **state)
{
    struct province_tally tally;
    (void)state;
    province_tally_init(&tally);
    for (int32_t day = 3000; day > 0; day--) /* grows on the way */
        add(&tally, "penalty", day, 2);
    add(&tally, "penalty", DAY, 1);
    assert_int_equal(read_text(&tally, "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":1,"
                                       "\"digest\":\"" DIGEST_FIRST "\"}]}"),
                     BUS_OK);
    assert_int_equal(differing(&tally), 3000);
    for (int32_t i = 0; i < 3000; i++)
        assert_int_equal(tally.cells[i].day, i + 1);
    province_tally_release(&tally);
}

static void rows_of_an_item_that_nobody_knows_are_counted(void **state)
{
    struct province_tally tally;
    (void)state;
    province_tally_init(&tally);
    assert_int_equal(
        read_text(&tally,
                  "{\"items\":[{\"item\":\"moon/penalty\",\"day\":\"2024-10-04\",\"count\":5,\"digest\":\"" DIGEST_ALL
                  "\"}]}"),
        BUS_OK);
    assert_int_equal(differing(&tally), 0);
    assert_int_equal(tally.unknown, 5);
    province_tally_release(&tally);
}

static void what_is_no_summary_is_not_believed(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"items\":3}",
        "{\"items\":[3]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":-1,\"digest\":\"" DIGEST_ALL "\"}]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-13-04\",\"count\":1,\"digest\":\"" DIGEST_ALL "\"}]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04x\",\"count\":1,\"digest\":\"" DIGEST_ALL "\"}]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":\"1\",\"digest\":\"" DIGEST_ALL
        "\"}]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":1,\"digest\":\"00\"}]}",
        "{\"items\":[{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":1,\"digest\":\"" DIGEST_ALL
        "\"},{\"item\":\"market/penalty\",\"day\":\"2024-10-04\",\"count\":1,\"digest\":\"" DIGEST_ALL "\"}]}",
    };
    struct province_tally tally;
    (void)state;
    province_tally_init(&tally);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        province_tally_reset(&tally);
        assert_int_equal(read_text(&tally, bad[i]), BUS_REJECT);
    }
    province_tally_release(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rows_in_any_order_are_equal),
        cmocka_unit_test(a_row_too_few_too_many_or_of_another_day_shows),
        cmocka_unit_test(what_differs_comes_by_day_and_only_that),
        cmocka_unit_test(rows_of_an_item_that_nobody_knows_are_counted),
        cmocka_unit_test(what_is_no_summary_is_not_believed),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
