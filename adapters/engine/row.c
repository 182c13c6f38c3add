#include "adapters/engine/row.h"

#include <stdio.h>

enum { SHAPE_CHARACTERS = 24 };

enum bus_status adapters_refuse_column(struct adapters_refusal *refusal, const char *code, const char *column,
                                       const char *zh, const char *en)
{
    snprintf(refusal->code, sizeof refusal->code, "%s", code);
    snprintf(refusal->column, sizeof refusal->column, "%s", column);
    snprintf(refusal->zh, sizeof refusal->zh, "%s", zh);
    snprintf(refusal->en, sizeof refusal->en, "%s", en);
    return BUS_REJECT;
}

enum bus_status adapters_refuse(struct adapters_refusal *refusal, const char *code, const char *zh, const char *en)
{
    return adapters_refuse_column(refusal, code, "", zh, en);
}

enum bus_status adapters_refuse_value(struct adapters_refusal *refusal, const char *code, const char *column,
                                      struct bus_bytes value, const char *zh, const char *en)
{
    char shape[ADAPTERS_SHAPE_SIZE];
    adapters_shape(value, shape);
    adapters_refuse_column(refusal, code, column, "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s（值的形态 %s）", zh, shape);
    snprintf(refusal->en, sizeof refusal->en, "%s (shape of the value: %s)", en, shape);
    return BUS_REJECT;
}

static const char *class_of(uint8_t byte, char plain[2])
{
    if (byte >= '0' && byte <= '9')
        return "9";
    if (byte >= 'A' && byte <= 'Z')
        return "A";
    if (byte >= 'a' && byte <= 'z')
        return "a";
    if (byte >= 0x80)
        return "字";
    if (byte <= ' ' || byte == 0x7f)
        return "_";
    plain[0] = (char)byte;
    plain[1] = '\0';
    return plain;
}

void adapters_shape(struct bus_bytes value, char out_shape[ADAPTERS_SHAPE_SIZE])
{
    char classes[SHAPE_CHARACTERS * 3 + 1] = "";
    size_t used = 0, characters = 0;
    for (size_t i = 0; i < value.length; i++) {
        char plain[2];
        if ((value.data[i] & 0xc0) == 0x80)
            continue; /* goes on with a character that was counted */
        if (characters++ < SHAPE_CHARACTERS)
            used += (size_t)snprintf(classes + used, sizeof classes - used, "%s", class_of(value.data[i], plain));
    }
    snprintf(out_shape, ADAPTERS_SHAPE_SIZE, "%zu: %s%s", characters, classes,
             characters > SHAPE_CHARACTERS ? "…" : "");
}
