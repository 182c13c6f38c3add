/* The answer of a database: its columns and its rows. */
#include <stdio.h>

#include "adapters/sources/odbc/client_private.h"
#include "adapters/sources/odbc/wide.h"
#include "bus/utf8.h"

enum {
    PIECE_UNITS = 4096, /* of a text that is read at once */
    SHORT_SIZE = 256,   /* numbers and times as text */
    NAME_UNITS = 256,
    SS_TIME = -154, /* types of SQL Server */
    SS_TIMESTAMP_OFFSET = -155,
    SS_XML = -152,
    FIRST_INTERVAL = 101,
    LAST_INTERVAL = 113,
    NANO_DIGITS = 9,
};

/* --- columns --- */

static enum odbc_type type_of(SQLSMALLINT number)
{
    switch (number) {
    case SQL_CHAR:
    case SQL_VARCHAR:
    case SQL_LONGVARCHAR:
    case SQL_WCHAR:
    case SQL_WVARCHAR:
    case SQL_WLONGVARCHAR:
    case SQL_GUID:
    case SS_XML: return ODBC_TYPE_TEXT;
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT: return ODBC_TYPE_INTEGER;
    case SQL_DECIMAL:
    case SQL_NUMERIC: return ODBC_TYPE_DECIMAL;
    case SQL_REAL:
    case SQL_FLOAT:
    case SQL_DOUBLE: return ODBC_TYPE_FLOAT;
    case SQL_BIT: return ODBC_TYPE_BOOLEAN;
    case SQL_TYPE_DATE:
    case SQL_DATE: return ODBC_TYPE_DATE;
    case SQL_TYPE_TIME:
    case SQL_TIME:
    case SS_TIME: return ODBC_TYPE_TIME;
    case SQL_TYPE_TIMESTAMP:
    case SQL_TIMESTAMP: return ODBC_TYPE_TIMESTAMP;
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY: return ODBC_TYPE_BINARY;
    default:
        return number == SS_TIMESTAMP_OFFSET || (number >= FIRST_INTERVAL && number <= LAST_INTERVAL)
                   ? ODBC_TYPE_TEXT
                   : ODBC_TYPE_UNKNOWN;
    }
}

const char *odbc_type_name(enum odbc_type type)
{
    switch (type) {
    case ODBC_TYPE_TEXT: return "text";
    case ODBC_TYPE_INTEGER: return "a whole number";
    case ODBC_TYPE_DECIMAL: return "a decimal number";
    case ODBC_TYPE_FLOAT: return "a floating number";
    case ODBC_TYPE_BOOLEAN: return "a truth value";
    case ODBC_TYPE_DATE: return "a date";
    case ODBC_TYPE_TIME: return "a time of day";
    case ODBC_TYPE_TIMESTAMP: return "a timestamp";
    case ODBC_TYPE_BINARY: return "binary";
    default: return "of an unknown type";
    }
}

static enum bus_status describe_column(struct odbc_client *client, SQLUSMALLINT place, struct bus_error *error)
{
    struct odbc_column *column = &client->columns[place - 1];
    SQLWCHAR name[NAME_UNITS] = {0};
    SQLSMALLINT length = 0, number = 0, digits = 0, nullable;
    SQLULEN size;
    struct bus_buffer text;
    if (!SQL_SUCCEEDED(
            SQLDescribeColW(client->statement, place, name, NAME_UNITS, &length, &number, &size, &digits, &nullable)))
        return odbc_client_fail(client, SQL_HANDLE_STMT, client->statement, "read the columns of the table", error);
    size_t count = 0;
    while (count < NAME_UNITS - 1 && name[count] != 0)
        count++;
    bus_buffer_init(&text, 4 * NAME_UNITS);
    odbc_narrow_append(&(struct odbc_narrow){0}, name, count, &text);
    snprintf(column->name, sizeof column->name, "%.*s", (int)text.length, (const char *)text.data);
    bus_buffer_release(&text);
    column->number = number;
    column->digits = digits;
    column->type = type_of(number);
    return BUS_OK;
}

enum bus_status odbc_client_describe(struct odbc_client *client, struct bus_error *error)
{
    SQLSMALLINT count = 0;
    enum bus_status status = BUS_OK;
    if (!SQL_SUCCEEDED(SQLNumResultCols(client->statement, &count)))
        return odbc_client_fail(client, SQL_HANDLE_STMT, client->statement, "read the columns of the table", error);
    if (count > ODBC_TABLE_COLUMNS_MAX)
        return bus_fail(error, BUS_REJECT, "the table has %d columns, more than %d: make a view of what is needed",
                        (int)count, ODBC_TABLE_COLUMNS_MAX);
    for (SQLSMALLINT i = 1; status == BUS_OK && i <= count; i++)
        status = describe_column(client, (SQLUSMALLINT)i, error);
    client->column_count = status == BUS_OK ? (size_t)count : 0;
    return status;
}

