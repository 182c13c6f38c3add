#!/usr/bin/env python3
"""Opens and resolves cases on a running exchange with the officer's command, and looks at what each holder of the record sees.

    rights.py ENV       ENV is the env file of a demo that has taken the samples

The last line is "N passed, N failed".
"""
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import confluent_kafka
import fastavro
import psycopg2

import avro
import topics
import world
from bad_input import Result, until

DEPARTMENT, ITEM = 'market', 'penalty'
PARTITIONS = 6
ZERO_KEY = '00' * 16
BEIJING = datetime.timezone(datetime.timedelta(hours=8))
TWENTY_DAYS = datetime.timedelta(days=20)


class Exchange:
    def __init__(self, environment):
        self.environment = environment
        self.root = pathlib.Path(environment['XQ_SCHEMAS']).parent
        self.bootstrap, self.prefix = environment['XQ_BOOTSTRAP'], environment['XQ_PREFIX']
        self.nonce = f'测试{time.time_ns()}'
        self.said = []  # everything that the command printed
        self.cases = 0
        self.database = psycopg2.connect(environment['XQ_PG'])
        self.database.autocommit = True

    # --- the command ---

    def start(self, *arguments):
        return subprocess.Popen([f"{self.environment['XQ_BIN']}/xinqiao", *arguments], env=self.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process, expected):
        out, err = process.communicate(timeout=120)
        self.said += [out, err]
        assert process.returncode == expected, (process.returncode, out, err)
        return out, err

    def operator(self, *arguments, expected=0):
        return self.finish(self.start(*arguments), expected)

    def answer(self, *arguments, expected=0):
        return json.loads(self.operator(*arguments, '--json', expected=expected)[0])

    def new_case(self):
        self.cases += 1
        return f'{self.nonce}-{self.cases}'

    def open_arguments(self, kind, record, case, *more):
        place = (record,) if isinstance(record, str) else record
        return ('rights', 'open', kind, *place, '--case', case, '--document', f'文书{case}', '--officer', '测试员',
                '--reason', '测试事由', *more)

    def open(self, kind, record, case, *more, expected=0):
        return self.answer(*self.open_arguments(kind, record, case, *more), expected=expected)

    def resolve(self, case, step, *more, expected=0):
        return self.answer('rights', 'resolve', case, '--step', step, '--document', f'答复{case}', '--officer', '测试员',
                           '--reason', '测试事由', *more, expected=expected)

    def show(self, case, *more):
        return self.answer('rights', 'show', case, *more)

    def balanced_rows(self):
        process = self.start('books', '--brief', '--json')
        out, _ = process.communicate(timeout=120)
        return json.loads(out)['rows'] if process.returncode == 0 else None

    def balance(self):
        """The books' rows, once they balance: what was sent before is applied everywhere."""
        return until('the books balance', self.balanced_rows)

    # --- what the holders have ---

    def row(self, record):
        """(status, flags, withdrawn) in the court's table."""
        with self.database.cursor() as cursor:
            cursor.execute('SELECT xq_status, xq_flags, xq_withdrawn FROM court.penalty WHERE xq_record = %s',
                           (bytes.fromhex(record),))
            return cursor.fetchone()

    def website(self):
        """All that the website was given, in the order of its files."""
        lines = []
        for path in sorted(pathlib.Path(self.environment['XQ_WEBSITE']).glob('*.ndjson')):
            lines += [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines()]
        return lines

    def last_line(self, record):
        """(operation, reason, flags) of the website's last line about it."""
        line = [line for line in self.website() if line.get('record') == record][-1]
        return line['operation'], line['reason'], line['flags']

    def see(self, record, row=None, line=None):
        if row is not None:
            until(f'the row shows {row}, not {self.row(record)}', lambda: self.row(record) == row)
        if line is not None:
            until(f'the website shows {line}, not {self.last_line(record)}', lambda: self.last_line(record) == line)

    def marks(self, operation):
        """How many marks of a resync of the item, begins or ends, the website has from each partition."""
        count = [0] * PARTITIONS
        for line in self.website():
            if (line['department'], line['item'], line['operation']) == (DEPARTMENT, ITEM, operation):
                count[line['partition']] += 1
        return count

    def resynced(self, ended):
        """Until each partition has ended one resync more than `ended`, which is what marks('RESYNC_END') gave before the request."""
        until('every partition has ended the resync', lambda: self.marks('RESYNC_END') == [count + 1 for count in ended])
        self.balance()

    # --- topics ---

    def read(self, name):
        topic = self.prefix + name
        return topics.read(self.bootstrap, {topic: topics.names(self.bootstrap, topic)[topic]})[topic]

    def events(self, kind, case):
        """(message, value) of every event of the case."""
        schema = avro.Schema(self.root / f'schemas/rights/{kind}-1.avsc')
        found = []
        for messages in self.read(f'in.rights.{kind}'):
            for message in messages:
                value = schema.decode(message.value)
                if value['case_number'] == case:
                    found.append((message, value))
        return found


