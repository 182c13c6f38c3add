"""Merkle logs of RFC 9162 over SM3 or SHA-256, kept as their peaks (docs/formats-seal.md)."""
import hashlib
import struct


def hash_of(suite):
    return {'sm2-sm3': 'sm3', 'ed25519-sha256': 'sha256'}[suite]


def digest(name, data):
    return hashlib.new(name, data).digest()


def leaf(name, key, value):
    return digest(name, b'\0' + struct.pack('>I', len(key)) + key + value)


def node(name, left, right):
    return digest(name, b'\1' + left + right)


class Log:
    def __init__(self):
        self.size = 0
        self.peaks = []  # largest first

    def append(self, name, leaf_hash):
        carry, size = leaf_hash, self.size
        while size & 1:
            carry = node(name, self.peaks.pop(), carry)
            size >>= 1
        self.peaks.append(carry)
        self.size += 1

    def root(self, name):
        return fold(name, self.peaks)


def fold(name, peaks):
    if not peaks:
        return digest(name, b'')
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node(name, peak, root)
    return root


def root_of_path(name, leaf_hash, index, size, path):
    """RFC 9162 section 2.1.3.2; ValueError when the path does not fit."""
    if index >= size:
        raise ValueError('index beyond the tree')
    number, last, value = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise ValueError('path too long')
        if number & 1 or number == last:
            value = node(name, sibling, value)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            value = node(name, value, sibling)
        number >>= 1
        last >>= 1
    if last != 0:
        raise ValueError('path too short')
    return value
