#!/usr/bin/env python3
"""The uplink to a provincial platform that is as awkward as a real one, on a running exchange: what it holds is what was delivered.

    check.py ENV       ENV is the env file of a demo that has taken the samples

The last line is "N passed, N failed".
"""
import hashlib
import http.client
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import traceback

import openapi_schema_validator
import openapi_spec_validator
import yaml

from place import ROOT, Place, until, world

import ledger
import rules

AWKWARD = {'bad_gateway': 0.08, 'bad_gateway_after': 0.08, 'timeout_after': 0.04, 'hold_ms': 500, 'throttle': 0.08, 'unavailable': 0.05,
           'cut': 0.05, 'repeat': 0.05, 'not_json': 0.05, 'strange_ack': 0.05, 'missing_ack': 0.05, 'change_gov_id': 0.04, 'redirect': 0.03,
           'gov_id_after_ms': 1500, 'seed': 6}
PARTITIONS = 6
WORDS = '不符合省级归集规则'


def the_platform_holds_what_was_delivered_and_nothing_else(place):
    assert place.agree() > 100
    assert place.taken_twice() == []


def a_correction_is_an_update_and_a_withdrawal_quotes_the_gov_id(place):
    place.feed([place.penalty('a', CF_NR='第一版'), place.penalty('b')])
    first = until('both are reported', lambda: place.find('b') and place.find('a'))
    time.sleep(1.1)  # GXSJ has seconds
    place.feed([place.penalty('a', CF_NR='第二版'), place.penalty('b', SCBZ='D')])
    until('the second version is there', lambda: (place.find('a') or {'fields': {}})['fields'].get('CF_NR') == '第二版')
    until('the other is withdrawn', lambda: place.find('b') is None)
    assert place.find('a')['govId'] == first['govId'] and place.find('a')['op'] == 'update', place.find('a')
    place.agree()


def a_withdrawal_waits_until_the_gov_id_is_known(place):
    place.trouble(gov_id_after_ms=12000)
    place.feed([place.penalty('late')])
    row = until('it is reported', lambda: place.find('late'))
    time.sleep(1.1)
    place.feed([place.penalty('late', SCBZ='D')])
    until('it is withdrawn', lambda: place.find('late') is None)
    gone = next(line for line in ledger.read(place.ledger_path) for one in line.get('rows', ())
                if one['rowKey'] == row['rowKey'] and one['state'] == 'withdrawn')
    assert gone['at'] >= row['told_at'] > 0, (gone['at'], row['told_at'])
    place.agree()


def rows_that_the_platform_refuses_stand_alone_and_come_back_with_its_words(place):
    before = set(place.refused())
    place.trouble(bad_rows=0.2)
    place.feed([place.penalty(f'bad-{number}') for number in range(60)])
    until('the rows are reported', lambda: sum(place.find(f'bad-{number}') is not None for number in range(60)) > 30)
    place.agree()
    back = [one for where, one in place.refused().items() if where not in before]
    held = sum(place.find(f'bad-{number}') is not None for number in range(60))
    assert len(back) == 60 - held > 0, (len(back), held)
    assert all(WORDS in one['reason_zh'] and one['item'] == 'penalty' and one['department'] == 'market' for one in back), back[0]


def two_parties_of_one_name_and_document_are_not_both_reported(place):
    place.feed([place.penalty('twin')], item='penalty')
    until('the first is reported', lambda: place.find('twin'))
    before = len(place.refused())
    place.feed([place.penalty('twin', CF_SJLY='另一来源')], department='transport')
    until('the other comes back', lambda: len(place.refused()) > before)
    assert any('DUPLICATE' in one['code'] + one['reason_zh'] for one in place.refused().values()), place.refused()
    place.agree()


def what_came_from_the_province_does_not_go_back(place):
    unit = place.mapping.file['origin']['units'][0]
    place.feed([place.penalty('loop', CF_SJLY=unit), place.penalty('no-loop')])
    until('the other is reported', lambda: place.find('no-loop'))
    place.agree()
    assert place.find('loop') is None


