#include "adapters/sources/odbc/place.h"

#include <stdio.h>

void odbc_place_digest(const char *const *texts, size_t count, char out_digest[ODBC_COLUMNS_DIGEST_SIZE])
{
    uint8_t digest[BUS_DIGEST_SIZE];
    struct bus_digest_stream stream;
    bus_digest_stream_init(&stream, BUS_HASH_SM3);
    for (size_t i = 0; i < count; i++)
        bus_digest_stream_update(&stream, bus_bytes_of(texts[i], strlen(texts[i]) + 1));
    bus_digest_stream_final(&stream, digest);
    bus_hex(digest, (ODBC_COLUMNS_DIGEST_SIZE - 1) / 2, out_digest);
}

void odbc_place_write(enum adapters_poll_kind kind, const struct odbc_place *place,
                      char out_text[ADAPTERS_CURSOR_TEXT_SIZE])
{
    char mark[ODBC_MARK_TEXT_SIZE];
    odbc_mark_text(kind, &place->mark, mark);
    char *blank = strchr(mark, ' ');
    if (blank != NULL)
        *blank = 'T';
    snprintf(out_text, ADAPTERS_CURSOR_TEXT_SIZE, "%s %lld %s %s", mark[0] != '\0' ? mark : "-",
             (long long)place->listed_at_ms, place->names[0] != '\0' ? place->names : "-",
             place->types[0] != '\0' ? place->types : "-");
}

bool odbc_place_read(enum adapters_poll_kind kind, const char *text, struct odbc_place *out_place)
{
    char mark[ODBC_MARK_TEXT_SIZE], names[ODBC_COLUMNS_DIGEST_SIZE], types[ADAPTERS_COLUMNS_MAX + 2];
    long long listed_at_ms;
    int length = 0;
    *out_place = (struct odbc_place){0};
    if (text[0] == '\0')
        return true;
    /* The widths are those of the arrays. */
    if (sscanf(text, "%31s %lld %8s %257s%n", mark, &listed_at_ms, names, types, &length) != 4 || text[length] != '\0')
        return false;
    out_place->listed_at_ms = listed_at_ms;
    if (strcmp(names, "-") != 0)
        memcpy(out_place->names, names, sizeof names);
    if (strcmp(types, "-") != 0)
        memcpy(out_place->types, types, sizeof types);
    return strcmp(mark, "-") == 0 || odbc_mark_parse(kind, bus_bytes_text(mark), &out_place->mark);
}
