#include "gateway/requests.h"

#include "bus/log.h"
#include "bus/request.h"

enum { NAME_SIZE = 256 };

static bool copy_name(struct bus_bytes bytes, char *out_name)
{
    if (bytes.length >= NAME_SIZE || (bytes.length > 0 && memchr(bytes.data, '\0', bytes.length) != NULL))
        return false;
    if (bytes.length > 0)
        memcpy(out_name, bytes.data, bytes.length);
    out_name[bytes.length] = '\0';
    return true;
}

/* "department/item"; "" = everything. */
static enum bus_status find_item(const struct bus_catalogue *catalogue, struct bus_bytes text,
                                 const struct bus_item **out_item, struct bus_error *error)
{
    char name[NAME_SIZE], *slash = NULL;
    *out_item = NULL;
    if (text.length == 0)
        return BUS_OK;
    if (copy_name(text, name) && (slash = strchr(name, '/')) != NULL) {
        *slash = '\0';
        *out_item = bus_catalogue_find_item(catalogue, name, slash + 1);
    }
    return *out_item != NULL
               ? BUS_OK
               : bus_reject(error, "REQUEST_ITEM", "目录中没有该目录项", "the catalogue has no such item");
}

static enum bus_status find_subscriber(const struct bus_catalogue *catalogue, struct bus_bytes text,
                                       const struct bus_subscriber **out_subscriber, struct bus_error *error)
{
    char name[NAME_SIZE];
    *out_subscriber = copy_name(text, name) ? bus_catalogue_find_subscriber(catalogue, name) : NULL;
    return *out_subscriber != NULL
               ? BUS_OK
               : bus_reject(error, "REQUEST_SUBSCRIBER", "目录中没有该接收方", "the catalogue has no such subscriber");
}

static enum bus_status grant(const struct gateway_requests *requests, struct gateway_batch *batch,
                             const struct gateway_input *input, struct bus_error *error)
{
    struct bus_request request;
    const struct bus_subscriber *subscriber = NULL;
    const struct bus_item *item = NULL;
    enum bus_status status = bus_request_decode(input->value, &request, error);
    if (status == BUS_OK)
        status = find_subscriber(requests->catalogue, request.subscriber, &subscriber, error);
    if (status == BUS_OK)
        status = find_item(requests->catalogue, request.item, &item, error);
    if (status == BUS_OK)
        status = gateway_resync_ask(requests->resync, batch, input->partition, subscriber, item, error);
    if (status == BUS_OK)
        bus_log(BUS_LOG_INFO, "resync asked for", "partition=%d subscriber=%s item=%s%s%s", input->partition,
                subscriber->name, item != NULL ? item->department->name : "all", item != NULL ? "/" : "",
                item != NULL ? item->name : "");
    return status;
}

enum bus_status gateway_requests_take(const struct gateway_requests *requests, struct gateway_batch *batch,
                                      const struct gateway_input *input, struct bus_error *error)
{
    enum bus_status status = gateway_batch_pass(batch, input->topic, input->partition, input->offset, error);
    if (status == BUS_OK)
        status = grant(requests, batch, input, error);
    if (status != BUS_REJECT)
        return status;
    bus_log(BUS_LOG_WARN, "request refused", "topic=%s partition=%d offset=%lld code=%s reason=\"%s / %s\"",
            input->topic, input->partition, (long long)input->offset, error->code, error->message_zh, error->message);
    return BUS_OK;
}
