#include "adapters/formats/xlsx/merged.h"

#include <stdlib.h>

enum {
    PIECE_SIZE = 64 * 1024,
    TAG_SIZE =
        256,       /* `<mergeCell ref="XFD1048576:XFD1048576"/>` with room to spare; carried over from piece to piece */
    HEAD_SIZE = 4, /* a zero among the first bytes is UTF-16 */
    COLUMN_MAX = 16384,
    ROW_MAX = 1048576,
};

/* --- references --- */

size_t adapters_xlsx_reference(const char *text, int32_t *out_column, int32_t *out_row)
{
    size_t at = 0;
    int32_t column = 0, row = 0;
    for (; at < 3 && ((text[at] >= 'A' && text[at] <= 'Z') || (text[at] >= 'a' && text[at] <= 'z')); at++)
        column = column * 26 + ((text[at] | 32) - 'a' + 1);
    size_t letters = at;
    for (; at < letters + 7 && text[at] >= '0' && text[at] <= '9'; at++)
        row = row * 10 + (text[at] - '0');
    *out_column = column;
    *out_row = row;
    return letters > 0 && column <= COLUMN_MAX && row <= ROW_MAX ? at : 0;
}

void adapters_xlsx_column_name(int32_t column, char out_name[ADAPTERS_XLSX_COLUMN_SIZE])
{
    char letters[ADAPTERS_XLSX_COLUMN_SIZE];
    size_t count = 0;
    for (; column > 0 && count + 1 < sizeof letters; column = (column - 1) / 26)
        letters[count++] = (char)('A' + (column - 1) % 26);
    for (size_t i = 0; i < count; i++)
        out_name[i] = letters[count - 1 - i];
    out_name[count] = '\0';
}

/* --- finding --- */

void adapters_xlsx_merged_release(struct adapters_xlsx_merged *merged)
{
    free(merged->areas);
    free(merged->window);
    *merged = (struct adapters_xlsx_merged){0};
}

void adapters_xlsx_merged_reset(struct adapters_xlsx_merged *merged)
{
    merged->count = merged->next = merged->open_count = 0;
}

static bool add(struct adapters_xlsx_merged *merged, const struct adapters_xlsx_area *area)
{
    if (merged->count == merged->room) {
        size_t room = merged->room > 0 ? 2 * merged->room : 256;
        struct adapters_xlsx_area *areas = realloc(merged->areas, room * sizeof *areas);
        if (areas == NULL)
            return false;
        merged->areas = areas;
        merged->room = room;
    }
    merged->areas[merged->count++] = *area;
    return true;
}

/* The area of `…mergeCell ref="B2:C4"…`, whose text begins at `at`; an unreadable one is none. */
static bool read_area(const char *at, struct adapters_xlsx_area *area)
{
    const char *end = memchr(at, '>', strnlen(at, TAG_SIZE));
    const char *ref = end != NULL ? memmem(at, (size_t)(end - at), "ref", 3) : NULL;
    if (ref == NULL)
        return false;
    ref += strcspn(ref, "\"'>");
    if (ref == end)
        return false;
    size_t length = adapters_xlsx_reference(++ref, &area->first_column, &area->first_row);
    if (length == 0 || area->first_row == 0 || ref[length] != ':')
        return false;
    ref += length + 1;
    return adapters_xlsx_reference(ref, &area->last_column, &area->last_row) > 0 && area->last_row >= area->first_row &&
           area->last_column >= area->first_column;
}

/* The bytes of a part that were read last, behind the end of those before; of these the first only shows what stands in front of the next. */
struct adapters_xlsx_window {
    char bytes[1 + TAG_SIZE + PIECE_SIZE + 1];
    size_t length;
    bool is_last;
};

/* Every area whose tag begins in the window and cannot go on behind it. Inside of rows, where `<` is always written `&lt;`, there is
 * none; a comment that looks like one costs at most a row that is told. */
