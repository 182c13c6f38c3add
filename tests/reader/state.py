"""What xq.state holds, by docs/formats-state.md."""
import datetime
import struct
import typing

ENTRY = struct.Struct('<BBBBHHIiqQQqqqqiiBBBB')
MARKS = ('CORRECTING', 'REPAIRED', 'RESTRICTED', 'RESTRICTED_PUBLIC', 'PUBLICITY_ENDED', 'RETENTION_ENDED', 'MINOR')
STEPS = (None, 'OPENED', 'UPHELD', 'REJECTED', 'DECIDED', 'REVOKED', 'IMPOSED', 'LIFTED')
LAYOUT = 2
NO_DAY = 2147483647
EPOCH = datetime.date(1970, 1, 1)
KEY_SIZE = 33


class Entry(typing.NamedTuple):
    layout: int
    status: int
    subject_kind: int
    marks: int
    item: int
    disputes: int
    flags: int
    publicity_days: int
    version: int
    digest: int
    holders: int
    state_offset: int
    audit_offset: int
    first_seen_ms: int
    changed_ms: int
    retention_days: int
    watch_days: int
    repairs: int
    restrictions: int
    public_restrictions: int
    life: int


def day(number):
    return None if number == NO_DAY else EPOCH + datetime.timedelta(number)


def read(records):
    """{(subject key, record): (Entry, event's bytes)} of a partition: the later of a record's 'R' and 'S'; and what is wrong."""
    events, last, why = {}, {}, []
    for key, record in sorted(records.items(), key=lambda pair: pair[1].offset):
        if len(key) != KEY_SIZE or key[:1] not in (b'R', b'S'):
            continue
        if len(record.value) < ENTRY.size or record.value[0] != LAYOUT:
            why.append(f'offset {record.offset}: an entry of another layout')
            continue
        place, entry = (key[1:17], key[17:]), Entry(*ENTRY.unpack_from(record.value))
        if key[:1] == b'R':
            events[place] = record.offset, record.value[ENTRY.size:]
        elif len(record.value) != ENTRY.size:
            why.append(f'offset {record.offset}: a status with more than an entry')
        elif place in events and entry.state_offset != events[place][0]:
            why.append(f'offset {record.offset}: a status of the event at {entry.state_offset}, which is at {events[place][0]}')
        last[place] = entry
    return {place: (entry, events.get(place, (None, b''))[1]) for place, entry in last.items()}, why


def difference(entry, record, numbers):
    """What the entry of a record says otherwise than the model's; None when nothing. `numbers`: {subscriber: its bit}"""
    standing = dict(record.standing)
    wanted = (0 if record.live else 1, record.version, sum(1 << MARKS.index(mark) for mark in record.marks), record.disputes,
              sum(1 << numbers[name] for name in record.holders), record.publicity_ends, record.retention_ends,
              standing.get('REPAIRED', 0), standing.get('RESTRICTED', 0), standing.get('RESTRICTED_PUBLIC', 0))
    found = (entry.status, entry.version, entry.marks, entry.disputes, entry.holders, day(entry.publicity_days),
             day(entry.retention_days), entry.repairs, entry.restrictions, entry.public_restrictions)
    names = ('status', 'version', 'marks', 'disputes', 'holders', 'publicity', 'retention', 'repairs', 'restrictions', 'of the public')
    for name, due, held in zip(names, wanted, found):
        if due != held:
            return f'{name} in the state is {held}, not {due}'
    return None
