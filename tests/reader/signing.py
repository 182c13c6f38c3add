"""Signs receipts with openssl, good ones and bad ones, for a gateway with topics of its own; see tests/integration/receipts."""
import collections
import datetime
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import confluent_kafka
import fastavro

import avro
import merkle
import receipts
import topics

ROOT = pathlib.Path(sys.argv[1])
BOOTSTRAP, BIN, DEMO, CATALOGUE = (os.environ[name] for name in ('XQ_BOOTSTRAP', 'XQ_BIN', 'XQ_DEMO', 'XQ_CATALOGUE'))
PREFIX = f'receipts{os.getpid()}.'
PARTITIONS = 6
WAIT_S = 120
SHOWN_A_MINUTE = 10
DEPARTMENT, ITEM = 'market', 'registration.basic'
ZERO = bytes(16)


def schema(name):
    return avro.Schema(ROOT / 'schemas' / name)


RECEIPT, SEAL, BOOK = schema('internal/receipt.avsc'), schema('seal.avsc'), schema('internal/books.avsc')


def encode(of, value):
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, of.parsed, value)
    return b'\xc3\x01' + of.fingerprint.to_bytes(8, 'little') + stream.getvalue()


class Key:
    """A pair of keys as `xinqiao keys new` makes it; signs by openssl alone."""

    def __init__(self, exchange, name, suite):
        self.suite, self.private, self.folder = suite, exchange.folder / f'{name}.pem', exchange.folder / f'public-{name}'
        exchange.xinqiao('keys', 'new', '--private', self.private, '--public', self.folder, '--suite', suite)
        self.public = next(self.folder.glob('*.pem'))
        self.id = self.public.stem

    def sign(self, text):
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder) / 'text', pathlib.Path(folder) / 'signature'
            source.write_bytes(text)
            if self.suite == 'sm2-sm3':
                command = ['dgst', '-sm3', '-sign', self.private, '-sigopt', 'distid:1234567812345678', '-out', target, source]
            else:
                command = ['pkeyutl', '-sign', '-inkey', self.private, '-rawin', '-in', source, '-out', target]
            subprocess.run(['openssl', *command], check=True, capture_output=True)
            return target.read_bytes()

    def pin(self, keys, subscriber):
        (keys / subscriber).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.public, keys / subscriber / self.public.name)


