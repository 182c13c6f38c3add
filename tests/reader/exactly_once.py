"""Recomputes from the in topics and the catalogue who must have received what, and compares with what the output topics hold.

What concerns one record comes from several topics, and by itself (terms, resyncs), in an order that only the gateway knows. So for each
record an order is looked for that keeps each topic's own, in which the model (tests/model/model.py) delivers, to each subscriber,
exactly what its log holds about the record, and at whose end the model remembers what xq.state holds."""
import collections
import pathlib
import sys
import time

import merkle
import policy
import state

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'model'))
import model  # noqa: E402

STATE_FLAGS = frozenset(('DISPUTED', 'RESTRICTED', 'PUBLICITY_ENDED'))
NOT_CONTENT = ('event_id', 'record_key', 'version', 'sequence', 'source_committed_at', 'published_at')
MOST_WAYS = 20000
KEY_OF_MARKER = bytes(16)


def identity(item, record_key):
    return merkle.digest('sm3', item.name.encode() + b'\0' + record_key.encode())[:16]


class Matter:
    """One record of a partition: the events about it, topic by topic, what each subscriber's log holds about it, how many resyncs of
    its item each had, and what the state says of it at the end (None: nothing)."""
    __slots__ = ('item', 'own', 'rights', 'found', 'resyncs', 'entry')

    def __init__(self, item):
        self.item, self.own, self.rights, self.found, self.resyncs, self.entry = item, [], {}, {}, {}, None

    def streams(self):
        return [stream for stream in (self.own, *self.rights.values()) if stream]


def event_of(item, message):
    values = item.decode(message.value)
    content = tuple(str(value) for name, value in values.items() if name not in NOT_CONTENT)
    terms = (None, None)
    if values['operation'] == 'PUT' and item.rights is None:
        terms = tuple(policy.last_day(item.terms, kind, values) for kind in ('publicity', 'retention'))
    event = model.Event(item, values, content, terms=terms, minor=lambda day: policy.is_minor(values, day))
    event.offset, event.day = message.offset, policy.day_of(message.timestamp_ms)
    return event


def gather(world, refused):
    """{partition: {record: Matter}}"""
    matters = collections.defaultdict(dict)
    items = {(item.department, item.name): item for item in world.catalogue.items}
    accepted = 0
    for item in world.catalogue.items:
        for partition, messages in enumerate(world.input(item)):
            for message in messages:
                if (message.topic, partition, message.offset) in refused:
                    continue
                event = event_of(item, message)
                accepted += 1
                about = items[event.values['target_department'], event.values['target_item']] if item.rights else item
                key = event.values['target_record_key' if item.rights else 'record_key']
                record = message.key, identity(about, key)
                matter = matters[partition].setdefault(record, Matter(about))
                (matter.rights.setdefault(item.rights, []) if item.rights else matter.own).append(event)
    return matters, accepted


def gather_found(world, matters):
    """Adds the deliveries; those about no record that came in are returned."""
    strays = []
    by_record = {partition: {record[1]: matter for record, matter in records.items()} for partition, records in matters.items()}
    for subscriber in world.catalogue.subscribers:
        for partition, deliveries in enumerate(world.deliveries(subscriber)):
            for delivery in deliveries:
                if delivery.record == KEY_OF_MARKER:
                    continue
                matter = by_record.get(partition, {}).get(delivery.record)
                if matter is None:
                    strays.append(f'{subscriber.name}, partition {partition}, leaf {delivery.leaf}: a record that never came in')
                else:
                    matter.found.setdefault(subscriber.name, []).append(delivery)
    return strays


# ── one record ──

class Way:
    """A place in the search: how far each stream is, the Record, how many deliveries of each subscriber are explained, the day."""
    __slots__ = ('at', 'record', 'seen', 'day', 'resyncs', 'before', 'offset')

    def __init__(self, at, record, seen, day, resyncs, before=None, offset=None):
        self.at, self.record, self.seen, self.day, self.resyncs, self.before, self.offset = at, record, seen, day, resyncs, before, offset

    def key(self):
        return self.at, self.record._replace(event=None, rows=()), self.seen, self.day, self.resyncs


def differs(due, delivery):
    """Why this delivery is not the one that is due; None when it is."""
    content = delivery.content
    for name, wanted in (('version', due.version), ('operation', due.operation), ('reason', due.reason)):
        if content[name] != wanted:
            return f'{name} {content[name]}, not {wanted}'
    if STATE_FLAGS & set(content['flags']) != STATE_FLAGS & due.flags:
        return f'flags {content["flags"]}, not {sorted(due.flags)}'
    if due.grant is not None:
        for name, wanted in (('grant', due.grant.name), ('purpose', due.grant.purpose), ('legal_basis', due.grant.legal_basis)):
            if content[name] != wanted:
                return f'another {name}'
    return None if content['fields'] == due.fields else 'other fields than those granted'


