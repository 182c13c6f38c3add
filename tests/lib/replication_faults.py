"""Adapter, database and broker are killed, the network is cut and the slot dropped, in the middle of a snapshot and of big transactions:
afterwards what was published, folded, is the table exactly, and no event is there twice.

    replication_faults.py ENV [PROMISE…]     ENV is the env file of a running exchange, whose broker is killed; prints "N passed, N failed" last"""
import os
import pathlib
import random
import signal
import sys
import time

from replication import Failure, Proxy, World, prove, wait_until

ROWS = 60000
KILLS = 4
seed = int(os.environ.get('XQ_SEED', random.randrange(10**6)))
pick = random.Random(seed)


def kill_broker(world):
    """Its supervisor starts it again; one that was killed just now comes back first."""
    file = pathlib.Path(world.env['XQ_DEMO']) / 'run' / 'kafka.pid'
    deadline = time.monotonic() + 60
    while True:
        try:
            os.kill(int(file.read_text()), signal.SIGKILL)
            return
        except (FileNotFoundError, ValueError, ProcessLookupError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def again(world):
    """A start behind a kill, once the slot may be free."""
    world.kill()
    world.start()


def settled(world):
    if world.process.poll() is not None:
        raise Failure(f'the adapter ended: {world.said()[-400:]}')
    world.settles()
    world.check()


def the_adapter_is_killed_in_its_snapshot(world):
    world.insert(1, ROWS)
    world.start()
    for word in ('snapshot begins', 'table copied', 'table copied'):
        since = len(world.said())
        try:
            world.wait_for_word(word, since, 20)
        except Failure:
            pass  # this start went on behind it
        time.sleep(pick.random() * 0.5)
        again(world)
    world.settles()
    settled(world)


def the_adapter_is_killed_in_a_big_transaction(world):
    world.insert(100001, ROWS)
    for _ in range(KILLS):
        time.sleep(pick.random() * 1.5)
        since = len(world.said())
        again(world)
        world.wait_for_word('changes are followed', since)
    world.cluster.sql("BEGIN; UPDATE penalty SET nr = nr || '改' WHERE wsh LIKE 'WS-1%'; DELETE FROM penalty WHERE wsh LIKE 'WS-11%'; COMMIT")
    time.sleep(pick.random())
    again(world)
    settled(world)


def the_database_is_killed_in_a_big_transaction(world):
    world.insert(200001, ROWS)
    time.sleep(pick.random())
    world.cluster.kill()
    time.sleep(pick.random())
    world.cluster.start()
    world.insert(300001, 100)
    settled(world)


def the_broker_is_killed_in_a_big_transaction(world):
    world.insert(400001, ROWS)
    time.sleep(pick.random())
    kill_broker(world)
    settled(world)


def the_network_to_the_database_is_cut(world):
    world.stop()
    proxy = Proxy(world.cluster.port)
    try:
        world.write_config(port=proxy.port)
        world.start()
        world.wait_for_word('changes are followed', len(world.said()))
        world.insert(500001, ROWS)
        time.sleep(pick.random())
        proxy.cut()
        time.sleep(4)
        world.insert(600001, 100)
        proxy.mend()
        settled(world)
        world.stop()
    finally:
        proxy.close()
    world.write_config()


def a_truncation_is_cut_off(world):
    world.start()
    world.wait_for_word('changes are followed', len(world.said()))
    world.cluster.sql('TRUNCATE penalty')
    for _ in range(2):
        time.sleep(pick.random())
        again(world)
    world.insert(1, 500)
    settled(world)
    world.stop()


def the_slot_is_dropped_and_the_adapter_killed_in_the_snapshot_that_cures_it(world):
    world.insert(700001, ROWS)
    world.cluster.sql(f"DELETE FROM penalty WHERE wsh LIKE 'WS-1_'; SELECT pg_drop_replication_slot('{world.slot}')")
    world.write_config(extra='on_lost_slot = "snapshot";')
    for _ in range(2):
        since = len(world.said())
        world.start()
        wait_until(lambda: any(word in world.said()[since:] for word in ('slot is lost', 'snapshot begins', 'followed')), 'the snapshot')
        time.sleep(pick.random())
        world.kill()
    world.start()
    world.wait_for_word('changes are followed', len(world.said()))
    world.cluster.sql("UPDATE penalty SET bz = '末' WHERE wsh LIKE 'WS-7%00'")
    settled(world)


PROMISES = [
    the_adapter_is_killed_in_its_snapshot, the_adapter_is_killed_in_a_big_transaction,
    the_database_is_killed_in_a_big_transaction, the_broker_is_killed_in_a_big_transaction, the_network_to_the_database_is_cut,
    a_truncation_is_cut_off, the_slot_is_dropped_and_the_adapter_killed_in_the_snapshot_that_cures_it,
]


def main():
    print(f'seed {seed}', flush=True)
    world = World(sys.argv[1], 'replfaults', autovacuum='off')
    world.extra = 'batch_rows = 5000;'
    world.write_config()
    try:
        return prove(PROMISES, world, sys.argv[2:])
    finally:
        world.close()


if __name__ == '__main__':
    sys.exit(main())
