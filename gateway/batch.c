#include "gateway/batch.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    /* What stages may need for each input byte and record, and projections and hashing for each delivery of it; the bound
     * that makes memory finite, and must not be what a legal batch meets: it would meet it again for ever. */
    ARENA_A_BYTE = 24,
    ARENA_A_RECORD = 4096,
    ARENA_A_DELIVERED_BYTE = 2, /* the value, and what hashing makes of it */
    ARENA_A_DELIVERY = 512,
    ARENA_LEAST = 32 * 1024 * 1024,
    /* Each input may have a consequence; what is appended ends with the batch being full. */
    EXCHANGES_A_RECORD = 2,
    EXCHANGES_LEAST = 1024,
    LOG_NAME_SIZE = BUS_TOPIC_SIZE + 16,
};

struct gateway_batch {
    struct gateway_batch_options options;
    struct bus_arena *arena;
    struct gateway_exchange *inputs; /* of max_records; the gateway's own exchanges lie in the arena */
    size_t input_count;
    struct gateway_exchange **exchanges; /* all, in order */
    size_t count, capacity, bytes;
    struct gateway_source
        *sources[GATEWAY_MAX_SOURCES]; /* kept from batch to batch; the first source_count are in use */
    size_t source_count, source_made;
    size_t last_source;
    uint32_t *output_index; /* [partition][subscriber]: index of the output plus one */
    bool *touched;          /* by partition */
    bool touched_any;
    struct gateway_told *told, *last_told;
};

/* A record may go to every subscriber. The last record may stand beyond max_bytes. */
static size_t arena_limit(const struct gateway_batch_options *options)
{
    size_t subscribers = bus_catalogue_subscriber_count(options->catalogue);
    size_t bytes = options->max_bytes + BUS_DATUM_MAX_SIZE;
    return bytes * (ARENA_A_BYTE + subscribers * ARENA_A_DELIVERED_BYTE) +
           options->max_records * (ARENA_A_RECORD + subscribers * ARENA_A_DELIVERY) + ARENA_LEAST;
}

struct gateway_batch *gateway_batch_create(const struct gateway_batch_options *options)
{
    struct gateway_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->options = *options;
    batch->arena = bus_arena_create(arena_limit(options));
    batch->capacity = options->max_records * EXCHANGES_A_RECORD + EXCHANGES_LEAST;
    batch->inputs = calloc(options->max_records, sizeof *batch->inputs);
    batch->exchanges = calloc(batch->capacity, sizeof(struct gateway_exchange *));
    batch->output_index =
        calloc((size_t)options->partitions * BUS_CATALOGUE_MAX_SUBSCRIBERS, sizeof *batch->output_index);
    batch->touched = calloc((size_t)options->partitions, sizeof *batch->touched);
    if (batch->touched != NULL && batch->arena != NULL && batch->inputs != NULL && batch->exchanges != NULL &&
        batch->output_index != NULL)
        return batch;
    gateway_batch_destroy(batch);
    return NULL;
}

void gateway_batch_destroy(struct gateway_batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->source_made; i++)
        free(batch->sources[i]);
    bus_arena_destroy(batch->arena);
    free(batch->inputs);
    free(batch->exchanges);
    free(batch->output_index);
    free(batch->touched);
    free(batch);
}

void gateway_batch_reset(struct gateway_batch *batch)
{
    bus_arena_reset(batch->arena);
    batch->input_count = 0;
    batch->count = 0;
    batch->bytes = 0;
    batch->source_count = 0;
    batch->last_source = 0;
    memset(batch->touched, 0, (size_t)batch->options.partitions * sizeof *batch->touched);
    batch->touched_any = false;
    batch->told = batch->last_told = NULL;
}

void gateway_batch_set_catalogue(struct gateway_batch *batch, const struct bus_catalogue *catalogue)
{
    gateway_batch_reset(batch);
    batch->options.catalogue = catalogue;
}

const struct bus_catalogue *gateway_batch_catalogue(const struct gateway_batch *batch)
{
    return batch->options.catalogue;
}

void gateway_batch_touch(struct gateway_batch *batch, int32_t partition)
{
    batch->touched[partition] = true;
    batch->touched_any = true;
}

bool gateway_batch_touches(const struct gateway_batch *batch, int32_t partition)
{
    return batch->touched[partition];
}

