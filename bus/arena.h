/* Arena: memory for one batch, freed all at once. */
#ifndef BUS_ARENA_H
#define BUS_ARENA_H

#include "bus/bytes.h"

struct bus_arena;

/* NULL when out of memory. `limit_bytes` bounds what may be allocated between two resets. */
struct bus_arena *bus_arena_create(size_t limit_bytes);
void bus_arena_destroy(struct bus_arena *arena);

/* `size` bytes aligned to 16, uninitialised, valid until the next reset; NULL past the limit or out of memory. */
void *bus_arena_allocate(struct bus_arena *arena, size_t size);
/* A copy in the arena; a view of length 0 with data NULL when there is no room. */
struct bus_bytes bus_arena_copy(struct bus_arena *arena, struct bus_bytes bytes);

/* A text and its terminator; NULL when there is no room. */
const char *bus_arena_text(struct bus_arena *arena, const char *text);

/* Takes everything back; keeps the memory for the next batch. */
void bus_arena_reset(struct bus_arena *arena);
/* Bytes handed out since the last reset. */
size_t bus_arena_used(const struct bus_arena *arena);

#endif