def whatever_goes_wrong_on_the_way_each_record_is_taken_once(place):
    place.trouble(**AWKWARD)
    place.feed_generated(400, seed=6)
    for number in range(4):
        place.feed([place.penalty(f'storm-{number}-{row}') for row in range(40)])
        time.sleep(2)
        place.kill('agent-province')
        if number == 1:
            place.kill('receiver-province')
            until('the platform is back', lambda: answers(place))
            place.trouble(**{**AWKWARD, 'seed': 7})
        time.sleep(4)
    for number in range(100):
        if sum(place.ask('/trouble')['happened'].values()) > 10:
            break
        place.feed([place.penalty(f'more-{number}-{row}') for row in range(3)])
        time.sleep(1)
    place.calm()
    place.agree()
    assert place.taken_twice() == [], place.taken_twice()
    assert all(place.find(f'storm-{number}-{row}') for number in range(4) for row in (0, 39))


def answers(place):
    try:
        return place.ask('/trouble')
    except OSError:
        return None


def a_platform_that_is_down_or_answers_a_gigabyte_is_waited_for(place):
    for number, trouble in enumerate(({'down': True}, {'huge': 1}, {'huge_gzip': 1}, {'redirect': 2})):
        began = len(place.log())
        place.trouble(**trouble)
        place.feed([place.penalty(f'wait-{number}')])
        until(f'{trouble} is told', lambda began=began: 'trying again' in place.log()[began:])
        place.calm()
        until('it is reported', lambda number=number: place.find(f'wait-{number}'))
    place.agree()


def a_certificate_of_a_stranger_gets_nothing(place):
    """A certificate that no authority of ours signed, shown by the same address."""
    folder = place.demo / 'certificates'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
                    '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder / 'stranger.key', '-out',
                    folder / 'stranger.pem'], check=True, capture_output=True)
    began, lines = len(place.log()), sum(1 for _ in ledger.read(place.ledger_path))
    place.trouble(certificate='stranger')
    place.feed([place.penalty('stranger')])
    until('it is told', lambda: 'trying again' in place.log()[began:])
    time.sleep(1)
    assert sum(1 for _ in ledger.read(place.ledger_path)) == lines
    place.calm()
    until('it is reported', lambda: place.find('stranger'))
    place.agree()


def a_day_that_the_platform_lost_is_found_and_sent_again_after_approval(place):
    assert place.compare()['rows'] == []
    lost = place.ask('/lose', {'item': 'market/penalty'})['lost']
    report = place.compare()
    missing = [row for row in report['rows'] if row['kind'] == 'MISSING']
    assert len(missing) == len(report['rows']) == lost > 50, (lost, len(report['rows']))
    assert {row['item'] for row in missing} == {'market/penalty'}
    assert all(item['here'] > item['there'] for item in report['items']), report['items']
    assert (place.state_folder / f"compare-{report['day']}.html").exists()
    assert place.differences(), 'nothing is sent again before it is approved'
    place.resend(report['day'])
    place.agree()
    until('the report tells it', lambda: {row['outcome'] for row in place.report()['rows']} == {'TAKEN'})
    assert place.compare()['rows'] == []


