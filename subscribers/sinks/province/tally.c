#include "subscribers/sinks/province/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/identifier.h"
#include "bus/json.h"

enum { FIRST_INDEX = 1024, NAME_SIZE = 256 };

void province_tally_init(struct province_tally *tally)
{
    *tally = (struct province_tally){0};
}

void province_tally_release(struct province_tally *tally)
{
    free(tally->cells);
    free(tally->index);
    *tally = (struct province_tally){0};
}

void province_tally_reset(struct province_tally *tally)
{
    tally->count = tally->text_count = 0;
    tally->rows[PROVINCE_HERE] = tally->rows[PROVINCE_THERE] = tally->unknown = 0;
    if (tally->index != NULL)
        memset(tally->index, 0, tally->index_size * sizeof *tally->index);
}

/* ── cells ── */

static size_t place_of(const struct province_tally *tally, int32_t item, int32_t day)
{
    uint32_t hash = ((uint32_t)item * 2654435761U) ^ ((uint32_t)day * 2246822519U);
    size_t at = (hash ^ hash >> 15) & (tally->index_size - 1);
    while (tally->index[at] != 0) {
        const struct province_cell *cell = &tally->cells[tally->index[at] - 1];
        if (cell->item == item && cell->day == day)
            break;
        at = (at + 1) & (tally->index_size - 1);
    }
    return at;
}

static bool make_room(struct province_tally *tally)
{
    if (tally->count == tally->capacity) {
        size_t capacity = tally->capacity > 0 ? 2 * tally->capacity : FIRST_INDEX / 2;
        struct province_cell *cells = realloc(tally->cells, capacity * sizeof *cells);
        if (cells == NULL)
            return false;
        tally->cells = cells;
        tally->capacity = capacity;
    }
    if (2 * (tally->count + 1) <= tally->index_size)
        return true;
    free(tally->index);
    tally->index_size = tally->index_size > 0 ? 2 * tally->index_size : FIRST_INDEX;
    tally->index = calloc(tally->index_size, sizeof *tally->index);
    for (size_t i = 0; tally->index != NULL && i < tally->count; i++)
        tally->index[place_of(tally, tally->cells[i].item, tally->cells[i].day)] = (uint32_t)i + 1;
    return tally->index != NULL;
}

static enum bus_status cell_of(struct province_tally *tally, int32_t item, int32_t day, struct province_cell **out_cell,
                               struct bus_error *error)
{
    if (tally->count == PROVINCE_MAX_CELLS)
        return bus_reject(error, "PROVINCE_ANSWER", "目录项与日期的组合过多", "there are too many items and days");
    if (!make_room(tally)) {
        tally->index_size = tally->index != NULL ? tally->index_size : 0;
        return bus_fail(error, BUS_FATAL, "out of memory for a comparison with the province");
    }
    size_t at = place_of(tally, item, day);
    if (tally->index[at] == 0) {
        tally->cells[tally->count] = (struct province_cell){.item = item, .day = day};
        tally->index[at] = (uint32_t)++tally->count;
    }
    *out_cell = &tally->cells[tally->index[at] - 1];
    return BUS_OK;
}

/* ── our rows ── */

enum bus_status province_tally_flush(struct province_tally *tally, struct bus_error *error)
{
    struct bus_bytes texts[PROVINCE_TALLY_GROUP];
    uint8_t digests[PROVINCE_TALLY_GROUP][BUS_DIGEST_SIZE];
    for (size_t i = 0; i < tally->text_count; i++)
        texts[i] = bus_bytes_of(tally->texts[i], PROVINCE_TALLY_TEXT);
    bus_digest_many(BUS_HASH_SM3, texts, tally->text_count, digests);
    for (size_t i = 0; i < tally->text_count; i++) {
        struct province_cell *cell;
        enum bus_status status = cell_of(tally, tally->text_item[i], tally->text_day[i], &cell, error);
        if (status != BUS_OK)
            return status;
        cell->count[PROVINCE_HERE]++;
        for (size_t k = 0; k < BUS_DIGEST_SIZE; k++)
            cell->digest[PROVINCE_HERE][k] ^= digests[i][k];
    }
    tally->rows[PROVINCE_HERE] += tally->text_count;
    tally->text_count = 0;
    return BUS_OK;
}

enum bus_status province_tally_add(struct province_tally *tally, int32_t item, int32_t day,
                                   const uint8_t record[BUS_IDENTITY_SIZE], const uint8_t digest[BUS_DIGEST_SIZE],
                                   struct bus_error *error)
{
    char *text = tally->texts[tally->text_count];
    bus_hex(record, BUS_IDENTITY_SIZE, text);
    text[2 * BUS_IDENTITY_SIZE] = ' ';
    bus_hex(digest, BUS_DIGEST_SIZE, text + 2 * BUS_IDENTITY_SIZE + 1);
    text[PROVINCE_TALLY_TEXT - 1] = '\n';
    tally->text_item[tally->text_count] = item;
    tally->text_day[tally->text_count] = day;
    return ++tally->text_count == PROVINCE_TALLY_GROUP ? province_tally_flush(tally, error) : BUS_OK;
}