bool gateway_batch_is_empty(const struct gateway_batch *batch)
{
    return !batch->touched_any;
}

static struct gateway_source *find_source(struct gateway_batch *batch, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < batch->source_count; i++) {
        size_t at = (batch->last_source + i) % batch->source_count; /* records of one source come in runs */
        struct gateway_source *source = batch->sources[at];
        if (source->partition == partition && strcmp(source->topic, topic) == 0) {
            batch->last_source = at;
            return source;
        }
    }
    return NULL;
}

static enum bus_status make_source(struct gateway_batch *batch, const char *topic, const struct bus_item *item,
                                   int32_t partition, struct gateway_source **out_source, struct bus_error *error)
{
    if (batch->source_count == GATEWAY_MAX_SOURCES)
        return bus_fail(error, BUS_FATAL, "more than %d topic partitions in one worker: start more workers",
                        GATEWAY_MAX_SOURCES);
    if (batch->source_count == batch->source_made) {
        batch->sources[batch->source_made] = malloc(sizeof **batch->sources);
        if (batch->sources[batch->source_made] == NULL)
            return bus_fail(error, BUS_FATAL, "out of memory");
        batch->source_made++;
    }
    batch->last_source = batch->source_count;
    struct gateway_source *source = batch->sources[batch->source_count++];
    *source = (struct gateway_source){.partition = partition, .item = item, .first = -1, .next = -1};
    snprintf(source->topic, sizeof source->topic, "%s", topic);
    gateway_batch_touch(batch, partition);
    *out_source = source;
    return BUS_OK;
}

static enum bus_status make_input_source(struct gateway_batch *batch, const struct gateway_input *input,
                                         struct gateway_source **out_source, struct bus_error *error)
{
    const struct bus_item *item = bus_topic_item(batch->options.catalogue, batch->options.prefix, input->topic);
    if (item == NULL)
        return bus_fail(error, BUS_FATAL, "topic %s is no topic of the catalogue", input->topic);
    if (input->partition < 0 || input->partition >= batch->options.partitions)
        return bus_fail(error, BUS_FATAL, "topic %s has a partition %d, but partitions = %d is configured",
                        input->topic, input->partition, batch->options.partitions);
    return make_source(batch, input->topic, item, input->partition, out_source, error);
}

/* A name that could stand in a configuration file; anything else in the header is no adapter's. */
static struct bus_bytes adapter_name(struct bus_bytes header)
{
    bool good = header.length <= GATEWAY_ADAPTER_NAME_MAX;
    for (size_t i = 0; good && i < header.length; i++)
        good = header.data[i] > ' ' && header.data[i] < 0x7f;
    return good ? header : (struct bus_bytes){NULL, 0};
}

enum bus_status gateway_batch_add(struct gateway_batch *batch, const struct gateway_input *input,
                                  struct bus_error *error)
{
    if (batch->input_count == batch->options.max_records)
        return bus_fail(error, BUS_FATAL, "batch of %zu records is full", batch->input_count);
    struct gateway_source *source = find_source(batch, input->topic, input->partition);
    enum bus_status status = source != NULL ? BUS_OK : make_input_source(batch, input, &source, error);
    if (status != BUS_OK)
        return status;
    if (source->first < 0)
        source->first = input->offset;
    source->next = input->offset + 1;
    batch->bytes += input->key.length + input->value.length;
    struct gateway_exchange *exchange = &batch->inputs[batch->input_count++];
    batch->exchanges[batch->count++] = exchange;
    *exchange = (struct gateway_exchange){
        .source = source,
        .topic = source->topic,
        .partition = input->partition,
        .offset = input->offset,
        .key = input->key,
        .value = input->value,
        .adapter = adapter_name(input->adapter),
        .replay = input->replay,
        .arena = batch->arena,
    };
    return BUS_OK;
}

enum bus_status gateway_batch_pass(struct gateway_batch *batch, const char *topic, int32_t partition, int64_t offset,
                                   struct bus_error *error)
{
    struct gateway_source *source = find_source(batch, topic, partition);
    enum bus_status status = source != NULL ? BUS_OK : make_source(batch, topic, NULL, partition, &source, error);
    if (status != BUS_OK)
        return status;
    if (source->first < 0)
        source->first = offset;
    source->next = offset + 1;
    return BUS_OK;
}

