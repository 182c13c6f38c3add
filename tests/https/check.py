#!/usr/bin/env python3
"""The https sink against the reference receiver over real TLS: what is delivered, what is not believed, and what is said about it.

    check.py PROGRAM       PROGRAM is https_push of tests/programs

The last line is "N passed, N failed".
"""
import base64
import json
import pathlib
import re
import struct
import subprocess
import sys
import threading
import time
import traceback

import openapi_schema_validator
import openapi_spec_validator
import yaml

from place import Place, ROOT, TOPIC, free_port, is_open, openssl, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'reader'))
import merkle  # noqa: E402

ALL = {f'{TOPIC}/{partition}': 200 for partition in range(3)}


def whole(place):
    """What the tables hold when all has come as it should."""
    if not hasattr(place, 'kept'):
        with place.receiver() as receiver:
            pushed = place.push(receiver.port)
            assert pushed.status == 0 and pushed.settled == 600 and pushed.retries == 0, pushed
            assert receiver.sizes() == ALL
            place.kept = receiver.content()
        assert len(place.kept) > 300 and any(row[5] for row in place.kept) and any(row[4] == 'DISPUTED' for row in place.kept)
    return place.kept


# --- as it should be ---

def all_is_delivered_once_and_in_order(place):
    whole(place)


def what_comes_again_changes_nothing(place):
    with place.receiver() as receiver:
        for records in (50, 33, 200, 7):
            pushed = place.push(receiver.port, records=records)
            assert pushed.status == 0 and pushed.settled == 600 and pushed.refused == 0 and pushed.retries == 0, pushed
            assert receiver.sizes() == ALL and receiver.content() == whole(place)


def the_same_batch_has_the_same_key_and_no_other_has(place):
    keys = []
    for _ in range(2):
        with place.receiver() as receiver:
            place.push(receiver.port)
            keys.append(sorted(line.split()[2] for line in receiver.asked()))
    assert keys[0] == keys[1] and len(set(keys[0])) == len(keys[0]) > 9, keys
    assert all(re.fullmatch('[0-9a-f]{64}', key) for key in keys[0])


def a_receiver_that_is_killed_goes_on_where_it_stood(place):
    store, port = place.new_store(), free_port()
    ends = threading.Event()
    killed = []

    def come_and_go():
        while not ends.is_set():
            with place.receiver(store=store, port=port):
                ends.wait(0.4)
            killed.append(1)
        with place.receiver(store=store, port=port):
            done.wait(60)
    done = threading.Event()
    thread = threading.Thread(target=come_and_go)
    thread.start()
    threading.Timer(4, ends.set).start()
    try:
        pushed = place.push(port, {'seconds': 60}, records=5)
    finally:
        ends.set()
        done.set()
        thread.join()
    assert pushed.status == 0 and pushed.settled == 600, pushed
    with place.receiver(store=store) as receiver:
        assert killed and receiver.content() == whole(place), len(killed)


def without_compression_too(place):
    with place.receiver() as receiver:
        assert place.push(receiver.port, compress=False).status == 0
        assert receiver.content() == whole(place)


def a_receiver_of_json_refuses_avro_alone(place):
    with place.receiver() as receiver:
        pushed = place.push(receiver.port, format='avro')
        assert pushed.settled == pushed.refused == 600 and 'code=NO_DATA' in pushed.text, pushed
        assert receiver.sizes() == ALL


def http_2_is_spoken_where_it_is_offered(place):
    port, root = free_port(), place.folder / 'h2'
    root.mkdir(exist_ok=True)
    results = [{'id': f'{TOPIC}/0/{leaf}', 'outcome': 'applied'} for leaf in range(20)]
    (root / 'deliveries').write_text(json.dumps({'results': results}))
    log = open(place.folder / 'h2.log', 'w+', encoding='utf-8')
    server = subprocess.Popen(['nghttpd', '-v', '-a', '127.0.0.1', '-d', root, '--verify-client', str(port),
                               place.certificate('server', 'key'), place.certificate('server')], stdout=log, stderr=log)
    try:
        until('nghttpd listens', lambda: is_open(port))
        pushed = place.push(port, {'deliveries': 20, 'partitions': 1, 'seconds': 60})
    finally:
        server.kill()
        server.wait()
    log.seek(0)
    assert pushed.status == 0 and pushed.settled == 20, pushed
    assert 'content-encoding: gzip' in log.read()


# --- who is at the other end ---

