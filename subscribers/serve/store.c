#include "subscribers/serve/store.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/catalogue.h"
#include "bus/log.h"

#define NO_SUCH_TABLE "PG_42P01"

enum { NUMBER_SIZE = 24, SETUP_SIZE = 128 };

struct serve_store {
    const struct serve_settings *settings;
    struct postgresql_client *client;
    char topic[BUS_TOPIC_SIZE];
    char *access_name, *access_make, *access_add, *freshness, *positions;
    uint64_t generation; /* of the connection that was set up */
};

struct serve_store *serve_store_create(const struct serve_settings *settings)
{
    struct serve_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    const char *schema = settings->schema;
    store->settings = settings;
    store->client = postgresql_client_create(settings->connection);
    bus_topic_out(settings->agent->kafka.prefix, settings->agent->subscriber, store->topic);
    store->access_name = postgresql_statement("", schema, "xinqiao_access");
    store->access_make = postgresql_statement(
        "CREATE TABLE IF NOT EXISTS ", schema,
        "xinqiao_access (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), "
        "client text NOT NULL, officer text NOT NULL, purpose text NOT NULL, kind text NOT NULL, subject text NOT NULL, "
        "form text NOT NULL, records integer NOT NULL)");
    store->access_add = postgresql_statement(
        "INSERT INTO ", schema,
        "xinqiao_access (client, officer, purpose, kind, subject, form, records) VALUES ($1, $2, $3, $4, $5, $6, $7::integer)");
    /* The column sealed_at is younger than the table. */
    store->freshness = postgresql_statement(
        "SELECT (extract(epoch FROM max((to_jsonb(p)->>'sealed_at')::timestamptz)) * 1000)::bigint, "
        "(extract(epoch FROM max(changed_at)) * 1000)::bigint FROM ",
        schema, "xinqiao_position p WHERE topic = $1");
    store->positions =
        postgresql_statement("SELECT partition, next_offset FROM ", schema, "xinqiao_position WHERE topic = $1");
    if (store->client != NULL && store->access_name != NULL && store->access_make != NULL &&
        store->access_add != NULL && store->freshness != NULL && store->positions != NULL)
        return store;
    serve_store_destroy(store);
    return NULL;
}

void serve_store_destroy(struct serve_store *store)
{
    if (store == NULL)
        return;
    postgresql_client_destroy(store->client);
    free(store->access_name);
    free(store->access_make);
    free(store->access_add);
    free(store->freshness);
    free(store->positions);
    free(store);
}

static enum bus_status connect(struct serve_store *store, struct bus_error *error)
{
    char sql[SETUP_SIZE];
    enum bus_status status = postgresql_client_open(store->client, error);
    if (status != BUS_OK || store->generation == postgresql_client_generation(store->client))
        return status;
    snprintf(sql, sizeof sql, "SET statement_timeout = %lld; SET application_name = 'xinqiao-agent --serve'",
             (long long)store->settings->statement_ms);
    status = postgresql_client_run(store->client, sql, error);
    if (status == BUS_OK)
        store->generation = postgresql_client_generation(store->client);
    return status;
}

/* Nothing here is a row that can be refused. */
static enum bus_status settle(struct serve_store *store, enum bus_status status)
{
    if (status != BUS_OK)
        postgresql_client_rollback(store->client);
    return status == BUS_REJECT ? BUS_FATAL : status;
}

/* --- preparing --- */

static enum bus_status exists(struct serve_store *store, bool *out_exists, struct bus_error *error)
{
    struct postgresql_rows *rows;
    const struct postgresql_parameter parameter = {bus_bytes_text(store->access_name), false};
    enum bus_status status =
        postgresql_client_ask(store->client, "SELECT 1 WHERE to_regclass($1) IS NOT NULL", &parameter, 1, &rows, error);
    if (status != BUS_OK)
        return status;
    *out_exists = postgresql_rows_count(rows) > 0;
    postgresql_rows_destroy(rows);
    return BUS_OK;
}

