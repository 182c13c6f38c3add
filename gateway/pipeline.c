#include "gateway/pipeline.h"

#include <stdlib.h>

#include "gateway/authorise.h"
#include "gateway/counts.h"
#include "gateway/decode.h"
#include "gateway/identify.h"
#include "gateway/project.h"
#include "gateway/reconcile.h"
#include "gateway/rights.h"
#include "gateway/sequence.h"
#include "gateway/validate.h"

enum {
    SCRATCH_LIMIT = 2 * BUS_DATUM_MAX_SIZE,
    PIECE = 256, /* exchanges that go through the stages together: what they need stays in the processor's cache */
};

struct gateway_pipeline {
    struct gateway_pipeline_options options;
    struct gateway_decode *decode;
    struct gateway_validate *validate;
    struct bus_terms *terms;
    struct gateway_reconcile reconcile;
    struct gateway_authorise authorise;
    struct bus_buffer scratch; /* of project */
};

typedef enum bus_status stage_function(void *self, struct gateway_exchange *exchange, struct bus_error *error);

static enum bus_status make_reconcile(struct gateway_pipeline *pipeline, struct bus_error *error)
{
    const struct bus_catalogue *catalogue = pipeline->options.catalogue;
    const struct bus_calendar *calendar = bus_catalogue_calendar_view(catalogue);
    enum bus_status status = bus_terms_create(catalogue, calendar, &pipeline->terms, error);
    pipeline->reconcile = (struct gateway_reconcile){catalogue, pipeline->terms, pipeline->options.states};
    return status;
}

enum bus_status gateway_pipeline_create(const struct gateway_pipeline_options *options,
                                        struct gateway_pipeline **out_pipeline, struct bus_error *error)
{
    struct gateway_pipeline *pipeline = calloc(1, sizeof *pipeline);
    if (pipeline == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    pipeline->options = *options;
    pipeline->authorise = (struct gateway_authorise){options->views, options->portfolios};
    bus_buffer_init(&pipeline->scratch, SCRATCH_LIMIT);
    pipeline->decode = gateway_decode_create(options->catalogue, options->prefix);
    enum bus_status status = BUS_OK;
    if (pipeline->decode == NULL)
        status = bus_fail(error, BUS_FATAL, "out of memory");
    if (status == BUS_OK)
        status = make_reconcile(pipeline, error);
    if (status == BUS_OK)
        status = gateway_validate_create(options->catalogue, options->partitions, &pipeline->validate, error);
    if (status == BUS_OK)
        *out_pipeline = pipeline;
    else
        gateway_pipeline_destroy(pipeline);
    return status;
}

void gateway_pipeline_destroy(struct gateway_pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    gateway_decode_destroy(pipeline->decode);
    gateway_validate_destroy(pipeline->validate);
    bus_terms_destroy(pipeline->terms);
    bus_buffer_release(&pipeline->scratch);
    free(pipeline);
}

/* The event goes no further; its reason goes to quarantine. */
static enum bus_status refuse(struct gateway_exchange *exchange, const char *stage, struct bus_error *error)
{
    struct gateway_refusal *refusal = bus_arena_allocate(exchange->arena, sizeof *refusal);
    const char *code = bus_arena_text(exchange->arena, error->code[0] != '\0' ? error->code : "REFUSED");
    const char *reason_zh = bus_arena_text(exchange->arena, error->message_zh);
    const char *reason_en = bus_arena_text(exchange->arena, error->message);
    if (refusal == NULL || code == NULL || reason_zh == NULL || reason_en == NULL)
        return bus_fail(error, BUS_FATAL, "the batch's memory is used up; lower batch_bytes");
    *refusal = (struct gateway_refusal){stage, code, reason_zh, reason_en};
    exchange->refusal = refusal;
    exchange->delivery_count = 0;
    return BUS_OK;
}

static enum bus_status run_stage(stage_function *function, void *self, const char *stage,
                                 struct gateway_exchange *exchange, struct bus_error *error)
{
    enum bus_status status = function(self, exchange, error);
    if (status == BUS_REJECT)
        return refuse(exchange, stage, error);
    if (status != BUS_OK)
        bus_error_prefix(error, "stage %s, %s/%d offset %lld", stage, exchange->topic, exchange->partition,
                         (long long)exchange->offset);
    return status;
}

static bool goes_on(const struct gateway_exchange *exchange)
{
    return exchange->refusal == NULL && exchange->verdict == GATEWAY_ACCEPTED;
}

/* Which exchanges a stage is for, as bits of their causes. */
enum {
    EVENTS = 1 << GATEWAY_CAUSE_EVENT,
    WITH_VALUE = EVENTS | 1 << GATEWAY_CAUSE_RESYNC,
    ALL_CAUSES = -1,
};

/* Some exchanges of a batch. */
struct piece {
    struct gateway_batch *batch;
    size_t from, upto;
};

static struct piece piece_from(struct gateway_batch *batch, size_t from)
{
    size_t left = gateway_batch_count(batch) - from;
    return (struct piece){batch, from, from + (left < PIECE ? left : PIECE)};
}

static enum bus_status run_piece(struct gateway_pipeline *pipeline, const struct piece *piece, stage_function *function,
                                 void *self, const char *stage, int causes, enum gateway_phase phase,
                                 struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = piece->from; status == BUS_OK && i < piece->upto; i++) {
        struct gateway_exchange *exchange = gateway_batch_exchange(piece->batch, i);
        if ((causes >> exchange->cause & 1) != 0 && goes_on(exchange))
            status = run_stage(function, self, stage, exchange, error);
    }
    gateway_meter_lap(pipeline->options.meter, phase);
    return status;
}