class Search:
    """Looks for an order of one record's events in which everything that was delivered was due, and nothing else."""

    def __init__(self, world, matter, days):
        self.catalogue, self.matter, self.days = world.catalogue, matter, days
        self.worlds = [model.World(world.catalogue, world.portfolios, day) for day in days]
        self.streams = matter.streams()
        self.numbers = {subscriber.name: subscriber.number for subscriber in world.catalogue.subscribers}
        self.names = [subscriber.name for subscriber in world.catalogue.subscribers if subscriber.name in matter.found]
        self.why = 'no order of its events explains what was delivered'

    def run(self):
        """Depth first: what comes next is only worked out when what came before it explains nothing."""
        start = Way((0,) * len(self.streams), model.Record(), (0,) * len(self.names), 0, ())
        waiting, known, furthest = [iter((start,))], set(), start
        most = MOST_WAYS + 10 * sum(map(len, self.streams))
        while waiting:
            way = next(waiting[-1], None)
            if way is None:
                waiting.pop()
            elif way.key() not in known:
                if self.is_done(way):
                    return way
                known.add(way.key())
                if sum(way.at) + sum(way.seen) > sum(furthest.at) + sum(furthest.seen):
                    furthest = way
                waiting.append(self.following(way))
            if len(known) > most:
                self.why = f'not explained in {most} places'
                return None
        self.why = self.explain(furthest) or self.why
        return None

    def is_done(self, way):
        """Everything is explained, and the model remembers what the gateway does."""
        if any(place < len(stream) for place, stream in zip(way.at, self.streams)) or any(
                seen < len(self.matter.found[name]) for seen, name in zip(way.seen, self.names)):
            return False
        difference = 'the state has no such record'
        if self.matter.entry is not None:
            difference = state.difference(self.matter.entry, way.record, self.numbers)
        if difference:
            self.why = difference
        return difference is None

    def explain(self, way):
        texts = []
        for seen, name in zip(way.seen, self.names):
            if seen < len(self.matter.found[name]):
                delivery = self.matter.found[name][seen]
                texts.append(f'{name} leaf {delivery.leaf}: {delivery.content["operation"]} {delivery.content["reason"]} of version '
                             f'{delivery.content["version"]} is explained by nothing')
        for place, stream in zip(way.at, self.streams):
            if place < len(stream):
                _, due, verdict = self.take(way.record, stream[place], self.worlds[way.day])
                texts.append(f'{stream[place].item.name} offset {stream[place].offset} ({verdict}) would deliver '
                             f'{[(one.subscriber, one.operation, one.reason, one.version) for one in due]}')
        return '; '.join(texts)

    @staticmethod
    def take(record, event, world):
        return (model.take_rights if event.item.rights else model.take_event)(record, event, world)

    def following(self, way):
        """What explains most comes first: events, what happens by itself, a later day."""
        world = self.worlds[way.day]
        for number, stream in enumerate(self.streams):
            if way.at[number] == len(stream):
                continue
            event = stream[way.at[number]]
            record, due, verdict = self.take(way.record, event, world)
            seen = None if verdict.startswith('refused') else self.match(way, due)
            if seen is not None:
                at = way.at[:number] + (way.at[number] + 1,) + way.at[number + 1:]
                yield Way(at, record, seen, way.day, way.resyncs, way, None if event.item.rights else event.offset)
        if way.record.version >= 0:
            yield from self.by_itself(way, world)
        if way.day + 1 < len(self.days):
            yield Way(way.at, way.record, way.seen, way.day + 1, way.resyncs, way)

    def by_itself(self, way, world):
        record, due, verdict = model.take_expiry(way.record, world)
        if verdict == 'due':
            seen = self.match(way, due)
            if seen is not None:
                yield Way(way.at, record, seen, way.day, way.resyncs, way)
        for subscriber in self.catalogue.subscribers:
            if way.resyncs.count(subscriber.name) < self.matter.resyncs.get(subscriber.name, 0):
                record, due, verdict = model.take_resync(way.record, subscriber, world)
                seen = self.match(way, due) if verdict == 'named' else None
                if seen is not None:
                    yield Way(way.at, record, seen, way.day, tuple(sorted((*way.resyncs, subscriber.name))), way)

    def match(self, way, due):
        """How far each subscriber's deliveries are explained with these too; None when they are others."""
        seen = list(way.seen)
        for one in due:
            if one.subscriber not in self.names:
                return None
            place = self.names.index(one.subscriber)
            if seen[place] == len(self.matter.found[one.subscriber]):
                return None
            delivery = self.matter.found[one.subscriber][seen[place]]
            if differs(one, delivery) or day_delivered(delivery) != self.days[way.day]:
                return None
            seen[place] += 1
        return tuple(seen)


def day_delivered(delivery):
    return policy.as_day(delivery.content['delivered_at'])


def days_of(matter, swept):
    """The days on which something may have happened to the record, in order."""
    days = {day_delivered(delivery) for deliveries in matter.found.values() for delivery in deliveries}
    if not days:
        days = {event.day for stream in matter.streams() for event in stream}
    first = min(days)
    return sorted(days | ({swept} if swept is not None and swept > first else set()))


