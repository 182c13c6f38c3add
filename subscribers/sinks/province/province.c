#include "subscribers/sinks/province/province.h"

#include <limits.h>
#include <stdlib.h>

#include "bus/clock.h"
#include "subscribers/sinks/province/compare.h"
#include "subscribers/sinks/province/job.h"

enum { MAX_ROWS = 1000 };

static const struct bus_option options[] = {
    HTTP_CLIENT_OPTIONS,
    {"mapping", BUS_OPTION_TEXT, NULL, 0, 0, NULL, "file that says which item becomes which row: province.md"},
    {"signing_key", BUS_OPTION_TEXT, "", 0, 0, NULL,
     "PEM file of the private SM2 key by which batches are signed, mode 0600; \"\" = they are not"},
    {"batch_rows", BUS_OPTION_INTEGER, "500", 1, MAX_ROWS, NULL, "rows in one request at most"},
    PROVINCE_COMPARE_OPTIONS,
    {0},
};

struct province {
    struct province_mapping *mapping;
    struct province_work work;
    struct province_compare *compare;
    struct province_job **jobs; /* under way, done and not collected, or resting */
    size_t count, capacity;
};

/* ── opening ── */

static void province_close(void *self)
{
    struct province *province = self;
    if (province == NULL)
        return;
    for (size_t i = 0; i < province->count; i++)
        province_job_destroy(province->jobs[i]);
    free(province->jobs);
    province_compare_close(province->compare);
    province_line_close(province->work.line);
    province_mapping_destroy(province->mapping);
    free(province);
}

static enum bus_status open_mapping(struct province *province, const struct subscribers_sink_context *context,
                                    const struct bus_settings_node *group, struct bus_error *error)
{
    char path[PATH_MAX];
    enum bus_status status =
        bus_settings_resolve_existing(context->settings, group, options, "mapping", path, sizeof path, error);
    if (status == BUS_OK)
        status = province_mapping_open(path, &province->mapping, error);
    if (status == BUS_OK)
        status = province_mapping_check(province->mapping, context->catalogues, error);
    return status;
}

