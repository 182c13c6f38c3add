#include "gateway/fields.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/identifier.h"
#include "bus/utf8.h"

enum {
    GENERAL_MAX_LENGTH = 20000, /* characters of a text whose schema names no limit */
    MS_A_DAY = 86400000,
    FIRST_DAY = -25567, /* 1900-01-01 */
    LAST_DAY = 84005,   /* 2199-12-31 */
};

enum check {
    CHECK_NONE,
    CHECK_USCC,
    CHECK_ORGANISATION_CODE,
    CHECK_CITIZEN_NUMBER,
    CHECK_AREA,
    CHECK_PLATE,
    CHECK_VIOLATION_CODE,
    CHECK_CASE_NUMBER,
};

static const char *const check_names[] = {"",     "uscc",  "organisation_code", "citizen_number",
                                          "area", "plate", "violation_code",    "case_number"};

/* What a field's schema asks of its value. */
struct rule {
    size_t index;
    const struct bus_field *field;
    enum check check;
    const struct bus_code_list *code_list;
    size_t max_length;
};

struct rules {
    const struct bus_item_version *version;
    struct rule *rules;
    size_t count;
};

struct gateway_fields {
    const struct bus_catalogue *catalogue;
    struct rules *versions;
    size_t version_count;
    size_t last; /* events of one schema come in runs */
};

/* Whether there is anything to ask of the field's values. */
static bool is_checked(const struct bus_field *field)
{
    return field->required || field->value->type == BUS_TYPE_STRING || field->value->logical != BUS_LOGICAL_NONE;
}

static enum bus_status compile_rule(const struct bus_catalogue *catalogue, const struct bus_field *field,
                                    struct rule *rule, struct bus_error *error)
{
    size_t check = 0, count = sizeof check_names / sizeof check_names[0];
    while (check < count && strcmp(field->check, check_names[check]) != 0)
        check++;
    if (check == count)
        return bus_fail(error, BUS_FATAL, "field %s: no check is called \"%s\"", field->name, field->check);
    rule->check = (enum check)check;
    rule->max_length = field->max_length != 0 ? field->max_length : GENERAL_MAX_LENGTH;
    if (field->code_list[0] == '\0')
        return BUS_OK;
    rule->code_list = bus_catalogue_code_list(catalogue, field->code_list);
    if (rule->code_list == NULL)
        return bus_fail(error, BUS_FATAL, "field %s: no code list is called \"%s\"", field->name, field->code_list);
    return BUS_OK;
}

