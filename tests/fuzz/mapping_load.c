/* Fuzzes the files of mappings, and the values of rows through those that load: the mapping, a line `---`, then a row's columns parted by tabs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapters/mapping/mapping.h"
#include "bus/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig forgets a string behind which its syntax breaks; a mapping is read once, at the start. */
const char *__lsan_default_suppressions(void)
{
    return "leak:strbuf_append\nleak:libconfig_yylex\n";
}

enum { VALUES_MAX = 512, ARENA_SIZE = 16 * 1024 * 1024 };

static struct bus_catalogue *catalogue;
static struct bus_arena *arena;
static int file;
static char path[64];

static void need(bool is_true)
{
    if (!is_true)
        abort();
}

static void set_up(void)
{
    struct bus_error error;
    need(bus_catalogue_load(XINQIAO_SOURCE "/schemas/catalogue.cfg", &catalogue, &error) == BUS_OK);
    arena = bus_arena_create(ARENA_SIZE);
    file = memfd_create("mapping", 0);
    need(arena != NULL && file >= 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
}

static void apply(const struct adapters_mapping *mapping, struct bus_bytes text)
{
    struct bus_bytes fields[ADAPTERS_COLUMNS_MAX] = {{NULL, 0}};
    struct bus_value values[VALUES_MAX];
    struct adapters_refusal refusal = {.code = ""};
    struct adapters_row row = {.line = 1, .original = text, .fields = fields};
    const uint8_t *at = text.data, *end = text.data + text.length;
    for (size_t i = 0; at < end && i < ADAPTERS_COLUMNS_MAX; i++) {
        const uint8_t *tab = memchr(at, '\t', (size_t)(end - at));
        fields[i] = bus_bytes_of(at, (size_t)((tab != NULL ? tab : end) - at));
        at = tab != NULL ? tab + 1 : end;
    }
    bus_arena_reset(arena);
    enum bus_status status = adapters_mapping_apply(mapping, &row, arena, values, &refusal);
    need(status == BUS_OK || (status == BUS_REJECT && refusal.code[0] != '\0' && refusal.zh[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct adapters_mapping *mapping = NULL;
    struct bus_error error = {.message = ""};
    if (catalogue == NULL)
        set_up();
    const uint8_t *row = memmem(data, size, "\n---\n", 5);
    size_t length = row != NULL ? (size_t)(row - data) + 1 : size;
    if (memchr(data, '@', length) != NULL) /* it would include other files */
        return 0;
    need(ftruncate(file, 0) == 0 && pwrite(file, data, length, 0) == (ssize_t)length);
    enum bus_status status = adapters_mapping_load(path, catalogue, "market", &mapping, &error);
    need(status == BUS_OK || error.message[0] != '\0');
    if (status == BUS_OK)
        apply(mapping, bus_bytes_of(data + length, row != NULL ? size - length - 4 : 0));
    adapters_mapping_destroy(mapping);
    return 0;
}
