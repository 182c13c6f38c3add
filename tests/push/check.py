#!/usr/bin/env python3
"""Pushes by curl to an adapter on a real broker, with certificates made by openssl: what is answered, kept, refused and cut off.

    check.py ENV       ENV is the env file of a demo

The last line is "N passed, N failed".
"""
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import traceback

import openapi_schema_validator
import openapi_spec_validator
import yaml

from place import ROOT, Place, read_environment, row, until

CONNECTIONS = int(os.environ.get('XQ_PUSH_CONNECTIONS', '5500'))
EASY = 'requests_per_minute = 1000000; burst = 1000000; max_connections = 256;'
TIGHT = '''requests_per_minute = 60; burst = 5; max_body_bytes = 20000; max_rows = 10; header_ms = 1500; body_ms = 3000; max_at_once = 3;
  max_connections = 200; max_connections_per_address = 40; send_ms = 2000; keep_count = 100;'''
CROWD = f'header_ms = 60000; max_connections = {CONNECTIONS + 200}; max_connections_per_address = 40;'


def statuses(answer):
    return [result['status'] for result in answer.json['results']]


def raw(place, client='vendor', source=None):
    """A TLS connection as this client, made by hand."""
    context = ssl.create_default_context(cafile=place.certificate('ca'))
    context.load_cert_chain(place.certificate(client), place.certificate(client, 'key'))
    plain = socket.create_connection(('127.0.0.1', place.port), timeout=30, source_address=(source, 0) if source else None)
    return context.wrap_socket(plain, server_hostname='127.0.0.1')


def head_of(path, length, key):
    return (f'POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n'
            f'Content-Length: {length}\r\n\r\n').encode()


def is_cut(connection, wait_s=20):
    """Whether the other side ends the connection."""
    connection.settimeout(wait_s)
    try:
        while connection.recv(4096):
            pass
        return True
    except socket.timeout:
        return False
    except OSError:
        return True


# --- with plenty of room ---

def each_row_is_answered_in_the_order_sent(place):
    answer = place.push([row(1), row(2), {'nobody': 1}, row(3, ABNTIME='2025-13-40'), row(1), {'PRIPID': {'x': 1}}, 5])
    assert answer.status == 200 and answer.headers['content-type'] == 'application/json', answer
    assert statuses(answer) == ['accepted', 'accepted', 'refused', 'refused', 'duplicate', 'refused', 'refused'], answer
    refused = {result['row']: result for result in answer.json['results'] if result['status'] == 'refused'}
    assert [refused[number]['code'] for number in (3, 4, 6, 7)] == ['COLUMN_UNKNOWN', 'VALUE_DATE', 'JSON_NESTED', 'JSON_SYNTAX'], answer
    assert refused[4]['column'] == 'ABNTIME' and refused[4]['reason_zh'] and refused[4]['reason_en'], answer
    assert (answer.json['rows'], answer.json['accepted'], answer.json['duplicate'], answer.json['refused']) == (7, 2, 1, 4), answer
    assert len(place.events()) == 2
    found = place.quarantined()
    assert [(one['line'], one['code'], one['stage']) for one in found] == [
        (3, 'COLUMN_UNKNOWN', 'adapter.read'), (4, 'VALUE_DATE', 'adapter.map'), (6, 'JSON_NESTED', 'adapter.read'),
        (7, 'JSON_SYNTAX', 'adapter.read')], found
    assert found[0]['source'].startswith('vendor/'), found[0]


def lines_are_rows_and_a_broken_line_costs_only_itself(place):
    good = json.dumps(row(11), ensure_ascii=False).encode()
    body = good + b'\n{"PRIPID": \n\n' + good.replace(b'11"', b'12"', 1).replace('柳'.encode(), b'\xff\xfe') + b'\r\n' + good
    answer = place.push(body, form='application/x-ndjson; charset=utf-8')
    assert statuses(answer) == ['accepted', 'refused', 'refused', 'duplicate'], answer
    assert [result.get('code') for result in answer.json['results']] == [None, 'JSON_SYNTAX', 'ROW_ENCODING', None], answer