def nothing_is_sent_to_who_has_a_wrong_certificate(place):
    for certificate, code in (('forged', 'TLS_CERTIFICATE'), ('expired', 'TLS_CERTIFICATE_EXPIRED'), ('elsewhere', 'TLS_HOST_NAME'),
                              ('for-clients', 'TLS_CERTIFICATE')):
        with place.receiver(certificate=certificate) as receiver:
            place.push_badly(receiver.port, code)
            assert receiver.asked() == [] and receiver.sizes() == {}, certificate


def tls_below_1_2_is_not_spoken(place):
    with place.receiver('old-tls') as receiver:
        place.push_badly(receiver.port, 'TLS_VERSION')
        assert receiver.asked() == []


def who_has_no_tls_is_no_receiver(place):
    server = subprocess.Popen([sys.executable, '-m', 'http.server', '--bind', '127.0.0.1', str(port := free_port())], stderr=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, cwd=place.folder / 'keys')
    try:
        until('it listens', lambda: is_open(port))
        place.push_badly(port, 'TLS_FAILED')
    finally:
        server.kill()
        server.wait()


def our_certificate_is_shown_and_its_refusal_told(place):
    for client in ('stranger', 'agent-expired'):
        with place.receiver() as receiver:
            pushed = place.push_badly(receiver.port, 'TLS_CLIENT_CERTIFICATE', 'HTTP_CUT_OFF', client=client)
            assert 'our certificate' in pushed.first and '我方证书' in pushed.first, pushed
            assert receiver.asked() == []


def a_redirect_is_not_followed(place):
    with place.receiver() as elsewhere:
        with place.receiver(f'redirect:https://127.0.0.1:{elsewhere.port}/deliveries') as receiver:
            place.push_badly(receiver.port, 'HTTP_REDIRECT')
            assert len(receiver.asked()) > 0
        assert elsewhere.asked() == []


def no_proxy_of_the_environment_is_used(place):
    with place.receiver() as receiver:
        proxy = f'http://127.0.0.1:{free_port()}'
        environment = {name: proxy for name in ('https_proxy', 'HTTPS_PROXY', 'ALL_PROXY', 'all_proxy')}
        assert place.push(receiver.port, environment=environment).settled == 600


def who_is_not_there_is_waited_for(place):
    port = free_port()
    place.push_badly(port, 'HTTP_NOT_CONNECTED')
    place.push_badly(port, 'HTTP_NO_SUCH_HOST', host='receiver.invalid')


# --- answers ---

def an_answer_of_1_gb_is_cut_off(place):
    for how in ('said', 'unsaid', 'packed'):
        with place.receiver(f'long:{how}') as receiver:
            place.push_badly(receiver.port, 'HTTP_ANSWER_TOO_LONG', max_answer_bytes=1024 * 1024)
            assert place.memory_bytes < 400 * 1024 * 1024, place.memory_bytes


def what_cannot_be_true_counts_for_nothing(place):
    for manner, code in (('text:not JSON', 'ANSWER_NOT_JSON'), ('text:{"results": 1}', 'ANSWER_RESULTS'), ('text:[]', 'ANSWER_RESULTS'), ('text:', 'ANSWER_NOT_JSON'),
                         ('text:{"results": []}', 'ANSWER_MISSING'), ('results:missing', 'ANSWER_MISSING'), ('results:twice', 'ANSWER_TWICE'),
                         ('results:unknown', 'ANSWER_NOT_SENT'), ('results:other-log', 'ANSWER_NOT_SENT'), ('results:no-id', 'ANSWER_NOT_SENT'),
                         ('results:outcome', 'ANSWER_OUTCOME'), ('results:order', 'ANSWER_ORDER')):
        with place.receiver(manner) as receiver:
            pushed = place.push_badly(receiver.port, code)
            assert ' away=1 ' in pushed.first, pushed


def statuses_say_whose_turn_it_is(place):
    for status, code, away in ((401, 'HTTP_FORBIDDEN', 1), (403, 'HTTP_FORBIDDEN', 1), (404, 'HTTP_UNEXPECTED', 1), (204, 'HTTP_UNEXPECTED', 1),
                               (400, 'HTTP_BATCH', 0), (422, 'HTTP_BATCH', 0), (409, 'HTTP_BATCH', 0), (413, 'HTTP_TOO_LARGE', 0),
                               (408, 'HTTP_SERVER', 1), (500, 'HTTP_SERVER', 1), (502, 'HTTP_SERVER', 1)):
        with place.receiver(f'status:{status}') as receiver:
            pushed = place.push_badly(receiver.port, code)
            assert f' away={away} retry_ms=0 ' in pushed.first and f'HTTP {status}' in pushed.first, pushed
            assert ('AWKWARD' in pushed.first) == (status != 204) and '\x07' not in pushed.text, pushed


