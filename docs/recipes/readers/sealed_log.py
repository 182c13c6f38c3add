"""Believes nothing of a log that a seal does not cover (docs/formats-seal.md). Python 3.9 and the openssl command, nothing else.

    log = SealedLog('xq.out.court/0', 'liuzhou', Keys('keys'))
    for offset, key, value, headers in …:
        records = log.take(offset, key, value, headers)      # [] until a seal comes, then all that it covers
        …use the records, then note(positions) and store(file, positions)

Broken says which record does not fit and why. Run as a program it checks what kcat -J prints; kcat.sh does that.
"""
import argparse
import base64
import collections
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

HASHES = {'sm2-sm3': 'sm3', 'ed25519-sha256': 'sha256'}
SEAL_OPTIONS = {'sm2-sm3': ['-digest', 'sm3', '-pkeyopt', 'distid:1234567812345678'], 'ed25519-sha256': []}
SEAL_MARK = bytes.fromhex('c30180e414fbf9067a4a')
MOST_UNSEALED = 1_000_000  # records that wait for a seal

Record = collections.namedtuple('Record', 'offset leaf key value')


class Broken(Exception):
    """What was read is not what was sealed."""


# ── what a seal is made of ──

class Avro:
    """The few kinds of values that a seal has."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def long(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            if shift > 63:
                raise Broken('the seal is malformed')

    def raw(self, length):
        if not 0 <= length <= len(self.data) - self.at:
            raise Broken('the seal is malformed')
        self.at += length
        return self.data[self.at - length:self.at]

    def bytes(self):
        return self.raw(self.long())

    def text(self):
        return self.bytes().decode('utf-8', 'replace')

    def list(self):
        values = []
        while count := self.long():
            if count < 0:  # a block that says its size
                count = -count
                self.long()
            if count > 64 - len(values):
                raise Broken('the seal is malformed')
            values += [self.bytes() for _ in range(count)]
        return values


class Seal:
    def __init__(self, data):
        if data[:10] != SEAL_MARK:
            raise Broken('the seal is of an unknown form')
        avro = Avro(data[10:])
        self.exchange, self.log, self.size, self.root, self.frontier = avro.text(), avro.text(), avro.long(), avro.bytes(), avro.list()
        self.batch_index, self.batch_size, self.batch_path = avro.long(), avro.long(), avro.list()
        self.sealed_at_ms, self.suite, self.key_id, self.signature = avro.long(), avro.text(), avro.text(), avro.bytes()
        if avro.at != len(avro.data) or self.suite not in HASHES or not 0 < self.size < 1 << 63:
            raise Broken('the seal is malformed')

    def hash(self, *parts):
        return hashlib.new(HASHES[self.suite], b''.join(parts)).digest()

    def node(self, left, right):
        return self.hash(b'\1', left, right)

    def leaf(self, key, value):
        return self.hash(b'\0', struct.pack('>I', len(key)), key, value)

    def fold(self, peaks):
        root = peaks[-1]
        for peak in reversed(peaks[:-1]):
            root = self.node(peak, root)
        return root

    def batch_root(self):
        """RFC 9162 section 2.1.3.2."""
        name = self.log.encode()
        value = self.hash(b'\0', struct.pack('>I', len(name)), name, struct.pack('>Q', self.size), self.root)
        number, last = self.batch_index, self.batch_size - 1
        if not 0 <= number <= last:
            raise Broken('the seal has no place in its batch')
        for sibling in self.batch_path:
            if last == 0:
                raise Broken('the path of the seal is too long')
            if number & 1 or number == last:
                value = self.node(sibling, value)
                while not number & 1 and number:
                    number, last = number >> 1, last >> 1
            else:
                value = self.node(value, sibling)
            number, last = number >> 1, last >> 1
        if last != 0:
            raise Broken('the path of the seal is too short')
        return value

    def signed(self):
        return f'xinqiao seal v1\n{self.exchange}\n{self.sealed_at_ms}\n{self.batch_root().hex()}\n'.encode()


class Keys:
    """Pinned public keys, `<key_id>.pem` in a folder: handed over by the exchange, never taken from the topic."""

    def __init__(self, folder):
        self.files, self.good = {}, None
        for path in pathlib.Path(folder).glob('*.pem'):
            der = base64.b64decode(path.read_text().split('-----')[2])
            suite = 'ed25519-sha256' if len(der) == 44 else 'sm2-sm3'
            if hashlib.new(HASHES[suite], der).hexdigest()[:16] != path.stem:
                raise SystemExit(f'✗ {path}: 文件名与公钥不符 / this key has another identity than its name')
            self.files[path.stem] = suite, str(path)
        if not self.files:
            raise SystemExit(f'✗ {folder}: 没有公钥 / there is no public key')

    def check(self, seal):
        suite, path = self.files.get(seal.key_id, (None, None))
        if suite != seal.suite:
            raise Broken(f'key {seal.key_id} of {seal.suite} is not pinned')
        signed = seal.signed()
        if self.good == (path, signed, seal.signature):
            return  # one signature covers many logs
        with tempfile.TemporaryDirectory() as folder:
            message, signature = pathlib.Path(folder, 'message'), pathlib.Path(folder, 'signature')
            message.write_bytes(signed)
            signature.write_bytes(seal.signature)
            command = ['openssl', 'pkeyutl', '-verify', '-pubin', '-inkey', path, '-rawin', '-in', message, '-sigfile', signature]
            if subprocess.run(command + SEAL_OPTIONS[suite], capture_output=True, check=False).returncode != 0:
                raise Broken('the signature is wrong')
        self.good = path, signed, seal.signature


# ── the log ──

class SealedLog:
    def __init__(self, name, exchange, keys, position=None):
        self.name, self.exchange, self.keys = name, exchange, keys
        self.next_offset, self.size, self.root, self.frontier = position or (0, 0, '-', [])
        self.first, self.seals, self.waiting = self.size, 0, []

    def take(self, offset, key, value, headers):
        """The records that are proved by now. `headers`: {name: bytes}."""
        due = self.size + len(self.waiting)
        leaf = headers.get('xq-leaf')
        if key is None or value is None or leaf != struct.pack('>Q', due):
            raise Broken(f'{place(offset)}: leaf {int.from_bytes(leaf, "big") if leaf else "-"} where {due} is due')
        if len(self.waiting) == MOST_UNSEALED:
            raise Broken(f'{place(offset)}: {MOST_UNSEALED} records without a seal')
        self.waiting.append(Record(offset, due, key, value))
        if 'xq-seal' not in headers:
            return []
        try:
            self.close(Seal(headers['xq-seal'] or b''))
        except Broken as why:
            raise Broken(f'{place(self.waiting[0].offset, offset)}: {why}') from why
        proved, self.waiting = self.waiting, []
        self.next_offset, self.seals = offset + 1, self.seals + 1
        return proved

    def close(self, seal):
        if (seal.exchange, seal.log) != (self.exchange, self.name):
            raise Broken('the seal is of another log')
        if len(seal.frontier) != bin(seal.size).count('1') or seal.fold(seal.frontier) != seal.root:
            raise Broken('the seal contradicts itself')
        self.keys.check(seal)
        frontier, size = list(self.frontier), self.size
        for record in self.waiting:
            carry, rest = seal.leaf(record.key, record.value), size
            while rest & 1:
                carry, rest = seal.node(frontier.pop(), carry), rest >> 1
            frontier.append(carry)
            size += 1
        if (size, frontier) != (seal.size, seal.frontier):
            raise Broken('a record was changed, dropped, added or moved')
        self.size, self.frontier, self.root = size, frontier, seal.root.hex()

    def end(self):
        """At the end of what is committed: every transaction ends with a seal."""
        if self.waiting:
            raise Broken(f'{place(self.waiting[0].offset, self.waiting[-1].offset)}: no seal behind the last records')

    def __str__(self):
        return (f'{self.name} 已验证 / verified: {self.size - self.first} records under {self.seals} seals; the log has {self.size}, '
                f'root {self.root}, next offset {self.next_offset}')


def place(first, last=None):
    return f'offset {first}' if last in (None, first) else f'offsets {first} to {last}'


# ── positions: a line a log: name, next offset, size, root, peaks ──

def positions(file):
    lines = file.read_text().splitlines() if file.exists() else []
    return {name: (int(offset), int(size), root, [bytes.fromhex(peak) for peak in peaks])
            for name, offset, size, root, *peaks in map(str.split, lines)}


def store(file, known, log):
    """Whole or not at all: records that are taken twice after a crash are known by their key and version."""
    known[log.name] = log.next_offset, log.size, log.root, log.frontier
    part = file.with_name(file.name + '.part')
    with open(part, 'w', encoding='utf-8') as out:
        for name, (offset, size, root, peaks) in sorted(known.items()):
            print(name, offset, size, root, *(peak.hex() for peak in peaks), file=out)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)


# ── what kcat -J prints ──

def kcat_records(lines):
    """(offset, key, value, headers) of each line. Not UTF-8: kcat writes a record's bytes as they are, so each letter is one byte."""
    def raw(text):
        return None if text is None else text.encode('latin-1')
    for line in lines:
        message = json.loads(line.decode('latin-1'))
        names, values = message.get('headers', [])[::2], message.get('headers', [])[1::2]
        yield message['offset'], raw(message['key']), raw(message['payload']), dict(zip(names, map(raw, values)))


def main():
    parser = argparse.ArgumentParser(description='检查kcat -J的输出 / checks what kcat -J prints, on standard input')
    for option in ('log', 'exchange', 'keys', 'position'):
        parser.add_argument(f'--{option}', required=True)
    options = parser.parse_args()
    file = pathlib.Path(options.position)
    known = positions(file)
    log = SealedLog(options.log, options.exchange, Keys(options.keys), known.get(options.log))
    try:
        for offset, key, value, headers in kcat_records(sys.stdin.buffer):
            proved = log.take(offset, key, value, headers)
            for record in proved:
                print(record.offset, record.key.hex(), base64.b64encode(record.value).decode())
            if proved:
                sys.stdout.flush()
                store(file, known, log)
        log.end()
        print(f'✓ {log}', file=sys.stderr)
    except Broken as why:
        print(f'✓ {log}\n✗ {log.name} {why}', file=sys.stderr)
        sys.exit(1)


if __name__ == '__main__':
    main()