static bool is_event(const struct gateway_exchange *exchange)
{
    return exchange->cause == GATEWAY_CAUSE_EVENT && goes_on(exchange);
}

static void identify(struct gateway_pipeline *pipeline, const struct piece *piece)
{
    struct gateway_exchange *list[PIECE];
    size_t count = 0;
    for (size_t i = piece->from; i < piece->upto; i++)
        if (is_event(gateway_batch_exchange(piece->batch, i)))
            list[count++] = gateway_batch_exchange(piece->batch, i);
    gateway_identify(pipeline->options.keyer, list, count);
}

/* What each event says, whether it may be so, and which places of the state it is about. */
static enum bus_status read_piece(struct gateway_pipeline *pipeline, const struct piece *piece, int64_t now_ms,
                                  struct bus_error *error)
{
    for (size_t i = piece->from; i < piece->upto; i++)
        gateway_batch_exchange(piece->batch, i)->now_ms = now_ms;
    enum bus_status status =
        run_piece(pipeline, piece, gateway_decode, pipeline->decode, "decode", WITH_VALUE, GATEWAY_PHASE_DECODE, error);
    if (status != BUS_OK)
        return status;
    identify(pipeline, piece);
    status = run_piece(pipeline, piece, gateway_validate, pipeline->validate, "validate", EVENTS,
                       GATEWAY_PHASE_VALIDATE, error);
    if (status != BUS_OK)
        return status;
    return run_piece(pipeline, piece, gateway_reconcile_want, &pipeline->reconcile, "reconcile", EVENTS,
                     GATEWAY_PHASE_RECONCILE, error);
}

static enum bus_status read_all(struct gateway_pipeline *pipeline, struct gateway_batch *batch, int64_t now_ms,
                                struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    struct piece piece;
    for (size_t from = 0; status == BUS_OK && from < gateway_batch_count(batch); from = piece.upto) {
        piece = piece_from(batch, from);
        status = read_piece(pipeline, &piece, now_ms, error);
    }
    return status;
}

/* Reads what reconcile will ask of the states, each in the order of its keys. */
static enum bus_status fetch_states(struct gateway_pipeline *pipeline, struct gateway_batch *batch,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    for (size_t i = 0; status == BUS_OK && i < gateway_batch_source_count(batch); i++) {
        int32_t partition = gateway_batch_source(batch, i)->partition;
        status = gateway_state_fetch(pipeline->options.states->of[partition], error);
    }
    return status;
}