static enum bus_status make_own(struct gateway_batch *batch, enum gateway_cause cause, const struct bus_item *item,
                                int32_t partition, struct bus_bytes value, struct gateway_exchange **out_exchange,
                                struct bus_error *error)
{
    struct gateway_source *source = NULL;
    struct gateway_exchange *exchange = bus_arena_allocate(batch->arena, sizeof *exchange);
    if (exchange == NULL || batch->count == batch->capacity)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_records");
    for (size_t i = 0; source == NULL && i < batch->source_count; i++)
        if (batch->sources[i]->item == item && batch->sources[i]->partition == partition)
            source = batch->sources[i];
    if (source == NULL) {
        char topic[BUS_TOPIC_SIZE];
        bus_topic_in(batch->options.prefix, item, topic);
        enum bus_status status = make_source(batch, topic, item, partition, &source, error);
        if (status != BUS_OK)
            return status;
    }
    batch->bytes += value.length;
    *exchange = (struct gateway_exchange){
        .cause = cause,
        .source = source,
        .topic = source->topic,
        .partition = partition,
        .offset = -1,
        .value = value,
        .item = item,
        .arena = batch->arena,
    };
    *out_exchange = exchange;
    return BUS_OK;
}

enum bus_status gateway_batch_append(struct gateway_batch *batch, enum gateway_cause cause, const struct bus_item *item,
                                     int32_t partition, struct bus_bytes value, struct gateway_exchange **out_exchange,
                                     struct bus_error *error)
{
    enum bus_status status = make_own(batch, cause, item, partition, value, out_exchange, error);
    if (status == BUS_OK)
        batch->exchanges[batch->count++] = *out_exchange;
    return status;
}

enum bus_status gateway_batch_insert_after(struct gateway_batch *batch, size_t index, enum gateway_cause cause,
                                           const struct bus_item *item, struct gateway_exchange **out_exchange,
                                           struct bus_error *error)
{
    enum bus_status status = make_own(batch, cause, item, batch->exchanges[index]->partition,
                                      (struct bus_bytes){NULL, 0}, out_exchange, error);
    if (status != BUS_OK)
        return status;
    memmove(&batch->exchanges[index + 2], &batch->exchanges[index + 1],
            (batch->count - index - 1) * sizeof(struct gateway_exchange *));
    batch->exchanges[index + 1] = *out_exchange;
    batch->count++;
    return BUS_OK;
}

static bool keep_text(struct gateway_batch *batch, struct bus_bytes *text)
{
    uint8_t *copy = text->length > 0 ? bus_arena_allocate(batch->arena, text->length) : NULL;
    if (text->length == 0)
        return true;
    if (copy == NULL)
        return false;
    memcpy(copy, text->data, text->length);
    text->data = copy;
    return true;
}

enum bus_status gateway_batch_tell(struct gateway_batch *batch, int32_t partition,
                                   const struct bus_quarantined *quarantined, struct bus_error *error)
{
    struct gateway_told *told = bus_arena_allocate(batch->arena, sizeof *told);
    if (told == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_records");
    *told = (struct gateway_told){.partition = partition, .quarantined = *quarantined};
    struct bus_quarantined *own = &told->quarantined;
    struct bus_bytes *const texts[] = {&own->department, &own->item,      &own->stage,       &own->code,
                                       &own->reason_zh,  &own->reason_en, &own->source,      &own->topic,
                                       &own->adapter,    &own->original,  &own->original_key};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!keep_text(batch, texts[i]))
            return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_records");
    if (batch->last_told != NULL)
        batch->last_told->next = told;
    else
        batch->told = told;
    batch->last_told = told;
    return BUS_OK;
}

const struct gateway_told *gateway_batch_told_view(const struct gateway_batch *batch)
{
    return batch->told;
}

bool gateway_batch_is_full(const struct gateway_batch *batch)
{
    return batch->count >= batch->options.max_records || batch->bytes >= batch->options.max_bytes;
}

size_t gateway_batch_count(const struct gateway_batch *batch)
{
    return batch->count;
}

struct gateway_exchange *gateway_batch_exchange(struct gateway_batch *batch, size_t index)
{
    return batch->exchanges[index];
}

size_t gateway_batch_source_count(const struct gateway_batch *batch)
{
    return batch->source_count;
}

