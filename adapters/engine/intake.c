#include "adapters/engine/intake.h"

#include "adapters/engine/settings.h"

/* What the image says about the row at hand. */
struct comparison {
    uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE];
    bool is_unchanged;
    bool is_newest; /* nothing newer is in the image: it takes this row in */
};

static const char *name_of(const struct adapters_intake *intake, size_t feed)
{
    return intake->feeds->has_image[feed] ? adapters_mapping_feed_view(intake->feeds->mappings[feed]) : NULL;
}

static const struct bus_item *item_of(const struct adapters_intake *intake, size_t feed)
{
    return adapters_mapping_item(intake->feeds->mappings[feed]);
}

/* --- a row as values --- */

/* Neither the row nor its mapping says when: it is as new as this transaction. */
static void settle_times(const struct adapters_intake *intake, struct bus_value *values)
{
    int64_t now_ms = adapters_publisher_time_ms(intake->publisher);
    if (values[BUS_ENVELOPE_VERSION].integer == 0)
        values[BUS_ENVELOPE_VERSION].integer = now_ms;
    if (values[BUS_ENVELOPE_SOURCE_COMMITTED_AT].integer == 0)
        values[BUS_ENVELOPE_SOURCE_COMMITTED_AT].integer = now_ms;
}

static enum bus_status map(const struct adapters_intake *intake, size_t feed, const struct adapters_row *row,
                           struct adapters_refusal *refusal)
{
    bus_arena_reset(intake->arena);
    enum bus_status status =
        adapters_mapping_apply(intake->feeds->mappings[feed], row, intake->arena, intake->values, refusal);
    if (status != BUS_OK)
        return status;
    settle_times(intake, intake->values);
    return adapters_publisher_settle_subject(intake->publisher, intake->values, refusal);
}

static enum bus_status refuse_content(struct adapters_refusal *refusal, const struct bus_error *error)
{
    return adapters_refuse(refusal, "VALUE_TYPE", "该行的值不符合目录项的格式", error->message);
}

/* Holds the row against the image; a row that is the latest gets a version above what was said before. */
static enum bus_status compare(const struct adapters_intake *intake, size_t feed, const struct adapters_row *row,
                               struct comparison *out_comparison, struct adapters_refusal *refusal)
{
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE];
    struct adapters_image_entry entry;
    struct bus_error error;
    struct bus_value *values = intake->values;
    int64_t *version = &values[BUS_ENVELOPE_VERSION].integer;
    bool is_put = values[BUS_ENVELOPE_OPERATION].integer == BUS_OPERATION_PUT;
    *out_comparison = (struct comparison){.is_newest = true};
    if (adapters_image_content(intake->image, item_of(intake, feed), values, out_comparison->content, &error) != BUS_OK)
        return refuse_content(refusal, &error);
    adapters_image_key(values[BUS_ENVELOPE_RECORD_KEY].bytes, key);
    if (!adapters_image_find(intake->image, feed, key, &entry)) {
        out_comparison->is_unchanged = !is_put && row->is_latest;
        return BUS_OK;
    }
    bool is_same = memcmp(entry.content, out_comparison->content, sizeof entry.content) == 0;
    out_comparison->is_unchanged = is_put ? is_same && !entry.is_withdrawn : entry.is_withdrawn;
    bool is_latest = row->is_latest || !adapters_mapping_has_changed_at(intake->feeds->mappings[feed]);
    if (is_latest && *version <= entry.version)
        *version = entry.version + 1;
    out_comparison->is_newest = *version >= entry.version;
    return BUS_OK;
}

enum bus_status adapters_intake_check(const struct adapters_intake *intake, size_t feed, const struct adapters_row *row,
                                      struct adapters_refusal *out_refusal)
{
    enum bus_status status = map(intake, feed, row, out_refusal);
    return status == BUS_OK
               ? adapters_publisher_prepare(intake->publisher, intake->feeds->items[feed], intake->values, out_refusal)
               : status;
}

static void look_for_key(const struct adapters_intake *intake, size_t feed, const struct adapters_row *row,
                         struct adapters_look *look)
{
    struct bus_bytes key;
    struct adapters_refusal ignored;
    look->has_key = adapters_mapping_key(intake->feeds->mappings[feed], row, intake->arena, &key, &ignored) == BUS_OK;
    if (look->has_key)
        adapters_image_key(key, look->key);
}

enum bus_status adapters_intake_look(const struct adapters_intake *intake, size_t feed, const struct adapters_row *row,
                                     struct adapters_look *out_look, struct adapters_refusal *out_refusal)
{
    struct bus_error error;
    const struct bus_value *values = intake->values;
    *out_look = (struct adapters_look){0};
    bus_arena_reset(intake->arena);
    enum bus_status status =
        adapters_mapping_apply(intake->feeds->mappings[feed], row, intake->arena, intake->values, out_refusal);
    if (status == BUS_OK)
        status = adapters_publisher_settle_subject(intake->publisher, intake->values, out_refusal);
    if (status == BUS_OK &&
        adapters_image_content(intake->image, item_of(intake, feed), values, out_look->content, &error) != BUS_OK)
        status = refuse_content(out_refusal, &error);
    if (status != BUS_OK) {
        look_for_key(intake, feed, row, out_look);
        return status;
    }
    out_look->has_key = true;
    out_look->is_withdrawal = values[BUS_ENVELOPE_OPERATION].integer == BUS_OPERATION_WITHDRAW;
    adapters_image_key(values[BUS_ENVELOPE_RECORD_KEY].bytes, out_look->key);
    return BUS_OK;
}

