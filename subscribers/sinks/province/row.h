/* Province row: a delivery as the province reads it, or the reason why the province would refuse it. */
#ifndef SUBSCRIBERS_SINKS_PROVINCE_ROW_H
#define SUBSCRIBERS_SINKS_PROVINCE_ROW_H

#include "bus/arena.h"
#include "bus/json.h"
#include "subscribers/engine/delivery.h"
#include "subscribers/sinks/province/mapping.h"
#include "subscribers/sinks/province/memory.h"

enum province_operation { PROVINCE_ADD, PROVINCE_UPDATE, PROVINCE_TAKE_BACK, PROVINCE_MARK };

struct province_row {
    enum province_operation operation;
    const uint8_t *record; /* borrowed; rowKey is its hex */
    const struct bus_item *item;
    const char *type;
    int32_t day;
    int32_t part; /* the log's partition */
    uint64_t
        serial; /* leaf of the delivery, so that the same delivery is told in the same bytes, and another one never */
    struct bus_bytes fields;         /* of ADD and UPDATE: a JSON object, in the arena */
    uint8_t digest[BUS_DIGEST_SIZE]; /* of them */
    const char *reason;              /* of TAKE_BACK: the delivery's */
    enum province_mark mark;
    char gov_id[PROVINCE_GOV_ID_SIZE];
};

/* Makes the fields, digest, type, item, day, record and mark of a PUT. REJECT: the province would refuse it; code PROVINCE_REQUIRED, PROVINCE_LENGTH,
 * PROVINCE_CODE or PROVINCE_FORMAT, the message names the field in both languages and no value. FATAL. */
BUS_MUST_CHECK enum bus_status province_row_make(const struct province_mapping *mapping,
                                                 const struct subscribers_delivery *delivery, struct bus_arena *arena,
                                                 struct province_row *out_row, struct bus_error *error);
/* The same for what has no fields: type, item, day, record, reason and mark. */
void province_row_name(const struct province_mapping *mapping, const struct subscribers_delivery *delivery,
                       struct province_row *out_row);
/* Whether the record came from the province itself, so that it must not go back. Of a PUT. */
bool province_row_is_from_province(const struct province_mapping *mapping, const struct subscribers_delivery *delivery);

/* Appends the row as a member of a batch (docs/openapi/province.yaml). */
void province_row_write(const struct province_row *row, struct bus_json *json);

#endif
