#include "subscribers/engine/lane.h"

#include <stdio.h>

enum { WRITER_SIZE = 320, ARENA_BYTES = 64 * 1024 * 1024 };

void subscribers_lane_init(struct subscribers_lane *lane, int32_t partition)
{
    *lane = (struct subscribers_lane){.partition = partition, .applied = -1, .books_from = INT32_MAX};
    subscribers_refusals_init(&lane->untold);
}

void subscribers_lane_release(struct subscribers_lane *lane)
{
    subscribers_lane_give_up(lane);
    subscribers_refusals_release(&lane->untold);
}

static enum bus_status read_books(struct subscribers_lane *lane, const struct subscribers_position *position,
                                  struct bus_error *error)
{
    struct bus_bytes books = bus_buffer_view(&position->books);
    enum bus_status status = subscribers_refusals_read(&books, &lane->untold, error);
    if (status == BUS_OK)
        status = bus_ledger_decode(books, lane->ledger, error);
    if (status != BUS_OK)
        bus_error_prefix(error, "the stored books of partition %d cannot be read", (int)lane->partition);
    return status == BUS_OK ? BUS_OK : BUS_FATAL;
}

enum bus_status subscribers_lane_take(struct subscribers_lane *lane, const char *subscriber,
                                      const struct subscribers_position *position, struct bus_error *error)
{
    char writer[WRITER_SIZE];
    subscribers_lane_give_up(lane);
    snprintf(writer, sizeof writer, "agent/%s/%d", subscriber, (int)lane->partition);
    lane->ledger = bus_ledger_create(writer, SUBSCRIBERS_KEEP_DAYS);
    if (lane->ledger == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status = read_books(lane, position, error);
    if (status != BUS_OK)
        return status;
    lane->is_held = true;
    lane->applied = position->next;
    lane->log = position->log;
    lane->hash = position->hash;
    lane->is_new = position->next >= 0; /* it may be that the exchange was not told before we were stopped */
    lane->books_from = lane->is_new ? INT32_MIN : INT32_MAX;
    lane->is_sealed = position->is_sealed;
    return BUS_OK;
}

void subscribers_lane_give_up(struct subscribers_lane *lane)
{
    subscribers_backlog_drop(&lane->backlog, SIZE_MAX);
    bus_ledger_destroy(lane->ledger);
    subscribers_refusals_clear(&lane->untold);
    struct subscribers_refusals untold = lane->untold;
    *lane = (struct subscribers_lane){
        .partition = lane->partition, .applied = -1, .books_from = INT32_MAX, .untold = untold};
}

static const struct subscribers_piece *piece_at(const struct subscribers_lane *lane, size_t index)
{
    const struct subscribers_piece *piece = lane->backlog.first;
    while (index-- > 0)
        piece = piece->next;
    return piece;
}

/* The log behind the courier's settled deliveries. */
static enum bus_status append_leaves(const struct subscribers_piece *piece, size_t count, struct bus_merkle *log,
                                     struct bus_error *error)
{
    struct bus_arena *arena = bus_arena_create(ARENA_BYTES);
    if (arena == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    enum bus_status status =
        bus_merkle_append(log, piece->hash, (const bus_digest_bytes *)&piece->leaves[piece->done], count, arena, error);
    bus_arena_destroy(arena);
    return status;
}

static enum bus_status advance_part(const struct subscribers_piece *piece, size_t count,
                                    struct subscribers_position *position, struct bus_error *error)
{
    position->log = piece->before;
    position->next = piece->records[piece->done + count - 1].offset + 1;
    return append_leaves(piece, count, &position->log, error);
}

enum bus_status subscribers_lane_advance(const struct subscribers_lane *lane, const struct subscribers_batch *batch,
                                         size_t pieces, struct subscribers_advance *out_advance,
                                         struct bus_error *error)
{
    const struct subscribers_piece *last = piece_at(lane, pieces > 0 ? pieces - 1 : 0);
    struct subscribers_position *position = &out_advance->position;
    out_advance->from = lane->applied;
    out_advance->ledger = lane->ledger;
    out_advance->untold = &lane->untold;
    out_advance->piece_count = pieces;
    subscribers_position_init(position, lane->partition);
    position->hash = last->hash;
    for (size_t i = 0; i < batch->count; i++)
        out_advance->holds_withdrawal |= batch->deliveries[i].partition == lane->partition &&
                                         batch->deliveries[i].operation == BUS_DELIVERY_WITHDRAW;
    if (batch->pieces != NULL && last->done + batch->settled < last->count)
        return advance_part(last, batch->settled, position, error);
    out_advance->piece_count = batch->pieces != NULL ? 1 : pieces;
    position->log = last->log;
    position->next = last->next_offset;
    position->is_sealed = true;
    position->sealed_at_ms = last->sealed_at_ms;
    return BUS_OK;
}

/* The first piece goes on behind what is settled. */
static void cut_piece(struct subscribers_lane *lane, const struct subscribers_batch *batch,
                      const struct subscribers_advance *advance)
{
    struct subscribers_piece *piece = lane->backlog.first;
    piece->done += batch->settled;
    piece->before = advance->position.log;
}

void subscribers_lane_settle(struct subscribers_lane *lane, const struct subscribers_batch *batch,
                             const struct subscribers_advance *advance)
{
    lane->applied = advance->position.next;
    lane->log = advance->position.log;
    lane->hash = advance->position.hash;
    subscribers_batch_refusals(batch, advance, &lane->untold);
    int32_t from_day = bus_ledger_open_from(lane->ledger);
    bus_ledger_mark(lane->ledger);
    lane->books_from = from_day < lane->books_from ? from_day : lane->books_from;
    lane->is_new = true;
    lane->holds_withdrawal |= advance->holds_withdrawal;
    lane->is_sealed = advance->position.is_sealed;
    if (advance->piece_count > 0)
        subscribers_backlog_drop(&lane->backlog, advance->piece_count);
    else
        cut_piece(lane, batch, advance);
}

void subscribers_lane_wait(struct subscribers_lane *lane, int64_t least_ms, const struct bus_error *error)
{
    struct bus_clock clock = bus_clock_real();
    subscribers_back_off_more(&lane->back_off, bus_clock_monotonic_ms(), least_ms);
    if (lane->waits_since_ms == 0)
        lane->waits_since_ms = bus_clock_now_ms(&clock);
    snprintf(lane->reason, sizeof lane->reason, "%s",
             error->message_zh[0] != '\0' ? error->message_zh : error->message);
}

void subscribers_lane_go_on(struct subscribers_lane *lane)
{
    subscribers_back_off_reset(&lane->back_off);
    lane->waits_since_ms = 0;
    lane->reason[0] = '\0';
}