def retry_after_is_heeded(place):
    for status in (429, 503):
        with place.receiver(f'status:{status}:2', 3) as receiver:
            started = time.monotonic()
            pushed = place.push(receiver.port)
            assert pushed.status == 0 and pushed.retries == 3 and ' retry_ms=2000 ' in pushed.first and time.monotonic() - started >= 2, pushed
            assert receiver.content() == whole(place)


def a_bad_gateway_passes(place):
    with place.receiver('status:502', 7) as receiver:
        pushed = place.push(receiver.port)
        assert pushed.status == 0 and pushed.retries == 7, pushed
        assert receiver.content() == whole(place)


def what_was_accepted_but_not_answered_is_not_applied_twice(place):
    for manner, code in (('accept-and-sleep:8', 'HTTP_TIMEOUT'), ('accept-and-cut', 'HTTP_CUT_OFF')):
        with place.receiver(manner, 5) as receiver:
            pushed = place.push(receiver.port, timeout_ms=4000)
            assert pushed.status == 0 and pushed.settled == 600 and pushed.retries >= 5 and code in pushed.codes, pushed
            assert receiver.content() == whole(place)


def later_waits_and_keeps_the_order(place):
    with place.receiver('later:60', 4) as receiver:
        pushed = place.push(receiver.port)
        assert pushed.status == 0 and pushed.settled == 600 and pushed.retries == 4 and set(pushed.codes) == {'ANSWER_LATER'}, pushed
        assert ' settled=10 away=0 ' in pushed.first, pushed
        assert receiver.content() == whole(place)


def what_is_refused_comes_back_with_the_receivers_words(place):
    with place.receiver('refuse:1,61') as receiver:
        pushed = place.push(receiver.port)
        assert pushed.status == 0 and pushed.settled == 600 and pushed.refused == 6, pushed
        words = re.findall(r'^refused partition=\d leaf=(\d+) code=NO_PLACE words=(.*)$', pushed.text, re.MULTILINE)
        assert sorted(leaf for leaf, _ in words) == ['1', '1', '1', '61', '61', '61'], pushed
        assert all(word.startswith('没有 位置 [31m长长') and len(word.encode()) < 512 and word.endswith('长') for _, word in words), words
        again = place.push(receiver.port, records=33)
        assert again.refused == 6 and again.settled == 600, again


# --- independent clients ---

def curl(place, receiver, body, key='curl-1', client='agent', kind='application/cloudevents-batch+json'):
    done = subprocess.run(['curl', '--silent', '--show-error', '--cacert', place.certificate('ca'), '--cert', place.certificate(client), '--key',
                           place.certificate(client, 'key'), '-H', f'Content-Type: {kind}', '-H', f'Idempotency-Key: {key}', '--data-binary', '@-',
                           '--write-out', '\n%{http_code}', f'https://127.0.0.1:{receiver.port}/deliveries'], input=body, capture_output=True,
                          check=False)
    answer, _, status = done.stdout.decode().rpartition('\n')
    return int(status), json.loads(answer) if answer else None


def curl_posts_the_same_body(place):
    body = place.body()
    with place.receiver() as receiver:
        status, answer = curl(place, receiver, body)
        assert status == 200 and [result['outcome'] for result in answer['results']] == ['applied'] * 21, answer
        assert curl(place, receiver, body) == (status, answer) == curl(place, receiver, body, key='curl-2')
        assert receiver.sizes() == {f'{TOPIC}/0': 21}
        assert curl(place, receiver, body, client='stranger')[0] == 0
        assert curl(place, receiver, body, kind='text/plain')[0] == 415
        assert curl(place, receiver, body, key='')[0] == 400


def request_and_answer_are_as_the_interface_says(place):
    document = yaml.safe_load((ROOT / 'docs/openapi/receiver.yaml').read_text(encoding='utf-8'))
    openapi_spec_validator.validate(document)

    def validate(name, value):
        schema = {'$ref': f'#/components/schemas/{name}', 'components': document['components']}
        openapi_schema_validator.OAS30Validator(schema).validate(value)
    *events, last = json.loads(place.body())
    for event in events:
        validate('Delivery', event)
    validate('Seal', last)
    with place.receiver('refuse:3') as receiver:
        validate('Answer', curl(place, receiver, place.body())[1])
        validate('Problem', curl(place, receiver, b'[1]', key='curl-3')[1])


