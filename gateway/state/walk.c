/* Walking over a partition's records, in the order of their keys. */
#include "gateway/state/state_private.h"

struct walk {
    gateway_state_take *take;
    void *self;
    struct bus_bytes after;
    bool past_records; /* beyond the last record's key */
    enum bus_status status;
    struct bus_error *error;
};

/* Names of the register lie between the records of their subjects. */
static bool take_entry(void *self, struct bus_bytes key, struct bus_bytes value)
{
    struct walk *walk = self;
    struct bus_state_entry entry;
    walk->past_records = key.data[0] != BUS_STATE_SUBJECT;
    if (walk->past_records)
        return false;
    if (!bus_state_is_record(key) || bus_bytes_equal(key, walk->after))
        return true;
    walk->status = bus_state_record_read(value, &entry, NULL, walk->error);
    return walk->status == BUS_OK && walk->take(walk->self, key, &entry);
}

enum bus_status gateway_state_walk(struct gateway_state *state, struct bus_bytes after, gateway_state_take *take,
                                   void *self, bool *out_end, struct bus_error *error)
{
    static const uint8_t first_key[] = {BUS_STATE_SUBJECT};
    struct walk walk = {.take = take, .self = self, .after = after, .error = error};
    struct bus_bytes from = after.length > 0 ? after : bus_bytes_of(first_key, sizeof first_key);
    enum bus_status status =
        gateway_recent_walk(gateway_state_recent_view(state), from, take_entry, &walk, out_end, error);
    *out_end = *out_end || walk.past_records;
    if (status != BUS_OK || walk.status == BUS_OK)
        return status;
    bus_error_prefix(error, "state of partition %d", gateway_state_partition(state));
    return BUS_FATAL;
}

enum bus_status gateway_state_write_through(struct gateway_state *state, struct bus_error *error)
{
    return gateway_recent_write(gateway_state_recent_view(state), error);
}
