"""A table that changes all the time, and everything around it killed: nothing is lost, nothing is invented."""
import os
import random
import signal
import sys
import tempfile
import threading
import time

from place import MariaDb, Place, PostgreSql, Proxy, Result, pid_of, read_environment, until

ROWS = 3000
SECONDS = 30
POLL = 'column = "gxsj"; every_seconds = 1; overlap_seconds = 30; list_every_hours = 0;'


class Writer(threading.Thread):
    """The department at work. What a dying server did not take is of no matter: the table says what counts."""

    def __init__(self, place, seed):
        super().__init__(daemon=True)
        self.place, self.random, self.done, self.next = place, random.Random(seed), threading.Event(), ROWS

    def statement(self):
        table, number = self.place.table, self.random.randrange(self.next)
        dice = self.random.random()
        if dice < 0.6:
            return f'UPDATE {table} SET qss = qss + 1, gxsj = CURRENT_TIMESTAMP(6) WHERE id BETWEEN {number} AND {number + 20};'
        if dice < 0.7:
            return f'DELETE FROM {table} WHERE id = {number};'
        if dice < 0.8:
            return f"UPDATE {table} SET czlx = 'd', gxsj = CURRENT_TIMESTAMP(6) WHERE id = {number};"
        return None

    def run(self):
        while not self.done.wait(0.02):
            statement = self.statement()
            try:
                if statement is not None:
                    self.place.server.run(statement)
                else:
                    self.place.insert((self.next, {'gxsj': 'CURRENT_TIMESTAMP(6)'}))
                    self.next += 1
            except RuntimeError:
                self.next += 1  # it may be there or not
                time.sleep(0.2)


def kill_broker(environment):
    """That of the demo; its supervisor starts it again."""
    os.kill(pid_of(environment['XQ_DEMO'], 'kafka'), signal.SIGKILL)


def disturb(place, proxy, environment, seed):
    dice = random.Random(seed)
    kinds = ['adapter', 'adapter', 'network', 'server', 'network', 'adapter']
    ended, broker_at = time.monotonic() + SECONDS, time.monotonic() + SECONDS / 2
    place.start()
    while time.monotonic() < ended:
        time.sleep(dice.uniform(0.3, 2.5))
        kind = dice.choice(kinds)
        if broker_at and time.monotonic() > broker_at:
            kind, broker_at = 'broker', 0
        if kind == 'adapter' or place.process.poll() is not None:
            place.kill()
            place.start()
        elif kind == 'network':
            proxy.cut()
        elif kind == 'broker':
            kill_broker(environment)
        else:
            place.server.kill()


def answers(server):
    try:
        return bool(server.run('SELECT 1'))
    except RuntimeError:
        return False


def run_again(place):
    """A stop for a reason of its own would be told; the supervisor's part is ours here."""
    if place.process.poll() is not None:
        place.start()


def stands(place):
    run_again(place)
    standing = place.standing()
    return all(standing.get(key) == row for key, row in place.rows().items())


def agrees(place):
    run_again(place)
    return place.agrees()


def table_and_topic_agree(server, environment, seed):
    proxy = Proxy(server.port)
    place = Place(environment, server, f'k{server.kind[0]}', port=proxy.port, odbc='page_rows = 200; query_timeout = 20;', poll=POLL,
                  options='max_withdraw = 100;')
    try:
        place.create(ROWS)
        writer = Writer(place, seed)
        writer.start()
        disturb(place, proxy, environment, seed)
        writer.done.set()
        writer.join()
        until('the server is back', lambda: answers(server))
        until('every row that stands was told', lambda: stands(place))
        # Nothing is left at the end of the rising column: the whole table is compared, and what was deleted is found.
        server.run(f"UPDATE {place.table} SET gxsj = '2026-01-01 00:00:00'")
        until('topic and table agree', lambda: agrees(place))
        place.stop()
    finally:
        place.remove()


def main():
    environment = read_environment(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
    result = Result()
    for kind in (MariaDb, PostgreSql):
        with tempfile.TemporaryDirectory(prefix='xq-odbc-server-') as folder:
            server = kind(folder)
            try:
                server.start()
                result.prove(f'{server.kind}: killed again and again, the topic equals the table, seed {seed}', table_and_topic_agree, server,
                             environment, seed)
            finally:
                server.stop()
    return result.finish()


if __name__ == '__main__':
    sys.exit(main())
