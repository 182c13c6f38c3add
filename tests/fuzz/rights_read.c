/* Fuzzes the events of rights: whatever datum stands where a case should, it is refused with a reason, or is a step of its kind whose
 * texts lie in the datum, that some authority may or may not take, and that has no other clock than its answer's. The first byte chooses
 * the kind. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/rights.h"
#include "bus/terms.h"

enum { MAX_FIELDS = 64, KINDS = 4 };

static struct bus_catalogue *catalogue;
static struct bus_terms *terms;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    need(bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue-rights/catalogue.cfg", &catalogue, NULL) ==
         BUS_OK);
    need(bus_terms_create(catalogue, bus_catalogue_calendar_view(catalogue), &terms, NULL) == BUS_OK);
    return 0;
}

static bool lies_in(struct bus_bytes part, struct bus_bytes whole)
{
    return part.data >= whole.data && part.data + part.length <= whole.data + whole.length;
}

/* A step stands somewhere in a case of its kind, and nowhere in a case of a kind that lacks it. */
static void check_step(const struct bus_rights *rights)
{
    size_t places = 0;
    for (int i = BUS_RIGHTS_NO_STEP; i < BUS_RIGHTS_STEP_COUNT; i++) {
        enum bus_rights_step last = (enum bus_rights_step)i;
        if (!bus_rights_may_follow(rights->kind, last, rights->step))
            continue;
        places++;
        need(last == BUS_RIGHTS_NO_STEP || bus_rights_may_follow(rights->kind, last, last)); /* it has that step too */
    }
    need(places == 2); /* behind the step before it, and behind itself */
    need(!rights->public_only || rights->kind == BUS_RIGHTS_RESTRICTION);
}

static void check_authority(const struct bus_rights *rights)
{
    const struct bus_rights_rule *rule = bus_catalogue_rights(catalogue, rights->kind);
    const struct bus_item *target = bus_catalogue_find_item(catalogue, "bureau", "plain");
    bool is_known = bus_bytes_equal_text(rights->authority, BUS_RIGHTS_EXCHANGE);
    for (size_t i = 0; i < bus_catalogue_department_count(catalogue); i++)
        is_known |= bus_bytes_equal_text(rights->authority, bus_catalogue_department(catalogue, i)->name);
    need(rule == NULL || is_known || !bus_rights_may(rule, rights->authority, target));
}

static void check_days(const struct bus_item_version *version, struct bus_bytes datum, const struct bus_span *spans)
{
    struct bus_event event;
    struct bus_term_days days;
    bus_event_read(version->schema, datum, spans, &event);
    bus_terms_find(terms, version, &event, datum, spans, &days);
    need(days.publicity == INT32_MAX && days.retention == INT32_MAX);
}

static void try_case(const struct bus_item *item, struct bus_bytes datum)
{
    const struct bus_item_version *version = bus_item_current(item);
    struct bus_span spans[MAX_FIELDS];
    struct bus_rights rights;
    struct bus_error error;
    if (bus_datum_walk(version->schema, datum, spans, &error) != BUS_OK)
        return;
    if (bus_rights_read(item, version, datum, spans, &rights, &error) != BUS_OK) {
        need(strcmp(error.code, "RIGHTS_STEP") == 0);
        return;
    }
    const struct bus_bytes texts[] = {rights.case_number,       rights.target_department, rights.target_item,
                                      rights.target_record_key, rights.authority,         rights.document_number};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        need(lies_in(texts[i], datum));
    need(rights.kind == item->rights);
    check_step(&rights);
    check_authority(&rights);
    check_days(version, datum, spans);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[KINDS] = {"dispute", "correction", "repair", "restriction"};
    if (size == 0)
        return 0;
    const struct bus_item *item = bus_catalogue_find_item(catalogue, "rights", names[data[0] % KINDS]);
    struct bus_buffer event;
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    bus_frame_append(&event, bus_schema_fingerprint(bus_item_current(item)->schema));
    bus_buffer_append(&event, data + 1, size - 1);
    try_case(item, bus_buffer_view(&event));
    bus_buffer_release(&event);
    return 0;
}
