"""An adapter that is pushed to, beside a running exchange: topics of a prefix of its own, certificates, clients, and what it published."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import confluent_kafka
import confluent_kafka.admin

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/reader'))  # Debian has a module avro, too
import avro  # noqa: E402

WAIT_S = 180  # a bound for a machine that is busy with other things
DEPARTMENT = 'market'
FEEDS = ['abnormal.operation', 'registration.basic']
PARTITIONS = 6


def until(what, look, wait_s=WAIT_S):
    """The first true answer of `look`."""
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f'{what}: not within {wait_s} s')


def openssl(*arguments):
    subprocess.run(['openssl', *map(str, arguments)], check=True, capture_output=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def read_environment(path):
    script = f'set -a; source {path}; env -0'
    entries = subprocess.run(['bash', '-c', script], check=True, capture_output=True, text=True).stdout.split('\0')
    return dict(entry.split('=', 1) for entry in entries if '=' in entry)


class Answer:
    """What curl was told."""

    def __init__(self, exit_status, text, head):
        self.exit_status = exit_status
        self.text = text
        self.status = int(re.findall(r'^HTTP/\S+ (\d+)', head, re.MULTILINE)[-1]) if 'HTTP/' in head else 0
        self.headers = {name.lower(): value.strip() for name, value in re.findall(r'^([\w-]+):(.*)$', head, re.MULTILINE)}

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return f'<exit {self.exit_status}, {self.status} {self.headers} {self.text[:400]}>'


class Place:
    def __init__(self, environment, name, options=''):
        self.environment = environment
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f'xq-{name}-'))
        self.prefix = f'{name}{os.getpid()}.'
        self.name = self.prefix.rstrip('.')
        self.port = free_port()
        self.options = options
        self.process = None
        self.log_path = self.folder / 'adapter.log'
        self.count = 0
        for part in ('certificates', 'state', 'mappings'):
            (self.folder / part).mkdir()
        self.make_certificates()
        self.configure()
        self.make_topics()

    # --- topics ---

    def admin(self):
        return confluent_kafka.admin.AdminClient({'bootstrap.servers': self.environment['XQ_BOOTSTRAP']})

    def topics(self):
        """Those that such an adapter needs and no others: a broker that is killed comes back the later the more it has."""
        compacted = {'config': {'cleanup.policy': 'compact'}}
        names = {f'in.{DEPARTMENT}.{feed}': (PARTITIONS, {}) for feed in FEEDS} | {
            'quarantine': (PARTITIONS, {}), 'books': (PARTITIONS, compacted), 'positions': (1, compacted), 'feeds': (1, compacted),
            'orders': (1, {})}
        return [confluent_kafka.admin.NewTopic(self.prefix + name, partitions, 1, **more) for name, (partitions, more) in names.items()]

    def make_topics(self):
        admin = self.admin()
        for made in admin.create_topics(self.topics()).values():
            made.result(60)

    # --- certificates ---

    def make_authority(self, name):
        folder = self.folder / 'certificates'
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout',
                folder / f'{name}.key', '-out', folder / f'{name}.pem', '-subj', f'/O=test/CN={name}')

    def make_certificate(self, name, common_name=None, authority='ca', days=2, extension='extendedKeyUsage=clientAuth'):
        folder = self.folder / 'certificates'
        (folder / 'extension').write_text(extension + '\n')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', folder / f'{name}.key', '-out',
                folder / f'{name}.request', '-subj', f'/O=test/CN={common_name or name}')
        dates = ['-days', days]
        openssl('x509', '-req', '-in', folder / f'{name}.request', '-CA', folder / f'{authority}.pem', '-CAkey',
                folder / f'{authority}.key', *dates, '-extfile', folder / 'extension', '-out', folder / f'{name}.pem')

    def make_certificates(self):
        self.make_authority('ca')
        self.make_authority('stranger-ca')
        self.make_certificate('server', extension='subjectAltName=IP:127.0.0.1,DNS:localhost')
        self.make_certificate('vendor')
        self.make_certificate('other')
        self.make_certificate('unknown')
        self.make_certificate('expired', common_name='vendor', days=-1)
        self.make_certificate('wrong-purpose', common_name='vendor', extension='extendedKeyUsage=serverAuth')
        self.make_certificate('forged', common_name='vendor', authority='stranger-ca')
        self.make_certificate('pinned', common_name='anything')

    def fingerprint(self, name):
        output = subprocess.run(['openssl', 'x509', '-in', self.certificate(name), '-noout', '-fingerprint', '-sha256'], check=True,
                                capture_output=True, text=True).stdout
        return output.split('=', 1)[1].strip()

    def certificate(self, name, ending='pem'):
        return str(self.folder / 'certificates' / f'{name}.{ending}')

    # --- the adapter ---

    def configure(self):
        kafka = f'kafka = {{ bootstrap = "{self.environment["XQ_BOOTSTRAP"]}"; prefix = "{self.prefix}"; }};'
        catalogue = f'catalogue = "{self.environment["XQ_CATALOGUE"]}";'
        (self.folder / 'xinqiao.cfg').write_text(f'{catalogue} {kafka}\ngateway_group = "{self.prefix}gateway";\n')
        for feed in FEEDS:
            shutil.copy(ROOT / f'adapters/departments/{DEPARTMENT}/{feed}.cfg', self.folder / 'mappings')
        (self.folder / 'adapter.cfg').write_text(f'''name = "{self.name}"; department = "{DEPARTMENT}"; {catalogue} {kafka}
mappings = "{self.folder}/mappings"; state = "{self.folder}/state"; partitions = {PARTITIONS};
pepper_file = "{self.environment["XQ_DEMO"]}/secret/pepper";
push = {{
  listen = "127.0.0.1:{self.port}"; certificate = "certificates/server.pem"; key = "certificates/server.key";
  client_ca = "certificates/ca.pem";
  clients = ( {{ name = "vendor"; feeds = ["abnormal.operation"]; }}, {{ name = "other"; feeds = ["registration.basic"]; }},
              {{ name = "{self.fingerprint('pinned')}"; feeds = ["abnormal.operation", "registration.basic"]; }} );
  {self.options}
}};
''')

    def start(self):
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([f'{self.environment["XQ_BIN"]}/xinqiao-adapter', '--config', self.folder / 'adapter.cfg'],
                                            stderr=log)
        until('the adapter listens', self.listens)

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError('the adapter ended: ' + self.log()[-2000:])
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(how)
        status = self.process.wait(60)
        self.process = None
        return status

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        try:
            admin = self.admin()
            for gone in admin.delete_topics([topic.topic for topic in self.topics()]).values():
                gone.result(60)
        except confluent_kafka.KafkaException:
            pass  # they do no harm
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return self.log_path.read_text(errors='replace')

    def operator(self, *arguments, check=True):
        return subprocess.run([f'{self.environment["XQ_BIN"]}/xinqiao', *arguments], capture_output=True, text=True, check=check,
                              env={**os.environ, 'XQ_CONFIG': str(self.folder / 'xinqiao.cfg')})

    # --- clients ---

    def url(self, path):
        return f'https://127.0.0.1:{self.port}{path}'

    def key(self):
        self.count += 1
        return f'key-{os.getpid()}-{self.count}'

    def curl(self, path, *arguments, client='vendor', data=None, timeout=60):
        identity = ['--cert', self.certificate(client), '--key', self.certificate(client, 'key')] if client else []
        head = self.folder / f'head-{self.count}-{time.monotonic_ns()}'
        body = [] if data is None else ['--data-binary', '@-']
        done = subprocess.run(['curl', '--silent', '--show-error', '--max-time', str(timeout), '--cacert', self.certificate('ca'),
                               '--dump-header', head, *identity, *body, *arguments, self.url(path)], check=False, capture_output=True,
                              input=data.encode() if isinstance(data, str) else data)
        text = head.read_text(errors='replace') if head.exists() else ''
        head.unlink(missing_ok=True)
        return Answer(done.returncode, (done.stdout or done.stderr).decode(errors='replace'), text)

    def push(self, rows, *arguments, key=None, feed='abnormal.operation', client='vendor', form='application/json', **more):
        """`rows`: a list, or the body itself."""
        data = rows if isinstance(rows, (str, bytes)) else json.dumps(rows, ensure_ascii=False)
        return self.curl(f'/feeds/{feed}', '-H', f'Content-Type: {form}', '-H', f'Idempotency-Key: {key or self.key()}', *arguments,
                         client=client, data=data, **more)

    # --- what was published ---

    def messages(self, topic):
        consumer = confluent_kafka.Consumer({'bootstrap.servers': self.environment['XQ_BOOTSTRAP'], 'group.id': 'xq-none',
                                             'enable.auto.commit': False, 'enable.partition.eof': True,
                                             'isolation.level': 'read_committed'})
        partitions = sorted(consumer.list_topics(topic, 30).topics[topic].partitions)
        consumer.assign([confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions])
        found, ends = [], set()
        while len(ends) < len(partitions):
            message = consumer.poll(30)
            if message is None:
                raise AssertionError('Kafka does not answer')
            if message.error():
                ends.add(message.partition())
            else:
                found.append(message)
        consumer.close()
        return found

    def events(self, feed='abnormal.operation'):
        """Each event as a dict, in the order of its partition."""
        schema = avro.Schema(next((ROOT / 'schemas').glob(f'{DEPARTMENT}/{feed}-1.avsc')))
        return [schema.decode(message.value()) for message in self.messages(f'{self.prefix}in.{DEPARTMENT}.{feed}')]

    def quarantined(self):
        schema = avro.Schema(ROOT / 'schemas/internal/quarantine.avsc')
        return [schema.decode(message.value()) for message in self.messages(f'{self.prefix}quarantine')]


def row(number, **more):
    """A row of abnormal.operation, told apart by its number."""
    return {'PRIPID': f'4502{number:014d}', 'UNISCID': '91450203MA06AB1A5P', 'ENTNAME': '柳州市福柳泰文化传媒有限公司',
            'ABNTIME': '2025-11-26', 'SPECAUSE': '3', 'DECORG': '融水苗族自治县市场监督管理局', 'REMDATE': '', 'REMEXCPRES': '', 'REDECORG': '',
            'AREA': '450203', 'OP': 'i', 'TS': '2026-09-01 08:01:00', **more}
