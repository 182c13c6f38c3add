#include "gateway/project.h"

enum bus_status gateway_project(void *self, struct gateway_exchange *exchange, struct bus_error *error)
{
    struct bus_buffer *scratch = self;
    for (size_t i = 0; i < exchange->delivery_count; i++) {
        struct gateway_delivery *delivery = &exchange->deliveries[i];
        bus_buffer_reset(scratch);
        enum bus_status status =
            bus_view_project(delivery->view, &delivery->content, exchange->value, exchange->spans, scratch, error);
        if (status != BUS_OK)
            return status;
        delivery->value = bus_arena_copy(exchange->arena, bus_buffer_view(scratch));
        if (delivery->value.data == NULL)
            return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    }
    return BUS_OK;
}
