/* A record's life in JSON. */
#include "bus/json.h"
#include "cli/record.h"

const char *const cli_record_operations[] = {"PUT", "WITHDRAW"};

static const char *status_name(const struct cli_life_state *state)
{
    if (state->gone)
        return "GONE";
    return state->entry.status == BUS_RECORD_WITHDRAWN ? "WITHDRAWN" : "LIVE";
}

static const struct cli_word gone = {"GONE", "已清除", "gone"};

static bool is_case(const struct cli_life *life)
{
    return life->item != NULL && life->item->rights != BUS_RIGHTS_NONE;
}

unsigned cli_record_disputes(const struct cli_life *life, const struct bus_state_entry *entry)
{
    return is_case(life) ? 0 : entry->disputes; /* of a case they are its matter */
}

/* At least one word, also of a case, whose marks are its step. */
size_t cli_record_status(const struct cli_life *life, const struct cli_life_state *state,
                         const struct cli_word *words[CLI_STATUS_MAX])
{
    struct bus_state_entry entry = state->entry;
    entry.disputes = (uint16_t)cli_record_disputes(life, &entry);
    if (is_case(life))
        entry.marks = 0;
    if (!state->gone)
        return cli_status_words(&entry, words);
    words[0] = &gone;
    return 1;
}

const struct bus_subscriber *cli_record_holder(const struct bus_catalogue *catalogue, uint64_t holders, size_t index)
{
    const struct bus_subscriber *subscriber = bus_catalogue_subscriber(catalogue, index);
    return (holders >> subscriber->number & 1) != 0 ? subscriber : NULL;
}

enum cli_arrival cli_record_arrival(const struct cli_life *life, const struct cli_arrivals *arrivals,
                                    const struct bus_subscriber *subscriber)
{
    for (size_t i = life->delivery_count; i-- > 0;)
        if (life->deliveries[i].subscriber == subscriber)
            return cli_arrival_of(arrivals, subscriber, life->partition, life->deliveries[i].leaf,
                                  life->deliveries[i].offset, NULL);
    return CLI_ARRIVAL_UNSIGNED;
}

static void write_string(struct bus_json *json, const char *name, const char *text)
{
    bus_json_name(json, name);
    bus_json_string(json, text);
}

static void write_number(struct bus_json *json, const char *name, int64_t number)
{
    bus_json_name(json, name);
    bus_json_integer(json, number);
}

static void write_hex(struct bus_json *json, const char *name, const uint8_t bytes[BUS_IDENTITY_SIZE])
{
    char text[2 * BUS_IDENTITY_SIZE + 1];
    bus_hex(bytes, BUS_IDENTITY_SIZE, text);
    write_string(json, name, text);
}

static void write_day(struct bus_json *json, const char *name, int32_t days)
{
    char day[CLI_MOMENT_SIZE];
    cli_day(days, day);
    write_string(json, name, day);
}

static void write_statuses(struct bus_json *json, const struct cli_life *life, const struct cli_life_state *state)
{
    const struct cli_word *words[CLI_STATUS_MAX];
    size_t count = cli_record_status(life, state, words);
    bus_json_name(json, "statuses");
    bus_json_array(json);
    for (size_t i = 0; i < count; i++)
        bus_json_string(json, words[i]->name);
    bus_json_end_array(json);
}

static void write_holders(struct bus_json *json, const struct bus_catalogue *catalogue, uint64_t holders)
{
    bus_json_name(json, "holders");
    bus_json_array(json);
    for (size_t i = 0; i < bus_catalogue_subscriber_count(catalogue); i++)
        if (cli_record_holder(catalogue, holders, i) != NULL)
            bus_json_string(json, cli_record_holder(catalogue, holders, i)->name);
    bus_json_end_array(json);
}

/* How the last delivery to each of those who hold it now stands. */
static void write_arrivals(struct bus_json *json, const struct bus_catalogue *catalogue, const struct cli_life *life,
                           const struct cli_arrivals *arrivals)
{
    const struct cli_life_state *last = &life->states[life->state_count - 1];
    bus_json_name(json, "holders");
    bus_json_array(json);
    for (size_t i = 0; !last->gone && i < bus_catalogue_subscriber_count(catalogue); i++) {
        const struct bus_subscriber *holder = cli_record_holder(catalogue, last->entry.holders, i);
        if (holder == NULL)
            continue;
        bus_json_object(json);
        write_string(json, "subscriber", holder->name);
        write_string(json, "arrival", cli_arrival_word(cli_record_arrival(life, arrivals, holder))->name);
        bus_json_end_object(json);
    }
    bus_json_end_array(json);
}

static void write_flags(struct bus_json *json, uint32_t flags)
{
    bus_json_name(json, "flags");
    bus_json_array(json);
    for (int i = 0; i < BUS_FLAG_COUNT; i++)
        if ((flags >> i & 1) != 0)
            bus_json_string(json, bus_flag_name((enum bus_flag)i));
    bus_json_end_array(json);
}

