#include "adapters/formats/xlsx/strings.h"

#include "adapters/formats/xlsx/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 1024 * 1024,
    TEXT_MAX = ADAPTERS_FIELD_MAX + 1, /* so that one that is too long can be told */
    LENGTH_SIZE = 4,
    STRIDE = 8,                      /* every eighth text is in the index; from there the lengths lead on */
    RESIDENT_MAX = 16 * 1024 * 1024, /* a mapping of up to so much may stay in memory */
    LOOK_SIZE = 64 * 1024,           /* a look brings so much of the file into memory */
    LOOKS_BEFORE_RELEASE = 128,
    INDEX_FIRST = 1024,
};

struct adapters_xlsx_strings {
    uint8_t *buffer; /* what is not in the file yet, or everything */
    size_t buffered;
    int file;           /* -1: everything is in the buffer */
    uint64_t written;   /* bytes in the file */
    const uint8_t *map; /* of the file, when it was read */
    uint64_t map_length;
    uint64_t looked_at; /* place of the last look */
    size_t looks;       /* since memory was given back */

    uint64_t *index;
    size_t index_room;
    uint64_t count;
    uint64_t last, last_at; /* the text found last: its number and place */

    /* While it is read. */
    struct adapters_xlsx_xml *xml;
    uint8_t *text;
    size_t text_length;
    bool is_in_text, is_in_item;
    int phonetic_depth; /* 0: not in a phonetic run */
    int failure;        /* errno of the temporary file */
};

struct adapters_xlsx_strings *adapters_xlsx_strings_create(void)
{
    struct adapters_xlsx_strings *strings = calloc(1, sizeof *strings);
    if (strings == NULL)
        return NULL;
    strings->file = -1;
    strings->buffer = malloc(BUFFER_SIZE);
    strings->text = malloc(TEXT_MAX);
    if (strings->buffer != NULL && strings->text != NULL)
        return strings;
    adapters_xlsx_strings_destroy(strings);
    return NULL;
}

void adapters_xlsx_strings_forget(struct adapters_xlsx_strings *strings)
{
    if (strings->map != NULL)
        munmap((void *)(uintptr_t)strings->map, strings->map_length);
    if (strings->file >= 0)
        close(strings->file);
    free(strings->index);
    *strings = (struct adapters_xlsx_strings){.buffer = strings->buffer, .text = strings->text, .file = -1};
}

void adapters_xlsx_strings_destroy(struct adapters_xlsx_strings *strings)
{
    if (strings == NULL)
        return;
    adapters_xlsx_strings_forget(strings);
    free(strings->buffer);
    free(strings->text);
    free(strings);
}

/* --- the store --- */

static int open_nameless(void)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/var/tmp";
    int file = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return file;
    char path[512];
    if ((size_t)snprintf(path, sizeof path, "%s/xinqiao.XXXXXX", folder) >= sizeof path)
        return -1;
    file = mkostemp(path, O_CLOEXEC);
    if (file >= 0)
        unlink(path);
    return file;
}

static bool write_out(struct adapters_xlsx_strings *strings)
{
    if (strings->file < 0)
        strings->file = open_nameless();
    for (size_t done = 0; strings->file >= 0 && done < strings->buffered;) {
        ssize_t length = write(strings->file, strings->buffer + done, strings->buffered - done);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        done += (size_t)length;
    }
    if (strings->file < 0)
        return false;
    strings->written += strings->buffered;
    strings->buffered = 0;
    return true;
}

static bool put(struct adapters_xlsx_strings *strings, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        if (strings->buffered == BUFFER_SIZE && !write_out(strings))
            return false;
        size_t room = BUFFER_SIZE - strings->buffered, taken = length < room ? length : room;
        memcpy(strings->buffer + strings->buffered, bytes, taken);
        strings->buffered += taken;
        bytes += taken;
        length -= taken;
    }
    return true;
}

/* Notes where the next text begins, when its number asks for it. */
static bool note_place(struct adapters_xlsx_strings *strings)
{
    size_t at = (size_t)(strings->count / STRIDE);
    if (strings->count % STRIDE != 0)
        return true;
    if (at == strings->index_room) {
        size_t room = strings->index_room > 0 ? 2 * strings->index_room : INDEX_FIRST;
        uint64_t *index = realloc(strings->index, room * sizeof *index);
        if (index == NULL) {
            errno = ENOMEM;
            return false;
        }
        strings->index = index;
        strings->index_room = room;
    }
    strings->index[at] = strings->written + strings->buffered;
    return true;
}

