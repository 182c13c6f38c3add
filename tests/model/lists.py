#!/usr/bin/env python3
"""Random sequences of full lists through the real adapter on a real broker, with kill -9 between: what it published must fold to the last list.

    lists.py ENV [--lists N] [--rows N] [--seed S]

ENV is the env file of a running exchange; topics of another prefix and an adapter of its own are used beside it. The reference below knows
one record by one content and the rules of docs/recipes/full-list.md; whatever is killed, moved or thrown away meanwhile:

- folding the published events, by version, gives what the reference holds;
- each event differs from what the feed said before, its version is higher, and sequence numbers have no gap;
- every row that does not count is in quarantine once.

Prints "N passed, N failed".
"""
import argparse
import collections
import csv
import io
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'reader'))

import avro  # noqa: E402
import topics  # noqa: E402
import world as reader_world  # noqa: E402

CATALOGUE = ROOT / 'schemas' / 'catalogue.cfg'
PARTITIONS = 3
PATIENCE_S = 180
MAX_PERCENT, MAX_ROWS = 10, 5
COLUMNS = ['文号', '名称', '代码', '机关', '依据', '情形', '日期', '更新时间']
ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY'
# Of a feed: its list's name, and whether its rows tell when they changed.
FEEDS = {'black': ('黑名单', False), 'watch': ('重点关注名单', True)}

MAPPING = '''# of a test
item = "list.membership"; format = "csv"; list = "full"; max_withdraw = {percent}; max_withdraw_rows = {rows};
columns = [{columns}];
{changed_at}
subject = {{ kind = "ORGANISATION"; organisation = ["代码"]; }};
fields = (
  {{ name = "subject_name"; from = ["名称"]; }}, {{ name = "occurred_at"; from = ["日期"]; }},
  {{ name = "conduct_end_date"; constant = ""; }}, {{ name = "publicity_until"; constant = ""; }},
  {{ name = "rule_version"; constant = "GX-2023-05"; }}, {{ name = "list_name"; constant = "{kind}"; }},
  {{ name = "list_kind"; constant = "{kind}"; }}, {{ name = "party_kind"; constant = "法人及非法人组织"; }},
  {{ name = "credit_code"; from = ["代码"]; }}, {{ name = "party_document_number"; constant = ""; }},
  {{ name = "legal_representative"; constant = ""; }}, {{ name = "document_number"; from = ["文号"]; }},
  {{ name = "authority"; from = ["机关"]; }}, {{ name = "basis"; from = ["依据"]; }}, {{ name = "facts"; from = ["情形"]; }},
  {{ name = "listed_on"; from = ["日期"]; }}, {{ name = "term_ends_on"; constant = ""; }}, {{ name = "removed_on"; constant = ""; }},
  {{ name = "removal_reason"; constant = ""; }}, {{ name = "measures"; constant = ""; }}, {{ name = "remarks"; constant = ""; }}
);
'''


class Wrong(Exception):
    """What was seen is not what the reference holds."""


# ── subjects ──

def organisation_code(number):
    body, weights = f'{number:08d}', (3, 7, 9, 10, 5, 8, 4, 2)
    check = 11 - sum(int(digit) * weight for digit, weight in zip(body, weights)) % 11
    return body + {10: 'X', 11: '0'}.get(check, str(check))


def credit_code(number):
    body = '91450200' + organisation_code(number)
    total = sum(ALPHABET.index(character) * pow(3, place, 31) for place, character in enumerate(body))
    return body + ALPHABET[-total % 31]


# ── the reference ──

class Row(collections.namedtuple('Row', 'number facts fault')):
    """A row of a list: of record `number`, saying `facts`; fault None, 'told' (its key can be told) or 'untold'."""

    def cells(self, clock):
        day = '昨天' if self.fault == 'told' else '2026-03-01'
        whole = [f'柳公资〔2026〕{self.number}号', f'企业{self.number}', credit_code(self.number), '柳州市公共资源交易中心',
                 '条例第三条', self.facts, day, clock]
        return whole[:5] if self.fault == 'untold' else whole


