"""The world in which histories are played: a catalogue of four items and the four rights, four subscribers whose grants change, a
clock. Written as files for the exchange, and read back from them for the model as any reader would."""
import copy
import datetime
import json
import os
import pathlib
import random

import catalogue
import model

START = datetime.date(2026, 11, 24)
FOUR_FIELDS = [
    ('document_number', 'string', 'public', False), ('kind', 'string', 'public', False),
    ('content', ['null', 'string'], 'public', False),
    ('amount', ['null', {'type': 'bytes', 'logicalType': 'decimal', 'precision': 12, 'scale': 2}], 'shared', False),
    ('decided_on', ['null', {'type': 'int', 'logicalType': 'date'}], 'public', False),
    ('contact', ['null', 'string'], 'authorised', True), ('officer', ['null', 'string'], 'secret', True)]
ITEMS = {  # name: (department, number, versions, fields, what else the catalogue says)
    'register': ('registry', 1, 1, [('document_number', 'string', 'public', False), ('state', 'string', 'public', False)],
                 'register = true; register_status = "state"; register_ended = ["ENDED"];'),
    'penalty': ('bureau', 2, 1, FOUR_FIELDS, '''terms = (
      { kind = "publicity"; from = "decided_on"; months = 3; rule_version = "minor"; },
      { kind = "publicity"; from = "decided_on"; years = 1; field = "kind"; values = ["A"]; },
      { kind = "publicity"; from = "decided_on"; years = 3; },
      { kind = "retention"; from = "conduct_end_date"; years = 5; });'''),
    'licence': ('bureau', 3, 2, FOUR_FIELDS, '''terms = (
      { kind = "watch"; from = "decided_on"; years = 2; grace_working_days = 3; });'''),
    'violation': ('traffic', 4, 1, FOUR_FIELDS, '''terms = (
      { kind = "publicity"; from = "occurred_at"; months = 6; days = 5; },
      { kind = "retention"; from = "conduct_end_date"; years = 1; field = "kind"; values = ["A", "B"]; },
      { kind = "retention"; from = "conduct_end_date"; years = 5; });'''),
}
RIGHTS = {'dispute': '["own", "exchange"]; answer_days = 20', 'correction': '["own", "exchange"]; answer_days = 3; working_days = true',
          'repair': '["own"]', 'restriction': '["own", "exchange", "court"]'}
DEPARTMENTS = ('registry', 'bureau', 'traffic', 'court', 'rights')
MARKING = {'court'}  # tables that keep what is withdrawn with a mark
SUBSCRIBERS = {'court': (0, False), 'procurement': (1, False), 'website': (2, True), 'bank': (3, False)}
# What may change in the life of the exchange are `fields`, `to`, `where`, `areas`, `on_end`.
GRANTS = {
    'court': [
        {'name': 'court-register', 'item': 'register', 'fields': ['subject_id', 'subject_name', 'document_number', 'state']},
        {'name': 'court-penalty', 'item': 'penalty',
         'fields': ['subject_id:mask', 'subject_name', 'document_number', 'kind', 'content', 'amount', 'decided_on', 'contact:present']},
        {'name': 'court-licence', 'item': 'licence', 'on_end': 'keep', 'fields': ['subject_id', 'document_number', 'content', 'amount']},
        {'name': 'court-violation', 'item': 'violation', 'fields': ['subject_name:mask', 'document_number', 'occurred_at:year', 'kind']}],
    'procurement': [
        {'name': 'procurement-penalty-large', 'item': 'penalty', 'fields': ['subject_id', 'document_number', 'amount', 'content'],
         'where': ['amount >= 100'], 'subject_kinds': ['ORGANISATION']},
        {'name': 'procurement-penalty', 'item': 'penalty', 'fields': ['document_number', 'decided_on:year'], 'areas': ['450202']},
        {'name': 'procurement-licence', 'item': 'licence', 'fields': ['document_number', 'subject_id', 'content'], 'where': ['kind = A|B']},
        {'name': 'procurement-licence-rest', 'item': 'licence', 'fields': ['document_number'], 'where': ['content present'],
         'on_end': 'keep'}],
    'website': [
        {'name': 'website-penalty', 'item': 'penalty', 'fields': ['subject_name', 'document_number', 'content', 'decided_on'],
         'subject_kinds': ['ORGANISATION']},
        {'name': 'website-violation', 'item': 'violation', 'fields': ['document_number', 'content', 'kind']},
        {'name': 'website-licence', 'item': 'licence', 'fields': ['document_number', 'subject_name'], 'subject_kinds': ['ORGANISATION'],
         'where': ['kind != C']}],
    'bank': [
        {'name': 'bank-penalty', 'item': 'penalty', 'portfolio': 'customers.txt',
         'fields': ['subject_id', 'document_number', 'amount:present', 'decided_on:year', 'content']},
        {'name': 'bank-violation', 'item': 'violation', 'portfolio': 'customers.txt', 'on_end': 'keep',
         'fields': ['subject_id:mask', 'document_number']},
        {'name': 'bank-register', 'item': 'register', 'fields': ['subject_id', 'subject_name', 'state'], 'where': ['state != ENDED']}],
}


