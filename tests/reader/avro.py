"""Avro single-object encoding: schemas by fingerprint, data by fastavro. The fingerprint is computed here, from the specification."""
import io
import json
import struct

import fastavro

EMPTY = 0xC15D213AA4D7A795
PRIMITIVES = {'null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'}


def _table():
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (EMPTY & -(number & 1))
        table.append(number)
    return table


TABLE = _table()


def crc64(data):
    value = EMPTY
    for byte in data:
        value = (value >> 8) ^ TABLE[(value ^ byte) & 0xFF]
    return value


def canonical(schema, namespace=''):
    """Parsing canonical form, as text."""
    if isinstance(schema, str):
        return json.dumps(schema if schema in PRIMITIVES or '.' in schema or not namespace else f'{namespace}.{schema}')
    if isinstance(schema, list):
        return '[' + ','.join(canonical(branch, namespace) for branch in schema) + ']'
    kind = schema['type']
    if kind in PRIMITIVES:
        return json.dumps(kind)
    if not isinstance(kind, str):
        return canonical(kind, namespace)
    if kind in ('array', 'map'):
        inner = 'items' if kind == 'array' else 'values'
        return f'{{"type":"{kind}","{inner}":{canonical(schema[inner], namespace)}}}'
    if kind not in ('record', 'enum', 'fixed'):
        return canonical(kind, namespace)
    name = schema['name']
    if '.' not in name:
        name = f"{schema.get('namespace', namespace)}.{name}".lstrip('.')
    inside = name.rpartition('.')[0]
    head = f'{{"name":{json.dumps(name)},"type":"{kind}"'
    if kind == 'record':
        fields = ','.join(f'{{"name":{json.dumps(field["name"])},"type":{canonical(field["type"], inside)}}}'
                          for field in schema['fields'])
        return f'{head},"fields":[{fields}]}}'
    if kind == 'enum':
        return f'{head},"symbols":[{",".join(json.dumps(symbol) for symbol in schema["symbols"])}]}}'
    return f'{head},"size":{schema["size"]}}}'


class Schema:
    def __init__(self, path):
        self.path = str(path)
        with open(path, encoding='utf-8') as file:
            self.json = json.load(file)
        self.parsed = fastavro.parse_schema(json.loads(json.dumps(self.json)), named_schemas={})
        self.fingerprint = crc64(canonical(self.json).encode())

    def decode(self, datum):
        """The value, or ValueError when the bytes are not exactly one datum of this schema."""
        if fingerprint(datum) != self.fingerprint:
            raise ValueError('another schema')
        stream = io.BytesIO(datum)
        stream.seek(10)
        value = fastavro.schemaless_reader(stream, self.parsed)
        if stream.tell() != len(datum):
            raise ValueError('trailing bytes')
        return value


def fingerprint(datum):
    if len(datum) < 10 or datum[:2] != b'\xc3\x01':
        raise ValueError('not a single object')
    return struct.unpack_from('<Q', datum, 2)[0]
