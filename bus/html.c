#include "bus/html.h"

void bus_html_append(struct bus_buffer *page, struct bus_bytes text)
{
    for (size_t i = 0; i < text.length; i++) {
        switch (text.data[i]) {
        case '&': bus_buffer_printf(page, "&amp;"); break;
        case '<': bus_buffer_printf(page, "&lt;"); break;
        case '>': bus_buffer_printf(page, "&gt;"); break;
        case '"': bus_buffer_printf(page, "&quot;"); break;
        case '\'': bus_buffer_printf(page, "&#39;"); break;
        case '\n': bus_buffer_printf(page, "<br>"); break;
        default:
            if (text.data[i] >= 0x20 && text.data[i] != 0x7f)
                bus_buffer_u8(page, text.data[i]);
        }
    }
}