def write(path, text):
    part = path.with_name(f'.{path.name}.part')
    part.write_text(text, encoding='utf-8')
    part.rename(path)


def libconfig(value):
    if isinstance(value, list):
        return '[' + ', '.join(json.dumps(one, ensure_ascii=False) for one in value) + ']'
    return json.dumps(value, ensure_ascii=False)


class Setting:
    """`folder` holds catalogue.cfg, its schemas and receivers/. Portfolios are sets of identifiers."""

    def __init__(self, root, folder, dice):
        self.root, self.folder, self.dice = pathlib.Path(root), pathlib.Path(folder), dice
        self.path = self.folder / 'catalogue.cfg'
        self.grants, self.customers, self.day, self.due = copy.deepcopy(GRANTS), set(), START, START
        for grants in self.grants.values():
            for grant in grants:
                grant['from'] = '2020-01-01'
        self.write_once()
        self.write_grants()
        self.write_portfolio()
        self.world = self.read()

    # ── files ──

    def write_once(self):
        (self.folder / 'schemas').mkdir(parents=True, exist_ok=True)
        for name in ('codes', 'rights', 'internal', 'seal.avsc', 'envelope.avsc'):
            if not (self.folder / name).exists():
                os.symlink(self.root / 'schemas' / name, self.folder / name)
        envelope = json.loads((self.root / 'schemas' / 'envelope.avsc').read_text())['fields']
        for name, (_, _, versions, own, _) in ITEMS.items():
            for version in range(1, versions + 1):
                fields = [field for field in own if version == versions or field[0] != 'amount']
                self.write_schema(f'{name}-{version}.avsc', name, envelope, fields)
        write(self.path, self.catalogue_text())

    def write_schema(self, file, name, envelope, own):
        fields = [{'name': field, 'type': kind, 'doc': f'{field} / {field}', 'classification': openness, 'personal': personal,
                   'required': kind == 'string', **({'default': None} if kind != 'string' else {}),
                   **({'max_length': 200} if 'string' in (kind, kind[-1]) else {})} for field, kind, openness, personal in own]
        write(self.folder / 'schemas' / file, json.dumps(
            {'type': 'record', 'name': name, 'namespace': 'xinqiao.model', 'doc': f'{name} / {name}', 'fields': envelope + fields},
            ensure_ascii=False))

    @staticmethod
    def catalogue_text():
        names = 'name_zh = "模型"; name_en = "Model"; class_zh = "行政管理"; sharing = "unconditional";'
        departments = ',\n'.join(f'  {{ name = "{name}"; name_zh = "{name}"; name_en = "{name}"; }}' for name in DEPARTMENTS)
        items = [f'  {{ number = {number}; department = "{department}"; name = "{name}"; folder = "schemas"; version = {versions};\n'
                 f'    key = ["document_number"]; openness = "public"; {names}\n    {more} }}'
                 for name, (department, number, versions, _, more) in ITEMS.items()]
        items += [f'  {{ number = {101 + number}; department = "rights"; name = "{kind}"; folder = "rights"; version = 1;\n'
                  f'    key = ["case_number"]; rights = "{kind}"; openness = "authorised"; {names} }}'
                  for number, kind in enumerate(RIGHTS)]
        rights = ',\n'.join(f'  {{ kind = "{kind}"; by = {rule}; }}' for kind, rule in RIGHTS.items())
        joined = ',\n'.join(items)
        return (f'exchange = "model";\ncodes = "codes";\nreceivers = "receivers";\ndepartments = (\n{departments}\n);\n'
                f'rights = (\n{rights}\n);\nitems = (\n{joined}\n);\n')

    def write_grants(self, names=SUBSCRIBERS):
        for name in names:
            number, public = SUBSCRIBERS[name]
            grants = ',\n'.join('  { ' + ' '.join(f'{key} = {libconfig(value)};' for key, value in grant.items()) +
                                ' purpose = "模型"; legal_basis = "模型"; }' for grant in self.grants[name])
            (self.folder / 'receivers' / name).mkdir(parents=True, exist_ok=True)
            write(self.folder / 'receivers' / name / 'grants.cfg',
                  f'number = {number};\nname_zh = "{name}";\nname_en = "{name}";\npublic = {str(public).lower()};\n'
                  f'grants = (\n{grants}\n);\n')

    def break_grants(self, name):
        """A file that is no catalogue's: one grant asks for a field that no one may have."""
        path = self.folder / 'receivers' / name / 'grants.cfg'
        write(path, path.read_text(encoding='utf-8').replace('fields = [', 'fields = ["officer", ', 1))

    def write_portfolio(self):
        """One line is of no use to anyone, and must cost the others nothing."""
        lines = [identifier if identifier[-1] in '0123456' else f'{"OP"[len(identifier) == 18]} {identifier}  # a customer'
                 for identifier in sorted(self.customers)]
        write(self.folder / 'receivers' / 'bank' / 'customers.txt', '\n'.join(['# customers', 'nobody', *lines, '']))

    def read(self):
        """The world as these files, the clock and the portfolio make it."""
        whole = catalogue.Catalogue(self.path)
        whole.marking = MARKING
        portfolios = {grant.portfolio: frozenset(self.customers) for subscriber in whole.subscribers for grant in subscriber.grants
                      if grant.portfolio}
        self.due = max(self.due, self.day)
        return model.World(whole, portfolios, self.day, self.due)

    # ── changes ──

    def change_clock(self, back_share):
        if self.dice.random() < back_share:
            self.day -= datetime.timedelta(self.dice.randint(1, 40))
            return f'the clock goes back to {self.day}'
        self.day += datetime.timedelta(self.dice.choice((1, 1, 2, 10, 31, 90, 200)))
        return f'the clock goes on to {self.day}'

    def change_grant(self):
        """One grant of one subscriber ends, begins again, or gives another choice."""
        name = self.dice.choice(list(SUBSCRIBERS))
        grant = self.dice.choice(self.grants[name])
        whole = next(one for one in GRANTS[name] if one['name'] == grant['name'])
        what = self.dice.choice(('to', 'to', 'fields', 'fields', 'where', 'areas', 'on_end'))
        if what == 'to':
            if grant.pop('to', None) is None:
                grant['to'] = (self.day + datetime.timedelta(self.dice.choice((-1, -1, 0, 1, 15)))).isoformat()
        elif what == 'on_end':
            grant['on_end'] = 'withdraw' if grant.get('on_end') == 'keep' else 'keep'
        elif what == 'fields':
            count = self.dice.randint(1, len(whole['fields']))
            grant['fields'] = sorted(self.dice.sample(whole['fields'], count), key=whole['fields'].index)
        elif what == 'where' and grant['item'] != 'register':
            grant['where'] = self.dice.choice((whole.get('where', []), ['kind != B'], ['content present'], ['amount <= 150']))
        elif what == 'areas':
            grant['areas'] = self.dice.choice((whole.get('areas', []), ['4502'], ['450203', '450202']))
        for key in ('where', 'areas'):
            if grant.get(key) == []:
                del grant[key]
        if grant['item'] == 'licence' and grant['fields'] == ['amount']:
            grant['fields'] = ['document_number']  # the older version has no amount, and a view needs a field
        self.write_grants([name])
        return f'grant {grant["name"]}: ' + ', '.join(f'{key} = {value}' for key, value in grant.items() if key not in ('name', 'item'))

    def change_customers(self, subjects, seed):
        """Some come or go, each by a throw of its own, so that fewer histories see the same."""
        for identifier in subjects:
            if random.Random(f'{seed}/{identifier}').random() < 0.15:
                self.customers ^= {identifier}
        self.write_portfolio()
        return f'the portfolio has {len(self.customers)} subjects'


def changed(before, after):
    """(subscriber, item) for which a resync is due."""
    pairs = []
    for subscriber in after.catalogue.subscribers:
        old = next(one for one in before.catalogue.subscribers if one.name == subscriber.name)
        pairs += [(subscriber, item) for item in after.catalogue.items
                  if item.rights is None and before.signature(old, item) != after.signature(subscriber, item)]
    return pairs
