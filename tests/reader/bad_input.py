#!/usr/bin/env python3
"""Feeds a running exchange what it must refuse, files and raw messages, and looks at where each ends.

    bad_input.py ENV       ENV is the env file of a demo

The last line is "N passed, N failed".
"""
import csv
import datetime
import glob
import io
import json
import os
import pathlib
import subprocess
import sys
import time
import zipfile

import confluent_kafka
import fastavro

import avro
import topics
import world

DEPARTMENT, ITEM = 'market', 'abnormal.operation'
WAIT_S = 180  # a bound for a machine that is busy with other things
HEADER = 'PRIPID,UNISCID,ENTNAME,ABNTIME,SPECAUSE,DECORG,REMDATE,REMEXCPRES,REDECORG,AREA,OP,TS'
NAME = '柳州市福柳泰文化传媒有限公司'
ROW = f'%s,91450203MA06AB1A5P,{NAME},2025-11-26,3,融水苗族自治县市场监督管理局,,,,450203,i,2026-09-01 08:01:00'
MEBIBYTE = 1024 * 1024


def until(what, look):
    """The first true answer of `look`."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = look()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f'{what}: not within {WAIT_S} s')


class Exchange:
    def __init__(self, environment, department=DEPARTMENT, feed=ITEM):
        self.environment = environment
        self.root = pathlib.Path(environment['XQ_SCHEMAS']).parent
        self.inbox = pathlib.Path(environment['XQ_DEMO']) / 'inbox' / department / feed
        self.nonce = str(time.time_ns())
        self.count = 0

    def operator(self, *arguments):
        return subprocess.run([f"{self.environment['XQ_BIN']}/xinqiao", *arguments], env={**os.environ, **self.environment},
                              capture_output=True, text=True, check=False)

    def quarantined(self):
        answer = self.operator('quarantine', 'list', '--json', '--limit', '1000000', '--department', DEPARTMENT, '--item', ITEM)
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def row(self):
        """A good row of a record that the exchange has not seen."""
        self.count += 1
        return ROW % f'{self.nonce}{self.count}'

    def put(self, name, content):
        part = self.inbox / f'.{name}.part'
        part.write_bytes(content)
        part.rename(self.inbox / name)

    def feed(self, name, content):
        """Puts a file in; where it ended ('done' or 'held'), and the lines of its report."""
        name = f'{self.nonce}-{name}'
        self.put(name, content)
        return until(f'{name} is taken', lambda: self.outcome(name))

    def outcome(self, name):
        for folder in ('done', 'held'):
            report = self.inbox / folder / f'{name}.report.csv'
            if report.exists() and not (self.inbox / name).exists():
                with open(report, encoding='utf-8-sig', newline='') as file:
                    return folder, list(csv.reader(file))[1:]
        return None

    def balance(self):
        until('the books balance', lambda: self.operator('books', '--json').returncode == 0)


class Result:
    def __init__(self):
        self.passed = self.failed = 0

    def prove(self, title, check):
        try:
            check()
            self.passed += 1
            print(f'✓ {title}')
        except Exception as failure:  # whatever went wrong, the other proofs still count
            self.failed += 1
            print(f'✗ {title}\n    {type(failure).__name__}: {failure}')


# --- files ---

def lines(*rows, encoding='utf-8'):
    return '\n'.join(rows + ('',)).encode(encoding)


def is_for_a_clerk(report):
    """Every line says why, in Chinese first and in English."""
    for line in report:
        assert len(line) == 5 and line[2] and any('一' <= sign <= '鿿' for sign in line[3]) and line[4], line


def expect_refused(exchange, name, content, line, code, published):
    folder, report = exchange.feed(name, content)
    is_for_a_clerk(report)
    assert folder == 'done' and report[0][2] == 'FILE_TAKEN', (folder, report)
    assert (str(line), code) in [(row[0], row[2]) for row in report], report
    assert f'{published} published' in report[0][4], report[0]
    found = [entry for entry in exchange.quarantined() if entry['source'] == f'{exchange.nonce}-{name}']
    assert (line, code) in [(entry['line'], entry['code']) for entry in found], found


def expect_held(exchange, name, content, code, word=''):
    folder, report = exchange.feed(name, content)
    is_for_a_clerk(report)
    assert folder == 'held' and report[0][2] == code and word in report[0][3], (folder, report)


def same_file_twice(exchange):
    content = lines(HEADER, exchange.row())
    folder, report = exchange.feed('once.csv', content)
    assert (folder, report[0][2]) == ('done', 'FILE_TAKEN'), report
    for name in ('twice.csv', 'once.csv'):
        exchange.put(f'{exchange.nonce}-{name}', content)
        until('the second is taken', lambda: not (exchange.inbox / f'{exchange.nonce}-{name}').exists())
        report = max(exchange.inbox.glob(f'done/{exchange.nonce}-{name}*.report.csv'), key=os.path.getmtime)
        assert 'FILE_TAKEN_BEFORE' in report.read_text(encoding='utf-8-sig'), report


def adapter_has_open(exchange, path):
    pid = (pathlib.Path(exchange.environment['XQ_DEMO']) / 'run' / f'adapter-{DEPARTMENT}.pid').read_text().strip()
    for place in glob.glob(f'/proc/{pid}/fd/*'):
        try:
            if os.readlink(place) == str(path):
                return True
        except OSError:
            pass
    return False


def removed_in_time(exchange, name):
    """Whether the adapter had the file open, and had not finished it, when its name went."""
    path = exchange.inbox / name
    until('it is opened', lambda: adapter_has_open(exchange, path) or exchange.outcome(name))
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def file_removed_while_read(exchange):
    """On a busy machine the adapter may be done before anybody sees that it reads: then a longer file is tried."""
    for rows in (60000, 180000, 540000):
        name = f'{exchange.nonce}-removed-{rows}.csv'
        exchange.put(name, lines(HEADER, *[exchange.row()] * rows))
        if removed_in_time(exchange, name):
            break
    else:
        raise AssertionError('no file was taken slowly enough to be removed meanwhile')
    folder, report = until('it has a report', lambda: exchange.outcome(name))
    assert folder == 'done' and f'{rows} rows' in report[0][4], report
    assert not (exchange.inbox / 'done' / name).exists()


def swapped_columns(exchange):
    names = HEADER.split(',')
    row = exchange.row().split(',')
    folder, report = exchange.feed('swapped.csv', lines(','.join(names[::-1]), ','.join(row[::-1])))
    assert folder == 'done' and '1 published' in report[0][4], report


def check_files(exchange, result):
    def refused(title, name, bad, code, line=3, encoding='utf-8', after=2):
        """One good row, the bad bytes, two good rows."""
        content = lines(HEADER, exchange.row(), encoding=encoding) + bad + lines(exchange.row(), exchange.row(), encoding=encoding)
        result.prove(title, lambda: expect_refused(exchange, name, content, line, code, 1 + after))

    def held(title, name, content, code, word=''):
        result.prove(title, lambda: expect_held(exchange, name, content, code, word))

    row, long_text = exchange.row(), '柳' * (10 * MEBIBYTE // 3)
    refused('a row in another encoding', 'encoding.csv', row.encode().replace(NAME.encode(), b'\xff\xff') + b'\n', 'ROW_ENCODING')
    refused('a row that is no GB18030 in a file that is', 'gb18030.csv',
            row.split(',')[0].encode() + b',\xff\xff' + b',' * 10 + b'\n', 'ROW_ENCODING', encoding='gb18030')
    refused('a NUL byte', 'nul.csv', row.replace('柳州', '柳\0州').encode() + b'\n', 'ROW_NUL')
    refused('10 MB in one field', 'long.csv', row.replace(NAME, long_text).encode() + b'\n', 'ROW_TOO_LONG')
    refused('10 MB in one quoted field', 'quoted.csv', row.replace(NAME, f'"{long_text}"').encode() + b'\n', 'ROW_TOO_LONG')
    refused('a quote never closed', 'quote.csv', row.replace('柳州', '"柳州', 1).encode() + b'\n', 'QUOTE_NOT_CLOSED')
    refused('a row with a column too few', 'count.csv', row.rpartition(',')[0].encode() + b'\n', 'COLUMN_COUNT')
    held('a file in UTF-16', 'utf16.csv', '\n'.join((HEADER, row)).encode('utf-16'), 'FILE_ENCODING', 'UTF-16')
    held('a column is missing', 'missing.csv', lines(HEADER.replace(',DECORG', ''), row), 'COLUMN_MISSING', 'DECORG')
    held('a column is unknown', 'unknown.csv', lines(HEADER.replace('DECORG', 'DECORGG'), row), 'COLUMN_UNKNOWN', 'DECORGG')
    held('a header is missing', 'headless.csv', lines(row, exchange.row()), 'HEADER_MISSING')
    held('an empty file', 'empty.csv', b'', 'FILE_EMPTY')
    held('a file of empty lines', 'blank.csv', b'\n\r\n\n', 'FILE_EMPTY')
    result.prove('swapped columns are read by their names', lambda: swapped_columns(exchange))
    half = lines(HEADER, exchange.row(), exchange.row())[:-60]
    result.prove('half a file: the row that is cut is refused',
                 lambda: expect_refused(exchange, 'half.csv', half, 3, 'COLUMN_COUNT', 1))
    result.prove('the same file again is recognised', lambda: same_file_twice(exchange))
    result.prove('a file removed while it is read is taken to its end', lambda: file_removed_while_read(exchange))


# --- workbooks ---

def archive(parts):
    content = io.BytesIO()
    with zipfile.ZipFile(content, 'w', zipfile.ZIP_DEFLATED) as file:
        for name, part in parts.items():
            file.writestr(name, part)
    return content.getvalue()


def workbook(sheet, strings=b'<sst/>'):
    kind = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
    relation = '<Relationship Id="r{0}" Type="' + kind + '/{1}" Target="{2}"/>'
    return archive({
        '_rels/.rels': '<Relationships>' + relation.format(1, 'officeDocument', 'xl/workbook.xml') + '</Relationships>',
        'xl/workbook.xml': '<workbook><sheets><sheet name="S" sheetId="1" id="r1"/></sheets></workbook>',
        'xl/_rels/workbook.xml.rels': '<Relationships>' + relation.format(1, 'worksheet', 's.xml') +
                                      relation.format(2, 'sharedStrings', 't.xml') + '</Relationships>',
        'xl/s.xml': sheet, 'xl/t.xml': strings})


def check_workbooks(environment, exchange, result):
    """Files that a feed of workbooks cannot be; the neighbours go on meanwhile."""
    books = Exchange(environment, 'civil', 'organisation.registration')
    nothing, blanks = b'<worksheet><sheetData/></worksheet>', b' ' * (64 * MEBIBYTE)
    laughs = b'<!DOCTYPE s [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><sst><si><t>&b;</t></si></sst>'
    compound = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(40) + b'\1' + bytes(2000)
    for title, name, content, code, word in (
            ('an .xls', 'old.xlsx', compound, 'FILE_XLS', '另存为 .xlsx'),
            ('a web page that calls itself .xlsx', 'page.xlsx', b'<html><table><tr><td>1</td></tr></table>', 'FILE_HTML', '网页'),
            ('a CSV file that calls itself .xlsx', 'text.xlsx', lines(HEADER), 'FILE_TEXT', 'CSV'),
            ('a zip archive of something else', 'other.xlsx', archive({'a.txt': 'a'}), 'FILE_NOT_XLSX', '压缩包'),
            ('a workbook that was cut off', 'cut.xlsx', workbook(nothing)[:-30], 'FILE_DAMAGED', '没有传完'),
            ('a zip bomb', 'bomb.xlsx', workbook(b'<worksheet>' + blanks), 'FILE_BOMB', '压缩炸弹'),
            ('a zip bomb of shared strings', 'strings.xlsx', workbook(nothing, b'<sst>' + blanks), 'FILE_BOMB', '压缩炸弹'),
            ('entities that multiply', 'laughs.xlsx', workbook(nothing, laughs), 'FILE_DTD', '实体'),
            ('a workbook without its header', 'headless.xlsx', workbook(nothing), 'HEADER_MISSING', '表头')):
        result.prove(title, lambda: expect_held(books, name, content, code, word))
    result.prove('a neighbour goes on', lambda: same_file_twice(exchange))


# --- messages ---

def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = b''
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def text(string):
    return varint(len(string.encode())) + string.encode()


class Event:
    """A good event of the in topic, and where its first fields lie."""

    def __init__(self, message, value):
        self.key, self.partition = message.key, message.partition
        self.record_key = 10 + 16
        sequence = self.record_key + len(text(value['record_key']) + varint(value['version']))
        # Number 0 takes the next one: what is sent here leaves no gap, which would be loss.
        self.datum = message.value[:sequence] + b'\0' + message.value[sequence + len(varint(value['sequence'])):]
        self.operation = sequence + 1
        self.union = self.operation + 2 + len(text(value['subject_id']) + text(value['subject_name'])) + 3 * 6
        self.record_key_text = text(value['record_key'])

    def patched(self, at, new, length=1):
        return self.datum[:at] + new + self.datum[at + length:]


def good_event(exchange):
    topic = f"{exchange.environment['XQ_PREFIX']}in.{DEPARTMENT}.{ITEM}"
    bootstrap = exchange.environment['XQ_BOOTSTRAP']
    schema = avro.Schema(exchange.root / f'schemas/{DEPARTMENT}/{ITEM}-1.avsc')
    for message in topics.read(bootstrap, {topic: topics.names(bootstrap, topic)[topic]})[topic][-1::-1]:
        for record in message[:1]:
            return topic, Event(record, schema.decode(record.value))
    raise RuntimeError('the in topic is empty')


def bad_events(event):
    """(what it is, key, value, partition, code)"""
    datum, key = event.datum, event.key
    other = (int.from_bytes(key[:8], 'big') + 1).to_bytes(8, 'big') + key[8:]
    cases = [
        ('no value', None, 'DATUM_FRAME'),
        ('an empty value', b'', 'DATUM_FRAME'),
        ('text instead of a datum', '不是数据'.encode(), 'DATUM_FRAME'),
        ('a frame and nothing else', datum[:10], 'DATUM_TRUNCATED'),
        ('a datum cut in the middle', datum[:len(datum) // 2], None),
        ('a datum without its last byte', datum[:-1], None),
        ('a byte behind the datum', datum + b'\0', 'DATUM_TRAILING'),
        ('a datum of more than 1 MiB', datum + bytes(MEBIBYTE), 'DATUM_TOO_LONG'),
        ('an unknown fingerprint', datum[:2] + b'\x01\x02\x03\x04\x05\x06\x07\x08' + datum[10:], 'SCHEMA_UNKNOWN'),
        ('an enum index out of range', event.patched(event.operation, varint(9)), 'DATUM_ENUM_RANGE'),
        ('a negative enum index', event.patched(event.operation, varint(-1)), 'DATUM_ENUM_RANGE'),
        ('a union index out of range', event.patched(event.union, varint(2)), 'DATUM_UNION_RANGE'),
        ('a length of 2^62', event.patched(event.record_key, varint(2 ** 62), 2), 'DATUM_LENGTH'),
        ('a negative length', event.patched(event.record_key, varint(-5), 2), 'DATUM_LENGTH'),
        ('a number of eleven bytes', event.patched(event.record_key, b'\xff' * 11, 2), 'DATUM_VARINT'),
        ('text that is no UTF-8', event.patched(event.record_key + 3, b'\xff'), 'DATUM_UTF8'),
        ('an event id of another record', event.patched(10, b'\0' * 16, 16), 'EVENT_ID'),
    ]
    for what, value, code in cases:
        yield what, key, value, event.partition, code
    yield 'the key of another subject', other, datum, event.partition, 'SUBJECT_KEY'
    yield 'no key', None, datum, event.partition, 'SUBJECT_KEY'
    yield 'a key of a few bytes', b'abc', datum, event.partition, 'SUBJECT_KEY'
    yield 'a partition of another subject', key, datum, (event.partition + 1) % 6, 'PARTITION'


def produce(producer, **message):
    offsets = []
    producer.produce(on_delivery=lambda error, sent: offsets.append((error, sent)), **message)
    producer.flush(WAIT_S)
    assert offsets and offsets[0][0] is None, offsets
    return offsets[0][1].offset()


def keep_book(exchange, producer, count):
    """What is sent past the adapters stands in a book as well, so that the exchange's books balance."""
    schema = avro.Schema(exchange.root / 'schemas/internal/books.avsc')
    today = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()
    name = f'adapter/bad-input-{exchange.nonce}/{today}'
    entries = [{'department': DEPARTMENT, 'item': ITEM, 'subscriber': '', 'measure': measure, 'count': count}
               for measure in ('read', 'published')]
    body = avro.io.BytesIO(b'\xc3\x01' + schema.fingerprint.to_bytes(8, 'little'))
    body.seek(10)
    fastavro.schemaless_writer(body, schema.parsed, {'book': name, 'at': int(time.time() * 1000), 'entries': entries})
    produce(producer, topic=f"{exchange.environment['XQ_PREFIX']}books", key=name.encode(), value=body.getvalue())