def an_array_may_be_written_in_many_lines(place):
    answer = place.push(json.dumps([row(13), row(14)], indent=4, ensure_ascii=True))
    assert statuses(answer) == ['accepted', 'accepted'], answer
    assert statuses(place.push('\ufeff [ ] \n'.encode())) == []


def the_same_key_and_body_is_answered_the_same(place):
    key, rows, before = place.key(), [row(21), row(22)], len(place.events())
    first = place.push(rows, key=key)
    again = place.push(rows, key=f'"{key}"')
    assert first.status == again.status == 200 and first.text == again.text, (first, again)
    assert 'idempotency-replayed' not in first.headers and again.headers['idempotency-replayed'] == 'true', again
    other = place.push([row(23)], key=key)
    assert other.status == 422 and other.json['code'] == 'IDEMPOTENCY_KEY_REUSED', other
    elsewhere = place.push(rows, key=key, client='pinned')
    assert elsewhere.status == 200 and statuses(elsewhere) == ['duplicate', 'duplicate'], elsewhere
    assert len(place.events()) == before + 2


def many_repetitions_at_once_are_taken_once(place):
    key, rows, before = place.key(), [row(1000 + number) for number in range(2000)], len(place.events())
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: place.push(rows, key=key), range(6)))
    assert {answer.status for answer in answers} <= {200, 409}, answers
    assert len({answer.text for answer in answers if answer.status == 200}) == 1, answers
    assert all(answer.headers.get('retry-after') for answer in answers if answer.status == 409), answers
    assert len(place.events()) == before + 2000


def answers_outlive_the_adapter(place):
    key, rows = place.key(), [row(31), {'nobody': 1}, row(31)]
    first = place.push(rows, key=key)
    for how in (signal.SIGTERM, signal.SIGKILL):
        assert place.stop(how) == (0 if how == signal.SIGTERM else -signal.SIGKILL)
        place.start()
        again = place.push(rows, key=key)
        assert again.text == first.text and again.headers['idempotency-replayed'] == 'true', (first, again)
    assert place.push([row(32)], key=key).status == 422
    assert statuses(place.push([row(31)])) == ['duplicate']


def a_changed_row_is_a_new_version_and_an_older_one_stays_older(place):
    assert statuses(place.push([row(41), row(41, REMDATE='2026-09-02', TS='2026-09-02 08:00:00')])) == ['accepted', 'accepted']
    mine = [event for event in place.events() if event['record_key'].split('|')[1] == row(41)['PRIPID']]
    assert len(mine) == 2 and mine[0]['version'] < mine[1]['version'], mine
    assert statuses(place.push([row(41, OP='d', TS='2026-09-03 08:00:00')])) == ['accepted']
    assert statuses(place.push([row(41, OP='d', TS='2026-09-03 08:00:00')])) == ['duplicate']


def strangers_are_refused_with_a_reason_and_a_line(place):
    wanted = {None: (401, 'NO_CERTIFICATE'), 'forged': (403, 'CERTIFICATE_UNTRUSTED'), 'expired': (403, 'CERTIFICATE_EXPIRED'),
              'wrong-purpose': (403, 'CERTIFICATE_PURPOSE'), 'unknown': (403, 'UNKNOWN_CLIENT'), 'other': (403, 'WRONG_FEED')}
    before = len(place.events())
    for client, (status, code) in wanted.items():
        answer = place.push([row(51)], client=client)
        assert (answer.status, answer.json['code']) == (status, code), answer
        assert answer.headers['content-type'] == 'application/problem+json' and answer.json['status'] == status, answer
        assert answer.json['type'] == 'urn:xinqiao:problem:' + code.lower().replace('_', '-'), answer
        line = [line for line in place.log().splitlines() if f'code={code} ' in line and 'event="push refused"' in line]
        assert line and 'address=127.0.0.1' in line[-1] and (client is None or 'CN=' in line[-1]), line
    assert 'ENTNAME' not in place.log() and 'PRIVATE' not in place.log()
    assert len(place.events()) == before
    assert place.push([row(51)], client='pinned').status == 200


