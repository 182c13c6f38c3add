/* Values: the text of a column as the value that the item's schema asks for. */
#include <stdio.h>
#include <strings.h>

#include "adapters/mapping/date.h"
#include "adapters/mapping/number.h"
#include "adapters/mapping/plan.h"
#include "adapters/mapping/transform.h"

enum {
    DECIMAL_SIZE = 8,
    JOINED_MAX = ADAPTERS_FIELD_MAX,
    LISTED_CODE_MAX = 4, /* a code with zeros in front is looked for up to so many characters */
};

bool adapters_words_have(const struct adapters_words *words, struct bus_bytes text)
{
    for (size_t i = 0; text.length <= words->longest && i < words->count; i++)
        if (strlen(words->words[i]) == text.length &&
            (text.length == 0 || strncasecmp(words->words[i], (const char *)text.data, text.length) == 0))
            return true;
    return false;
}

/* A "\n" that was written out at the end is as little a part of the text as a blank. */
static struct bus_bytes trim_text(struct bus_bytes text)
{
    text = adapters_trim(text);
    while (text.length >= 2 && memcmp(text.data + text.length - 2, "\\n", 2) == 0)
        text = adapters_trim(bus_bytes_of(text.data, text.length - 2));
    return text;
}

struct bus_bytes adapters_plan_column(const struct adapters_mapping *mapping, size_t column,
                                      const struct adapters_row *row)
{
    struct bus_bytes text = trim_text(row->fields[column]);
    return text.length > 0 && adapters_words_have(&mapping->missing, text) ? bus_bytes_of(NULL, 0) : text;
}

struct bus_bytes adapters_plan_text(const struct adapters_mapping *mapping, const struct adapters_sources *sources,
                                    const struct adapters_row *row, const char **out_column)
{
    struct bus_bytes text = {NULL, 0};
    *out_column = sources->count > 0 ? mapping->columns[sources->columns[0]] : "";
    for (size_t i = 0; text.length == 0 && i < sources->count; i++) {
        text = adapters_plan_column(mapping, sources->columns[i], row);
        if (text.length > 0)
            *out_column = mapping->columns[sources->columns[i]];
    }
    return text;
}

struct bus_bytes adapters_value_identifier(struct bus_bytes text, struct bus_arena *arena)
{
    text = adapters_half_width(text, arena);
    text = adapters_without_blanks(text, arena);
    return adapters_without_excel_tail(adapters_upper(text, arena));
}

/* --- the text --- */

static struct bus_bytes join(const struct adapters_mapping *mapping, const struct adapters_field_plan *plan,
                             const struct adapters_row *row, struct bus_arena *arena)
{
    size_t room = 0, length = 0, separator = strlen(plan->join);
    for (size_t i = 0; i < plan->from.count; i++)
        room += row->fields[plan->from.columns[i]].length + separator;
    uint8_t *joined = room <= JOINED_MAX ? bus_arena_allocate(arena, room + 1) : NULL;
    for (size_t i = 0; joined != NULL && i < plan->from.count; i++) {
        struct bus_bytes part = adapters_plan_column(mapping, plan->from.columns[i], row);
        if (part.length == 0)
            continue;
        if (length > 0) {
            memcpy(joined + length, plan->join, separator);
            length += separator;
        }
        memcpy(joined + length, part.data, part.length);
        length += part.length;
    }
    return bus_bytes_of(joined, length);
}

static struct bus_bytes part_of(struct bus_bytes text, const char *separator, size_t part)
{
    size_t width = strlen(separator);
    for (; part > 1; part--) {
        const uint8_t *found = memmem(text.data, text.length, separator, width);
        if (found == NULL)
            return bus_bytes_of(text.data, 0);
        size_t passed = (size_t)(found - text.data) + width;
        text = bus_bytes_of(text.data + passed, text.length - passed);
    }
    const uint8_t *end = memmem(text.data, text.length, separator, width);
    return adapters_trim(end != NULL ? bus_bytes_of(text.data, (size_t)(end - text.data)) : text);
}