static enum bus_status compile_version(const struct bus_catalogue *catalogue, const struct bus_item_version *version,
                                       struct rules *rules, struct bus_error *error)
{
    size_t count = bus_schema_field_count(version->schema);
    rules->version = version;
    rules->rules = calloc(count, sizeof *rules->rules);
    if (rules->rules == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    for (size_t i = BUS_ENVELOPE_FIELDS; i < count; i++) {
        const struct bus_field *field = bus_schema_field(version->schema, i);
        struct rule rule = {.index = i, .field = field};
        enum bus_status status = compile_rule(catalogue, field, &rule, error);
        if (status != BUS_OK) {
            bus_error_prefix(error, "%s", version->path);
            return status;
        }
        if (is_checked(field))
            rules->rules[rules->count++] = rule;
    }
    return BUS_OK;
}

enum bus_status gateway_fields_create(const struct bus_catalogue *catalogue, struct gateway_fields **out_fields,
                                      struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t items = bus_catalogue_item_count(catalogue);
    struct gateway_fields *fields = calloc(1, sizeof *fields);
    struct rules *versions = calloc(items * BUS_CATALOGUE_MAX_VERSIONS, sizeof *versions);
    if (fields == NULL || versions == NULL) {
        free(versions);
        free(fields);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *fields = (struct gateway_fields){.catalogue = catalogue, .versions = versions};
    for (size_t i = 0; i < items && status == BUS_OK; i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t v = 0; v < item->version_count && status == BUS_OK; v++)
            status = compile_version(catalogue, &item->versions[v], &versions[fields->version_count++], error);
    }
    if (status == BUS_OK)
        *out_fields = fields;
    else
        gateway_fields_destroy(fields);
    return status;
}

void gateway_fields_destroy(struct gateway_fields *fields)
{
    if (fields == NULL)
        return;
    for (size_t i = 0; i < fields->version_count; i++)
        free(fields->versions[i].rules);
    free(fields->versions);
    free(fields);
}

enum bus_status gateway_fields_area(const struct gateway_fields *fields, struct gateway_exchange *exchange,
                                    struct bus_bytes code, struct bus_error *error)
{
    if (!bus_catalogue_area_existed(fields->catalogue, code))
        return bus_reject(error, "AREA_UNKNOWN", "行政区划代码从未存在（GB/T 2260），请改用决定当时有效的代码",
                          "no area ever had this code (GB/T 2260); use the code in force at the time");
    if (!bus_catalogue_area_exists_on(fields->catalogue, code, bus_calendar_day(exchange->now_ms)))
        exchange->flags |= 1u << BUS_FLAG_AREA_ENDED;
    return BUS_OK;
}

enum bus_status gateway_fields_date(int64_t days, struct bus_error *error)
{
    if (days < FIRST_DAY || days > LAST_DAY)
        return bus_reject(error, "DATE_RANGE", "日期应在1900-01-01至2199-12-31之间",
                          "a date lies between 1900-01-01 and 2199-12-31");
    return BUS_OK;
}

enum bus_status gateway_fields_moment(int64_t ms, struct bus_error *error)
{
    return gateway_fields_date(ms / MS_A_DAY - (ms % MS_A_DAY < 0), error); /* rounded down also before 1970 */
}

enum bus_status gateway_fields_length(struct bus_bytes text, size_t max_length, struct bus_error *error)
{
    if (text.length <= max_length || bus_utf8_characters(text) <= max_length)
        return BUS_OK;
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "长度超过%zu个字符", max_length);
    snprintf(en, sizeof en, "longer than %zu characters", max_length);
    return bus_reject(error, "FIELD_TOO_LONG", zh, en);
}

static enum bus_status check_uscc(struct gateway_exchange *exchange, struct bus_bytes text, struct bus_error *error)
{
    bool inner_bad = false;
    enum bus_status status = bus_identifier_uscc(text, &inner_bad, error);
    if (inner_bad)
        exchange->flags |= 1u << BUS_FLAG_USCC_INNER_CHECK;
    return status;
}

static enum bus_status check_citizen(struct gateway_exchange *exchange, struct bus_bytes text, struct bus_error *error)
{
    if (text.length == 15)
        exchange->flags |= 1u << BUS_FLAG_OLD_CITIZEN_NUMBER;
    return bus_identifier_citizen(text, error);
}

static enum bus_status check_text(const struct gateway_fields *fields, enum check check,
                                  struct gateway_exchange *exchange, struct bus_bytes text, struct bus_error *error)
{
    switch (check) {
    case CHECK_USCC: return check_uscc(exchange, text, error);
    case CHECK_ORGANISATION_CODE: return bus_identifier_organisation_code(text, error);
    case CHECK_CITIZEN_NUMBER: return check_citizen(exchange, text, error);
    case CHECK_AREA: return gateway_fields_area(fields, exchange, text, error);
    case CHECK_PLATE: return bus_identifier_plate(text, error);
    case CHECK_VIOLATION_CODE: return bus_identifier_violation_code(text, error);
    case CHECK_CASE_NUMBER: return bus_identifier_case_number(text, error);
    case CHECK_NONE: break;
    }
    return BUS_OK;
}

static enum bus_status validate_codes(const struct rule *rule, struct bus_bytes text, struct bus_error *error)
{
    const char *separator = rule->field->code_separator;
    const uint8_t *end = text.data + text.length;
    for (const uint8_t *at = text.data;;) {
        const uint8_t *stop = separator[0] != '\0' ? memchr(at, separator[0], (size_t)(end - at)) : NULL;
        if (stop == NULL)
            stop = end;
        if (!bus_code_list_has(rule->code_list, bus_bytes_of(at, (size_t)(stop - at)))) {
            char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
            snprintf(zh, sizeof zh, "取值不在代码表%s中，请按代码表填写", rule->code_list->name);
            snprintf(en, sizeof en, "the value is not in code list %s; use one of its values", rule->code_list->name);
            return bus_reject(error, "CODE_UNKNOWN", zh, en);
        }
        if (stop == end)
            break;
        at = stop + 1;
    }
    return BUS_OK;
}

