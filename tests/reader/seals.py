"""Seals checked as docs/formats-seal.md says, leaf by leaf."""
import base64
import pathlib
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ed25519

import merkle
import sm2


class Broken(Exception):
    """What was read is not what was sealed."""


class Keys:
    """Pinned public keys, and the signatures found good: one covers every log of a transaction."""

    def __init__(self, folder):
        self.keys = {}
        self.good = set()
        for path in pathlib.Path(folder).glob('*.pem'):
            lines = path.read_text().split('-----')
            der = base64.b64decode(lines[2])
            if len(der) == 44:
                suite, key = 'ed25519-sha256', ed25519.Ed25519PublicKey.from_public_bytes(der[-32:])
            else:
                suite, key = 'sm2-sm3', sm2.PublicKey(der)
            identity = merkle.digest(merkle.hash_of(suite), der)[:8].hex()
            if identity != path.stem:
                raise ValueError(f'{path}: the key is {identity}')
            self.keys[identity] = suite, key

    def verify(self, seal, message):
        suite, key = self.keys.get(seal['key_id'], (None, None))
        if suite is None:
            raise Broken('key not pinned')
        if suite != seal['suite']:
            raise Broken('suite is not the key\'s')
        known = seal['key_id'], message, seal['signature']
        if known in self.good:
            return
        if suite == 'sm2-sm3':
            good = key.verify(message, seal['signature'])
        else:
            try:
                key.verify(seal['signature'], message)
                good = True
            except InvalidSignature:
                good = False
        if not good:
            raise Broken('signature')
        self.good.add(known)


def check_signature(keys, seal, exchange, log_name, sealed_at_ms):
    if seal['exchange'] != exchange or seal['log'] != log_name:
        raise Broken('seal of another log')
    name = merkle.hash_of(seal['suite'])
    if len(seal['frontier']) != bin(seal['size']).count('1') or merkle.fold(name, seal['frontier']) != seal['root']:
        raise Broken('frontier')
    encoded = log_name.encode()
    leaf = merkle.digest(name, b'\0' + struct.pack('>I', len(encoded)) + encoded + struct.pack('>Q', seal['size']) +
                         seal['root'])
    try:
        root = merkle.root_of_path(name, leaf, seal['batch_index'], seal['batch_size'], seal['batch_path'])
    except ValueError as why:
        raise Broken(str(why)) from why
    keys.verify(seal, f'xinqiao seal v1\n{exchange}\n{sealed_at_ms}\n{root.hex()}\n'.encode())


def check_log(keys, schema, exchange, log_name, records):
    """`records`: (key, value, leaf header, seal header or None). Returns the number of seals; Broken when one does not hold, when a
    leaf is out of order, or when the last record is not sealed."""
    log, waiting, seals = merkle.Log(), [], 0
    for number, (key, value, leaf_header, seal_header) in enumerate(records):
        if leaf_header != struct.pack('>Q', number):
            raise Broken(f'leaf index at {number}')
        waiting.append((key, value))
        if seal_header is None:
            continue
        try:
            seal = schema.decode(seal_header)
        except Exception as why:
            raise Broken('malformed seal') from why
        check_signature(keys, seal, exchange, log_name, round(seal['sealed_at'].timestamp() * 1000))
        name = merkle.hash_of(seal['suite'])
        for sealed_key, sealed_value in waiting:
            log.append(name, merkle.leaf(name, sealed_key, sealed_value))
        waiting = []
        if (log.size, log.root(name), log.peaks) != (seal['size'], seal['root'], seal['frontier']):
            raise Broken(f'log at {number}')
        seals += 1
    if waiting:
        raise Broken(f'{len(waiting)} records without a seal')
    return seals
