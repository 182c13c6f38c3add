"""An adapter that asks databases through ODBC, beside a running exchange: real MariaDB and PostgreSQL servers of its own, topics of a prefix
of its own, and what it published, folded to the rows that stand."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import confluent_kafka.admin

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/reader'))
import avro  # noqa: E402
import topics  # noqa: E402

WAIT_S = 180  # a bound for a machine that is busy with other things
PARTITIONS = 6
DATABASE = 'bureau'
READER = 'xinqiao_reader'
PASSWORD = 'a;b}c{ =%d\'"'  # every character that connection strings trip over
COLUMNS = ['nsrmc', 'nsrsbh', 'zsxm', 'qss', 'tjjzny', 'czlx', 'gxsj']


def until(what, look, wait_s=WAIT_S):
    """The first true answer of `look`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f'{what}: not within {wait_s} s')


def read_environment(path):
    script = f'set -a; source {path}; env -0'
    entries = subprocess.run(['bash', '-c', script], check=True, capture_output=True, text=True).stdout.split('\0')
    return dict(entry.split('=', 1) for entry in entries if '=' in entry)


def credit_code(number):
    """A credit code with both of its check digits (GB 32100, GB 11714)."""
    body = f'{number:08d}'
    check = 11 - sum(int(digit) * weight for digit, weight in zip(body, [3, 7, 9, 10, 5, 8, 4, 2])) % 11
    text = f'91450200{body}' + {10: 'X', 11: '0'}.get(check, str(check))
    alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY'
    weights = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28]
    rest = sum(alphabet.index(letter) * weight for letter, weight in zip(text, weights)) % 31
    return text + alphabet[(31 - rest) % 31]


# --- servers ---

def library(script):
    """Runs a script with the libraries of deploy/lib."""
    head = f'set -euo pipefail; export XQ_ROOT={ROOT}; cd "$XQ_ROOT"; for part in steps processes postgresql mariadb; do source deploy/lib/$part.sh; done; '
    done = subprocess.run(['bash', '-c', head + script], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f'{script}: {done.stdout[-1000:]} {done.stderr[-1000:]}')
    return done.stdout


def pid_of(folder, process):
    """Of a supervised process; one that was killed just now comes back first."""
    return int(until(f'{process} runs', lambda: library(f'process_pid {folder} {process} || true').strip()))


def free_port():
    return int(library('ports_free 1').split()[0])