def outcome(standing, rows):
    """(what stands afterwards, rows that do not count, whether it must be held): `standing` is {number: facts}."""
    groups, refused, untold = collections.defaultdict(list), 0, 0
    for row in rows:
        if row.fault == 'untold':
            untold += 1
            refused += 1
        else:
            groups[row.number].append(row)
    after = dict(standing)
    for number, group in groups.items():
        if len({(row.facts if row.fault is None else None) for row in group}) > 1:
            refused += len(group)
        elif group[0].fault is not None:
            refused += len(group)
        else:
            after[number] = group[0].facts
    absent = [number for number in standing if number not in groups]
    missing = len(absent) + untold
    held = bool(absent) and missing > MAX_ROWS and missing * 100 > len(standing) * MAX_PERCENT
    return after, absent, refused, untold, held


class Feed:
    """What the reference holds of one feed."""

    def __init__(self, name):
        self.name, self.standing, self.refused = name, {}, 0
        self.count, self.last = 0, []

    def next_list(self, dice, most):
        """Mostly the last list a little changed; sometimes another, a short or a repeated one."""
        facts = dict(self.standing)
        kind = dice.random()
        if kind < 0.1 and self.last:
            return list(self.last)
        share = dice.choice((0.02, 0.05, 0.3)) if facts else 1
        for number in range(most):
            if dice.random() < share:
                if number in facts and dice.random() < 0.3:
                    del facts[number]
                else:
                    facts[number] = f'情形{dice.randrange(4)}'
        if kind > 0.9:
            facts = {number: text for number, text in facts.items() if dice.random() < 0.5}
        rows = []
        for number, text in facts.items():
            fault = dice.choice(('told', 'untold')) if dice.random() < 0.01 else None
            rows.append(Row(number, text, fault))
            while dice.random() < 0.03:
                rows.append(Row(number, dice.choice((text, '另一情形')), None))
        dice.shuffle(rows)
        return rows or [Row(0, '情形0', None)]

    def take(self, rows, approved=False):
        """True when it is taken, False when it must be held."""
        after, absent, refused, untold, held = outcome(self.standing, rows)
        if held and not approved:
            return False
        if untold == 0 or approved:
            for number in absent:
                del after[number]
        self.standing, self.last = after, rows
        self.refused += refused
        return True


# ── the real thing ──