static bool add(struct adapters_xlsx_strings *strings, const uint8_t *text, size_t length)
{
    uint8_t head[LENGTH_SIZE];
    bus_put_u32le(head, (uint32_t)length);
    if (!note_place(strings) || !put(strings, head, sizeof head) || !put(strings, text, length)) {
        strings->failure = errno;
        return false;
    }
    strings->count++;
    return true;
}

/* Makes what was put ready to be looked up. */
static bool seal(struct adapters_xlsx_strings *strings)
{
    if (strings->file < 0)
        return true;
    if (!write_out(strings))
        return false;
    void *map = mmap(NULL, strings->written, PROT_READ, MAP_SHARED, strings->file, 0);
    if (map == MAP_FAILED)
        return false;
    strings->map = map;
    strings->map_length = strings->written;
    return true;
}

/* Gives memory back that looks into a large file have taken; the file keeps it. */
static void release_some(struct adapters_xlsx_strings *strings, uint64_t at)
{
    bool is_near = at / LOOK_SIZE == strings->looked_at / LOOK_SIZE;
    strings->looked_at = at;
    if (is_near || strings->map_length <= RESIDENT_MAX || ++strings->looks < LOOKS_BEFORE_RELEASE)
        return;
    strings->looks = 0;
    madvise((void *)(uintptr_t)strings->map, strings->map_length, MADV_DONTNEED);
}

bool adapters_xlsx_strings_get(struct adapters_xlsx_strings *strings, uint64_t number, struct bus_bytes *out_text)
{
    const uint8_t *base = strings->map != NULL ? strings->map : strings->buffer;
    if (number >= strings->count)
        return false;
    uint64_t from = number - number % STRIDE, at = strings->index[number / STRIDE];
    release_some(strings, at);
    if (strings->last >= from && strings->last <= number && strings->last_at > at) {
        from = strings->last;
        at = strings->last_at;
    }
    for (; from < number; from++)
        at += LENGTH_SIZE + bus_get_u32le(base + at);
    strings->last = number;
    strings->last_at = at;
    *out_text = bus_bytes_of(base + at + LENGTH_SIZE, bus_get_u32le(base + at));
    return true;
}

/* --- reading: sst > si > t, or sst > si > r > t; rPh is phonetic --- */

static void on_start(void *self, const char *name, const char **attributes, int depth)
{
    struct adapters_xlsx_strings *strings = self;
    (void)attributes;
    if (depth == 2) {
        strings->is_in_item = strcmp(name, "si") == 0;
        strings->text_length = 0;
    } else if (strings->phonetic_depth == 0 && strcmp(name, "rPh") == 0) {
        strings->phonetic_depth = depth;
    } else if (strcmp(name, "t") == 0) {
        strings->is_in_text = strings->is_in_item && strings->phonetic_depth == 0;
    }
}

static void on_end(void *self, const char *name, int depth)
{
    struct adapters_xlsx_strings *strings = self;
    strings->is_in_text = false;
    if (depth == strings->phonetic_depth)
        strings->phonetic_depth = 0;
    if (depth != 2 || strcmp(name, "si") != 0)
        return;
    size_t length = adapters_xlsx_unescape(strings->text, strings->text_length);
    if (strings->count == ADAPTERS_XLSX_STRINGS_MAX)
        adapters_xlsx_xml_refuse(strings->xml, "共享字符串过多", "too many shared strings");
    else if (!add(strings, strings->text, length))
        adapters_xlsx_xml_finish(strings->xml);
}

static void on_text(void *self, const char *text, size_t length)
{
    struct adapters_xlsx_strings *strings = self;
    if (!strings->is_in_text)
        return;
    size_t room = TEXT_MAX - strings->text_length, taken = length < room ? length : room;
    memcpy(strings->text + strings->text_length, text, taken);
    strings->text_length += taken;
}

enum bus_status adapters_xlsx_strings_read(struct adapters_xlsx_strings *strings, struct adapters_xlsx_xml *xml,
                                           struct adapters_xlsx_package *package, const char *path,
                                           struct adapters_refusal *refusal, struct bus_error *error)
{
    static const struct adapters_xlsx_handler handler = {.start = on_start, .end = on_end, .text = on_text};
    adapters_xlsx_strings_forget(strings);
    if (path == NULL)
        return BUS_OK;
    strings->xml = xml;
    enum bus_status status =
        adapters_xlsx_xml_read(xml, package, path, ADAPTERS_XLSX_STRINGS_BYTES, &handler, strings, refusal, error);
    if (status == BUS_OK && strings->failure == 0 && !seal(strings))
        strings->failure = errno;
    if (status == BUS_OK && strings->failure != 0)
        return bus_fail(error, BUS_RETRY,
                        "keep a workbook's shared strings in a temporary file (TMPDIR or /var/tmp): %s",
                        strerror(strings->failure));
    return status;
}
