"""xinqiao-agent --serve beside a running exchange: a certificate, a key and a configuration of its own, and curl as its client."""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests/push'))
from place import Answer, Place, free_port, read_environment, until  # noqa: E402,F401

SUBSCRIBER = 'court'


class Desk(Place):
    """Only the certificates of Place, and starting and stopping."""

    def __init__(self, environment, options='', bootstrap=None, connection=None):  # pylint: disable=super-init-not-called
        self.environment = environment
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='xq-spot-'))
        self.port = free_port()
        self.options = options
        self.bootstrap = bootstrap or environment['XQ_BOOTSTRAP']
        self.connection = connection
        self.process = None
        self.log_path = self.folder / 'serve.log'
        (self.folder / 'certificates').mkdir()
        self.make_certificates()
        self.make_key()
        self.configure()

    def make_key(self):
        public = self.folder / 'receipt_keys' / SUBSCRIBER
        public.mkdir(parents=True)
        made = self.command('keys', 'new', '--private', self.folder / 'receipt.pem', '--public', public)
        assert made.returncode == 0, made

    def configure(self, name='serve', sink=None, serve=True):
        connection = self.environment['XQ_PG']
        group = f'connection = "{self.connection}";' if self.connection else ''
        sinks = f'postgresql = {{ connection = "{connection}"; schema = "{SUBSCRIBER}"; withdraw = "mark"; }};'
        sinks += f' ndjson = {{ folder = "{self.folder}/ndjson"; }};'
        (self.folder / f'{name}.cfg').write_text(f'''subscriber = "{SUBSCRIBER}"; catalogue = "{self.environment["XQ_CATALOGUE"]}";
kafka = {{ bootstrap = "{self.bootstrap}"; prefix = "{self.environment["XQ_PREFIX"]}"; }};
partitions = 6; keys = "{self.environment["XQ_KEYS"]}"; receipt_key = "receipt.pem"; sink = "{sink or 'postgresql'}";
{sinks}
''' + (f'''serve = {{ listen = "127.0.0.1:{self.port}"; certificate = "certificates/server.pem"; key = "certificates/server.key"; {group}
  {self.options} }};
''' if serve else ''))
        return self.folder / f'{name}.cfg'

    def start(self):
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([f'{self.environment["XQ_BIN"]}/xinqiao-agent', '--config', self.folder / 'serve.cfg', '--serve'],
                                            stderr=log)
        until('the agent listens', self.listens)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- clients ---

    def curl(self, path, *arguments, purpose='评标资格审查', officer='王评审', certificate=None, **query):
        words = {'purpose': purpose, 'officer': officer, **query}
        text = urllib.parse.urlencode({name: value for name, value in words.items() if value is not None})
        client = [] if certificate is None else ['--cert', self.certificate(certificate), '--key', self.certificate(certificate, 'key')]
        head = self.folder / 'head'
        head.write_text('')
        process = subprocess.run(['curl', '--silent', '--show-error', '--max-time', '90', '--cacert', self.certificate('ca'), '--dump-header',
                                  head, *client, *arguments, f'https://127.0.0.1:{self.port}{path}' + (f'?{text}' if text else '')],
                                 capture_output=True, text=True, check=False)
        return Answer(process.returncode, process.stdout + process.stderr, head.read_text(errors='replace'))

    def subject(self, code, *arguments, **query):
        return self.curl(f'/subjects/{code}', *arguments, **query)

    def answer(self, code, **query):
        answer = self.subject(code, **query)
        assert answer.status == 200, answer
        return answer.json

    def sheet(self, code, **query):
        answer = self.curl(f'/subjects/{code}/sheet', **query)
        assert answer.status == 200, answer
        return answer

    def command(self, *arguments, text=None):
        return subprocess.run([f'{self.environment["XQ_BIN"]}/xinqiao', *map(str, arguments)], capture_output=True, text=True, input=text,
                              env=self.environment, check=False)

    def verify(self, text, *arguments, keys=None):
        """(exit status, what it said) of the statement in `text`, offline."""
        process = self.command('verify', '-', '--keys', keys or self.keys(), '--json', *arguments, text=text)
        return process.returncode, json.loads(process.stdout) if process.stdout else process.stderr

    def keys(self):
        """A folder with the exchange's keys, and the subscriber's below receipt_keys/."""
        folder = self.folder / 'pinned'
        if not folder.exists():
            shutil.copytree(self.environment['XQ_KEYS'], folder)
            shutil.copytree(self.folder / 'receipt_keys', folder / 'receipt_keys')
        return folder

    # --- what is on paper ---

    def scan(self, page):
        """The text of the page's QR code, by zbarimg of a picture that is drawn from its SVG."""
        svg = re.search(r'<svg.*?viewBox="0 0 (\d+) \1".*?fill="#000" d="([^"]*)"', page, re.DOTALL)
        side, scale = int(svg.group(1)), 5
        rows = [[255] * side for _ in range(side)]
        for column, row, width in re.findall(r'M(\d+) (\d+)h(\d+)v1h-\d+z', svg.group(2)):
            for at in range(int(column), int(column) + int(width)):
                rows[int(row)][at] = 0
        picture = self.folder / 'code.pgm'
        with open(picture, 'wb') as out:
            out.write(f'P5 {side * scale} {side * scale} 255\n'.encode())
            for row in rows:
                out.write(bytes(value for value in row for _ in range(scale)) * scale)
        return subprocess.run(['zbarimg', '--raw', '--quiet', '-S*.disable', '-Sqrcode.enable', picture], check=True, capture_output=True,
                              text=True).stdout


def slow_client(port, first_bytes):
    """A connection that sends the beginning of a handshake and nothing more."""
    connection = socket.create_connection(('127.0.0.1', port), timeout=30)
    connection.sendall(first_bytes)
    return connection
