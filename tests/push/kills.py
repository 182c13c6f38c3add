#!/usr/bin/env python3
"""Kills the adapter and the broker again and again while clients push, each repeating a delivery under its key until it is answered: what was
answered is in the topic, each row once, and nothing else is.

    kills.py ENV [SECONDS]      ENV is the env file of a demo, whose broker is killed, and must come back by itself

The last line is "N passed, N failed".
"""
import os
import pathlib
import random
import signal
import sys
import threading
import time

from place import Place, read_environment, row, until

CLIENTS = 4
ROWS = 40
RECORDS = 60  # of a client: so most rows change a record that is there
SECONDS = 45
OPTIONS = 'requests_per_minute = 1000000; burst = 1000000; answer_ms = 5000;'


class Pusher(threading.Thread):
    """One client: delivery after delivery, each until it is answered."""

    def __init__(self, place, number, until_s):
        super().__init__()
        self.place, self.number, self.until_s = place, number, until_s
        self.dice = random.Random(number)
        self.said, self.accepted, self.deliveries, self.tries, self.repeated = {}, 0, 0, 0, 0
        self.failure = None

    def run(self):
        try:
            while time.monotonic() < self.until_s:
                self.deliver()
        except Exception as failure:  # told by the main thread
            self.failure = failure

    def deliver(self):
        self.deliveries += 1
        rows = []
        for place in self.dice.sample(range(RECORDS), ROWS):
            version = self.deliveries
            rows.append(row(self.number * 10000 + place, DECORG=f'机关{self.number}-{version}',
                            TS=f'2026-09-{1 + version // 1440:02}T{version // 60 % 24:02}:{version % 60:02}:00'))
        answer = self.push_until_answered(rows, f'client-{self.number}-{self.deliveries}')
        assert answer.json['refused'] == 0, answer
        self.accepted += answer.json['accepted']
        self.repeated += 'idempotency-replayed' in answer.headers
        for one in rows:
            self.said[one['PRIPID']] = one['DECORG']

    def push_until_answered(self, rows, key):
        deadline = time.monotonic() + 180
        while True:
            self.tries += 1
            # Some give up early, so that answers get lost.
            answer = self.place.push(rows, key=key, timeout=self.dice.choice([0.05, 0.3, 10, 10, 10]))
            if answer.status == 200 and answer.exit_status == 0:
                return answer
            assert answer.status in (0, 200, 409, 503), answer
            assert time.monotonic() < deadline, f'{key} is never answered: {answer}'
            time.sleep(0.1)


def keep_running(place, is_over):
    """A service manager: what ended is started again."""
    while not is_over.is_set():
        process = place.process
        if process is not None and process.poll() is not None:
            try:
                place.start()
            except AssertionError:
                pass  # ended once more: again
        time.sleep(0.1)


def serves(place):
    try:
        return place.listens()
    except AssertionError:
        return False  # it is started again


def kill_adapter(place):
    process = place.process
    if process.poll() is None:
        process.kill()


def broker(demo):
    """Its pid, None while it has none."""
    try:
        return int((demo / 'run/kafka.pid').read_text())
    except (OSError, ValueError):
        return None


def kill_broker(demo):
    old = until('the broker runs', lambda: broker(demo))
    os.kill(old, signal.SIGKILL)
    until('the broker comes back', lambda: broker(demo) not in (None, old))


def broker_serves(demo):
    log = (demo / 'log/kafka.log').read_bytes()
    return log.rfind(b'Kafka Server started') > log.rfind(b'supervise: ')


def run(environment, seconds, result):
    place, demo, dice = Place(environment, 'pushkills', OPTIONS), pathlib.Path(environment['XQ_DEMO']), random.Random(1)
    is_over = threading.Event()
    place.start()
    guard = threading.Thread(target=keep_running, args=(place, is_over))
    guard.start()
    pushers = [Pusher(place, number, time.monotonic() + seconds) for number in range(CLIENTS)]
    kills = {'adapter': 0, 'broker': 0}
    try:
        for pusher in pushers:
            pusher.start()
        end = time.monotonic() + seconds - 5
        broker_at = [time.monotonic() + seconds * part for part in (0.25, 0.6)]
        while time.monotonic() < end:
            if dice.random() < 0.8:  # else perhaps while it starts
                until('the adapter serves', lambda: serves(place))
            time.sleep(dice.uniform(0.1, 3))
            if broker_at and time.monotonic() > broker_at[0]:
                broker_at.pop(0)
                kills['broker'] += 1
                kill_broker(demo)
                until('the broker serves', lambda: broker_serves(demo))
            else:
                kills['adapter'] += 1
                kill_adapter(place)
        for pusher in pushers:
            pusher.join()
        print('  ' + ', '.join(f'{count} kills of the {name}' for name, count in kills.items()) +
              f'; {sum(p.deliveries for p in pushers)} deliveries in {sum(p.tries for p in pushers)} tries, '
              f'{sum(p.repeated for p in pushers)} answered by what was kept')
        judge(place, pushers, result)
    finally:
        is_over.set()
        guard.join()
        for pusher in pushers:
            if pusher.ident:
                pusher.join()
        if any(failures for _, failures in result):
            print(place.log()[-6000:])
        place.close()


def judge(place, pushers, result):
    result.append(('every delivery is answered at last', [str(p.failure) for p in pushers if p.failure]))
    result.append(('kills met deliveries under way', [] if sum(p.tries - p.deliveries for p in pushers) > 10 else ['too few tries failed']))
    events, folded, seen = place.events(), {}, set()
    doubles = []
    for event in events:
        record = event['record_key'].split('|')[1]
        if (record, event['version']) in seen:
            doubles.append(f'{record} version {event["version"]} twice')
        seen.add((record, event['version']))
        folded[record] = event['listing_authority']
    accepted = sum(p.accepted for p in pushers)
    result.append(('nothing is published twice', doubles))
    result.append(('what was answered as accepted is published, and nothing else',
                   [] if accepted == len(events) else [f'{accepted} accepted, {len(events)} published']))
    said = {record: text for p in pushers for record, text in p.said.items()}
    result.append(('folding the topic gives what was pushed last',
                   [f'{record}: {text}, not {folded.get(record)}' for record, text in said.items() if folded.get(record) != text]))
    result.append(('sequences have no gap', gaps(place)))


def gaps(place):
    found, numbers = [], {}
    for message, event in zip(place.messages(f'{place.prefix}in.market.abnormal.operation'), place.events()):
        numbers.setdefault(message.partition(), []).append(event['sequence'])
    for partition, sequence in numbers.items():
        if sequence != list(range(1, len(sequence) + 1)):
            found.append(f'partition {partition}')
    return found


def main():
    result = []
    run(read_environment(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SECONDS, result)
    for title, failures in result:
        print(f'{"✗" if failures else "✓"} {title}')
        for failure in failures[:10]:
            print(f'    {failure}')
    failed = sum(bool(failures) for _, failures in result)
    print(f'{len(result) - failed} passed, {failed} failed')
    return 1 if failed or not result else 0


if __name__ == '__main__':
    sys.exit(main())
