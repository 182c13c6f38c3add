"""The PostgreSQL source on a real database: each promise of docs/recipes/postgresql.md, one after the other on one table.

    replication_promises.py ENV [PROMISE…]     ENV is the env file of a running exchange; prints "N passed, N failed" last"""
import re
import subprocess
import sys
import time

from replication import COLUMNS, Failure, TABLE, World, prove

LONG = "(SELECT string_agg(md5(i::text || j), '') FROM generate_series(1, 200) AS j)"  # too long to stay in its row


def expect(condition, what):
    if not condition:
        raise Failure(what)


# --- snapshot and changes ---

def a_snapshot_is_the_table(world):
    world.insert(1, 2000)
    said = world.take()
    expect('snapshot begins' in said, 'no snapshot was taken')
    world.check()
    expect(world.event_count == 2000, f'{world.event_count} events for 2000 rows')


def a_restart_publishes_nothing_again(world):
    world.take()
    world.check()
    expect(world.event_count == 2000, f'{world.event_count} events for 2000 rows')


def inserts_updates_and_deletes_follow(world):
    world.start()
    world.insert(2001, 100)
    world.cluster.sql("UPDATE penalty SET nr = '改' || wsh WHERE wsh LIKE 'WS-1%'; DELETE FROM penalty WHERE wsh LIKE 'WS-2%'")
    world.settles()
    world.check()


def rows_that_are_what_they_were_are_not_published(world):
    world.fold()
    before = world.event_count
    world.cluster.sql('UPDATE penalty SET nr = nr')
    world.settles()
    world.check()
    expect(world.event_count == before, f'{world.event_count - before} events for no change')


def a_changed_key_withdraws_the_old_record(world):
    world.cluster.sql("UPDATE penalty SET wsh = 'NEW-' || wsh WHERE wsh LIKE 'WS-3%'")
    world.settles()
    world.check()


def a_record_that_was_deleted_and_comes_again_is_newer(world):
    world.cluster.sql("DELETE FROM penalty WHERE wsh = 'WS-4'")
    world.settles()
    world.insert(4, 1)
    world.settles()
    world.check()


def a_long_value_that_was_not_touched_stays(world):
    for number in range(10):  # asked for right behind the commit
        world.insert(6000 + number, 1, LONG)
        world.cluster.sql(f"UPDATE penalty SET bz = '注{number}' WHERE wsh = 'WS-{6000 + number}'")
    world.insert(5001, 20, LONG)
    world.settles()
    world.cluster.sql("UPDATE penalty SET bz = '另注' WHERE wsh LIKE 'WS-50%'")
    world.settles()
    world.check()
    world.cluster.sql("BEGIN; UPDATE penalty SET bz = '又注' WHERE wsh = 'WS-5001'; DELETE FROM penalty WHERE wsh = 'WS-5001'; COMMIT")
    world.settles()
    world.check()


def it_is_asked_for_only_when_its_transaction_is_over_for_others_too(world):
    world.insert(5101, 1, LONG)
    world.settles()
    world.cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", 'postgres')
    world.cluster.sql('SELECT pg_reload_conf()', 'postgres')
    time.sleep(1)
    waiting = subprocess.Popen(['psql', '-X', '-q', '-d', world.cluster.connection(), '-c',
                                "UPDATE penalty SET bz = '同步' WHERE wsh = 'WS-5101'"])
    time.sleep(3)  # in the log by now, and seen by nobody
    expect(waiting.poll() is None, 'the transaction does not wait')
    world.cluster.sql("ALTER SYSTEM RESET synchronous_standby_names", 'postgres')
    world.cluster.sql('SELECT pg_reload_conf()', 'postgres')
    waiting.wait(30)
    world.settles()
    world.check()


def under_full_identity_the_old_row_lends_it(world):
    world.stop()
    world.cluster.sql('ALTER TABLE penalty REPLICA IDENTITY FULL')
    world.refuses('penalty', 'replica identity was changed', 'replication.slot')
    world.cluster.sql("SELECT pg_drop_replication_slot('xinqiao')")
    world.write_config(slot='full')
    world.fold()
    before = world.event_count
    world.start()
    world.wait_for_word('changes are followed" slot=full')
    world.settles()
    world.check()
    expect(world.event_count == before, 'the new snapshot published what did not differ')
    world.cluster.sql("UPDATE penalty SET bz = '注' WHERE wsh LIKE 'WS-50%'; UPDATE penalty SET wsh = 'F' || wsh WHERE wsh LIKE 'WS-501%';"
                      "DELETE FROM penalty WHERE wsh LIKE 'WS-500%'")
    world.settles()
    world.check()


