#!/usr/bin/env python3
"""The https agent of a running exchange and its receiver, killed at any moment while a resync runs: nothing is lost, nothing is applied twice.

    exchange.py ENV       ENV is the env file of a demo; the last line is "N passed, N failed"
"""
import contextlib
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

SUBSCRIBER = 'tender'
ROUNDS, WAIT_S = 12, 180


def read_environment(path):
    entries = subprocess.run(['bash', '-c', f'set -a; source {path}; env -0'], check=True, capture_output=True, text=True).stdout.split('\0')
    return dict(entry.split('=', 1) for entry in entries if '=' in entry)


class Exchange:
    def __init__(self, environment):
        self.environment = environment

    def operator(self, *arguments):
        return subprocess.run([f'{self.environment["XQ_BIN"]}/xinqiao', *arguments], capture_output=True, text=True, check=False,
                              env=self.environment).stdout

    def counts(self):
        """Delivered to the subscriber, applied and refused by it."""
        found = [row['subscribers'][SUBSCRIBER] for row in json.loads(self.operator('books', '--json', '--brief'))['rows']
                 if SUBSCRIBER in row['subscribers']]
        return tuple(sum(counts[name] for counts in found) for name in ('delivered', 'applied', 'refused'))

    def ask(self, text):
        with contextlib.closing(sqlite3.connect(f'file:{self.environment["XQ_TENDER"]}?mode=ro', uri=True)) as database:
            return database.execute(text).fetchall()

    def kill(self, name):
        path = pathlib.Path(self.environment['XQ_DEMO'], 'run', f'{name}.pid')
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(path.read_text()), signal.SIGKILL)

    def records(self):
        """Without the reason of the last delivery, of which a resync says nothing."""
        return {record: rest for record, *rest in self.ask('SELECT record, withdrawn, version, flags, fields FROM record')}

    def is_even(self):
        """All that was delivered is in the receiver's logs."""
        return self.counts()[0] == self.ask('SELECT sum(size) FROM log')[0][0]


def unlike(before, after):
    """Records that the receiver has lost, or holds with other fields in the same version and state. Others may deliver meanwhile."""
    return [record for record, was in before.items()
            if record not in after or (after[record][:3] == was[:3] and after[record][3] != was[3])]


def wait(what, look):
    deadline = time.monotonic() + WAIT_S
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(1)


def killed_at_any_moment_all_is_applied_once(exchange):
    before, (delivered, _, _) = exchange.records(), exchange.counts()
    held = sum(not row[0] for row in before.values())
    assert held, 'the receiver holds nothing'
    exchange.operator('resync', SUBSCRIBER, '--officer', 'test', '--reason', 'https')
    dice = random.Random(7)
    for _ in range(ROUNDS):
        time.sleep(dice.uniform(0.1, 1.5))
        exchange.kill(dice.choice(['receiver-tender', f'agent-{SUBSCRIBER}']))
    wait('the resync is delivered', lambda: exchange.counts()[0] >= delivered + held)
    wait('all is applied', lambda: exchange.counts()[0] == sum(exchange.counts()[1:]))
    wait('the receiver has it all', exchange.is_even)
    assert unlike(before, exchange.records()) == []
    still = sum(not row[0] for row in exchange.records().values())
    assert still >= held * 9 // 10, 'the resync has taken away what is current'
    wait('no resync is open', lambda: exchange.ask('SELECT count(*) FROM resync') == [(0,)])


def main():
    try:
        killed_at_any_moment_all_is_applied_once(Exchange(read_environment(sys.argv[1])))
    except AssertionError as failure:
        print(f'✗ killed_at_any_moment_all_is_applied_once: {failure}\n0 passed, 1 failed')
        return 1
    print('✓ killed_at_any_moment_all_is_applied_once\n1 passed, 0 failed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
