"""The catalogue as its files say it: items, subscribers, grants, and who is entitled to what."""
import datetime
import pathlib

import avro
import libconfig

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
LAST_DAY = datetime.date(9999, 12, 31)


class Item:
    def __init__(self, entry, schemas):
        self.department, self.name = entry['department'], entry['name']
        folder = pathlib.Path(schemas) / entry.get('folder', self.department)
        versions = [avro.Schema(folder / f'{self.name}-{number}.avsc') for number in range(1, entry['version'] + 1)]
        self.schemas = {schema.fingerprint: schema for schema in versions}
        self.full_name = f"{versions[-1].json['namespace']}.{versions[-1].json['name']}"

    def decode(self, value):
        return self.schemas[avro.fingerprint(value)].decode(value)


class Grant:
    def __init__(self, entry):
        self.name, self.item, self.department = entry['name'], entry['item'], entry.get('department')
        self.fields = entry['fields']
        self.purpose, self.legal_basis = entry['purpose'], entry['legal_basis']
        self.first = datetime.date.fromisoformat(entry['from'])
        self.last = datetime.date.fromisoformat(entry['to']) if 'to' in entry else LAST_DAY
        self.kinds = entry.get('subject_kinds', ['ORGANISATION', 'PERSON'])
        self.areas = entry.get('areas', [])

    def is_about(self, item):
        return self.item == item.name and self.department in (None, item.department)

    def fits(self, event, day):
        return (self.first <= day <= self.last and event['subject_kind'] in self.kinds and
                (not self.areas or any(event['area_code'].startswith(area) for area in self.areas)))


class Subscriber:
    def __init__(self, path):
        entry = libconfig.load(path)
        self.name, self.is_public = path.parent.name, entry['public']
        self.grants = [Grant(grant) for grant in entry['grants']]


class Catalogue:
    def __init__(self, path):
        path = pathlib.Path(path).resolve()
        entry = libconfig.load(path)
        receivers = path.parent / entry.get('receivers', '../subscribers/receivers')
        self.exchange = entry['exchange']
        self.items = [Item(item, path.parent) for item in entry['items']]
        self.subscribers = [Subscriber(file) for file in sorted(receivers.glob('*/grants.cfg'))]
        self.seal = avro.Schema(path.parent / 'seal.avsc')
        self.quarantine = avro.Schema(path.parent / 'internal' / 'quarantine.avsc')

    def table(self, item):
        """Name of the item's table at a subscriber."""
        same = {other.full_name for other in self.items if other.name == item.name}
        name = item.name if len(same) == 1 else f'{item.department}_{item.name}'
        return name.replace('.', '_').replace('-', '_')


def is_minor(event, day):
    if event['subject_kind'] != 'PERSON':
        return False
    number = event['subject_id']
    digits = number[6:14] if len(number) == 18 else '19' + number[6:12]
    return (int(digits[:4]) + 18, int(digits[4:6]), int(digits[6:])) > (day.year, day.month, day.day)


def day_of(timestamp_ms):
    return datetime.datetime.fromtimestamp(timestamp_ms / 1000, BEIJING).date()