def judge(world, matter, swept):
    """(reason of a failure or None, [(offset of the event, leaf, subscriber)] of an order that explains everything)."""
    search = Search(world, matter, days_of(matter, swept))
    way = search.run()
    if way is None:
        return search.why, []
    if swept is not None and model.take_expiry(way.record, model.World(world.catalogue, world.portfolios, swept))[1]:
        return f'what fell due before {swept} was not told', []
    caused = []
    while way.before is not None:
        if way.offset is not None:
            for name, now, then in zip(search.names, way.seen, way.before.seen):
                caused += [(way.offset, matter.found[name][place].leaf, name) for place in range(then, now)]
        way = way.before
    return None, caused


# ── all ──

def check(world, result):
    started = time.monotonic()
    refused = world.quarantined()
    matters, accepted = gather(world, refused)
    strays = gather_found(world, matters)
    counts, why, order = collections.Counter(), collections.defaultdict(list), collections.defaultdict(list)
    remembered, strange = 0, []
    for partition, records in matters.items():
        swept = world.swept(partition)
        entries, wrong = state.read(world.state(partition))
        strange += [f'partition {partition}, {one}' for one in wrong]
        remembered += len(entries)
        for place, matter in records.items():
            matter.entry, event = entries.pop(place, (None, b''))
            strange += check_event(partition, place, matter, event)
        check_cases(partition, records, entries, strange)
        for (_, record), matter in records.items():
            matter.resyncs = world.resyncs(partition, matter.item)
            failure, caused = judge(world, matter, swept)
            place = matter.item.department, matter.item.name
            counts[place] += sum(map(len, matter.found.values()))
            if failure:
                why[place].append(f'partition {partition}, record {record.hex()}: {failure}')
            for offset, leaf, name in caused:
                order[name, partition, place].append((leaf, offset))
    for place in sorted(counts):
        result.note(f'exactly once: {".".join(place)}, {counts[place]} deliveries', why[place])
    result.note('exactly once: nothing about a record that never came in', strays)
    result.note(f'state: {remembered} entries, of records and cases that came in and of nothing else', strange)
    result.note('the deliveries of a topic stand in the order of its events',
                [f'{place[0]}, partition {place[1]}, {".".join(place[2])}' for place, pairs in order.items()
                 if [offset for _, offset in sorted(pairs)] != sorted(offset for _, offset in pairs)])
    check_resyncs(world, result)
    result.say(f'{accepted} accepted events recomputed, {len(refused)} refused, {time.monotonic() - started:.0f} s')
    check_views(world, result)


def check_event(partition, place, matter, event):
    """The state keeps the event of the record's last version, until nobody may keep it."""
    if matter.entry is None:
        return []
    kept = not matter.entry.marks >> state.MARKS.index('RETENTION_ENDED') & 1
    if not event:
        return [f'partition {partition}, record {place[1].hex()}: its event is gone'] if kept else []
    values = matter.item.decode(event)
    if (values['version'], identity(matter.item, values['record_key'])) != (matter.entry.version, place[1]):
        return [f'partition {partition}, record {place[1].hex()}: the event of another version']
    return []


def check_cases(partition, records, entries, strange):
    """Every entry that is left is a case's, at the step of its last event."""
    steps = {}
    for (key, _), matter in records.items():
        for events in matter.rights.values():
            for event in events:
                place = key, identity(event.item, event.values['record_key'])
                if event.version >= steps.get(place, (-1,))[0]:
                    steps[place] = event.version, event.values['step']
    for place, (entry, _) in entries.items():
        version, step = steps.pop(place, (None, None))
        if (entry.version, state.STEPS[entry.marks] if entry.marks < len(state.STEPS) else '?') != (version, step):
            strange.append(f'partition {partition}, record {place[1].hex()}: neither a record nor a case that came in')
    strange += [f'partition {partition}, case {place[1].hex()}: not in the state' for place in steps]


def check_resyncs(world, result):
    """At the end of a resync everything that is held has been named since its begin, and every begin has its end."""
    why, ended = [], 0
    for subscriber in world.catalogue.subscribers:
        for partition, deliveries in enumerate(world.deliveries(subscriber)):
            held, begun = {}, {}
            for delivery in deliveries:
                operation, item = delivery.content['operation'], world.item_of(delivery)
                place = item.department, item.name
                if operation == 'RESYNC_BEGIN':
                    begun[place] = delivery.leaf
                elif operation == 'RESYNC_END':
                    ended += 1
                    begin = begun.pop(place, None)
                    if begin is None:
                        why.append(f'{subscriber.name}/{partition}: an end without a begin, leaf {delivery.leaf}')
                    why += [f'{subscriber.name}/{partition}: {record.hex()} is held and not named before leaf {delivery.leaf}'
                            for record, (where, leaf) in held.items() if where == place and begin is not None and leaf < begin]
                elif operation == 'WITHDRAW':
                    held.pop(delivery.record, None)
                elif operation == 'PUT' or delivery.record in held:
                    held[delivery.record] = place, delivery.leaf
            why += [f'{subscriber.name}/{partition}: a begin without an end, leaf {leaf}' for leaf in begun.values()]
    result.note(f'{ended} resyncs named everything that is held', why)


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