static enum bus_status scan(struct adapters_xlsx_merged *merged, const struct adapters_xlsx_window *window,
                            const char *path, struct adapters_refusal *refusal, struct bus_error *error)
{
    static const char tag[] = "mergeCell";
    const char *at = window->bytes + 1, *end = window->bytes + window->length;
    const char *last = window->is_last ? end : end - (window->length < TAG_SIZE ? window->length : TAG_SIZE);
    while (at < last && (at = memmem(at, (size_t)(end - at), tag, sizeof tag - 1)) != NULL && at < last) {
        struct adapters_xlsx_area area;
        bool is_tag = (at[-1] == '<' || at[-1] == ':') && strchr(" \t\r\n", at[sizeof tag - 1]) != NULL;
        if (is_tag && read_area(at, &area)) {
            if (merged->count == ADAPTERS_XLSX_MERGED_MAX)
                return adapters_xlsx_refuse_part(refusal, path, "合并区域过多", "too many merged areas");
            if (!add(merged, &area))
                return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
        }
        at += sizeof tag - 1;
    }
    return BUS_OK;
}

static int by_first_row(const void *a, const void *b)
{
    const struct adapters_xlsx_area *left = a, *right = b;
    return (left->first_row > right->first_row) - (left->first_row < right->first_row);
}

static enum bus_status scan_part(struct adapters_xlsx_merged *merged, struct adapters_xlsx_part *part,
                                 struct adapters_xlsx_window *window, struct adapters_refusal *refusal,
                                 struct bus_error *error)
{
    while (!window->is_last) {
        size_t kept = window->length < 1 + TAG_SIZE ? window->length : 1 + TAG_SIZE, length;
        int64_t before = part->read_bytes;
        memmove(window->bytes, window->bytes + window->length - kept, kept);
        enum bus_status status =
            adapters_xlsx_part_read(part, window->bytes + kept, PIECE_SIZE, &length, refusal, error);
        if (status != BUS_OK)
            return status;
        window->length = kept + length;
        window->bytes[window->length] = '\0';
        window->is_last = length == 0;
        size_t head = before < HEAD_SIZE ? HEAD_SIZE - (size_t)before : 0;
        if (memchr(window->bytes + kept, 0, length < head ? length : head) != NULL)
            return adapters_xlsx_refuse_part(refusal, part->name, "XML 不是 UTF-8 编码", "its XML is not in UTF-8");
        status = scan(merged, window, part->name, refusal, error);
        if (status != BUS_OK)
            return status;
    }
    return BUS_OK;
}

enum bus_status adapters_xlsx_merged_find(struct adapters_xlsx_merged *merged, struct adapters_xlsx_package *package,
                                          const char *path, struct adapters_refusal *refusal, struct bus_error *error)
{
    struct adapters_xlsx_part part;
    adapters_xlsx_merged_reset(merged);
    if (merged->window == NULL)
        merged->window = malloc(sizeof *merged->window);
    if (merged->window == NULL)
        return bus_fail(error, BUS_RETRY, "read a workbook: out of memory");
    merged->window->length = 0;
    merged->window->is_last = false;
    enum bus_status status = adapters_xlsx_part_open(package, path, 0, &part, refusal, error);
    if (status == BUS_OK)
        status = scan_part(merged, &part, merged->window, refusal, error);
    adapters_xlsx_part_close(&part);
    if (merged->count > 1)
        qsort(merged->areas, merged->count, sizeof *merged->areas, by_first_row);
    return status;
}

/* --- asking --- */

const size_t *adapters_xlsx_merged_at(struct adapters_xlsx_merged *merged, int32_t row, size_t *out_count)
{
    size_t kept = 0;
    for (size_t i = 0; i < merged->open_count; i++) {
        if (merged->areas[merged->open[i]].last_row >= row)
            merged->open[kept++] = merged->open[i];
    }
    merged->open_count = kept;
    for (; merged->next < merged->count && merged->areas[merged->next].first_row <= row; merged->next++) {
        /* Areas of a whole workbook never overlap: no row has more of them than columns that we read. */
        if (merged->areas[merged->next].last_row >= row && merged->open_count < ADAPTERS_XLSX_MERGED_AT_ONCE)
            merged->open[merged->open_count++] = merged->next;
    }
    *out_count = merged->open_count;
    return merged->open;
}
