#include "bus/rights.h"

static const char *const kind_names[] = {
    [BUS_RIGHTS_NONE] = "",         [BUS_RIGHTS_DISPUTE] = "dispute",         [BUS_RIGHTS_CORRECTION] = "correction",
    [BUS_RIGHTS_REPAIR] = "repair", [BUS_RIGHTS_RESTRICTION] = "restriction",
};
enum { KIND_COUNT = sizeof kind_names / sizeof *kind_names };

/* Which kinds of case have the step, and after which step it may stand. */
static const struct {
    const char *name;
    uint8_t kinds; /* bit = enum bus_rights_kind */
    enum bus_rights_step after;
} steps[BUS_RIGHTS_STEP_COUNT] = {
    [BUS_RIGHTS_NO_STEP] = {"", 0, BUS_RIGHTS_NO_STEP},
    [BUS_RIGHTS_OPENED] = {"OPENED", 1 << BUS_RIGHTS_DISPUTE | 1 << BUS_RIGHTS_CORRECTION, BUS_RIGHTS_NO_STEP},
    [BUS_RIGHTS_UPHELD] = {"UPHELD", 1 << BUS_RIGHTS_DISPUTE | 1 << BUS_RIGHTS_CORRECTION, BUS_RIGHTS_OPENED},
    [BUS_RIGHTS_REJECTED] = {"REJECTED", 1 << BUS_RIGHTS_DISPUTE | 1 << BUS_RIGHTS_CORRECTION, BUS_RIGHTS_OPENED},
    [BUS_RIGHTS_DECIDED] = {"DECIDED", 1 << BUS_RIGHTS_REPAIR, BUS_RIGHTS_NO_STEP},
    [BUS_RIGHTS_REVOKED] = {"REVOKED", 1 << BUS_RIGHTS_REPAIR, BUS_RIGHTS_DECIDED},
    [BUS_RIGHTS_IMPOSED] = {"IMPOSED", 1 << BUS_RIGHTS_RESTRICTION, BUS_RIGHTS_NO_STEP},
    [BUS_RIGHTS_LIFTED] = {"LIFTED", 1 << BUS_RIGHTS_RESTRICTION, BUS_RIGHTS_IMPOSED},
};

const char *bus_rights_kind_name(enum bus_rights_kind kind)
{
    return kind_names[kind];
}

const char *bus_rights_step_name(enum bus_rights_step step)
{
    return steps[step].name;
}

enum bus_rights_kind bus_rights_kind_parse(struct bus_bytes name)
{
    for (int kind = BUS_RIGHTS_NONE + 1; kind < KIND_COUNT; kind++)
        if (bus_bytes_equal_text(name, kind_names[kind]))
            return (enum bus_rights_kind)kind;
    return BUS_RIGHTS_NONE;
}

static bool kind_has(enum bus_rights_kind kind, enum bus_rights_step step)
{
    return (steps[step].kinds >> kind & 1) != 0;
}

bool bus_rights_may_follow(enum bus_rights_kind kind, enum bus_rights_step last, enum bus_rights_step step)
{
    return kind_has(kind, step) && (step == last || steps[step].after == last);
}

static enum bus_rights_step parse_step(enum bus_rights_kind kind, struct bus_bytes name)
{
    for (int step = BUS_RIGHTS_NO_STEP + 1; step < BUS_RIGHTS_STEP_COUNT; step++)
        if (kind_has(kind, (enum bus_rights_step)step) && bus_bytes_equal_text(name, steps[step].name))
            return (enum bus_rights_step)step;
    return BUS_RIGHTS_NO_STEP;
}

/* The catalogue has proved that every rights schema has these fields. */
static struct bus_value read_field(const struct bus_schema *schema, const char *name, struct bus_bytes datum,
                                   const struct bus_span *spans)
{
    int index = bus_schema_find(schema, name);
    return bus_datum_value(bus_schema_field(schema, (size_t)index), datum, spans[index]);
}

static struct bus_bytes read_text(const struct bus_schema *schema, const char *name, struct bus_bytes datum,
                                  const struct bus_span *spans)
{
    return read_field(schema, name, datum, spans).bytes;
}

enum bus_status bus_rights_read(const struct bus_item *item, const struct bus_item_version *version,
                                struct bus_bytes datum, const struct bus_span *spans, struct bus_rights *out_rights,
                                struct bus_error *error)
{
    const struct bus_schema *schema = version->schema;
    struct bus_rights rights = {
        .kind = item->rights,
        .step = parse_step(item->rights, read_text(schema, "step", datum, spans)),
        .case_number = read_text(schema, "case_number", datum, spans),
        .target_department = read_text(schema, "target_department", datum, spans),
        .target_item = read_text(schema, "target_item", datum, spans),
        .target_record_key = read_text(schema, "target_record_key", datum, spans),
        .authority = read_text(schema, "authority", datum, spans),
        .document_number = read_text(schema, "document_number", datum, spans),
        .decided_on = (int32_t)read_field(schema, "decided_on", datum, spans).integer,
    };
    if (rights.step == BUS_RIGHTS_NO_STEP)
        return bus_reject(error, "RIGHTS_STEP", "此类权益案件没有这一办理环节", "a case of this kind has no such step");
    if (rights.kind == BUS_RIGHTS_RESTRICTION)
        rights.public_only = bus_bytes_equal_text(read_text(schema, "scope", datum, spans), "PUBLIC");
    *out_rights = rights;
    return BUS_OK;
}

bool bus_rights_may(const struct bus_rights_rule *rule, struct bus_bytes authority, const struct bus_item *target)
{
    if (bus_bytes_equal_text(authority, BUS_RIGHTS_EXCHANGE))
        return rule->by_exchange;
    if (rule->by_own && bus_bytes_equal_text(authority, target->department->name))
        return true;
    for (size_t i = 0; i < rule->department_count; i++)
        if (bus_bytes_equal_text(authority, rule->departments[i]->name))
            return true;
    return false;
}
