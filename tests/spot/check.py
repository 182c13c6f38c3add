#!/usr/bin/env python3
"""Asks xinqiao-agent --serve by curl on a running exchange, and holds answers, proofs, sheets and the log of accesses against what others say.

    check.py ENV       ENV is the env file of a demo that has taken the samples

The last line is "N passed, N failed".
"""
import hashlib
import html
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import time

import confluent_kafka
import openapi_schema_validator
import openapi_spec_validator
import psycopg2
import yaml

from desk import ROOT, SUBSCRIBER, Desk, read_environment, slow_client, until

sys.path.insert(0, str(ROOT / 'tests/reader'))
from bad_input import Result  # noqa: E402
from rights import Exchange  # noqa: E402

EASY = 'requests_per_minute = 1000000; burst = 1000000;'
PERSON = '11010519491231002X'
WRONG_CODE = '91350100M000100Y44'
LEFT_OUT = ('proof', 'proof_missing')


class Number(str):
    """A number with all its digits."""


def plain(value):
    """JSON without blanks, as docs/formats-check.md hashes it."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return '{' + ','.join(f'{plain(name)}:{plain(member)}' for name, member in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ','.join(map(plain, value)) + ']'
    return json.dumps(value, ensure_ascii=False)


def sm3(*parts):
    return hashlib.new('sm3', b''.join(parts)).digest()


def tree(leaves):
    """Merkle tree hash, RFC 9162."""
    if not leaves:
        return sm3()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sm3(b'\1', tree(leaves[:split]), tree(leaves[split:]))


def root_of(text):
    leaves = []
    for record in json.loads(text, parse_int=Number, parse_float=Number)['records']:
        place = f'{record["log"]}/{record["leaf"]}'.encode()
        body = plain({name: value for name, value in record.items() if name not in LEFT_OUT}).encode()
        leaves.append(sm3(b'\0', struct.pack('>I', len(place)), place, body))
    return tree(leaves).hex()


def lines_of(statement):
    return dict(line.split('=', 1) for line in statement.strip().splitlines()[1:])


class Spot:
    def __init__(self, environment):
        self.exchange = Exchange(environment)
        self.database = self.exchange.database
        self.environment = environment
        self.desk = Desk(environment, EASY)
        self.result = Result()

    def query(self, sql, *arguments):
        with self.database.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall()

    def tables(self):
        return [name for name, in self.query(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND column_name = 'subject_id'", SUBSCRIBER)]

    def held(self, body, withdrawn=False):
        """Identities of all records about the subject, by a query of our own."""
        found = set()
        for table in self.tables():
            found |= {record for record, in self.query(
                f"SELECT encode(xq_record, 'hex') FROM {SUBSCRIBER}.{table} WHERE subject_id = %s AND xq_withdrawn = %s", body, withdrawn)}
        return found

    def companies(self):
        """(credit code, record of a penalty of market in force), those with the most records first."""
        rows = self.query(f"""SELECT credit_code, encode(xq_record, 'hex') FROM {SUBSCRIBER}.penalty WHERE xq_department = 'market' AND
                              xq_status = 'NONE' AND xq_flags = '{{}}' AND NOT xq_withdrawn AND length(credit_code) = 18 ORDER BY xq_record""")
        return sorted(rows, key=lambda row: -len(self.held(row[0][8:17])))

    def is_settled(self):
        """Whether the tables hold all that is in the topic: behind the last record of a log stands the mark of its transaction."""
        positions = dict(self.query(f'SELECT partition, next_offset FROM {SUBSCRIBER}.xinqiao_position'))
        consumer = confluent_kafka.Consumer({'bootstrap.servers': self.environment['XQ_BOOTSTRAP'], 'group.id': 'spot'})
        topic = f"{self.environment['XQ_PREFIX']}out.{SUBSCRIBER}"
        ends = {number: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, number), timeout=30)[1] for number in range(6)}
        consumer.close()
        return all(end - positions.get(number, 0) <= 1 for number, end in ends.items())

    def accesses(self):
        return self.query(f'SELECT client, officer, purpose, kind, subject, form, records FROM {SUBSCRIBER}.xinqiao_access ORDER BY id')


# --- what is answered ---

def the_answer_holds_what_the_tables_hold(spot, code):
    for asked in (code, code.lower(), code[8:17]):
        answer = spot.desk.subject(asked, proofs='0')
        if asked == code[8:17] and answer.status == 400:
            continue  # the codes inside some credit codes do not pass their own check
        assert answer.status == 200, answer
        records = answer.json['records']
        assert len(records) == answer.json['record_count'] and answer.json['complete'] is True, answer
        assert {record['record'] for record in records} == spot.held(code[8:17]), answer
        assert answer.json['proofs'] == 'left_out' and 'proof' not in records[0], answer
    penalty = next(record for record in records if record['item'] == 'penalty')
    row, = spot.query(f"""SELECT fine_amount::text, decided_on::text, xq_grant, xq_legal_basis, xq_partition, xq_leaf FROM {SUBSCRIBER}.penalty
                          WHERE xq_record = %s""", bytes.fromhex(penalty['record']))
    fields = penalty['fields']
    assert (None if fields['fine_amount'] is None else float(row[0])) == fields['fine_amount'] and row[1] == fields['decided_on'], fields
    assert row[2:] == tuple(penalty[name] for name in ('grant', 'legal_basis', 'partition', 'leaf')), penalty


def it_is_as_the_openapi_file_says(spot, code):
    text = (ROOT / 'docs/openapi/check.yaml').read_text(encoding='utf-8')
    specification = yaml.safe_load(text)
    openapi_spec_validator.validate(specification)
    assert spot.desk.curl('/openapi.yaml').text == text
    schema = {**specification['components']['schemas']['Answer'], 'components': specification['components']}
    openapi_schema_validator.validate(spot.desk.answer(code), schema)
    problem = {**specification['components']['schemas']['Problem'], 'components': specification['components']}
    openapi_schema_validator.validate(spot.desk.subject(WRONG_CODE).json, problem)


def it_says_how_fresh_it_is(spot, code):
    until('the tables are even with the topic', spot.is_settled)

    def is_even():
        freshness = spot.desk.answer(code, proofs='0')['freshness']
        return freshness if freshness['behind'] is False else None

    freshness = until('the answer is fresh', is_even, 60)
    newest, = spot.query(f"SELECT to_char(max(sealed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') FROM {SUBSCRIBER}.xinqiao_position")
    assert freshness['sealed_at'] == newest[0] and freshness['applied_at'] and freshness['looked_at'], (freshness, newest)


def each_proof_verifies(spot, code):
    answer = spot.desk.answer(code)
    assert answer['proofs'] == 'complete', answer['proofs']
    path = spot.desk.folder / 'proof.json'
    for record in answer['records']:
        path.write_text(json.dumps(record['proof']))
        process = spot.desk.command('verify', path, '--keys', spot.environment['XQ_KEYS'])
        assert process.returncode == 0 and '真实' in process.stdout, (process.stdout, process.stderr)
        assert record['proof']['key'] == record['record'] and record['proof']['leaf'] == record['leaf'], record


def refusals(spot, code):
    desk = spot.desk
    return [
        ('without a purpose', 400, 'PURPOSE_MISSING', lambda: desk.subject(code, purpose=None)),
        ('with a purpose of one character', 400, 'PURPOSE_MISSING', lambda: desk.subject(code, purpose='查')),
        ('without an officer', 400, 'OFFICER_MISSING', lambda: desk.subject(code, officer=None)),
        ('about a wrong code', 400, 'USCC_CHECK_DIGIT', lambda: desk.subject(WRONG_CODE)),
        ('about half a code', 400, 'SUBJECT_LENGTH', lambda: desk.subject(code[:12])),
        ('about a person', 403, 'PERSON_REFUSED', lambda: desk.subject(PERSON)),
        ('by POST', 405, 'WRONG_METHOD', lambda: desk.subject(code, '--request', 'POST', '--data', 'x=1')),
        ('of another path', 404, 'NOT_FOUND', lambda: desk.curl('/admin')),
        ('of a path that climbs', 404, 'NOT_FOUND', lambda: desk.curl('/subjects/..%2f..%2fetc', '--path-as-is')),
        ('of a table', 400, 'SUBJECT_LENGTH', lambda: desk.subject("x'%20OR%20'1'='1")),
    ]


def is_refused(ask, status, code):
    answer = ask()
    assert answer.status == status and answer.json['code'] == code, answer
    assert answer.json['reason_zh'] and answer.headers['content-type'].startswith('application/problem+json'), answer


def headers_say_who_asks_and_why(spot, code):
    before = len(spot.accesses())
    answer = spot.desk.subject(code, '--header', 'X-Purpose: 招标核查', '--header', 'X-Officer: 李四', purpose=None, officer=None, proofs='0')
    assert answer.status == 200 and answer.json['purpose'] == '招标核查' and answer.json['officer'] == '李四', answer
    assert spot.accesses()[before:] == [('127.0.0.1', '李四', '招标核查', 'ORGANISATION', code, 'answer', answer.json['record_count'])]


def every_answer_is_noted_and_no_refusal_is(spot, code):
    before = spot.accesses()
    spot.desk.subject(code, purpose=None)
    spot.desk.subject(WRONG_CODE)
    assert spot.accesses() == before
    records = spot.desk.answer(code, proofs='0')['record_count']
    spot.desk.sheet(code)
    noted = spot.accesses()[len(before):]
    assert noted == [('127.0.0.1', '王评审', '评标资格审查', 'ORGANISATION', code, form, records) for form in ('answer', 'sheet')], noted


def nothing_is_answered_that_cannot_be_noted(spot, code):
    with spot.database.cursor() as cursor:
        cursor.execute(f'ALTER TABLE {SUBSCRIBER}.xinqiao_access RENAME TO access_away')
        try:
            answer = spot.desk.subject(code, proofs='0')
        finally:
            cursor.execute(f'ALTER TABLE {SUBSCRIBER}.access_away RENAME TO xinqiao_access')
    assert answer.status == 503 and answer.json['code'] == 'STORE_AWAY' and 'records' not in answer.text, answer


# --- what changes ---

def a_dispute_shows_at_once(spot, code, record):
    case = spot.exchange.new_case()
    spot.exchange.open('dispute', record, case)

    def shown():
        return next(held for held in spot.desk.answer(code, proofs='0')['records'] if held['record'] == record)

    until('the dispute shows', lambda: shown()['disputed'])
    answer = spot.desk.answer(code)
    held = next(one for one in answer['records'] if one['record'] == record)
    assert (held['status'], held['flags'], answer['disputed_count']) == ('DISPUTED', ['DISPUTED'], 1), held
    assert held['fields']['document_number'], 'the fields stay'
    assert held['proof']['leaf'] == held['leaf'], held
    page = spot.desk.sheet(code).text
    assert '其中 1 条存在异议' in page and page.index('其中 1 条存在异议') < page.index('<h3>'), page[:2000]
    spot.exchange.resolve(case, 'REJECTED')
    until('the dispute is over', lambda: not shown()['disputed'])


def what_is_withdrawn_is_gone(spot, code, record):
    assert record in {held['record'] for held in spot.desk.answer(code, proofs='0')['records']}
    spot.exchange.open('repair', record, spot.exchange.new_case(), '--authority', 'market')
    until('the record is withdrawn', lambda: record in spot.held(code[8:17], withdrawn=True))
    answer = spot.desk.answer(code, proofs='0')
    assert record not in {held['record'] for held in answer['records']}, answer
    assert record not in spot.desk.sheet(code).text


# --- on paper ---

def the_code_on_the_sheet_verifies(spot, code):
    page = spot.desk.sheet(code)
    text = spot.desk.scan(page.text)
    status, said = spot.desk.verify(text)
    assert status == 0 and said['genuine'] and said['subject'] == code and said['subscriber'] == SUBSCRIBER, (status, said)
    shown = html.unescape(re.search(r'<pre>(.*?)</pre>', page.text, re.DOTALL).group(1))
    assert shown.strip() == text.strip(), (shown, text)
    assert lines_of(text)['sealed_at'] == spot.desk.answer(code, proofs='0')['freshness']['sealed_at']


def the_answer_beside_it_is_the_one_on_the_sheet(spot, code):
    text = spot.desk.scan(spot.desk.sheet(code).text)
    answer = spot.desk.subject(code)
    path = spot.desk.folder / 'answer.json'
    path.write_text(answer.text)
    status, said = spot.desk.verify(text, '--answer', path)
    assert status == 0 and said['proofs'] == answer.json['record_count'] and said['without_proof'] == 0, (status, said)
    assert lines_of(text)['root'] == root_of(answer.text) == lines_of(answer.json['statement'])['root']
    assert spot.desk.verify(answer.json['statement'], '--answer', path)[0] == 0
    for what, altered, refusal in [
            ('a value', answer.text.replace('"fields":{', '"fields":{"x":1,', 1), 'CHECK_RECORDS'),
            ('a proof', answer.text.replace('"format":"xinqiao proof v1"', '"format":"xinqiao proof v2"', 1), 'PROOF_MALFORMED'),
            ('the subscriber', answer.text.replace(f'"subscriber":"{SUBSCRIBER}"', '"subscriber":"bank"', 1), 'CHECK_OTHER'),
            ('all records', re.sub(r'"records":\[.*\]', '"records":[]', answer.text, flags=re.DOTALL), 'CHECK_RECORDS')]:
        assert altered != answer.text, what
        path.write_text(altered)
        status, said = spot.desk.verify(text, '--answer', path)
        assert status == 1 and said['genuine'] is False and said['code'] == refusal, (what, said)


def an_altered_statement_is_refused(spot, code):
    text = spot.desk.scan(spot.desk.sheet(code).text)
    records = lines_of(text)['records']
    for what, altered, refusal in [
            ('fewer records', text.replace(f'records={records}', 'records=0'), 'CHECK_SIGNATURE'),
            ('another company', text.replace(code, '91350100M000100Y43'), 'CHECK_SIGNATURE'),
            ('another subscriber', text.replace('subscriber=court', 'subscriber=bank'), 'CHECK_KEY'),
            ('another time', text.replace('asked_at=20', 'asked_at=21'), 'CHECK_SIGNATURE'),
            ('a line more', text.replace('records=', 'score=100\nrecords='), 'CHECK_MALFORMED'),
            ('half of it', text[:len(text) // 2], 'CHECK_MALFORMED')]:
        assert altered != text, what
        status, said = spot.desk.verify(altered)
        assert status == 1 and said['genuine'] is False and said['code'] == refusal, (what, said)
    status, said = spot.desk.verify(text, keys=spot.environment['XQ_KEYS'])
    assert status == 1 and said['code'] == 'CHECK_KEY', said


def the_signature_is_checked_by_openssl_as_well(spot, code):
    text = spot.desk.scan(spot.desk.sheet(code).text)
    signed, _, signature = text.strip().rpartition('signature=')
    (spot.desk.folder / 'signed').write_bytes(signed.encode())
    subprocess.run(['openssl', 'base64', '-d', '-A', '-out', spot.desk.folder / 'signature'], input=signature.encode(), check=True)
    key = spot.desk.folder / 'receipt_keys' / SUBSCRIBER / f'{lines_of(text)["key"]}.pem'
    done = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', key, '-rawin', '-digest', 'sm3', '-in', spot.desk.folder / 'signed',
                           '-sigfile', spot.desk.folder / 'signature', '-pkeyopt', 'distid:1234567812345678'], capture_output=True, check=False)
    assert done.returncode == 0, done


def with_evil_in(spot, code, check):
    """What no department would send, in the table itself, and back again."""
    evil = '<script>alert(1)</script><img src=x onerror=y>'
    rows = spot.query(f'SELECT xq_record, violation FROM {SUBSCRIBER}.penalty WHERE subject_id = %s', code[8:17])
    with spot.database.cursor() as cursor:
        cursor.execute(f'UPDATE {SUBSCRIBER}.penalty SET violation = %s WHERE subject_id = %s', (evil, code[8:17]))
        try:
            check()
        finally:
            for record, violation in rows:
                cursor.execute(f'UPDATE {SUBSCRIBER}.penalty SET violation = %s WHERE xq_record = %s', (violation, record))


def the_page_runs_and_loads_nothing(spot, code):
    page = spot.desk.sheet(code, purpose='<b>评标</b>', officer='"><script>x</script>')
    assert '<script' not in page.text and '<img' not in page.text and '<b>' not in page.text, page
    assert '&lt;script&gt;alert(1)' in page.text and '&lt;b&gt;评标' in page.text
    assert not re.search(r'(src|href|action)=|url\(|@import', page.text.replace('src=x', ''))
    assert "default-src 'none'" in page.headers['content-security-policy'] and page.headers['cache-control'] == 'no-store', page.headers
    assert page.headers['x-content-type-options'] == 'nosniff' and page.headers['content-type'].startswith('text/html'), page.headers


def nothing_on_record_is_an_answer(spot):
    code = '91350100M000100Y43'
    answer = spot.desk.answer(code)
    assert answer['records'] == [] and answer['complete'] is True and answer['proofs'] == 'complete', answer
    status, said = spot.desk.verify(spot.desk.scan(spot.desk.sheet(code).text))
    assert status == 0 and said['records'] == 0, said


# --- what is away ---

def away(spot, code):
    """Of a desk whose Kafka is nowhere."""
    desk = Desk(spot.environment, EASY + 'proofs_ms = 3000;', bootstrap='127.0.0.1:1')
    try:
        desk.start()
        answer = desk.answer(code)
        assert answer['proofs'] == 'unavailable' and answer['proofs_unavailable'], answer['proofs']
        assert {record['record'] for record in answer['records']} == spot.held(code[8:17]), answer
        assert answer['freshness']['behind'] is None and answer['freshness']['sealed_at'], answer['freshness']
        assert '暂时无法确认' in desk.sheet(code).text
    finally:
        desk.close()


def no_database(spot, code):
    desk = Desk(spot.environment, EASY, connection='host=127.0.0.1 port=1 connect_timeout=2')
    try:
        desk.start()
        answer = desk.subject(code)
        assert answer.status == 503 and answer.json['code'] == 'STORE_AWAY' and answer.headers['retry-after'], answer
    finally:
        desk.close()


# --- who may ask ---

def certificates_are_asked_for(spot, code):
    desk = Desk(spot.environment, EASY + 'client_ca = "certificates/ca.pem"; persons = true;')
    try:
        desk.start()
        answer = desk.subject(code, certificate='vendor', officer=None, proofs='0')
        assert answer.status == 200 and answer.json['client'].startswith('CN=vendor ') and answer.json['officer'] == '', answer
        is_refused(lambda: desk.subject(code), 401, 'NO_CERTIFICATE')
        is_refused(lambda: desk.subject(code, certificate='forged'), 403, 'CERTIFICATE_UNTRUSTED')
        is_refused(lambda: desk.subject(code, certificate='expired'), 403, 'CERTIFICATE_EXPIRED')
        before = len(spot.accesses())
        answer = desk.subject(PERSON, certificate='vendor', proofs='0')
        assert answer.status == 200 and answer.json['subject']['kind'] == 'PERSON', answer
        client, officer, _, kind, subject, _, _ = spot.accesses()[before]
        assert client.startswith('CN=vendor ') and officer == '王评审' and kind == 'PERSON', (client, officer, kind)
        assert subject == 'sm3:' + hashlib.new('sm3', PERSON.encode()).hexdigest(), subject
        statement = answer.json['statement']
        assert PERSON not in statement and lines_of(statement)['subject'] == subject, statement
        assert PERSON not in desk.log() and code not in desk.log() and '王评审' not in desk.log(), 'the log names people'
    finally:
        desk.close()


def is_cut(connection):
    connection.settimeout(20)
    try:
        return connection.recv(1) == b''
    except ConnectionResetError:
        return True


def limits_hold(spot, code):
    desk = Desk(spot.environment, 'requests_per_minute = 10; burst = 3; header_ms = 1000; send_ms = 1000; max_connections = 20;'
                                  'max_connections_per_address = 8; max_records = 1; max_proofs = 1;')
    try:
        desk.start()
        answer = desk.answer(code)
        assert answer['record_count'] == 1 and answer['complete'] is False and lines_of(answer['statement'])['complete'] == 'no', answer
        assert '只列出一部分' in desk.sheet(code).text
        desk.subject(code, proofs='0')
        answer = desk.subject(code)
        assert answer.status == 429 and int(answer.headers['retry-after']) >= 1, answer
        slow = [slow_client(desk.port, b'\x16\x03\x01') for _ in range(8)]
        time.sleep(0.3)
        began = time.monotonic()
        for connection in slow:
            assert is_cut(connection), 'a slow client was answered'
        assert time.monotonic() - began < 15
        until('the slow ones are gone and the client may ask again', lambda: desk.subject(code, proofs='0').status == 200, 60)
    finally:
        desk.close()


def old_tls_is_refused(spot, code):
    del code
    for version, expected in (('1.0', False), ('1.1', False), ('1.2', True), ('1.3', True)):
        answer = spot.desk.curl('/openapi.yaml', f'--tlsv{version}', '--tls-max', version)
        assert (answer.exit_status == 0) == expected, (version, answer)
    with socket.create_connection(('127.0.0.1', spot.desk.port), timeout=10) as plain_connection:
        plain_connection.sendall(b'GET /openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n')
        assert b'200' not in plain_connection.recv(4096)


def configurations_are_checked(spot):
    desk = spot.desk
    agent = f'{spot.environment["XQ_BIN"]}/xinqiao-agent'

    def check(path):
        return subprocess.run([agent, '--config', path, '--serve', '--check'], capture_output=True, text=True, check=False)

    assert check(desk.configure('good')).returncode == 0
    for name, words, path in [
            ('another sink', 'postgresql', desk.configure('ndjson', sink='ndjson')),
            ('no group', 'serve = {', desk.configure('none', serve=False))]:
        process = check(path)
        assert process.returncode == 1 and words in process.stderr, (name, process)
    text = desk.configure('open').read_text().replace('127.0.0.1:' + str(desk.port), '0.0.0.0:8445')
    (desk.folder / 'open.cfg').write_text(text)
    process = check(desk.folder / 'open.cfg')
    assert process.returncode == 1 and 'client_ca' in process.stderr, process


def it_stops_cleanly(spot):
    assert spot.desk.stop() == 0, spot.desk.log()[-2000:]
    assert '王评审' not in spot.desk.log() and 'subjects/' not in spot.desk.log(), 'the log says who asked about whom'


def main(path):
    environment = read_environment(path)
    spot = Spot(environment)
    prove = spot.result.prove
    try:
        until('the tables are even with the topic', spot.is_settled)
        (code, record), (other_code, other_record), *_ = spot.companies()
        prove('the configuration is checked', lambda: configurations_are_checked(spot))
        spot.desk.start()
        until('the log of accesses is there', lambda: spot.query('SELECT to_regclass(%s)', f'{SUBSCRIBER}.xinqiao_access')[0][0])
        for title, check in [
                ('the answer holds what the tables hold', the_answer_holds_what_the_tables_hold),
                ('the answer is as the OpenAPI file says', it_is_as_the_openapi_file_says),
                ('the answer says how fresh it is', it_says_how_fresh_it_is),
                ('every proof in it verifies', each_proof_verifies),
                ('headers say who asks and why', headers_say_who_asks_and_why),
                ('every answer is noted, no refusal is', every_answer_is_noted_and_no_refusal_is),
                ('nothing is answered that cannot be noted', nothing_is_answered_that_cannot_be_noted),
                ('the code on the sheet is read by a scanner and verifies offline', the_code_on_the_sheet_verifies),
                ('the answer beside a sheet is held against it', the_answer_beside_it_is_the_one_on_the_sheet),
                ('an altered statement is refused', an_altered_statement_is_refused),
                ('openssl agrees about the signature', the_signature_is_checked_by_openssl_as_well),
                ('with Kafka away the records come, and it says what is missing', away),
                ('with the database away it says so', no_database),
                ('certificates are asked for where they are configured', certificates_are_asked_for),
                ('limits hold, and slow clients are cut off', limits_hold),
                ('TLS below 1.2 and no TLS are refused', old_tls_is_refused)]:
            prove(title, lambda check=check: check(spot, code))
        for title, status, refusal, ask in refusals(spot, code):
            prove(f'a question {title} is refused', lambda ask=ask, status=status, refusal=refusal: is_refused(ask, status, refusal))
        prove('nothing on record is an answer', lambda: nothing_on_record_is_an_answer(spot))
        prove('a dispute shows at once', lambda: a_dispute_shows_at_once(spot, code, record))
        prove('what is withdrawn is gone', lambda: what_is_withdrawn_is_gone(spot, other_code, other_record))
        prove('a page runs and loads nothing, whatever a record holds', lambda: with_evil_in(spot, code, lambda: the_page_runs_and_loads_nothing(spot, code)))
        prove('it stops cleanly, and its log names nobody', lambda: it_stops_cleanly(spot))
    finally:
        spot.desk.close()
    print(f'{spot.result.passed} passed, {spot.result.failed} failed')
    return spot.result.failed == 0


if __name__ == '__main__':
    sys.exit(0 if main(pathlib.Path(sys.argv[1])) else 1)
