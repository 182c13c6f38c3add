"""A department's database and an adapter that follows it, beside the exchange of an env file: own PostgreSQL, own topics, own names.

What the adapter published is read by tests/reader, which shares no code with it, and folded: afterwards it must be the table exactly."""
import datetime
import decimal
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'reader'))
import confluent_kafka  # noqa: E402
import confluent_kafka.admin  # noqa: E402
import avro  # noqa: E402
import topics  # noqa: E402

WAIT_S = 180
PARTITIONS = 2  # of every topic of the catalogue: a broker that is killed recovers them all
TOPIC = 'in.market.penalty'
COLUMNS = ['wsh', 'mc', 'lb', 'shxym', 'frdb', 'wfxw', 'sy', 'yj', 'cflb', 'nr', 'fk', 'wf', 'jdrq', 'yxq', 'gsjzq',
           'cfjg', 'cfjgdm', 'sjly', 'sjlydm', 'bz']
FIELDS = {'subject_name': 'mc', 'party_kind': 'lb', 'credit_code': 'shxym', 'legal_representative': 'frdb',
          'document_number': 'wsh', 'violation': 'wfxw', 'facts': 'sy', 'basis': 'yj', 'penalty_kinds': 'cflb',
          'content': 'nr', 'fine_amount': 'fk', 'confiscated_amount': 'wf', 'decided_on': 'jdrq', 'valid_until': 'yxq',
          'publicity_ends_on': 'gsjzq', 'publicity_until': 'gsjzq', 'occurred_at': 'jdrq', 'authority': 'cfjg',
          'authority_code': 'cfjgdm', 'source_unit': 'sjly', 'source_unit_code': 'sjlydm', 'remarks': 'bz'}
NOTHING = ['conduct_end_date', 'registration_number', 'organisation_code', 'tax_number', 'institution_number',
           'social_organisation_number', 'legal_representative_document_kind', 'legal_representative_document_number',
           'party_document_kind', 'party_document_number', 'revoked_licence', 'informant']
COMPARED = [field for field in FIELDS if field not in ('occurred_at', 'publicity_until')]
TABLE = """CREATE TABLE {name} (wsh varchar(60), mc text, lb text, shxym varchar(18), frdb text, wfxw text, sy text,
    yj text, cflb text, nr text, fk numeric(18,4), wf numeric(18,4), jdrq date, yxq date, gsjzq date, cfjg text,
    cfjgdm text, sjly text, sjlydm text, bz text, PRIMARY KEY (wsh, mc))"""


class Failure(Exception):
    pass


def read_env(path):
    values = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, value = line.partition('=')
        values[name] = ''.join(shlex.split(value))
    return values


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def credit_code(number):
    """A unified social credit code (GB 32100) of the body code (GB 11714) made of the number."""
    letters = '0123456789ABCDEFGHJKLMNPQRTUWXY'
    body = f'{number:08d}'
    check = 11 - sum(int(d) * w for d, w in zip(body, (3, 7, 9, 10, 5, 8, 4, 2))) % 11
    code = f'91450200{body}' + ('X' if check == 10 else '0' if check == 11 else str(check))
    total = sum(letters.index(c) * pow(3, i, 31) for i, c in enumerate(code))
    return code + letters[(31 - total % 31) % 31]


def wait_until(condition, what, seconds=WAIT_S):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f'{what}: not within {seconds} s')
        time.sleep(0.1)