class Exchange:
    """Topics, a gateway and an adapter of its own."""

    def __init__(self, folder):
        self.folder, self.keys, self.gateway = folder, folder / 'receipt_keys', None
        self.log, self.clock = folder / 'gateway.log', int(time.time() * 1000)
        kafka = f'kafka = {{ bootstrap = "{BOOTSTRAP}"; prefix = "{PREFIX}"; }};'
        for name in ('run', 'state', 'receipt_keys', f'inbox/{ITEM}'):
            (folder / name).mkdir(parents=True)
        (folder / 'run').chmod(0o700)
        (folder / 'xinqiao.cfg').write_text(
            f'catalogue = "{CATALOGUE}"; {kafka} gateway_group = "{PREFIX}gateway"; state = "{folder}/state";\n'
            f'keys = "{DEMO}/keys"; receipt_keys = "{self.keys}";\n')
        self.gateway_text = (
            f'node = "{PREFIX[:-1]}"; catalogue = "{CATALOGUE}"; {kafka} group = "{PREFIX}gateway"; workers = 1;\n'
            f'state = "{folder}/state"; run = "{folder}/run"; session_timeout_ms = 6000;\n'
            f'private_key = "{DEMO}/secret/seal.pem"; pepper = "{DEMO}/secret/pepper";\n')
        (folder / 'adapter.cfg').write_text(
            f'name = "{PREFIX[:-1]}"; department = "{DEPARTMENT}"; catalogue = "{CATALOGUE}"; {kafka}\n'
            f'mappings = "{ROOT}/adapters/departments/{DEPARTMENT}"; inbox = "{folder}/inbox"; pepper_file = "{DEMO}/secret/pepper";\n')
        self.xinqiao('topics', 'create', '--partitions', PARTITIONS)
        self.court, self.bank = Key(self, 'court', 'sm2-sm3'), Key(self, 'bank', 'ed25519-sha256')
        self.stranger, self.later = Key(self, 'stranger', 'sm2-sm3'), Key(self, 'later', 'ed25519-sha256')
        self.court.pin(self.keys, 'court')
        self.bank.pin(self.keys, 'bank')
        self.producer = confluent_kafka.Producer({'bootstrap.servers': BOOTSTRAP})

    def xinqiao(self, *words, good=(0,)):
        answer = subprocess.run([f'{BIN}/xinqiao', *map(str, words)], env={**os.environ, 'XQ_CONFIG': f'{self.folder}/xinqiao.cfg'},
                                capture_output=True, text=True, check=False)
        if answer.returncode not in good:
            raise RuntimeError(f'xinqiao {words}: exit {answer.returncode}: {answer.stderr}')
        return answer.stdout

    def start(self, keys=True):
        text = self.gateway_text + (f'receipt_keys = "{self.keys}";\n' if keys else '')
        (self.folder / 'gateway.cfg').write_text(text)
        with self.log.open('ab') as log:
            self.gateway = subprocess.Popen([f'{BIN}/xinqiao-gateway', '--config', f'{self.folder}/gateway.cfg'], stderr=log,
                                            start_new_session=True)

    def stop(self, how=signal.SIGTERM):
        if self.gateway is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self.gateway.pid, how)
        else:
            self.gateway.send_signal(how)
        self.gateway.wait(60)
        self.gateway = None

    def feed(self):
        for path in (ROOT / 'adapters/departments' / DEPARTMENT / 'samples' / ITEM).glob('*-001.csv'):
            shutil.copy(path, self.folder / 'inbox' / ITEM)
        subprocess.run([f'{BIN}/xinqiao-adapter', '--config', f'{self.folder}/adapter.cfg', '--once'], check=True, capture_output=True)
        wait(lambda: all(not one['records'] for one in json.loads(self.xinqiao('lag', '--json', good=(0, 1))) if '.in.' in one['topic'])
             and sum(map(len, self.topic('out.court'))) > 0)

    def topic(self, name):
        return topics.read(BOOTSTRAP, {PREFIX + name: PARTITIONS})[PREFIX + name]

    def quarantine(self):
        return json.loads(self.xinqiao('quarantine', 'list', '--stage', 'receipt', '--json', '--limit', 100000))

    def notices(self, code):
        return [one for one in self.quarantine() if one['code'] == code]

    def signed_for(self, subscriber, partition):
        """What `xinqiao receipts` says, and whether it finds it good."""
        for one in json.loads(self.xinqiao('receipts', '--json', good=(0, 1))):
            if (one['subscriber'], one['partition']) == (subscriber, partition):
                return one['signed_for'], one['check']
        return None

    # receipts

    def receipt(self, log, **changes):
        """Of the court, about all that the log's last seal covers."""
        self.clock = max(self.clock + 1, int(time.time() * 1000))
        return {'kind': 'APPLIED', 'exchange': log.seal['exchange'], 'subscriber': 'court', 'log': log.name, 'size': log.seal['size'],
                'root': log.seal['root'], 'leaf': 0, 'offset': log.records[-1].offset, 'record': b'', 'department': '', 'item': '',
                'code': '', 'words': '', 'at': receipts_time(self.clock), **changes}

    def refusal(self, log, leaf):
        return self.receipt(log, kind='REFUSED', size=0, root=b'', leaf=leaf, offset=log.records[leaf].offset,
                            record=log.records[leaf].key, department=DEPARTMENT, item=ITEM, code='TOO_LONG', words=f'第{leaf}条过长')

    def signed(self, receipt, key, **later):
        """`later` is changed behind the signature's back."""
        whole = {**receipt, 'suite': key.suite, 'key_id': key.id, 'signature': key.sign(receipts.text_of(receipt)), **later}
        return encode(RECEIPT, whole)

    def send(self, value, partition, key='court'):
        self.producer.produce(PREFIX + 'receipts', value, key.encode(), partition)
        if self.producer.flush(30) > 0:
            raise RuntimeError('a receipt was not written')

    def write_book(self, partition, day, key, forged=False):
        name = f'agent/court/{partition}/{day}'
        value = encode(BOOK, {'book': name, 'at': 0, 'entries': [{'department': DEPARTMENT, 'item': ITEM, 'subscriber': 'court',
                                                                  'measure': 'applied', 'count': 5}]})
        headers = []
        if key is not None:
            digest = merkle.digest(merkle.hash_of(key.suite), value + (b'!' if forged else b'')).hex()
            text = f'xinqiao book v1\n{self.exchange_name}\n{name}\n{digest}\n'.encode()
            headers = [('xq-receipt', key.id.encode() + key.sign(text))]
        self.producer.produce(PREFIX + 'books', value, name.encode(), partition, headers=headers)
        if self.producer.flush(30) > 0:
            raise RuntimeError('a book was not written')