/* --- values --- */

/* Of a field in the row's buffer. */
struct extent {
    size_t from, length;
    bool is_null;
};

static void refuse(struct adapters_refusal *refusal, const struct odbc_column *column, const char *code, const char *zh,
                   const char *en)
{
    if (refusal->code[0] == '\0')
        (void)adapters_refuse_column(refusal, code, column->name, zh, en);
}

/* The database's driver cannot give this value. A lost connection is the fetch's matter and is found at the next one. */
static enum bus_status refuse_value(struct odbc_client *client, const struct odbc_column *column,
                                    struct adapters_refusal *refusal, struct bus_error *error)
{
    enum bus_status status =
        odbc_client_fail(client, SQL_HANDLE_STMT, client->statement, "read a value of the table", error);
    if (status != BUS_REJECT)
        return status;
    refuse(refusal, column, "VALUE_UNREADABLE", "数据库驱动无法读取该列的值", "the driver cannot read this value");
    return BUS_OK;
}

static bool is_too_long(const struct odbc_client *client, size_t from, const struct odbc_column *column,
                        struct adapters_refusal *refusal)
{
    if (client->row.length - from > ADAPTERS_FIELD_MAX)
        refuse(refusal, column, "FIELD_TOO_LONG", "该列的内容超过1兆字节", "the value is longer than 1 MiB");
    else if (client->row.length > ADAPTERS_ROW_MAX)
        refuse(refusal, column, "ROW_TOO_LONG", "该行超过2兆字节", "the row is longer than 2 MiB");
    else
        return false;
    return true;
}

/* A text in UTF-8, in pieces. */
static enum bus_status read_narrow_text(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                        struct adapters_refusal *refusal, struct bus_error *error)
{
    char piece[PIECE_UNITS];
    SQLLEN left = 0;
    const struct odbc_column *column = &client->columns[place - 1];
    for (;;) {
        SQLRETURN result = SQLGetData(client->statement, place, SQL_C_CHAR, piece, sizeof piece, &left);
        if (result == SQL_NO_DATA)
            break;
        if (!SQL_SUCCEEDED(result))
            return refuse_value(client, column, refusal, error);
        extent->is_null = left == SQL_NULL_DATA;
        if (extent->is_null)
            return BUS_OK;
        bool has_more = left == SQL_NO_TOTAL || left >= (SQLLEN)sizeof piece;
        bus_buffer_append(&client->row, piece, has_more ? sizeof piece - 1 : (size_t)left);
        if (!has_more)
            break;
        if (is_too_long(client, extent->from, column, refusal))
            return BUS_OK;
    }
    if (!bus_utf8_valid(bus_bytes_of(client->row.data + extent->from, client->row.length - extent->from)))
        refuse(refusal, column, "ROW_ENCODING", "该列含有不是文字的字节", "the value holds what is no text");
    return BUS_OK;
}

/* A text in UTF-16, in pieces. */
static enum bus_status read_wide_text(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                      struct adapters_refusal *refusal, struct bus_error *error)
{
    SQLWCHAR piece[PIECE_UNITS];
    SQLLEN left = 0;
    struct odbc_narrow narrow = {0};
    const struct odbc_column *column = &client->columns[place - 1];
    for (;;) {
        SQLRETURN result = SQLGetData(client->statement, place, SQL_C_WCHAR, piece, sizeof piece, &left);
        if (result == SQL_NO_DATA)
            break;
        if (!SQL_SUCCEEDED(result))
            return refuse_value(client, column, refusal, error);
        extent->is_null = left == SQL_NULL_DATA;
        if (extent->is_null)
            break;
        bool has_more = left == SQL_NO_TOTAL || left >= (SQLLEN)sizeof piece;
        size_t units = has_more ? PIECE_UNITS - 1 : (size_t)left / sizeof *piece;
        odbc_narrow_append(&narrow, piece, units, &client->row);
        if (!has_more || is_too_long(client, extent->from, column, refusal))
            break;
    }
    odbc_narrow_finish(&narrow);
    if (narrow.is_bad)
        refuse(refusal, column, "ROW_ENCODING", "该列含有不是文字的字节", "the value holds what is no text");
    return BUS_OK;
}

/* A number or a time of day, as the driver writes it. */
static enum bus_status read_short(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                  struct adapters_refusal *refusal, struct bus_error *error)
{
    char text[SHORT_SIZE];
    SQLLEN length = 0;
    SQLRETURN result = SQLGetData(client->statement, place, SQL_C_CHAR, text, sizeof text, &length);
    if (!SQL_SUCCEEDED(result))
        return refuse_value(client, &client->columns[place - 1], refusal, error);
    extent->is_null = length == SQL_NULL_DATA;
    if (!extent->is_null && (length < 0 || length >= (SQLLEN)sizeof text))
        refuse(refusal, &client->columns[place - 1], "FIELD_TOO_LONG", "数值过长", "the number is too long");
    else if (!extent->is_null)
        bus_buffer_append(&client->row, text, (size_t)length);
    return BUS_OK;
}