def what_is_another_there_or_not_withdrawn_is_put_right_too(place):
    """The platform goes back to an older state of two rows, and invents a third: by lines in its ledger, while it is down."""
    place.feed([place.penalty('old', CF_NR='旧'), place.penalty('gone')])
    until('both are reported', lambda: place.find('gone') and place.find('old'))
    old, gone = place.find('old'), place.find('gone')
    time.sleep(1.1)
    place.feed([place.penalty('old', CF_NR='新'), place.penalty('gone', SCBZ='D')])
    until('both are changed', lambda: place.find('gone') is None and place.find('old')['fields']['CF_NR'] == '新')
    place.agree()
    invented = {**old, 'rowKey': 'f' * 32, 'govId': 'GX-invented', 'natural': None}
    with open(place.ledger_path, 'ab') as file:
        line = {'at': ledger.now_ms(), 'key': place.nonce, 'body': '', 'status': 200, 'answer': {}, 'rows': [old, gone, invented]}
        file.write(json.dumps(line, ensure_ascii=False).encode() + b'\n')
    place.kill('receiver-province')
    until('the platform is back', lambda: answers(place))
    report = place.compare()
    kinds = sorted((row['kind'], row['rowKey']) for row in report['rows'])
    assert kinds == sorted([('DIFFERENT', old['rowKey']), ('NOT_WITHDRAWN', gone['rowKey']), ('UNKNOWN', 'f' * 32)]), kinds
    place.resend(report['day'])
    until('both are put right', lambda: place.find('gone') is None and place.find('old')['fields']['CF_NR'] == '新')
    report = until('the report tells it', lambda: len([1 for row in place.report()['rows'] if row['outcome'] == 'TAKEN']) == 2 and place.report())
    assert [row['outcome'] for row in report['rows'] if row['kind'] == 'UNKNOWN'] == ['']
    place.ask('/lose', {'rowKey': 'f' * 32})
    place.agree()
    assert place.compare()['rows'] == []


def the_platform_speaks_as_the_interface_says(place):
    interface = yaml.safe_load((ROOT / 'docs/openapi/province.yaml').read_text())
    openapi_spec_validator.validate(interface)
    port = place.environment['XQ_PROVINCE_ADDRESS'].rsplit(':', 1)[1]

    def holds(path, status, data=None):
        body = json.dumps(data, ensure_ascii=False).encode() if data is not None else None
        answer = call(place, port, path, body)
        kinds = interface['paths'][path.split('?')[0]]['get' if data is None else 'post']['responses']
        schema = kinds[str(status)]['content']['application/json']['schema']
        assert answer[0] == status, answer
        openapi_schema_validator.validate(answer[1], {**schema, 'components': interface['components']},
                                          cls=openapi_schema_validator.OAS31Validator)
        return answer[1]
    summary = holds('/summary?from=2000-01-01&to=2099-12-31', 200)
    one = summary['items'][0]
    rows = holds(f"/rows?item={one['item']}&day={one['day']}", 200)['rows']
    assert rules.sum_up((row['rowKey'], row['digest']) for row in rows) == (one['count'], one['digest']) or one['count'] > 1000
    assert holds(f"/rows?rowKey={rows[0]['rowKey']}", 200)['rows'] == rows[:1]
    parts = [holds(f'/summary?from=2000-01-01&to=2099-12-31&part={part}', 200)['items'] for part in range(PARTITIONS)]
    assert sum(item['count'] for part in parts for item in part) == sum(item['count'] for item in summary['items'])
    example = interface['paths']['/batches']['post']['requestBody']['content']['application/json']
    openapi_schema_validator.validate(example['example'], {**example['schema'], 'components': interface['components']},
                                      cls=openapi_schema_validator.OAS31Validator)
    refusal = holds('/batches', 422, example['example'])
    assert (refusal['row'], refusal['rowKey']) == (0, example['example']['rows'][0]['rowKey']), refusal


