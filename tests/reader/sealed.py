"""Every seal and every leaf of every output log; and copies with one record changed, which must not pass."""
import struct
import time

import fastavro

import seals


def headers(message):
    return message.key, message.value, message.headers.get('xq-leaf'), message.headers.get('xq-seal')


def check(world, result):
    keys = seals.Keys(world.environment['XQ_KEYS'])
    started, records = time.monotonic(), 0
    for subscriber in world.catalogue.subscribers:
        for number, partition in enumerate(world.output(subscriber)):
            name = f'{world.prefix}out.{subscriber.name}/{number}'
            records += len(partition)
            try:
                count = seals.check_log(keys, world.catalogue.seal, world.catalogue.exchange, name, map(headers, partition))
                result.note(f'seals: {name}, {len(partition)} records under {count} seals', [])
            except seals.Broken as why:
                result.note(f'seals: {name}', [str(why)])
    result.say(f'{records} leaves, {len(keys.good)} signatures, {time.monotonic() - started:.0f} s')


# ── tampering ──

MOST_RECORDS = 400


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def renumbered(log):
    """The forger renumbers the leaves, and keeps seals where their records now stand."""
    return [(key, value, struct.pack('>Q', number), seal) for number, (key, value, _, seal) in enumerate(log)]


def with_record(log, at, key=None, value=None, leaf=None, seal=None):
    old = log[at]
    return log[:at] + [(key or old[0], value or old[1], leaf or old[2], seal or old[3])] + log[at + 1:]


def plain_records(log):
    """Records that carry no seal and whose successor carries none either."""
    return [at for at in range(len(log) - 1) if log[at][3] is None and log[at + 1][3] is None]


def reseal(schema, seal_header, change):
    """The seal with one of its parts changed."""
    import io
    seal = schema.decode(seal_header)
    change(seal)
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema.parsed, seal)
    return seal_header[:10] + stream.getvalue()


def forgeries(log, schema):
    """(what was done, the copy)"""
    middle = plain_records(log)
    at = middle[len(middle) // 2]
    sealed = [number for number, record in enumerate(log) if record[3] is not None]
    first, last = sealed[0], sealed[-1]
    key, value, leaf, _ = log[at]
    other = log[at + 1]
    yield 'a value changed in one bit', with_record(log, at, value=flip(value, len(value) - 1))
    yield 'a key changed in one bit', with_record(log, at, key=flip(key, 0))
    yield 'a value moved to another key', with_record(log, at, key=flip(key, 5), value=other[1])
    yield 'a record dropped', log[:at] + log[at + 1:]
    yield 'a record dropped, leaves renumbered', renumbered(log[:at] + log[at + 1:])
    yield 'two records swapped', log[:at] + [other, log[at]] + log[at + 2:]
    yield 'two records swapped, leaves renumbered', renumbered(log[:at] + [other, log[at]] + log[at + 2:])
    yield 'a record added twice', log[:at] + [log[at]] + log[at:]
    yield 'a record added, leaves renumbered', renumbered(log[:at] + [(key, flip(value, 12), leaf, None)] + log[at:])
    yield 'the last record dropped', log[:-1]
    yield 'a record added at the end', log + [(key, value, struct.pack('>Q', len(log)), None)]
    yield 'an old seal on a new record', log + [(key, value, struct.pack('>Q', len(log)), log[last][3])]
    yield 'a seal removed and its record kept', log[:last] + [log[last][:3] + (None,)]
    yield 'a leaf index changed', with_record(log, at, leaf=struct.pack('>Q', at + 1))
    if first != last:
        yield 'everything under the first seal dropped', log[first + 1:]
        yield 'everything under the first seal dropped, leaves renumbered', renumbered(log[first + 1:])
        yield 'two seals swapped', with_record(with_record(log, first, seal=log[last][3]), last, seal=log[first][3])
    changes = {
        'root': lambda seal: seal.update(root=flip(seal['root'], 3)),
        'size': lambda seal: seal.update(size=seal['size'] + 1),
        'frontier': lambda seal: seal.update(frontier=[flip(peak, 0) for peak in seal['frontier']]),
        'log name': lambda seal: seal.update(log=seal['log'] + '0'),
        'exchange': lambda seal: seal.update(exchange='nanning'),
        'key': lambda seal: seal.update(key_id='0' * 16),
        'signature': lambda seal: seal.update(signature=flip(seal['signature'], len(seal['signature']) - 1)),
        'suite': lambda seal: seal.update(
            suite='sm2-sm3' if seal['suite'] == 'ed25519-sha256' else 'ed25519-sha256'),
        'time': lambda seal: seal.update(sealed_at=seal['sealed_at'].replace(year=seal['sealed_at'].year - 1)),
    }
    for part, change in changes.items():
        yield f'a seal with another {part}', with_record(log, last, seal=reseal(schema, log[last][3], change))


def begin_of(partition):
    """The records up to a seal over more than one record: a log without its last batch is a good log. Two seals at least, if it has them."""
    ends = [at + 1 for at, message in enumerate(partition) if 'xq-seal' in message.headers]
    ends = [end for before, end in zip([0] + ends, ends) if end - before > 1]
    few = [end for end in ends if end <= MOST_RECORDS]
    end = few[-1] if len(few) > 1 else (ends[:2] or [0])[-1]
    return [headers(message) for message in partition[:end]]


def log_to_copy(world):
    """(name, records) of the begin of a log: one on which every forgery can be tried, if there is one, and the longest of these."""
    logs = [(f'{world.prefix}out.{subscriber.name}/{number}', partition) for subscriber in world.catalogue.subscribers
            for number, partition in enumerate(world.output(subscriber))]
    begins = ((name, begin_of(partition), len(partition)) for name, partition in logs)
    name, begin, _ = max(begins, key=lambda log: (bool(plain_records(log[1])), sum(one[3] is not None for one in log[1]) > 1, log[2]))
    return name, begin


def check_tampering(world, result):
    keys = seals.Keys(world.environment['XQ_KEYS'])
    schema, exchange = world.catalogue.seal, world.catalogue.exchange
    name, log = log_to_copy(world)
    if not plain_records(log):
        result.note('tampering: a log to copy', [f'not even {name} has three records in a row under one seal'])
        return
    seals.check_log(keys, schema, exchange, name, log)  # the copy itself is good, or nothing below means anything
    for what, copy in forgeries(log, schema):
        try:
            seals.check_log(keys, schema, exchange, name, copy)
            result.note(f'tampering: {what}', ['not detected'])
        except seals.Broken:
            result.note(f'tampering: {what}', [])
