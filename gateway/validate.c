#include "gateway/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/identifier.h"
#include "bus/utf8.h"

enum {
    GENERAL_MAX_LENGTH = 20000, /* characters of a text whose schema names no limit */
    ENVELOPE_MAX_LENGTH = 200,  /* characters of a name or a rule version */
    ADULT_YEARS = 18,
    MS_A_DAY = 86400000,
    BEIJING_MS = 8 * 3600 * 1000, /* ahead of UTC: laws count days there */
};

/* The day of a moment, rounded down also before 1970. */
static int64_t day_of(int64_t ms)
{
    return ms / MS_A_DAY - (ms % MS_A_DAY < 0);
}

static int32_t today(const struct gateway_exchange *exchange)
{
    return (int32_t)day_of(exchange->now_ms + BEIJING_MS);
}

/* One check of one text; the codes and sentences are those of bus/identifier.h. */
typedef enum bus_status check_function(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                       struct bus_bytes text, struct bus_error *error);

/* What a field's schema asks of its value. */
struct rule {
    size_t index;
    const struct bus_field *field;
    check_function *check;
    const struct bus_code_list *code_list;
    size_t max_length;
};

struct rules {
    const struct bus_item_version *version;
    struct rule *rules;
    size_t count;
};

struct gateway_validate {
    const struct bus_catalogue *catalogue;
    const struct bus_subject_keyer *keyer;
    int32_t partitions;
    int32_t earliest_days, latest_days; /* of any date: 1900-01-01 to 2199-12-31 */
    struct rules *versions;
    size_t version_count;
    size_t last; /* events of one schema come in runs */
};

static enum bus_status check_uscc(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                  struct bus_bytes text, struct bus_error *error)
{
    (void)validate;
    bool inner_bad = false;
    enum bus_status status = bus_identifier_uscc(text, &inner_bad, error);
    if (inner_bad)
        exchange->flags |= 1u << BUS_FLAG_USCC_INNER_CHECK;
    return status;
}

static enum bus_status check_organisation_code(const struct gateway_validate *validate,
                                               struct gateway_exchange *exchange, struct bus_bytes text,
                                               struct bus_error *error)
{
    (void)validate;
    (void)exchange;
    return bus_identifier_organisation_code(text, error);
}

static enum bus_status check_citizen(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                     struct bus_bytes text, struct bus_error *error)
{
    (void)validate;
    if (text.length == 15)
        exchange->flags |= 1u << BUS_FLAG_OLD_CITIZEN_NUMBER;
    return bus_identifier_citizen(text, error);
}

static enum bus_status check_area(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                  struct bus_bytes text, struct bus_error *error)
{
    if (!bus_catalogue_area_existed(validate->catalogue, text))
        return bus_reject(error, "AREA_UNKNOWN", "行政区划代码从未存在（GB/T 2260），请改用决定当时有效的代码",
                          "no area ever had this code (GB/T 2260); use the code in force at the time");
    if (!bus_catalogue_area_exists_on(validate->catalogue, text, today(exchange)))
        exchange->flags |= 1u << BUS_FLAG_AREA_ENDED;
    return BUS_OK;
}

static enum bus_status check_plate(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                   struct bus_bytes text, struct bus_error *error)
{
    (void)validate;
    (void)exchange;
    return bus_identifier_plate(text, error);
}

static enum bus_status check_violation_code(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                            struct bus_bytes text, struct bus_error *error)
{
    (void)validate;
    (void)exchange;
    return bus_identifier_violation_code(text, error);
}

static enum bus_status check_case_number(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                         struct bus_bytes text, struct bus_error *error)
{
    (void)validate;
    (void)exchange;
    return bus_identifier_case_number(text, error);
}

static const struct {
    const char *name;
    check_function *check;
} checks[] = {
    {"uscc", check_uscc},
    {"organisation_code", check_organisation_code},
    {"citizen_number", check_citizen},
    {"area", check_area},
    {"plate", check_plate},
    {"violation_code", check_violation_code},
    {"case_number", check_case_number},
};

/* Whether there is anything to ask of the field's values. */
static bool is_checked(const struct bus_field *field)
{
    return field->required || field->value->type == BUS_TYPE_STRING || field->value->logical != BUS_LOGICAL_NONE;
}

static enum bus_status compile_rule(const struct gateway_validate *validate, const struct bus_field *field,
                                    struct rule *rule, struct bus_error *error)
{
    rule->max_length = field->max_length != 0 ? field->max_length : GENERAL_MAX_LENGTH;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (strcmp(field->check, checks[i].name) == 0)
            rule->check = checks[i].check;
    if (field->check[0] != '\0' && rule->check == NULL)
        return bus_fail(error, BUS_FATAL, "field %s: no check is called \"%s\"", field->name, field->check);
    if (field->code_list[0] != '\0') {
        rule->code_list = bus_catalogue_code_list(validate->catalogue, field->code_list);
        if (rule->code_list == NULL)
            return bus_fail(error, BUS_FATAL, "field %s: no code list is called \"%s\"", field->name, field->code_list);
    }
    return BUS_OK;
}

