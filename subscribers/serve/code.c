#include "subscribers/serve/code.h"

#include <qrencode.h>

enum { QUIET = 4, MAX_BYTES = 2000 };

/* One path: a run of dark modules is a stroke of a row. */
static void append_row(struct bus_buffer *page, const QRcode *code, int row)
{
    const unsigned char *modules = code->data + (size_t)row * (size_t)code->width;
    for (int column = 0; column < code->width; column++) {
        int from = column;
        while (column < code->width && (modules[column] & 1) != 0)
            column++;
        if (column > from)
            bus_buffer_printf(page, "M%d %dh%dv1h-%dz", from + QUIET, row + QUIET, column - from, column - from);
    }
}

enum bus_status serve_code_append(struct bus_buffer *page, struct bus_bytes text, struct bus_error *error)
{
    QRcode *code = text.length <= MAX_BYTES ? QRcode_encodeData((int)text.length, text.data, 0, QR_ECLEVEL_M) : NULL;
    if (code == NULL)
        return bus_fail(error, BUS_FATAL, "a text of %zu bytes cannot be made a QR code", text.length);
    int side = code->width + 2 * QUIET;
    bus_buffer_printf(page,
                      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"code\" role=\"img\" aria-label=\"QR\" "
                      "viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/>"
                      "<path fill=\"#000\" d=\"",
                      side, side, side, side);
    for (int row = 0; row < code->width; row++)
        append_row(page, code, row);
    bus_buffer_printf(page, "\"/></svg>");
    QRcode_free(code);
    return BUS_OK;
}
