#include "adapters/formats/header.h"

#include "adapters/mapping/transform.h"
#include "bus/settings.h"

#include <stdio.h>
#include <strings.h>

enum { NAME_SHOWN = 80 };

void adapters_header_assume(struct adapters_header *header, const struct adapters_layout *layout)
{
    header->count = layout->column_count;
    for (size_t i = 0; i < header->count; i++)
        header->place[i] = (int)i;
}

static enum bus_status refuse_name(struct adapters_refusal *refusal, const char *code, const char *column,
                                   const char *zh, const char *en)
{
    adapters_refuse_column(refusal, code, column, "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "%s：%s；整份文件未接收，请改正后重新报送", zh, column);
    snprintf(refusal->en, sizeof refusal->en, "%s: %s; nothing of the file was taken: correct it and send it again", en,
             column);
    return BUS_REJECT;
}

static int find_name(const char *const *names, size_t count, struct bus_bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == name.length && strncasecmp(names[i], (const char *)name.data, name.length) == 0)
            return (int)i;
    }
    return -1;
}

int adapters_header_find(const struct adapters_layout *layout, struct bus_bytes field)
{
    field = adapters_trim(field);
    return field.length > 0 ? find_name(layout->columns, layout->column_count, field) : -1;
}

static enum bus_status refuse_unknown(const struct adapters_layout *layout, const char *name,
                                      struct adapters_refusal *refusal)
{
    refuse_name(refusal, "COLUMN_UNKNOWN", name, "表头中有映射不认识的列",
                "the header names a column that the mapping does not know");
    const char *nearest = bus_settings_nearest_name(layout->columns, layout->column_count, name);
    if (nearest == NULL)
        return BUS_REJECT;
    size_t used_zh = strlen(refusal->zh), used_en = strlen(refusal->en);
    snprintf(refusal->zh + used_zh, sizeof refusal->zh - used_zh, "；最接近的已知列是%s", nearest);
    snprintf(refusal->en + used_en, sizeof refusal->en - used_en, "; the nearest known is %s", nearest);
    return BUS_REJECT;
}

/* Where the column named in the header goes. */
static enum bus_status place_column(const struct adapters_layout *layout, struct bus_bytes field, int *out_place,
                                    bool *seen, struct adapters_refusal *refusal)
{
    struct bus_bytes text = adapters_trim(field);
    char name[ADAPTERS_COLUMN_NAME_SIZE];
    snprintf(name, sizeof name, "%.*s", (int)(text.length < NAME_SHOWN ? text.length : NAME_SHOWN),
             (const char *)text.data);
    *out_place = adapters_header_find(layout, text);
    if (*out_place < 0) {
        *out_place = ADAPTERS_COLUMN_UNUSED;
        bool is_passed_over = text.length == 0 || find_name(layout->ignored, layout->ignored_count, text) >= 0;
        return is_passed_over ? BUS_OK : refuse_unknown(layout, name, refusal);
    }
    if (seen[*out_place])
        return refuse_name(refusal, "COLUMN_TWICE", name, "表头中该列出现两次", "the header names a column twice");
    seen[*out_place] = true;
    return BUS_OK;
}

static bool knows_a_column(const struct adapters_header *header)
{
    for (size_t i = 0; i < header->count; i++) {
        if (header->place[i] != ADAPTERS_COLUMN_UNUSED)
            return true;
    }
    return false;
}

static enum bus_status refuse_width(struct adapters_refusal *refusal)
{
    adapters_refuse(refusal, "COLUMN_COUNT", "", "");
    snprintf(refusal->zh, sizeof refusal->zh, "表头超过 %d 列；整份文件未接收", ADAPTERS_COLUMNS_MAX);
    snprintf(refusal->en, sizeof refusal->en, "the header has more than %d columns; nothing of the file was taken",
             ADAPTERS_COLUMNS_MAX);
    return BUS_REJECT;
}

enum bus_status adapters_header_read(struct adapters_header *header, const struct adapters_layout *layout,
                                     const struct bus_bytes *fields, size_t count, struct adapters_refusal *refusal)
{
    bool seen[ADAPTERS_COLUMNS_MAX] = {false};
    enum bus_status status = BUS_OK;
    header->count = count < ADAPTERS_COLUMNS_MAX ? count : ADAPTERS_COLUMNS_MAX;
    for (size_t i = 0; i < header->count; i++) {
        struct adapters_refusal found;
        if (place_column(layout, fields[i], &header->place[i], seen, &found) == BUS_OK)
            continue;
        if (status == BUS_OK)
            *refusal = found;
        status = BUS_REJECT;
    }
    if (!knows_a_column(header))
        return adapters_refuse(refusal, "HEADER_MISSING", "第一行不是表头，没有一个已知的列名；请加上表头后重新报送",
                               "the first line is no header: it holds none of the known column names; add one and "
                               "send the file again");
    if (status != BUS_OK)
        return status;
    for (size_t i = 0; i < layout->column_count; i++) {
        if (!seen[i] && !layout->is_optional[i])
            return refuse_name(refusal, "COLUMN_MISSING", layout->columns[i], "表头缺少列",
                               "the header lacks a column");
    }
    return count > ADAPTERS_COLUMNS_MAX ? refuse_width(refusal) : BUS_OK;
}
