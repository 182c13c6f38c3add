#include "adapters/sources/odbc/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct odbc_naming plain = {.quote = "\"", .folding = ODBC_NAMES_STAY};
static const struct odbc_naming upper = {.quote = "\"", .folding = ODBC_NAMES_UPPER};
static const struct odbc_naming lower = {.quote = "\"", .folding = ODBC_NAMES_LOWER};
static const struct odbc_naming backtick = {.quote = "`", .folding = ODBC_NAMES_STAY};

static void table_is(const struct odbc_naming *naming, const char *table, const char *expected)
{
    struct bus_buffer sql;
    bus_buffer_init(&sql, 4096);
    odbc_sql_table(naming, table, &sql);
    bus_buffer_u8(&sql, '\0');
    assert_string_equal(sql.data, expected);
    bus_buffer_release(&sql);
}

static void plain_names_are_written_as_the_database_keeps_them(void **state)
{
    (void)state;
    table_is(&plain, "dbo.penalty", "\"dbo\".\"penalty\"");
    table_is(&upper, "gxpt.xzcf_1", "\"GXPT\".\"XZCF_1\"");
    table_is(&lower, "Public.XZCF", "\"public\".\"xzcf\"");
    table_is(&upper, "处罚", "\"处罚\"");
}

static void names_in_quotes_are_written_as_they_stand(void **state)
{
    (void)state;
    table_is(&upper, "\"Gx.Pt\".\"xzcf\"", "\"Gx.Pt\".\"xzcf\"");
    table_is(&lower, "a.\"B\"", "\"a\".\"B\"");
}

static void a_name_cannot_end_its_quotes(void **state)
{
    (void)state;
    table_is(&backtick, "x`; DROP TABLE y; --", "`x``; DROP TABLE y; --`");
    table_is(&plain, "x", "\"x\"");
    struct bus_buffer sql;
    bus_buffer_init(&sql, 4096);
    odbc_sql_name(&plain, "a\"b", &sql);
    bus_buffer_u8(&sql, '\0');
    assert_string_equal(sql.data, "\"a\"\"b\"");
    bus_buffer_release(&sql);
}

static void question_is(struct odbc_question question, const char *expected)
{
    static const char *const columns[] = {"id", "名称"};
    struct bus_buffer sql;
    question.naming = &plain;
    question.from = "\"t\"";
    question.columns = columns;
    question.column_count = 2;
    question.rising = "gxsj";
    question.where = question.where != NULL ? question.where : "";
    bus_buffer_init(&sql, 4096);
    odbc_sql_select(&question, &sql);
    bus_buffer_u8(&sql, '\0');
    assert_string_equal(sql.data, expected);
    bus_buffer_release(&sql);
}

static void asks_for_pages_in_the_dialect_of_the_database(void **state)
{
    (void)state;
    question_is((struct odbc_question){.range = ODBC_FROM, .mark = "?", .paging = ODBC_PAGING_LIMIT, .page_rows = 10},
                "SELECT \"id\", \"名称\" FROM \"t\" WHERE \"gxsj\" >= ? ORDER BY \"gxsj\" LIMIT 10");
    question_is((struct odbc_question){.range = ODBC_AFTER, .mark = "17", .paging = ODBC_PAGING_TOP, .page_rows = 10},
                "SELECT TOP (10) \"id\", \"名称\" FROM \"t\" WHERE \"gxsj\" > 17 ORDER BY \"gxsj\"");
    question_is(
        (struct odbc_question){.range = ODBC_MARKED, .paging = ODBC_PAGING_FETCH_FIRST, .page_rows = 10},
        "SELECT \"id\", \"名称\" FROM \"t\" WHERE \"gxsj\" IS NOT NULL ORDER BY \"gxsj\" FETCH FIRST 10 ROWS ONLY");
    question_is((struct odbc_question){.range = ODBC_FROM, .mark = "?", .paging = ODBC_PAGING_NONE, .page_rows = 10},
                "SELECT \"id\", \"名称\" FROM \"t\" WHERE \"gxsj\" >= ? ORDER BY \"gxsj\"");
}

static void asks_for_all_rows_without_an_order(void **state)
{
    (void)state;
    question_is((struct odbc_question){.range = ODBC_ALL}, "SELECT \"id\", \"名称\" FROM \"t\"");
    question_is((struct odbc_question){.range = ODBC_AT, .mark = "5", .paging = ODBC_PAGING_LIMIT},
                "SELECT \"id\", \"名称\" FROM \"t\" WHERE \"gxsj\" = 5");
}

static void keeps_a_condition_in_parentheses(void **state)
{
    (void)state;
    question_is((struct odbc_question){.range = ODBC_FROM, .mark = "?", .where = "a = 1 OR b = 2"},
                "SELECT \"id\", \"名称\" FROM \"t\" WHERE (a = 1 OR b = 2) AND \"gxsj\" >= ? ORDER BY \"gxsj\"");
    question_is((struct odbc_question){.range = ODBC_ALL, .where = "a = 1"},
                "SELECT \"id\", \"名称\" FROM \"t\" WHERE (a = 1)");
}

static void knows_databases_by_their_names(void **state)
{
    (void)state;
    assert_int_equal(odbc_dialect_find("PostgreSQL")->paging, ODBC_PAGING_LIMIT);
    assert_int_equal(odbc_dialect_find("KingbaseES")->paging, ODBC_PAGING_LIMIT);
    assert_int_equal(odbc_dialect_find("DM DATABASE")->paging, ODBC_PAGING_LIMIT);
    assert_int_equal(odbc_dialect_find("DM8")->paging, ODBC_PAGING_LIMIT);
    assert_int_equal(odbc_dialect_find("Oracle")->paging, ODBC_PAGING_FETCH_FIRST);
    assert_int_equal(odbc_dialect_find("Microsoft SQL Server")->paging, ODBC_PAGING_TOP);
    assert_int_equal(odbc_dialect_find("SQLite")->paging, ODBC_PAGING_NONE);
    assert_int_equal(odbc_paging_of("top"), ODBC_PAGING_TOP);
    assert_int_equal(odbc_paging_of("none"), ODBC_PAGING_NONE);
}

static void knows_what_drivers_must_be_told(void **state)
{
    (void)state;
    assert_true(odbc_driver_find("/usr/lib/odbc/libmaodbc.so")->is_narrow);
    assert_false(odbc_driver_find("psqlodbcw.so")->is_narrow);
    assert_non_null(odbc_driver_find("psqlodbcw.so")->keywords);
    assert_null(odbc_driver_find("libdodbc.so")->keywords);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_are_written_as_the_database_keeps_them),
        cmocka_unit_test(names_in_quotes_are_written_as_they_stand),
        cmocka_unit_test(a_name_cannot_end_its_quotes),
        cmocka_unit_test(asks_for_pages_in_the_dialect_of_the_database),
        cmocka_unit_test(asks_for_all_rows_without_an_order),
        cmocka_unit_test(keeps_a_condition_in_parentheses),
        cmocka_unit_test(knows_databases_by_their_names),
        cmocka_unit_test(knows_what_drivers_must_be_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