static void write_entry(struct bus_json *json, const struct bus_catalogue *catalogue, const struct cli_life *life,
                        const struct cli_life_state *state)
{
    const struct bus_state_entry *entry = &state->entry;
    bus_json_object(json);
    write_number(json, "offset", state->offset);
    write_string(json, "status", status_name(state));
    write_statuses(json, life, state);
    bus_json_name(json, "status_only");
    bus_json_boolean(json, state->status_only);
    if (!state->gone) {
        write_number(json, "version", entry->version);
        write_number(json, "changed_ms", entry->changed_ms);
        write_number(json, "first_seen_ms", entry->first_seen_ms);
        write_day(json, "public_until", entry->publicity_days);
        write_day(json, "kept_until", entry->retention_days);
        write_day(json, "reminder_after", entry->watch_days);
        write_number(json, "open_disputes", cli_record_disputes(life, entry));
        write_flags(json, entry->flags);
        write_holders(json, catalogue, entry->holders);
    }
    bus_json_end_object(json);
}

static void write_version(struct bus_json *json, const struct cli_life_version *version)
{
    bus_json_object(json);
    write_number(json, "offset", version->offset);
    write_number(json, "published_at_ms", version->at_ms);
    write_string(json, "operation", cli_record_operations[version->operation]);
    write_number(json, "version", version->version);
    write_number(json, "sequence", version->sequence);
    write_string(json, "adapter", version->adapter);
    bus_json_name(json, "replayed");
    bus_json_boolean(json, version->replayed);
    bus_json_end_object(json);
}

static void write_delivery(struct bus_json *json, const struct cli_life *life, const struct cli_arrivals *arrivals,
                           const struct cli_life_delivery *delivery)
{
    enum cli_arrival arrival =
        cli_arrival_of(arrivals, delivery->subscriber, life->partition, delivery->leaf, delivery->offset, NULL);
    bus_json_object(json);
    write_string(json, "subscriber", delivery->subscriber->name);
    write_number(json, "offset", delivery->offset);
    write_number(json, "leaf", delivery->leaf);
    write_number(json, "delivered_at_ms", delivery->at_ms);
    write_string(json, "arrival", cli_arrival_word(arrival)->name);
    if (delivery->read) {
        write_string(json, "operation", bus_delivery_operation_name(delivery->operation));
        write_string(json, "reason", bus_delivery_reason_name(delivery->reason));
        write_number(json, "version", delivery->version);
        write_string(json, "grant", delivery->grant);
    }
    bus_json_end_object(json);
}

static void write_disclosure(struct bus_json *json, const struct cli_disclosure *disclosure)
{
    bus_json_object(json);
    write_number(json, "offset", disclosure->offset);
    write_number(json, "at_ms", disclosure->at_ms);
    write_string(json, "subscriber", disclosure->grant->subscriber);
    write_number(json, "leaf", (int64_t)disclosure->leaf);
    write_string(json, "operation", bus_delivery_operation_name(disclosure->operation));
    write_string(json, "reason", bus_delivery_reason_name(disclosure->reason));
    write_number(json, "version", disclosure->version);
    write_string(json, "grant", disclosure->grant->grant);
    write_string(json, "purpose", disclosure->grant->purpose);
    write_string(json, "legal_basis", disclosure->grant->legal_basis);
    write_string(json, "catalogue", disclosure->grant->catalogue);
    bus_json_end_object(json);
}

static void write_life(struct bus_json *json, const struct bus_catalogue *catalogue, const struct cli_life *life,
                       const struct cli_arrivals *arrivals)
{
    bus_json_object(json);
    write_hex(json, "identity", life->identity);
    write_hex(json, "subject_key", life->subject_key);
    write_number(json, "partition", life->partition);
    write_string(json, "department", life->item != NULL ? life->item->department->name : "");
    write_string(json, "item", life->item != NULL ? life->item->name : "");
    write_string(json, "status", status_name(&life->states[life->state_count - 1]));
    write_arrivals(json, catalogue, life, arrivals);
    bus_json_name(json, "states");
    bus_json_array(json);
    for (size_t i = 0; i < life->state_count; i++)
        write_entry(json, catalogue, life, &life->states[i]);
    bus_json_end_array(json);
    bus_json_name(json, "versions");
    bus_json_array(json);
    for (size_t i = 0; i < life->version_count; i++)
        write_version(json, &life->versions[i]);
    bus_json_end_array(json);
    bus_json_name(json, "deliveries");
    bus_json_array(json);
    for (size_t i = 0; i < life->delivery_count; i++)
        write_delivery(json, life, arrivals, &life->deliveries[i]);
    bus_json_end_array(json);
    bus_json_name(json, "disclosures");
    bus_json_array(json);
    for (size_t i = 0; i < life->trail.count; i++)
        write_disclosure(json, &life->trail.disclosures[i]);
    bus_json_end_array(json);
    bus_json_end_object(json);
}

void cli_record_write_json(const struct bus_catalogue *catalogue, const struct cli_life *life,
                           const struct cli_arrivals *arrivals, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    write_life(&json, catalogue, life, arrivals);
}
