"""The catalogue as its files say it: items, rights, subscribers, grants, and who is entitled to what."""
import datetime
import pathlib

import avro
import libconfig
import policy

LAST_DAY = datetime.date(9999, 12, 31)


class Item:
    def __init__(self, entry, schemas):
        self.department, self.name = entry['department'], entry['name']
        folder = pathlib.Path(schemas) / entry.get('folder', self.department)
        versions = [avro.Schema(folder / f'{self.name}-{number}.avsc') for number in range(1, entry['version'] + 1)]
        self.schemas = {schema.fingerprint: schema for schema in versions}
        self.full_name = f"{versions[-1].json['namespace']}.{versions[-1].json['name']}"
        self.rights = entry.get('rights')
        self.is_register = entry.get('register', False)
        self.register_status, self.register_ended = entry.get('register_status', ''), entry.get('register_ended', [])
        self.terms = [policy.Term(term) for term in entry.get('terms', [])]

    def decode(self, value):
        return self.schemas[avro.fingerprint(value)].decode(value)


class Right:
    """Who may raise and decide one kind of case."""

    def __init__(self, entry):
        self.kind, self.by = entry['kind'], entry['by']

    def may(self, authority, department):
        return authority in self.by if authority == 'exchange' else (
            authority in self.by and authority != 'own' or 'own' in self.by and authority == department)


class Grant:
    def __init__(self, entry, folder):
        self.name, self.item, self.department = entry['name'], entry['item'], entry.get('department')
        self.fields = [policy.Field(text) for text in entry['fields']]
        self.purpose, self.legal_basis = entry['purpose'], entry['legal_basis']
        self.first = datetime.date.fromisoformat(entry['from'])
        self.last = datetime.date.fromisoformat(entry['to']) if 'to' in entry else LAST_DAY
        self.kinds = entry.get('subject_kinds', ['ORGANISATION', 'PERSON'])
        self.areas = entry.get('areas', [])
        self.conditions = [policy.Condition(text) for text in entry.get('where', [])]
        self.portfolio = str(folder / entry['portfolio']) if 'portfolio' in entry else None
        self.keeps = entry.get('on_end', 'withdraw') == 'keep'

    def is_about(self, item):
        return self.item == item.name and self.department in (None, item.department)

    def is_in_force(self, day):
        return self.first <= day <= self.last

    def has_ended(self, day):
        return day > self.last

    def fits(self, event, portfolios):
        """Everything but the period."""
        return (event['subject_kind'] in self.kinds and
                (not self.areas or any(event['area_code'].startswith(area) for area in self.areas)) and
                all(condition.holds(event) for condition in self.conditions) and
                (self.portfolio is None or policy.identifier(event) in portfolios[self.portfolio]))

    def view(self, event):
        """The fields of a delivery."""
        granted = {field.name: field.transform for field in self.fields}
        return {name: policy.leaves(value, granted[name]) for name, value in event.items() if name in granted}


class Subscriber:
    def __init__(self, path):
        entry = libconfig.load(path)
        self.name, self.number, self.is_public = path.parent.name, entry['number'], entry['public']
        self.grants = [Grant(grant, path.parent) for grant in entry['grants']]

    def about(self, item):
        return [grant for grant in self.grants if grant.is_about(item)]


class Catalogue:
    def __init__(self, path):
        path = pathlib.Path(path).resolve()
        entry = libconfig.load(path)
        receivers = path.parent / entry.get('receivers', '../subscribers/receivers')
        self.exchange = entry['exchange']
        self.items = [Item(item, path.parent) for item in entry['items']]
        self.rights = {entry['kind']: Right(entry) for entry in entry.get('rights', [])}
        self.subscribers = [Subscriber(file) for file in sorted(receivers.glob('*/grants.cfg'))]
        self.marking = set()  # subscribers whose tables keep what is withdrawn, with a mark
        self.seal = avro.Schema(path.parent / 'seal.avsc')
        self.audit = avro.Schema(path.parent / 'internal' / 'audit.avsc')
        self.books = avro.Schema(path.parent / 'internal' / 'books.avsc')
        self.receipt = avro.Schema(path.parent / 'internal' / 'receipt.avsc')
        self.quarantine = avro.Schema(path.parent / 'internal' / 'quarantine.avsc')

    def table(self, item):
        """Name of the item's table at a subscriber."""
        same = {other.full_name for other in self.items if other.name == item.name}
        name = item.name if len(same) == 1 else f'{item.department}_{item.name}'
        return name.replace('.', '_').replace('-', '_')


def portfolios(whole):
    """{path: subject identifiers} of all portfolios that grants name."""
    found = {}
    for grant in (grant for subscriber in whole.subscribers for grant in subscriber.grants):
        if grant.portfolio is not None and grant.portfolio not in found:
            found[grant.portfolio] = frozenset(read_portfolio(grant.portfolio))
    return found


def read_portfolio(path):
    """One identifier a line; a credit code also stands for the organisation code within it."""
    for line in pathlib.Path(path).read_text(encoding='utf-8').splitlines():
        words = line.partition('#')[0].split()
        if words:
            yield words[-1]
            if len(words[-1]) == 18:
                yield words[-1][8:17]