class Server:
    """A database of a kind; supervised, so that it comes back when it is killed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()

    def kill(self):
        os.kill(self.pid(), signal.SIGKILL)

    def pid(self):
        return pid_of(self.folder, self.process)


class MariaDb(Server):
    kind, process, quote, boolean = 'mariadb', 'mariadb', '`', 'TINYINT(1)'
    timestamp = 'DATETIME(6)'

    def start(self):
        library(f'mariadb_start {self.folder} {self.port}; mariadb_database {self.folder} {DATABASE}')
        escaped = PASSWORD.replace('\\', '\\\\').replace("'", "''")
        self.run(f"CREATE OR REPLACE USER '{READER}'@'127.0.0.1' IDENTIFIED BY '{escaped}'; "
                 f"GRANT SELECT ON {DATABASE}.* TO '{READER}'@'127.0.0.1'")

    def run(self, sql, check=True):
        home = (self.folder / 'mariadb/home').read_text().strip()
        done = subprocess.run(['mariadb', '--no-defaults', f'--socket={home}/socket', '--default-character-set=utf8mb4', '--batch',
                               '--skip-column-names', DATABASE], input=sql, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split('\t') for line in done.stdout.splitlines()]

    def connection(self, port=None, user=READER):
        return f'Driver=MariaDB Unicode;Server=127.0.0.1;Port={port or self.port};Database={DATABASE};User={user}'

    def stop(self):
        library(f'mariadb_stop {self.folder}; mariadb_remove {self.folder}')


class PostgreSql(Server):
    kind, process, quote, boolean = 'postgresql', 'postgresql', '"', 'BOOLEAN'
    timestamp = 'TIMESTAMP(6)'

    def start(self):
        library(f'postgresql_make {self.folder}')
        home = (self.folder / 'postgresql/home').read_text().strip()
        with open(f'{home}/data/postgresql.conf', 'a') as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\n")
        with open(f'{home}/data/pg_hba.conf', 'a') as file:
            file.write('host all all 127.0.0.1/32 scram-sha-256\n')
        # The libraries ask by the socket of the usual port.
        self.environment = {**os.environ, 'PGHOST': home, 'PGPORT': str(self.port), 'PGUSER': 'xinqiao', 'PGDATABASE': 'postgres'}
        library(f'export PGPORT={self.port}; postgresql_start {self.folder}')
        self.run(f'CREATE DATABASE {DATABASE}')
        self.environment['PGDATABASE'] = DATABASE
        escaped = PASSWORD.replace("'", "''")
        self.run(f"CREATE ROLE {READER} LOGIN PASSWORD '{escaped}'; ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER}")

    def run(self, sql, check=True):
        done = subprocess.run(['psql', '-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1'], input=sql, env=self.environment,
                              capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [line.split('\t') for line in done.stdout.splitlines()]

    def connection(self, port=None, user=READER):
        return f'Driver=PostgreSQL Unicode;Servername=127.0.0.1;Port={port or self.port};Database={DATABASE};Username={user}'

    def stop(self):
        library(f'postgresql_stop {self.folder}; postgresql_remove {self.folder}')


class Proxy:
    """Between the adapter and a database: may cut what flows, or let it hang."""

    def __init__(self, port):
        self.to, self.is_hanging, self.refuses = port, False, False
        self.pairs = []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.refuses:
                client.close()
                continue
            try:
                server = socket.create_connection(('127.0.0.1', self.to))
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, source, target):
        try:
            while data := source.recv(65536):
                while self.is_hanging:
                    time.sleep(0.05)
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


# --- the adapter ---

MAPPING = '''item = "arrears"; format = "table"; table = "{table}"; {options}
poll = {{ {poll} }};
columns = ["nsrmc", "nsrsbh", "zsxm", "qss", "tjjzny", "czlx", "gxsj"{more}];
operation = {{ column = "czlx"; put = ["", "u"]; withdraw = ["d"]; }};
{changed_at}
subject = {{ kind = "ORGANISATION"; organisation = ["nsrsbh"]; }};
fields = (
  {{ name = "subject_name"; from = ["nsrmc"]; }},
  {{ name = "occurred_at"; constant = "2026-01-01"; }},
  {{ name = "conduct_end_date"; constant = ""; }},
  {{ name = "publicity_until"; constant = ""; }},
  {{ name = "rule_version"; constant = "GX-2023-05"; }},
  {{ name = "taxpayer_number"; from = ["nsrsbh"]; }},
  {{ name = "credit_code"; from = ["nsrsbh"]; }},
  {{ name = "legal_representative"; constant = ""; }},
  {{ name = "business_address"; {address} }},
  {{ name = "tax_kind"; from = ["zsxm"]; }},
  {{ name = "arrears_amount"; from = ["qss"]; }},
  {{ name = "new_arrears_amount"; constant = ""; }},
  {{ name = "authority"; constant = "柳州市税务局"; }},
  {{ name = "as_of_month"; from = ["tjjzny"]; steps = ["month"]; }}
);
'''


class Place:
    """One adapter with one table."""

    def __init__(self, environment, server, name, port=None, odbc='', **mapping):
        self.environment, self.server = environment, server
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'xq-odbc-{name}-'))
        self.prefix = f'odbc{os.getpid()}{name}.'
        self.name = self.prefix.rstrip('.')
        self.table = f'qs_{name}'
        self.port, self.odbc = port, odbc
        self.process = None
        self.log_path = self.folder / 'adapter.log'
        (self.folder / 'mappings').mkdir()
        password = self.folder / 'password'
        password.write_text(PASSWORD + '\n')
        password.chmod(0o600)
        self.mapping = {'poll': 'column = "gxsj"; every_seconds = 1; overlap_seconds = 60; list_every_hours = 0;', 'options': '',
                        'changed_at': '', 'more': '', 'address': 'constant = ""', 'table': self.table, **mapping}
        self.configure()
        self.make_topics()

    def configure(self, connection=None, **mapping):
        self.mapping.update(mapping)
        kafka = f'kafka = {{ bootstrap = "{self.environment["XQ_BOOTSTRAP"]}"; prefix = "{self.prefix}"; }};'
        catalogue = f'catalogue = "{self.environment["XQ_CATALOGUE"]}";'
        (self.folder / 'xinqiao.cfg').write_text(f'{catalogue} {kafka}\ngateway_group = "{self.prefix}gateway";\n')
        (self.folder / 'mappings/arrears.cfg').write_text(MAPPING.format(**self.mapping))
        (self.folder / 'adapter.cfg').write_text(f'''name = "{self.name}"; department = "tax"; {catalogue} {kafka}
mappings = "{self.folder}/mappings"; state = "{self.folder}/state"; partitions = {PARTITIONS};
pepper_file = "{self.environment["XQ_DEMO"]}/secret/pepper";
odbc = {{ connection = "{connection or self.server.connection(self.port)}"; password_file = "{self.folder}/password"; {self.odbc} }};
''')

    def topic_names(self):
        """Only those that one adapter with one item needs: a broker does not like thousands."""
        compacted = {'cleanup.policy': 'compact'}
        return {f'{self.prefix}in.tax.arrears': (PARTITIONS, {}), f'{self.prefix}quarantine': (PARTITIONS, {}),
                f'{self.prefix}books': (PARTITIONS, compacted), f'{self.prefix}positions': (1, compacted),
                f'{self.prefix}feeds': (1, compacted), f'{self.prefix}orders': (1, {})}

    def administer(self, ask):
        client = confluent_kafka.admin.AdminClient({'bootstrap.servers': self.environment['XQ_BOOTSTRAP'], 'log_level': 0})
        for future in ask(client).values():
            future.result(WAIT_S)

    def make_topics(self):
        new = [confluent_kafka.admin.NewTopic(name, partitions, 1, config=config)
               for name, (partitions, config) in self.topic_names().items()]
        self.administer(lambda client: client.create_topics(new, operation_timeout=60))

    def operator(self, *arguments, check=True):
        done = subprocess.run([f'{self.environment["XQ_BIN"]}/xinqiao', *arguments], capture_output=True, text=True,
                              env={**os.environ, 'XQ_CONFIG': str(self.folder / 'xinqiao.cfg')})
        if check and done.returncode != 0:
            raise AssertionError(f'xinqiao {arguments}: {done.stdout} {done.stderr}')
        return done.stdout

    # --- the adapter's process ---

    def command(self):
        return [f'{self.environment["XQ_BIN"]}/xinqiao-adapter', '--config', str(self.folder / 'adapter.cfg')]

    def start(self):
        with open(self.log_path, 'a') as log:
            self.process = subprocess.Popen(self.command(), stderr=log, stdout=log)

    def once(self, expect=0):
        with open(self.log_path, 'a') as log:
            status = subprocess.run([*self.command(), '--once'], stderr=log, stdout=log, timeout=WAIT_S).returncode
        if status != expect:
            raise AssertionError(f'exit {status}: {self.log()[-1500:]}')

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self):
        """Seconds that it took."""
        began = time.monotonic()
        if self.process is None:
            return 0
        self.process.terminate()
        self.process.wait(WAIT_S)
        self.process = None
        return time.monotonic() - began

    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ''

    def remove(self):
        self.kill()
        self.administer(lambda client: client.delete_topics(list(self.topic_names())))
        self.server.run(f'DROP VIEW IF EXISTS {self.table}_view; DROP TABLE IF EXISTS {self.table}', check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the table ---

    def create(self, rows=0, gxsj=None, more=''):
        self.server.run(f'''CREATE TABLE {self.table} (id BIGINT PRIMARY KEY, nsrmc VARCHAR(200), nsrsbh VARCHAR(40), zsxm VARCHAR(40),
            qss NUMERIC(18,2), tjjzny CHAR(6), czlx VARCHAR(8), gxsj {gxsj or self.server.timestamp}{more});
            CREATE INDEX {self.table}_gxsj ON {self.table} (gxsj)''')
        for first in range(0, rows, 1000):
            self.insert(*[(number, {}) for number in range(first, min(rows, first + 1000))])

    def insert(self, *rows):
        values = []
        for number, changes in rows:
            row = {'id': number, 'nsrmc': f"'柳州市第{number}公司'", 'nsrsbh': f"'{credit_code(number)}'", 'zsxm': "'增值税'",
                   'qss': f'{number}.25', 'tjjzny': "'202601'", 'czlx': 'NULL',
                   'gxsj': f"'2026-03-{1 + number // 86400 % 28:02d} {number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}'",
                   **changes}
            values.append('(' + ', '.join(str(value) for value in row.values()) + ')')
        self.server.run(f'INSERT INTO {self.table} VALUES {", ".join(values)}')

    def rows(self):
        """What the table says: {key: (name, amount in cents)}."""
        found = self.server.run(f"SELECT nsrsbh, zsxm, tjjzny, nsrmc, qss FROM {self.table} WHERE czlx IS NULL OR czlx <> 'd'")
        return {f'tax|{number}|{kind}|{month}': (name, round(float(amount) * 100)) for number, kind, month, name, amount in found}

    # --- what was published ---

    def events(self):
        topic = f'{self.prefix}in.tax.arrears'
        schema = avro.Schema(ROOT / 'schemas/tax/arrears-1.avsc')
        found = topics.read(self.environment['XQ_BOOTSTRAP'], {topic: PARTITIONS})[topic]
        return [[schema.decode(record.value) for record in partition] for partition in found]

    def standing(self):
        """{key: (name, amount)} of the records that stand, and whether versions rose and numbers had no gap on the way."""
        last = {}
        for partition in self.events():
            for number, event in enumerate(partition):
                assert event['sequence'] == number + partition[0]['sequence'], 'a gap in the sequence'
                before = last.get(event['record_key'])
                assert before is None or event['version'] > before['version'], 'a version did not rise'
                last[event['record_key']] = event
        return {key: (event['subject_name'], cents(event['arrears_amount'])) for key, event in last.items() if event['operation'] == 'PUT'}

    def count(self):
        return sum(len(partition) for partition in self.events())

    def quarantined(self):
        topic = f'{self.prefix}quarantine'
        found = topics.read(self.environment['XQ_BOOTSTRAP'], {topic: topics.names(self.environment['XQ_BOOTSTRAP'], self.prefix)[topic]})
        return [record for partition in found[topic] for record in partition]

    def agrees(self):
        return self.standing() == self.rows()


def cents(value):
    return None if value is None else round(float(value) * 100)


class Result:
    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()

    def prove(self, title, promise, *arguments):
        try:
            promise(*arguments)
        except Exception as fault:  # noqa: BLE001 whatever it is, it is told and the next is proved
            with self.lock:
                self.failed += 1
                print(f'✗ {title}: {type(fault).__name__}: {str(fault)[:1800]}', flush=True)
        else:
            with self.lock:
                self.passed += 1
                print(f'✓ {title}', flush=True)

    def finish(self):
        print(f'{self.passed} passed, {self.failed} failed')
        return 1 if self.failed else 0
