/* The record key of a row, and what is needed of a row to make it. */
#include "adapters/mapping/plan.h"

enum { KEY_PART_SHORT = 40, KEY_ROOM = 3 * ADAPTERS_FIELD_MAX };

/* A long part is replaced by its digest when the whole would be too long: `#` and 32 hex digits. */
static void append_part(struct bus_buffer *key, const struct bus_buffer *part, bool is_short)
{
    bus_buffer_u8(key, '|');
    if (!is_short || part->length <= KEY_PART_SHORT) {
        bus_buffer_append(key, part->data, part->length);
        return;
    }
    uint8_t digest[BUS_DIGEST_SIZE];
    char hex[BUS_DIGEST_SIZE + 1];
    bus_digest(BUS_HASH_SM3, bus_buffer_view(part), digest);
    bus_hex(digest, BUS_DIGEST_SIZE / 2, hex);
    bus_buffer_printf(key, "#%s", hex);
}

static void write_key(const struct adapters_key_parts *parts, bool is_short, struct bus_buffer *key)
{
    struct bus_buffer part;
    bus_buffer_init(&part, KEY_ROOM);
    bus_buffer_reset(key);
    bus_buffer_append_bytes(key, bus_bytes_text(parts->item->department->name));
    for (size_t i = 0; i < parts->item->key_field_count; i++) {
        bus_buffer_reset(&part);
        bus_datum_text(parts->fields[i]->value, &parts->values[i], &part);
        append_part(key, &part, is_short);
    }
    bus_buffer_release(&part);
}

enum bus_status adapters_key_make(const struct adapters_key_parts *parts, struct bus_arena *arena,
                                  struct bus_value *out_key, struct adapters_refusal *refusal)
{
    struct bus_buffer key;
    bus_buffer_init(&key, KEY_ROOM);
    write_key(parts, false, &key);
    if (key.length > BUS_RECORD_KEY_MAX)
        write_key(parts, true, &key);
    struct bus_bytes kept = key.failed ? bus_bytes_of(NULL, 0) : bus_arena_copy(arena, bus_buffer_view(&key));
    bus_buffer_release(&key);
    *out_key = (struct bus_value){.type = BUS_TYPE_STRING, .bytes = kept};
    return kept.length > 0 ? BUS_OK : adapters_refuse(refusal, "MEMORY", "内存不足", "out of memory");
}

/* The plan that fills a field of the item's key, for subjects of that kind. */
static const struct adapters_field_plan *find_plan(const struct adapters_mapping *mapping, size_t index, int kind)
{
    for (size_t i = 0; i < mapping->field_count; i++) {
        const struct adapters_field_plan *plan = &mapping->fields[i];
        if (plan->index == index && (plan->only_kind < 0 || plan->only_kind == kind))
            return plan;
    }
    return NULL;
}

/* For which subjects the row is; -1 when it does not tell. */
static int read_kind(const struct adapters_mapping *mapping, const struct adapters_row *row)
{
    if (mapping->subject_kind >= 0)
        return mapping->subject_kind;
    struct bus_bytes text = adapters_plan_column(mapping, mapping->kind_column, row);
    if (adapters_words_have(&mapping->person_kinds, text))
        return BUS_SUBJECT_PERSON;
    return adapters_words_have(&mapping->organisation_kinds, text) ? BUS_SUBJECT_ORGANISATION : -1;
}

enum bus_status adapters_mapping_key(const struct adapters_mapping *mapping, const struct adapters_row *row,
                                     struct bus_arena *arena, struct bus_bytes *out_key,
                                     struct adapters_refusal *refusal)
{
    struct adapters_key_parts parts = {.item = mapping->item};
    struct bus_value key;
    int kind = read_kind(mapping, row);
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < mapping->item->key_field_count; i++) {
        const struct adapters_field_plan *plan = find_plan(mapping, mapping->key_indexes[i], kind);
        parts.fields[i] = bus_schema_field(mapping->schema, mapping->key_indexes[i]);
        parts.values[i] = (struct bus_value){.type = BUS_TYPE_NULL};
        if (plan != NULL)
            status = adapters_value_fill(mapping, plan, row, true, arena, &parts.values[i], refusal);
    }
    if (status == BUS_OK)
        status = adapters_key_make(&parts, arena, &key, refusal);
    if (status == BUS_OK)
        *out_key = key.bytes;
    return status;
}

void adapters_mapping_key_columns(const struct adapters_mapping *mapping, bool out_needed[ADAPTERS_COLUMNS_MAX])
{
    memset(out_needed, 0, ADAPTERS_COLUMNS_MAX * sizeof *out_needed);
    for (size_t i = 0; i < mapping->item->key_field_count; i++) {
        for (size_t j = 0; j < mapping->field_count; j++) {
            const struct adapters_field_plan *plan = &mapping->fields[j];
            if (plan->index != mapping->key_indexes[i])
                continue;
            for (size_t k = 0; plan->constant == NULL && k < plan->from.count; k++)
                out_needed[plan->from.columns[k]] = true;
            if (plan->only_kind >= 0 && mapping->subject_kind < 0)
                out_needed[mapping->kind_column] = true;
        }
    }
}