static enum bus_status compile_version(const struct gateway_validate *validate, const struct bus_item_version *version,
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
        enum bus_status status = compile_rule(validate, field, &rule, error);
        if (status != BUS_OK) {
            bus_error_prefix(error, "%s", version->path);
            return status;
        }
        if (is_checked(field))
            rules->rules[rules->count++] = rule;
    }
    return BUS_OK;
}

enum bus_status gateway_validate_create(const struct bus_catalogue *catalogue, const struct bus_subject_keyer *keyer,
                                        int32_t partitions, struct gateway_validate **out_validate,
                                        struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    size_t capacity = bus_catalogue_item_count(catalogue) * BUS_CATALOGUE_MAX_VERSIONS;
    struct gateway_validate *validate = calloc(1, sizeof *validate);
    struct rules *versions = calloc(capacity, sizeof *versions);
    if (validate == NULL || versions == NULL) {
        free(versions);
        free(validate);
        return bus_fail(error, BUS_FATAL, "out of memory");
    }
    *validate = (struct gateway_validate){
        .catalogue = catalogue, .keyer = keyer, .partitions = partitions, .versions = versions};
    bus_date_days(1900, 1, 1, &validate->earliest_days);
    bus_date_days(2199, 12, 31, &validate->latest_days);
    for (size_t i = 0; i < bus_catalogue_item_count(catalogue) && status == BUS_OK; i++) {
        const struct bus_item *item = bus_catalogue_item(catalogue, i);
        for (size_t v = 0; v < item->version_count && status == BUS_OK; v++)
            status = compile_version(validate, &item->versions[v], &versions[validate->version_count++], error);
    }
    if (status != BUS_OK) {
        gateway_validate_destroy(validate);
        return status;
    }
    *out_validate = validate;
    return BUS_OK;
}

void gateway_validate_destroy(struct gateway_validate *validate)
{
    if (validate == NULL)
        return;
    for (size_t i = 0; i < validate->version_count; i++)
        free(validate->versions[i].rules);
    free(validate->versions);
    free(validate);
}

/* Puts the field's name in front of both sentences. */
static enum bus_status name_field(const struct bus_field *field, enum bus_status status, struct bus_error *error)
{
    if (status != BUS_REJECT)
        return status;
    char zh[BUS_ERROR_TEXT_SIZE];
    memcpy(zh, error->message_zh, sizeof zh);
    int doc_length = (int)strcspn(field->doc, "/"); /* "中文 / English" */
    while (doc_length > 0 && field->doc[doc_length - 1] == ' ')
        doc_length--;
    snprintf(error->message_zh, sizeof error->message_zh, "字段%s（%.*s）：%.250s", field->name,
             doc_length < 120 ? doc_length : 0, field->doc, zh);
    bus_error_prefix(error, "field %s", field->name);
    return BUS_REJECT;
}

static enum bus_status validate_date(const struct gateway_validate *validate, int64_t days, struct bus_error *error)
{
    if (days < validate->earliest_days || days > validate->latest_days)
        return bus_reject(error, "DATE_RANGE", "日期应在1900-01-01至2199-12-31之间",
                          "a date lies between 1900-01-01 and 2199-12-31");
    return BUS_OK;
}