def a_row_that_cannot_be_mapped_waits_in_quarantine_with_its_place(world):
    world.cluster.sql("INSERT INTO penalty (wsh, mc, lb, shxym, nr) VALUES ('BAD', '坏', 'x', NULL, 'y')")
    world.settles()
    refused = world.quarantined()
    expect(len(refused) == 1, f'{len(refused)} in quarantine')
    expect(b'public.penalty@0/' in refused[0].value, 'its place in the log is not told')
    world.cluster.sql("DELETE FROM penalty WHERE wsh = 'BAD'")
    world.settles()
    world.check()


def a_truncated_table_withdraws_every_record(world):
    world.cluster.sql('TRUNCATE penalty')
    world.settles()
    world.check()
    expect(not world.fold(), 'records stand after TRUNCATE')
    world.insert(1, 50)
    world.settles()
    world.check()


def a_rolled_back_transaction_is_nothing(world):
    world.cluster.sql("BEGIN; INSERT INTO penalty (wsh, mc, shxym) VALUES ('ROLL', 'back', ''); SAVEPOINT a; DELETE FROM penalty; ROLLBACK")
    world.cluster.sql("BEGIN; SAVEPOINT a; DELETE FROM penalty; ROLLBACK TO a; UPDATE penalty SET bz = '回' WHERE wsh = 'WS-1'; COMMIT")
    world.settles()
    world.check()


def a_large_transaction_takes_little_memory(world):
    world.start()
    world.wait_for_word('changes are followed', len(world.said()))
    resident = lambda: int(next(line.split()[1] for line in open(f'/proc/{world.process.pid}/status')  # noqa: E731
                                if line.startswith('VmHWM')))
    before = resident()
    world.insert(100001, 200000)
    world.settles()
    after = resident()
    world.check()
    expect(after < before + 150 * 1024, f'{before} KB before, {after} KB after')


# --- an idle table ---

def an_idle_table_holds_no_log(world):
    world.cluster.sql('CREATE TABLE busy (a int)')
    for _ in range(3):
        world.cluster.sql("INSERT INTO busy SELECT generate_series(1, 1000)")
        world.settles(30)


# --- what stops, before anything wrong is published ---

def stops(world, change, mend, *words):
    """The change of the table stops the adapter; mended, it goes on."""
    since = len(world.said())
    some = ', '.join(column for column in COLUMNS if column not in ('wsh', 'bz'))
    world.cluster.sql(f"{change}; INSERT INTO penalty (wsh, {some}) SELECT 'DDL' || random(), {some} FROM penalty LIMIT 1")
    status = world.process.wait(timeout=60)
    world.process = None
    said = [line for line in world.said()[since:].splitlines() if 'level=error' in line]
    expect(status != 0 and said and all(word in said[-1] for word in words), f'{status}: {world.said()[since:][-600:]}')
    mend()
    world.start()
    world.settles()
    world.check()


def an_added_column_stops_until_the_mapping_says_what_of_it(world):
    stops(world, 'ALTER TABLE penalty ADD COLUMN neu text', lambda: world.write_mapping(ignored=['neu']), 'neu', 'ignored')


def a_retyped_column_stops(world):
    def mend():
        world.cluster.sql("SELECT pg_drop_replication_slot('full')")
        world.write_config(slot='retyped')
    stops(world, 'ALTER TABLE penalty ALTER COLUMN wsh TYPE varchar(80)', mend, 'type was changed', 'wsh', 'replication.slot')


def a_renamed_column_stops(world):
    def mend():
        world.cluster.sql('ALTER TABLE penalty RENAME bz2 TO bz')
        world.cluster.sql("SELECT pg_drop_replication_slot('retyped')")
        world.write_config(slot='renamed')
    stops(world, 'ALTER TABLE penalty RENAME bz TO bz2', mend, 'bz')


def a_dropped_column_stops(world):
    def mend():
        world.cluster.sql("ALTER TABLE penalty ADD COLUMN bz text; SELECT pg_drop_replication_slot('renamed')")
        world.write_config(slot='dropped')
    stops(world, 'ALTER TABLE penalty DROP COLUMN bz', mend, 'bz')


def another_table_of_the_name_stops(world):
    def mend():
        world.cluster.sql("SELECT pg_drop_replication_slot('dropped')")
        world.write_mapping()
        world.write_config(slot='xinqiao', extra='on_lost_slot = "snapshot";')
    stops(world, 'ALTER TABLE penalty RENAME TO penalty_old; ' + TABLE.format(name='penalty')
          + '; ALTER PUBLICATION xinqiao ADD TABLE penalty; INSERT INTO penalty SELECT '
          + ', '.join(COLUMNS) + ' FROM penalty_old', mend, 'penalty', 'replication.slot')


# --- slots ---

