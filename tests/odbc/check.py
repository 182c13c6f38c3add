"""Promises of the source for any database, kept on MariaDB and PostgreSQL."""
import contextlib
import json
import sys
import tempfile
import threading
import time

from place import (PASSWORD, READER, MariaDb, Place, PostgreSql, Proxy, Result, credit_code, read_environment, until)

NO_OVERLAP = 'column = "gxsj"; every_seconds = 1; overlap_seconds = 0; list_every_hours = 0;'
BY_NUMBER = 'column = "id"; kind = "number"; every_seconds = 1; overlap = 50; list_every_hours = 0;'
OFFICER = ('--officer', 'test', '--reason', 'test')


class Promises:
    def __init__(self, environment, server):
        self.environment, self.server = environment, server
        self.count = 0

    @contextlib.contextmanager
    def place(self, rows=0, gxsj=None, columns='', **options):
        self.count += 1
        place = Place(self.environment, self.server, f'{self.server.kind[0]}{self.count}', **options)
        try:
            place.create(rows, gxsj=gxsj, more=columns)
            yield place
            for word in (PASSWORD, PASSWORD.replace('}', '}}')):
                assert word not in place.log(), 'the password is in the log'
        finally:
            place.remove()

    def agree(self, place):
        until('topic and table agree', place.agrees)

    # --- changes ---

    def changes_are_published_once_and_only_changes(self):
        with self.place(1500) as place:
            place.once()
            assert place.agrees() and place.count() == 1500
            place.insert((5000, {}))
            self.server.run(f"UPDATE {place.table} SET qss = 1.5, gxsj = '2026-04-01 00:00:00' WHERE id = 7")
            place.once()
            place.once()
            assert place.agrees() and place.count() == 1502, place.count()

    def rows_that_commit_late_are_found(self):
        with self.place(20) as place:
            place.start()
            self.agree(place)
            place.insert((100, {'gxsj': "'2026-05-01 10:00:59'"}))
            self.agree(place)
            place.insert((101, {'gxsj': "'2026-05-01 10:00:01'"}))  # a long transaction, begun before
            self.agree(place)
            place.insert((102, {'gxsj': "'2026-05-01 09:00:00'"}))  # later than the overlap allows: a list finds it
            place.insert((103, {}))
            place.insert((104, {'gxsj': "'2026-05-02 10:00:00'"}))
            until('the row behind is there', lambda: any('第104公司' in name for name, _ in place.standing().values()))
            assert len(place.rows()) - len(place.standing()) == 2

    def rows_of_one_time_over_the_border_of_a_page_are_all_found(self):
        same = {'gxsj': "'2026-05-01 10:00:00.123456'"}
        with self.place(3, odbc='page_rows = 10;', poll=NO_OVERLAP) as place:
            place.once()
            place.insert(*[(number, same) for number in range(100, 145)])
            place.insert(*[(number, {'gxsj': f"'2026-05-01 10:00:0{1 + number % 3}'"}) for number in range(200, 233)])
            place.once()
            assert place.agrees(), (len(place.rows()), len(place.standing()))
            assert place.count() == 3 + 45 + 33

    def a_rising_number_serves_as_well(self):
        with self.place(10, poll=BY_NUMBER) as place:
            place.once()
            place.insert((1000, {'gxsj': 'NULL'}), (1002, {'gxsj': 'NULL'}))
            place.once()
            place.insert((1001, {'gxsj': 'NULL'}))  # its sequence was drawn before, it commits later
            place.once()
            assert place.agrees() and place.count() == 13, place.count()

    def rows_without_a_time_come_with_the_list(self):
        with self.place(5) as place:
            place.insert((50, {'gxsj': 'NULL'}))
            place.once()
            assert place.agrees()
            assert 'rows without a value in the rising column are found by lists only' in place.log()

    def an_empty_table_is_no_trouble(self):
        with self.place(0) as place:
            place.once()
            assert place.count() == 0
            place.insert((1, {}))
            place.once()
            assert place.agrees() and place.count() == 1

    def a_row_of_the_future_hides_none_behind_it(self):
        with self.place(5) as place:
            place.once()
            place.insert((60, {'gxsj': "'2099-01-01 00:00:00'"}))
            place.once()
            place.insert((61, {'gxsj': "'2026-10-01 00:00:00'"}))
            place.once()
            assert place.agrees()
            assert 'rows are dated in the future' in place.log()

    def a_mark_of_deletion_withdraws(self):
        with self.place(5) as place:
            place.once()
            self.server.run(f"UPDATE {place.table} SET czlx = 'd', gxsj = '2026-04-01 00:00:00' WHERE id = 3")
            place.once()
            assert place.agrees() and len(place.standing()) == 4
            self.server.run(f"UPDATE {place.table} SET czlx = 'u', gxsj = '2026-04-01 00:00:01' WHERE id = 3")
            place.once()
            assert place.agrees() and len(place.standing()) == 5

    # --- lists ---

    def deleted_rows_are_withdrawn_by_a_list(self):
        with self.place(200, poll=NO_OVERLAP) as place:
            place.once()
            self.server.run(f'DELETE FROM {place.table} WHERE id >= 190')  # the last value is gone: a list is due at once
            place.once()
            assert 'nothing is at the last value of the rising column any more' in place.log()
            assert place.agrees() and len(place.standing()) == 190
            place.insert((191, {}))  # and it goes on from the value that is the last now
            place.once()
            assert place.agrees()

    def held(self, place):
        place.start()
        until('the list is held', lambda: 'is held' in place.log())
        self.server.run(f"UPDATE {place.table} SET qss = 7.75, gxsj = '2026-06-01 00:00:00' WHERE id = 5")
        shown = place.operator('feeds', 'show', f'{place.name}/arrears', '--json', check=False)
        assert len(place.standing()) == 200, 'nothing may be withdrawn while it is held'
        status = json.loads(shown)
        status = status[0] if isinstance(status, list) else status
        return status['held']['digest']

    def a_list_that_withdraws_many_waits_for_approval(self):
        with self.place(200, poll=NO_OVERLAP) as place:
            place.once()
            self.server.run(f'DELETE FROM {place.table} WHERE id >= 60')
            digest = self.held(place)
            place.operator('feeds', 'approve', f'{place.name}/arrears', digest, *OFFICER)
            self.agree(place)
            assert len(place.standing()) == 60

    def a_list_that_is_rejected_withdraws_nothing_and_the_table_goes_on(self):
        with self.place(200, poll=NO_OVERLAP) as place:
            place.once()
            self.server.run(f'DELETE FROM {place.table} WHERE id >= 60')
            digest = self.held(place)
            place.operator('feeds', 'reject', f'{place.name}/arrears', digest, *OFFICER)
            until('the change is there', lambda: any(amount == 775 for _, amount in place.standing().values()))
            assert len(place.standing()) == 200
            place.stop()
            held = place.log().count('is held')
            place.once()
            assert place.log().count('is held') == held and len(place.standing()) == 200, 'it was decided once'

    # --- values ---

    def addresses(self, place):
        return {event['record_key']: event['business_address'] for partition in place.events() for event in partition}

    def every_type_comes_without_loss(self):
        maria = self.server.kind == 'mariadb'
        columns = (', a_big BIGINT, a_decimal NUMERIC(30,10), a_text ' + ('LONGTEXT' if maria else 'TEXT') + ', a_day DATE, a_time '
                   + self.server.timestamp + ', an_hour TIME, a_truth ' + self.server.boolean + ', a_name CHAR(10)')
        names = ['a_big', 'a_decimal', 'a_text', 'a_day', 'a_time', 'an_hour', 'a_truth', 'a_name']
        listed = ', '.join(f'"{name}"' for name in names)
        poll = 'column = "gxsj"; every_seconds = 1; list_every_hours = 0;'
        text = '招投标：“引号”,逗号\n第二行𠮷野家' + '字' * 3000 + '完'
        with self.place(0, columns=columns, more=', ' + listed, address=f'from = [{listed}]; join = "|"', poll=poll) as place:
            quoted = "'" + text.replace('\n', '\\n' if maria else '\n') + "'"
            def row(number):
                return (number, {'a_big': '9223372036854775807', 'a_decimal': '12345678901234567890.0123456789', 'a_text': quoted,
                                 'a_day': "'1949-10-01'", 'a_time': "'2026-01-02 03:04:05.678901'", 'an_hour': "'23:59:58'",
                                 'a_truth': 'TRUE', 'a_name': "'中文'"})
            place.insert(row(1), (2, {name: 'NULL' for name in names}))
            place.once()   # by the list
            place.insert((3, row(3)[1]))
            place.once()   # by a question
            found = self.addresses(place)
            keys = [f'tax|{credit_code(number)}|增值税|202601' for number in (1, 2, 3)]
            due = f'9223372036854775807|12345678901234567890.0123456789|{text}|1949-10-01|2026-01-02 03:04:05.678901|23:59:58|1|中文'
            assert found[keys[0]] == due, found[keys[0]][:200] + found[keys[0]][-100:]
            assert found[keys[2]] == due, found[keys[2]][:200] + found[keys[2]][-100:]
            assert found[keys[1]] is None

    def tables_of_another_encoding_are_read(self):
        if self.server.kind != 'mariadb':
            return
        with self.place(0) as place:
            self.server.run(f'ALTER TABLE {place.table} CONVERT TO CHARACTER SET gbk')
            place.insert((1, {'nsrmc': "'柳州市融安县招商局鏂囧瓧'"}))
            place.once()
            assert place.agrees(), place.standing()

    def a_text_that_is_too_long_is_set_aside_once(self):
        columns = ', a_text ' + ('LONGTEXT' if self.server.kind == 'mariadb' else 'TEXT')
        with self.place(0, columns=columns, more=', "a_text"', address='from = ["a_text"]') as place:
            place.insert((1, {'a_text': "'短'"}))
            place.once()
            place.insert((2, {'a_text': "REPEAT('长', 400000)"}), (3, {'a_text': "REPEAT('字', 20000)"}), (4, {'nsrsbh': "'坏'", 'a_text': 'NULL'}))
            place.once()
            place.once()
            assert len(place.standing()) == 2, place.standing().keys()
            assert len(place.quarantined()) == 2, len(place.quarantined())

    # --- the table changes ---

    def is_refused(self, place, *words):
        before, count = len(place.log()), place.count()
        place.once()
        said = place.log()[before:]
        assert 'level=error' in said and 'table is not taken, will be looked at again' in said, said[-1500:]
        for word in words:
            assert word in said, f'{word}: {said[-1500:]}'
        assert place.count() == count, 'something was published'

    def a_column_of_another_type_stops_the_table_until_it_was_looked_at(self):
        with self.place(10) as place:
            place.once()
            change = 'MODIFY qss VARCHAR(30)' if self.server.kind == 'mariadb' else 'ALTER qss TYPE VARCHAR(30)'
            self.server.run(f"ALTER TABLE {place.table} {change}; UPDATE {place.table} SET qss = '7', gxsj = '2026-04-01' WHERE id = 3")
            self.is_refused(place, 'column qss', 'was a decimal number and is text now', 'accept_columns')
            accept = place.log().split("accept_columns = '")[-1][:8]
            place.configure(poll=place.mapping['poll'] + f' accept_columns = "{accept}";')
            place.once()
            assert place.agrees() and place.count() == 11

    def a_column_renamed_or_dropped_stops_the_table(self):
        with self.place(10) as place:
            place.once()
            self.server.run(f'ALTER TABLE {place.table} RENAME COLUMN nsrmc TO nsrmc2')
            place.insert((11, {}))
            self.is_refused(place, 'column nsrmc of the mapping is not in table', 'The nearest is nsrmc2')
            self.server.run(f'ALTER TABLE {place.table} RENAME COLUMN nsrmc2 TO nsrmc')
            place.once()
            assert place.agrees()

    def more_columns_are_no_matter(self):
        with self.place(10) as place:
            place.once()
            self.server.run(f"ALTER TABLE {place.table} ADD COLUMN bz VARCHAR(20); UPDATE {place.table} SET qss = 9, gxsj = '2026-04-01' WHERE id = 3")
            place.once()
            assert place.agrees() and place.count() == 11

    def a_binary_column_is_refused(self):
        columns = ', a_blob ' + ('LONGBLOB' if self.server.kind == 'mariadb' else 'BYTEA')
        with self.place(0, columns=columns, more=', "a_blob"', address='from = ["a_blob"]') as place:
            place.insert((1, {'a_blob': "'x'"}))
            self.is_refused(place, 'a_blob', 'is binary')

    def a_missing_table_and_a_missing_right_are_told(self):
        with self.place(1) as place:
            place.configure(table='not_there')
            self.is_refused(place, 'the table is not there, or the account may not see it')
            place.configure(table=place.table)
            if self.server.kind == 'postgresql':
                self.server.run(f'REVOKE SELECT ON {place.table} FROM {READER}')
                self.is_refused(place, 'GRANT SELECT')
            else:
                self.server.run('CREATE DATABASE IF NOT EXISTS secret; CREATE TABLE IF NOT EXISTS secret.t (id INT)')
                place.configure(table='secret.t')
                self.is_refused(place, 'GRANT SELECT')

    def a_view_and_a_query_stand_for_a_table(self):
        with self.place(10) as place:
            query = f"SELECT * FROM {place.table} WHERE qss > 5 UNION ALL SELECT * FROM {place.table} WHERE 1 = 0"
            place.configure(poll=place.mapping['poll'] + f' query = "{query}"; where = "nsrmc <> \'招\'";')
            place.once()
            self.server.run(f"UPDATE {place.table} SET qss = 99, gxsj = '2026-04-01' WHERE id = 8")
            place.once()
            assert len(place.standing()) == 5 and place.count() == 6, (len(place.standing()), place.count())

    def nothing_is_ever_written(self):
        with self.place(1) as place:
            if self.server.kind == 'postgresql':
                self.server.run(f"CREATE OR REPLACE FUNCTION write_{place.table}() RETURNS INT AS "
                                f"'DELETE FROM {place.table} RETURNING 1' LANGUAGE SQL; GRANT DELETE ON {place.table} TO {READER}")
                place.configure(poll=place.mapping['poll'] + f' where = "write_{place.table}() = 1";')
                self.is_refused(place, 'would write')
            assert len(place.rows()) == 1

    # --- the world ---

    def ends_with(self, place, *words):
        place.once(expect=1)
        for word in words:
            assert word in place.log(), f'{word}: {place.log()[-1500:]}'

    def a_wrong_password_ends_the_process(self):
        with self.place(1) as place:
            (place.folder / 'password').write_text('not-the-password-1\n')
            self.ends_with(place, 'the database refuses the account or its password')
            assert 'not-the-password-1' not in place.log()

    def a_missing_driver_is_told_with_what_to_install(self):
        with self.place(1) as place:
            place.configure(connection='Driver=No Such Driver;Server=127.0.0.1')
            self.ends_with(place, 'odbcinst -q -d')

    def a_password_in_the_configuration_is_refused(self):
        with self.place(1) as place:
            place.configure(connection='Driver=MariaDB Unicode;Server=127.0.0.1;PWD=open')
            self.ends_with(place, 'password_file')
            assert 'open' not in place.log().split('password_file')[0][-100:]

    def a_slow_question_is_given_up(self):
        sleep = 'SLEEP(30) = 0' if self.server.kind == 'mariadb' else 'pg_sleep(30) IS NOT NULL'
        with self.place(3, odbc='query_timeout = 1;') as place:
            place.configure(poll=place.mapping['poll'] + f' where = "{sleep}";')
            place.start()
            until('it is told', lambda: 'it took too long' in place.log())
            assert place.stop() < 10

    def a_stop_is_seen_while_the_database_thinks(self):
        sleep = 'SLEEP(60) = 0' if self.server.kind == 'mariadb' else 'pg_sleep(60) IS NOT NULL'
        with self.place(3) as place:
            place.configure(poll=place.mapping['poll'] + f' where = "{sleep}";')
            place.start()
            until('it is connected', lambda: 'database connected' in place.log())
            time.sleep(1)
            assert place.stop() < 15

    def a_server_that_hangs_costs_no_more_than_its_time(self):
        proxy = Proxy(self.server.port)
        with self.place(30, port=proxy.port, odbc='query_timeout = 2; login_timeout = 2;') as place:
            place.start()
            self.agree(place)
            proxy.is_hanging = True
            until('the process ends', lambda: place.process.poll() is not None)
            assert 'the process ends' in place.log() or 'it took too long' in place.log(), place.log()[-800:]
            proxy.is_hanging = False
            proxy.cut()
            place.insert((50, {}))
            place.start()
            self.agree(place)
            proxy.is_hanging = True
            time.sleep(1.5)
            assert place.stop() < 15

    def a_cut_connection_is_made_again(self):
        proxy = Proxy(self.server.port)
        with self.place(3000, port=proxy.port, odbc='page_rows = 100;') as place:
            cutting = threading.Event()

            def cut():
                while not cutting.wait(0.15):
                    proxy.cut()
            thread = threading.Thread(target=cut)
            thread.start()
            place.start()
            time.sleep(3)
            cutting.set()
            thread.join()
            self.agree(place)
            self.server.run(f"UPDATE {place.table} SET qss = 3, gxsj = '2026-04-01' WHERE id < 50")
            proxy.cut()
            self.agree(place)
            assert place.process.poll() is None

    def a_killed_server_is_waited_for(self):
        with self.place(2000) as place:
            place.start()
            self.server.kill()
            until('it is back', lambda: self.answers())
            self.agree(place)
            self.server.kill()
            until('it is back', lambda: self.answers())
            place.insert((5000, {}))
            self.agree(place)
            assert place.process.poll() is None, place.log()[-1500:]

    def answers(self):
        try:
            return bool(self.server.run('SELECT 1'))
        except RuntimeError:
            return False


def keep(kind, environment, word, result):
    """All promises on one server."""
    with tempfile.TemporaryDirectory(prefix='xq-odbc-server-') as folder:
        server = kind(folder)
        try:
            server.start()
            promises = Promises(environment, server)
            for name, promise in vars(Promises).items():
                if '_' in name and name[0] != '_' and name not in ('is_refused', 'ends_with') and word in f'{server.kind} {name}':
                    result.prove(f'{server.kind}: {name.replace("_", " ")}', promise, promises)
        except Exception as fault:  # noqa: BLE001 the other server's promises count as well
            result.prove(f'{kind.kind} serves', lambda: (_ for _ in ()).throw(fault))
        finally:
            server.stop()


def main():
    environment, word = read_environment(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ''
    result = Result()
    threads = [threading.Thread(target=keep, args=(kind, environment, word, result)) for kind in (MariaDb, PostgreSql)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return result.finish()


if __name__ == '__main__':
    sys.exit(main())