static struct bus_bytes through_table(const struct adapters_field_plan *plan, struct bus_bytes text)
{
    if (plan->code_table != NULL)
        return adapters_code_table_find(plan->code_table, text);
    for (size_t i = 0; i < plan->table_from.count; i++)
        if (bus_bytes_equal_text(text, plan->table_from.words[i]))
            return bus_bytes_text(plan->table_to.words[i]);
    return text;
}

/* A code that the list knows with other zeros in front. */
static struct bus_bytes as_listed(const struct bus_code_list *codes, struct bus_bytes text, struct bus_arena *arena)
{
    if (text.length == 0 || bus_code_list_has(codes, text))
        return text;
    struct bus_bytes bare = text;
    while (bare.length > 1 && bare.data[0] == '0') {
        bare = bus_bytes_of(bare.data + 1, bare.length - 1);
        if (bus_code_list_has(codes, bare))
            return bare;
    }
    for (size_t length = text.length + 1; text.data[0] >= '0' && text.data[0] <= '9' && length <= LISTED_CODE_MAX;
         length++) {
        struct bus_bytes padded = adapters_padded(text, length, arena);
        if (padded.data != NULL && bus_code_list_has(codes, padded))
            return padded;
    }
    return text;
}

/* Several codes in one text, as the list has them, joined by the schema's separator. ； and ; and | part them. */
static struct bus_bytes several_codes(const struct adapters_field_plan *plan, struct bus_bytes text,
                                      struct bus_arena *arena)
{
    size_t width = strlen(plan->field->code_separator), length = 0;
    size_t meaning = plan->code_table != NULL ? adapters_code_table_longest(plan->code_table) : plan->table_to.longest;
    size_t longest = meaning > LISTED_CODE_MAX ? meaning : LISTED_CODE_MAX;
    size_t codes = text.length / 2 + 1; /* each but the last has a separator */
    uint8_t *joined = bus_arena_allocate(arena, text.length + codes * (longest + width));
    while (joined != NULL && text.length > 0) {
        size_t end = 0;
        while (end < text.length && text.data[end] != ';' && text.data[end] != '|')
            end++;
        struct bus_bytes code = through_table(plan, adapters_trim(bus_bytes_of(text.data, end)));
        code = as_listed(plan->codes, code, arena);
        size_t passed = end < text.length ? end + 1 : end;
        text = bus_bytes_of(text.data + passed, text.length - passed);
        if (code.length == 0)
            continue;
        if (length > 0) {
            memcpy(joined + length, plan->field->code_separator, width);
            length += width;
        }
        memcpy(joined + length, code.data, code.length);
        length += code.length;
    }
    return bus_bytes_of(joined, length);
}

/* Data NULL: there was no room. A text that cleaning leaves empty keeps its data. */
static struct bus_bytes clean(const struct adapters_field_plan *plan, struct bus_bytes text, struct bus_arena *arena)
{
    unsigned steps = plan->steps;
    if (plan->split != NULL)
        text = part_of(text, plan->split, plan->part);
    if (steps & ADAPTERS_STEP_HALF_WIDTH)
        text = adapters_half_width(text, arena);
    if (steps & ADAPTERS_STEP_WITHOUT_BLANKS)
        text = adapters_without_blanks(text, arena);
    if (steps & ADAPTERS_STEP_UPPER)
        text = adapters_upper(text, arena);
    if (steps & ADAPTERS_STEP_ONE_LINE)
        text = adapters_one_line(text, arena);
    if (steps & ADAPTERS_STEP_ROUND_BRACKETS)
        text = adapters_round_brackets(text, arena);
    if (steps & ADAPTERS_STEP_EXCEL_TAIL)
        text = adapters_without_excel_tail(text);
    if (plan->pad > 0 && text.length > 0)
        text = adapters_padded(text, plan->pad, arena);
    if (text.data == NULL)
        return text;
    if (plan->codes != NULL && plan->field->code_separator[0] != '\0')
        return several_codes(plan, text, arena);
    text = through_table(plan, text);
    return plan->codes != NULL ? as_listed(plan->codes, text, arena) : text;
}

/* --- the value --- */

static struct bus_value text_value(struct bus_bytes text)
{
    return (struct bus_value){.type = BUS_TYPE_STRING, .bytes = text};
}

static enum bus_status refuse_date(const char *column, struct bus_bytes text, struct adapters_refusal *refusal)
{
    return adapters_refuse_value(refusal, "VALUE_DATE", column, text, "不是日期，或没有这一天",
                                 "no date, or there is no such day");
}