def check_messages(exchange, result):
    topic, event = good_event(exchange)
    producer = confluent_kafka.Producer({'bootstrap.servers': exchange.environment['XQ_BOOTSTRAP'],
                                         'message.max.bytes': 4 * MEBIBYTE, 'linger.ms': 0})
    sent = []
    for what, key, value, partition, code in bad_events(event):
        offset = produce(producer, topic=topic, key=key, value=value, partition=partition,
                         headers={'xq-adapter': f'bad-input-{exchange.nonce}'})
        sent.append((what, partition, offset, code))
    keep_book(exchange, producer, len(sent))
    places = {(partition, offset) for _, partition, offset, _ in sent}

    def found():
        return {(entry['partition'], entry['offset']): entry for entry in exchange.quarantined()
                if entry['topic'] == topic and (entry['partition'], entry['offset']) in places and entry['severity'] == 'REFUSED'}
    try:
        until('all are in quarantine', lambda: len(found()) == len(sent))
    except AssertionError:
        pass  # the proofs say which
    answers = found()
    for what, partition, offset, code in sent:
        def check(what=what, place=(partition, offset), code=code):
            entry = answers[place]
            assert entry['code'] == code or (code is None and entry['code'].startswith('DATUM_')), entry
            assert entry['reason_zh'] and entry['reason_en'] and entry['department'] == DEPARTMENT, entry
        result.prove(f'{what} is quarantined' + (f' as {code}' if code else ''), check)
    result.prove('what was sent is kept to the byte', lambda: kept_bytes(exchange, answers, sent, event))


