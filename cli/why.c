/* xinqiao why: whether a subscriber is entitled to a record, and by which rule not, from xq.state. */
#include "cli/why.h"

#include <stdio.h>

#include "bus/identifier.h"
#include "cli/names.h"
#include "cli/rights.h"
#include "cli/scan.h"

enum { ANSWER_LIMIT = 16 * 1024 * 1024, MAX_FIELDS = 256 };

static const int64_t MS_A_DAY = 86400000;
static const int64_t BEIJING_MS = 8 * 3600000;

#define USAGE                                                                                                          \
    "why IDENTITY SUBSCRIBER [--at TIME]\n"                                                                            \
    "why SUBSCRIBER --department D --item I --key KEY [--at TIME]"

bool cli_why_time(const char *text, int64_t *out_ms)
{
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    int32_t days;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10 ||
        !bus_date_days(year, month, day, &days))
        return false;
    *out_ms = days * MS_A_DAY - BEIJING_MS;
    if (text[used] == '\0')
        return true;
    if (sscanf(text, "%*10cT%2d:%2d:%2dZ%n", &hour, &minute, &second, &used) != 3 || used != 20 || text[used] != '\0' ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    *out_ms = days * MS_A_DAY + ((hour * 60 + minute) * 60 + second) * INT64_C(1000);
    return true;
}

static bool is_asked_for(void *self, const uint8_t identity[BUS_IDENTITY_SIZE], const struct bus_state_entry *entry)
{
    (void)entry;
    return memcmp(self, identity, BUS_IDENTITY_SIZE) == 0;
}

/* The event, when xq.state keeps it and its schema is known; otherwise what the entry alone tells. */
static void read_event(struct cli_why *why, struct bus_bytes datum, struct bus_span spans[MAX_FIELDS])
{
    struct bus_error ignored;
    struct bus_event event;
    uint64_t fingerprint;
    why->version = bus_item_current(why->item);
    if (datum.length == 0 || bus_frame_fingerprint(datum, &fingerprint, &ignored) != BUS_OK)
        return;
    const struct bus_item_version *version = bus_item_version_by_fingerprint(why->item, fingerprint);
    if (version == NULL || bus_schema_field_count(version->schema) > MAX_FIELDS ||
        bus_datum_walk(version->schema, datum, spans, &ignored) != BUS_OK)
        return;
    bus_event_read(version->schema, datum, spans, &event);
    why->version = version;
    why->facts.datum = datum;
    why->facts.spans = spans;
    why->facts.area_code = event.area_code;
}

static bool needs_portfolio(const struct cli_why *why)
{
    for (size_t i = 0; i < why->subscriber->grant_count; i++)
        if (why->subscriber->grants[i].portfolio != NULL && bus_grant_covers(&why->subscriber->grants[i], why->item))
            return true;
    return false;
}

/* The subjects of a portfolio are known by keys that only the pepper makes. */
static enum bus_status load_portfolios(const struct cli_context *context, const struct cli_why *why,
                                       struct bus_portfolios **out_portfolios, struct bus_error *error)
{
    struct bus_subject_keyer *keyer = NULL;
    if (!needs_portfolio(why))
        return BUS_OK;
    if (context->pepper_path == NULL) {
        bus_fail(error, BUS_FATAL, "a grant has a portfolio: use --pepper FILE, XQ_PEPPER or the configuration");
        snprintf(error->message_zh, sizeof error->message_zh,
                 "授权带有关注名单：请用 --pepper 文件、XQ_PEPPER 或配置文件指明主体键密钥");
        return BUS_FATAL;
    }
    enum bus_status status = bus_subject_keyer_load(context->pepper_path, &keyer, error);
    if (status == BUS_OK)
        status = bus_portfolios_load(why->catalogue, keyer, out_portfolios, error);
    bus_subject_keyer_destroy(keyer);
    return status;
}

static int answer(const struct cli_context *context, const struct cli_why *why)
{
    struct bus_buffer buffer;
    bus_buffer_init(&buffer, ANSWER_LIMIT);
    if (context->json)
        cli_why_json(why, &buffer);
    else
        cli_why_text(why, &buffer);
    int code = cli_print(&buffer);
    bus_buffer_release(&buffer);
    return code != CLI_DONE || cli_why_entitled(why) != NULL ? code : CLI_NO;
}

