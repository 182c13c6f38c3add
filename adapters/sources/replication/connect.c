/* Connecting: is this the database, the slot and the tables that the cursor speaks of, and what is to be done first? */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "adapters/sources/replication/source.h"
#include "bus/log.h"

enum { OLDEST_SERVER = 12 };

enum slot_state { SLOT_NONE, SLOT_GOOD, SLOT_LOST };

/* What was found of the last run. */
struct standing {
    bool has_cursor, has_manifest;
    struct replication_position cursor;
    struct replication_manifest manifest;
    enum slot_state slot;
    uint64_t confirmed; /* of the slot */
};

/* --- the server --- */

static enum bus_status ask_one(struct replication_client *client, const char *sql, const char *first,
                               const char *second, struct replication_rows **out_rows, struct bus_error *error)
{
    const char *parameters[] = {first, second};
    return replication_client_ask(client, sql, parameters, second != NULL ? 2 : first != NULL ? 1 : 0, out_rows, error);
}

/* What the role and the server must be able to do. */
static enum bus_status check_server(struct replication *self, struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    int version = replication_client_server_version(self->database);
    if (version < OLDEST_SERVER)
        return bus_fail(error, BUS_FATAL, "PostgreSQL %d is too old: replication needs %d or later; take it by ODBC",
                        version, OLDEST_SERVER);
    enum bus_status status =
        ask_one(self->database,
                "SELECT pg_catalog.current_setting('wal_level'), (rolsuper OR rolreplication)::int, rolname"
                " FROM pg_catalog.pg_roles WHERE rolname = current_user",
                NULL, NULL, &rows, error);
    if (status != BUS_OK)
        return status;
    if (strcmp(replication_rows_text_view(rows, 0, 0), "logical") != 0)
        status = bus_fail(error, BUS_FATAL,
                          "wal_level of the database is %s: let its owner run ALTER SYSTEM SET wal_level = logical and "
                          "restart it",
                          replication_rows_text_view(rows, 0, 0));
    else if (strcmp(replication_rows_text_view(rows, 0, 1), "1") != 0)
        status = bus_fail(error, BUS_FATAL,
                          "role %s may not replicate: let the database's owner run ALTER ROLE \"%s\" REPLICATION",
                          replication_rows_text_view(rows, 0, 2), replication_rows_text_view(rows, 0, 2));
    replication_rows_destroy(rows);
    return status;
}

static enum bus_status check_publication(struct replication *self, struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    const char *name = self->settings.publication;
    enum bus_status status = ask_one(self->database,
                                     "SELECT (pubinsert AND pubupdate AND pubdelete AND pubtruncate)::int"
                                     " FROM pg_catalog.pg_publication WHERE pubname = $1",
                                     name, NULL, &rows, error);
    if (status != BUS_OK)
        return status;
    if (replication_rows_count(rows) == 0)
        status = bus_fail(error, BUS_FATAL,
                          "there is no publication %s: let the database's owner run CREATE PUBLICATION \"%s\" FOR "
                          "TABLE …",
                          name, name);
    else if (strcmp(replication_rows_text_view(rows, 0, 0), "1") != 0)
        status = bus_fail(error, BUS_FATAL,
                          "publication %s leaves out kinds of changes: let the database's owner run ALTER PUBLICATION "
                          "\"%s\" SET (publish = 'insert, update, delete, truncate')",
                          name, name);
    replication_rows_destroy(rows);
    return status;
}

/* Which cluster and which database it is. */
static enum bus_status identify(struct replication *self, uint64_t *out_system, uint32_t *out_database,
                                struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    enum bus_status status = replication_client_ask(self->walsender, "IDENTIFY_SYSTEM", NULL, 0, &rows, error);
    if (status != BUS_OK)
        return status;
    *out_system = strtoull(replication_rows_text_view(rows, 0, 0), NULL, 10);
    bool is_read = replication_lsn_parse(replication_rows_text_view(rows, 0, 2), &self->target);
    replication_rows_destroy(rows);
    if (!is_read)
        return bus_fail(error, BUS_FATAL, "PostgreSQL's answer to IDENTIFY_SYSTEM cannot be read");
    status =
        ask_one(self->database, "SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
                NULL, NULL, &rows, error);
    if (status != BUS_OK)
        return status;
    *out_database = (uint32_t)strtoul(replication_rows_text_view(rows, 0, 0), NULL, 10);
    replication_rows_destroy(rows);
    return BUS_OK;
}

/* --- the slot --- */