static enum bus_status province_open(const struct subscribers_sink_context *context,
                                     const struct bus_settings_node *group, void **out_self, struct bus_error *error)
{
    struct province *province = calloc(1, sizeof *province);
    if (province == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    province->work.memory = context->memory;
    province->work.batch_rows = (size_t)bus_settings_integer(group, options, "batch_rows");
    enum bus_status status = open_mapping(province, context, group, error);
    if (status == BUS_OK)
        status = province_line_open(context->settings, group, options, &province->work.line, error);
    province->work.mapping = province->mapping;
    if (status == BUS_OK)
        status = province_compare_open(context, group, options, province->work.line, province->mapping,
                                       &province->compare, error);
    if (status == BUS_OK)
        *out_self = province;
    else
        province_close(province);
    return status;
}

static void province_bounds(const void *self, struct subscribers_sink_bounds *out_bounds)
{
    *out_bounds = (struct subscribers_sink_bounds){.records = ((const struct province *)self)->work.batch_rows};
}

static enum bus_status province_renew(void *self, const struct subscribers_sink_context *context,
                                      struct bus_error *error)
{
    return province_mapping_check(((struct province *)self)->mapping, context->catalogues, error);
}

/* ── batches ── */

static enum bus_status reserve(struct province *province, struct bus_error *error)
{
    if (province->count < province->capacity)
        return BUS_OK;
    size_t capacity = province->capacity == 0 ? 16 : 2 * province->capacity;
    struct province_job **jobs = realloc(province->jobs, capacity * sizeof(struct province_job *));
    if (jobs == NULL)
        return bus_fail(error, BUS_FATAL, "out of memory");
    province->jobs = jobs;
    province->capacity = capacity;
    return BUS_OK;
}

static void drop(struct province *province, size_t index)
{
    province_job_destroy(province->jobs[index]);
    province->jobs[index] = province->jobs[--province->count];
}

/* The job that rests for the partition; count when there is none. */
static size_t find_resting(const struct province *province, int32_t partition)
{
    size_t at = 0;
    while (at < province->count &&
           (!province_job_rests(province->jobs[at]) || province_job_partition(province->jobs[at]) != partition))
        at++;
    return at;
}

static enum bus_status resume(struct province *province, struct subscribers_batch *batch, bool *out_goes_on,
                              struct bus_error *error)
{
    *out_goes_on = false;
    size_t at = batch->count > 0 ? find_resting(province, batch->deliveries[0].partition) : province->count;
    if (at == province->count)
        return BUS_OK;
    enum bus_status status = province_job_resume(province->jobs[at], batch, out_goes_on, error);
    if (status != BUS_OK || !*out_goes_on)
        drop(province, at);
    return status;
}

static enum bus_status province_send(void *self, struct subscribers_batch *batch, struct bus_error *error)
{
    struct province *province = self;
    bool goes_on;
    enum bus_status status = resume(province, batch, &goes_on, error);
    if (status != BUS_OK || goes_on)
        return status;
    status = reserve(province, error);
    if (status == BUS_OK)
        status = province_job_start(&province->work, batch, &province->jobs[province->count], error);
    if (status == BUS_OK)
        province->count++;
    return status;
}

/* Gives back a batch that is done; NULL when none is. */
static enum bus_status finish_one(struct province *province, struct subscribers_batch **out_batch,
                                  struct bus_error *error)
{
    for (size_t i = 0; i < province->count; i++) {
        if (!province_job_is_done(province->jobs[i]) || province_job_rests(province->jobs[i]))
            continue;
        *out_batch = province_job_batch(province->jobs[i]);
        enum bus_status status = province_job_finish(province->jobs[i], error);
        if (!province_job_rests(province->jobs[i]))
            drop(province, i);
        return status;
    }
    return BUS_OK;
}

static bool is_busy(const struct province *province)
{
    for (size_t i = 0; i < province->count; i++)
        if (!province_job_rests(province->jobs[i]))
            return true;
    return false;
}

static enum bus_status province_collect(void *self, int timeout_ms, struct subscribers_batch **out_batch,
                                        struct bus_error *error)
{
    struct province *province = self;
    int64_t until_ms = bus_clock_monotonic_ms() + timeout_ms;
    *out_batch = NULL;
    enum bus_status status = finish_one(province, out_batch, error);
    while (*out_batch == NULL && status == BUS_OK && is_busy(province)) {
        int64_t left_ms = until_ms - bus_clock_monotonic_ms();
        bool found = false;
        status = province_line_drive(province->work.line, left_ms > 0 ? (int)left_ms : 0, &found, error);
        if (status == BUS_OK && !found && left_ms <= 0)
            break;
        if (status == BUS_OK)
            status = finish_one(province, out_batch, error);
    }
    return status;
}

static void province_abandon(void *self, struct subscribers_batch *batch)
{
    struct province *province = self;
    for (size_t i = 0; i < province->count; i++)
        if (province_job_batch(province->jobs[i]) == batch) {
            drop(province, i);
            return;
        }
}

/* ── comparison ── */

static enum bus_status province_idle(void *self, const int32_t *partitions, size_t count, struct bus_error *error)
{
    return province_compare_idle(((struct province *)self)->compare, partitions, count, error);
}

static enum bus_status province_order(void *self, struct bus_bytes kind, struct bus_bytes subject,
                                      struct bus_error *error)
{
    return province_compare_order(((struct province *)self)->compare, kind, subject, error);
}

const struct subscribers_sink subscribers_province = {
    .name = "province",
    .options = options,
    .open = province_open,
    .bounds = province_bounds,
    .renew = province_renew,
    .send = province_send,
    .collect = province_collect,
    .abandon = province_abandon,
    .idle = province_idle,
    .order = province_order,
    .close = province_close,
};
