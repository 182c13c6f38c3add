#!/usr/bin/env python3
"""接收端示例：接收信桥 https 代理的推送，逐批验签，写入 SQLite，逐条应答。
A small receiver of what an agent with `sink = "https"` sends (https-receiver.md, ../openapi/receiver.yaml): it verifies each batch by a frontier of
its own, applies it to SQLite in the transaction that stores the frontier, and answers for each delivery. Python's standard library and openssl.

    receiver.py --listen 0.0.0.0:8444 --certificate server.pem --private-key server.key --authority clients-ca.pem \\
                --keys FOLDER --exchange NAME --topic xq.out.<subscriber> --store receiver.sqlite
"""
import argparse
import base64
import collections
import datetime
import decimal
import hashlib
import http.server
import json
import pathlib
import re
import sqlite3
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import zlib

MAX_BODY = 256 * 1024 * 1024  # after decompression
MAX_SEALS = 1000              # remembered, so that the parts of one seal cost one signature
KEEP_ANSWERS = 10000
DELIVERY = 'cn.xinqiao.delivery.'
HASHES = {'sm2-sm3': 'sm3', 'ed25519-sha256': 'sha256'}
SCHEMA = '''
CREATE TABLE IF NOT EXISTS log (log TEXT PRIMARY KEY, size INTEGER NOT NULL, peaks BLOB NOT NULL, sealed_at TEXT);
CREATE TABLE IF NOT EXISTS record (record TEXT PRIMARY KEY, department TEXT NOT NULL, item TEXT NOT NULL, log TEXT NOT NULL, leaf INTEGER NOT NULL,
  version INTEGER NOT NULL, status TEXT NOT NULL, withdrawn INTEGER NOT NULL, flags TEXT NOT NULL, grant_name TEXT, purpose TEXT, fields TEXT,
  delivered_at TEXT);
CREATE INDEX IF NOT EXISTS record_of_item ON record (log, department, item, leaf);
CREATE TABLE IF NOT EXISTS resync (log TEXT, department TEXT, item TEXT, leaf INTEGER NOT NULL, PRIMARY KEY (log, department, item));
CREATE TABLE IF NOT EXISTS refused (log TEXT, leaf INTEGER, record TEXT, code TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (log, leaf));
CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, answer BLOB NOT NULL);
'''


class Refusal(Exception):
    """The request as a whole is not taken."""

    def __init__(self, status, code, text, retry_after=None):
        super().__init__(text)
        self.status, self.code, self.retry_after = status, code, retry_after


# --- seals (docs/formats-seal.md) ---

class Log:
    """A Merkle log, kept as its peaks, largest first."""

    def __init__(self, hash_name, size, peaks):
        self.hash_name, self.size, self.peaks = hash_name, size, list(peaks)

    def append(self, leaf):
        size = self.size
        while size & 1:
            leaf = node(self.hash_name, self.peaks.pop(), leaf)
            size >>= 1
        self.peaks.append(leaf)
        self.size += 1


def digest(hash_name, data):
    return hashlib.new(hash_name, data).digest()


def node(hash_name, left, right):
    return digest(hash_name, b'\1' + left + right)


def leaf_of(hash_name, key, value):
    return digest(hash_name, b'\0' + struct.pack('>I', len(key)) + key + value)