def held_by_all(exchange, count):
    """Penalties of the market authority that court and website hold, without any mark: (identity, record key, subject)."""
    last, wanted = {}, []
    for line in exchange.website():
        if 'record' in line:  # the marks of a resync are about none
            last[line['record']] = line
    schema = avro.Schema(exchange.root / 'schemas/shared/penalty-1.avsc')
    keys = {}
    for messages in exchange.read(f'in.{DEPARTMENT}.{ITEM}'):
        for message in messages:
            try:
                value = schema.decode(message.value)
            except Exception:  # what came in to be refused
                continue
            keys[identity(ITEM, value['record_key']).hex()] = value
    for record, line in last.items():
        if (line['department'], line['item'], line['operation'], line['flags']) == (DEPARTMENT, ITEM, 'PUT', []) and record in keys:
            row = exchange.row(record)
            if row is not None and not row[2]:
                wanted.append((record, keys[record]))
    assert len(wanted) >= count, f'{len(wanted)} records to try on'
    return wanted[:count]


def identity(item, record_key, version=None):
    text = item.encode() + b'\0' + record_key.encode() + (b'' if version is None else b'\0' + str(version).encode())
    return hashlib.new('sm3', text).digest()[:16]


def today(days=0):
    return (datetime.datetime.now(BEIJING) + datetime.timedelta(days=days)).date()


# --- disputes and corrections ---

def dispute_reaches_every_holder(exchange, record):
    case = exchange.new_case()
    first_day = today()
    answer = exchange.open('dispute', record, case)
    assert answer['result'] == 'ACCEPTED' and {'court', 'website'} <= set(answer['holders']), answer
    # The day may have ended meanwhile.
    assert answer['answer_due_on'] in (str(first_day + TWENTY_DAYS), str(today(20))) and answer['days_left'] in (19, 20), answer
    assert first_day != today() or answer['days_left'] == 20, answer
    exchange.see(record, ('DISPUTED', ['DISPUTED'], False), ('STATUS', 'DISPUTED', ['DISPUTED']))
    listed = [entry for entry in exchange.answer('rights', 'list', '--open') if entry['case'] == case]
    assert len(listed) == 1 and listed[0]['record']['identity'] == record and listed[0]['record']['disputes'] == 1, listed
    return case


def same_step_again_corrects_the_case(exchange, record, case):
    line = exchange.last_line(record)
    due = str(today(40))
    answer = exchange.open('dispute', record, case, '--answer-due', due)
    assert answer['result'] == 'ACCEPTED', answer
    shown = exchange.show(case)
    assert shown['answer_due_on'] == due and shown['record']['disputes'] == 1, shown
    assert [step['result'] for step in shown['steps']] == ['ACCEPTED', 'ACCEPTED'], shown
    assert exchange.last_line(record) == line


def rejected_clears_it(exchange, record, case):
    assert exchange.resolve(case, 'REJECTED')['result'] == 'ACCEPTED'
    exchange.see(record, ('DISPUTE_RESOLVED', [], False), ('STATUS', 'DISPUTE_RESOLVED', []))
    shown = exchange.show(case)
    assert (shown['step'], shown['answer_due_on'], shown['record']['disputes']) == ('REJECTED', None, 0), shown
    assert [step['officer'] for step in shown['steps']] == ['测试员'] * 3, shown
    assert case not in [entry['case'] for entry in exchange.answer('rights', 'list', '--open')]


