#include "gateway/validate.h"

#include <stdlib.h>

#include "bus/identifier.h"
#include "gateway/fields.h"

enum {
    ENVELOPE_MAX_LENGTH = 200, /* characters of a name or a rule version */
    ADULT_YEARS = 18,
    MS_A_DAY = 86400000,
};

struct gateway_validate {
    int32_t partitions;
    struct gateway_fields *fields;
};

enum bus_status gateway_validate_create(const struct bus_catalogue *catalogue, int32_t partitions,
                                        struct gateway_validate **out_validate, struct bus_error *error)
{
    struct gateway_validate *validate = calloc(1, sizeof *validate);
    if (validate == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    *validate = (struct gateway_validate){.partitions = partitions};
    enum bus_status status = gateway_fields_create(catalogue, &validate->fields, error);
    if (status == BUS_OK)
        *out_validate = validate;
    else
        gateway_validate_destroy(validate);
    return status;
}

void gateway_validate_destroy(struct gateway_validate *validate)
{
    if (validate == NULL)
        return;
    gateway_fields_destroy(validate->fields);
    free(validate);
}

/* "<department>|…": a department has a word on its own records only. */
static bool is_own_key(const struct gateway_exchange *exchange)
{
    const char *department = exchange->item->department->name;
    struct bus_bytes key = exchange->event.record_key;
    size_t length = strlen(department);
    return key.length > length && memcmp(key.data, department, length) == 0 && key.data[length] == '|';
}

static enum bus_status validate_identity(const struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    if (event->record_key.length == 0 || event->record_key.length > BUS_RECORD_KEY_MAX)
        return bus_reject(error, "RECORD_KEY", "记录键为空或超过512字节",
                          "the record key is empty or longer than 512 bytes");
    if (!is_own_key(exchange))
        return bus_reject(error, "RECORD_KEY", "记录键不以本部门名称开头，请检查适配器的部门配置",
                          "the record key does not begin with the name of the item's department; check the adapter");
    if (event->version < 0)
        return bus_reject(error, "VERSION", "记录版本为负数", "the version is negative");
    if (memcmp(exchange->event_id, event->event_id, sizeof event->event_id) != 0)
        return bus_reject(error, "EVENT_ID", "事件标识与目录项、记录键、版本不符",
                          "the event id does not follow from item, record key and version");
    return BUS_OK;
}

/* A day as the number YYYYMMDD, so that ages are differences. */
static int64_t year_month_day(int32_t days)
{
    int year, month, day;
    bus_date_civil(days, &year, &month, &day);
    return (int64_t)year * 10000 + month * 100 + day;
}

/* What was done under 18 stays a minor's; and a minor is one until the birthday. */
static bool person_is_minor(const struct gateway_exchange *exchange, const char *citizen_number)
{
    int64_t birth = year_month_day(bus_identifier_citizen_birth(bus_bytes_text(citizen_number)));
    int64_t today = year_month_day(bus_calendar_day(exchange->now_ms));
    int64_t conduct = year_month_day(bus_calendar_day(exchange->event.occurred_at_ms));
    return (conduct < today ? conduct : today) - birth < ADULT_YEARS * 10000;
}

static enum bus_status validate_subject(const struct gateway_validate *validate, struct gateway_exchange *exchange,
                                        struct bus_error *error)
{
    const struct bus_event *event = &exchange->event;
    char *identifier = exchange->subject.identifier;
    if (identifier[0] == '\0') {
        enum bus_status status = bus_subject_identifier(event->subject_kind, event->subject_id, identifier, error);
        if (status != BUS_OK)
            return status;
    }
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

static enum bus_status validate_times(const struct bus_event *event, struct bus_error *error)
{
    enum bus_status status = gateway_fields_moment(event->occurred_at_ms, error);
    if (status == BUS_OK)
        status = gateway_fields_moment(event->source_committed_at_ms, error);
    if (status == BUS_OK)
        status = gateway_fields_moment(event->published_at_ms, error);
    if (status == BUS_OK && event->has_conduct_end_date)
        status = gateway_fields_date(event->conduct_end_date, error);
    if (status == BUS_OK && event->has_publicity_until)
        status = gateway_fields_date(event->publicity_until, error);
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
        status = gateway_fields_area(validate->fields, exchange, event->area_code, error);
    if (status == BUS_OK)
        status = validate_times(event, error);
    if (status == BUS_OK)
        status = gateway_fields_length(event->subject_name, ENVELOPE_MAX_LENGTH, error);
    if (status == BUS_OK)
        status = gateway_fields_length(event->rule_version, ENVELOPE_MAX_LENGTH, error);
    if (event->occurred_at_ms > exchange->now_ms + MS_A_DAY)
        exchange->flags |= 1u << BUS_FLAG_DATE_IN_FUTURE;
    return status;
}

enum bus_status gateway_validate(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    const struct gateway_validate *validate = self;
    enum bus_status status = validate_envelope(validate, exchange, error);
    return status == BUS_OK ? gateway_fields_validate(validate->fields, exchange, error) : status;
}
