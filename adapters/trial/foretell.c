#include "adapters/trial/foretell.h"

#include <stdio.h>

#include "bus/identifier.h"
#include "bus/utf8.h"

enum { FIRST_DAY = -25567 /* 1900-01-01 */, LAST_DAY = 84005 /* 2199-12-31 */, MS_A_DAY = 86400000 };

static enum bus_status check_uscc(struct bus_bytes text, struct bus_error *error)
{
    return bus_identifier_uscc(text, NULL, error);
}

static const struct check {
    const char *name;
    enum bus_status (*run)(struct bus_bytes text, struct bus_error *error);
} checks[] = {
    {"uscc", check_uscc},
    {"organisation_code", bus_identifier_organisation_code},
    {"citizen_number", bus_identifier_citizen},
    {"plate", bus_identifier_plate},
    {"violation_code", bus_identifier_violation_code},
    {"case_number", bus_identifier_case_number},
};

static enum bus_status check_text(const struct bus_catalogue *catalogue, const struct bus_field *field,
                                  struct bus_bytes text, struct adapters_refusal *refusal)
{
    struct bus_error error;
    if (strcmp(field->check, "area") == 0 && !bus_catalogue_area_existed(catalogue, text))
        return adapters_refuse_column(refusal, "AREA_UNKNOWN", field->name, "行政区划代码从未存在（GB/T 2260）",
                                      "no area ever had this code (GB/T 2260)");
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (strcmp(field->check, checks[i].name) == 0 && checks[i].run(text, &error) != BUS_OK)
            return adapters_refuse_value(refusal, error.code, field->name, text, error.message_zh, error.message);
    return BUS_OK;
}

static enum bus_status check_length(const struct bus_field *field, struct bus_bytes text,
                                    struct adapters_refusal *refusal)
{
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    if (field->max_length == 0 || bus_utf8_characters(text) <= field->max_length)
        return BUS_OK;
    snprintf(zh, sizeof zh, "长度超过%zu个字符", field->max_length);
    snprintf(en, sizeof en, "longer than %zu characters", field->max_length);
    return adapters_refuse_column(refusal, "FIELD_TOO_LONG", field->name, zh, en);
}

static enum bus_status check_codes(const struct bus_catalogue *catalogue, const struct bus_field *field,
                                   struct bus_bytes text, struct adapters_refusal *refusal)
{
    const struct bus_code_list *list =
        field->code_list[0] != '\0' ? bus_catalogue_code_list(catalogue, field->code_list) : NULL;
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    while (list != NULL && text.length > 0) {
        const uint8_t *stop =
            field->code_separator[0] != '\0' ? memchr(text.data, field->code_separator[0], text.length) : NULL;
        size_t length = stop != NULL ? (size_t)(stop - text.data) : text.length;
        if (!bus_code_list_has(list, bus_bytes_of(text.data, length))) {
            snprintf(zh, sizeof zh, "取值不在代码表%s中，请按代码表填写", list->name);
            snprintf(en, sizeof en, "the value is not in code list %s; use one of its values", list->name);
            return adapters_refuse_column(refusal, "CODE_UNKNOWN", field->name, zh, en);
        }
        size_t passed = stop != NULL ? length + 1 : length;
        text = bus_bytes_of(text.data + passed, text.length - passed);
    }
    return BUS_OK;
}

static enum bus_status check_day(const struct bus_field *field, int64_t days, struct adapters_refusal *refusal)
{
    if (days >= FIRST_DAY && days <= LAST_DAY)
        return BUS_OK;
    return adapters_refuse_column(refusal, "DATE_RANGE", field->name, "日期应在1900-01-01至2199-12-31之间",
                                  "a date lies between 1900-01-01 and 2199-12-31");
}

enum bus_status adapters_foretell(const struct bus_catalogue *catalogue, const struct bus_field *field,
                                  const struct bus_value *value, struct adapters_refusal *refusal)
{
    if (value->type == BUS_TYPE_NULL)
        return BUS_OK;
    if (field->value->logical == BUS_LOGICAL_DATE)
        return check_day(field, value->integer, refusal);
    if (field->value->logical == BUS_LOGICAL_TIMESTAMP_MILLIS)
        return check_day(field, value->integer / MS_A_DAY - (value->integer % MS_A_DAY < 0), refusal);
    if (value->type != BUS_TYPE_STRING || value->bytes.length == 0)
        return BUS_OK;
    enum bus_status status = check_length(field, value->bytes, refusal);
    if (status == BUS_OK)
        status = check_text(catalogue, field, value->bytes, refusal);
    return status == BUS_OK ? check_codes(catalogue, field, value->bytes, refusal) : status;
}