struct gateway_source *gateway_batch_source(struct gateway_batch *batch, size_t index)
{
    return batch->sources[index];
}

struct bus_arena *gateway_batch_arena(struct gateway_batch *batch)
{
    return batch->arena;
}

static uint32_t *output_index(struct gateway_batch *batch, const struct gateway_exchange *exchange,
                              const struct gateway_delivery *delivery)
{
    return &batch->output_index[(size_t)exchange->partition * BUS_CATALOGUE_MAX_SUBSCRIBERS +
                                (size_t)delivery->view->grant->subscriber->number];
}

/* First pass: which logs grow, and by how many records. */
static size_t count_outputs(struct gateway_batch *batch, struct gateway_output *outputs)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const struct gateway_exchange *exchange = batch->exchanges[i];
        for (size_t j = 0; j < exchange->delivery_count; j++) {
            uint32_t *index = output_index(batch, exchange, &exchange->deliveries[j]);
            if (*index == 0) {
                outputs[count] = (struct gateway_output){.subscriber = exchange->deliveries[j].view->grant->subscriber,
                                                         .partition = exchange->partition};
                *index = (uint32_t)++count;
            }
            outputs[*index - 1].count++;
        }
    }
    return count;
}

static bool make_output(const struct gateway_batch *batch, struct gateway_output *output)
{
    char *topic = bus_arena_allocate(batch->arena, BUS_TOPIC_SIZE),
         *log = bus_arena_allocate(batch->arena, LOG_NAME_SIZE);
    output->exchanges = bus_arena_allocate(batch->arena, output->count * sizeof *output->exchanges);
    output->deliveries = bus_arena_allocate(batch->arena, output->count * sizeof *output->deliveries);
    output->keys = bus_arena_allocate(batch->arena, output->count * sizeof *output->keys);
    output->values = bus_arena_allocate(batch->arena, output->count * sizeof *output->values);
    if (topic == NULL || log == NULL || output->exchanges == NULL || output->deliveries == NULL ||
        output->keys == NULL || output->values == NULL)
        return false;
    bus_topic_out(batch->options.prefix, output->subscriber->name, topic);
    snprintf(log, LOG_NAME_SIZE, "%s/%d", topic, output->partition);
    output->topic = topic;
    output->log = log;
    output->count = 0; /* filled by the second pass */
    return true;
}

static void fill_outputs(struct gateway_batch *batch, struct gateway_output *outputs)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct gateway_exchange *exchange = batch->exchanges[i];
        for (size_t j = 0; j < exchange->delivery_count; j++) {
            struct gateway_delivery *delivery = &exchange->deliveries[j];
            struct gateway_output *output = &outputs[*output_index(batch, exchange, delivery) - 1];
            size_t at = output->count++;
            output->exchanges[at] = exchange;
            output->deliveries[at] = delivery;
            output->keys[at] = bus_bytes_of(exchange->record, BUS_IDENTITY_SIZE);
            output->values[at] = delivery->value;
        }
    }
}

/* No more logs than deliveries, nor than subscribers of the partitions that the batch touches. */
static size_t most_outputs(const struct gateway_batch *batch)
{
    size_t deliveries = 0;
    for (size_t i = 0; i < batch->count; i++)
        deliveries += batch->exchanges[i]->delivery_count;
    size_t logs = batch->source_count * BUS_CATALOGUE_MAX_SUBSCRIBERS;
    return deliveries < logs ? deliveries : logs;
}

enum bus_status gateway_batch_outputs(struct gateway_batch *batch, struct gateway_output **out_outputs,
                                      size_t *out_count, struct bus_error *error)
{
    struct gateway_output *outputs = bus_arena_allocate(batch->arena, most_outputs(batch) * sizeof *outputs);
    bool enough = outputs != NULL;
    size_t count = enough ? count_outputs(batch, outputs) : 0;
    for (size_t i = 0; enough && i < count; i++)
        enough = make_output(batch, &outputs[i]);
    if (enough)
        fill_outputs(batch, outputs);
    memset(batch->output_index, 0,
           (size_t)batch->options.partitions * BUS_CATALOGUE_MAX_SUBSCRIBERS * sizeof *batch->output_index);
    if (!enough)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    *out_outputs = outputs;
    *out_count = count;
    return BUS_OK;
}