class Adapter:
    def __init__(self, env, folder):
        self.environment = reader_world.read_environment(env)
        self.folder, self.process, self.starts = pathlib.Path(folder), None, 0
        self.prefix = f'lists{os.getpid()}.'
        self.log = (self.folder / 'adapter.log').open('ab')
        self.configure()

    def configure(self):
        kafka = f'kafka = {{ bootstrap = "{self.environment["XQ_BOOTSTRAP"]}"; prefix = "{self.prefix}"; }};'
        (self.folder / 'mappings').mkdir()
        for name, (kind, has_time) in FEEDS.items():
            (self.folder / 'mappings' / f'{name}.cfg').write_text(MAPPING.format(
                percent=MAX_PERCENT, rows=MAX_ROWS, kind=kind, columns=', '.join(f'"{column}"' for column in COLUMNS),
                changed_at='changed_at = "更新时间";' if has_time else ''))
            (self.folder / 'inbox' / name).mkdir(parents=True)
        (self.folder / 'pepper').write_text('5a' * 32 + '\n')
        (self.folder / 'pepper').chmod(0o600)
        (self.folder / 'xinqiao.cfg').write_text(f'catalogue = "{CATALOGUE}"; {kafka}\n')
        (self.folder / 'adapter.cfg').write_text(
            f'name = "lists"; department = "bidding"; catalogue = "{CATALOGUE}"; {kafka}\n'
            f'mappings = "{self.folder}/mappings"; inbox = "{self.folder}/inbox"; state = "{self.folder}/state";\n'
            f'pepper_file = "{self.folder}/pepper"; partitions = {PARTITIONS}; batch_rows = 40; scan_ms = 100;\n')
        self.operator('topics', 'create', '--partitions', str(PARTITIONS))

    def operator(self, *arguments):
        done = subprocess.run([f'{self.environment["XQ_BIN"]}/xinqiao', *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, 'XQ_CONFIG': str(self.folder / 'xinqiao.cfg')})
        if done.returncode != 0:
            raise Wrong(f'xinqiao {" ".join(arguments)}: {done.stdout}{done.stderr}')
        return done.stdout

    def start(self, *options):
        self.starts += 1
        self.process = subprocess.Popen([f'{self.environment["XQ_BIN"]}/xinqiao-adapter', '--config', str(self.folder / 'adapter.cfg'),
                                         *options], stderr=self.log, start_new_session=True)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait(PATIENCE_S)

    def until(self, what, look, dice, kills):
        """Waits for it; `kills` times the adapter is killed meanwhile, and started again at once."""
        deadline, next_kill = time.monotonic() + PATIENCE_S, time.monotonic() + dice.uniform(0, 0.6)
        while not look():
            if time.monotonic() > deadline:
                raise Wrong(f'{what}: not within {PATIENCE_S} s')
            if kills > 0 and time.monotonic() >= next_kill:
                self.kill(dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
                self.start()
                kills, next_kill = kills - 1, time.monotonic() + dice.uniform(0.05, 0.9)
            elif self.process.poll() is not None:
                raise Wrong(f'{what}: the adapter has ended with {self.process.returncode}')
            time.sleep(0.02)

    def put(self, feed, name, rows, clock):
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows(row.cells(clock) for row in rows)
        part = self.folder / 'inbox' / feed / f'.{name}'
        part.write_text(text.getvalue())
        part.rename(self.folder / 'inbox' / feed / name)

    def place(self, feed, name):
        """done, held or None: where a file of that name has ended, its report beside it."""
        if (self.folder / 'inbox' / feed / name).exists():
            return None
        for place in ('done', 'held'):
            if (self.folder / 'inbox' / feed / place / name).exists():
                return place
        return None

    def spoil(self, dice):
        """With the adapter down, something happens to its image."""
        image = self.folder / 'state' / 'image'
        if dice.random() < 0.5:
            shutil.rmtree(image, ignore_errors=True)
        elif image.exists():
            (image / 'mark').write_text('open of-another-boot\n')

    def read(self):
        names = {f'{self.prefix}in.bidding.list.membership': PARTITIONS, f'{self.prefix}quarantine': 1}
        return topics.read(self.environment['XQ_BOOTSTRAP'], names)


# ── what must hold ──

class Judge:
    def __init__(self, adapter, feeds):
        self.adapter, self.feeds = adapter, feeds
        folder = CATALOGUE.parent
        self.event = avro.Schema(folder / 'shared' / 'list.membership-1.avsc')
        self.refusal = avro.Schema(folder / 'internal' / 'quarantine.avsc')

    def look(self):
        records = self.adapter.read()
        said = {name: {} for name in self.feeds}
        for partition in records[f'{self.adapter.prefix}in.bidding.list.membership']:
            for expected, record in enumerate(partition, 1):
                event = self.event.decode(record.value)
                self.check_event(event, expected, record, said)
        for name, feed in self.feeds.items():
            standing = {number: facts for number, (_, facts) in said[name].items() if facts is not None}
            if standing != feed.standing:
                wrong = {number for number in {*standing, *feed.standing} if standing.get(number) != feed.standing.get(number)}
                raise Wrong(f'{name}: {len(wrong)} records differ, such as {sorted(wrong)[:5]}')
        self.check_quarantine(records[f'{self.adapter.prefix}quarantine'][0])

    def check_event(self, event, expected, record, said):
        if event['sequence'] != expected:
            raise Wrong(f'partition {record.partition}: sequence {event["sequence"]} where {expected} is due')
        name = record.headers['xq-feed'].decode()
        document = event['record_key'].split('|')[2]
        number = int(document.translate(str.maketrans('〕', ')')).partition(')')[2].rstrip('号'))
        facts = event['facts'] if event['operation'] == 'PUT' else None
        version, before = said[name].get(number, (-1, None))
        if facts == before:
            raise Wrong(f'{name}: record {number} was published and says what it said before')
        if event['version'] <= version:
            raise Wrong(f'{name}: record {number} was published with version {event["version"]} after {version}')
        if facts is None and (event['subject_name'] != f'企业{number}' or event['subject_id'] != credit_code(number)[8:17]):
            raise Wrong(f'{name}: the withdrawal of record {number} is about somebody else')
        said[name][number] = event['version'], facts

    def check_quarantine(self, records):
        found = collections.Counter(self.refusal.decode(record.value)['source'].split('-')[0] for record in records)
        for name, feed in self.feeds.items():
            if found[name] != feed.refused:
                raise Wrong(f'{name}: {found[name]} rows in quarantine, not {feed.refused}')


class Play:
    def __init__(self, adapter, dice, most):
        self.adapter, self.dice, self.most = adapter, dice, most
        self.feeds = {name: Feed(name) for name in FEEDS}
        self.judge = Judge(adapter, self.feeds)
        self.kinds = collections.Counter()

    def clock(self):
        """What the rows say of their last change: often older than what was said before, as such columns are."""
        return f'2026-0{self.dice.randrange(1, 9)}-01 08:00:00'

    def deliver(self):
        feed = self.feeds[self.dice.choice(list(self.feeds))]
        rows = feed.next_list(self.dice, self.most)
        name = f'{feed.name}-{feed.count:04d}.csv'
        feed.count += 1
        standing, before = dict(feed.standing), len(feed.standing)
        expected = 'done' if feed.take(rows) else 'held'
        if self.dice.random() < 0.15:
            self.adapter.kill()
            self.adapter.spoil(self.dice)
            self.adapter.put(feed.name, name, rows, self.clock())
            self.adapter.start()
        else:
            self.adapter.put(feed.name, name, rows, self.clock())
        kills = self.dice.choice((0, 0, 1, 1, 2))
        self.adapter.until(f'list {name}', lambda: self.adapter.place(feed.name, name), self.dice, kills)
        if self.adapter.place(feed.name, name) != expected:
            raise Wrong(f'list {name} is {self.adapter.place(feed.name, name)}, not {expected}: of {before} standing '
                        f'{len(outcome({**standing}, rows)[1])} absent, {outcome(standing, rows)[3]} untold')
        self.kinds[expected] += 1
        if expected == 'held':
            self.settle(feed, name, rows)

    def settle(self, feed, name, rows):
        """An operator approves, rejects, or leaves it to be outdated by the next list."""
        choice = self.dice.random()
        if choice < 0.3:
            return
        order = 'approve' if choice < 0.75 else 'reject'
        digest = self.held_digest(feed, name)
        self.adapter.operator('feeds', order, f'lists/{feed.name}', digest, '--officer', 'model', '--reason', 'model')
        self.kinds[order] += 1
        if order == 'approve':
            feed.take(rows, approved=True)
            self.adapter.until(f'approved list {name}', lambda: self.adapter.place(feed.name, name) == 'done', self.dice,
                               self.dice.choice((0, 1)))
        else:
            report = self.adapter.folder / 'inbox' / feed.name / 'held' / f'{name}.report.csv'
            self.adapter.until(f'rejected list {name}', lambda: 'LIST_REJECTED' in report.read_text(), self.dice, 0)

    def held_digest(self, feed, name):
        found = {}

        def look():
            text = self.adapter.operator('feeds', 'list', '--json')
            for one in json.loads(text):
                if one['feed'] == feed.name and one['held'] and one['held']['name'] == name:
                    found['digest'] = one['held']['digest']
            return found
        self.adapter.until(f'{feed.name} is shown as held', look, self.dice, 0)
        return found['digest']


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('env')
    parser.add_argument('--lists', type=int, default=40)
    parser.add_argument('--rows', type=int, default=400)
    parser.add_argument('--seed', type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    dice = random.Random(arguments.seed)
    print(f'seed {arguments.seed}', flush=True)
    with tempfile.TemporaryDirectory() as folder:
        adapter = Adapter(arguments.env, folder)
        play = Play(adapter, dice, arguments.rows)
        try:
            adapter.start()
            for number in range(arguments.lists):
                play.deliver()
                if number % 10 == 9 or number == arguments.lists - 1:
                    play.judge.look()
            adapter.kill(signal.SIGTERM)
            play.judge.look()
        except Wrong as wrong:
            print(f'✗ --seed {arguments.seed}: {wrong}')
            sys.stdout.write((pathlib.Path(folder) / 'adapter.log').read_text()[-4000:])
            print('0 passed, 1 failed')
            return 1
        finally:
            if adapter.process.poll() is None:
                adapter.kill()
        told = ', '.join(f'{count} {kind}' for kind, count in sorted(play.kinds.items()))
        print(f'{sum(feed.count for feed in play.feeds.values())} lists ({told}), {adapter.starts} starts of the adapter')
    print('1 passed, 0 failed')
    return 0


if __name__ == '__main__':
    sys.exit(main())