def old_versions_of_tls_are_not_spoken(place):
    assert place.curl('/feeds', '--tls-max', '1.1').exit_status == 35
    assert place.curl('/feeds', '--tlsv1.2', '--tls-max', '1.2').status == 200
    assert place.curl('/feeds', '--tlsv1.3').status == 200


def what_is_not_there_is_told(place):
    for path, arguments, status, code in [
            ('/feeds/nothing', (), 404, 'NO_SUCH_FEED'), ('/', (), 404, 'NOT_FOUND'), ('/feeds/../etc/passwd', ('--path-as-is',), 404, 'NO_SUCH_FEED'),
            ('/feeds/abnormal.operation', ('-X', 'DELETE'), 405, 'WRONG_METHOD'), ('/feeds', ('-X', 'POST'), 405, 'WRONG_METHOD')]:
        answer = place.curl(path, *arguments)
        assert (answer.status, answer.json['code']) == (status, code), (path, answer)
    assert place.curl('/feeds', '-X', 'POST').headers['allow'] == 'GET'


def what_is_no_delivery_is_told(place):
    before = len(place.events())
    good = json.dumps([row(61)])
    for body, arguments, form, status, code in [
            (good, ('-H', 'Content-Encoding: gzip'), 'application/json', 415, 'WRONG_ENCODING'),
            (good, (), 'text/csv', 415, 'WRONG_TYPE'), (good, (), 'application/json; charset=gbk', 415, 'WRONG_TYPE'),
            (good, ('-H', 'Idempotency-Key;'), 'application/json', 400, 'IDEMPOTENCY_KEY_BAD'),
            (good[:-1], (), 'application/json', 400, 'JSON_SYNTAX'), ('{}', (), 'application/json', 400, 'JSON_NO_ARRAY'),
            ('', (), 'application/json', 400, 'JSON_NO_ARRAY'), ('[' * 100000, (), 'application/json', 400, 'JSON_SYNTAX')]:
        key = {'key': ' '} if 'BAD' in code else {}
        answer = place.push(body, *(arguments if 'BAD' not in code else ()), form=form, **key) if 'BAD' not in code else \
            place.curl('/feeds/abnormal.operation', '-H', 'Content-Type: application/json', '-H', 'Idempotency-Key: a b', data=body)
        assert (answer.status, answer.json['code']) == (status, code), (code, answer)
    answer = place.curl('/feeds/abnormal.operation', '-H', 'Content-Type: application/json', data=good)
    assert (answer.status, answer.json['code']) == (400, 'IDEMPOTENCY_KEY_MISSING'), answer
    answer = place.push('[\n{"PRIPID": "1"},\n {"PRIPID" "2"}]')
    assert '第3行第12列' in answer.json['reason_zh'] and 'line 3, column 12' in answer.json['reason_en'], answer
    assert len(place.events()) == before


def a_body_cut_off_is_not_taken(place):
    before, key, body = len(place.events()), place.key(), json.dumps([row(71), row(72)]).encode()
    for part in (0, 10, len(body) - 1):
        with raw(place) as connection:
            connection.sendall(head_of('/feeds/abnormal.operation', len(body), key) + body[:part])
    time.sleep(0.5)
    assert len(place.events()) == before
    assert statuses(place.push(body, key=key)) == ['accepted', 'accepted']


def one_connection_serves_many_requests(place):
    body = json.dumps([row(81)]).encode()
    with raw(place) as connection:
        for number in range(20):
            connection.sendall(head_of('/feeds/abnormal.operation', len(body), f'many-{number}') + body)
            text = b''
            while b'"results"' not in text or not text.endswith(b'}'):
                piece = connection.recv(65536)
                assert piece, text
                text += piece
            assert text.startswith(b'HTTP/1.1 200'), text


