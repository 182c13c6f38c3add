#include "subscribers/sinks/postgresql/resync.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/log.h"

enum { NUMBER_SIZE = 24, SWEEP_PARAMETERS = 4, MARK_PARAMETERS = 6 };

enum bus_status postgresql_resync_init(struct postgresql_resync *resync, struct postgresql_client *client,
                                       const char *topic, const char *schema, bool marks, struct bus_error *error)
{
    *resync = (struct postgresql_resync){
        .client = client,
        .topic = topic,
        .marks = marks,
        .begin_sql = postgresql_statement(
            "INSERT INTO ", schema,
            "xinqiao_resync (topic, partition, department, item, leaf) VALUES ($1, $2::integer, $3, $4, $5::bigint) "
            "ON CONFLICT (topic, partition, department, item) DO UPDATE SET leaf = excluded.leaf"),
        .end_sql = postgresql_statement("DELETE FROM ", schema,
                                        "xinqiao_resync WHERE topic = $1 AND partition = $2::integer "
                                        "AND department = $3 AND item = $4 RETURNING leaf"),
    };
    return resync->begin_sql != NULL && resync->end_sql != NULL
               ? BUS_OK
               : bus_fail(error, BUS_FATAL, "out of memory for the statements");
}

void postgresql_resync_release(struct postgresql_resync *resync)
{
    free(resync->begin_sql);
    free(resync->end_sql);
    *resync = (struct postgresql_resync){0};
}

static enum bus_status begin(const struct postgresql_resync *resync, const struct postgresql_parameter place[5],
                             struct bus_error *error)
{
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(resync->client, resync->begin_sql, place, 5, &rows, error);
    if (status == BUS_OK)
        postgresql_rows_destroy(rows);
    return status;
}

/* Takes the begin off the table; its leaf as text, "" when there was none. */
static enum bus_status take_begin(const struct postgresql_resync *resync, const struct postgresql_parameter place[4],
                                  char out_leaf[NUMBER_SIZE], struct bus_error *error)
{
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(resync->client, resync->end_sql, place, 4, &rows, error);
    if (status != BUS_OK)
        return status;
    snprintf(out_leaf, NUMBER_SIZE, "%s", postgresql_rows_count(rows) > 0 ? postgresql_rows_text_view(rows, 0, 0) : "");
    postgresql_rows_destroy(rows);
    return BUS_OK;
}

static void tell(const struct subscribers_delivery *marker, const char *begun, long removed)
{
    const struct bus_item *item = marker->view->item;
    if (begun[0] == '\0')
        bus_log(
            BUS_LOG_WARN,
            "全量同步只见结束、不见开始，未移除任何记录 / the end of a resync whose begin was not seen: nothing is removed; "
            "xinqiao resync asks for another",
            "item=%s.%s partition=%d leaf=%llu", item->department->name, item->name, (int)marker->partition,
            (unsigned long long)marker->leaf);
    else
        bus_log(removed > 0 ? BUS_LOG_INFO : BUS_LOG_DEBUG, "全量同步完成 / resync done",
                "item=%s.%s partition=%d from=%s to=%llu removed=%ld", item->department->name, item->name,
                (int)marker->partition, begun, (unsigned long long)marker->leaf, removed);
}

static enum bus_status end(const struct postgresql_resync *resync, const struct subscribers_delivery *marker,
                           const struct postgresql_table *table, const struct postgresql_parameter place[5],
                           struct bus_error *error)
{
    char begun[NUMBER_SIZE], delivered_at[NUMBER_SIZE];
    enum bus_status status = take_begin(resync, place, begun, error);
    if (status != BUS_OK)
        return status;
    if (begun[0] == '\0') {
        tell(marker, begun, 0);
        return BUS_OK;
    }
    snprintf(delivered_at, sizeof delivered_at, "%lld", (long long)marker->delivered_at_ms);
    const struct postgresql_parameter parameters[MARK_PARAMETERS] = {
        place[0], place[1], place[2], {bus_bytes_text(begun), false}, place[4], {bus_bytes_text(delivered_at), false}};
    struct postgresql_rows *rows;
    status = postgresql_client_ask(resync->client, table->sql.sweep, parameters,
                                   resync->marks ? MARK_PARAMETERS : SWEEP_PARAMETERS, &rows, error);
    if (status != BUS_OK)
        return status;
    tell(marker, begun, postgresql_rows_affected(rows));
    postgresql_rows_destroy(rows);
    return BUS_OK;
}

enum bus_status postgresql_resync_apply(const struct postgresql_resync *resync,
                                        const struct subscribers_delivery *marker, const struct postgresql_table *table,
                                        struct bus_error *error)
{
    char partition[NUMBER_SIZE], leaf[NUMBER_SIZE];
    snprintf(partition, sizeof partition, "%d", (int)marker->partition);
    snprintf(leaf, sizeof leaf, "%llu", (unsigned long long)marker->leaf);
    const struct postgresql_parameter place[] = {{bus_bytes_text(resync->topic), false},
                                                 {bus_bytes_text(partition), false},
                                                 {bus_bytes_text(marker->view->item->department->name), false},
                                                 {bus_bytes_text(marker->view->item->name), false},
                                                 {bus_bytes_text(leaf), false}};
    return marker->operation == BUS_DELIVERY_RESYNC_BEGIN ? begin(resync, place, error)
                                                          : end(resync, marker, table, place, error);
}