/* Reconcile and authorise take turns: the next event of the same record must see its holders. */
static enum bus_status decide(struct gateway_pipeline *pipeline, struct gateway_exchange *exchange, uint64_t *ticks,
                              uint64_t *authorise_ticks, struct bus_error *error)
{
    enum bus_status status = gateway_sequence(pipeline->options.states, exchange, error);
    if (status != BUS_OK || exchange->refusal != NULL)
        return status;
    status = run_stage(gateway_reconcile, &pipeline->reconcile, "reconcile", exchange, error);
    uint64_t now = gateway_meter_ticks();
    *ticks += now;
    if (status == BUS_OK && goes_on(exchange))
        status = run_stage(gateway_authorise, &pipeline->authorise, "authorise", exchange, error);
    uint64_t after = gateway_meter_ticks();
    *authorise_ticks += after - now;
    *ticks -= after;
    if (status == BUS_OK && goes_on(exchange) && exchange->cause != GATEWAY_CAUSE_MARKER)
        status = gateway_reconcile_keep(&pipeline->reconcile, exchange, error);
    return status;
}

/* What an accepted rights event does to its record stands right behind it, and is decided next. */
static enum bus_status follow(struct gateway_pipeline *pipeline, struct gateway_batch *batch, size_t index,
                              struct bus_error *error)
{
    const struct gateway_exchange *exchange = gateway_batch_exchange(batch, index);
    bool has_consequence = exchange->cause == GATEWAY_CAUSE_EVENT && goes_on(exchange) &&
                           exchange->item->rights != BUS_RIGHTS_NONE && exchange->rights.step != exchange->last_step;
    return has_consequence ? gateway_rights_follow(&pipeline->reconcile, batch, index, error) : BUS_OK;
}

static enum bus_status decide_piece(struct gateway_pipeline *pipeline, const struct piece *piece,
                                    struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    uint64_t authorise_ticks = 0, ticks = 0 - gateway_meter_ticks();
    for (size_t i = piece->from; status == BUS_OK && i < piece->upto; i++) {
        status = decide(pipeline, gateway_batch_exchange(piece->batch, i), &ticks, &authorise_ticks, error);
        if (status == BUS_OK)
            status = follow(pipeline, piece->batch, i, error);
    }
    ticks += gateway_meter_ticks();
    gateway_meter_lap_divided(pipeline->options.meter, GATEWAY_PHASE_RECONCILE, ticks, GATEWAY_PHASE_AUTHORISE,
                              authorise_ticks);
    return status;
}

/* Consequences make the batch longer meanwhile; those of a piece's end come with the next. */
static enum bus_status decide_all(struct gateway_pipeline *pipeline, struct gateway_batch *batch,
                                  struct bus_error *error)
{
    enum bus_status status = BUS_OK;
    struct piece piece;
    for (size_t from = 0; status == BUS_OK && from < gateway_batch_count(batch); from = piece.upto) {
        piece = piece_from(batch, from);
        status = decide_piece(pipeline, &piece, error);
        if (status == BUS_OK)
            status = run_piece(pipeline, &piece, gateway_project, &pipeline->scratch, "project", ALL_CAUSES,
                               GATEWAY_PHASE_PROJECT, error);
    }
    return status;
}

/* A partition that is not ours, or whose state is not ready, would be a mistake of the worker. */
static enum bus_status check_states(const struct gateway_pipeline *pipeline, struct gateway_batch *batch,
                                    struct bus_error *error)
{
    for (size_t i = 0; i < gateway_batch_source_count(batch); i++) {
        const struct gateway_source *source = gateway_batch_source(batch, i);
        if (source->partition >= pipeline->options.states->count ||
            pipeline->options.states->of[source->partition] == NULL)
            return bus_fail(error, BUS_FATAL, "a record of %s/%d came, whose state this worker does not hold",
                            source->topic, source->partition);
    }
    return BUS_OK;
}

enum bus_status gateway_pipeline_run(struct gateway_pipeline *pipeline, struct gateway_batch *batch, int64_t now_ms,
                                     struct bus_error *error)
{
    enum bus_status status = check_states(pipeline, batch, error);
    if (status == BUS_OK)
        status = read_all(pipeline, batch, now_ms, error);
    if (status == BUS_OK)
        status = fetch_states(pipeline, batch, error);
    gateway_meter_lap(pipeline->options.meter, GATEWAY_PHASE_RECONCILE);
    if (status == BUS_OK)
        status = decide_all(pipeline, batch, error);
    if (status == BUS_OK)
        status = gateway_counts_batch(pipeline->options.catalogue, pipeline->options.states, batch,
                                      pipeline->options.meter, error);
    gateway_meter_lap(pipeline->options.meter, GATEWAY_PHASE_BOOKS);
    return status;
}
