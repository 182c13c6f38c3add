"""Recomputes from the in topics and the grants who must have received what, and compares with what the output topics hold."""
import time

import merkle
from policy import day_of, is_minor


def identity(item, record_key):
    return merkle.digest('sm3', item.name.encode() + b'\0' + record_key.encode())[:16]


class Expected:
    def __init__(self, record, version, operation, reason, grant, fields):
        self.record, self.version = record, version
        self.operation, self.reason, self.grant, self.fields = operation, reason, grant, fields

    def difference(self, delivery):
        content = delivery.content
        if delivery.record != self.record:
            return f'record {delivery.record.hex()} where {self.record.hex()} is due'
        for name, wanted in (('version', self.version), ('operation', self.operation), ('reason', self.reason)):
            if content[name] != wanted:
                return f'{name} of record {self.record.hex()} is {content[name]}, not {wanted}'
        if self.grant is not None:
            for name, wanted in (('grant', self.grant.name), ('purpose', self.grant.purpose),
                                 ('legal_basis', self.grant.legal_basis)):
                if content[name] != wanted:
                    return f'{name} of record {self.record.hex()} is another'
        if content['fields'] != self.fields:
            return f'fields of record {self.record.hex()} are not those granted of version {self.version}'
        return None


def decide(subscriber, item, event, day, held):
    """(operation, reason, grant) or None."""
    if event['operation'] == 'WITHDRAW':
        return ('WITHDRAW', 'WITHDRAWN', None) if held else None
    if not (subscriber.is_public and is_minor(event, day)):
        for grant in subscriber.grants:
            if grant.is_about(item) and grant.is_in_force(day) and grant.fits(event, {}):
                return 'PUT', 'NONE', grant
    return ('WITHDRAW', 'GRANT_ENDED', None) if held else None


def expect(world, item, partition, refused):
    """What each subscriber must find of this item in this partition, in order; and how many events were accepted."""
    known, wanted, accepted = {}, {subscriber.name: [] for subscriber in world.catalogue.subscribers}, 0
    for message in world.input(item)[partition]:
        if (message.topic, partition, message.offset) in refused:
            continue
        event = item.decode(message.value)
        record = identity(item, event['record_key'])
        version, holders = known.get((message.key, record), (None, frozenset()))
        if version is not None and event['version'] <= version:
            continue  # a duplicate, or stale
        accepted += 1
        day = day_of(message.timestamp_ms)
        after = set(holders)
        for subscriber in world.catalogue.subscribers:
            decision = decide(subscriber, item, event, day, subscriber.name in holders)
            if decision is None:
                continue
            operation, reason, grant = decision
            fields = grant.view(event) if grant else None
            wanted[subscriber.name].append(Expected(record, event['version'], operation, reason, grant, fields))
            (after.add if operation == 'PUT' else after.discard)(subscriber.name)
        known[message.key, record] = event['version'], frozenset(after)
    return wanted, accepted


def compare(wanted, found):
    for number, (expected, delivery) in enumerate(zip(wanted, found)):
        difference = expected.difference(delivery)
        if difference:
            return f'delivery {number} (leaf {delivery.leaf}): {difference}'
    if len(wanted) != len(found):
        return f'{len(found)} deliveries where {len(wanted)} are due'
    return None


def by_item(world, subscriber):
    """{(department, item): a list a partition of deliveries}"""
    partitions = world.deliveries(subscriber)
    found = {(item.department, item.name): [[] for _ in partitions] for item in world.catalogue.items}
    for number, partition in enumerate(partitions):
        for delivery in partition:
            item = world.item_of(delivery)
            found[item.department, item.name][number].append(delivery)
    return found


def check(world, result):
    started = time.monotonic()
    refused = world.quarantined()
    found = {subscriber.name: by_item(world, subscriber) for subscriber in world.catalogue.subscribers}
    total = 0
    for item in world.catalogue.items:
        differences = {subscriber.name: [] for subscriber in world.catalogue.subscribers}
        counts = dict.fromkeys(differences, 0)
        for partition in range(len(world.input(item))):
            wanted, accepted = expect(world, item, partition, refused)
            total += accepted
            for name in differences:
                counts[name] += len(wanted[name])
                difference = compare(wanted[name], found[name][item.department, item.name][partition])
                if difference:
                    differences[name].append(f'partition {partition}: {difference}')
        for name, why in differences.items():
            if counts[name] or why:
                result.note(f'exactly once: {item.department}.{item.name} → {name}, {counts[name]} deliveries', why)
    result.say(f'{total} accepted events recomputed, {len(refused)} refused, {time.monotonic() - started:.0f} s')
    check_views(world, result)


def check_views(world, result):
    """I3 from the schemas: no view has a field that its grant does not name."""
    why = []
    for subscriber in world.catalogue.subscribers:
        granted = {grant.name.replace('-', '_').replace('.', '_'): {field.name for field in grant.fields} for grant in subscriber.grants}
        for delivery in sum(world.deliveries(subscriber), []):
            grant = delivery.view.full_name.rsplit('.', 3)[1]
            extra = set(delivery.view.fields) - granted.get(grant, set())
            if extra:
                why.append(f'{delivery.view.full_name}: {sorted(extra)}')
                break
    result.note('no view has a field that its grant does not name', why)