/* Without an index an answer takes longer, and nothing else. Tables come with the agent that applies. */
static enum bus_status make_indexes(struct serve_store *store, const struct serve_shelf *shelf, struct bus_error *error)
{
    const char *missing = NULL;
    enum bus_status status = postgresql_client_run(store->client, "SET statement_timeout = 0", error);
    for (size_t i = 0; i < shelf->count && status == BUS_OK; i++) {
        status = postgresql_client_run(store->client, shelf->entries[i].index_sql, error);
        if (status == BUS_RETRY || status == BUS_OK)
            continue;
        if (strcmp(error->code, NO_SUCH_TABLE) == 0)
            missing = shelf->entries[i].table->name;
        else
            bus_log(BUS_LOG_INFO, "no index for checks", "table=%s reason=\"%s\"", shelf->entries[i].table->name,
                    error->message);
        status = BUS_OK;
    }
    postgresql_client_disconnect(store->client);
    if (status == BUS_OK && missing != NULL)
        status = bus_fail(error, BUS_RETRY, "the table %s is not there yet; the agent that applies makes it", missing);
    return status;
}

enum bus_status serve_store_prepare(struct serve_store *store, const struct serve_shelf *shelf, struct bus_error *error)
{
    bool is_there = false;
    enum bus_status status = connect(store, error);
    if (status == BUS_OK)
        status = exists(store, &is_there, error);
    if (status == BUS_OK && !is_there)
        status = postgresql_client_run(store->client, store->access_make, error);
    if (status == BUS_OK)
        status = make_indexes(store, shelf, error);
    return settle(store, status);
}

/* --- finding --- */

/* NULL of null. False when the arena is full. */
static bool copy(const struct postgresql_rows *rows, size_t row, int column, struct bus_arena *arena,
                 const char **out_text)
{
    *out_text = NULL;
    if (postgresql_rows_is_null(rows, row, column))
        return true;
    *out_text = bus_arena_text(arena, postgresql_rows_text_view(rows, row, column));
    return *out_text != NULL;
}

static bool fill_record(const struct serve_shelf *shelf, const struct postgresql_table *table,
                        const struct postgresql_rows *rows, size_t row, struct bus_arena *arena,
                        struct serve_record *record)
{
    *record = (struct serve_record){.table = table};
    record->values = bus_arena_allocate(arena, (table->column_count + 1) * sizeof *record->values);
    bool good = record->values != NULL;
    for (int i = 0; good && i < POSTGRESQL_FIXED_COLUMNS; i++) {
        good = copy(rows, row, i, arena, &record->fixed[i]);
        if (record->fixed[i] == NULL)
            record->fixed[i] = ""; /* the version of the catalogue, of tables that are older than it */
    }
    for (size_t i = 0; good && i < table->column_count; i++)
        good = copy(rows, row, POSTGRESQL_FIXED_COLUMNS + (int)i, arena, &record->values[i]);
    if (!good)
        return false;
    record->partition = (int32_t)strtol(record->fixed[POSTGRESQL_PARTITION], NULL, 10);
    record->leaf = strtoull(record->fixed[POSTGRESQL_LEAF], NULL, 10);
    record->item = bus_catalogue_find_item(shelf->catalogue, record->fixed[POSTGRESQL_DEPARTMENT], table->item->name);
    return true;
}

/* The records are behind each other in memory, so each table's are copied behind those before. */
static bool add_records(const struct serve_shelf *shelf, const struct postgresql_table *table,
                        const struct postgresql_rows *rows, size_t most, struct bus_arena *arena,
                        struct serve_holding *holding)
{
    size_t found = postgresql_rows_count(rows), room = most - holding->count;
    size_t taken = found < room ? found : room;
    holding->is_cut |= found > room;
    if (taken == 0)
        return true;
    struct serve_record *records = bus_arena_allocate(arena, (holding->count + taken) * sizeof *records);
    if (records == NULL)
        return false;
    if (holding->count > 0)
        memcpy(records, holding->records, holding->count * sizeof *records);
    holding->records = records;
    for (size_t i = 0; i < taken; i++)
        if (!fill_record(shelf, table, rows, i, arena, &records[holding->count++]))
            return false;
    return true;
}