def climb(hash_name, leaf, index, size, path):
    """The root, and the siblings on the left of the path (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        raise Refusal(422, 'PROOF_PATH', 'the leaf is not in the tree')
    last, lefts = size - 1, []
    for sibling in path:
        if last == 0:
            raise Refusal(422, 'PROOF_PATH', 'the path is too long')
        if index & 1 or index == last:
            lefts.append(sibling)
            leaf = node(hash_name, sibling, leaf)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            leaf = node(hash_name, leaf, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise Refusal(422, 'PROOF_PATH', 'the path is too short')
    return leaf, lefts


class Verifier:
    def __init__(self, keys, exchange, topic):
        self.keys, self.exchange, self.topic = pathlib.Path(keys), exchange, topic
        self.seen = collections.OrderedDict()
        self.lock = threading.Lock()

    def check_seal(self, seal):
        """That the exchange has signed this log's size and root."""
        if seal['exchange'] != self.exchange or seal['log'].rpartition('/')[0] != self.topic:
            raise Refusal(422, 'SEAL_OTHER_LOG', 'the seal is of another exchange or topic')
        hash_name = HASHES[seal['suite']]
        name = seal['log'].encode()
        batch_leaf = digest(hash_name, b'\0' + struct.pack('>I', len(name)) + name + struct.pack('>Q', seal['size']) + bytes.fromhex(seal['root']))
        path = [bytes.fromhex(step) for step in seal['batch_path']]
        root, _ = climb(hash_name, batch_leaf, seal['batch_index'], seal['batch_size'], path)
        text = f'xinqiao seal v1\n{seal["exchange"]}\n{seal["sealed_at_ms"]}\n{root.hex()}\n'.encode()
        what = (text, seal['suite'], seal['key_id'], seal['signature'])
        with self.lock:
            if what in self.seen:
                return
        if not self.is_signed(*what):
            raise Refusal(422, 'SEAL_SIGNATURE', 'the signature of the seal is wrong')
        with self.lock:
            self.seen[what] = True
            if len(self.seen) > MAX_SEALS:
                self.seen.popitem(last=False)

    def is_signed(self, text, suite, key_id, signature):
        key = self.keys / f'{key_id}.pem'
        if not re.fullmatch('[0-9a-f]{16}', key_id) or not key.exists():
            raise Refusal(422, 'SEAL_KEY', 'the key of the seal is not among those trusted')
        sm2 = ['-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678'] if suite == 'sm2-sm3' else []
        with tempfile.NamedTemporaryFile() as words, tempfile.NamedTemporaryFile() as sign:
            for file, content in ((words, text), (sign, bytes.fromhex(signature))):
                file.write(content)
                file.flush()
            return subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', *sm2, '-in', words.name, '-sigfile',
                                   sign.name], capture_output=True, check=False).returncode == 0

    def check(self, events, proof, own):
        """That the events are the log's, whole and in order, and go on where our own frontier stands. Gives back the leaves' hashes."""
        seal, first = proof['seal'], proof['from']
        hash_name = HASHES[seal['suite']]
        claimed = Log(hash_name, first, [bytes.fromhex(peak) for peak in proof['frontier']])
        if proof['log'] != seal['log'] or len(claimed.peaks) != bin(first).count('1') or proof['leaf'] != first + len(events) - 1:
            raise Refusal(422, 'PROOF', 'the proof does not fit the batch')
        if own.size is not None and first > own.size:
            raise Refusal(409, 'GAP', f'{seal["log"]}: leaves {own.size} to {first - 1} never came')
        leaves = []
        for event in events:
            if event['id'] != f'{seal["log"]}/{first + len(leaves)}':
                raise Refusal(422, 'EVENT_ID', 'the events are not in the order of the log')
            leaves.append(leaf_of(hash_name, bytes.fromhex(event.get('subject', '00' * 16)), value_of(event)))
        for leaf in leaves[:-1]:
            compare(claimed, own)
            claimed.append(leaf)
        compare(claimed, own)
        root, lefts = climb(hash_name, leaves[-1], proof['leaf'], seal['size'], [bytes.fromhex(step) for step in proof['path']])
        if root.hex() != seal['root'] or lefts[::-1] != claimed.peaks:
            raise Refusal(422, 'PROOF_ROOT', 'the events are not those that are sealed')
        claimed.append(leaves[-1])
        compare(claimed, own)
        self.check_seal(seal)
        return leaves


def compare(claimed, own):
    if claimed.size == own.size and claimed.peaks != own.peaks:
        raise Refusal(409, 'FORK', 'the log is another than the one that came before')


def value_of(event):
    return base64.b64decode(event['xqvalue'] if 'xqvalue' in event else event['data_base64'], validate=True)


# --- the store ---

