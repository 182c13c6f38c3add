#include "subscribers/sinks/ndjson/line.h"

#include "subscribers/sinks/delivery_json.h"

void subscribers_ndjson_line(const struct subscribers_delivery *delivery, struct bus_buffer *buffer)
{
    struct bus_json json;
    bus_json_init(&json, buffer);
    bus_json_object(&json);
    delivery_json_members(&json, delivery);
    bus_json_end_object(&json);
    bus_buffer_u8(buffer, '\n');
}