def upheld_correction_stays_marked(exchange, record):
    case = exchange.new_case()
    exchange.open('correction', record, case)
    exchange.see(record, ('DISPUTED', ['DISPUTED'], False))
    exchange.resolve(case, 'upheld')
    shown = exchange.show(case)
    assert shown['record']['marks'] == ['CORRECTING'] and shown['record']['disputes'] == 0, shown
    exchange.see(record, ('DISPUTED', ['DISPUTED'], False))
    notices = exchange.answer('quarantine', 'list', '--department', DEPARTMENT, '--limit', '100000')
    assert 'RIGHTS_CORRECTION_DUE' in [entry['code'] for entry in notices if entry['severity'] == 'NOTICE']


def two_at_once_are_both_counted(exchange, record):
    cases = [exchange.new_case() for _ in range(3)]
    before = counted(exchange)
    running = [exchange.start(*exchange.open_arguments('dispute', record, case), '--json') for case in cases]
    for process in running:
        out, err = exchange.finish(process, 0)
        assert json.loads(out)['result'] == 'ACCEPTED', (out, err)
    assert counted(exchange) == before + 3
    for case in cases:
        exchange.resolve(case, 'REJECTED')


def counted(exchange):
    return sum(row['published'] for row in exchange.balance() if (row['department'], row['item']) == ('rights', 'dispute'))


def command_writes_as_the_contract_says(exchange, case):
    events = exchange.events('dispute', case)
    for message, value in events:
        assert message.headers.get('xq-officer') == '测试员'.encode() and 'xq-adapter' not in message.headers, message.headers
        assert value['sequence'] == 0 and value['operation'] == 'PUT' and value['record_key'] == f'rights|{case}', 'envelope'
        assert value['event_id'] == identity('dispute', value['record_key'], value['version']), 'event id'
        assert len(message.key) == 16 and int.from_bytes(message.key[:8], 'big') % PARTITIONS == message.partition, 'place'
    versions = [value['version'] for _, value in events]
    assert versions == sorted(set(versions)) and len(versions) == 3, versions


# --- repair and restriction ---

def repair_withdraws_it_everywhere(exchange, record, value):
    case = exchange.new_case()
    place = ('--department', DEPARTMENT, '--item', ITEM, '--key', value['record_key'].partition('|')[2])
    answer = exchange.open('repair', place, case, '--authority', DEPARTMENT)
    assert answer['result'] == 'ACCEPTED' and answer['record']['identity'] == record, answer
    exchange.see(record, ('REPAIRED', [], True), ('WITHDRAW', 'REPAIRED', []))
    shown = exchange.show(case)
    assert shown['record']['holders'] == [] and shown['record']['marks'] == ['REPAIRED'], shown


def restriction_takes_it_from_the_public(exchange, record):
    case, last_day = exchange.new_case(), str(today(365))
    answer = exchange.open('restriction', record, case, '--authority', 'court', '--ground', 'COURT_ORDER', '--scope', 'PUBLIC',
                           '--until', last_day)
    assert answer['result'] == 'ACCEPTED' and answer['until'] == last_day, answer
    exchange.see(record, ('RESTRICTED', ['RESTRICTED'], False), ('WITHDRAW', 'RESTRICTED', ['RESTRICTED']))
    shown = exchange.show(case)
    assert 'website' not in shown['record']['holders'] and 'court' in shown['record']['holders'], shown
    exchange.resolve(case, 'LIFTED')
    until('the flag is gone', lambda: exchange.row(record)[1] == [])


# --- what is refused before anything is sent ---

def refused_before(exchange, record, other, case, open_case):
    """(what it is, exit status, word in the answer, arguments)"""
    opening = exchange.open_arguments
    resolving = ('--document', '1', '--officer', '测试员', '--reason', '测试')
    new = exchange.new_case
    return [
        ('an unknown record', 1, ZERO_KEY, opening('dispute', ZERO_KEY, new())),
        ('an unknown kind', 2, 'dispute', opening('disput', record, new())),
        ('a day that is none', 2, '2026-02-30', opening('dispute', record, new(), '--decided-on', '2026-02-30')),
        ('a day in the future', 2, str(today(2)), opening('dispute', record, new(), '--decided-on', str(today(2)))),
        ('an authority that may not', 1, f'--authority {DEPARTMENT}', opening('repair', record, new())),
        ('an unknown authority', 2, 'market', opening('repair', record, new(), '--authority', 'markt')),
        ('a text that is too long', 2, 'case_number', opening('dispute', record, '案' * 65)),
        ('a case that is resolved', 1, 'REJECTED', opening('dispute', record, case)),
        ('a case about another record', 1, open_case, opening('dispute', other, open_case)),
        ('a case about a case', 1, 'rights resolve', opening('dispute', identity('dispute', f'rights|{case}').hex(), new())),
        ('an unknown case', 1, '没有案件', ('rights', 'resolve', new(), '--step', 'REJECTED', *resolving)),
        ('a step behind the last one', 1, 'REJECTED', ('rights', 'resolve', case, '--step', 'UPHELD', *resolving)),
        ('a step of another kind', 1, 'LIFTED', ('rights', 'resolve', case, '--step', 'LIFTED', *resolving)),
        ('an unknown step', 2, 'REJECTED', ('rights', 'resolve', case, '--step', 'REJECT', *resolving)),
        ('a case that is not there, shown', 1, '没有案件', ('rights', 'show', new())),
        ('an unknown department, listed', 2, 'market', ('rights', 'list', '--department', 'markt')),
        ('a broker that is away', 3, '', ('rights', 'list', '--bootstrap', '127.0.0.1:1')),
    ]


