"""The reference model: who must hold what of a record, with which status, after what has happened to it.

Written from the documents, sharing no code with the gateway. A Record is a value: all that the exchange remembers of one record
and of the cases about it, and the rows that subscribers' tables must hold. A step takes a Record and gives the next one with its
deliveries. What comes from different topics, falls due or is asked for at the same time may come in any order that keeps each
topic's own: `settle` follows them all and gives every Record that may stand at the end.
"""
import typing

NEXT_STEPS = {  # of a case: kind → step → the step that it may follow, None = a new case
    'dispute': {'OPENED': None, 'UPHELD': 'OPENED', 'REJECTED': 'OPENED'},
    'correction': {'OPENED': None, 'UPHELD': 'OPENED', 'REJECTED': 'OPENED'},
    'repair': {'DECIDED': None, 'REVOKED': 'DECIDED'},
    'restriction': {'IMPOSED': None, 'LIFTED': 'IMPOSED'},
}


class Row(typing.NamedTuple):
    """What a subscriber's table holds of a record. Version, grant and fields are of the last PUT, reason and flags of the last delivery."""
    version: int
    reason: str
    flags: frozenset
    grant: str
    withdrawn: bool
    fields: tuple  # (name, value) in the order of names, without those that are null


class Case(typing.NamedTuple):
    kind: str
    number: str
    version: int
    content: tuple
    step: str
    life: int  # of the record that it is about, at its first step


class Record(typing.NamedTuple):
    version: int = -1  # -1: nobody has sent it yet
    day: object = None  # on which that was accepted
    content: tuple = ()
    live: bool = False
    life: int = 0  # one more each time that it is listed again
    event: object = None  # of its last version, None when it may be kept no longer
    flags: frozenset = frozenset()
    marks: frozenset = frozenset()
    disputes: int = 0  # cases that are open
    standing: tuple = ()  # (mark, cases that stand), of those that have any
    publicity_ends: object = None
    retention_ends: object = None
    holders: frozenset = frozenset()
    cases: tuple = ()
    rows: tuple = ()  # (subscriber's name, Row), in the order of names

    def row(self, name):
        return dict(self.rows).get(name)

    def is_disputed(self):
        return self.disputes > 0 or 'CORRECTING' in self.marks


class Delivery(typing.NamedTuple):
    subscriber: str
    operation: str
    reason: str
    version: int
    flags: frozenset
    grant: object  # of a PUT
    fields: object  # {name: value} of a PUT


class Event:
    """An event as the model needs it. `flags` are those that it has on a day, `terms` the last days of publicity and of retention (None
    = no end), `minor` tells whether it is about one, on a day; `misses`: a case about a record that does not exist."""

    def __init__(self, item, values, content, flags=lambda day: frozenset(), terms=(None, None), minor=lambda day: False, misses=False):
        self.item, self.values, self.content, self.flags = item, values, content, flags
        self.terms, self.minor, self.misses = terms, minor, misses
        self.version, self.is_put = values['version'], values['operation'] == 'PUT'
        self.views = {}

    def view(self, grant):
        """Of one grant object; every subscriber that is served by it sees the same."""
        if grant not in self.views:
            self.views[grant] = grant.view(self.values)
        return self.views[grant]


class World:
    """What holds for everything at one moment. `day` is the clock's, in Beijing; `due` the latest that it has ever been, for what
    has fallen due once does not come back when a clock goes back."""

    def __init__(self, catalogue, portfolios, day, due=None):
        self.catalogue, self.portfolios, self.day = catalogue, portfolios, day
        self.due = max(day, due or day)

    def signature(self, subscriber, item):
        """All that decides what the subscriber gets and keeps of the item; when it changes, a resync is due."""
        return [(grant.has_ended(self.day), grant.name, grant.purpose, grant.legal_basis,
                 [(field.name, field.transform) for field in grant.fields],
                 grant.kinds, grant.areas, [(one.field, one.asks, one.values) for one in grant.conditions],
                 grant.portfolio and sorted(self.portfolios[grant.portfolio]))
                for grant in subscriber.about(item)
                if grant.is_in_force(self.day) or grant.keeps and grant.has_ended(self.day)]


# ── who may have a record ──

def is_lost(record, subscriber):
    """Why what has happened to the record takes it from this subscriber; None when it may hold it."""
    marks = record.marks
    if 'REPAIRED' in marks:
        return 'REPAIRED'
    if 'RESTRICTED' in marks or subscriber.is_public and 'RESTRICTED_PUBLIC' in marks:
        return 'RESTRICTED'
    if 'RETENTION_ENDED' in marks or subscriber.is_public and 'PUBLICITY_ENDED' in marks:
        return 'EXPIRED'
    return 'RESTRICTED' if subscriber.is_public and 'MINOR' in marks else None


