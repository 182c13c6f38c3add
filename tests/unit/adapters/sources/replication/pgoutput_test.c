#include "adapters/sources/replication/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static struct adapters_pgoutput_message *message;

#define BYTES(literal) bus_bytes_of(literal, sizeof(literal) - 1)

static enum bus_status read_bytes(struct bus_bytes bytes, struct bus_error *error)
{
    /* Of the exact size, so that the sanitizers see a step too far. */
    uint8_t *copy = malloc(bytes.length > 0 ? bytes.length : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.length);
    enum bus_status status = adapters_pgoutput_read(bus_bytes_of(copy, bytes.length), message, error);
    free(copy);
    return status;
}

static void read_good(struct bus_bytes bytes)
{
    struct bus_error error;
    assert_int_equal(adapters_pgoutput_read(bytes, message, &error), BUS_OK);
}

static void assert_text(const struct adapters_pgoutput_value *value, const char *expected)
{
    assert_int_equal(value->state, ADAPTERS_PGOUTPUT_TEXT);
    assert_true(bus_bytes_equal_text(value->text, expected));
}

static void begin_says_where_the_commit_stands_and_when_it_was(void **state)
{
    (void)state;
    read_good(BYTES("B"
                    "\0\0\0\0\x01\x6b\x37\x48"
                    "\0\x02\xa3\x0a\xde\x52\x60\0"
                    "\0\0\x02\xd5"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_BEGIN);
    assert_int_equal(message->lsn, 0x016b3748);
    assert_int_equal(message->transaction, 725);
    assert_int_equal(message->at_ms, INT64_C(0x2a30ade526000) / 1000 + INT64_C(946684800000));
}

static void commit_says_where_it_ends(void **state)
{
    (void)state;
    read_good(BYTES("C\0"
                    "\0\0\0\x01\0\0\0\x10"
                    "\0\0\0\x01\0\0\0\x40"
                    "\0\0\0\0\0\0\x27\x10"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_COMMIT);
    assert_int_equal(message->lsn, INT64_C(0x100000010));
    assert_int_equal(message->end_lsn, INT64_C(0x100000040));
    assert_int_equal(message->at_ms, INT64_C(946684800010));
}

static void relation_lists_its_columns_with_types_and_key(void **state)
{
    (void)state;
    read_good(BYTES("R\0\0\x40\x01public\0penalty\0d\0\x02"
                    "\x01wsh\0\0\0\x04\x13\0\0\0\x36"
                    "\0xdr_mc\0\0\0\0\x19\xff\xff\xff\xff"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_RELATION);
    assert_int_equal(message->relation, 0x4001);
    assert_true(bus_bytes_equal_text(message->schema, "public"));
    assert_true(bus_bytes_equal_text(message->name, "penalty"));
    assert_int_equal(message->identity, 'd');
    assert_int_equal(message->column_count, 2);
    assert_true(message->columns[0].is_key);
    assert_true(bus_bytes_equal_text(message->columns[0].name, "wsh"));
    assert_int_equal(message->columns[0].type, 1043);
    assert_int_equal(message->columns[0].modifier, 54);
    assert_false(message->columns[1].is_key);
    assert_int_equal(message->columns[1].modifier, ADAPTERS_PGOUTPUT_ANY_LENGTH);
}

static void insert_tells_null_from_empty(void **state)
{
    (void)state;
    read_good(BYTES("I\0\0\0\x07N\0\x03t\0\0\0\x03"
                    "abct\0\0\0\0n"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_INSERT);
    assert_int_equal(message->relation, 7);
    assert_int_equal(message->new_row.count, 3);
    assert_text(&message->new_row.values[0], "abc");
    assert_text(&message->new_row.values[1], "");
    assert_int_equal(message->new_row.values[2].state, ADAPTERS_PGOUTPUT_NULL);
}

static void update_marks_a_long_value_that_was_not_sent(void **state)
{
    (void)state;
    read_good(BYTES("U\0\0\0\x07N\0\x02t\0\0\0\x01"
                    "1u"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_UPDATE);
    assert_int_equal(message->old_kind, ADAPTERS_PGOUTPUT_OLD_NONE);
    assert_int_equal(message->new_row.values[1].state, ADAPTERS_PGOUTPUT_UNCHANGED);
}

static void update_of_a_key_brings_the_old_key(void **state)
{
    (void)state;
    read_good(BYTES("U\0\0\0\x07K\0\x02t\0\0\0\x01"
                    "1nN\0\x02t\0\0\0\x01"
                    "2t\0\0\0\x01x"));
    assert_int_equal(message->old_kind, ADAPTERS_PGOUTPUT_OLD_KEY);
    assert_text(&message->old_row.values[0], "1");
    assert_int_equal(message->old_row.values[1].state, ADAPTERS_PGOUTPUT_NULL);
    assert_text(&message->new_row.values[0], "2");
}

static void update_under_full_identity_brings_the_whole_old_row(void **state)
{
    (void)state;
    read_good(BYTES("U\0\0\0\x07O\0\x01t\0\0\0\x01"
                    "1N\0\x01t\0\0\0\x01"
                    "2"));
    assert_int_equal(message->old_kind, ADAPTERS_PGOUTPUT_OLD_ROW);
    assert_text(&message->old_row.values[0], "1");
}

static void delete_brings_the_key_or_the_row(void **state)
{
    (void)state;
    read_good(BYTES("D\0\0\0\x07K\0\x01t\0\0\0\x01"
                    "1"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_DELETE);
    assert_int_equal(message->old_kind, ADAPTERS_PGOUTPUT_OLD_KEY);
    read_good(BYTES("D\0\0\0\x07O\0\x01t\0\0\0\x01"
                    "1"));
    assert_int_equal(message->old_kind, ADAPTERS_PGOUTPUT_OLD_ROW);
}

static void truncate_names_every_table(void **state)
{
    (void)state;
    read_good(BYTES("T\0\0\0\x02\x01\0\0\0\x07\0\0\x40\x01"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_TRUNCATE);
    assert_int_equal(message->truncated_count, 2);
    assert_int_equal(adapters_pgoutput_truncated(message, 0), 7);
    assert_int_equal(adapters_pgoutput_truncated(message, 1), 0x4001);
}

static void origin_type_and_message_are_read_to_their_ends(void **state)
{
    (void)state;
    read_good(BYTES("O\0\0\0\0\0\0\0\x01other\0"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_ORIGIN);
    read_good(BYTES("Y\0\0\x40\x02public\0mood\0"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_TYPE);
    read_good(BYTES("M\0\0\0\0\0\x01\x6b\x37\x48xinqiao\0\0\0\0\x02hi"));
    assert_int_equal(message->kind, ADAPTERS_PGOUTPUT_MESSAGE);
    assert_int_equal(message->lsn, 0x016b3748);
    assert_true(bus_bytes_equal_text(message->prefix, "xinqiao"));
}

static void refuses_what_is_no_message(void **state)
{
    (void)state;
    static const struct {
        struct bus_bytes bytes;
        const char *why;
    } bad[] = {
        {{(const uint8_t *)"", 0}, "unknown kind"},
        {{(const uint8_t *)"S\0\0\0\x01\x01", 6}, "unknown kind"}, /* a streamed transaction: never asked for */
        {{(const uint8_t *)"I\0\0\0\x07N\0\x01"
                           "b\0\0\0\x01"
                           "1",
          14},
         "malformed"},                                                               /* binary */
        {{(const uint8_t *)"I\0\0\0\x07N\0\x01t\xff\xff\xff\xff", 13}, "malformed"}, /* a length beyond the end */
        {{(const uint8_t *)"I\0\0\0\x07N\xff\xffn", 9}, "malformed"},    /* more columns than there can be */
        {{(const uint8_t *)"I\0\0\0\x07O\0\x01n", 9}, "malformed"},      /* an insert has no old row */
        {{(const uint8_t *)"D\0\0\0\x07N\0\x01n", 9}, "malformed"},      /* a delete has no new row */
        {{(const uint8_t *)"U\0\0\0\x07K\0\x01n", 9}, "malformed"},      /* an update without its new row */
        {{(const uint8_t *)"T\x40\0\0\0\0\0\0\0\x07", 10}, "malformed"}, /* more tables than bytes */
        {{(const uint8_t *)"R\0\0\0\x07public", 11}, "malformed"},       /* a name without an end */
        {{(const uint8_t *)"I\0\0\0\x07N\0\x01nn", 10}, "left over"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct bus_error error;
        assert_int_equal(read_bytes(bad[i].bytes, &error), BUS_FATAL);
        assert_non_null(strstr(error.message, bad[i].why));
    }
}

static void refuses_every_message_that_breaks_off(void **state)
{
    (void)state;
    static const struct bus_bytes whole[] = {
        {(const uint8_t *)"B\0\0\0\0\x01\x6b\x37\x48\0\x02\xa3\x0a\xde\x52\x60\0\0\0\x02\xd5", 21},
        {(const uint8_t *)"R\0\0\x40\x01public\0penalty\0d\0\x01\x01wsh\0\0\0\x04\x13\0\0\0\x36", 36},
        {(const uint8_t *)"U\0\0\0\x07K\0\x02t\0\0\0\x01"
                          "1nN\0\x02t\0\0\0\x01"
                          "2u",
         25},
        {(const uint8_t *)"T\0\0\0\x02\x01\0\0\0\x07\0\0\x40\x01", 14},
        {(const uint8_t *)"M\0\0\0\0\0\x01\x6b\x37\x48xinqiao\0\0\0\0\x02hi", 24},
    };
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        read_good(whole[i]);
        for (size_t length = 0; length < whole[i].length; length++) {
            struct bus_error error;
            assert_int_equal(read_bytes(bus_bytes_of(whole[i].data, length), &error), BUS_FATAL);
        }
    }
}

static int prepare(void **state)
{
    (void)state;
    message = calloc(1, sizeof *message);
    return message == NULL;
}

static int clean(void **state)
{
    (void)state;
    free(message);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begin_says_where_the_commit_stands_and_when_it_was),
        cmocka_unit_test(commit_says_where_it_ends),
        cmocka_unit_test(relation_lists_its_columns_with_types_and_key),
        cmocka_unit_test(insert_tells_null_from_empty),
        cmocka_unit_test(update_marks_a_long_value_that_was_not_sent),
        cmocka_unit_test(update_of_a_key_brings_the_old_key),
        cmocka_unit_test(update_under_full_identity_brings_the_whole_old_row),
        cmocka_unit_test(delete_brings_the_key_or_the_row),
        cmocka_unit_test(truncate_names_every_table),
        cmocka_unit_test(origin_type_and_message_are_read_to_their_ends),
        cmocka_unit_test(refuses_what_is_no_message),
        cmocka_unit_test(refuses_every_message_that_breaks_off),
    };
    return cmocka_run_group_tests(tests, prepare, clean);
}