static enum bus_status refuse_number(const char *code, const char *column, struct bus_bytes text,
                                     struct adapters_refusal *refusal)
{
    return adapters_refuse_value(refusal, code, column, text, "不是该列要求的数",
                                 "not a number as the column needs it");
}

static bool means_none(const struct adapters_field_plan *plan, const struct adapters_date *date)
{
    char day[16];
    if (plan->none.count == 0)
        return false;
    int length = snprintf(day, sizeof day, "%04d-%02d-%02d", date->year, date->month, date->day);
    return adapters_words_have(&plan->none, bus_bytes_of(day, (size_t)length));
}

/* Leaves *out_value null when the text stands for "none". */
static enum bus_status date_value(const struct adapters_field_plan *plan, struct bus_bytes text, const char *column,
                                  struct bus_value *out_value, struct adapters_refusal *refusal)
{
    struct adapters_date date;
    enum adapters_date_result result = adapters_date_parse(text, &date);
    if (result == ADAPTERS_DATE_BAD)
        return refuse_date(column, text, refusal);
    if (result == ADAPTERS_DATE_NONE || means_none(plan, &date))
        return BUS_OK;
    bool is_date = plan->field->value->logical == BUS_LOGICAL_DATE;
    *out_value = (struct bus_value){.type = plan->field->value->type, .integer = is_date ? date.days : date.moment_ms};
    return BUS_OK;
}

static enum bus_status month_value(struct bus_bytes text, const char *column, struct bus_arena *arena,
                                   struct bus_value *out_value, struct adapters_refusal *refusal)
{
    int year, month;
    enum adapters_date_result result = adapters_month_parse(text, &year, &month);
    if (result == ADAPTERS_DATE_BAD)
        return refuse_date(column, text, refusal);
    if (result == ADAPTERS_DATE_NONE)
        return BUS_OK;
    char *digits = bus_arena_allocate(arena, 16);
    if (digits == NULL)
        return adapters_refuse(refusal, "MEMORY", "内存不足", "out of memory");
    snprintf(digits, 16, "%04d%02d", year, month);
    *out_value = text_value(bus_bytes_text(digits));
    return BUS_OK;
}

static enum bus_status currency_value(struct bus_bytes text, const char *column, struct bus_value *out_value,
                                      struct adapters_refusal *refusal)
{
    struct adapters_number number;
    const char *currency;
    if (!adapters_amount_parse(text, 0, &number, &currency))
        return refuse_number("VALUE_AMOUNT", column, text, refusal);
    *out_value = text_value(bus_bytes_text(currency != NULL ? currency : "CNY"));
    return BUS_OK;
}

static bool read_number(const struct adapters_field_plan *plan, struct bus_bytes text,
                        struct adapters_number *out_number)
{
    const char *currency;
    bool is_amount = (plan->steps & ADAPTERS_STEP_AMOUNT) != 0;
    if (!is_amount && adapters_number_parse(text, out_number))
        return true;
    if (!adapters_amount_parse(text, is_amount ? plan->unit_exponent : 0, out_number, &currency))
        return false;
    if (is_amount)
        out_number->exponent -= plan->unit_exponent;
    return plan->any_currency || currency == NULL || strcmp(currency, "CNY") == 0;
}

static bool has_precision(int64_t unscaled, int precision)
{
    for (; precision > 0; precision--)
        unscaled /= 10;
    return unscaled == 0;
}

static enum bus_status number_value(const struct adapters_field_plan *plan, struct bus_bytes text, const char *column,
                                    struct bus_arena *arena, struct bus_value *out_value,
                                    struct adapters_refusal *refusal)
{
    const struct bus_schema_type *type = plan->field->value;
    const char *code = plan->steps & ADAPTERS_STEP_AMOUNT ? "VALUE_AMOUNT" : "VALUE_NUMBER";
    struct adapters_number number;
    int64_t unscaled;
    bool is_decimal = type->logical == BUS_LOGICAL_DECIMAL;
    if (!read_number(plan, text, &number) || !adapters_number_scale(number, is_decimal ? type->scale : 0, &unscaled) ||
        (is_decimal && !has_precision(unscaled, type->precision)) ||
        (type->type == BUS_TYPE_INT && (unscaled < INT32_MIN || unscaled > INT32_MAX)))
        return refuse_number(code, column, text, refusal);
    *out_value = (struct bus_value){.type = type->type, .integer = unscaled};
    if (!is_decimal)
        return BUS_OK;
    uint8_t *bytes = bus_arena_allocate(arena, DECIMAL_SIZE);
    size_t length;
    if (bytes == NULL)
        return adapters_refuse(refusal, "MEMORY", "内存不足", "out of memory");
    bus_decimal_bytes(unscaled, bytes, &length);
    out_value->bytes = bus_bytes_of(bytes, length);
    return BUS_OK;
}

