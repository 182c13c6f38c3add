/* Replication position: how far the changes of a database are taken, as the text of a cursor.
 *
 *     system=7381… database=16384 snapshot=0/16B3748 base=1764000000000 tables=5f0c… end=0/16B4000 commit=0/16B5000 at=0/16B4F00 nth=3
 *
 * Up to `end` every transaction is taken whole. Of the transaction whose commit stands at `commit` (0/0: of none) all changes before
 * `at` are taken, and `nth` of those at `at`, for one entry of the log may hold several changes. */
#ifndef ADAPTERS_SOURCES_REPLICATION_POSITION_H
#define ADAPTERS_SOURCES_REPLICATION_POSITION_H

#include "bus/bytes.h"

enum { REPLICATION_LSN_TEXT_SIZE = 24, REPLICATION_POSITION_TEXT_SIZE = 512, REPLICATION_TABLES_DIGEST = 8 };

struct replication_position {
    uint64_t system;                           /* the cluster's own number */
    uint32_t database;                         /* its oid */
    uint64_t snapshot;                         /* LSN of the snapshot that everything stands on */
    int64_t base;                              /* version of a change = base + its LSN - snapshot */
    uint8_t tables[REPLICATION_TABLES_DIGEST]; /* digest of what the tables looked like then */
    uint64_t end;
    uint64_t commit, at;
    uint64_t nth;
};

/* 16/B374D848 */
void replication_lsn_text(uint64_t lsn, char out_text[REPLICATION_LSN_TEXT_SIZE]);
bool replication_lsn_parse(const char *text, uint64_t *out_lsn);

void replication_position_write(const struct replication_position *position,
                                char out_text[REPLICATION_POSITION_TEXT_SIZE]);
/* False when the text is no position. */
bool replication_position_read(const char *text, struct replication_position *out_position);

/* Whether a change of the transaction with that commit was taken. `nth` counts the changes at `lsn`, from 0. */
bool replication_position_has(const struct replication_position *position, uint64_t commit, uint64_t lsn, uint64_t nth);
/* The version of a change; above 0. */
int64_t replication_position_version(const struct replication_position *position, uint64_t lsn);

#endif