static enum bus_status read_date(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                 struct adapters_refusal *refusal, struct bus_error *error)
{
    SQL_DATE_STRUCT date = {0};
    SQLLEN length = 0;
    if (!SQL_SUCCEEDED(SQLGetData(client->statement, place, SQL_C_TYPE_DATE, &date, sizeof date, &length)))
        return refuse_value(client, &client->columns[place - 1], refusal, error);
    extent->is_null = length == SQL_NULL_DATA;
    if (!extent->is_null)
        bus_buffer_printf(&client->row, "%04d-%02u-%02u", date.year, date.month, date.day);
    return BUS_OK;
}

/* With as many decimals as it has, at least three when it has any. */
static enum bus_status read_timestamp(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                      struct adapters_refusal *refusal, struct bus_error *error)
{
    SQL_TIMESTAMP_STRUCT time = {0};
    SQLLEN length = 0;
    char decimals[NANO_DIGITS + 2];
    if (!SQL_SUCCEEDED(SQLGetData(client->statement, place, SQL_C_TYPE_TIMESTAMP, &time, sizeof time, &length)))
        return refuse_value(client, &client->columns[place - 1], refusal, error);
    extent->is_null = length == SQL_NULL_DATA;
    if (extent->is_null)
        return BUS_OK;
    bus_buffer_printf(&client->row, "%04d-%02u-%02u %02u:%02u:%02u", time.year, time.month, time.day, time.hour,
                      time.minute, time.second);
    if (time.fraction == 0)
        return BUS_OK;
    snprintf(decimals, sizeof decimals, "%09u", (unsigned)time.fraction % 1000000000);
    for (size_t digits = NANO_DIGITS; digits > 3 && decimals[digits - 1] == '0';)
        decimals[--digits] = '\0';
    bus_buffer_printf(&client->row, ".%s", decimals);
    return BUS_OK;
}

static enum bus_status read_value(struct odbc_client *client, SQLUSMALLINT place, struct extent *extent,
                                  struct adapters_refusal *refusal, struct bus_error *error)
{
    switch (client->columns[place - 1].type) {
    case ODBC_TYPE_DATE: return read_date(client, place, extent, refusal, error);
    case ODBC_TYPE_TIMESTAMP: return read_timestamp(client, place, extent, refusal, error);
    case ODBC_TYPE_TEXT:
        return client->driver->is_narrow ? read_narrow_text(client, place, extent, refusal, error)
                                         : read_wide_text(client, place, extent, refusal, error);
    default: return read_short(client, place, extent, refusal, error);
    }
}

enum bus_status odbc_client_next(struct odbc_client *client, struct bus_bytes *fields, bool *out_end,
                                 struct adapters_refusal *refusal, struct bus_error *error)
{
    struct extent extents[ADAPTERS_COLUMNS_MAX + 1];
    size_t count = client->column_count <= ADAPTERS_COLUMNS_MAX ? client->column_count : ADAPTERS_COLUMNS_MAX + 1;
    enum bus_status status = BUS_OK;
    refusal->code[0] = '\0';
    bus_buffer_reset(&client->row);
    bus_buffer_u8(&client->row, 0); /* so that an empty text has an address, which NULL has not */
    odbc_watch_begin(client->watch, client->statement, client->settings->query_timeout_ms, "read the answer");
    SQLRETURN result = SQLFetch(client->statement);
    *out_end = result == SQL_NO_DATA;
    for (size_t i = 0; status == BUS_OK && SQL_SUCCEEDED(result) && i < count; i++) {
        extents[i] = (struct extent){.from = client->row.length};
        status = read_value(client, (SQLUSMALLINT)(i + 1), &extents[i], refusal, error);
        extents[i].length = client->row.length - extents[i].from;
    }
    odbc_watch_end(client->watch);
    if (!SQL_SUCCEEDED(result) && !*out_end)
        return odbc_client_fail(client, SQL_HANDLE_STMT, client->statement, "read the answer", error);
    if (status == BUS_OK && client->row.failed)
        return bus_fail(error, BUS_FATAL, "read a row of the table: out of memory");
    for (size_t i = 0; status == BUS_OK && !*out_end && i < count; i++)
        fields[i] = extents[i].is_null ? (struct bus_bytes){0}
                                       : bus_bytes_of(client->row.data + extents[i].from, extents[i].length);
    return status;
}
