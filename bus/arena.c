#include "bus/arena.h"

#include <stdlib.h>

enum { BLOCK_SIZE = 256 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(ALIGNMENT) uint8_t data[];
};

/* Blocks form a list in order of creation. `current` is where allocation goes on; those behind it are empty. */
struct bus_arena {
    struct block *first;
    struct block *current;
    size_t limit;
    size_t used;
};

struct bus_arena *bus_arena_create(size_t limit_bytes)
{
    struct bus_arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL)
        arena->limit = limit_bytes;
    return arena;
}

void bus_arena_destroy(struct bus_arena *arena)
{
    if (arena == NULL)
        return;
    while (arena->first != NULL) {
        struct block *block = arena->first;
        arena->first = block->next;
        free(block);
    }
    free(arena);
}

/* Makes a block with room for `size` bytes current: the next empty one if it is large enough, or a new one. */
static struct block *advance(struct bus_arena *arena, size_t size)
{
    struct block *next = arena->current != NULL ? arena->current->next : arena->first;
    if (next == NULL || next->size < size) {
        size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        struct block *block = malloc(sizeof *block + block_size);
        if (block == NULL)
            return NULL;
        *block = (struct block){.next = next, .size = block_size};
        if (arena->current != NULL)
            arena->current->next = block;
        else
            arena->first = block;
        next = block;
    }
    arena->current = next;
    return next;
}

void *bus_arena_allocate(struct bus_arena *arena, size_t size)
{
    if (size > arena->limit - arena->used)
        return NULL;
    size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > arena->limit - arena->used)
        return NULL;
    struct block *block = arena->current;
    if (block == NULL || block->size - block->used < rounded)
        block = advance(arena, rounded);
    if (block == NULL)
        return NULL;
    void *memory = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    return memory;
}

struct bus_bytes bus_arena_copy(struct bus_arena *arena, struct bus_bytes bytes)
{
    uint8_t *memory = bus_arena_allocate(arena, bytes.length);
    if (memory == NULL)
        return (struct bus_bytes){NULL, 0};
    if (bytes.length > 0)
        memcpy(memory, bytes.data, bytes.length);
    return (struct bus_bytes){memory, bytes.length};
}

const char *bus_arena_text(struct bus_arena *arena, const char *text)
{
    return (const char *)bus_arena_copy(arena, bus_bytes_of(text, strlen(text) + 1)).data;
}

void bus_arena_reset(struct bus_arena *arena)
{
    for (struct block *block = arena->first; block != NULL; block = block->next)
        block->used = 0;
    arena->current = arena->first;
    arena->used = 0;
}

size_t bus_arena_used(const struct bus_arena *arena)
{
    return arena->used;
}
