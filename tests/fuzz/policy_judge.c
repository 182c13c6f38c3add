/* Fuzzes what leaves by a grant: whatever good event of an item comes, every rule can be asked of it, and each view's delivery is good in
 * its own schema, with masks, years and presences in the place of what they stand for. */
#include <stdint.h>
#include <stdlib.h>

#include "bus/entitlement.h"

enum { MAX_FIELDS = 256 };

static struct bus_catalogue *catalogue;
static struct bus_views *views;
static const struct bus_item *item;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (bus_catalogue_load(XINQIAO_SOURCE "/tests/scenarios/catalogue/catalogue.cfg", &catalogue, NULL) != BUS_OK ||
        bus_views_create(catalogue, &views, NULL) != BUS_OK)
        abort();
    item = bus_catalogue_find_item(catalogue, "bureau", "policy");
    return 0;
}

static void project(const struct bus_view *view, struct bus_bytes datum, const struct bus_span *spans,
                    struct bus_buffer *delivery)
{
    struct bus_span outer[BUS_DELIVERY_FIELD_COUNT];
    struct bus_delivery content = {.version = 1};
    struct bus_error error;
    bus_buffer_reset(delivery);
    if (bus_view_project(view, &content, datum, spans, delivery, &error) != BUS_OK ||
        bus_datum_walk(view->schema, bus_buffer_view(delivery), outer, &error) != BUS_OK)
        abort();
}

/* The bytes are those of a datum behind its frame. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bus_item_version *version = bus_item_current(item);
    const uint8_t subject_key[BUS_SUBJECT_KEY_SIZE] = {0};
    struct bus_span spans[MAX_FIELDS];
    struct bus_state_entry entry = {0};
    struct bus_buffer event, delivery;
    struct bus_error error;
    size_t count;
    bus_buffer_init(&event, BUS_DATUM_MAX_SIZE);
    bus_buffer_init(&delivery, 2 * BUS_DATUM_MAX_SIZE);
    bus_frame_append(&event, bus_schema_fingerprint(version->schema));
    bus_buffer_append(&event, data, size);
    struct bus_bytes datum = bus_buffer_view(&event);
    if (bus_datum_walk(version->schema, datum, spans, &error) == BUS_OK) {
        struct bus_entitlement_facts facts = {
            .entry = &entry, .subject_key = subject_key, .datum = datum, .spans = spans, .now_ms = 1795500000000};
        const struct bus_view *const *all = bus_views_of(views, version, &count);
        for (size_t i = 0; i < count; i++) {
            for (enum bus_entitlement_rule rule = 0; rule < BUS_RULE_COUNT; rule++)
                (void)bus_entitlement_holds(rule, all[i], NULL, &facts);
            project(all[i], datum, spans, &delivery);
        }
    }
    bus_buffer_release(&event);
    bus_buffer_release(&delivery);
    return 0;
}