def a_lost_slot_stops_or_takes_a_new_snapshot(world):
    world.stop()
    world.cluster.sql("DELETE FROM penalty WHERE wsh LIKE 'WS-1%'")
    world.cluster.sql("SELECT pg_drop_replication_slot('xinqiao')")
    world.write_config(slot='xinqiao')
    world.refuses('xinqiao', 'is gone', 'on_lost_slot')
    world.write_config(slot='xinqiao', extra='on_lost_slot = "snapshot";')
    world.fold()
    before = world.event_count
    said = world.take()
    expect('slot is lost, a new snapshot is taken' in said, said[-300:])
    world.check()
    expect(0 < world.event_count - before < 100, f'{world.event_count - before} events for 11 differences')


def a_snapshot_that_would_withdraw_much_waits_for_approval(world):
    world.insert(8001, 60)
    world.take()
    world.cluster.sql("DELETE FROM penalty WHERE wsh LIKE 'WS-80%'; SELECT pg_drop_replication_slot('xinqiao')")
    since = len(world.said())
    world.start()
    world.wait_for_word('LIST_WITHDRAWS_MANY', since)
    world.insert(8201, 5)
    feed = f'{world.name}/penalty'
    shown = world.ask('feeds', 'show', feed, '--json')
    world.ask('feeds', 'approve', feed, re.search(r'"digest": ?"([0-9a-f]+)"', shown).group(1), '--officer', 'test', '--reason', 'test')
    world.wait_for_word('changes are followed', since)
    world.settles()
    world.check()
    world.stop()


def a_paused_feed_waits(world):
    feed = f'{world.name}/penalty'
    world.ask('feeds', 'pause', feed, '--officer', 'test', '--reason', 'test')
    world.start()
    world.wait_for_word('changes are followed', len(world.said()))
    before = len(world.fold())
    world.insert(8301, 5)
    time.sleep(3)
    expect(len(world.fold()) == before, 'rows came while the feed was paused')
    world.ask('feeds', 'resume', feed, '--officer', 'test', '--reason', 'test')
    world.settles()
    world.check()
    world.stop()


def a_slot_that_is_ahead_stops(world):
    world.insert(7001, 10)
    world.cluster.sql("SELECT pg_replication_slot_advance('xinqiao', pg_current_wal_lsn())")
    world.write_config(slot='xinqiao')
    world.refuses('ahead', 'on_lost_slot')
    world.write_config(slot='xinqiao', extra='on_lost_slot = "snapshot";')
    world.take()
    world.check()


def a_slot_of_somebody_else_is_left_alone(world):
    world.cluster.sql("SELECT pg_create_logical_replication_slot('other', 'test_decoding')")
    world.write_config(slot='other')
    world.refuses('other', "another's")
    world.cluster.sql("SELECT pg_drop_replication_slot('other')")


def a_second_adapter_waits_for_the_slot(world):
    world.write_config(slot='xinqiao')
    world.start()
    world.settles()
    since = len(world.said())
    end = world.cluster.sql("SELECT active_pid FROM pg_replication_slots WHERE slot_name = 'xinqiao'")
    name = world.name
    config = (world.folder / 'adapter.cfg').read_text(encoding='utf-8')
    state = world.folder / 'state2'
    state.mkdir(exist_ok=True)
    (world.folder / 'adapter.cfg').write_text(config.replace(f'name = "{name}"', f'name = "{name}b"').replace(str(world.state), str(state)),
                                              encoding='utf-8')
    first, world.process = world.process, None
    world.start()
    world.wait_for_word(f'in use by process {end}', since)
    world.stop()
    world.process = first
    (world.folder / 'adapter.cfg').write_text(config, encoding='utf-8')
    world.stop()


# --- what is refused at the start ---

def a_missing_publication_or_table_is_told_with_the_command(world):
    world.write_config(publication='nobody')
    world.refuses('CREATE PUBLICATION')
    world.cluster.sql("CREATE PUBLICATION empty; CREATE PUBLICATION half FOR TABLE penalty WITH (publish = 'insert')")
    world.write_config(publication='empty')
    world.refuses('ALTER PUBLICATION', 'ADD TABLE')
    world.write_config(publication='half')
    world.refuses('leaves out kinds of changes', 'publish')
    world.write_config()


def rights_that_are_missing_are_told_with_the_command(world):
    world.cluster.sql('CREATE ROLE poor LOGIN; CREATE ROLE reader LOGIN REPLICATION')
    world.write_config(connection=world.cluster.connection().replace('user=xinqiao', 'user=poor'))
    world.refuses('ALTER ROLE', 'REPLICATION')
    world.write_config(connection=world.cluster.connection().replace('user=xinqiao', 'user=reader'))
    world.refuses('GRANT SELECT')
    world.write_config()


def a_password_in_the_configuration_is_refused(world):
    world.write_config(connection=world.cluster.connection() + ' password=geheim')
    world.refuses('passfile')
    expect('geheim' not in world.said(), 'the password is in the log')
    world.write_config()


