#!/usr/bin/env python3
"""The reference receiver with a manner that tests ask for: it answers what no receiver should, and notes what it was asked.

    awkward.py MANNER [NUMBER] --listen … (options of docs/recipes/receiver.py)

A manner with a NUMBER shows itself in so many requests, then the receiver is as it should be.
"""
import json
import pathlib
import ssl
import sys
import time
import zlib

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / 'docs/recipes'))
import receiver  # noqa: E402

HUGE = 1 << 30
BLOCK = b'[' * 65536


class Handler(receiver.Handler):
    manner, left, asked = '', 0, None

    def log_request(self, code='-', size='-'):
        with open(self.asked, 'a', encoding='ascii') as file:
            file.write(f'{self.command} {self.path} {self.headers.get("Idempotency-Key")} {code}\n')

    def do_POST(self):
        manner = Handler.manner if Handler.left > 0 else ''
        Handler.left -= 1
        act = getattr(self, 'do_' + manner.partition(':')[0].replace('-', '_'), None)
        if act is None:
            return super().do_POST()
        return act(manner.partition(':')[2])

    def take(self):
        """As it should be, but for the answer."""
        key, body = self.key(), self.body()
        events = json.loads(body)
        return events, json.loads(self.receiver.take(key, body))

    def do_status(self, rest):
        """status:CODE or status:CODE:RETRY_AFTER"""
        status, _, wait = rest.partition(':')
        self.body()
        body = b'' if status == '204' else b'{"code": "AWKWARD", "reason": "\\u0007"}'
        self.send(int(status), body, [('Retry-After', wait)] if wait else [])

    def do_redirect(self, address):
        self.body()
        self.send(307, b'', [('Location', address)])

    def do_accept_and_sleep(self, seconds):
        self.take()
        time.sleep(float(seconds))
        self.close_connection = True

    def do_accept_and_cut(self, _):
        _, answer = self.take()
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.close_connection = True

    def do_long(self, how):
        """1 GB: said beforehand, without saying, or as 1 MB of gzip."""
        self.body()
        self.close_connection = True
        self.send_response(200)
        if how == 'said':
            self.send_header('Content-Length', str(HUGE))
        if how == 'packed':
            self.send_header('Content-Encoding', 'gzip')
        self.send_header('Connection', 'close')
        self.end_headers()
        pack = zlib.compressobj(9, wbits=31)
        try:
            for _ in range(HUGE // len(BLOCK)):
                self.wfile.write(pack.compress(BLOCK) if how == 'packed' else BLOCK)
        except OSError:
            pass  # cut off, as it should be

    def do_text(self, text):
        """The answer word for word."""
        self.body()
        self.send(200, text.encode())

    def do_results(self, how):
        """Results that cannot be true."""
        events = json.loads(self.body())[:-1]
        results = [{'id': event['id'], 'outcome': 'applied'} for event in events]
        log = events[0]['id'].rpartition('/')[0]
        last = int(events[-1]['id'].rpartition('/')[2])
        change = {
            'missing': lambda: results.pop(),
            'twice': lambda: results.append(results[0]),
            'unknown': lambda: results.append({'id': f'{log}/{last + 1}', 'outcome': 'applied'}),
            'other-log': lambda: results[0].update(id=f'{log}0/0'),
            'outcome': lambda: results[0].update(outcome='perhaps'),
            'order': lambda: results[0].update(outcome='later'),
            'no-id': lambda: results[0].pop('id'),
        }[how]
        change()
        self.send(200, json.dumps({'results': results}).encode())


class Receiver(receiver.Receiver):
    """Manners about one delivery: refuse:LEAF:… and later:LEAF."""
    refuses, postponed, delays = (), None, 0

    def judge(self, event):
        leaf = int(event['xqleaf'])
        if leaf in self.refuses:
            return 'refused', 'NO_PLACE', '没有\n位置\x1b[31m' + '长' * 400
        if leaf == Receiver.postponed and Receiver.delays > 0:
            Receiver.delays -= 1
            return 'later', 'NOT_YET', 'not yet'
        return super().judge(event)


def main():
    manner, number = sys.argv[1], 1 << 30
    del sys.argv[1]
    if sys.argv[1].isdigit():
        number = int(sys.argv.pop(1))
    options = receiver.arguments()
    Handler.manner, Handler.left, Handler.asked = manner, number, options.store + '.asked'
    kind, _, rest = manner.partition(':')
    if kind == 'refuse':
        Receiver.refuses = {int(leaf) for leaf in rest.split(',')}
    if kind == 'later':
        Receiver.postponed, Receiver.delays = int(rest), number
    context = receiver.tls_context(options)
    if kind == 'old-tls':
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    receiver.main(options, Receiver, Handler, context)


if __name__ == '__main__':
    main()
