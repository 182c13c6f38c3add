#!/usr/bin/env python3
"""The provincial platform as its clients know it: HTTPS with certificates of both sides, docs/openapi/province.yaml, and every bad habit.

    simulator.py --folder FOLDER --certificates FOLDER [--port P] [--control-port P] [--signing-keys FOLDER] [--trouble JSON]

FOLDER/ledger.ndjson is its own ledger (ledger.py). CERTIFICATES holds ca.pem, server.pem and server.key, and other pairs to change to. With
--signing-keys every batch must be signed by one of <key_id>.pem. FOLDER/ports gets "PORT CONTROL-PORT" once it listens.

On the control port, plain HTTP of this machine only:
    GET /trouble     POST /trouble {"bad_gateway": 3, …}       what goes wrong on purpose (trouble.py)
    POST /lose {"day": "2026-11-24", "item": "market/penalty"} rows of that day vanish (item and rowKey may narrow it); answers how many
    GET /count       {"held": …, "withdrawn": …, "taken": …, "refused": …, "repeated": …}
    GET /rows        what is held, a line a row
"""
import argparse
import base64
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import rules
from ledger import Ledger
from trouble import Trouble

MOST_BODY_BYTES = 64 * 1024 * 1024
MOST_ROWS = 1000
GIGABYTE = 1 << 30
IDLE_S = 60
HEX_64 = re.compile(r'[0-9a-f]{64}')
KEY_ID = re.compile(r'[0-9a-f]{16}')


class Platform:
    """What the handlers share."""

    def __init__(self, options):
        self.folder = pathlib.Path(options.folder)
        self.certificates = pathlib.Path(options.certificates)
        self.signing_keys = options.signing_keys
        self.trouble = Trouble()
        self.trouble.change(json.loads(options.trouble))
        self.ledger = Ledger(self.folder / 'ledger.ndjson')
        self.busy, self.lock = set(), threading.Lock()
        self.last_answer = None
        self.huge = None
        self.listener = None
        self.port = options.port

    # --- the listener, which goes down and changes its certificate ---

    def listen(self):
        self.listener = Listener(self)
        self.port = self.listener.server_address[1]
        threading.Thread(target=self.listener.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def unlisten(self):
        if self.listener is not None:
            self.listener.shutdown()
            self.listener.server_close()
            self.listener.cut_all()
            self.listener = None

    def change(self, wanted):
        before = dict(self.trouble.settings)
        self.trouble.change(wanted)
        now = self.trouble.settings
        if (before['down'], before['certificate']) != (now['down'], now['certificate']):
            self.unlisten()
            if not now['down']:
                self.listen()

    # --- batches ---

    def is_signed(self, headers, body):
        if self.signing_keys is None:
            return True
        key_id = headers.get('X-Key-Id', '')
        key = pathlib.Path(self.signing_keys) / f'{key_id}.pem'
        if not KEY_ID.fullmatch(key_id) or not key.exists():
            return False
        try:
            signature = base64.b64decode(headers.get('X-Signature', ''), validate=True)
        except ValueError:
            return False
        with tempfile.NamedTemporaryFile() as signature_file, tempfile.NamedTemporaryFile() as body_file:
            signature_file.write(signature)
            signature_file.flush()
            body_file.write(body)
            body_file.flush()
            return subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-digest', 'sm3', '-pkeyopt',
                                   'distid:1234567812345678', '-sigfile', signature_file.name, '-in', body_file.name],
                                  check=False, capture_output=True).returncode == 0

    def bad_row(self, _, row):
        if self.trouble.settings['bad_rows'] and row['op'] != 'withdraw' and self.trouble.is_bad(row['rowKey']):
            raise rules.Bad('PROVINCE_RULE', '不符合省级归集规则')

    def take(self, key, body):
        """(status, answer as JSON)"""
        digest = hashlib.sha256(body).hexdigest()
        with self.lock:
            if key in self.busy:
                return 409, problem('BUSY', '同一幂等键的请求仍在处理')
            self.busy.add(key)
        try:
            kept = self.ledger.answers.get(key)
            if kept is not None:
                self.ledger.repeated += 1
                return kept[1:] if kept[0] == digest else (400, problem('KEY_REUSED', '幂等键用于不同的请求体'))
            self.ledger.gov_id_after_ms = self.trouble.settings['gov_id_after_ms']
            return self.take_new(key, digest, body)
        finally:
            with self.lock:
                self.busy.discard(key)

    def take_new(self, key, digest, body):
        try:
            rows = json.loads(body)['rows']
            if not isinstance(rows, list) or not rows:
                raise ValueError
        except (ValueError, TypeError, KeyError, RecursionError):
            return 400, problem('BODY', '请求体不是一批行')
        if len(rows) > MOST_ROWS:
            return 413, problem('ROWS', f'每批至多 {MOST_ROWS} 行')
        return self.ledger.take(key, digest, rows, self.bad_row)

    def count(self):
        held = len(self.ledger.current())
        return {'held': held, 'withdrawn': len(self.ledger.rows) - held, 'taken': self.ledger.taken, 'refused': self.ledger.refused,
                'repeated': self.ledger.repeated}

    def huge_gzip(self):
        if self.huge is None:
            packer = gzip.zlib.compressobj(6, gzip.zlib.DEFLATED, 31)
            block = b' ' * (1 << 20)
            self.huge = b''.join(packer.compress(block) for _ in range(GIGABYTE >> 20)) + packer.flush()
        return self.huge