def entitled(record, subscriber, event, world):
    """The first grant by which it may have the record now."""
    if not record.live or is_lost(record, subscriber):
        return None
    for grant in subscriber.about(event.item):
        if grant.is_in_force(world.day) and grant.fits(event.values, world.portfolios):
            return grant
    return None


def kept_by(record, subscriber, event, world):
    """The first grant that has ended and leaves with the subscriber what it gave."""
    if record.live and not is_lost(record, subscriber):
        for grant in subscriber.about(event.item):
            if grant.keeps and grant.has_ended(world.day) and grant.fits(event.values, world.portfolios):
                return grant
    return None


# ── deliveries, and what they do to tables ──

def flags_of(record):
    flags = set(record.flags)
    if record.is_disputed():
        flags.add('DISPUTED')
    if 'RESTRICTED_PUBLIC' in record.marks:
        flags.add('RESTRICTED')
    if 'PUBLICITY_ENDED' in record.marks:
        flags.add('PUBLICITY_ENDED')
    return frozenset(flags)


def say(record, subscriber, operation, reason, event=None, grant=None):
    return Delivery(subscriber.name, operation, reason, record.version, flags_of(record), grant,
                    event.view(grant) if grant else None)


def offer(record, subscriber, event, world, again=False):
    """What the subscriber gets of a version, new or again."""
    holds = subscriber.name in record.holders
    reason = 'CORRECTED' if holds and not again else 'NONE'
    grant = entitled(record, subscriber, event, world)
    if grant is not None:
        return say(record, subscriber, 'PUT', reason, event, grant)
    if not holds:
        return None
    grant = kept_by(record, subscriber, event, world)
    if grant is not None:  # what came after its end has made the copy outdated
        return say(record, subscriber, 'STATUS', 'CORRECTED' if grant.has_ended(record.day) else 'NONE')
    return say(record, subscriber, 'WITHDRAW', is_lost(record, subscriber) or 'GRANT_ENDED')


def tell(record, subscriber, change):
    """A holder is told what has happened to the record; it loses it where that means that it may not hold it."""
    lost = is_lost(record, subscriber)
    return say(record, subscriber, 'WITHDRAW', lost) if lost else say(record, subscriber, 'STATUS', change)


def plain_fields(fields):
    return tuple(sorted((name, plain(value)) for name, value in fields.items() if value is not None))