class Store:
    def __init__(self, path):
        self.lock = threading.Lock()
        self.database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.database.executescript('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;' + SCHEMA)

    def __enter__(self):
        self.lock.acquire()
        self.database.execute('BEGIN IMMEDIATE')
        return self

    def __exit__(self, kind, value, trace):
        try:
            self.database.execute('COMMIT' if kind is None else 'ROLLBACK')
        finally:
            self.lock.release()

    def ask(self, text, *values):
        return self.database.execute(text, values).fetchone()

    def log(self, name, hash_name):
        """Where we stand. Size None: nothing of this log has come yet, and it may begin anywhere, as the seal says."""
        row = self.ask('SELECT size, peaks FROM log WHERE log = ?', name)
        if row is None:
            return Log(hash_name, None, [])
        return Log(hash_name, row[0], [row[1][at:at + 32] for at in range(0, len(row[1]), 32)])

    def keep_log(self, name, own, sealed_at):
        self.ask('INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?)', name, own.size, b''.join(own.peaks), sealed_at)

    def apply(self, log, leaf, record, operation, data):
        """The rules of docs/formats-sinks.md: a partition's order decides; between partitions a PUT of a higher version does."""
        if operation == 'PUT':
            self.ask('''INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (record) DO UPDATE SET
                        department = excluded.department, item = excluded.item, log = excluded.log, leaf = excluded.leaf,
                        version = excluded.version, status = excluded.status, withdrawn = 0, flags = excluded.flags,
                        grant_name = excluded.grant_name, purpose = excluded.purpose, fields = excluded.fields,
                        delivered_at = excluded.delivered_at WHERE log = excluded.log OR version < excluded.version''',
                     record, data['department'], data['item'], log, leaf, data['version'], data['reason'], dump(data['flags']), data['grant'],
                     data['purpose'], dump(data['fields']), data['delivered_at'])
        elif operation == 'WITHDRAW':
            self.ask('''UPDATE record SET withdrawn = 1, status = ?, flags = ?, fields = NULL, leaf = ?, delivered_at = ?
                        WHERE record = ? AND log = ?''', data['reason'], dump(data['flags']), leaf, data['delivered_at'], record, log)
        elif operation == 'STATUS':
            self.ask('UPDATE record SET status = ?, flags = ?, leaf = ?, delivered_at = ? WHERE record = ? AND log = ?', data['reason'],
                     dump(data['flags']), leaf, data['delivered_at'], record, log)
        elif operation == 'RESYNC_BEGIN':
            self.ask('INSERT OR REPLACE INTO resync VALUES (?, ?, ?, ?)', log, data['department'], data['item'], leaf)
        elif operation == 'RESYNC_END':
            self.end_resync((log, data['department'], data['item']), leaf)
        else:
            raise Refusal(422, 'EVENT_TYPE', f'there is no operation {operation}')

    def end_resync(self, place, leaf):
        """What no delivery since the begin has named is given up."""
        begun = self.ask('DELETE FROM resync WHERE log = ? AND department = ? AND item = ? RETURNING leaf', *place)
        if begun:
            self.ask('''UPDATE record SET withdrawn = 1, status = 'RESYNC_END', fields = NULL, leaf = ? WHERE log = ? AND department = ? AND item = ?
                        AND leaf < ? AND NOT withdrawn AND record NOT IN (SELECT record FROM refused WHERE log = ? AND leaf > ?)''', leaf, *place,
                     begun[0], place[0], begun[0])


def dump(value):
    return json.dumps(value, ensure_ascii=False, default=str)  # decimals as text, with all their digits


# --- one request ---

class Receiver:
    """To be derived from: `judge` says what your system will not take."""

    def __init__(self, verifier, store):
        self.verifier, self.store = verifier, store

    def judge(self, event):
        """None: applied. ('refused', CODE, reason) or ('later', CODE, reason) otherwise; behind a `later` all are."""
        data = event.get('data')
        if data is None:
            return 'refused', 'NO_DATA', '本接收端只处理 JSON 内容 / this receiver reads JSON only'
        if data.get('record') != event.get('subject') or data['leaf'] != int(event['xqleaf']):
            return 'refused', 'DATA_OTHER', '内容与事件不符 / the data is not that of the event'
        return None

    def take(self, key, body):
        """The answer, as bytes, once all of it is durable."""
        with self.store as store:
            known = store.ask('SELECT answer FROM answer WHERE key = ?', key)
        if known:
            return known[0]
        *events, last = json.loads(body, parse_float=decimal.Decimal)
        if not events or last.get('type') != 'cn.xinqiao.seal':
            raise Refusal(422, 'NO_SEAL', 'the batch does not end with its seal')
        proof = last['data']
        name, hash_name = proof['log'], HASHES[proof['seal']['suite']]
        with self.store as store:
            own = store.log(name, hash_name)
        leaves = self.verifier.check(events, proof, own)
        with self.store as store:
            if store.log(name, hash_name).__dict__ != own.__dict__:
                raise Refusal(503, 'BUSY', 'another request of this log came in between', retry_after=1)
            if own.size is None:
                own = Log(hash_name, proof['from'], [bytes.fromhex(peak) for peak in proof['frontier']])
            results = self.apply(store, name, own, events, leaves)
            store.keep_log(name, own, last['time'])
            answer = json.dumps({'results': results}, ensure_ascii=False).encode()
            if not results or results[-1]['outcome'] != 'later':
                store.ask('INSERT INTO answer VALUES (?, ?)', key, answer)
                store.ask('DELETE FROM answer WHERE rowid <= (SELECT max(rowid) FROM answer) - ?', KEEP_ANSWERS)
        return answer

    def apply(self, store, name, own, events, leaves):
        results, later = [], None
        for event, leaf_hash in zip(events, leaves):
            leaf = int(event['xqleaf'])
            if event['type'] == DELIVERY + 'refused':  # by the exchange: its leaf counts, nothing is to be done
                outcome = None
            elif leaf < own.size:                      # it has come before
                row = store.ask('SELECT code, reason FROM refused WHERE log = ? AND leaf = ?', name, leaf)
                outcome = ('refused', *row) if row else ('applied', '', '')
            else:
                outcome = later or self.judge(event) or ('applied', '', '')
                later = outcome if outcome[0] == 'later' else None
                self.settle(store, name, leaf, event, outcome)
            if later is None and leaf == own.size:
                own.append(leaf_hash)
            if outcome:
                results.append(dict(zip(('id', 'outcome', 'code', 'reason'), (event['id'], *outcome))))
        return results

    def settle(self, store, name, leaf, event, outcome):
        if outcome[0] == 'applied':
            operation = event['type'].removeprefix(DELIVERY).upper().replace('-', '_')
            store.apply(name, leaf, event.get('subject'), operation, event['data'])
        elif outcome[0] == 'refused':
            store.ask('INSERT INTO refused VALUES (?, ?, ?, ?, ?)', name, leaf, event.get('subject'), outcome[1], outcome[2])