def long_bodies_go_by_disk_and_come_whole(place):
    before, rows = len(place.events()), [row(100000 + number) for number in range(10000)]
    answer = place.push(rows)
    assert answer.status == 200 and answer.json['accepted'] == 10000, answer
    assert len(place.events()) == before + 10000
    assert not list((place.folder / 'state').glob('push-body-*'))


def many_refused_rows_have_an_answer_too(place):
    answer = place.push([row(number, ABNTIME='x' * (number % 90 + 1)) for number in range(9999)])
    assert answer.status == 200 and answer.json['refused'] == 9999, answer
    assert all(result['code'] == 'VALUE_DATE' for result in answer.json['results'])


def clients_see_how_their_feeds_stand(place):
    place.push([row(91), {'nobody': 1}])
    answer = place.curl('/feeds/abnormal.operation')
    assert answer.json['last'] == {'rows': 2, 'accepted': 1, 'duplicate': 0, 'refused': 1} and answer.json['paused'] is False, answer
    assert [feed['feed'] for feed in place.curl('/feeds').json['feeds']] == ['abnormal.operation']
    assert [feed['feed'] for feed in place.curl('/feeds', client='pinned').json['feeds']] == ['abnormal.operation', 'registration.basic']


def the_interface_is_served_as_it_is_written(place):
    answer = place.curl('/openapi.yaml')
    assert answer.status == 200 and answer.text == (ROOT / 'docs/openapi/push.yaml').read_text()


def the_interface_is_openapi_and_answers_are_as_it_says(place):
    interface = yaml.safe_load((ROOT / 'docs/openapi/push.yaml').read_text())
    openapi_spec_validator.validate(interface)

    def holds(answer, name):
        schema = {'$ref': f'#/components/schemas/{name}', 'components': interface['components']}
        openapi_schema_validator.validate(answer.json, schema, cls=openapi_schema_validator.OAS31Validator)
        properties = set(interface['components']['schemas'][name]['properties'])
        assert set(answer.json) <= properties, set(answer.json) - properties
    holds(place.push([row(97), {'nobody': 1}, row(97)]), 'Answer')
    holds(place.push('['), 'Problem')
    holds(place.push([], client=None), 'Problem')
    holds(place.curl('/feeds/abnormal.operation'), 'Feed')
    told = {str(place.push([], **more).status) for more in ({'client': None}, {'client': 'other'}, {'form': 'text/csv'})}
    assert told < set(interface['paths']['/feeds/{feed}']['post']['responses']), told


def the_examples_of_the_recipe_run(place):
    page = (ROOT / 'docs/recipes/push.md').read_text()
    examples = dict(re.findall(r'```(sh|python)\n(.*?)```', page, re.DOTALL))
    folder = place.folder / 'certificates'
    (folder / 'rows.ndjson').write_text(json.dumps(row(98)) + '\n' + json.dumps(row(99)) + '\n')
    done = subprocess.run(['bash', '-ec', examples['sh']], cwd=folder, capture_output=True, text=True, check=False,
                          env={**os.environ, 'PUSH': place.url(''), 'FEED': 'abnormal.operation'})
    assert done.returncode == 0 and json.loads(done.stdout)['accepted'] == 2, done
    names = {}
    exec(examples['python'], names)  # pylint: disable=exec-used
    results = names['push'](place.url(''), 'abnormal.operation', [row(98), row(100)], 'recipe', place.certificate('ca'),
                            place.certificate('vendor'), place.certificate('vendor', 'key'))
    assert [result['status'] for result in results] == ['duplicate', 'accepted'], results
    try:
        names['push'](place.url(''), 'abnormal.operation', [row(101)], 'recipe', place.certificate('ca'), place.certificate('vendor'),
                      place.certificate('vendor', 'key'))
        raise AssertionError('another body under the same key was taken')
    except RuntimeError as refusal:
        assert 'IDEMPOTENCY_KEY_REUSED' in str(refusal)


