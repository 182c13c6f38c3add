/* Backlog: verified pieces that wait for the sink, and the batch that is made of them. */
#ifndef SUBSCRIBERS_ENGINE_BACKLOG_H
#define SUBSCRIBERS_ENGINE_BACKLOG_H

#include "subscribers/engine/batch.h"
#include "subscribers/engine/catalogues.h"
#include "subscribers/engine/piece.h"

struct subscribers_backlog {
    struct subscribers_piece *first, *last;
    size_t records, bytes;
    int64_t since_ms; /* monotonic time at which the oldest piece came */
};

/* Takes the piece. */
void subscribers_backlog_add(struct subscribers_backlog *backlog, struct subscribers_piece *take_piece, int64_t now_ms);
/* Destroys the first `count` pieces, or all that there are. */
void subscribers_backlog_drop(struct subscribers_backlog *backlog, size_t count);

/* Appends the deliveries of the leading pieces to `out_batch` (subscriber and clock are the caller's; advances stay as they are), up to
 * the first piece with a view that no catalogue knows; *out_pieces of them. Views borrow from the pieces. What cannot be decoded is
 * marked as refused. RETRY: already the first piece has an unknown view; the error says which catalogue it is of, and what to do. FATAL out
 * of memory. Release the batch whatever the status. */
BUS_MUST_CHECK enum bus_status subscribers_backlog_decode(const struct subscribers_backlog *backlog,
                                                          const struct subscribers_catalogues *catalogues,
                                                          struct subscribers_batch *out_batch, size_t *out_pieces,
                                                          struct bus_error *error);
/* The same for a courier: of the first piece, what is not done, at most `most` deliveries. */
BUS_MUST_CHECK enum bus_status subscribers_backlog_decode_part(const struct subscribers_backlog *backlog,
                                                               const struct subscribers_catalogues *catalogues,
                                                               size_t most, struct subscribers_batch *out_batch,
                                                               struct bus_error *error);

#endif