def kept_bytes(exchange, answers, sent, event):
    place = next((partition, offset) for what, partition, offset, _ in sent if what == 'a byte behind the datum')
    answer = exchange.operator('quarantine', 'show', answers[place]['id'], '--bytes', '--json')
    assert bytes.fromhex(json.loads(answer.stdout)['original_hex']) == event.datum + b'\0'


def feed_goes_on(exchange):
    before = accepted(exchange)
    folder, report = exchange.feed('after.csv', lines(HEADER, exchange.row()))
    assert folder == 'done' and '1 published' in report[0][4], report
    until('the record is accepted', lambda: accepted(exchange) == before + 1)


def accepted(exchange):
    rows = json.loads(exchange.operator('books', '--json').stdout)['rows']
    return sum(row['accepted'] for row in rows if row['department'] == DEPARTMENT and row['item'] == ITEM)


def discard_all(exchange):
    ids = [entry['id'] for entry in exchange.quarantined() if entry['decision'] is None and entry['severity'] == 'REFUSED' and
           (exchange.nonce in entry['source'] or exchange.nonce in entry['adapter'])]
    answer = exchange.operator('quarantine', 'discard', *ids, '--officer', '测试员', '--reason', '坏数据测试')
    assert ids and answer.returncode == 0, answer.stderr


def main():
    environment = {**os.environ, **world.read_environment(sys.argv[1])}
    exchange, result = Exchange(environment), Result()
    result.prove('the books balance before', exchange.balance)
    check_files(exchange, result)
    check_workbooks(environment, exchange, result)
    check_messages(exchange, result)
    result.prove('the books balance with all of it', exchange.balance)
    result.prove('and the next good record passes', lambda: feed_goes_on(exchange))
    result.prove('all of it can be discarded', lambda: discard_all(exchange))
    result.prove('the books balance after', exchange.balance)
    print(f'{result.passed} passed, {result.failed} failed')
    return 0 if result.failed == 0 and result.passed > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