static enum bus_status find_in(struct serve_store *store, const struct serve_shelf *shelf,
                               const struct serve_table *entry, const struct serve_question *question,
                               struct bus_arena *arena, struct serve_holding *holding, struct bus_error *error)
{
    char most[NUMBER_SIZE];
    snprintf(most, sizeof most, "%zu", store->settings->max_records - holding->count + 1);
    const struct postgresql_parameter parameters[] = {{bus_bytes_text(question->identifier), false},
                                                      {bus_bytes_text(most), false}};
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(store->client, entry->sql, parameters, 2, &rows, error);
    if (status != BUS_OK)
        return status;
    if (!add_records(shelf, entry->table, rows, store->settings->max_records, arena, holding))
        status = bus_fail(error, BUS_FATAL, "an answer takes more memory than it may; lower serve.max_records");
    postgresql_rows_destroy(rows);
    return status;
}

static enum bus_status find_freshness(struct serve_store *store, struct serve_holding *holding, struct bus_error *error)
{
    const struct postgresql_parameter parameter = {bus_bytes_text(store->topic), false};
    struct postgresql_rows *rows;
    enum bus_status status = postgresql_client_ask(store->client, store->freshness, &parameter, 1, &rows, error);
    if (status != BUS_OK)
        return status;
    holding->sealed_at_ms = strtoll(postgresql_rows_text_view(rows, 0, 0), NULL, 10);
    holding->applied_at_ms = strtoll(postgresql_rows_text_view(rows, 0, 1), NULL, 10);
    postgresql_rows_destroy(rows);
    return BUS_OK;
}

enum bus_status serve_store_find(struct serve_store *store, const struct serve_shelf *shelf,
                                 const struct serve_question *question, struct bus_arena *arena,
                                 struct serve_holding *out_holding, struct bus_error *error)
{
    *out_holding = (struct serve_holding){0};
    enum bus_status status = connect(store, error);
    if (status == BUS_OK)
        status = postgresql_client_run(store->client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", error);
    if (status == BUS_OK)
        status = find_freshness(store, out_holding, error);
    for (size_t i = 0; status == BUS_OK && i < shelf->count; i++)
        status = find_in(store, shelf, &shelf->entries[i], question, arena, out_holding, error);
    if (status == BUS_OK)
        status = postgresql_client_run(store->client, "COMMIT", error);
    return settle(store, status);
}

/* --- accesses, positions --- */

enum bus_status serve_store_note(struct serve_store *store, const struct serve_question *question, size_t records,
                                 struct bus_error *error)
{
    char count[NUMBER_SIZE];
    snprintf(count, sizeof count, "%zu", records);
    const struct postgresql_parameter parameters[] = {
        {bus_bytes_text(question->client), false},
        {bus_bytes_text(question->officer), false},
        {bus_bytes_text(question->purpose), false},
        {bus_bytes_text(question->kind == BUS_SUBJECT_PERSON ? "PERSON" : "ORGANISATION"), false},
        {bus_bytes_text(question->stated), false},
        {bus_bytes_text(question->form == SERVE_FORM_SHEET ? "sheet" : "answer"), false},
        {bus_bytes_text(count), false},
    };
    struct postgresql_rows *rows = NULL;
    enum bus_status status = connect(store, error);
    if (status == BUS_OK)
        status = postgresql_client_ask(store->client, store->access_add, parameters, 7, &rows, error);
    if (status == BUS_OK)
        postgresql_rows_destroy(rows);
    return settle(store, status);
}

enum bus_status serve_store_positions(struct serve_store *store, int64_t *next, size_t partitions,
                                      struct bus_error *error)
{
    const struct postgresql_parameter parameter = {bus_bytes_text(store->topic), false};
    struct postgresql_rows *rows;
    for (size_t i = 0; i < partitions; i++)
        next[i] = -1;
    enum bus_status status = connect(store, error);
    if (status == BUS_OK)
        status = postgresql_client_ask(store->client, store->positions, &parameter, 1, &rows, error);
    if (status != BUS_OK)
        return settle(store, status);
    for (size_t i = 0; i < postgresql_rows_count(rows); i++) {
        size_t partition = strtoul(postgresql_rows_text_view(rows, i, 0), NULL, 10);
        if (partition < partitions)
            next[partition] = strtoll(postgresql_rows_text_view(rows, i, 1), NULL, 10);
    }
    postgresql_rows_destroy(rows);
    return BUS_OK;
}