# --- HTTP ---

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = 120
    receiver = None

    def do_POST(self):
        try:
            self.send(200, self.receiver.take(self.key(), self.body()))
        except Refusal as refusal:
            self.refuse(refusal)
        except sqlite3.OperationalError as failure:
            self.refuse(Refusal(503, 'STORE', str(failure), retry_after=5))
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error, sqlite3.Error, RecursionError) as failure:
            self.refuse(Refusal(400, 'BODY', f'the body cannot be read: {type(failure).__name__}'))

    def key(self):
        key = self.headers.get('Idempotency-Key', '')
        if self.headers.get_content_type() != 'application/cloudevents-batch+json':
            raise Refusal(415, 'CONTENT_TYPE', 'application/cloudevents-batch+json is expected')
        if not re.fullmatch('[0-9A-Za-z._-]{1,200}', key):
            raise Refusal(400, 'IDEMPOTENCY_KEY', 'a header Idempotency-Key is expected')
        return key

    def body(self):
        length = int(self.headers.get('Content-Length', '-1'))
        if not 0 <= length <= MAX_BODY:
            raise Refusal(413 if length > 0 else 411, 'BODY_LENGTH', 'the body is too long, or its length is not said')
        body = self.rfile.read(length)
        if self.headers.get('Content-Encoding', 'identity') == 'gzip':
            unpack = zlib.decompressobj(wbits=31)
            body = unpack.decompress(body, MAX_BODY)
            if unpack.unconsumed_tail or not unpack.eof:
                raise Refusal(413, 'BODY_LENGTH', 'the body is too long, or cut off')
        return body

    def send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in (('Content-Type', 'application/json'), ('Content-Length', str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, refusal):
        self.close_connection = True  # the body may not have been read
        self.log_error('%d %s %s', refusal.status, refusal.code, refusal)
        wait = [('Retry-After', str(refusal.retry_after))] if refusal.retry_after else []
        body = json.dumps({'code': refusal.code, 'reason': str(refusal)}).encode()
        self.send(refusal.status, body, [('Connection', 'close'), *wait])

    def log_message(self, form, *arguments):
        now = datetime.datetime.now().isoformat(timespec='milliseconds')
        print(now, self.client_address[0], form % arguments, file=sys.stderr)

    def log_request(self, code='-', size='-'):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Each connection has a thread, which does the handshake, too: who is slow keeps nobody waiting."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, handler, context):
        super().__init__(address, handler)
        self.context = context

    def get_request(self):
        plain, address = super().get_request()
        plain.settimeout(Handler.timeout)
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, request, client_address):
        failure = sys.exc_info()[1]
        print(datetime.datetime.now().isoformat(timespec='milliseconds'), client_address[0], repr(failure), file=sys.stderr)


def arguments(parser=None):
    parser = parser or argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--listen', required=True, help='address:port')
    parser.add_argument('--certificate', required=True, help='ours, with its chain')
    parser.add_argument('--private-key', required=True)
    parser.add_argument('--authority', required=True, help='of the agent\'s certificate: who has one of another is cut off')
    parser.add_argument('--keys', required=True, help='folder of the exchange\'s public keys, <key_id>.pem')
    parser.add_argument('--exchange', required=True, help='name of the exchange')
    parser.add_argument('--topic', required=True, help='xq.out.<subscriber>')
    parser.add_argument('--store', required=True, help='SQLite file')
    return parser.parse_args()


def tls_context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.certificate, options.private_key)
    context.load_verify_locations(options.authority)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def main(options, receiver=Receiver, handler=Handler, context=None):
    handler.receiver = receiver(Verifier(options.keys, options.exchange, options.topic), Store(options.store))
    host, _, port = options.listen.rpartition(':')
    Server((host, int(port)), handler, context or tls_context(options)).serve_forever()


if __name__ == '__main__':
    main(arguments())