static enum bus_status read_slot(struct replication *self, struct standing *standing, struct bus_error *error)
{
    struct replication_rows *rows = NULL;
    const char *slot = self->settings.slot;
    bool tells_loss = replication_client_server_version(self->database) >= 13;
    const char *sql = tells_loss ? "SELECT coalesce(plugin, ''), (database = pg_catalog.current_database())::int,"
                                   " active_pid, coalesce(confirmed_flush_lsn::text, ''), coalesce(wal_status, '')"
                                   " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1"
                                 : "SELECT coalesce(plugin, ''), (database = pg_catalog.current_database())::int,"
                                   " active_pid, coalesce(confirmed_flush_lsn::text, ''), ''"
                                   " FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
    enum bus_status status = ask_one(self->database, sql, slot, NULL, &rows, error);
    if (status != BUS_OK)
        return status;
    standing->slot = SLOT_NONE;
    if (replication_rows_count(rows) > 0) {
        standing->slot = strcmp(replication_rows_text_view(rows, 0, 4), "lost") == 0 ? SLOT_LOST : SLOT_GOOD;
        if (strcmp(replication_rows_text_view(rows, 0, 0), "pgoutput") != 0 ||
            strcmp(replication_rows_text_view(rows, 0, 1), "1") != 0)
            status = bus_fail(error, BUS_FATAL,
                              "slot %s is another's: it is of another database or plug-in; give replication.slot "
                              "another name",
                              slot);
        else if (!replication_rows_is_null(rows, 0, 2))
            status = bus_fail(error, BUS_RETRY,
                              "slot %s is in use by process %s of the database: does a second adapter run with it? "
                              "After a crash the database lets go by itself",
                              slot, replication_rows_text_view(rows, 0, 2));
        else if (!replication_lsn_parse(replication_rows_text_view(rows, 0, 3), &standing->confirmed) &&
                 standing->slot == SLOT_GOOD)
            standing->slot = SLOT_LOST; /* it was never finished */
    }
    replication_rows_destroy(rows);
    return status;
}

static enum bus_status drop_slot(struct replication *self, const struct standing *standing, struct bus_error *error)
{
    return standing->slot == SLOT_NONE ? BUS_OK
                                       : ask_one(self->database, "SELECT pg_catalog.pg_drop_replication_slot($1)",
                                                 self->settings.slot, NULL, NULL, error);
}

/* --- deciding --- */

static enum bus_status read_standing(struct replication *self, struct standing *standing, struct bus_error *error)
{
    const char *text = adapters_journal_cursor(adapters_publisher_journal(self->intake->publisher), self->cursor);
    standing->has_cursor = text[0] != '\0';
    if (standing->has_cursor && !replication_position_read(text, &standing->cursor))
        return bus_fail(error, BUS_FATAL, "cursor %s cannot be read; give replication.slot another name", self->cursor);
    enum bus_status status = replication_manifest_read(self->state, self->settings.slot, &standing->manifest,
                                                       &standing->has_manifest, error);
    return status == BUS_OK ? read_slot(self, standing, error) : status;
}

static enum bus_status check_system(const struct replication *self, const struct standing *standing, uint64_t system,
                                    uint32_t database, struct bus_error *error)
{
    const struct replication_position *known = standing->has_cursor     ? &standing->cursor
                                               : standing->has_manifest ? &standing->manifest.position
                                                                        : NULL;
    if (known == NULL || (known->system == system && known->database == database))
        return BUS_OK;
    return bus_fail(error, BUS_FATAL,
                    "this is another database than slot %s was taken from (cluster %" PRIu64 " database %" PRIu32
                    ", before %" PRIu64 " and %" PRIu32 "): correct replication.connection, or, if it was moved, give "
                    "replication.slot another name: a new snapshot publishes what differs",
                    self->settings.slot, system, database, known->system, known->database);
}

static enum bus_status begin_anew(struct replication *self, const struct standing *standing, struct bus_error *error)
{
    enum bus_status status = replication_mark_set(self->state, self->settings.slot, error);
    if (status == BUS_OK)
        status = drop_slot(self, standing, error);
    if (status == BUS_OK)
        status = replication_tables_inspect(&self->tables, self->database, self->settings.publication, error);
    if (status == BUS_OK)
        status = replication_snapshot(self, error);
    self->stage = status == BUS_OK ? REPLICATION_LISTS : REPLICATION_APART;
    return status;
}

/* Changes are lost: stop, or read everything again. */
static enum bus_status settle_loss(struct replication *self, const struct standing *standing, const char *why,
                                   struct bus_error *error)
{
    char end[REPLICATION_LSN_TEXT_SIZE];
    replication_lsn_text(standing->cursor.end, end);
    if (!self->settings.takes_new_snapshot)
        return bus_fail(error, BUS_FATAL,
                        "slot %s %s: changes after %s may be lost. To go on, set replication.on_lost_slot = "
                        "\"snapshot\": the tables are read again, and what differs is published",
                        self->settings.slot, why, end);
    bus_log(BUS_LOG_WARN, "slot is lost, a new snapshot is taken", "slot=%s reason=\"%s\" position=%s",
            self->settings.slot, why, end);
    return begin_anew(self, standing, error);
}