def a_table_whose_deletions_tell_no_record_is_refused(world):
    world.cluster.sql(TABLE.format(name='keyless').replace(', PRIMARY KEY (wsh, mc)', ', id int PRIMARY KEY')
                      + '; ALTER PUBLICATION xinqiao ADD TABLE keyless')
    world.write_mapping(table='public.keyless', ignored=['id'])
    world.refuses('replica identity', 'wsh', 'REPLICA IDENTITY FULL')
    world.cluster.sql('ALTER TABLE keyless DROP CONSTRAINT keyless_pkey')
    world.refuses('replica identity', 'wsh', 'REPLICA IDENTITY FULL')
    world.write_mapping()


def a_type_that_no_mapping_reads_is_refused(world):
    for number, kind in enumerate(('bytea', 'text[]', 'json', 'interval', 'penalty_old', 'int4range')):
        name = f'odd{number}'
        world.cluster.sql(TABLE.format(name=name).replace('bz text', f'bz {kind}') + f'; ALTER PUBLICATION xinqiao ADD TABLE {name}')
        world.write_mapping(table=f'public.{name}')
        world.refuses('type', 'bz', 'ignored')
    world.write_mapping()


def a_table_that_is_not_there_or_a_view_is_refused(world):
    world.cluster.sql('CREATE VIEW look AS SELECT * FROM penalty')
    world.write_mapping(table='public.look')
    world.refuses('ODBC')
    world.write_mapping(table='public.nowhere')
    world.refuses('no such table')
    world.write_mapping(columns=[*COLUMNS, 'nothere'])
    world.refuses('there is no column nothere')
    world.write_mapping()


def another_database_is_refused(world):
    world.cluster.sql('CREATE DATABASE other', 'postgres')
    world.cluster.sql(TABLE.format(name='penalty') + '; CREATE PUBLICATION xinqiao FOR TABLE penalty', 'other')
    world.write_config(connection=world.cluster.connection('other'))
    world.refuses('another')
    world.write_config()
    world.take()
    world.check()


def a_database_that_is_away_is_waited_for(world):
    world.cluster.stop()
    world.start()
    world.wait_for_word('cannot connect to PostgreSQL', len(world.said()))
    world.cluster.start()
    world.insert(9001, 10)
    world.settles()
    world.check()


def a_new_feed_is_read_whole(world):
    world.stop()
    world.fold()
    before = world.event_count
    world.cluster.sql(TABLE.format(name='second') + '; ALTER PUBLICATION xinqiao ADD TABLE second')
    world.insert(1, 30, table='second')
    world.write_mapping(table='public.second', feed='second')
    said = world.take()
    expect('feeds are new, a new snapshot is taken' in said, said[-300:])
    world.fold()
    expect(world.event_count >= before, 'events went')
    (world.folder / 'mappings' / 'second.cfg').unlink()


PROMISES = [
    a_snapshot_is_the_table, a_restart_publishes_nothing_again, inserts_updates_and_deletes_follow,
    rows_that_are_what_they_were_are_not_published, a_changed_key_withdraws_the_old_record,
    a_record_that_was_deleted_and_comes_again_is_newer, a_long_value_that_was_not_touched_stays,
    it_is_asked_for_only_when_its_transaction_is_over_for_others_too,
    under_full_identity_the_old_row_lends_it, a_row_that_cannot_be_mapped_waits_in_quarantine_with_its_place,
    a_truncated_table_withdraws_every_record, a_rolled_back_transaction_is_nothing, an_idle_table_holds_no_log, an_added_column_stops_until_the_mapping_says_what_of_it, a_retyped_column_stops,
    a_renamed_column_stops, a_dropped_column_stops, another_table_of_the_name_stops,
    a_lost_slot_stops_or_takes_a_new_snapshot, a_snapshot_that_would_withdraw_much_waits_for_approval, a_paused_feed_waits,
    a_slot_that_is_ahead_stops, a_slot_of_somebody_else_is_left_alone,
    a_second_adapter_waits_for_the_slot, a_missing_publication_or_table_is_told_with_the_command,
    rights_that_are_missing_are_told_with_the_command, a_password_in_the_configuration_is_refused,
    a_table_whose_deletions_tell_no_record_is_refused, a_type_that_no_mapping_reads_is_refused,
    a_table_that_is_not_there_or_a_view_is_refused, another_database_is_refused, a_database_that_is_away_is_waited_for,
    a_large_transaction_takes_little_memory, a_new_feed_is_read_whole,
]


def main():
    world = World(sys.argv[1], 'replication')
    try:
        return prove(PROMISES, world, sys.argv[2:])
    finally:
        world.close()


if __name__ == '__main__':
    sys.exit(main())