def receipts_time(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


class Log:
    def __init__(self, number, records):
        self.number, self.records = number, records
        self.name = f'{PREFIX}out.court/{number}'
        self.seal = SEAL.decode(records[-1].headers['xq-seal'])


def wait(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f'not within {WAIT_S} s')
        time.sleep(0.3)


# --- the promises ---

def a_receipt_that_openssl_signed_is_accepted(exchange, log):
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    wait(lambda: exchange.signed_for('court', log.number) == (log.seal['size'], 'GOOD'))


def what_is_forged_altered_replayed_or_foreign_is_refused_and_shown(exchange, log):
    court, size = exchange.court, log.seal['size']
    good = exchange.signed(exchange.receipt(log), court)
    exchange.send(good, log.number)
    exchange.send(good, log.number)
    exchange.send(exchange.signed(exchange.receipt(log, size=1), exchange.stranger), log.number)
    exchange.send(exchange.signed(exchange.receipt(log, size=1), court, size=2), log.number)
    exchange.send(exchange.signed(exchange.receipt(log, size=1), exchange.bank), log.number)
    exchange.send(exchange.signed(exchange.receipt(log, size=1, exchange='another'), court), log.number)
    exchange.send(exchange.signed(exchange.receipt(log, size=1), court), (log.number + 1) % PARTITIONS)
    exchange.send(exchange.signed(exchange.receipt(log, size=size + 1), court), log.number)
    exchange.send(b'no receipt', log.number)
    wanted = {'RECEIPT_REPLAYED': 1, 'RECEIPT_KEY': 2, 'RECEIPT_SIGNATURE': 1, 'RECEIPT_FOREIGN': 2, 'RECEIPT_BEYOND': 1,
              'RECEIPT_MALFORMED': 1}
    wait(lambda: collections.Counter(one['code'] for one in exchange.quarantine()) == wanted)
    assert exchange.signed_for('court', log.number) == (size, 'GOOD')
    assert {one['department'] for one in exchange.quarantine()} == {'court'}
    text = exchange.log.read_text()
    assert all('event="receipt refused" subscriber=court' in line for line in text.splitlines() if 'code=RECEIPT' in line)
    assert all(f'code={code}' in text for code in wanted)


def a_copy_that_goes_back_says_so_and_catches_up(exchange, log):
    exchange.send(exchange.signed(exchange.receipt(log, size=1), exchange.court), log.number)
    wait(lambda: 'a receiver\'s copy went back' in exchange.log.read_text())
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    wait(lambda: exchange.signed_for('court', log.number) == (log.seal['size'], 'GOOD'))


def a_key_counts_from_when_it_is_pinned(exchange, log):
    before = len(exchange.notices('RECEIPT_KEY'))
    exchange.send(exchange.signed(exchange.receipt(log, size=1), exchange.later), log.number)
    wait(lambda: len(exchange.notices('RECEIPT_KEY')) == before + 1)
    exchange.later.pin(exchange.keys, 'court')
    exchange.send(exchange.signed(exchange.receipt(log, size=2), exchange.later), log.number)
    wait(lambda: exchange.signed_for('court', log.number)[0] == 2)
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    wait(lambda: exchange.signed_for('court', log.number) == (log.seal['size'], 'GOOD'))


def each_refusal_reaches_its_department_once_whatever_is_killed(exchange, log):
    leaves = range(log.seal['size'])
    for leaf in leaves:
        exchange.send(exchange.signed(exchange.refusal(log, leaf), exchange.court), log.number)
        if leaf % 3 == 1:
            exchange.send(exchange.signed(exchange.refusal(log, leaf), exchange.court), log.number)  # told again after a crash
        if leaf in (2, len(leaves) // 2, len(leaves) - 1):
            exchange.stop(signal.SIGKILL)
            exchange.start()
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    at = exchange.clock
    wait(lambda: len(exchange.notices('TOO_LONG')) >= len(leaves))
    wait(lambda: last_signed(exchange, log) == at)
    told = exchange.notices('TOO_LONG')
    assert sorted(int(one['source']) for one in told) == list(leaves), told
    assert {(one['department'], one['item'], one['adapter'], one['topic']) for one in told} == {
        (DEPARTMENT, ITEM, 'court', f'{PREFIX}out.court')}
    assert all(one['offset'] == log.records[int(one['source'])].offset and one['reason_zh'] == f"第{one['source']}条过长" for one in told)
    rows = json.loads(exchange.xinqiao('books', '--json', good=(0, 1)))['rows']
    assert sum(row['notices'] for row in rows if row['item'] == ITEM) == len(leaves)


def last_signed(exchange, log):
    """When the last accepted receipt was signed, as the partition's state has it (docs/formats-state.md)."""
    values = [record.value for record in exchange.topic('state')[log.number] if record.key == b'Acourt']
    return int.from_bytes(values[-1][24:32], 'little') if values else None


def a_flood_of_forgeries_fills_nothing(exchange, log):
    partition = (log.number + 2) % PARTITIONS
    for number in range(500):
        exchange.producer.produce(PREFIX + 'receipts', f'forged {number}'.encode(), b'court', partition)
    exchange.producer.flush(30)
    wait(lambda: 'more receipts refused, not shown' in exchange.log.read_text())
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    at = exchange.clock
    wait(lambda: last_signed(exchange, log) == at)
    shown = [one for one in exchange.notices('RECEIPT_MALFORMED') if one['partition'] == partition]
    assert SHOWN_A_MINUTE <= len(shown) <= 2 * SHOWN_A_MINUTE, len(shown)


def a_gateway_without_keys_passes_receipts_over(exchange, log):
    before, shown = last_signed(exchange, log), len(exchange.quarantine())
    exchange.stop()
    exchange.start(keys=False)
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    exchange.send(b'no receipt', log.number)
    wait(lambda: 'event="receipts are passed over"' in exchange.log.read_text())
    exchange.stop()
    exchange.start()
    exchange.send(exchange.signed(exchange.receipt(log), exchange.court), log.number)
    at = exchange.clock
    wait(lambda: last_signed(exchange, log) == at)
    values = [record for record in exchange.topic('state')[log.number] if record.key == b'Acourt']
    assert [int.from_bytes(record.value[24:32], 'little') for record in values][-2:] == [before, at]
    assert len(exchange.quarantine()) == shown


def books_are_held_against_their_signatures(exchange, _):
    exchange.write_book(0, '2025-03-01', exchange.court)
    exchange.write_book(1, '2025-03-02', None)
    exchange.write_book(2, '2025-03-03', exchange.court, forged=True)
    exchange.write_book(3, '2025-03-04', exchange.stranger)
    for day, signed, kind in (('01', 5, None), ('02', 0, 'UNSIGNED'), ('03', 0, 'FORGED'), ('04', 0, 'FORGED')):
        answer = json.loads(exchange.xinqiao('books', '--json', '--day', f'2025-03-{day}', good=(1,)))
        share = answer['rows'][0]['subscribers']['court']
        assert (share['applied'], share['signed'], answer['forged']) == (5, signed, kind == 'FORGED'), answer
        assert [(place['kind'], place['day']) for place in answer['signatures']] == ([(kind, f'2025-03-{day}')] if kind else []), answer
    text = exchange.xinqiao('books', good=(1,))
    assert '已签收' in text and '签名是伪造的' in text
    assert '已签收' not in exchange.xinqiao('books', '--receipt-keys', '', good=(1,))


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        exchange = Exchange(pathlib.Path(folder))
        try:
            exchange.start()
            exchange.feed()
            log = max((Log(number, records) for number, records in enumerate(exchange.topic('out.court')) if records),
                      key=lambda one: len(one.records))
            exchange.exchange_name = log.seal['exchange']
            for promise in (a_receipt_that_openssl_signed_is_accepted, what_is_forged_altered_replayed_or_foreign_is_refused_and_shown,
                            a_copy_that_goes_back_says_so_and_catches_up, a_key_counts_from_when_it_is_pinned,
                            each_refusal_reaches_its_department_once_whatever_is_killed, a_flood_of_forgeries_fills_nothing,
                            a_gateway_without_keys_passes_receipts_over, books_are_held_against_their_signatures):
                title = promise.__name__.replace('_', ' ')
                try:
                    promise(exchange, log)
                    passed += 1
                    print(f'✓ {title}', flush=True)
                except (AssertionError, RuntimeError, KeyError, TypeError, IndexError) as error:
                    failed += 1
                    print(f'✗ {title}: {type(error).__name__} {error}', flush=True)
        finally:
            exchange.stop()
            if failed:
                print(exchange.log.read_text()[-6000:])
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