def problem(code, message):
    return {'code': code, 'message': message}


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, platform):
        self.platform = platform
        self.connections, self.connections_lock = set(), threading.Lock()
        name = platform.trouble.settings['certificate']
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self.tls.load_cert_chain(platform.certificates / f'{name}.pem', platform.certificates / f'{name}.key')
        self.tls.load_verify_locations(platform.certificates / 'ca.pem')
        self.tls.verify_mode = ssl.CERT_REQUIRED
        super().__init__(('127.0.0.1', platform.port), Handler)

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that a slow handshake holds nobody up."""
        request.settimeout(IDLE_S)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.connections_lock:
            self.connections.add(request)
        try:
            with self.tls.wrap_socket(request, server_side=True) as connection:
                with self.connections_lock:
                    self.connections.add(connection)
                try:
                    super().finish_request(connection, client_address)
                finally:
                    with self.connections_lock:
                        self.connections.discard(connection)
        except (OSError, ValueError):
            pass  # a client without a certificate, or gone
        finally:
            with self.connections_lock:
                self.connections.discard(request)

    def cut_all(self):
        with self.connections_lock:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass


class Quiet(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1  # an answer is one write, not one for its head and one for its body

    def log_message(self, format, *arguments):  # noqa: A002
        pass

    def answer(self, status, body, headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False, separators=(',', ':')).encode()
        self.send_response(status)
        names = {name.lower() for name, _ in headers}
        for name, value in (*headers, *(() if 'content-type' in names else (('Content-Type', 'application/json'),))):
            self.send_header(name, value)
        if 'content-length' not in names:
            self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def read_body(self):
        length = int(self.headers.get('Content-Length') or 0)
        if length > MOST_BODY_BYTES:
            raise ValueError('too long')
        body = self.rfile.read(length)
        return gzip.decompress(body) if self.headers.get('Content-Encoding') == 'gzip' else body


class Handler(Quiet):
    """The platform."""

    def do_GET(self):
        platform = self.server.platform
        where = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(where.query))
        if self.is_troubled():
            return
        part = int(query['part']) if query.get('part', '').isdigit() else None
        if where.path == '/rows' and 'rowKey' in query:
            rows = platform.ledger.find(query['rowKey'])
            if rows and rows[0]['govId'] and platform.trouble.comes('change_gov_id'):
                rows[0]['govId'] += '9'
            self.answer(200, {'rows': rows})
        elif where.path == '/rows' and 'item' in query and 'day' in query:
            self.answer(200, self.page(query, part))
        elif where.path == '/summary' and 'from' in query and 'to' in query:
            self.answer(200, {'items': platform.ledger.summarize(query['from'], query['to'], part)})
        else:
            self.answer(404, problem('NOT_FOUND', '没有这个地址'))

    def page(self, query, part):
        ledger = self.server.platform.ledger
        limit = min(int(query.get('limit', MOST_ROWS)), MOST_ROWS)
        rows = sorted((row for row in ledger.current(query['item'], query['day'], part) if row['rowKey'] > query.get('after', '')),
                      key=lambda row: row['rowKey'])
        return {'rows': [ledger.held(row) for row in rows[:limit]], 'more': len(rows) > limit}

    def do_POST(self):
        platform = self.server.platform
        try:
            body = self.read_body()
        except (ValueError, OSError, EOFError):
            self.close_connection = True
            self.answer(400, problem('BODY', '请求体无法读取'))
            return
        if self.path != '/batches':
            self.answer(404, problem('NOT_FOUND', '没有这个地址'))
            return
        if self.is_troubled():
            return
        key = self.headers.get('Idempotency-Key', '')
        if not HEX_64.fullmatch(key):
            self.answer(400, problem('IDEMPOTENCY_KEY', '缺少幂等键'))
        elif not platform.is_signed(self.headers, body):
            self.answer(401, problem('SIGNATURE', '签名无效或缺失'))
        else:
            self.tell(*platform.take(key, body))

    def is_troubled(self):
        """Whether something went wrong before anything was looked at; then it is answered."""
        trouble = self.server.platform.trouble
        if trouble.settings['slow_ms']:
            time.sleep(trouble.settings['slow_ms'] / 1000)
        again = (('Retry-After', str(trouble.settings['retry_after'])),)
        if trouble.comes('throttle'):
            self.answer(429, problem('THROTTLED', '请求过于频繁'), again)
        elif trouble.comes('unavailable'):
            self.answer(503, problem('UNAVAILABLE', '系统维护中'), again)
        elif trouble.comes('bad_gateway'):
            self.answer(502, b'<html><h1>502 Bad Gateway</h1></html>', (('Content-Type', 'text/html'),))
        elif trouble.comes('redirect'):
            self.answer(307, b'', (('Location', trouble.settings['redirect_to']),))
        else:
            return False
        return True

    def tell(self, status, answer):
        """The answer to a batch, or what comes instead of it."""
        platform = self.server.platform
        trouble = platform.trouble
        if status != 200:
            self.answer(status, answer, (('Retry-After', '1'),) if status == 409 else ())
            return
        answer, before = self.distort(answer), platform.last_answer
        platform.last_answer = answer
        if trouble.comes('timeout_after'):
            time.sleep(trouble.settings['hold_ms'] / 1000)
            self.close_connection = True
        elif trouble.comes('bad_gateway_after'):
            self.answer(502, b'<html><h1>502 Bad Gateway</h1></html>', (('Content-Type', 'text/html'),))
        elif trouble.comes('repeat') and before is not None:
            self.answer(200, before)
        elif trouble.comes('not_json'):
            self.answer(200, '{"acks": [ 处理成功'.encode())
        elif trouble.comes('cut'):
            self.answer(200, b'{"acks":[{"row', (('Content-Length', '4000'),))
            self.close_connection = True
        elif trouble.comes('huge'):
            self.pour()
        elif trouble.comes('huge_gzip'):
            self.answer(200, platform.huge_gzip(), (('Content-Encoding', 'gzip'),))
        else:
            self.answer(200, answer)

    def distort(self, answer):
        trouble, acks = self.server.platform.trouble, list(answer['acks'])
        if trouble.comes('strange_ack'):
            acks[-1] = {**acks[-1], 'rowKey': hashlib.sha256(acks[-1]['rowKey'].encode()).hexdigest()[:32]}
        if trouble.comes('missing_ack'):
            acks = acks[:-1]
        if acks and trouble.comes('change_gov_id'):
            acks[0] = {**acks[0], 'govId': (acks[0]['govId'] or 'GX') + '9'}
        return {'acks': acks}

    def pour(self):
        self.close_connection = True
        self.answer(200, b' ' * 65536, (('Content-Length', str(GIGABYTE)),))
        for _ in range(GIGABYTE // 65536 - 1):
            self.wfile.write(b' ' * 65536)


class Control(Quiet):
    def do_GET(self):
        platform = self.server.platform
        if self.path == '/trouble':
            self.answer(200, platform.trouble.tell())
        elif self.path == '/count':
            self.answer(200, platform.count())
        elif self.path == '/rows':
            lines = (json.dumps(row, ensure_ascii=False) for row in platform.ledger.current())
            self.answer(200, ''.join(line + '\n' for line in lines).encode(), (('Content-Type', 'application/x-ndjson'),))
        else:
            self.answer(404, problem('NOT_FOUND', self.path))

    def do_POST(self):
        platform = self.server.platform
        try:
            wanted = json.loads(self.read_body() or b'{}')
            if self.path == '/trouble':
                platform.change(wanted)
                self.answer(200, platform.trouble.tell())
            elif self.path == '/lose':
                self.answer(200, {'lost': platform.ledger.lose(wanted)})
            else:
                self.answer(404, problem('NOT_FOUND', self.path))
        except (ValueError, OSError) as why:
            self.answer(400, problem('CONTROL', str(why)))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--folder', required=True)
    parser.add_argument('--certificates', required=True)
    parser.add_argument('--port', type=int, default=0)
    parser.add_argument('--control-port', type=int, default=0)
    parser.add_argument('--signing-keys')
    parser.add_argument('--trouble', default='{}')
    platform = Platform(parser.parse_args())
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, lambda *_: os._exit(0))  # nothing to put away: what was answered is on disk
    if not platform.trouble.settings['down']:
        platform.listen()
    control = http.server.ThreadingHTTPServer(('127.0.0.1', parser.parse_args().control_port), Control)
    control.daemon_threads, control.platform = True, platform
    ports = platform.folder / 'ports'
    ports.with_suffix('.part').write_text(f'{platform.port} {control.server_address[1]}\n')
    ports.with_suffix('.part').replace(ports)
    print(f'province: https://127.0.0.1:{platform.port}, control http://127.0.0.1:{control.server_address[1]}', file=sys.stderr)
    control.serve_forever()


if __name__ == '__main__':
    main()