static enum bus_status begin_stream(struct replication *self, struct bus_error *error)
{
    enum bus_status status = replication_stream_start(&self->stream, self->walsender, self->settings.slot,
                                                      self->settings.publication, self->position.end, error);
    if (status == BUS_OK) {
        char end[REPLICATION_LSN_TEXT_SIZE];
        replication_lsn_text(self->position.end, end);
        self->stage = REPLICATION_STREAM;
        bus_log(BUS_LOG_INFO, "changes are followed", "slot=%s position=%s", self->settings.slot, end);
    }
    return status;
}

/* The tables must look as they did at the snapshot. *out_new: feeds came that it does not have. */
static enum bus_status check_tables(struct replication *self, const struct standing *standing, bool *out_new,
                                    struct bus_error *error)
{
    uint8_t digest[REPLICATION_TABLES_DIGEST];
    enum bus_status status =
        replication_tables_inspect(&self->tables, self->database, self->settings.publication, error);
    if (status == BUS_OK && standing->has_manifest)
        return replication_tables_compare(&self->tables, bus_buffer_view(&standing->manifest.signatures), out_new,
                                          error);
    if (status == BUS_OK)
        status = replication_tables_digest(&self->tables, digest, error);
    *out_new = false;
    if (status == BUS_OK && memcmp(digest, standing->cursor.tables, sizeof digest) != 0)
        return bus_fail(error, BUS_FATAL,
                        "the tables or their mappings changed since the snapshot, and which cannot be told because "
                        "%s/snapshot is gone: give replication.slot another name (and drop the old slot): a new "
                        "snapshot publishes what differs",
                        self->state);
    return status;
}

/* The position is known: go on from there. */
static enum bus_status go_on(struct replication *self, const struct standing *standing, bool from_lists,
                             struct bus_error *error)
{
    bool is_new = false;
    self->position = from_lists ? standing->manifest.position : standing->cursor;
    self->noted_end = self->position.end;
    replication_mark_clear(self->state);
    enum bus_status status = check_tables(self, standing, &is_new, error);
    if (status != BUS_OK)
        return status;
    if (is_new) {
        bus_log(BUS_LOG_INFO, "feeds are new, a new snapshot is taken", "slot=%s", self->settings.slot);
        return begin_anew(self, standing, error);
    }
    if (!from_lists && !standing->has_manifest) /* the state folder was lost */
        status = replication_manifest_write(self->state, self->settings.slot, &standing->cursor, &self->tables, error);
    if (status != BUS_OK || !from_lists)
        return status == BUS_OK ? begin_stream(self, error) : status;
    self->stage = REPLICATION_LISTS;
    return BUS_OK;
}

static enum bus_status decide(struct replication *self, const struct standing *standing, struct bus_error *error)
{
    bool waits_for_lists =
        standing->has_manifest && (!standing->has_cursor || standing->manifest.position.base > standing->cursor.base);
    if (standing->has_cursor)
        self->position = standing->cursor;
    if (waits_for_lists) {
        bool is_good = standing->slot == SLOT_GOOD && standing->confirmed <= standing->manifest.position.end;
        return is_good ? go_on(self, standing, true, error) : begin_anew(self, standing, error);
    }
    bool was_begun = replication_mark_is_set(self->state, self->settings.slot);
    if (was_begun || (!standing->has_cursor && standing->slot == SLOT_NONE))
        return begin_anew(self, standing, error);
    if (!standing->has_cursor)
        return settle_loss(self, standing, "exists, but this adapter has no position in it", error);
    if (standing->slot == SLOT_NONE)
        return settle_loss(self, standing, "is gone", error);
    if (standing->slot == SLOT_LOST)
        return settle_loss(self, standing, "is lost: it held more log than max_slot_wal_keep_size allows", error);
    if (standing->confirmed > standing->cursor.end)
        return settle_loss(self, standing, "is ahead of what was taken", error);
    return go_on(self, standing, false, error);
}

enum bus_status replication_connect(struct replication *self, struct bus_error *error)
{
    struct standing standing = {0};
    uint64_t system = 0;
    uint32_t database = 0;
    replication_client_disconnect(self->walsender);
    self->is_inside = false;
    enum bus_status status = replication_client_open(self->database, error);
    if (status == BUS_OK)
        status = check_server(self, error);
    if (status == BUS_OK)
        status = check_publication(self, error);
    if (status == BUS_OK)
        status = replication_client_open(self->walsender, error);
    if (status == BUS_OK)
        status = identify(self, &system, &database, error);
    if (status == BUS_OK)
        status = read_standing(self, &standing, error);
    if (status == BUS_OK)
        status = check_system(self, &standing, system, database, error);
    if (status == BUS_OK) {
        self->position.system = system;
        self->position.database = database;
        status = decide(self, &standing, error);
    }
    replication_manifest_release(&standing.manifest);
    return status;
}