static enum bus_status validate_text(const struct gateway_fields *fields, const struct rule *rule,
                                     struct gateway_exchange *exchange, struct bus_bytes text, struct bus_error *error)
{
    enum bus_status status = gateway_fields_length(text, rule->max_length, error);
    if (status == BUS_OK)
        status = check_text(fields, rule->check, exchange, text, error);
    if (status == BUS_OK && rule->code_list != NULL)
        status = validate_codes(rule, text, error);
    return status;
}

/* At most as many digits as the schema promises to those who make columns of it. */
static enum bus_status validate_decimal(const struct bus_schema_type *type, struct bus_bytes bytes,
                                        struct bus_error *error)
{
    int64_t unscaled = 0, limit = 1;
    for (int i = 0; i < type->precision && limit <= INT64_MAX / 10; i++)
        limit *= 10;
    if (bytes.length > 0 && bus_decimal_value(bytes, &unscaled) && unscaled < limit && unscaled > -limit)
        return BUS_OK;
    return bus_reject(error, "NUMBER_RANGE", "数值为空或超出规定的位数", "the number is empty or has too many digits");
}

static enum bus_status validate_field(const struct gateway_fields *fields, const struct rule *rule,
                                      struct gateway_exchange *exchange, struct bus_error *error)
{
    struct bus_value value = bus_datum_value(rule->field, exchange->value, exchange->spans[rule->index]);
    bool is_text = value.type == BUS_TYPE_STRING;
    if (value.type == BUS_TYPE_NULL || (is_text && value.bytes.length == 0)) {
        if (rule->field->required && exchange->event.operation == BUS_OPERATION_PUT)
            return bus_reject(error, "FIELD_REQUIRED", "必填项为空", "a required field is empty");
        return BUS_OK;
    }
    if (is_text)
        return validate_text(fields, rule, exchange, value.bytes, error);
    switch (rule->field->value->logical) {
    case BUS_LOGICAL_DATE: return gateway_fields_date(value.integer, error);
    case BUS_LOGICAL_TIMESTAMP_MILLIS: return gateway_fields_moment(value.integer, error);
    case BUS_LOGICAL_DECIMAL: return validate_decimal(rule->field->value, value.bytes, error);
    default: return BUS_OK;
    }
}

/* Puts the field's name in front of both sentences. */
static void name_field(const struct bus_field *field, struct bus_error *error)
{
    char zh[BUS_ERROR_TEXT_SIZE];
    memcpy(zh, error->message_zh, sizeof zh);
    int doc_length = (int)strcspn(field->doc, "/"); /* "中文 / English" */
    while (doc_length > 0 && field->doc[doc_length - 1] == ' ')
        doc_length--;
    snprintf(error->message_zh, sizeof error->message_zh, "字段%s（%.*s）：%.250s", field->name,
             doc_length < 120 ? doc_length : 0, field->doc, zh);
    bus_error_prefix(error, "field %s", field->name);
}

static const struct rules *rules_of(struct gateway_fields *fields, const struct bus_item_version *version)
{
    if (fields->versions[fields->last].version != version)
        for (size_t i = 0; i < fields->version_count; i++)
            if (fields->versions[i].version == version)
                fields->last = i;
    return &fields->versions[fields->last];
}

enum bus_status gateway_fields_validate(struct gateway_fields *fields, struct gateway_exchange *exchange,
                                        struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    const struct rules *rules = rules_of(fields, exchange->version);
    for (size_t i = 0; i < rules->count && status == BUS_OK; i++) {
        status = validate_field(fields, &rules->rules[i], exchange, error);
        if (status == BUS_REJECT)
            name_field(rules->rules[i].field, error);
    }
    return status;
}