static enum bus_status convert(const struct adapters_field_plan *plan, struct bus_bytes text, const char *column,
                               struct bus_arena *arena, struct bus_value *out_value, struct adapters_refusal *refusal)
{
    const struct bus_schema_type *type = plan->field->value;
    if (plan->steps & ADAPTERS_STEP_MONTH)
        return month_value(text, column, arena, out_value, refusal);
    if (plan->steps & ADAPTERS_STEP_CURRENCY)
        return currency_value(text, column, out_value, refusal);
    if ((plan->steps & ADAPTERS_STEP_IDENTIFIER) && adapters_number_is_scientific(text))
        return adapters_refuse_value(refusal, "VALUE_SCIENTIFIC", column, text,
                                     "号码被电子表格改成了科学记数法，请按文本导出",
                                     "a spreadsheet turned the number into scientific notation; export it as text");
    if (type->logical == BUS_LOGICAL_DATE || type->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        return date_value(plan, text, column, out_value, refusal);
    if (type->logical == BUS_LOGICAL_DECIMAL || type->type == BUS_TYPE_INT || type->type == BUS_TYPE_LONG)
        return number_value(plan, text, column, arena, out_value, refusal);
    *out_value = text_value(text);
    return BUS_OK;
}

/* A withdrawn record needs its key only; an empty text stands for what is not there and cannot be null. */
static enum bus_status settle_missing(const struct adapters_field_plan *plan, bool is_withdrawn, const char *column,
                                      struct bus_value *out_value, struct adapters_refusal *refusal)
{
    const struct bus_field *field = plan->field;
    if (field->required && (!is_withdrawn || plan->is_key))
        return adapters_refuse_column(refusal, "VALUE_MISSING", column, "必填列为空",
                                      "a column that is needed is empty");
    if (field->nullable)
        return BUS_OK;
    if (field->value->type != BUS_TYPE_STRING)
        return adapters_refuse_column(refusal, "VALUE_MISSING", column, "必填列为空",
                                      "a column that is needed is empty");
    *out_value = text_value(bus_bytes_text(""));
    return BUS_OK;
}

enum bus_status adapters_value_fill(const struct adapters_mapping *mapping, const struct adapters_field_plan *plan,
                                    const struct adapters_row *row, bool is_withdrawn, struct bus_arena *arena,
                                    struct bus_value *out_value, struct adapters_refusal *refusal)
{
    const char *column = "";
    struct bus_bytes text = {NULL, 0};
    *out_value = (struct bus_value){.type = BUS_TYPE_NULL};
    if (plan->constant != NULL)
        text = bus_bytes_text(plan->constant);
    else
        text = adapters_plan_text(mapping, &plan->from, row, &column);
    bool is_whole = true;
    if (plan->join != NULL) {
        text = join(mapping, plan, row, arena);
        is_whole = text.data != NULL;
    }
    if (text.length > 0) {
        text = clean(plan, text, arena);
        is_whole = text.data != NULL;
    }
    if (!is_whole)
        return adapters_refuse_column(refusal, "FIELD_TOO_LONG", column, "该列内容过长，无法处理",
                                      "the column is too long to be cleaned");
    if (text.length > 0 && !adapters_words_have(&plan->none, text)) {
        enum bus_status status = convert(plan, text, column, arena, out_value, refusal);
        if (status != BUS_OK)
            return status;
    }
    return out_value->type == BUS_TYPE_NULL ? settle_missing(plan, is_withdrawn, column, out_value, refusal) : BUS_OK;
}