static enum bus_status fail_no_record(const uint8_t *identity, struct bus_error *error)
{
    char text[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(identity, BUS_IDENTITY_SIZE, text);
    bus_fail(error, BUS_REJECT, "the exchange knows no record %s", text);
    snprintf(error->message_zh, sizeof error->message_zh, "没有这条记录：%s", text);
    return BUS_REJECT;
}

static enum bus_status find(struct cli_context *context, struct cli_why *why, struct cli_rights_records *records,
                            struct bus_span spans[MAX_FIELDS], struct bus_error *error)
{
    uint8_t identity[BUS_IDENTITY_SIZE];
    memcpy(identity, why->identity, sizeof identity);
    enum bus_status status = cli_rights_read(context, CLI_ALL_PARTITIONS, is_asked_for, identity, true, records, error);
    if (status != BUS_OK)
        return status;
    const struct cli_rights_record *record = cli_rights_find(records, why->identity);
    if (record == NULL)
        return fail_no_record(why->identity, error);
    why->item = bus_catalogue_item_by_number(why->catalogue, record->entry.item);
    if (why->item == NULL)
        return bus_fail(error, BUS_REJECT, "the catalogue has no item number %d", record->entry.item);
    why->facts.entry = &record->entry;
    why->facts.subject_key = record->subject_key;
    read_event(why, record->event, spans);
    return BUS_OK;
}

static int explain(struct cli_context *context, struct cli_why *why)
{
    struct bus_error error;
    struct bus_span spans[MAX_FIELDS];
    struct bus_views *views = NULL;
    struct bus_portfolios *portfolios = NULL;
    struct cli_rights_records records = {0};
    enum bus_status status = find(context, why, &records, spans, &error);
    if (status == BUS_OK)
        status = bus_views_create(why->catalogue, &views, &error);
    if (status == BUS_OK)
        status = load_portfolios(context, why, &portfolios, &error);
    why->views = views;
    why->portfolios = portfolios;
    int code = status == BUS_OK ? answer(context, why) : cli_fail(status, &error);
    bus_portfolios_destroy(portfolios);
    bus_views_destroy(views);
    cli_rights_release(&records);
    return code;
}

int cli_why_command(struct cli_context *context, int argc, char **argv)
{
    const char *department = NULL, *item = NULL, *key = NULL, *at = NULL;
    uint8_t identity[BUS_IDENTITY_SIZE];
    struct cli_why why = {.identity = identity};
    const struct cli_option options[] = {{"department", CLI_OPTION_TEXT, &department},
                                         {"item", CLI_OPTION_TEXT, &item},
                                         {"key", CLI_OPTION_TEXT, &key},
                                         {"at", CLI_OPTION_TEXT, &at},
                                         {0}};
    int rest = cli_arguments(argc, argv, options);
    if (rest < 0)
        return CLI_WRONG_USE;
    bool named = department != NULL && item != NULL && key != NULL;
    if (rest == 2 ? !bus_unhex(argv[1], identity, sizeof identity) : rest != 1 || !named)
        return cli_usage(USAGE);
    why.facts.now_ms = bus_clock_now_ms(&context->clock);
    if (at != NULL && !cli_why_time(at, &why.facts.now_ms))
        return cli_say(CLI_WRONG_USE, "--at 是 2026-11-24 或 2026-11-24T08:30:00Z 这样的时间",
                       "--at is a time such as 2026-11-24 or 2026-11-24T08:30:00Z");
    why.catalogue = cli_kafka(context) == NULL ? NULL : cli_catalogue(context);
    if (why.catalogue == NULL)
        return CLI_WRONG_USE;
    why.subscriber = cli_subscriber(why.catalogue, argv[rest]);
    if (why.subscriber == NULL || (rest == 1 && !cli_record_identity(why.catalogue, department, item, key, identity)))
        return CLI_WRONG_USE;
    return explain(context, &why);
}
