#include "adapters/engine/list.h"

#include <stdlib.h>

#include "adapters/engine/scratch.h"

/* One row, by which it is sorted: record, then row. All are bytes, so that a file may be as long as it likes. */
struct entry {
    uint8_t key[ADAPTERS_IMAGE_KEY_SIZE];
    uint8_t row[4];  /* big-endian */
    uint8_t line[4]; /* little-endian; of a longer file the last that fits */
    uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE];
    uint8_t kind;
};

enum {
    SORTED_BYTES = ADAPTERS_IMAGE_KEY_SIZE + 4, /* of an entry, what it is sorted by */
    SHORT_RUN = 24,                             /* entries that are sorted one into the other */
    BYTE_VALUES = 256,
    /* Of a row: a verdict, or from here on TWICE with the other's line. */
    FIRST_LINE = 2,
};

struct adapters_list {
    struct adapters_scratch entries, verdicts, absent;
    struct adapters_list_sums sums;
    int64_t rows;
};

enum bus_status adapters_list_create(const char *folder, struct adapters_list **out_list, struct bus_error *error)
{
    struct adapters_list *list = calloc(1, sizeof *list);
    if (list == NULL)
        return bus_fail(error, BUS_FATAL, "work out a list: out of memory");
    enum bus_status status = adapters_scratch_open(&list->entries, folder, error);
    if (status == BUS_OK)
        status = adapters_scratch_open(&list->verdicts, folder, error);
    if (status == BUS_OK)
        status = adapters_scratch_open(&list->absent, folder, error);
    if (status == BUS_OK)
        *out_list = list;
    else
        adapters_list_destroy(list);
    return status;
}

void adapters_list_destroy(struct adapters_list *list)
{
    if (list == NULL)
        return;
    adapters_scratch_close(&list->entries);
    adapters_scratch_close(&list->verdicts);
    adapters_scratch_close(&list->absent);
    free(list);
}

void adapters_list_reset(struct adapters_list *list)
{
    adapters_scratch_reset(&list->entries);
    adapters_scratch_reset(&list->verdicts);
    adapters_scratch_reset(&list->absent);
    list->sums = (struct adapters_list_sums){0};
    list->rows = 0;
}

static struct entry *entry_at(const struct adapters_list *list, size_t index)
{
    return (struct entry *)(void *)list->entries.data + index;
}

static uint32_t *verdict_at(const struct adapters_list *list, int64_t row)
{
    return (uint32_t *)(void *)list->verdicts.data + row;
}

static int64_t row_of(const struct entry *entry)
{
    return bus_get_u32be(entry->row);
}

static uint32_t line_number(int64_t line)
{
    const int64_t most = UINT32_MAX - FIRST_LINE;
    return (uint32_t)(line < most ? line : most);
}

enum bus_status adapters_list_add(struct adapters_list *list, enum adapters_list_kind kind,
                                  const uint8_t key[ADAPTERS_IMAGE_KEY_SIZE],
                                  const uint8_t content[ADAPTERS_IMAGE_CONTENT_SIZE], int64_t line,
                                  struct bus_error *error)
{
    void *room;
    if (list->rows == ADAPTERS_LIST_MAX_ROWS)
        return bus_fail(error, BUS_FATAL, "a list of more than %d rows; deliver it in parts, as a feed of changes",
                        ADAPTERS_LIST_MAX_ROWS);
    enum bus_status status = adapters_scratch_add(&list->verdicts, sizeof(uint32_t), &room, error);
    if (status != BUS_OK)
        return status;
    *(uint32_t *)room =
        kind == ADAPTERS_LIST_REFUSED || kind == ADAPTERS_LIST_UNTOLD ? ADAPTERS_LIST_VISIT : ADAPTERS_LIST_LEAVE;
    int64_t row = list->rows++;
    if (kind == ADAPTERS_LIST_UNTOLD) {
        list->sums.untold++;
        return BUS_OK;
    }
    status = adapters_scratch_add(&list->entries, sizeof(struct entry), &room, error);
    if (status != BUS_OK)
        return status;
    struct entry *entry = room;
    memset(entry, 0, sizeof *entry);
    memcpy(entry->key, key, sizeof entry->key);
    bus_put_u32be(entry->row, (uint32_t)row);
    bus_put_u32le(entry->line, line_number(line));
    entry->kind = (uint8_t)kind;
    if (kind == ADAPTERS_LIST_STANDS)
        memcpy(entry->content, content, sizeof entry->content);
    return BUS_OK;
}