def a_paused_feed_takes_nothing(place):
    before, key, rows = len(place.events()), place.key(), [row(95)]
    place.operator('feeds', 'pause', f'{place.name}/abnormal.operation', '--reason', 'test', '--officer', 'test')
    until('the pause is seen', lambda: place.curl('/feeds/abnormal.operation').json['paused'])
    answer = place.push(rows, key=key)
    assert answer.status == 503 and answer.json['code'] == 'FEED_PAUSED' and answer.headers['retry-after'], answer
    assert place.push([row(95)], feed='registration.basic', client='pinned').status == 200
    place.operator('feeds', 'resume', f'{place.name}/abnormal.operation', '--reason', 'test', '--officer', 'test')
    until('the pause ends', lambda: not place.curl('/feeds/abnormal.operation').json['paused'])
    assert len(place.events()) == before and statuses(place.push(rows, key=key)) == ['accepted']


# --- with little room ---

def too_much_is_told(place):
    answer = place.push('[' + ' ' * 30000 + ']')
    assert (answer.status, answer.json['code']) == (413, 'TOO_LARGE') and '20000' in answer.json['reason_zh'], answer
    answer = place.push('[' + ' ' * 30000 + ']', '-H', 'Transfer-Encoding: chunked')
    assert (answer.status, answer.json['code']) == (413, 'TOO_LARGE'), answer
    answer = place.push('[' + ','.join(['{}'] * 11) + ']', client='pinned')
    assert (answer.status, answer.json['code']) == (413, 'ROWS_TOO_MANY') and '10' in answer.json['reason_zh'], answer
    answer = place.curl('/feeds/' + 'x' * 20000, client='pinned')
    assert answer.status in (404, 414, 431), answer
    answer = place.curl('/feeds', '-H', 'X-Long: ' + 'x' * 40000, client='pinned')
    assert answer.status in (400, 413, 431) or answer.exit_status, answer


def too_fast_is_told_and_costs_no_other_client(place):
    answers = [place.curl('/feeds', client='other') for _ in range(12)]
    late = [answer for answer in answers if answer.status == 429]
    assert late and late[0].json['code'] == 'TOO_FAST' and int(late[0].headers['retry-after']) >= 1, answers
    assert place.curl('/feeds', client='pinned').status in (200, 429)
    time.sleep(int(late[-1].headers['retry-after']) + 1)
    assert place.curl('/feeds', client='other').status == 200


def slow_clients_are_cut_off(place):
    started = time.monotonic()
    idle, silent = raw(place), socket.create_connection(('127.0.0.1', place.port))
    dribbling, slow = raw(place), raw(place, client='other')
    slow.sendall(head_of('/feeds/registration.basic', 1000, 'slow'))
    cut = {}

    def dribble(name, connection):
        try:
            while time.monotonic() - started < 20:
                connection.sendall(b'G' if name == 'headers' else b' ')
                time.sleep(0.2)
        except OSError:
            cut[name] = time.monotonic() - started

    threads = [threading.Thread(target=dribble, args=pair) for pair in (('headers', dribbling), ('body', slow))]
    for thread in threads:
        thread.start()
    assert is_cut(idle) and is_cut(silent)
    for thread in threads:
        thread.join()
    assert set(cut) == {'headers', 'body'} and max(cut.values()) < 15, cut
    for connection in (idle, silent, dribbling, slow):
        connection.close()


def one_address_has_its_share_of_connections_only(place):
    held = []
    try:
        for _ in range(60):
            connection = socket.create_connection(('127.0.0.1', place.port))
            held.append(connection)
        time.sleep(0.3)
        shut = sum(is_shut(connection) for connection in held)
        assert shut >= 15, shut
        with raw(place, source='127.0.0.77') as other:
            other.sendall(b'GET /feeds HTTP/1.1\r\nHost: here\r\n\r\n')
            assert other.recv(100).startswith(b'HTTP/1.1 '), 'another address waits'
    finally:
        for connection in held:
            connection.close()


def is_shut(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) == b''
    except BlockingIOError:
        return False
    except OSError:
        return True


def resident_kib(pid):
    text = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(text.split('VmRSS:')[1].split()[0])


