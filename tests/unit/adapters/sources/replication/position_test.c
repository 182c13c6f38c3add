#include "adapters/sources/replication/position.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct replication_position place = {
    .system = UINT64_C(18446744073709551615),
    .database = 16384,
    .snapshot = 0x16b3748,
    .base = 1764000000000,
    .tables = {1, 2, 3, 4, 5, 6, 7, 0xff},
    .end = UINT64_C(0xfffffffa16b4000),
    .commit = 0x16b5000,
    .at = 0x16b4f00,
    .nth = 3,
};

static void an_lsn_is_written_as_postgresql_writes_it(void **state)
{
    (void)state;
    char text[REPLICATION_LSN_TEXT_SIZE];
    uint64_t lsn;
    replication_lsn_text(UINT64_C(0x16b374d848), text);
    assert_string_equal(text, "16/B374D848");
    assert_true(replication_lsn_parse(text, &lsn));
    assert_int_equal(lsn, INT64_C(0x16b374d848));
    assert_true(replication_lsn_parse("0/0", &lsn));
    assert_int_equal(lsn, 0);
    assert_true(replication_lsn_parse("FFFFFFFF/FFFFFFFF", &lsn));
    assert_true(lsn == UINT64_MAX);
    static const char *const bad[] = {"", "0", "0/", "/0", "0/G", "0/1 ", "0/123456789", "0/0x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(replication_lsn_parse(bad[i], &lsn));
}

static void a_position_reads_back_as_it_was_written(void **state)
{
    (void)state;
    char text[REPLICATION_POSITION_TEXT_SIZE];
    struct replication_position read;
    replication_position_write(&place, text);
    assert_true(replication_position_read(text, &read));
    assert_true(read.system == place.system);
    assert_int_equal(read.database, place.database);
    assert_int_equal(read.snapshot, place.snapshot);
    assert_int_equal(read.base, place.base);
    assert_memory_equal(read.tables, place.tables, sizeof read.tables);
    assert_true(read.end == place.end);
    assert_int_equal(read.commit, place.commit);
    assert_int_equal(read.at, place.at);
    assert_int_equal(read.nth, place.nth);
}

static void what_is_no_position_is_refused(void **state)
{
    (void)state;
    char text[REPLICATION_POSITION_TEXT_SIZE];
    struct replication_position read;
    replication_position_write(&place, text);
    for (size_t length = 0; length < strlen(text) - 1; length++) {
        char cut[REPLICATION_POSITION_TEXT_SIZE] = "";
        memcpy(cut, text, length);
        assert_false(replication_position_read(cut, &read));
    }
    strcat(text, " ");
    assert_false(replication_position_read(text, &read));
}

static void a_change_is_taken_once(void **state)
{
    (void)state;
    struct replication_position position = {.end = 1000, .commit = 2000, .at = 1500, .nth = 2};
    assert_true(replication_position_has(&position, 900, 800, 0));    /* of a transaction before the end */
    assert_true(replication_position_has(&position, 2000, 1400, 7));  /* before the place in the transaction at hand */
    assert_true(replication_position_has(&position, 2000, 1500, 1));  /* at it, among those that are taken */
    assert_false(replication_position_has(&position, 2000, 1500, 2)); /* the next one */
    assert_false(replication_position_has(&position, 2000, 1600, 0));
    assert_false(replication_position_has(&position, 3000, 1400, 0)); /* a later transaction that began earlier */
    assert_false(replication_position_has(&position, 1000, 900, 0));
}

static void versions_rise_with_the_log(void **state)
{
    (void)state;
    assert_int_equal(replication_position_version(&place, place.snapshot), place.base);
    assert_int_equal(replication_position_version(&place, place.snapshot + 8), place.base + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_lsn_is_written_as_postgresql_writes_it),
        cmocka_unit_test(a_position_reads_back_as_it_was_written),
        cmocka_unit_test(what_is_no_position_is_refused),
        cmocka_unit_test(a_change_is_taken_once),
        cmocka_unit_test(versions_rise_with_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
