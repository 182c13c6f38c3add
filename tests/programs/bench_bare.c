/* The gateway without audit and books, to measure what they cost: the real one, linked so that these calls come here
 * (tests/CMakeLists.txt). Nothing is written about disclosures, so that nothing waits for the offsets of audit records either;
 * nothing is counted but for the meter. */
#include "gateway/counts.h"
#include "gateway/disclosures.h"
#include "gateway/state/ledger.h"

enum bus_status __wrap_gateway_disclosures_produce(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                                   struct bus_error *error);
enum bus_status __wrap_gateway_disclosures_finish(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                                  struct bus_error *error);
enum bus_status __wrap_gateway_ledger_changes(struct gateway_ledger *ledger, int64_t now_ms,
                                              struct bus_overlay *overlay, struct bus_error *error);
enum bus_status __wrap_gateway_counts_batch(const struct bus_catalogue *catalogue, const struct gateway_states *states,
                                            struct gateway_batch *batch, struct gateway_meter *meter,
                                            struct bus_error *error);

enum bus_status __wrap_gateway_disclosures_produce(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                                   struct bus_error *error)
{
    (void)disclosures;
    (void)batch;
    (void)error;
    return BUS_OK;
}

enum bus_status __wrap_gateway_disclosures_finish(struct gateway_disclosures *disclosures, struct gateway_batch *batch,
                                                  struct bus_error *error)
{
    (void)disclosures;
    (void)batch;
    (void)error;
    return BUS_OK;
}

enum bus_status __wrap_gateway_ledger_changes(struct gateway_ledger *ledger, int64_t now_ms,
                                              struct bus_overlay *overlay, struct bus_error *error)
{
    (void)ledger;
    (void)now_ms;
    (void)overlay;
    (void)error;
    return BUS_OK;
}

enum bus_status __wrap_gateway_counts_batch(const struct bus_catalogue *catalogue, const struct gateway_states *states,
                                            struct gateway_batch *batch, struct gateway_meter *meter,
                                            struct bus_error *error)
{
    (void)catalogue;
    (void)states;
    (void)error;
    meter->batches++;
    for (size_t i = 0; i < gateway_batch_count(batch); i++) {
        const struct gateway_exchange *exchange = gateway_batch_exchange(batch, i);
        meter->events += exchange->cause == GATEWAY_CAUSE_EVENT;
        meter->deliveries += (int64_t)exchange->delivery_count;
    }
    return BUS_OK;
}
