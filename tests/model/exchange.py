"""The real exchange as the histories see it: events in, a clock, kills, and the tables of the subscribers out."""
import datetime
import decimal
import hmac
import io
import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import confluent_kafka
import fastavro
import psycopg2

import avro
import model
import world as reader_world

PARTITIONS = 4
KEY_OF_MARKER = bytes(16)
PATIENCE_S = 240
ADAPTER = b'model'
NOON_BEIJING = datetime.time(4, tzinfo=datetime.timezone.utc)


class Stuck(Exception):
    """Something did not come in time."""


def until(what, look, seconds=PATIENCE_S, pause_s=0.05):
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Stuck(f'{what}: not within {seconds} s')
        time.sleep(pause_s)


class Exchange:
    """`folder` is one of deploy/lib's: env, log/, run/."""

    def __init__(self, folder, setting):
        self.folder, self.setting = pathlib.Path(folder), setting
        self.environment = reader_world.read_environment(self.folder / 'env')
        self.bootstrap, self.prefix = self.environment['XQ_BOOTSTRAP'], self.environment['XQ_PREFIX']
        self.pepper = bytes.fromhex((self.folder / 'secret' / 'pepper').read_text().strip())
        self.sequences, self.ends, self.sent = {}, {}, 0
        self.producer = confluent_kafka.Producer({'bootstrap.servers': self.bootstrap, 'enable.idempotence': True, 'linger.ms': 20,
                                                  'queue.buffering.max.messages': 1000000})
        self.group = confluent_kafka.Consumer({'bootstrap.servers': self.bootstrap, 'group.id': 'xq-gateway', 'enable.auto.commit': False})
        self.tail = confluent_kafka.Consumer({'bootstrap.servers': self.bootstrap, 'group.id': 'xq-model', 'enable.auto.commit': False,
                                              'isolation.level': 'read_committed', 'fetch.wait.max.ms': 20})
        self.follow()
        self.sizes, self.markers, self.days, self.views = {}, {}, {}, {}
        self.website = Website(self.folder / 'website')
        self.databases = {}

    def follow(self):
        self.tail.assign([confluent_kafka.TopicPartition(f'{self.prefix}{topic}', number, confluent_kafka.OFFSET_BEGINNING)
                          for topic in ('state', *(f'out.{name}' for name in ('court', 'procurement', 'bank', 'website')))
                          for number in range(PARTITIONS)])

    # ── in ──

    def subject_key(self, values):
        kind = b'P' if values['subject_kind'] == 'PERSON' else b'O'
        return hmac.new(self.pepper, kind + values['subject_id'].encode(), 'sm3').digest()[:16]

    def publish(self, event):
        values, item = event.values, event.item
        key = self.subject_key(values)
        partition = int.from_bytes(key[:8], 'big') % PARTITIONS
        topic = f'{self.prefix}in.{item.department}.{item.name}'
        sequence = self.sequences.get((topic, partition), 0) + 1
        self.sequences[topic, partition] = sequence
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, event.schema.parsed, {**values, 'sequence': sequence})
        self.producer.produce(topic, b'\xc3\x01' + struct.pack('<Q', event.schema.fingerprint) + stream.getvalue(), key,
                              partition, on_delivery=self.delivered, headers={'xq-adapter': ADAPTER})
        self.producer.poll(0)
        self.sent += 1

    def delivered(self, error, message):
        if error is not None:
            raise Stuck(f'an event was not published: {error}')
        place = message.topic(), message.partition()
        self.ends[place] = max(self.ends.get(place, 0), message.offset() + 1)

    def flush(self):
        if self.producer.flush(PATIENCE_S):
            raise Stuck('events were not published in time')

    def set_clock(self, day):
        """The gateway's clock stands at noon in Beijing of that day, now."""
        noon = datetime.datetime.combine(day, NOON_BEIJING)
        ahead_ms = int((noon.timestamp() - time.time()) * 1000)
        part = self.folder / 'run' / '.clock.part'
        part.write_text(f'{ahead_ms}\n')
        part.rename(self.folder / 'run' / 'clock')

    def operator(self, *arguments):
        done = subprocess.run([f"{self.environment['XQ_BIN']}/xinqiao", *arguments], env={**os.environ, **self.environment},
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Stuck(f'xinqiao {" ".join(arguments)}: {done.stdout}{done.stderr}')
        return done.stdout

    def request_resync(self, subscriber, item):
        self.operator('resync', subscriber, *([f'{item.department}/{item.name}'] if item else []), '--officer', 'model',
                      '--reason', 'model')

    # ── processes ──

    def pid(self, name):
        try:
            pid = int((self.folder / 'run' / f'{name}.pid').read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid

    def children(self, parent):
        """{pid: name} of the gateway's own processes."""
        found = {}
        for entry in pathlib.Path('/proc').iterdir():
            if entry.name.isdigit():
                try:
                    text = (entry / 'stat').read_text()
                except OSError:
                    continue
                fields = text[text.rindex(')') + 2:].split()
                if fields[0] not in 'ZX' and int(fields[1]) == parent:
                    found[int(entry.name)] = text[text.index('(') + 1:text.rindex(')')]
        return found

    def kill(self, kind, dice):
        """One process of that kind, if it runs; what starts it again is not ours."""
        parent = self.pid('gateway')
        if kind == 'agent':
            pid = self.pid(f'agent-{dice.choice(("court", "procurement", "bank", "website"))}')
        elif kind == 'gateway':
            pid = parent
        else:
            pids = sorted(pid for pid, name in self.children(parent).items() if name == f'xq-{kind}') if parent else []
            pid = dice.choice(pids) if pids else None
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return pid is not None

    def reload(self):
        for name in ('gateway', 'agent-court', 'agent-procurement', 'agent-bank', 'agent-website'):
            pid = until(f'{name} runs', lambda name=name: self.pid(name))
            os.kill(pid, signal.SIGHUP)

    # ── out: topics ──

    def view_item(self, fingerprint):
        """Department and item of a delivery's view."""
        if fingerprint not in self.views:
            folder = self.folder / 'views' / str(time.monotonic_ns())
            folder.mkdir(parents=True)
            self.operator('catalogue', 'views', str(folder))
            for path in folder.glob('*/*.avsc'):
                view = reader_world.View(path)
                self.views[view.schema.fingerprint] = tuple(view.full_name.rsplit('.', 2)[1:]), view
        if fingerprint not in self.views:
            raise Stuck(f'a delivery in no view of the catalogue: {fingerprint:016x}')
        return self.views[fingerprint]

    def look(self):
        """Reads on in the topics that tell how far everything is."""
        while True:
            messages = self.tail.consume(5000, timeout=0.02)
            if not messages:
                return
            for message in messages:
                if message.error() is not None:
                    raise Stuck(str(message.error()))
                self.take(message)

    def take(self, message):
        topic, partition, key = message.topic()[len(self.prefix):], message.partition(), message.key()
        if topic == 'state':
            if key[:1] == b'D':
                self.days[partition] = struct.unpack_from('<iB', message.value())
            return
        subscriber = topic[4:]
        self.sizes[subscriber, partition] = struct.unpack('>Q', dict(message.headers())['xq-leaf'])[0] + 1
        if key == KEY_OF_MARKER:
            (_, item), view = self.view_item(avro.fingerprint(message.value()))
            content = view.schema.decode(message.value())
            if content['operation'] == 'RESYNC_END':
                place = subscriber, item, partition
                self.markers[place] = self.markers.get(place, 0) + 1

    def is_consumed(self):
        places = [confluent_kafka.TopicPartition(topic, partition) for topic, partition in self.ends]
        committed = {(place.topic, place.partition): place.offset for place in self.group.committed(places, timeout=30)} if places else {}
        return all(committed.get(place, -1) >= end for place, end in self.ends.items())

    def is_swept(self, due):
        """Whether every partition has settled what fell due before that day."""
        self.look()
        days = (due - datetime.date(1970, 1, 1)).days
        return all(self.days.get(number, (-1, 0))[0] >= days and not self.days[number][1] for number in range(PARTITIONS))

    def ended(self, subscriber, item):
        return min(self.markers.get((subscriber, item, number), 0) for number in range(PARTITIONS))

    # ── out: tables ──

    def connection(self, name):
        if self.databases.get(name) is None:
            self.databases[name] = psycopg2.connect(self.environment['XQ_PG'])
            self.databases[name].autocommit = True
        return self.databases[name]

    def is_applied(self):
        self.look()
        for name in ('court', 'procurement', 'bank'):
            with self.connection(name).cursor() as cursor:
                cursor.execute(f'SELECT partition, log_size FROM {name}.xinqiao_position')
                sizes = dict(cursor)
            if any(sizes.get(number, 0) < self.sizes.get((name, number), 0) for number in range(PARTITIONS)):
                return False
        sizes = self.website.sizes()
        return all(sizes.get(number, 0) >= self.sizes.get(('website', number), 0) for number in range(PARTITIONS))

    def read_tables(self):
        """{subscriber: {record: Row}}"""
        tables = {'website': {record: row for record, (row, *_) in self.website.read().items()}}
        for name in ('court', 'procurement', 'bank'):
            rows = tables[name] = {}
            with self.connection(name).cursor() as cursor:
                cursor.execute('SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND column_name = %s',
                               (name, 'xq_record'))
                for table, in cursor.fetchall():
                    cursor.execute(f'SELECT * FROM "{name}"."{table}"')
                    names = [column.name for column in cursor.description]
                    for values in cursor:
                        row = dict(zip(names, values))
                        rows[bytes(row['xq_record'])] = model.Row(
                            row['xq_version'], row['xq_status'], frozenset(row['xq_flags']), row['xq_grant'], row['xq_withdrawn'],
                            model.plain_fields({key: value for key, value in row.items() if not key.startswith('xq_')}))
        return tables


class Website:
    """The fold of an agent's files of lines, read once each."""

    def __init__(self, folder):
        self.folder, self.rows, self.serial, self.named = folder, {}, 0, {}  # record → (Row, partition, item)

    def sizes(self):
        try:
            position = json.loads((self.folder / '.position').read_text())
        except OSError:
            return {}
        return {one['partition']: one['size'] for one in position['partitions']}

    def read(self):
        while True:
            path = self.folder / f'website-{self.serial + 1:010d}.ndjson'
            if not path.exists():
                return self.rows
            self.serial += 1
            with open(path, encoding='utf-8') as file:
                for line in file:
                    self.take(json.loads(line, parse_float=decimal.Decimal))

    def take(self, line):
        place, operation = (line['partition'], line['item']), line['operation']
        if operation == 'RESYNC_BEGIN':
            self.named[place] = set()
            return
        if operation == 'RESYNC_END':
            for other in [key for key, row in self.rows.items() if row[1:] == place and key not in self.named.get(place, set())]:
                del self.rows[other]
            return
        record = bytes.fromhex(line['record'])
        self.named.setdefault(place, set()).add(record)
        flags = frozenset(line['flags'])
        if operation == 'PUT':
            row = model.Row(line['version'], line['reason'], flags, line['grant'], False, model.plain_fields(line['fields']))
            self.rows[record] = (row, *place)
        elif operation == 'WITHDRAW':
            self.rows.pop(record, None)
        elif record in self.rows:
            self.rows[record] = (self.rows[record][0]._replace(reason=line['reason'], flags=flags), *place)
