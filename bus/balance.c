#include "bus/balance.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_ROWS = 100000, EQUATIONS = BUS_EQUATION_LOST + 1 };

enum writer { WRITER_ADAPTER, WRITER_GATEWAY, WRITER_AGENT };

struct bus_balance {
    struct bus_balance_row *rows;
    size_t count, capacity;
    char subscribers[BUS_BALANCE_MAX_SUBSCRIBERS][BUS_BALANCE_NAME_SIZE];
    size_t subscriber_count;
};

const char *bus_equation_text(enum bus_equation equation)
{
    static const char *const texts[] = {
        [BUS_EQUATION_READ] = "read = published + quarantined",
        [BUS_EQUATION_TAKEN] = "consumed - replayed = published",
        [BUS_EQUATION_ENDED] = "consumed = accepted + duplicate + stale + quarantined",
        [BUS_EQUATION_DELIVERED] = "delivered = applied + refused + under way",
        [BUS_EQUATION_LOST] = "lost = 0",
    };
    return texts[equation];
}

struct bus_balance *bus_balance_create(void)
{
    return calloc(1, sizeof(struct bus_balance));
}

void bus_balance_destroy(struct bus_balance *balance)
{
    if (balance == NULL)
        return;
    free(balance->rows);
    free(balance);
}

/* --- adding --- */

static bool writer_of(const char *book, enum writer *out_writer)
{
    static const char *const kinds[] = {"adapter/", "gateway/", "agent/"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(book, kinds[i], strlen(kinds[i])) == 0) {
            *out_writer = (enum writer)i;
            return true;
        }
    }
    return false;
}

static int compare(const struct bus_balance_row *row, const char *department, const char *item)
{
    int order = strcmp(row->department, department);
    return order != 0 ? order : strcmp(row->item, item);
}