def plain(value):
    """As one compares it, whatever the table made of it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)) or hasattr(value, 'as_tuple'):
        text = f'{value:f}' if hasattr(value, 'as_tuple') else str(value)
        return text.rstrip('0').rstrip('.') if '.' in text else text
    if hasattr(value, 'tzinfo') and hasattr(value, 'date'):
        return f'{value.timestamp():.3f}'
    return value.isoformat() if hasattr(value, 'isoformat') else value


def write(row, delivery, marks_withdrawn):
    """The row after a delivery; `marks_withdrawn`: the table keeps what is withdrawn, with a mark."""
    if delivery.operation == 'PUT':
        return Row(delivery.version, delivery.reason, delivery.flags, delivery.grant.name, False, plain_fields(delivery.fields))
    if row is None or delivery.operation == 'WITHDRAW' and not marks_withdrawn:
        return None
    return row._replace(reason=delivery.reason, flags=delivery.flags,
                        withdrawn=row.withdrawn or delivery.operation == 'WITHDRAW')


def deliver(record, deliveries, world):
    """The record with holders and rows as they stand after the deliveries."""
    if not deliveries:
        return record
    holders, rows = set(record.holders), dict(record.rows)
    for delivery in deliveries:
        if delivery.operation == 'PUT':
            holders.add(delivery.subscriber)
        elif delivery.operation == 'WITHDRAW':
            holders.discard(delivery.subscriber)
        row = write(rows.pop(delivery.subscriber, None), delivery, delivery.subscriber in world.catalogue.marking)
        if row is not None:
            rows[delivery.subscriber] = row
    return record._replace(holders=frozenset(holders), rows=tuple(sorted(rows.items())))


# ── steps: (record, …, world) → (record, deliveries, what became of it) ──

def fall_due(record, world):
    """Marks of what has ended by the day; an extended term takes them away again."""
    marks = record.marks - {'PUBLICITY_ENDED', 'RETENTION_ENDED'}
    if record.publicity_ends is not None and record.publicity_ends < world.due:
        marks |= {'PUBLICITY_ENDED'}
    if record.retention_ends is not None and record.retention_ends < world.due:
        marks |= {'RETENTION_ENDED'}
    return record._replace(marks=marks)


def judge_version(known_version, known_content, event):
    if event.version > known_version:
        return 'accepted'
    if event.version < known_version:
        return 'stale'
    return 'duplicate' if known_content == event.content else 'refused VERSION_CONFLICT'


def take_event(record, event, world):
    verdict = judge_version(record.version, record.content, event)
    if verdict != 'accepted':
        return record, [], verdict
    new_life = event.is_put and not record.live
    marks = frozenset() if new_life else record.marks
    if new_life:
        record = record._replace(disputes=0, standing=(), life=record.life + 1)
    if event.is_put:  # it is the correction that was awaited
        marks = marks - {'CORRECTING', 'MINOR'} | ({'MINOR'} if event.minor(world.day) else set())
    record = record._replace(version=event.version, day=world.day, content=event.content, live=event.is_put, event=event,
                             flags=event.flags(world.day), marks=frozenset(marks))
    if event.is_put:
        record = fall_due(record._replace(publicity_ends=event.terms[0], retention_ends=event.terms[1]), world)
    else:
        record = record._replace(publicity_ends=None, retention_ends=None)
    deliveries = []
    for subscriber in world.catalogue.subscribers:
        if event.is_put:
            delivery = offer(record, subscriber, event, world)
            if delivery is not None:
                deliveries.append(delivery)
        elif subscriber.name in record.holders:
            deliveries.append(say(record, subscriber, 'WITHDRAW', 'WITHDRAWN'))
    return deliver(record, deliveries, world), deliveries, verdict


def judge_case(record, event, case, world):
    """The code of a refusal, or None. `record` is the one that the case is about."""
    values, kind = event.values, event.item.rights
    if not event.is_put:
        return 'RIGHTS_WITHDRAWAL'
    step, last = values['step'], case.step if case else None
    if step not in NEXT_STEPS[kind] or step != last and NEXT_STEPS[kind][step] != last:
        return 'RIGHTS_STEP'
    if values['decided_on'] > world.day:
        return 'RIGHTS_DATE'
    if not world.catalogue.rights[kind].may(values['authority'], values['target_department']):
        return 'RIGHTS_AUTHORITY'
    return 'RIGHTS_UNKNOWN_RECORD' if event.misses or record.version < 0 else None


def take_rights(record, event, world):
    kind, number = event.item.rights, event.values['case_number']
    case = next((one for one in record.cases if (one.kind, one.number) == (kind, number)), None)
    verdict = judge_version(case.version if case else -1, case.content if case else (), event)
    if verdict != 'accepted':
        return record, [], verdict
    refused = judge_case(record, event, case, world)
    if refused:
        return record, [], f'refused {refused}'
    step = event.values['step']
    others = [one for one in record.cases if one is not case]
    life = case.life if case else record.life
    record = record._replace(cases=tuple(sorted([*others, Case(kind, number, event.version, event.content, step, life)])))
    if not record.live or life != record.life or case is not None and case.step == step:
        return record, [], verdict
    record, change = apply_case(record, step, event.values.get('scope'))
    deliveries = [tell(record, subscriber, change) for subscriber in world.catalogue.subscribers
                  if change and subscriber.name in record.holders]
    return deliver(record, deliveries, world), deliveries, verdict


def apply_case(record, step, scope):
    """What the step of a case does to the record, and what holders are told; None: nothing."""
    was_disputed = record.is_disputed()
    if step == 'OPENED':
        return record._replace(disputes=record.disputes + 1), None if was_disputed else 'DISPUTED'
    if step in ('UPHELD', 'REJECTED'):
        marks = record.marks | ({'CORRECTING'} if step == 'UPHELD' else set())
        record = record._replace(disputes=max(0, record.disputes - 1), marks=marks)
        return record, 'DISPUTE_RESOLVED' if was_disputed and not record.is_disputed() else None
    mark = 'REPAIRED' if step in ('DECIDED', 'REVOKED') else 'RESTRICTED_PUBLIC' if scope == 'PUBLIC' else 'RESTRICTED'
    return count_case(record, mark, step)


def count_case(record, mark, step):
    """A mark stands until the last of its cases ends."""
    standing = dict(record.standing)
    begins = step in ('DECIDED', 'IMPOSED')
    count = max(0, standing.pop(mark, 0) + (1 if begins else -1))
    if count:
        standing[mark] = count
    marks = record.marks | {mark} if count else record.marks - {mark}
    change = {'DECIDED': 'REPAIRED', 'IMPOSED': 'RESTRICTED', 'LIFTED': 'NONE', 'REVOKED': None}[step]
    changed = marks != record.marks
    return record._replace(marks=marks, standing=tuple(sorted(standing.items()))), change if changed else None


def take_expiry(record, world):
    """What the daily walk does."""
    if not record.live:
        return record, [], 'nothing'
    due = fall_due(record, world)
    if not due.marks - record.marks:
        return due, [], 'nothing'
    if 'RETENTION_ENDED' in due.marks:
        due = due._replace(event=None)
    deliveries = [tell(due, subscriber, 'EXPIRED') for subscriber in world.catalogue.subscribers
                  if subscriber.name in due.holders]
    return deliver(due, deliveries, world), deliveries, 'due'


def take_resync(record, subscriber, world):
    """The record's turn in a resync of its item. What the subscriber is not told of, it holds no longer."""
    delivery = offer(record, subscriber, record.event, world, again=True) if record.event else None
    if delivery is not None:
        return deliver(record, [delivery], world), [delivery], 'named'
    return record, [], 'not named'