/* A timestamp whose day no calendar of a receiver may lack. */
static enum bus_status validate_moment(const struct gateway_validate *validate, int64_t ms, struct bus_error *error)
{
    return validate_date(validate, day_of(ms), error);
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

static enum bus_status validate_length(struct bus_bytes text, size_t max_length, struct bus_error *error)
{
    if (text.length <= max_length || bus_utf8_characters(text) <= max_length)
        return BUS_OK;
    char zh[BUS_ERROR_TEXT_SIZE], en[BUS_ERROR_TEXT_SIZE];
    snprintf(zh, sizeof zh, "长度超过%zu个字符", max_length);
    snprintf(en, sizeof en, "longer than %zu characters", max_length);
    return bus_reject(error, "FIELD_TOO_LONG", zh, en);
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

static enum bus_status validate_text(const struct gateway_validate *validate, const struct rule *rule,
                                     struct gateway_exchange *exchange, struct bus_bytes text, struct bus_error *error)
{
    enum bus_status status = validate_length(text, rule->max_length, error);
    if (status == BUS_OK && rule->check != NULL)
        status = rule->check(validate, exchange, text, error);
    if (status == BUS_OK && rule->code_list != NULL)
        status = validate_codes(rule, text, error);
    return status;
}

static enum bus_status validate_field(const struct gateway_validate *validate, const struct rule *rule,
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
        return validate_text(validate, rule, exchange, value.bytes, error);
    switch (rule->field->value->logical) {
    case BUS_LOGICAL_DATE: return validate_date(validate, value.integer, error);
    case BUS_LOGICAL_TIMESTAMP_MILLIS: return validate_moment(validate, value.integer, error);
    case BUS_LOGICAL_DECIMAL: return validate_decimal(rule->field->value, value.bytes, error);
    default: return BUS_OK;
    }
}

static const struct rules *rules_of(struct gateway_validate *validate, const struct bus_item_version *version)
{
    if (validate->versions[validate->last].version != version)
        for (size_t i = 0; i < validate->version_count; i++)
            if (validate->versions[i].version == version)
                validate->last = i;
    return &validate->versions[validate->last];
}

/* Whether the person is under 18 on the batch's day. */
static bool person_is_minor(const struct gateway_exchange *exchange, const char *citizen_number)
{
    int birth_year, birth_month, birth_day, year, month, day;
    bus_date_civil(bus_identifier_citizen_birth(bus_bytes_text(citizen_number)), &birth_year, &birth_month, &birth_day);
    bus_date_civil(today(exchange), &year, &month, &day);
    int age = year - birth_year - (month < birth_month || (month == birth_month && day < birth_day));
    return age < ADULT_YEARS;
}

static enum bus_status validate_subject(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                        struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    char identifier[19];
    enum bus_status status = bus_subject_identifier(event->subject_kind, event->subject_id, identifier, error);
    if (status != BUS_OK)
        return status;
    bus_subject_key(validate->keyer, event->subject_kind, identifier, exchange->subject_key);
    if (!bus_bytes_equal(exchange->key, bus_bytes_of(exchange->subject_key, sizeof exchange->subject_key)))
        return bus_reject(error, "SUBJECT_KEY", "消息键不是信用主体标识的键值，请检查适配器的密钥配置",
                          "the message key is not the key of its subject; check the adapter's pepper");
    if (bus_subject_partition(exchange->subject_key, validate->partitions) != exchange->partition)
        return bus_reject(error, "PARTITION", "消息所在分区与信用主体不符，请检查适配器的分区数配置",
                          "the subject belongs to another partition; check the adapter's number of partitions");
    if (event->subject_kind == BUS_SUBJECT_ORGANISATION &&
        bus_identifier_organisation_code(bus_bytes_text(identifier), NULL) != BUS_OK)
        exchange->flags |= 1u << BUS_FLAG_USCC_INNER_CHECK;
    if (event->subject_kind == BUS_SUBJECT_PERSON) {
        exchange->is_minor = person_is_minor(exchange, identifier);
        if (event->subject_id.length == 15)
            exchange->flags |= 1u << BUS_FLAG_OLD_CITIZEN_NUMBER;
    }
    return BUS_OK;
}

static enum bus_status validate_identity(const struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    if (event->record_key.length == 0 || event->record_key.length > BUS_RECORD_KEY_MAX)
        return bus_reject(error, "RECORD_KEY", "记录键为空或超过512字节",
                          "the record key is empty or longer than 512 bytes");
    if (event->version < 0)
        return bus_reject(error, "VERSION", "记录版本为负数", "the version is negative");
    uint8_t event_id[BUS_IDENTITY_SIZE];
    bus_event_make_id(bus_bytes_text(exchange->item->name), event->record_key, event->version, event_id);
    if (memcmp(event_id, event->event_id, sizeof event_id) != 0)
        return bus_reject(error, "EVENT_ID", "事件标识与目录项、记录键、版本不符",
                          "the event id does not follow from item, record key and version");
    return BUS_OK;
}

static enum bus_status validate_envelope_times(const struct gateway_validate *validate, const struct bus_event *event,
                                               struct bus_error *error)
{
    enum bus_status status = validate_moment(validate, event->occurred_at_ms, error);
    if (status == BUS_OK)
        status = validate_moment(validate, event->source_committed_at_ms, error);
    if (status == BUS_OK)
        status = validate_moment(validate, event->published_at_ms, error);
    if (status == BUS_OK && event->has_conduct_end_date)
        status = validate_date(validate, event->conduct_end_date, error);
    if (status == BUS_OK && event->has_publicity_until)
        status = validate_date(validate, event->publicity_until, error);
    return status;
}

static enum bus_status validate_envelope(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                         struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    enum bus_status status = validate_identity(exchange, error);
    if (status == BUS_OK)
        status = validate_subject(validate, exchange, error);
    if (status == BUS_OK && event->area_code.length > 0)
        status = check_area(validate, exchange, event->area_code, error);
    if (status == BUS_OK)
        status = validate_envelope_times(validate, event, error);
    if (status == BUS_OK)
        status = validate_length(event->subject_name, ENVELOPE_MAX_LENGTH, error);
    if (status == BUS_OK)
        status = validate_length(event->rule_version, ENVELOPE_MAX_LENGTH, error);
    if (event->occurred_at_ms > exchange->now_ms + MS_A_DAY)
        exchange->flags |= 1u << BUS_FLAG_DATE_IN_FUTURE;
    return status;
}

enum bus_status gateway_validate(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    struct gateway_validate *validate = self;
    enum bus_status status = validate_envelope(validate, exchange, error);
    const struct rules *rules = rules_of(validate, exchange->version);
    for (size_t i = 0; i < rules->count && status == BUS_OK; i++)
        status = name_field(rules->rules[i].field, validate_field(validate, &rules->rules[i], exchange, error), error);
    return status;
}