def batches_may_be_signed(place):
    """A platform of its own that wants signatures, asked by curl with a signature of openssl, and without one."""
    with tempfile.TemporaryDirectory() as name:
        folder, keys = pathlib.Path(name), pathlib.Path(name) / 'keys'
        keys.mkdir()
        subprocess.run(['openssl', 'genpkey', '-algorithm', 'SM2', '-out', folder / 'sign.pem'], check=True, capture_output=True)
        key_id = '0123456789abcdef'
        subprocess.run(['openssl', 'pkey', '-in', folder / 'sign.pem', '-pubout', '-out', keys / f'{key_id}.pem'], check=True)
        simulator = subprocess.Popen([ROOT / 'tests/province/simulator.py', '--folder', folder, '--certificates', place.demo / 'certificates',
                                      '--signing-keys', keys], stderr=subprocess.DEVNULL)
        try:
            port = until('it listens', lambda: (folder / 'ports').exists() and (folder / 'ports').read_text().split()[0])
            body = folder / 'body'
            body.write_text(json.dumps({'rows': [{'op': 'add', 'rowKey': '1' * 32, 'type': 'LIST', 'item': 'market/list', 'part': 0, 'serial': 1,
                                                  'day': '2026-11-24', 'fields': {'MD_MC': '名单'}}]}))
            subprocess.run(['openssl', 'pkeyutl', '-sign', '-inkey', folder / 'sign.pem', '-rawin', '-digest', 'sm3', '-pkeyopt',
                            'distid:1234567812345678', '-in', body, '-out', folder / 'signature'], check=True)
            signature = subprocess.run(['base64', '-w0', folder / 'signature'], check=True, capture_output=True, text=True).stdout
            good = ('-H', f'X-Key-Id: {key_id}', '-H', f'X-Signature: {signature}')
            assert curl(place, port, body, 'a') == '401' and curl(place, port, body, 'b', good[2:]) == '401'
            assert curl(place, port, body, 'c', ('-H', f'X-Key-Id: {key_id}', '-H', f'X-Signature: {signature[:-8]}AAAA===='[:-4])) == '401'
            assert curl(place, port, body, 'd', good) == '200'
        finally:
            simulator.kill()
            simulator.wait()


def call(place, port, path, body=None):
    """(status, answer)"""
    context = ssl.create_default_context(cafile=place.demo / 'certificates/ca.pem')
    context.load_cert_chain(place.demo / 'certificates/province-agent.pem', place.demo / 'certificates/province-agent.key')
    connection = http.client.HTTPSConnection('127.0.0.1', int(port), context=context, timeout=60)
    connection.request('GET' if body is None else 'POST', path, body, {'Idempotency-Key': hashlib.sha256(body or b'').hexdigest()})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def curl(place, port, body, key, more=()):
    certificates = place.demo / 'certificates'
    return subprocess.run(['curl', '-s', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', certificates / 'ca.pem', '--cert',
                           certificates / 'province-agent.pem', '--key', certificates / 'province-agent.key', '--data-binary', f'@{body}', '-H',
                           f'Idempotency-Key: {key * 64}', *more, f'https://127.0.0.1:{port}/batches'], check=True, capture_output=True,
                          text=True).stdout


PROMISES = [the_platform_holds_what_was_delivered_and_nothing_else, a_correction_is_an_update_and_a_withdrawal_quotes_the_gov_id,
            a_withdrawal_waits_until_the_gov_id_is_known, rows_that_the_platform_refuses_stand_alone_and_come_back_with_its_words,
            two_parties_of_one_name_and_document_are_not_both_reported, what_came_from_the_province_does_not_go_back,
            whatever_goes_wrong_on_the_way_each_record_is_taken_once, a_platform_that_is_down_or_answers_a_gigabyte_is_waited_for,
            a_certificate_of_a_stranger_gets_nothing, a_day_that_the_platform_lost_is_found_and_sent_again_after_approval,
            what_is_another_there_or_not_withdrawn_is_put_right_too, the_platform_speaks_as_the_interface_says, batches_may_be_signed]


def main():
    place = Place(world.read_environment(sys.argv[1]))
    passed, failed, wanted = 0, 0, set(sys.argv[2:])
    for promise in PROMISES:
        if wanted and promise.__name__ not in wanted:
            continue
        started = time.monotonic()
        try:
            promise(place)
            passed += 1
            print(f'✓ {promise.__name__}, {time.monotonic() - started:.0f} s', flush=True)
        except Exception:  # noqa: BLE001 every failure is told, and the others go on
            failed += 1
            print(f'✗ {promise.__name__}\n{traceback.format_exc()}', flush=True)
        finally:
            place.calm()
    print(f'{passed} passed, {failed} failed')
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