def give_up(record, name, world):
    """What the end of a resync does to a row that nothing has named."""
    rows = dict(record.rows)
    row = rows.pop(name, None)
    if row is not None and name in world.catalogue.marking:
        rows[name] = row if row.withdrawn else row._replace(reason='RESYNC_END', withdrawn=True)
    return record._replace(rows=tuple(sorted(rows.items())))


# ── all orders ──

class Way(typing.NamedTuple):
    """A Record, and what has happened on the way to it since the steps began."""
    record: Record
    changed: bool = False  # a version was accepted: a resync leaves the record to that
    told: frozenset = frozenset()  # who had a delivery about it


class Streams:
    """Lists of steps, each in its order, in no order among each other.

    A step is ('event', Event), ('rights', Event), ('expiry',), ('resync', subscriber) or ('world', World): from
    there on another world holds. Expiry and resync come after the change of the world, which causes them."""

    def __init__(self, world, streams):
        self.world, self.streams = world, [stream for stream in streams if stream]
        self.change = next((number for number, stream in enumerate(self.streams) if stream[0][0] == 'world'), None)

    def world_at(self, place):
        changed = self.change is not None and place[self.change] > 0
        return self.streams[self.change][0][1] if changed else self.world

    def may_go(self, place, number):
        if place[number] == len(self.streams[number]):
            return False
        waits = self.streams[number][place[number]][0] in ('expiry', 'resync')
        return not waits or self.change is None or place[self.change] > 0


def go(way, step, world):
    """The Ways after one step."""
    record, kind = way.record, step[0]
    if kind == 'world':
        return [way]
    if kind == 'resync':
        return go_resync(way, step[1], world)
    if kind == 'event':
        record, deliveries, verdict = take_event(record, step[1], world)
    elif kind == 'rights':
        record, deliveries, verdict = take_rights(record, step[1], world)
    else:
        record, deliveries, verdict = take_expiry(record, world)
    return [Way(record, way.changed or kind == 'event' and verdict == 'accepted',
                way.told.union(delivery.subscriber for delivery in deliveries))]


def go_resync(way, subscriber, world):
    """A record that has changed since the resync began is left as it is; a row that was spoken of since then stays."""
    record, deliveries, verdict = take_resync(way.record, subscriber, world)
    told = way.told.union(delivery.subscriber for delivery in deliveries)
    ways = [Way(record if verdict == 'named' else give_up(record, subscriber.name, world), way.changed, told)]
    if way.changed or subscriber.name in way.told and verdict == 'not named':
        ways.append(way)
    return ways


def settle(records, world, streams):
    """Every Record that may stand after the steps, from every Record that may stand before them."""
    lists = Streams(world, streams)
    places = {(0,) * len(lists.streams): {Way(record) for record in records}}
    end = tuple(len(stream) for stream in lists.streams)
    for _ in range(sum(end)):
        following = {}
        for place, ways in places.items():
            here = lists.world_at(place)
            for number, stream in enumerate(lists.streams):
                if not lists.may_go(place, number):
                    continue
                after = place[:number] + (place[number] + 1,) + place[number + 1:]
                there = following.setdefault(after, set())
                for way in ways:
                    there.update(go(way, stream[place[number]], here))
        places = following
    return {way.record for way in places[end]}