class Cluster:
    """A private PostgreSQL that listens on one port of 127.0.0.1, run by user postgres when we are root."""

    def __init__(self, **options):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix='xq-pg-', dir='/tmp'))
        self.port = free_port()
        self.process = None
        self.user = []
        if os.geteuid() == 0:
            shutil.chown(self.home, 'postgres')
            self.user = ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--']
        self.programs = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin'))[-1]
        subprocess.run([*self.user, self.programs / 'initdb', f'--pgdata={self.home}/data', '--username=xinqiao',
                        '--encoding=UTF8', '--locale=C.UTF-8', '--auth=trust', '--no-sync', '--no-instructions'],
                       check=True, stdout=subprocess.DEVNULL)
        settings = {'listen_addresses': "'127.0.0.1'", 'port': self.port, 'unix_socket_directories': f"'{self.home}'",
                    'wal_level': 'logical', 'max_connections': 40, 'fsync': 'off', 'wal_sender_timeout': "'10s'",
                    'logical_decoding_work_mem': "'1MB'", 'log_min_messages': 'warning', 'max_wal_size': "'4GB'", **options}
        with open(self.home / 'data' / 'postgresql.conf', 'a', encoding='utf-8') as file:
            file.writelines(f'{name} = {value}\n' for name, value in settings.items())
        self.start()

    def start(self):
        log = open(self.home / 'log', 'ab')
        self.process = subprocess.Popen([*self.user, self.programs / 'postgres', '-D', self.home / 'data'],
                                        stdout=log, stderr=log, start_new_session=True)
        wait_until(lambda: self.try_sql('SELECT 1', 'postgres') == '1', 'PostgreSQL serves')

    def connection(self, database='bureau', port=None):
        return f'host=127.0.0.1 port={port or self.port} dbname={database} user=xinqiao'

    def try_sql(self, sql, database='bureau'):
        done = subprocess.run(['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', self.connection(database)],
                              input=sql, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    def sql(self, sql, database='bureau'):
        done = subprocess.run(['psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', self.connection(database)],
                              input=sql, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f'psql: {done.stderr.strip()}')
        return done.stdout.strip()

    def kill(self):
        """As a power cut would, but for the disk: every process of the cluster at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()

    def remove(self):
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)


class Proxy:
    """Carries TCP to a port, until it is cut: then nothing passes and nobody is told."""

    def __init__(self, target):
        self.target, self.is_cut = target, threading.Event()
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
                if self.is_cut.is_set():
                    self.sockets.append(client)  # never answered
                    continue
                server = socket.create_connection(('127.0.0.1', self.target))
            except OSError:
                return
            self.sockets += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(a, b), daemon=True).start()

    def carry(self, source, target):
        try:
            while data := source.recv(65536):
                if self.is_cut.is_set():
                    return
                target.sendall(data)
        except OSError:
            pass
        if not self.is_cut.is_set():
            for side in (source, target):
                try:
                    side.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self):
        self.is_cut.set()

    def mend(self):
        """The old connections stay dead; new ones pass."""
        self.drop()
        self.is_cut.clear()

    def drop(self):
        for side in self.sockets:
            side.close()
        self.sockets.clear()

    def close(self):
        self.server.close()
        self.drop()


class World:
    def __init__(self, env, name, **options):
        self.env = read_env(env)
        self.name = f'{name}{os.getpid()}'
        self.prefix = f'{self.name}.'
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'xq-{name}-'))
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.process, self.log = None, self.folder / 'adapter.log'
        self.port, self.extra, self.tables = None, '', ['penalty']
        self.cluster = Cluster(**options)
        self.cluster.sql('CREATE DATABASE bureau', 'postgres')
        self.cluster.sql(TABLE.format(name='penalty') + '; CREATE PUBLICATION xinqiao FOR TABLE penalty')
        self.write_mapping()
        self.write_config()
        self.ask('topics', 'create', '--partitions', str(PARTITIONS))
        self.offsets, self.ids, self.following, self.versions, self.standing = {}, set(), {}, {}, {}
        self.schema = avro.Schema(pathlib.Path(self.env['XQ_SCHEMAS']) / 'shared' / 'penalty-1.avsc')

    # --- the exchange ---

    def kafka(self):
        return f'kafka = {{ bootstrap = "{self.env["XQ_BOOTSTRAP"]}"; prefix = "{self.prefix}"; }};'

    def ask(self, *arguments):
        config = self.folder / 'xinqiao.cfg'
        config.write_text(f'catalogue = "{self.env["XQ_CATALOGUE"]}"; {self.kafka()}\n'
                          f'gateway_group = "{self.prefix}gateway";\n')
        done = subprocess.run([f'{self.env["XQ_BIN"]}/xinqiao', *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, 'XQ_CONFIG': str(config)})
        if done.returncode != 0:
            raise Failure(f'xinqiao {" ".join(arguments)}: {done.returncode}: {done.stderr[-300:]}')
        return done.stdout

    # --- the adapter ---

    def write_mapping(self, columns=None, ignored=(), table='public.penalty', feed='penalty', more=''):
        columns = columns or COLUMNS
        quote = lambda words: '[' + ', '.join(f'"{word}"' for word in words) + ']'  # noqa: E731
        fields = [f'{{ name = "{field}"; from = ["{column}"]; }}' if column in columns
                  else f'{{ name = "{field}"; constant = ""; }}' for field, column in FIELDS.items()]
        fields += [f'{{ name = "{field}"; constant = ""; }}' for field in NOTHING]
        fields += ['{ name = "rule_version"; constant = "NDRC-36-2026"; }']
        folder = self.folder / 'mappings'
        folder.mkdir(exist_ok=True)
        (folder / f'{feed}.cfg').write_text(
            f'item = "penalty"; format = "table"; table = "{table}";\ncolumns = {quote(columns)};\n'
            + (f'ignored = {quote(ignored)};\n' if ignored else '')
            + f'{more}\nsubject = {{ kind = "ORGANISATION"; organisation = ["shxym"]; }};\n'
            + 'fields = (\n  ' + ',\n  '.join(fields) + '\n);\n', encoding='utf-8')

    def write_config(self, slot='xinqiao', publication='xinqiao', port=None, extra='', connection=None):
        self.slot = slot
        connection = connection or self.cluster.connection(port=port)
        (self.folder / 'adapter.cfg').write_text(
            f'name = "{self.name}"; department = "market"; catalogue = "{self.env["XQ_CATALOGUE"]}"; {self.kafka()}\n'
            f'mappings = "{self.folder}/mappings"; state = "{self.state}"; partitions = {PARTITIONS};\n'
            f'pepper_file = "{self.env["XQ_DEMO"]}/secret/pepper"; {self.extra}\n'
            f'replication = {{ connection = "{connection}"; slot = "{slot}"; publication = "{publication}"; '
            f'heartbeat_seconds = 1; {extra} }};\n', encoding='utf-8')

    def command(self, *arguments):
        return [f'{self.env["XQ_BIN"]}/xinqiao-adapter', '--config', self.folder / 'adapter.cfg', *arguments]

    def start(self):
        self.process = subprocess.Popen(self.command(), stderr=open(self.log, 'ab'))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure('the adapter does not stop') from None
        self.process = None

    def once(self):
        """Takes all there is; what it said, and its exit status."""
        done = subprocess.run(self.command('--once'), capture_output=True, text=True, check=False, timeout=WAIT_S)
        with open(self.log, 'a', encoding='utf-8') as log:
            log.write(done.stderr)
        return done.returncode, done.stderr

    def take(self):
        status, said = self.once()
        if status != 0:
            raise Failure(f'the adapter ended with {status}: {said[-600:]}')
        return said

    def refuses(self, *words):
        """The adapter stops, with an error that has these words."""
        status, said = self.once()
        lines = [line for line in said.splitlines() if 'level=error' in line]
        if status == 0 or not lines or not all(word in lines[-1] for word in words):
            raise Failure(f'expected a stop with {words}, got {status}: {said[-600:]}')

    def said(self):
        return self.log.read_text(encoding='utf-8') if self.log.exists() else ''

    def wait_for_word(self, word, since=0, seconds=WAIT_S):
        wait_until(lambda: word in self.said()[since:], f'the adapter says "{word}"', seconds)

    # --- what was published ---

    def events(self):
        """Every event since the last time, in the order of each partition."""
        consumer = confluent_kafka.Consumer({
            'bootstrap.servers': self.env['XQ_BOOTSTRAP'], 'group.id': 'xq-reader', 'isolation.level': 'read_committed',
            'enable.auto.commit': False, 'enable.partition.eof': True, 'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 50})
        topic = self.prefix + TOPIC
        consumer.assign([confluent_kafka.TopicPartition(topic, part, self.offsets.get(part, confluent_kafka.OFFSET_BEGINNING))
                         for part in range(PARTITIONS)])
        ended, heard_at = set(), time.monotonic()
        while len(ended) < PARTITIONS:
            for message in consumer.consume(10000, timeout=0.1):
                heard_at = time.monotonic()
                if message.error() is None:
                    self.offsets[message.partition()] = message.offset() + 1
                    yield message.partition(), self.schema.decode(message.value())
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise Failure(str(message.error()))
            if time.monotonic() - heard_at > WAIT_S:
                raise Failure('nothing comes from Kafka, not even the ends of partitions')
        consumer.close()

    def quarantined(self):
        name = f'{self.prefix}quarantine'
        return [r for part in topics.read(self.env['XQ_BOOTSTRAP'], {name: topics.names(
            self.env['XQ_BOOTSTRAP'], self.prefix)[name]})[name] for r in part]

    def fold(self):
        """{record key: values} of what stands; the versions of a record rise, no event is there twice, no number is missing."""
        for place, event in self.events():
            key, version = event['record_key'], event['version']
            if event['event_id'] in self.ids:
                raise Failure('an event is published twice')
            self.ids.add(event['event_id'])
            if event['sequence'] != self.following.get(place, event['sequence']):
                raise Failure(f'partition {place}: number {event["sequence"]} after {self.following[place] - 1}')
            self.following[place] = event['sequence'] + 1
            if self.versions.get(key) == version:
                raise Failure('two events of a record have one version')
            if self.versions.get(key, 0) > version:
                continue
            self.versions[key] = version
            self.standing.pop(key, None)
            if event['operation'] == 'PUT':
                self.standing[key] = tuple(text(event[field]) for field in COMPARED)
        self.event_count = len(self.ids)
        return self.standing

    def table(self, name='penalty'):
        columns = ', '.join(f"coalesce(encode(convert_to({c}::text, 'UTF8'), 'hex'), '')" for c in COLUMNS)
        rows = {}
        for line in self.cluster.sql(f"SELECT {columns} FROM {name}").splitlines():
            row = dict(zip(COLUMNS, (bytes.fromhex(part).decode() for part in line.split('|'))))
            rows[f"market|{row['wsh']}|{row['mc']}"] = tuple(text(row[FIELDS[field]]) for field in COMPARED)
        return rows

    def check(self):
        """What was published, folded, is the table."""
        published, table = self.fold(), self.table()
        wrong = [key for key in published.keys() | table.keys() if published.get(key) != table.get(key)]
        if wrong:
            key = sorted(wrong)[0]
            ends = [str(values.get(key))[-600:] for values in (published, table)]
            raise Failure(f'{len(wrong)} records differ of {len(table)}, such as {key}: published …{ends[0]}, table …{ends[1]}')

    def settles(self, seconds=WAIT_S):
        """All that is committed in the database is published."""
        end = self.cluster.sql('SELECT pg_current_wal_lsn()')
        wait_until(lambda: self.cluster.try_sql(
            f"SELECT confirmed_flush_lsn >= '{end}' FROM pg_replication_slots WHERE slot_name = '{self.slot}'") == 't',
            'the slot is confirmed', seconds)

    # --- rows ---

    def insert(self, first, count, extra="''", table='penalty'):
        codes = ', '.join(f"'{credit_code(10000000 + i)}'" for i in range(50))
        self.cluster.sql(f"""INSERT INTO {table} SELECT 'WS-' || i, '企业' || i % 50, '法人及非法人组织',
            (ARRAY[{codes}])[i % 50 + 1], '代表' || i % 7, '违法行为' || i % 11, '事实，“引号”与逗号,' || i, '依据' || i % 5,
            '罚款', {extra} || '处罚内容 ' || i, i % 1000 / 100.0, NULL, DATE '2026-01-01' + i % 300, DATE '2027-01-01' + i % 300,
            DATE '2027-01-01' + i % 300, '市场监督管理局', '{credit_code(20000000)}', '市场监督管理局', '{credit_code(20000000)}', CASE WHEN i % 3 = 0
            THEN '备注' END FROM generate_series({first}, {first + count - 1}) AS i""")

    def close(self):
        try:
            self.stop()
        except Failure:
            pass
        self.cluster.remove()
        admin = confluent_kafka.admin.AdminClient({'bootstrap.servers': self.env['XQ_BOOTSTRAP']})
        mine = [name for name in admin.list_topics(timeout=WAIT_S).topics if name.startswith(self.prefix)]
        for deleted in admin.delete_topics(mine, operation_timeout=WAIT_S).values():
            deleted.exception()
        if os.environ.get('XQ_KEEP') is None:
            shutil.rmtree(self.folder, ignore_errors=True)


def text(value):
    """As text, so that what was read from Avro and from SQL can be compared: dates as ISO, decimals without zeros at their end."""
    if value is None:
        return ''
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return f'{value.normalize():f}'
    try:
        return f'{decimal.Decimal(value).normalize():f}' if value and value.replace('.', '').isdigit() else value
    except decimal.InvalidOperation:
        return value


def prove(tests, world, only=()):
    """Runs the promises in order; prints as tests/lib/prove.sh counts."""
    passed, failed = 0, 0
    for test in tests:
        name = test.__name__
        if only and name not in only:
            continue
        started = time.monotonic()
        try:
            test(world)
            passed += 1
            print(f'✓ {name} ({time.monotonic() - started:.0f} s)', flush=True)
        except (Failure, AssertionError, subprocess.SubprocessError, RuntimeError) as error:
            failed += 1
            print(f'✗ {name}: {error}', flush=True)
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0
