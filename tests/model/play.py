#!/usr/bin/env python3
"""Plays random histories through a running exchange and compares what subscribers' tables hold with what the model says.

    play.py FOLDER [--histories N] [--steps M] [--ticks T] [--seed S] [--only K]

FOLDER is an exchange as tests/model/run makes it. All histories share a clock, the grants, a portfolio; in every tick one of these
may change, each history takes some steps, processes are killed, and when all has come to rest every table is compared, row by row.
--only plays history K alone, as it was among the others. The last line is "N passed, N failed": one for each history, one for
the resyncs.
"""
import argparse
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'reader'))
import exchange as real  # noqa: E402
import history  # noqa: E402
import model  # noqa: E402
import setting as settings  # noqa: E402

SETTLE_S = 8
KINDS_OF_KILL = ('worker', 'worker', 'worker', 'agent', 'agent', 'keyholder', 'gateway')
MOST_SHOWN = 5
WORLD_CHANGES = ('the clock', 'the portfolio', 'grant')
STEPS_A_TICK, LEAST_TICKS = 60, 15
REST_S = 2.5  # the clock and portfolios are read every second


class Play:
    def __init__(self, arguments):
        self.arguments = arguments
        self.dice = random.Random(f'{arguments.seed}/world')
        self.kill_dice = random.Random(f'{arguments.seed}/kills')
        root = pathlib.Path(__file__).resolve().parents[2]
        self.setting = settings.Setting(root, pathlib.Path(arguments.folder) / 'root' / 'schemas', self.dice)
        self.exchange = None
        self.expected, self.wrong_resyncs, self.kills = {}, [], 0
        self.calendar = []  # what happened to the world: (tick, text)

    # ── the world ──

    def start(self):
        self.exchange = real.Exchange(self.arguments.folder, self.setting)
        self.exchange.set_clock(self.setting.day)
        numbers = range(self.arguments.histories) if self.arguments.only is None else [self.arguments.only]
        self.histories = [history.History(number, self.arguments.seed, self.setting.world.catalogue.items) for number in numbers]
        self.subjects = [subject.identifier for one in self.histories for subject in one.subjects]
        self.wait_for_world()
        time.sleep(REST_S)  # where no record is yet, everyone may count as served
        for subscriber, item, _ in list(self.exchange.markers):
            self.expected[subscriber, item] = 1
        self.wait_for_world()

    def change_world(self, tick):
        """(the pairs to be resynced, what happened)."""
        before, chance, pairs = self.setting.world, self.dice.random(), []
        subscriber = self.dice.choice(before.catalogue.subscribers)
        items = [item for item in before.catalogue.items if subscriber.about(item)]
        item = self.dice.choice([None, *items])
        if tick == 0 or chance < 0.15:
            text = 'nothing'
        elif chance < 0.45:
            text = self.setting.change_clock(self.arguments.back)
        elif chance < 0.66:
            text = self.setting.change_grant()
        elif chance < 0.70:
            text = 'a file of grants that is wrong'
        elif chance < 0.85:
            text = self.setting.change_customers(self.subjects, f'{self.arguments.seed}/{tick}')
        else:
            text = f'resync of {item.name if item else "everything"} for {subscriber.name}'
            pairs = [(subscriber, one) for one in (items if item is None else [item])]
        after = self.setting.read()
        self.setting.world = after
        pairs = [(next(one for one in after.catalogue.subscribers if one.name == subscriber.name), item) for subscriber, item in pairs]
        self.calendar.append((tick, text))
        return before, after, [*pairs, *settings.changed(before, after)], (text, subscriber, item)

    def activate(self, change):
        text, subscriber, item = change
        if text.startswith('the clock'):
            self.exchange.set_clock(self.setting.day)
        elif text.startswith('grant'):
            self.exchange.reload()
        elif text.startswith('resync'):
            self.exchange.request_resync(subscriber.name, item)
        elif text.startswith('a file'):  # the grants in force stay
            self.setting.break_grants(subscriber.name)
            self.exchange.reload()
            time.sleep(REST_S)
            self.setting.write_grants([subscriber.name])

    def expect_resyncs(self, pairs):
        for subscriber, item in pairs:
            self.expected[subscriber.name, item.name] = self.expected.get((subscriber.name, item.name), 0) + 1

    def world_has_come(self):
        return self.exchange.is_swept(self.setting.due) and all(
            self.exchange.ended(*pair) >= count for pair, count in self.expected.items())

    def wait_for_world(self):
        try:
            real.until('expiries and resyncs', self.world_has_come)
        except real.Stuck as why:
            missing = [f'{pair}: {self.exchange.ended(*pair)} of {count}' for pair, count in self.expected.items()
                       if self.exchange.ended(*pair) < count]
            raise real.Stuck(f'{why}; days {self.exchange.days}, due {self.setting.due}; resyncs {missing}') from why

    def check_resyncs(self, tick):
        for (subscriber, item, partition), count in self.exchange.markers.items():
            due = self.expected.get((subscriber, item), 0)
            if count > due:
                self.wrong_resyncs.append(f'tick {tick}: the resync of {item} for {subscriber} in partition {partition} ended {count} '
                                          f'times, {due} are due')
                self.expected[subscriber, item] = max(self.exchange.markers.get((subscriber, item, number), 0)
                                                      for number in range(real.PARTITIONS))

    # ── a tick ──

    def tick(self, tick, until):
        before, after, pairs, change = self.change_world(tick)
        mixed = tick > 0 and self.dice.random() < 0.5
        self.expect_resyncs(pairs)
        if not mixed:
            self.activate(change)
            self.kill(0.5)
            self.wait_for_world()
            if change[0].startswith(WORLD_CHANGES):
                time.sleep(REST_S)  # a change that asks for nothing shows nowhere
            self.settle(after, lambda track: self.consequences(track, pairs))
        tracks = [track for one in self.histories for track in one.tracks]
        for one in self.histories:
            one.tick(until, after, 2 if mixed else 3)
        if mixed:
            self.activate(change)
        self.publish(tracks)
        self.kill(1.2)
        if mixed:
            world = [('world', after)] if change[0].startswith(WORLD_CHANGES) else []
            self.settle(before, lambda track: [world, *self.consequences(track, pairs), *self.streams(track)])
        else:
            self.settle(after, self.streams)
        self.exchange.flush()
        real.until('everything is consumed', self.exchange.is_consumed)
        self.wait_for_world()
        real.until('everything is applied', self.exchange.is_applied)
        self.check_resyncs(tick)
        return self.compare(tick)

    def consequences(self, track, pairs):
        steps = [[('resync', subscriber)] for subscriber, item in pairs if item.name == track.item.name]
        return [[('expiry',)], *steps]

    @staticmethod
    def streams(track):
        return [[('event' if name == 'own' else 'rights', event) for event in events] for name, events in track.steps.items()]

    def settle(self, world, streams_of):
        for one in self.histories:
            for track in one.tracks:
                if not track.failed:
                    track.possible = model.settle(track.possible, world, streams_of(track))

    def publish(self, tracks):
        """A record's events of one topic in their order, everything else in none."""
        waiting = [iter(events) for track in tracks for events in track.steps.values()]
        while waiting:
            stream = self.kill_dice.randrange(len(waiting))
            event = next(waiting[stream], None)
            if event is None:
                waiting[stream] = waiting[-1]
                waiting.pop()
            else:
                self.exchange.publish(event)
        self.exchange.producer.poll(0)

    def kill(self, mean):
        for _ in range(4):
            if self.arguments.kills and self.kill_dice.random() < mean / 4:
                time.sleep(self.kill_dice.uniform(0, 0.3))
                self.kills += self.exchange.kill(self.kill_dice.choice(KINDS_OF_KILL), self.kill_dice)

    # ── comparing ──

    def compare(self, tick):
        """Tracks whose rows are none of those that may be. A table that lags a moment is read again."""
        until = time.monotonic() + SETTLE_S
        while True:
            tables = self.exchange.read_tables()
            wrong = [(one, track) for one in self.histories for track in one.tracks
                     if not track.failed and not self.fitting(track, tables)]
            if not wrong or time.monotonic() > until:
                break
            time.sleep(0.5)
        for one in self.histories:
            for track in one.tracks:
                if not track.failed and (one, track) not in wrong:
                    track.possible = self.fitting(track, tables)
                    track.say(f'— tick {tick}, {self.calendar[-1][1]}')
        for one, track in wrong:
            track.failed = True
            self.show(tick, one, track, tables)
        known = {track.record_identity for one in self.histories for track in one.tracks}
        for name, rows in tables.items():
            for record in rows.keys() - known:
                print(f'✗ {name} holds {record.hex()}, a record of nobody', flush=True)
                self.wrong_resyncs.append('rows of nobody')
        return tables

    @staticmethod
    def fitting(track, tables):
        rows = tuple(sorted((name, table[track.record_identity]) for name, table in tables.items() if track.record_identity in table))
        return {record for record in track.possible if record.rows == rows}

    shown = 0

    def show(self, tick, one, track, tables):
        self.shown += 1
        if self.shown > MOST_SHOWN:
            return
        print(f'✗ history {one.number}, {track.item.name} {track.document_number} of {track.subject.kind} {track.subject.identifier}, '
              f'tick {tick} ({self.calendar[-1][1]}), day {self.setting.day}')
        print('    ' + '\n    '.join(track.story[-25:]))
        for name, table in tables.items():
            held = table.get(track.record_identity)
            due = {record.row(name) for record in track.possible}
            if held not in due:
                print(f'    {name} holds {held}')
                for row in list(due)[:4]:
                    print(f'    {name} must hold {row}')
        record = next(iter(track.possible))
        print(f'    {len(track.possible)} ways; one: version {record.version} live {record.live} marks {sorted(record.marks)} disputes '
              f'{record.disputes} publicity {record.publicity_ends} retention {record.retention_ends} holders '
              f'{sorted(record.holders)}', flush=True)

    # ── all ──

    def run(self):
        started = time.monotonic()
        self.start()
        ticks = self.arguments.ticks or max(LEAST_TICKS, self.arguments.steps // STEPS_A_TICK)
        stuck = None
        for tick in range(ticks):
            try:
                self.tick(tick, self.arguments.steps * (tick + 1) // ticks)
            except real.Stuck as why:
                stuck = f'tick {tick} ({self.calendar[-1][1]}): {why}'
                break
            ways = sum(len(track.possible) for one in self.histories for track in one.tracks)
            print(f'  tick {tick}: {self.calendar[-1][1]}; {self.exchange.sent} events, {self.kills} kills, {ways} ways, '
                  f'{time.monotonic() - started:.0f} s', flush=True)
        return self.count(stuck, time.monotonic() - started)

    def count(self, stuck, seconds):
        bad = [one for one in self.histories if any(track.failed for track in one.tracks)]
        for why in [*self.wrong_resyncs[:MOST_SHOWN], *([stuck] if stuck else [])]:
            print(f'✗ {why}')
        rows = sum(len(table) for table in self.exchange.read_tables().values())
        print(f'  {len(self.histories)} histories, {self.exchange.sent} steps, {self.kills} kills, {rows} rows at the end, '
              f'{seconds:.0f} s; seed {self.arguments.seed}')
        if bad:
            print(f'  wrong: {[one.number for one in bad][:20]}; again with: --seed {self.arguments.seed} --only {bad[0].number}')
        failed = len(bad) + bool(self.wrong_resyncs) + bool(stuck)
        print(f'{len(self.histories) + 2 - failed} passed, {failed} failed')
        return failed == 0


def parse():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('folder')
    parser.add_argument('--prepare', action='store_true', help='only write the catalogue as it stands at first')
    parser.add_argument('--histories', type=int, default=15)
    parser.add_argument('--steps', type=int, default=450)
    parser.add_argument('--ticks', type=int)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', type=int)
    parser.add_argument('--back', type=float, default=0.15, help='share of clocks that go back')
    parser.add_argument('--no-kills', dest='kills', action='store_false')
    return parser.parse_args()


def main():
    arguments = parse()
    play = Play(arguments)
    return 0 if arguments.prepare or play.run() else 1


if __name__ == '__main__':
    sys.exit(main())
