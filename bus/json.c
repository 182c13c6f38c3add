#include "bus/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "bus/utf8.h"

enum { MAX_LEVEL = 31 };

void bus_json_init(struct bus_json *json, struct bus_buffer *buffer)
{
    *json = (struct bus_json){.buffer = buffer};
}

/* What stands before a value: nothing after a name, a comma after another member. */
static void begin_value(struct bus_json *json)
{
    if (json->after_name) {
        json->after_name = false;
        return;
    }
    if ((json->has_member >> json->level & 1) != 0)
        bus_buffer_u8(json->buffer, ',');
    json->has_member |= 1u << json->level;
}

static void open_level(struct bus_json *json, char bracket)
{
    begin_value(json);
    bus_buffer_u8(json->buffer, (uint8_t)bracket);
    assert(json->level < MAX_LEVEL);
    json->level++;
    json->has_member &= ~(1u << json->level);
}

static void close_level(struct bus_json *json, char bracket)
{
    assert(json->level > 0);
    json->level--;
    bus_buffer_u8(json->buffer, (uint8_t)bracket);
}

void bus_json_object(struct bus_json *json)
{
    open_level(json, '{');
}

void bus_json_end_object(struct bus_json *json)
{
    close_level(json, '}');
}

void bus_json_array(struct bus_json *json)
{
    open_level(json, '[');
}

void bus_json_end_array(struct bus_json *json)
{
    close_level(json, ']');
}

/* One byte below 0x20, a quote or a backslash. */
static void append_escape(struct bus_buffer *buffer, uint8_t byte)
{
    static const char letters[] = "btn\0fr"; /* 0x08 to 0x0d */
    if (byte == '"' || byte == '\\')
        bus_buffer_printf(buffer, "\\%c", byte);
    else if (byte >= 0x08 && byte <= 0x0d && letters[byte - 0x08] != '\0')
        bus_buffer_printf(buffer, "\\%c", letters[byte - 0x08]);
    else
        bus_buffer_printf(buffer, "\\u%04x", byte);
}

static void append_text(struct bus_buffer *buffer, struct bus_bytes text)
{
    size_t plain = 0; /* start of what has not been copied yet */
    if (text.length == 0) {
        bus_buffer_append(buffer, "\"\"", 2);
        return;
    }
    bus_buffer_u8(buffer, '"');
    for (size_t i = 0; i < text.length;) {
        uint8_t byte = text.data[i];
        size_t length = byte < 0x80 ? 1 : bus_utf8_sequence(bus_bytes_of(text.data + i, text.length - i));
        if (length != 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
            i += length;
            continue;
        }
        bus_buffer_append(buffer, text.data + plain, i - plain);
        if (length == 0)
            bus_utf8_append(buffer, 0xfffd);
        else
            append_escape(buffer, byte);
        plain = ++i;
    }
    bus_buffer_append(buffer, text.data + plain, text.length - plain);
    bus_buffer_u8(buffer, '"');
}

void bus_json_name(struct bus_json *json, const char *name)
{
    begin_value(json);
    append_text(json->buffer, bus_bytes_text(name));
    bus_buffer_u8(json->buffer, ':');
    json->after_name = true;
}

void bus_json_text(struct bus_json *json, struct bus_bytes text)
{
    begin_value(json);
    append_text(json->buffer, text);
}

void bus_json_string(struct bus_json *json, const char *text)
{
    bus_json_text(json, bus_bytes_text(text));
}

void bus_json_integer(struct bus_json *json, int64_t value)
{
    begin_value(json);
    bus_buffer_printf(json->buffer, "%" PRId64, value);
}

void bus_json_real(struct bus_json *json, double value)
{
    begin_value(json);
    if (isfinite(value))
        bus_buffer_printf(json->buffer, "%.17g", value);
    else
        bus_buffer_printf(json->buffer, "null");
}

void bus_json_boolean(struct bus_json *json, bool value)
{
    begin_value(json);
    bus_buffer_printf(json->buffer, value ? "true" : "false");
}

void bus_json_null(struct bus_json *json)
{
    begin_value(json);
    bus_buffer_printf(json->buffer, "null");
}

void bus_json_raw(struct bus_json *json, struct bus_bytes text)
{
    begin_value(json);
    bus_buffer_append_bytes(json->buffer, text);
}