def check_refused_before(exchange, result, record, other, case):
    open_case = exchange.new_case()
    exchange.open('dispute', record, open_case)
    before = len([message for messages in exchange.read('in.rights.dispute') for message in messages])
    for what, status, word, arguments in refused_before(exchange, record, other, case, open_case):
        def check(status=status, word=word, arguments=arguments):
            _, err = exchange.operator(*arguments, expected=status)
            assert word in err, err
        result.prove(f'{what} is refused with exit {status}', check)

    def nothing_sent():
        assert len([message for messages in exchange.read('in.rights.dispute') for message in messages]) == before
    result.prove('and none of it was sent', nothing_sent)
    exchange.resolve(open_case, 'REJECTED')


# --- what the gateway refuses ---

def gateway_refuses_what_another_catalogue_allows(exchange, record):
    """The command's catalogue may be ahead of the gateway's: then the gateway's word comes back, and stands in the case's place."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(exchange.root / 'schemas', f'{folder}/schemas')
        shutil.copytree(exchange.root / 'subscribers/receivers', f'{folder}/subscribers/receivers')
        path = pathlib.Path(folder) / 'schemas/catalogue.cfg'
        text = path.read_text(encoding='utf-8')
        changed = text.replace('kind = "repair";      by = ["own"]', 'kind = "repair";      by = ["own", "exchange"]')
        assert changed != text
        path.write_text(changed, encoding='utf-8')
        answer = exchange.open('repair', record, exchange.new_case(), '--catalogue', str(path), expected=1)
    assert (answer['result'], answer['code']) == ('REFUSED', 'RIGHTS_AUTHORITY') and answer['reason_zh'], answer
    assert exchange.answer('quarantine', 'show', answer['quarantined'])['code'] == 'RIGHTS_AUTHORITY'
    exchange.operator('quarantine', 'discard', answer['quarantined'], '--officer', '测试员', '--reason', '测试')


def raw_events(exchange):
    """(what it is, changed fields, code): the first event of a dispute that is rejected by now, with what a feed may get wrong."""
    case = exchange.new_case
    return [
        ('about an unknown record', {'case_number': case(), 'target_record_key': 'market|无此|记录'}, 'RIGHTS_UNKNOWN_RECORD'),
        ('about an unknown item', {'case_number': case(), 'target_item': 'nothing'}, 'RIGHTS_UNKNOWN_RECORD'),
        ('by an authority that may not', {'case_number': case(), 'authority': 'tax'}, 'RIGHTS_AUTHORITY'),
        ('with a day in the future', {'case_number': case(), 'decided_on': today(2)}, 'RIGHTS_DATE'),
        ('that begins with its end', {'case_number': case(), 'step': 'REJECTED'}, 'RIGHTS_STEP'),
        ('with a step of another kind', {'case_number': case(), 'step': 'IMPOSED'}, 'RIGHTS_STEP'),
        ('with an unknown step', {'case_number': case(), 'step': 'NONSENSE'}, 'CODE_UNKNOWN'),
        ('without a document', {'case_number': case(), 'document_number': ''}, 'FIELD_REQUIRED'),
        ('that goes back to its beginning', {'step': 'OPENED'}, 'RIGHTS_STEP'),
        ('that is withdrawn', {'operation': 'WITHDRAW'}, 'RIGHTS_WITHDRAWAL'),
    ]


def frame(schema, value):
    body = avro.io.BytesIO(b'\xc3\x01' + schema.fingerprint.to_bytes(8, 'little'))
    body.seek(10)
    fastavro.schemaless_writer(body, schema.parsed, value)
    return body.getvalue()


def send_raw(exchange, message, good, cases):
    """Each in the dispute's in topic, and their number in a book, so that the books balance. Gives each one's offset."""
    schema = avro.Schema(exchange.root / 'schemas/rights/dispute-1.avsc')
    books = avro.Schema(exchange.root / 'schemas/internal/books.avsc')
    producer = confluent_kafka.Producer({'bootstrap.servers': exchange.bootstrap, 'linger.ms': 0})
    offsets = {}
    for number, (what, changes, _) in enumerate(cases):
        value = {**good, **changes}
        value['record_key'] = f"rights|{value['case_number']}"
        value['version'] = good['version'] + 1000 + number
        value['event_id'] = identity('dispute', value['record_key'], value['version'])
        producer.produce(f'{exchange.prefix}in.rights.dispute', key=message.key, value=frame(schema, value),
                         partition=message.partition,
                         on_delivery=lambda error, sent, what=what: offsets.update({what: sent.offset()}))
    name = f'adapter/rights-test-{time.time_ns()}/{today()}'
    entries = [{'department': 'rights', 'item': 'dispute', 'subscriber': '', 'measure': measure, 'count': len(cases)}
               for measure in ('read', 'published')]
    producer.produce(f'{exchange.prefix}books', key=name.encode(), partition=0,
                     value=frame(books, {'book': name, 'at': int(time.time() * 1000), 'entries': entries}))
    producer.flush(60)
    assert len(offsets) == len(cases), offsets
    return offsets


def check_refused_by_gateway(exchange, result, case):
    events = exchange.events('dispute', case)
    message, good = events[0][0], {**events[0][1], 'version': events[-1][1]['version']}
    cases = raw_events(exchange)
    offsets = send_raw(exchange, message, good, cases)
    places = {(message.partition, offset) for offset in offsets.values()}

    def found():
        entries = exchange.answer('quarantine', 'list', '--department', 'rights', '--item', 'dispute', '--limit', '100000')
        return {entry['offset']: entry for entry in entries
                if (entry['partition'], entry['offset']) in places and entry['severity'] == 'REFUSED'}
    try:
        until('all are in quarantine', lambda: len(found()) == len(cases))
    except AssertionError:
        pass  # the proofs say which
    answers = found()
    for what, _, code in cases:
        def check(what=what, code=code):
            entry = answers[offsets[what]]
            assert entry['code'] == code and entry['reason_zh'] and entry['reason_en'], entry
        result.prove(f'a dispute {what} is refused as {code}', check)

    def shown():
        steps = exchange.show(case)['steps']
        assert [step['code'] for step in steps if step['result'] == 'REFUSED'] == ['RIGHTS_STEP', 'RIGHTS_WITHDRAWAL'], steps
        assert exchange.show(case)['step'] == 'REJECTED'
    result.prove('a refused step is shown beside the others, and changes nothing', shown)
    ids = [entry['id'] for entry in answers.values()]
    result.prove('all of it can be discarded',
                 lambda: exchange.operator('quarantine', 'discard', *ids, '--officer', '测试员', '--reason', '测试'))


# --- resync ---

def resync_is_one_request_a_partition(exchange):
    schema = avro.Schema(exchange.root / 'schemas/internal/request.avsc')
    ended = exchange.marks('RESYNC_END')
    answer = exchange.answer('resync', 'website', f'{DEPARTMENT}/{ITEM}', '--officer', '测试员', '--reason', exchange.nonce)
    assert (answer['subscriber'], answer['item'], answer['partitions']) == ('website', f'{DEPARTMENT}/{ITEM}', PARTITIONS), answer
    values = [[schema.decode(message.value) for message in messages] for messages in exchange.read('requests')]
    ours = [[value for value in part if value['reason'] == exchange.nonce] for part in values]
    assert [len(part) for part in ours] == [1] * PARTITIONS and all(part == ours[0] for part in ours), ours
    assert (ours[0][0]['kind'], ours[0][0]['item'], ours[0][0]['officer']) == ('RESYNC', f'{DEPARTMENT}/{ITEM}', '测试员'), ours[0]
    exchange.resynced(ended)


def resync_delivers_what_is_current(exchange, repaired):
    exchange.balance()
    lines, ended = exchange.website(), exchange.marks('RESYNC_END')
    exchange.operator('resync', 'website', f'{DEPARTMENT}/{ITEM}', '--officer', '测试员', '--reason', '测试')
    exchange.resynced(ended)
    again = {line['record'] for line in exchange.website()[len(lines):]
             if (line['department'], line['item'], line['operation']) == (DEPARTMENT, ITEM, 'PUT')}
    held = {}
    for line in lines:
        if (line['department'], line['item']) == (DEPARTMENT, ITEM) and 'record' in line:
            held[line['record']] = line['operation'] != 'WITHDRAW'
    assert {record for record, is_held in held.items() if is_held} <= again, 'a record that is held was not named again'
    assert repaired not in again, 'a repaired record came back'


def check_resync(exchange, result, repaired):
    result.prove('a resync is one request in each partition', lambda: resync_is_one_request_a_partition(exchange))
    result.prove('a resync delivers again what is held, and nothing that is not',
                 lambda: resync_delivers_what_is_current(exchange, repaired))
    who = ('--officer', '测试员', '--reason', '测试')
    for what, status, word, arguments in [
            ('an unknown subscriber', 2, 'website', ('resync', 'websit', *who)),
            ('an unknown item', 2, 'penalty', ('resync', 'website', 'market/penalti', *who)),
            ('an item without a department', 2, 'market/penalty', ('resync', 'website', 'penalty', *who)),
            ('an item that no grant is about', 1, '授权', ('resync', 'website', 'tax/payment', *who)),
            ('nobody who answers for it', 2, '--officer', ('resync', 'website', '--reason', '测试')),
            ('a broker that is away', 3, '', ('resync', 'website', *who, '--bootstrap', '127.0.0.1:1'))]:
        def check(status=status, word=word, arguments=arguments):
            _, err = exchange.operator(*arguments, expected=status)
            assert word in err, err
        result.prove(f'resync: {what} is refused with exit {status}', check)


# --- all of it ---

def nothing_personal_was_said(exchange, values):
    said = ''.join(exchange.said)
    for value in values:
        for field in ('record_key', 'subject_id', 'subject_name'):
            at = said.find(value[field]) if value[field] else -1
            assert at < 0, f'a {field} was printed: …{said[max(0, at - 100):at]}'


def check_cases(exchange, result, records):
    (disputed, _), (corrected, _), (repaired, repaired_value), (restricted, _) = records
    case = []
    result.prove('a dispute reaches every holder', lambda: case.append(dispute_reaches_every_holder(exchange, disputed)))
    result.prove('the same step again corrects the case and nothing else',
                 lambda: same_step_again_corrects_the_case(exchange, disputed, case[0]))
    result.prove('a rejected dispute clears the record', lambda: rejected_clears_it(exchange, disputed, case[0]))
    result.prove('the command writes as the contract says', lambda: command_writes_as_the_contract_says(exchange, case[0]))
    result.prove('an upheld correction stays marked, and its department is told',
                 lambda: upheld_correction_stays_marked(exchange, corrected))
    result.prove('officers who send at once are all counted', lambda: two_at_once_are_both_counted(exchange, disputed))
    result.prove('a repair, by the record\'s key, withdraws it everywhere',
                 lambda: repair_withdraws_it_everywhere(exchange, repaired, repaired_value))
    result.prove('a restriction takes it from the public and flags it for others, until it is lifted',
                 lambda: restriction_takes_it_from_the_public(exchange, restricted))
    if case:
        check_refused_before(exchange, result, disputed, restricted, case[0])
        check_refused_by_gateway(exchange, result, case[0])
    result.prove('the gateway has the last word', lambda: gateway_refuses_what_another_catalogue_allows(exchange, disputed))
    check_resync(exchange, result, repaired)


def main():
    environment = {**os.environ, **world.read_environment(sys.argv[1])}
    exchange, result = Exchange(environment), Result()
    result.prove('the books balance before', exchange.balance)
    records = held_by_all(exchange, 4)
    check_cases(exchange, result, records)
    result.prove('no record key, identifier or name was printed',
                 lambda: nothing_personal_was_said(exchange, [value for _, value in records]))
    result.prove('the books balance after', exchange.balance)
    print(f'{result.passed} passed, {result.failed} failed')
    return 0 if result.failed == 0 and result.passed > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
