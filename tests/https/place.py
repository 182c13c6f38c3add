"""A folder with certificates, a receiver that is started in some manner, and the https sink that pushes to it (tests/programs/https_push.c)."""
import contextlib
import json
import pathlib
import re
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCHANGE, TOPIC = '柳州 test', 'xq.out.court'
WAIT_S = 60


def until(what, look, wait_s=WAIT_S):
    deadline = time.monotonic() + wait_s
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f'{what}: not within {wait_s} s')


def openssl(*arguments, check=True):
    return subprocess.run(['openssl', *map(str, arguments)], check=check, capture_output=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


class Pushed:
    """What the sink told."""

    def __init__(self, done):
        self.status, self.text = done.returncode, done.stdout + done.stderr
        last = re.search(r'^settled=(\d+) refused=(\d+) retries=(\d+)', self.text, re.MULTILINE)
        assert last, self
        self.settled, self.refused, self.retries = map(int, last.groups())
        self.codes = re.findall(r'^RETRY .* code=(\S*) message', self.text, re.MULTILINE)
        self.first = re.search(r'^RETRY .*$', self.text, re.MULTILINE)
        self.first = self.first.group() if self.first else ''

    def __repr__(self):
        return f'<exit {self.status}: {self.text[:1500]} … {self.text[-300:]}>'


class Place:
    def __init__(self, program):
        self.program = program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='xq-https-'))
        self.serial = 0
        (self.folder / 'certificates').mkdir()
        (self.folder / 'keys').mkdir()
        self.make_certificates()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- certificates ---

    def certificate(self, name, ending='pem'):
        return self.folder / 'certificates' / f'{name}.{ending}'

    def make_authority(self, name):
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout',
                self.certificate(name, 'key'), '-out', self.certificate(name), '-subj', f'/O=test/CN={name}')

    def make_certificate(self, name, extension, authority='ca', days=2):
        words = self.folder / 'extension'
        words.write_text(extension + '\n')
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', self.certificate(name, 'key'), '-out',
                self.certificate(name, 'request'), '-subj', f'/O=test/CN={name}')
        openssl('x509', '-req', '-in', self.certificate(name, 'request'), '-CA', self.certificate(authority), '-CAkey',
                self.certificate(authority, 'key'), '-days', days, '-extfile', words, '-out', self.certificate(name))
        self.certificate(name, 'key').chmod(0o600)

    def make_certificates(self):
        here = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
        self.make_authority('ca')
        self.make_authority('stranger-ca')
        self.make_certificate('server', here)
        self.make_certificate('expired', here, days=-1)
        self.make_certificate('forged', here, authority='stranger-ca')
        self.make_certificate('elsewhere', 'subjectAltName=DNS:receiver.example')
        self.make_certificate('for-clients', here + '\nextendedKeyUsage=clientAuth')
        self.make_certificate('agent', 'extendedKeyUsage=clientAuth')
        self.make_certificate('stranger', 'extendedKeyUsage=clientAuth', authority='stranger-ca')
        self.make_certificate('agent-expired', 'extendedKeyUsage=clientAuth', days=-1)

    # --- the receiver ---

    def new_store(self):
        self.serial += 1
        return self.folder / f'store-{self.serial}.sqlite'

    @contextlib.contextmanager
    def receiver(self, manner='', number=None, port=None, store=None, certificate='server'):
        """Runs one; its port, store and log."""
        running = Running(self, port or free_port(), store or self.new_store())
        options = ['--listen', f'127.0.0.1:{running.port}', '--certificate', self.certificate(certificate), '--private-key',
                   self.certificate(certificate, 'key'), '--authority', self.certificate('ca'), '--keys', self.folder / 'keys', '--exchange', EXCHANGE,
                   '--topic', TOPIC, '--store', running.store]
        numbers = [] if number is None else [number]
        with open(running.log_path, 'a', encoding='utf-8') as log:
            process = subprocess.Popen([sys.executable, '-W', 'ignore', ROOT / 'tests/https/awkward.py', manner or 'none', *map(str, numbers),
                                        *map(str, options)], stderr=log, stdout=log)
        try:
            until('the receiver listens', lambda: is_open(running.port) or process.poll() is not None)
            assert process.poll() is None, running.log()
            yield running
        finally:
            process.kill()
            process.wait()

    # --- the sink ---

    def configure(self, port, client='agent', host='127.0.0.1', **options):
        options = {'records': 50, 'timeout_ms': 10000} | options
        more = ''.join(f'{name} = {json.dumps(value)}; ' for name, value in options.items())
        path = self.folder / 'sink.cfg'
        path.write_text(f'''url = "https://{host}:{port}/deliveries"; authority = "certificates/ca.pem"; certificate = "certificates/{client}.pem";
private_key = "certificates/{client}.key"; {more}
''')
        return path

    def push(self, port, numbers=None, environment=None, **options):
        """Three logs of 200 deliveries, unless told otherwise."""
        numbers = {'partitions': 3, 'deliveries': 200, 'seal': 80, 'seconds': 60} | (numbers or {})
        path = self.configure(port, **options)
        done = subprocess.run([self.program, path, self.folder / 'exchange.key', self.folder / 'keys',
                               *(f'{name}={value}' for name, value in numbers.items())], capture_output=True, text=True, check=False,
                              env=environment, timeout=300)
        self.memory_bytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return Pushed(done)

    def push_badly(self, port, *codes, **more):
        """Nothing gets through, and the sink says why, with the receiver's name, in both languages."""
        numbers = {'retries': 2, 'partitions': 1} | more.pop('numbers', {})
        pushed = self.push(port, numbers, **more)
        assert pushed.status == 1 and pushed.settled == numbers.get('from', 0) and pushed.retries > 0, pushed
        assert set(pushed.codes) <= set(codes), pushed
        assert f':{port}' in pushed.first.split('message=')[1] and f':{port}' in pushed.first.split('zh=')[1], pushed
        assert re.search('[一-鿿]', pushed.first), pushed
        return pushed

    def body(self):
        """Of one request: half of the first seal of log 0."""
        done = subprocess.run([self.program, '-', self.folder / 'exchange.key', self.folder / 'keys', 'body=1', 'deliveries=40', 'seal=40'],
                              capture_output=True, check=True)
        return done.stdout


class Running:
    def __init__(self, place, port, store):
        self.place, self.port, self.store = place, port, store
        self.log_path = pathlib.Path(f'{store}.log')

    def log(self):
        return self.log_path.read_text(errors='replace')

    def asked(self):
        path = pathlib.Path(f'{self.store}.asked')
        return path.read_text().splitlines() if path.exists() else []

    def ask(self, text):
        with contextlib.closing(sqlite3.connect(self.store)) as database:
            return database.execute(text).fetchall()

    def sizes(self):
        return dict(self.ask('SELECT log, size FROM log'))

    def content(self):
        return self.ask('SELECT log, leaf, record, version, status, withdrawn, flags, fields FROM record ORDER BY record')
