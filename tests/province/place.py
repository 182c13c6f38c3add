"""The uplink of a running exchange: what was delivered to the province, what the simulated platform holds, and its control port."""
import csv
import datetime
import decimal
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/reader'))  # before Debian's module avro
import libconfig  # noqa: E402
import world  # noqa: E402

import ledger  # noqa: E402
import rules  # noqa: E402

WAIT_S = 240  # a bound for a machine that is busy with other things
BEIJING = datetime.timezone(datetime.timedelta(hours=8))
HELD, GONE = 'held', 'gone'


def until(what, look, wait_s=WAIT_S):
    """The first true answer of `look`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError(f'{what}: not within {wait_s} s')


class Mapping:
    """subscribers/receivers/province/mapping.cfg, read and applied once more, by another program than the agent."""

    def __init__(self):
        self.file = libconfig.Reader((ROOT / 'subscribers/receivers/province/mapping.cfg').read_text()).settings('')
        self.tables = {table['name']: {code['from']: code['to'] for code in table['codes']} for table in self.file['tables']}

    def layout(self, item):
        whole, name = f'{item.department}/{item.name}', item.name
        for wanted in (whole, name):
            for layout in self.file['layouts']:
                if wanted in layout['items']:
                    return layout
        raise KeyError(whole)

    def is_from_province(self, item, fields):
        origin = self.file['origin']
        return item.department in origin['departments'] or any(fields.get(name) in origin['units'] for name in origin['fields'])

    def row(self, item, fields):
        layout = self.layout(item)
        values = {field['code']: self.value(field, fields.get(field.get('from'))) for field in layout['fields']}
        return layout['type'], {code: value for code, value in values.items() if value != ''}

    def value(self, field, value):
        if value in (None, '', []):
            return field.get('constant', field.get('none', ''))
        transform = field.get('transform', 'text')
        if transform in ('date', 'date_8', 'date_zh'):
            day = value.astimezone(BEIJING).date() if isinstance(value, datetime.datetime) else value
            return day.strftime({'date': '%Y-%m-%d', 'date_8': '%Y%m%d', 'date_zh': '%Y年%m月%d日'}[transform])
        if transform in ('amount', 'yuan'):
            amount = value if transform == 'amount' else value / 10000
            return str(amount.quantize(decimal.Decimal('0.000001')))
        if 'separator' in field:
            return field['separator'].join(self.code(field, one) for one in value.split(field['separator']))
        return self.code(field, str(value))

    def code(self, field, text):
        return self.tables[field['table']][text] if 'table' in field else text


class Expected:
    """What the platform should hold of one record."""
    __slots__ = ('state', 'type', 'fields', 'leaf', 'mark', 'offset', 'partition')

    def __init__(self):
        self.state, self.mark = GONE, 'NONE'


class Place:
    def __init__(self, environment):
        self.environment = {**os.environ, **environment}
        self.control = environment['XQ_PROVINCE_CONTROL']
        self.demo = pathlib.Path(environment['XQ_DEMO'])
        self.ledger_path = pathlib.Path(environment['XQ_PROVINCE']) / 'ledger.ndjson'
        self.state_folder = self.demo / 'agents/province'
        self.world = world.World(environment)
        self.subscriber = next(one for one in self.world.catalogue.subscribers if one.name == 'province')
        self.mapping = Mapping()
        self.nonce, self.count = str(time.time_ns()), 0
        head = (ROOT / 'adapters/departments/market/samples/penalty/penalty-20260901-001.csv').read_bytes().split(b'\n')[:3]
        self.sample = next(row for row in csv.DictReader(io.StringIO(b'\n'.join(head).decode('gb18030'))) if row['CF_XDR_LB'].startswith('法人'))

    # --- the platform's control port ---

    def ask(self, path, wanted=None):
        data = None if wanted is None else json.dumps(wanted).encode()
        with urllib.request.urlopen(urllib.request.Request(self.control + path, data=data), timeout=30) as answer:
            return json.load(answer)

    def trouble(self, **wanted):
        return self.ask('/trouble', wanted)

    def calm(self):
        now = self.ask('/trouble')
        self.trouble(**{name: 0 for name in now['happened']}, slow_ms=0, bad_rows=0, gov_id_after_ms=0, down=False, certificate='server')

    def held(self):
        """{rowKey: row}: from the ledger's file, as an auditor would read it."""
        held = {}
        for line in ledger.read(self.ledger_path):
            for row in line.get('rows', ()):
                held[row['rowKey']] = row
            if 'lost' in line:
                lost = line['lost']
                held = {key: row for key, row in held.items() if row['state'] == 'withdrawn' or any(
                    lost.get(part) not in (None, row[part]) for part in ('item', 'day', 'rowKey'))}
        return {key: row for key, row in held.items() if row['state'] != 'withdrawn'}

    # --- what was delivered ---

    def refused(self):
        """{(partition, offset): words} of deliveries that came back to their departments."""
        out = self.operator('quarantine', 'list', '--json', '--limit', '1000000')
        topic = f'{self.world.prefix}out.province'
        return {(one['partition'], one['offset']): one for one in json.loads(out) if one['stage'] == 'receipt' and one['topic'] == topic}

    def deliveries(self):
        self.world.forget('out.')
        self.world.decoded.clear()
        return self.world.deliveries(self.subscriber)

    def expected(self, refused):
        """{rowKey: Expected} by the deliveries alone."""
        rows, begun = {}, {}
        for number, partition in enumerate(self.deliveries()):
            named = {}
            for delivery in partition:
                self.follow(rows, begun, named, number, delivery, refused)
        return rows

    def follow(self, rows, begun, named, number, delivery, refused):
        content, item, key = delivery.content, self.world.item_of(delivery), delivery.record.hex()
        if content['operation'] == 'RESYNC_BEGIN':
            begun[number, item] = delivery.leaf
        elif content['operation'] == 'RESYNC_END':
            for other, row in rows.items():
                if row.partition == number and row.type and named.get(other, (-1, None))[1] == item and \
                        named[other][0] < begun.get((number, item), -1):
                    row.state = GONE
        else:
            named[key] = delivery.leaf, item
            row = rows.setdefault(key, Expected())
            row.partition = number
            self.change(row, content, item, delivery, (number, delivery.offset) in refused)

    def change(self, row, content, item, delivery, is_refused):
        flags = content['flags']
        if content['operation'] == 'PUT' and (is_refused or self.mapping.is_from_province(item, content['fields'])):
            return
        if content['operation'] == 'PUT':
            row.state, row.leaf = HELD, delivery.leaf
            row.type, row.fields = self.mapping.row(item, content['fields'])
        elif content['operation'] == 'WITHDRAW':
            row.state, row.type = GONE, None
        row.mark = ('DISPUTED' if 'DISPUTED' in flags else
                    'CORRECTED' if content['operation'] == 'STATUS' and content['reason'] == 'CORRECTED' else
                    'RESTRICTED' if 'RESTRICTED' in flags else 'EXPIRED' if 'PUBLICITY_ENDED' in flags else 'NONE')

    def differences(self):
        """In words, at most a few; none when the platform holds exactly what was delivered."""
        expected = self.expected(self.refused())
        held = self.held()
        wanted = {key: row for key, row in expected.items() if row.state == HELD}
        found = [f'{key} is not held' for key in wanted.keys() - held.keys()]
        found += [f'{key} is held, and should not be' for key in held.keys() - wanted.keys()]
        for key in wanted.keys() & held.keys():
            row, there = wanted[key], held[key]
            if (row.type, row.fields) != (there['type'], there['fields']):
                codes = [code for code in row.fields.keys() | there['fields'].keys() if row.fields.get(code) != there['fields'].get(code)]
                found.append(f'{key} has other fields there: {codes}')
            elif there['digest'] != rules.digest(row.type, row.fields) or there['part'] != row.partition:
                found.append(f'{key} has another digest or part')
            elif there['mark'] != row.mark:
                found.append(f"{key} is marked {there['mark']}, not {row.mark}")
        return found[:8] + [f'{len(found)} in all'] * (len(found) > 8)

    def agree(self, wait_s=WAIT_S):
        """Until the platform holds exactly what was delivered; the number of rows."""
        last = []

        def look():
            last[:] = self.differences()
            return not last
        try:
            until('the platform holds what was delivered', look, wait_s)
        except AssertionError as why:
            raise AssertionError(f'{why}: {last}') from None
        return len(self.held())

    def taken_twice(self):
        """rowKeys that were added otherwise while they were held, and govIds of two rows. The same row may come again after a crash between the
        platform's answer and our note of it: that changes nothing there."""
        held, twice, owners = {}, [], {}
        for line in ledger.read(self.ledger_path):
            if 'lost' in line:
                held = {}  # not followed here: a loss is its own test
            for row in line.get('rows', ()) if line.get('answer') else ():  # what a test wrote was never answered
                key, now = row['rowKey'], (row['govId'], row['digest'])
                if row['op'] == 'add' and held.get(key, now) != now:
                    twice.append(key)
                if owners.setdefault(row['govId'], key) != key:
                    twice.append(row['govId'])
                if row['state'] == 'withdrawn':
                    held.pop(key, None)
                else:
                    held[key] = now
        return twice

    # --- the exchange ---

    def operator(self, *arguments, expected=0):
        done = subprocess.run([f"{self.environment['XQ_BIN']}/xinqiao", *arguments], env=self.environment, capture_output=True, text=True,
                              check=False)
        assert done.returncode == expected, (arguments, done.returncode, done.stdout[-500:], done.stderr[-500:])
        return done.stdout

    def feed(self, rows, department='market', item='penalty'):
        """Rows as dicts of the sample's columns."""
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
        self.count += 1
        inbox = self.demo / 'inbox' / department / item
        inbox.mkdir(parents=True, exist_ok=True)
        part = inbox / f'.province-{self.nonce}-{self.count}.part'
        part.write_text(text.getvalue(), encoding='utf-8')
        part.rename(inbox / f'{item}-{self.nonce}-{self.count}.csv')

    def feed_generated(self, records, seed):
        folder = self.demo / f'generated-province-{self.nonce}-{seed}'
        subprocess.run([ROOT / 'tests/generate', '--records', str(records), '--seed', str(seed), '--out', folder, '--items',
                        'market/penalty,market/licence,safety/list.membership,court/dishonest.debtor'], check=True, capture_output=True)
        for path in sorted(folder.rglob('*')):
            if path.is_file():
                inbox = self.demo / 'inbox' / path.relative_to(folder).parent
                inbox.mkdir(parents=True, exist_ok=True)
                path.rename(inbox / f'{self.nonce}-{seed}-{path.name}')

    def penalty(self, number, **more):
        """A penalty of a sample's organisation; `number` makes its document, and with a higher `at` it is newer."""
        now = datetime.datetime.now(BEIJING)
        return {**self.sample, 'CF_WSH': f'柳市监测〔2026〕{self.nonce}-{number}号', 'SCBZ': '', 'GXSJ': now.strftime('%Y-%m-%d %H:%M:%S'), **more}

    def find(self, number):
        """The row that the platform holds of that penalty; None when it holds none."""
        document = f'〔2026〕{self.nonce}-{number}号'
        return next((row for row in self.held().values() if document in row['fields'].get('CF_WSH', '')), None)

    def agent(self):
        return int((self.demo / 'run/agent-province.pid').read_text())

    def kill(self, name):
        os.kill(int((self.demo / f'run/{name}.pid').read_text()), signal.SIGKILL)

    def log(self):
        return (self.demo / 'log/agent-province.log').read_text(errors='replace')

    # --- comparison ---

    def report(self):
        paths = sorted(self.state_folder.glob('compare-*.json'))
        return json.loads(paths[-1].read_text()) if paths else None

    def compare(self):
        """Asks for a comparison; its report."""
        before = (self.report() or {}).get('madeAt')
        self.operator('agents', 'compare', 'province', '--officer', '测试员', '--reason', '测试对账')
        return until('the comparison is made', lambda: (self.report() or {}).get('madeAt') != before and self.report())

    def resend(self, day):
        self.operator('agents', 'resend', 'province', day, '--officer', '测试员', '--reason', '测试重报')