/* --- sorting --- */

/* Of what it is sorted by, which begins it. */
static uint8_t byte_at(const struct entry *entry, size_t depth)
{
    return ((const uint8_t *)(const void *)entry)[depth];
}

static void sort_short(struct entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct entry moved = entries[i];
        size_t at = i;
        for (; at > 0 && memcmp(&entries[at - 1], &moved, SORTED_BYTES) > 0; at--)
            entries[at] = entries[at - 1];
        entries[at] = moved;
    }
}

/* In place, byte by byte from the first: keys are digests, so that the parts are even. */
static void sort(struct entry *entries, size_t count, size_t depth)
{
    size_t ends[BYTE_VALUES] = {0}, nexts[BYTE_VALUES], begin = 0;
    if (count <= SHORT_RUN || depth == SORTED_BYTES) {
        sort_short(entries, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ends[byte_at(&entries[i], depth)]++;
    for (size_t byte = 0; byte < BYTE_VALUES; byte++) {
        nexts[byte] = begin;
        begin += ends[byte];
        ends[byte] = begin;
    }
    for (size_t byte = 0; byte < BYTE_VALUES; byte++)
        while (nexts[byte] < ends[byte]) {
            struct entry moved = entries[nexts[byte]];
            size_t to = byte_at(&moved, depth);
            entries[nexts[byte]] = entries[nexts[to]];
            entries[nexts[to]++] = moved;
        }
    for (size_t byte = 0; byte < BYTE_VALUES; byte++) {
        size_t from = byte == 0 ? 0 : ends[byte - 1];
        sort(entries + from, ends[byte] - from, depth + 1);
    }
}

/* --- beside the image --- */

/* All rows of one record, in the order of the file. */
struct group {
    struct entry *entries;
    size_t count;
};

struct settling {
    struct adapters_list *list;
    size_t count, at; /* entries; the first that is not settled */
    enum bus_status status;
    struct bus_error *error;
};

static bool next_group(struct settling *settling, struct group *out_group)
{
    struct entry *first = entry_at(settling->list, settling->at);
    out_group->entries = first;
    out_group->count = 0;
    while (settling->at + out_group->count < settling->count &&
           memcmp(first[out_group->count].key, first->key, sizeof first->key) == 0)
        out_group->count++;
    return out_group->count > 0;
}

static bool says_the_same(const struct entry *one, const struct entry *other)
{
    return one->kind == other->kind && memcmp(one->content, other->content, sizeof one->content) == 0;
}

static bool is_refused(const struct entry *entry)
{
    return entry->kind == ADAPTERS_LIST_REFUSED;
}

/* The line of a row that says something else, 0 when none does. */
static uint32_t other_line(const struct group *group, const struct entry *entry)
{
    for (size_t i = 0; i < group->count; i++)
        if (!says_the_same(&group->entries[i], entry))
            return bus_get_u32le(group->entries[i].line);
    return 0;
}

/* Rows at odds: none of them counts; what is refused anyway keeps its own reason. */
static void settle_odds(struct adapters_list *list, const struct group *group)
{
    const struct entry *first = group->entries;
    uint32_t to_first = bus_get_u32le(first->line), to_others = other_line(group, first);
    for (size_t i = 0; i < group->count; i++) {
        const struct entry *entry = &group->entries[i];
        if (is_refused(entry)) {
            list->sums.refused++;
            continue;
        }
        *verdict_at(list, row_of(entry)) = FIRST_LINE + (says_the_same(entry, first) ? to_others : to_first);
        list->sums.twice++;
    }
}

/* Rows that agree, held against what the image has of the record (NULL: nothing that stands). */
static void settle_one(struct adapters_list *list, const struct group *group, const struct adapters_image_entry *entry)
{
    const struct entry *first = group->entries;
    struct adapters_list_sums *sums = &list->sums;
    if (is_refused(first)) {
        sums->refused += (int64_t)group->count;
        return;
    }
    sums->repeated += (int64_t)group->count - 1;
    bool is_ended = first->kind == ADAPTERS_LIST_ENDED;
    bool is_same =
        entry == NULL ? is_ended : !is_ended && memcmp(entry->content, first->content, sizeof first->content) == 0;
    if (is_same) {
        sums->unchanged++;
        return;
    }
    *verdict_at(list, row_of(first)) = ADAPTERS_LIST_VISIT;
    *(entry == NULL ? &sums->added : is_ended ? &sums->ended : &sums->changed) += 1;
}

static void settle_group(struct settling *settling, const struct group *group, const struct adapters_image_entry *entry)
{
    if (other_line(group, group->entries) != 0)
        settle_odds(settling->list, group);
    else
        settle_one(settling->list, group, entry);
    settling->at += group->count;
}

static void note_absent(struct settling *settling, const uint8_t *key)
{
    void *room;
    settling->status = adapters_scratch_add(&settling->list->absent, ADAPTERS_IMAGE_KEY_SIZE, &room, settling->error);
    if (settling->status != BUS_OK)
        return;
    memcpy(room, key, ADAPTERS_IMAGE_KEY_SIZE);
    settling->list->sums.absent++;
}

/* A record that stands: rows of records before it are new, rows of its own are held against it. */
static bool meet(void *self, const uint8_t *key, const struct adapters_image_entry *entry)
{
    struct settling *settling = self;
    struct group group;
    settling->list->sums.standing++;
    while (settling->at < settling->count && next_group(settling, &group)) {
        int order = memcmp(group.entries->key, key, ADAPTERS_IMAGE_KEY_SIZE);
        if (order > 0)
            break;
        settle_group(settling, &group, order == 0 ? entry : NULL);
        if (order == 0)
            return true;
    }
    note_absent(settling, key);
    return settling->status == BUS_OK;
}

enum bus_status adapters_list_settle(struct adapters_list *list, struct adapters_image *image, size_t feed,
                                     struct bus_error *error)
{
    struct settling settling = {.list = list, .count = list->entries.length / sizeof(struct entry), .error = error};
    struct group group;
    sort(entry_at(list, 0), settling.count, 0);
    enum bus_status status = adapters_image_walk(image, feed, NULL, meet, &settling, error);
    if (status == BUS_OK)
        status = settling.status;
    while (status == BUS_OK && settling.at < settling.count && next_group(&settling, &group))
        settle_group(&settling, &group, NULL);
    list->sums.rows = list->rows;
    return status;
}

/* --- what came of it --- */

const struct adapters_list_sums *adapters_list_sums_view(const struct adapters_list *list)
{
    return &list->sums;
}

enum adapters_list_verdict adapters_list_verdict(const struct adapters_list *list, int64_t row)
{
    uint32_t verdict = row < list->rows ? *verdict_at(list, row) : ADAPTERS_LIST_LEAVE;
    return verdict < FIRST_LINE ? (enum adapters_list_verdict)verdict : ADAPTERS_LIST_TWICE;
}

int64_t adapters_list_other_line(const struct adapters_list *list, int64_t row)
{
    return (int64_t)*verdict_at(list, row) - FIRST_LINE;
}

const uint8_t *adapters_list_absent_view(const struct adapters_list *list, int64_t index)
{
    return list->absent.data + index * ADAPTERS_IMAGE_KEY_SIZE;
}

bool adapters_list_withdraws_many(const struct adapters_list_sums *sums, int64_t max_percent, int64_t max_rows)
{
    int64_t withdrawn = sums->absent + sums->ended;
    if (withdrawn == 0)
        return false;
    int64_t missing = withdrawn + sums->untold;
    return missing > max_rows && missing * 100 > sums->standing * max_percent;
}