def connect_silently(place, count, held):
    """So many connections, thirty of an address."""
    for _ in range(count):
        number = len(held)
        connection = socket.socket()
        connection.bind((f'127.0.{1 + number // 30 // 250}.{1 + number // 30 % 250}', 0))
        connection.setblocking(False)
        connection.connect_ex(('127.0.0.1', place.port))
        held.append(connection)


def open_files(place):
    return len(os.listdir(f'/proc/{place.process.pid}/fd'))


def thousands_of_connections_cost_nobody_else_anything(place):
    """As many as this machine lets us open, from many addresses, each silent; meanwhile a client pushes."""
    held, times, most, before = [], [], 0, open_files(place)
    try:
        for number in range(0, CONNECTIONS, 500):
            connect_silently(place, 500, held)
            started = time.monotonic()
            answer = place.push([row(200000 + number)], client='pinned', timeout=60)
            assert answer.status == 200, answer
            times.append(time.monotonic() - started)
            most = max(most, open_files(place) - before)
        until('all are there', lambda: open_files(place) - before >= CONNECTIONS * 0.95, 20)
        used = resident_kib(place.process.pid)
        assert max(times) < 10, times
        assert used < 1024 * 1024, used
        print(f'    {open_files(place) - before} connections at once: pushes took {max(times):.2f} s at most, the adapter {used // 1024} MiB')
    finally:
        for connection in held:
            connection.close()
    until('they are gone', lambda: open_files(place) - before < 100, 60)


def beyond_the_limit_silent_connections_make_room(place):
    held = []
    try:
        connect_silently(place, 1000, held)
        answer = place.push([row(300000)], client='pinned', timeout=60)
        assert answer.status in (200, 429), answer
        assert open_files(place) < 400, open_files(place)
    finally:
        for connection in held:
            connection.close()


ROOMY = [
    each_row_is_answered_in_the_order_sent, lines_are_rows_and_a_broken_line_costs_only_itself, an_array_may_be_written_in_many_lines,
    the_same_key_and_body_is_answered_the_same, many_repetitions_at_once_are_taken_once, answers_outlive_the_adapter,
    a_changed_row_is_a_new_version_and_an_older_one_stays_older, strangers_are_refused_with_a_reason_and_a_line,
    old_versions_of_tls_are_not_spoken, what_is_not_there_is_told, what_is_no_delivery_is_told, a_body_cut_off_is_not_taken,
    one_connection_serves_many_requests, long_bodies_go_by_disk_and_come_whole, many_refused_rows_have_an_answer_too,
    clients_see_how_their_feeds_stand, the_interface_is_served_as_it_is_written,
    the_interface_is_openapi_and_answers_are_as_it_says, the_examples_of_the_recipe_run, a_paused_feed_takes_nothing,
]
NARROW = [too_much_is_told, too_fast_is_told_and_costs_no_other_client, slow_clients_are_cut_off,
          one_address_has_its_share_of_connections_only, beyond_the_limit_silent_connections_make_room]
MANY = [thousands_of_connections_cost_nobody_else_anything]


def run(environment, name, options, tests, only):
    passed = failed = 0
    place = Place(environment, name, options)
    try:
        place.start()
        for test in tests:
            if only and test.__name__ not in only:
                continue
            started = time.monotonic()
            try:
                test(place)
                passed += 1
                print(f'  ✓ {test.__name__}, {time.monotonic() - started:.1f} s', flush=True)
            except Exception:  # whatever it is, the others are tried too
                failed += 1
                print(f'  ✗ {test.__name__}\n{traceback.format_exc()}', flush=True)
        assert place.stop() == 0, 'the adapter ended badly'
    finally:
        if failed:
            print(place.log()[-5000:])
        place.close()
    return passed, failed


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    environment, only = read_environment(sys.argv[1]), set(sys.argv[2:])
    results = [run(environment, 'push', EASY, ROOMY, only), run(environment, 'pushnarrow', TIGHT, NARROW, only),
               run(environment, 'pushmany', CROWD, MANY, only)]
    passed, failed = (sum(counts) for counts in zip(*results))
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