/* ── their rows ── */

static enum bus_status refuse(struct bus_error *error)
{
    return bus_reject(error, "PROVINCE_ANSWER", "平台应答不符合约定：汇总无效",
                      "the answer is not what was agreed: the summary is no good");
}

/* The text of a member, ended by 0; false when there is none that fits. */
static bool text_of(const struct bus_json_value *value, const char *name, char *out_text, size_t size)
{
    const struct bus_json_value *member = bus_json_member(value, name);
    if (member == NULL || bus_json_type(member) != BUS_JSON_STRING)
        return false;
    struct bus_bytes text = bus_json_as_text(member);
    if (text.length >= size)
        return false;
    memcpy(out_text, text.data, text.length);
    out_text[text.length] = '\0';
    return true;
}

static bool day_of(const char *text, int32_t *out_day)
{
    int year, month, day, length = 0;
    return sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &length) == 3 && text[length] == '\0' &&
           bus_date_days(year, month, day, out_day);
}

/* "department/item"; NULL when the catalogue does not know it. */
static const struct bus_item *item_of(const struct bus_catalogue *catalogue, char *name)
{
    char *slash = strchr(name, '/');
    if (slash == NULL)
        return NULL;
    *slash = '\0';
    return bus_catalogue_find_item(catalogue, name, slash + 1);
}

static enum bus_status read_cell(struct province_tally *tally, const struct bus_catalogue *catalogue,
                                 const struct bus_json_value *value, struct bus_error *error)
{
    char name[NAME_SIZE], day_text[NAME_SIZE], hex[2 * BUS_DIGEST_SIZE + 1];
    uint8_t digest[BUS_DIGEST_SIZE];
    int32_t day;
    const struct bus_json_value *count = bus_json_member(value, "count");
    if (!text_of(value, "item", name, sizeof name) || !text_of(value, "day", day_text, sizeof day_text) ||
        !text_of(value, "digest", hex, sizeof hex) || !day_of(day_text, &day) ||
        !bus_unhex(hex, digest, sizeof digest) || count == NULL || bus_json_type(count) != BUS_JSON_NUMBER ||
        bus_json_as_integer(count) < 0)
        return refuse(error);
    uint64_t rows = (uint64_t)bus_json_as_integer(count);
    const struct bus_item *item = item_of(catalogue, name);
    tally->rows[PROVINCE_THERE] += rows;
    if (item == NULL) {
        tally->unknown += rows;
        return BUS_OK;
    }
    struct province_cell *cell = NULL;
    enum bus_status status = cell_of(tally, item->number, day, &cell, error);
    if (status != BUS_OK)
        return status;
    if (cell->count[PROVINCE_THERE] > 0)
        return refuse(error); /* twice the same item and day */
    cell->count[PROVINCE_THERE] = rows;
    memcpy(cell->digest[PROVINCE_THERE], digest, sizeof digest);
    return BUS_OK;
}

enum bus_status province_tally_read(struct province_tally *tally, const struct bus_catalogue *catalogue,
                                    struct bus_bytes body, struct bus_error *error)
{
    struct bus_json_document *document = NULL;
    enum bus_status status = bus_json_parse(body, &document, error);
    if (status != BUS_OK)
        return status == BUS_REJECT ? refuse(error) : status;
    const struct bus_json_value *items = bus_json_member(bus_json_root(document), "items");
    if (items == NULL || bus_json_type(items) != BUS_JSON_ARRAY)
        status = refuse(error);
    for (size_t i = 0; status == BUS_OK && i < bus_json_count(items); i++)
        status = read_cell(tally, catalogue, bus_json_at(items, i), error);
    bus_json_destroy(document);
    return status;
}

/* ── differences ── */

static bool differs(const struct province_cell *cell)
{
    return cell->count[PROVINCE_HERE] != cell->count[PROVINCE_THERE] ||
           memcmp(cell->digest[PROVINCE_HERE], cell->digest[PROVINCE_THERE], BUS_DIGEST_SIZE) != 0;
}

static int by_day_and_item(const void *a, const void *b)
{
    const struct province_cell *left = a, *right = b;
    if (left->day != right->day)
        return left->day < right->day ? -1 : 1;
    return (left->item > right->item) - (left->item < right->item);
}

size_t province_tally_differing(struct province_tally *tally)
{
    size_t count = 0;
    for (size_t i = 0; i < tally->count; i++) {
        if (!differs(&tally->cells[i]))
            continue;
        struct province_cell cell = tally->cells[i];
        tally->cells[i] = tally->cells[count];
        tally->cells[count++] = cell;
    }
    if (count > 0)
        qsort(tally->cells, count, sizeof *tally->cells, by_day_and_item);
    return count;
}