/* --- what becomes of it --- */

static enum bus_status publish(const struct adapters_intake *intake, size_t feed, const struct comparison *comparison,
                               struct bus_error *error)
{
    enum bus_status status = adapters_publisher_send(intake->publisher, name_of(intake, feed), error);
    if (status == BUS_OK && intake->feeds->has_image[feed] && comparison->is_newest)
        status = adapters_image_note(intake->image, feed, intake->values, comparison->content, error);
    return status;
}

static enum bus_status refuse(const struct adapters_intake *intake, size_t feed, const char *stage, const char *source,
                              const struct adapters_row *row, const struct adapters_refusal *refusal,
                              struct bus_error *error)
{
    return adapters_publisher_refuse(intake->publisher, intake->feeds->items[feed], stage, source, row, refusal, error);
}

enum bus_status adapters_intake_row(const struct adapters_intake *intake, size_t feed, const char *source,
                                    const struct adapters_row *row, enum adapters_row_outcome *out_outcome,
                                    struct adapters_refusal *out_refusal, struct bus_error *error)
{
    struct comparison comparison = {0};
    enum bus_status status = map(intake, feed, row, out_refusal);
    if (status == BUS_OK && intake->feeds->has_image[feed])
        status = compare(intake, feed, row, &comparison, out_refusal);
    *out_outcome = ADAPTERS_ROW_UNCHANGED;
    if (status == BUS_OK && comparison.is_unchanged)
        return BUS_OK;
    if (status == BUS_OK)
        status = adapters_publisher_prepare(intake->publisher, intake->feeds->items[feed], intake->values, out_refusal);
    *out_outcome = status == BUS_OK ? ADAPTERS_ROW_PUBLISHED : ADAPTERS_ROW_REFUSED;
    return status == BUS_OK ? publish(intake, feed, &comparison, error)
                            : refuse(intake, feed, "adapter.map", source, row, out_refusal, error);
}

enum bus_status adapters_intake_refuse(const struct adapters_intake *intake, size_t feed, const char *source,
                                       const struct adapters_row *row, const struct adapters_refusal *refusal,
                                       struct bus_error *error)
{
    return refuse(intake, feed, "adapter.read", source, row, refusal, error);
}

enum bus_status adapters_intake_withdraw(const struct adapters_intake *intake, size_t feed,
                                         const uint8_t record[ADAPTERS_IMAGE_KEY_SIZE], int64_t version,
                                         int64_t committed_at_ms, struct bus_error *error)
{
    struct adapters_image_entry entry;
    struct adapters_refusal refusal;
    struct comparison comparison = {.is_newest = true};
    struct bus_value *values = intake->values;
    if (!adapters_image_find(intake->image, feed, record, &entry) || entry.is_withdrawn)
        return BUS_OK;
    bus_arena_reset(intake->arena);
    enum bus_status status = adapters_image_withdrawal(item_of(intake, feed), &entry, intake->arena, values, error);
    if (status != BUS_OK)
        return status == BUS_REJECT ? BUS_FATAL : status;
    values[BUS_ENVELOPE_VERSION].integer = version;
    values[BUS_ENVELOPE_SOURCE_COMMITTED_AT].integer = committed_at_ms;
    settle_times(intake, values);
    if (values[BUS_ENVELOPE_VERSION].integer <= entry.version)
        values[BUS_ENVELOPE_VERSION].integer = entry.version + 1;
    status = adapters_publisher_settle_subject(intake->publisher, values, &refusal);
    if (status == BUS_OK)
        status = adapters_publisher_prepare(intake->publisher, intake->feeds->items[feed], values, &refusal);
    if (status != BUS_OK)
        return bus_fail(error, BUS_FATAL,
                        "withdraw a record of feed %s: %s: %s; remove the adapter's state folder so that "
                        "it is made again",
                        name_of(intake, feed), refusal.code, refusal.en);
    return publish(intake, feed, &comparison, error);
}

/* --- the transaction --- */

bool adapters_intake_is_due(const struct adapters_intake *intake)
{
    const struct adapters_settings *settings = intake->settings;
    const struct adapters_publisher *publisher = intake->publisher;
    return adapters_publisher_rows(publisher) >= settings->batch_rows ||
           adapters_publisher_size_bytes(publisher) >= settings->batch_bytes ||
           adapters_publisher_age_ms(publisher) >= settings->batch_ms;
}

enum bus_status adapters_intake_commit(const struct adapters_intake *intake, struct bus_error *error)
{
    return intake->commit(intake->self, error);
}