def openssl_verifies_what_is_sealed(place):
    *events, last = json.loads(place.body())
    proof = last['data']
    seal = proof['seal']
    leaves = [merkle.leaf('sm3', bytes.fromhex(event['subject']), base64.b64decode(event['xqvalue'])) for event in events]
    path = [bytes.fromhex(step) for step in proof['path']]
    assert merkle.root_of_path('sm3', leaves[-1], proof['leaf'], seal['size'], path).hex() == seal['root']
    name = seal['log'].encode()
    batch_root = merkle.digest('sm3', b'\0' + struct.pack('>I', len(name)) + name + struct.pack('>Q', seal['size']) + bytes.fromhex(seal['root']))
    (place.folder / 'text').write_text(f'xinqiao seal v1\n{seal["exchange"]}\n{seal["sealed_at_ms"]}\n{batch_root.hex()}\n')
    (place.folder / 'signature').write_bytes(bytes.fromhex(seal['signature']))
    openssl('pkeyutl', '-verify', '-pubin', '-inkey', place.folder / 'keys' / f'{seal["key_id"]}.pem', '-rawin', '-digest', 'sm3', '-pkeyopt',
            'distid:1234567812345678', '-in', place.folder / 'text', '-sigfile', place.folder / 'signature')


def flip(hexadecimal):
    return ('0' if hexadecimal[0] != '0' else '1') + hexadecimal[1:]


def a_receiver_sees_what_was_altered(place):
    def alter(change):
        events = json.loads(place.body())
        change(events, events[-1]['data'])
        return json.dumps(events).encode()

    changes = {
        'PROOF_ROOT': [lambda events, proof: events[3].update(xqvalue=events[7]['xqvalue']), lambda events, proof: events[20].update(subject='11' * 16),
                       lambda events, proof: proof['seal'].update(root=flip(proof['seal']['root'])),
                       lambda events, proof: proof['path'].__setitem__(0, flip(proof['path'][0]))],
        'PROOF_PATH': [lambda events, proof: proof['path'].pop(), lambda events, proof: proof['path'].append('00' * 32)],
        'PROOF': [lambda events, proof: events.pop(5), lambda events, proof: proof.update({'from': 1}), lambda events, proof: proof.update(leaf=19)],
        'EVENT_ID': [lambda events, proof: events.insert(0, events.pop(1))],
        'SEAL_SIGNATURE': [lambda events, proof: proof['seal'].update(sealed_at_ms=1), lambda events, proof: proof['seal'].update(signature='00')],
        'SEAL_OTHER_LOG': [lambda events, proof: proof['seal'].update(exchange='another')],
        'SEAL_KEY': [lambda events, proof: proof['seal'].update(key_id='0' * 16), lambda events, proof: proof['seal'].update(key_id='../../ca')],
        'NO_SEAL': [lambda events, proof: events.pop()],
        'BODY': [lambda events, proof: proof.pop('path'), lambda events, proof: events[2].pop('xqvalue')],
    }
    with place.receiver() as receiver:
        for code, alterations in changes.items():
            for change in alterations:
                status, answer = curl(place, receiver, alter(change))
                assert status in (400, 422) and answer['code'] == code, (code, status, answer)
        assert receiver.sizes() == {} and receiver.content() == []
        assert curl(place, receiver, place.body())[0] == 200


def a_receiver_sees_what_is_missing_and_another_log(place):
    with place.receiver() as receiver:
        assert place.push(receiver.port, {'partitions': 1, 'deliveries': 80}).settled == 80
        gap = place.push_badly(receiver.port, 'HTTP_BATCH', numbers={'from': 100})
        assert ' HTTP 409 GAP ' in gap.first, gap
        fork = place.push_badly(receiver.port, 'HTTP_BATCH', numbers={'version': 2}, records=80)
        assert ' HTTP 409 FORK ' in fork.first, fork
        assert place.push(receiver.port, {'partitions': 1, 'from': 70}).settled == 200
    with place.receiver() as receiver:  # one that is new may begin anywhere, as the seal says
        assert place.push(receiver.port, {'partitions': 1, 'from': 100}).settled == 200
        assert receiver.sizes() == {f'{TOPIC}/0': 200}


TESTS = [value for name, value in list(globals().items()) if callable(value) and getattr(value, '__module__', '') == '__main__'
         and name not in ('whole', 'curl', 'flip', 'main')]


def main():
    place, passed, failed = Place(pathlib.Path(sys.argv[1]).resolve()), 0, 0
    chosen = [test for test in TESTS if not sys.argv[2:] or test.__name__ in sys.argv[2:]]
    try:
        for test in chosen:
            started = time.monotonic()
            try:
                test(place)
                passed += 1
                print(f'✓ {test.__name__} ({time.monotonic() - started:.1f} s)', flush=True)
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f'✗ {test.__name__}\n{traceback.format_exc()}', flush=True)
    finally:
        place.close()
    print(f'{passed} passed, {failed} failed')
    return failed > 0


if __name__ == '__main__':
    sys.exit(main())