/* The row, put where it belongs when it is new; NULL out of memory. */
static struct bus_balance_row *row_of(struct bus_balance *balance, const char *department, const char *item)
{
    size_t at = 0;
    while (at < balance->count && compare(&balance->rows[at], department, item) < 0)
        at++;
    if (at < balance->count && compare(&balance->rows[at], department, item) == 0)
        return &balance->rows[at];
    if (balance->count == balance->capacity) {
        size_t capacity = balance->capacity == 0 ? 32 : balance->capacity * 2;
        struct bus_balance_row *rows = capacity > MAX_ROWS ? NULL : realloc(balance->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return NULL;
        balance->rows = rows;
        balance->capacity = capacity;
    }
    memmove(&balance->rows[at + 1], &balance->rows[at], (balance->count - at) * sizeof balance->rows[0]);
    balance->count++;
    struct bus_balance_row *row = &balance->rows[at];
    memset(row, 0, sizeof *row);
    snprintf(row->department, sizeof row->department, "%s", department);
    snprintf(row->item, sizeof row->item, "%s", item);
    return row;
}

/* NULL when there are too many. */
static struct bus_balance_share *share_of(struct bus_balance *balance, struct bus_balance_row *row,
                                          const char *subscriber)
{
    size_t at = 0;
    while (at < balance->subscriber_count && strcmp(balance->subscribers[at], subscriber) != 0)
        at++;
    if (at == BUS_BALANCE_MAX_SUBSCRIBERS)
        return NULL;
    if (at == balance->subscriber_count) {
        snprintf(balance->subscribers[at], sizeof balance->subscribers[at], "%s", subscriber);
        balance->subscriber_count++;
    }
    return &row->shares[at];
}

/* Where an entry counts, or NULL: a measure that this kind of writer does not have, such as a deliveries' subscriber too many. */
static int64_t *place_of(struct bus_balance *balance, enum writer writer, struct bus_balance_row *row,
                         const struct bus_book_entry *entry)
{
    struct bus_balance_share *share = NULL;
    if (entry->subscriber[0] != '\0') {
        share = share_of(balance, row, entry->subscriber);
        if (share == NULL)
            return NULL;
    }
    switch (entry->measure) {
    case BUS_MEASURE_READ: return &row->read;
    case BUS_MEASURE_PUBLISHED: return &row->published;
    case BUS_MEASURE_CONSUMED: return &row->consumed;
    case BUS_MEASURE_REPLAYED: return &row->replayed;
    case BUS_MEASURE_ACCEPTED: return &row->accepted;
    case BUS_MEASURE_DUPLICATE: return &row->duplicate;
    case BUS_MEASURE_STALE: return &row->stale;
    case BUS_MEASURE_QUARANTINED: return writer == WRITER_ADAPTER ? &row->refused_rows : &row->refused_events;
    case BUS_MEASURE_GAP: return &row->lost;
    case BUS_MEASURE_NOTICE: return &row->notices;
    case BUS_MEASURE_DELIVERED: return share != NULL ? &share->delivered : NULL;
    case BUS_MEASURE_APPLIED: return share != NULL ? &share->applied : NULL;
    case BUS_MEASURE_REFUSED: return share != NULL ? &share->refused : NULL;
    case BUS_MEASURE_COUNT: break;
    }
    return NULL;
}

enum bus_status bus_balance_add(struct bus_balance *balance, const struct bus_book *book, struct bus_error *error)
{
    enum writer writer;
    if (!writer_of(bus_book_name_view(book), &writer))
        return bus_fail(error, BUS_REJECT, "book %s: neither an adapter's, the gateway's nor an agent's",
                        bus_book_name_view(book));
    for (size_t i = 0; i < bus_book_entry_count(book); i++) {
        struct bus_book_entry entry = bus_book_entry(book, i);
        struct bus_balance_row *row = row_of(balance, entry.department, entry.item);
        if (row == NULL)
            return bus_fail(error, BUS_FATAL, "fold the books: out of memory");
        int64_t *place = place_of(balance, writer, row, &entry);
        if (place == NULL)
            return bus_fail(error, BUS_FATAL, "book %s, %s.%s: %s without a subscriber, or more than %d subscribers",
                            bus_book_name_view(book), entry.department, entry.item, bus_measure_name(entry.measure),
                            BUS_BALANCE_MAX_SUBSCRIBERS);
        *place += entry.count;
    }
    return BUS_OK;
}

/* --- looking --- */

size_t bus_balance_row_count(const struct bus_balance *balance)
{
    return balance->count;
}

const struct bus_balance_row *bus_balance_row_view(const struct bus_balance *balance, size_t index)
{
    return &balance->rows[index];
}

size_t bus_balance_subscriber_count(const struct bus_balance *balance)
{
    return balance->subscriber_count;
}

const char *bus_balance_subscriber_view(const struct bus_balance *balance, size_t index)
{
    return balance->subscribers[index];
}

void bus_balance_total(const struct bus_balance *balance, struct bus_balance_row *out_row)
{
    memset(out_row, 0, sizeof *out_row);
    for (size_t i = 0; i < balance->count; i++) {
        const struct bus_balance_row *row = &balance->rows[i];
        out_row->read += row->read;
        out_row->published += row->published;
        out_row->refused_rows += row->refused_rows;
        out_row->consumed += row->consumed;
        out_row->replayed += row->replayed;
        out_row->accepted += row->accepted;
        out_row->duplicate += row->duplicate;
        out_row->stale += row->stale;
        out_row->refused_events += row->refused_events;
        out_row->lost += row->lost;
        out_row->notices += row->notices;
        for (size_t j = 0; j < balance->subscriber_count; j++) {
            out_row->shares[j].delivered += row->shares[j].delivered;
            out_row->shares[j].applied += row->shares[j].applied;
            out_row->shares[j].refused += row->shares[j].refused;
        }
    }
}

/* --- what does not balance --- */

struct finding {
    struct bus_mismatch *mismatches;
    size_t limit, count;
    struct bus_mismatch beyond; /* written when the caller has no more room, never read */
};

static struct bus_mismatch *note(struct finding *finding, size_t row, enum bus_equation equation,
                                 const char *subscriber, int64_t left, int64_t right)
{
    if (left == right)
        return NULL;
    struct bus_mismatch *mismatch =
        finding->count < finding->limit ? &finding->mismatches[finding->count] : &finding->beyond;
    finding->count++;
    *mismatch = (struct bus_mismatch){row, equation, subscriber, left, right, "", ""};
    return mismatch;
}

#define LL(value) ((long long)(value))

static void check_adapter(struct finding *finding, const struct bus_balance_row *row, size_t index)
{
    struct bus_mismatch *mismatch =
        note(finding, index, BUS_EQUATION_READ, "", row->read, row->published + row->refused_rows);
    if (mismatch == NULL)
        return;
    snprintf(mismatch->text_zh, sizeof mismatch->text_zh, "读取 %lld，但发布 %lld 加隔离 %lld", LL(row->read),
             LL(row->published), LL(row->refused_rows));
    snprintf(mismatch->text_en, sizeof mismatch->text_en, "read %lld, but published %lld and quarantined %lld",
             LL(row->read), LL(row->published), LL(row->refused_rows));
}

/* What is lost is told once: not again as a difference that it explains. */
static void check_taking(struct finding *finding, const struct bus_balance_row *row, size_t index)
{
    int64_t taken = row->consumed - row->replayed;
    struct bus_mismatch *mismatch = note(finding, index, BUS_EQUATION_LOST, "", row->lost, 0);
    if (mismatch != NULL) {
        snprintf(mismatch->text_zh, sizeof mismatch->text_zh, "丢失 %lld：发布 %lld，网关取走 %lld", LL(row->lost),
                 LL(row->published), LL(taken));
        snprintf(mismatch->text_en, sizeof mismatch->text_en, "lost %lld: published %lld, and the gateway took %lld",
                 LL(row->lost), LL(row->published), LL(taken));
        if (row->published - taken == row->lost)
            return;
    }
    mismatch = note(finding, index, BUS_EQUATION_TAKEN, "", taken, row->published);
    if (mismatch != NULL) {
        snprintf(mismatch->text_zh, sizeof mismatch->text_zh, "发布 %lld，但网关取走 %lld（不含重放 %lld）",
                 LL(row->published), LL(taken), LL(row->replayed));
        snprintf(mismatch->text_en, sizeof mismatch->text_en,
                 "published %lld, but the gateway took %lld (beside %lld replayed)", LL(row->published), LL(taken),
                 LL(row->replayed));
    }
}

static void check_ending(struct finding *finding, const struct bus_balance_row *row, size_t index)
{
    int64_t ended = row->accepted + row->duplicate + row->stale + row->refused_events;
    struct bus_mismatch *mismatch = note(finding, index, BUS_EQUATION_ENDED, "", row->consumed, ended);
    if (mismatch == NULL)
        return;
    snprintf(mismatch->text_zh, sizeof mismatch->text_zh, "网关取走 %lld，但接收、重复、过期、隔离合计 %lld",
             LL(row->consumed), LL(ended));
    snprintf(mismatch->text_en, sizeof mismatch->text_en,
             "the gateway took %lld, but accepted, duplicate, stale and quarantined come to %lld", LL(row->consumed),
             LL(ended));
}

/* Less may have come out than was delivered: it is under way. */
static void check_share(struct finding *finding, const struct bus_balance_share *share, size_t index,
                        const char *subscriber)
{
    int64_t under_way = bus_balance_under_way(share);
    struct bus_mismatch *mismatch = note(finding, index, BUS_EQUATION_DELIVERED, subscriber, share->delivered,
                                         share->applied + share->refused + (under_way > 0 ? under_way : 0));
    if (mismatch == NULL)
        return;
    snprintf(mismatch->text_zh, sizeof mismatch->text_zh, "向 %s 投递 %lld，但应用 %lld、拒收 %lld", subscriber,
             LL(share->delivered), LL(share->applied), LL(share->refused));
    snprintf(mismatch->text_en, sizeof mismatch->text_en, "delivered %lld to %s, but applied %lld and refused %lld",
             LL(share->delivered), subscriber, LL(share->applied), LL(share->refused));
}

int64_t bus_balance_all_under_way(const struct bus_balance *balance)
{
    int64_t sum = 0;
    for (size_t i = 0; i < balance->count; i++)
        for (size_t j = 0; j < balance->subscriber_count; j++) {
            int64_t under_way = bus_balance_under_way(&balance->rows[i].shares[j]);
            sum += under_way > 0 ? under_way : 0;
        }
    return sum;
}

static void check_row(struct finding *finding, const struct bus_balance *balance, size_t index)
{
    const struct bus_balance_row *row = &balance->rows[index];
    check_adapter(finding, row, index);
    check_taking(finding, row, index);
    check_ending(finding, row, index);
    for (size_t i = 0; i < balance->subscriber_count; i++)
        check_share(finding, &row->shares[i], index, balance->subscribers[i]);
}

size_t bus_balance_mismatches(const struct bus_balance *balance, struct bus_mismatch *out_mismatches, size_t limit)
{
    struct finding finding = {.mismatches = out_mismatches, .limit = limit};
    for (size_t i = 0; i < balance->count; i++)
        check_row(&finding, balance, i);
    return finding.count;
}

bool bus_balance_fails(const struct bus_balance *balance, const char *department, const char *item,
                       enum bus_equation equation, const char *subscriber, struct bus_mismatch *out_mismatch)
{
    struct bus_mismatch mismatches[EQUATIONS + BUS_BALANCE_MAX_SUBSCRIBERS];
    struct finding finding = {.mismatches = mismatches, .limit = sizeof mismatches / sizeof mismatches[0]};
    for (size_t i = 0; i < balance->count; i++)
        if (compare(&balance->rows[i], department, item) == 0)
            check_row(&finding, balance, i);
    for (size_t i = 0; i < finding.count; i++)
        if (mismatches[i].equation == equation && strcmp(mismatches[i].subscriber, subscriber) == 0) {
            *out_mismatch = mismatches[i];
            return true;
        }
    return false;
}
