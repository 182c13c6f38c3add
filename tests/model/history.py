"""Random histories: what departments and officers send about subjects of a history's own. The same seed gives the same history in
the same world. A tick's steps of one record come from one or a few topics; the register speaks only in ticks of its own, for what it
says counts for the subject's other records."""
import datetime
import decimal
import hashlib
import random

import model
import policy

ITEM_NAMES = ('penalty', 'licence', 'violation')
AREAS = ('450202', '450203', '450206', '450100')
AUTHORITIES = {'registry': 'registry', 'bureau': 'bureau', 'traffic': 'traffic'}
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
UTC = datetime.timezone.utc
NOT_CONTENT = ('event_id', 'record_key', 'version', 'sequence', 'source_committed_at', 'published_at')


def organisation_code(number):
    eight = f'{number:08d}'
    return eight + '0X987654321'[sum(int(digit) * weight for digit, weight in zip(eight, BODY_WEIGHTS)) % 11]


def citizen_number(area, born, order):
    code = f'{area}{born}{order:03d}'
    return code + '10X98765432'[sum(int(digit) * weight for digit, weight in zip(code, CITIZEN_WEIGHTS)) % 11]


class Subject:
    """Persons cannot be real: adults are born 1905, and minors carry an area that ended before their birth."""

    def __init__(self, number, kind):
        self.kind, self.order = kind, number
        self.is_person = kind != 'ORGANISATION'
        if kind == 'ORGANISATION':
            self.identifier, self.name = organisation_code(number), f'柳州市模型{number}号有限公司'
        elif kind == 'ADULT':
            born = f'1905{number // 27000 % 12 + 1:02d}{number // 1000 % 27 + 1:02d}'
            self.identifier, self.name = citizen_number('450202', born, number % 1000), '张某甲'
        else:  # comes of age while the histories run
            born = f'{2009 + number // 27000 % 3}{number // 1000 % 12 + 1:02d}15'
            self.identifier, self.name = citizen_number('452227', born, number % 1000), '李某乙'
        self.registered = None  # (version, name, ended), as the register's last word has it
        self.in_register = False  # whether this tick is the register's

    def flags(self, name):
        flags = set()
        if self.registered is not None and name != self.registered[1]:
            flags.add('NAME_MISMATCH')
        if self.registered is not None and self.registered[2]:
            flags.add('DEREGISTERED')
        return frozenset(flags)


class Track:
    """One record: what was sent of it, and the Records that may stand now."""

    def __init__(self, subject, item, key, schemas):
        self.subject, self.item, self.schemas = subject, item, schemas
        self.key = f'{item.department}|{key}'
        self.record_identity = hashlib.new('sm3', f'{item.name}\0{self.key}'.encode()).digest()[:16]
        self.document_number = key
        self.version, self.sent = 0, []  # the last two that were sent in their order
        self.accepted = None  # (version, content) of the register's record
        self.open_cases, self.cases = [], 0
        self.possible, self.failed, self.story = {model.Record()}, False, []
        self.steps = {}  # of this tick: topic → Events

    def say(self, text):
        self.story.append(text)


class History:
    def __init__(self, number, seed, items, records_a_subject=4):
        self.number, self.dice = number, random.Random(f'{seed}/{number}')
        kinds = ('ORGANISATION', 'ORGANISATION', 'ADULT', 'MINOR')
        self.subjects = [Subject(number * len(kinds) + place + 1, kind) for place, kind in enumerate(kinds)]
        self.items, self.made = {item.name: item for item in items}, 0
        self.tracks = []
        for subject in self.subjects:
            names = ['register'] if not subject.is_person else []
            names += [self.dice.choice(ITEM_NAMES) for _ in range(records_a_subject)]
            self.tracks += [Track(subject, self.items[name], f'{number}-{subject.order}-{place}', list(self.items[name].schemas.values()))
                            for place, name in enumerate(names)]

    # ── a tick ──

    def tick(self, until, world, most_own):
        """More steps in the tracks, `until` so many have been made in all; what finds no room comes in a later tick. `most_own` bounds
        those of one record from one topic."""
        for track in self.tracks:
            track.steps = {}
        for subject in self.subjects:
            subject.in_register = not subject.is_person and self.dice.random() < 0.12
        for _ in range((until - self.made) * 5):
            if self.made >= until:
                break
            self.made += self.step(self.dice.choice(self.tracks), world, most_own)

    def step(self, track, world, most_own):
        if self.dice.random() < 0.35:
            return self.step_rights(track, world, most_own)
        speaks = track.item.name == 'register'
        if speaks != track.subject.in_register or len(track.steps.get('own', ())) >= most_own:
            return 0
        values, schema = self.own_values(track, world)
        flags = frozenset() if speaks or values['operation'] != 'PUT' else track.subject.flags(values['subject_name'])
        self.add(track, 'own', track.item, values, schema, flags, world)
        if speaks:
            self.note_register(track, values)
        return 1

    def add(self, track, stream, item, values, schema, flags, world):
        content = tuple(str(value) for name, value in values.items() if name not in NOT_CONTENT)
        first_day = policy.as_day(values['occurred_at']) - datetime.timedelta(1)
        terms = tuple(policy.last_day(item.terms, kind, values) if values['operation'] == 'PUT' else None
                      for kind in ('publicity', 'retention'))
        event = model.Event(item, values, (schema.fingerprint, *content),
                            lambda day: flags | {'DATE_IN_FUTURE'} if first_day > day else flags, terms,
                            lambda day: policy.is_minor(values, day), item.rights and values['target_record_key'] != track.key)
        event.schema = schema
        track.steps.setdefault(stream, []).append(event)
        track.say(f'{item.name} {values["operation"]} v{values["version"]}' + (
            f' {values["step"]} case {values["case_number"]} by {values["authority"]} on {values["decided_on"]} {values.get("scope") or ""}'
            if item.rights else f' kind {values.get("kind")} amount {values.get("amount")} content {values.get("content")} area '
            f'{values["area_code"]} decided {values.get("decided_on")} ends {values["conduct_end_date"]} until '
            f'{values["publicity_until"]} rule {values["rule_version"]} occurred {values["occurred_at"]:%Y-%m-%d} flags {sorted(flags)}'))

    def note_register(self, track, values):
        """The register's word counts when its version is newer."""
        if track.accepted is not None and values['version'] <= track.accepted:
            return
        track.accepted = values['version']
        gone = values['operation'] == 'WITHDRAW'
        track.subject.registered = None if gone else (values['version'], values['subject_name'], values['state'] == 'ENDED')

    # ── events of departments ──

    def own_values(self, track, world):
        chance = self.dice.random()
        if track.sent and chance < 0.06:
            return self.dice.choice(track.sent)  # once more, the same
        if track.sent and chance < 0.10:  # the same version with another content
            values, schema = track.sent[-1]
            return {**values, 'subject_name': values['subject_name'] + '乙'}, schema
        if chance < 0.18 and track.version > 3:  # late
            version = self.dice.randint(1, track.version - 1)
        else:
            track.version += self.dice.randint(1, 3)
            version = track.version
        operation = 'WITHDRAW' if self.dice.random() < 0.15 else 'PUT'
        schema = track.schemas[-1] if self.dice.random() < 0.8 else track.schemas[0]
        values = self.envelope(track, track.item, track.key, version, operation, world)
        own = self.register_fields(track) if track.item.name == 'register' else self.four_fields(track, world)
        for field in schema.json['fields'][len(values):]:
            values[field['name']] = own[field['name']]
        if version == track.version:
            track.sent = [*track.sent[-1:], (values, schema)]
        return values, schema

    def envelope(self, track, item, key, version, operation, world):
        subject, dice = track.subject, self.dice
        days = dice.choice((0, 1, -400) if subject.kind == 'MINOR' else (0, 5, 40, 300, 700))
        happened = world.day - datetime.timedelta(days)
        name = subject.name
        if subject.registered is not None and dice.random() < 0.8:
            name = subject.registered[1]
        elif track.item.name == 'register' and dice.random() < 0.3:
            name = subject.name + dice.choice('甲乙丙')
        conduct_end = dice.choice((None, None, 30, 350, 1700, 1800, 1830, -20))
        until = dice.choice((None,) * 6 + (-30, 20))
        return {
            'event_id': hashlib.new('sm3', f'{item.name}\0{key}\0{version}'.encode()).digest()[:16], 'record_key': key,
            'version': version, 'sequence': 0, 'operation': operation,
            'subject_kind': 'PERSON' if subject.is_person else 'ORGANISATION', 'subject_id': subject.identifier, 'subject_name': name,
            'occurred_at': datetime.datetime(happened.year, happened.month, happened.day, 1, tzinfo=UTC),
            'source_committed_at': datetime.datetime(2026, 11, 1, tzinfo=UTC), 'published_at': datetime.datetime(2026, 11, 2, tzinfo=UTC),
            'conduct_end_date': None if conduct_end is None else world.day - datetime.timedelta(conduct_end),
            'publicity_until': None if until is None else world.day + datetime.timedelta(until),
            'rule_version': dice.choice(('minor', 'general', 'serious')), 'area_code': dice.choice(AREAS)}

    def register_fields(self, track):
        return {'document_number': track.document_number, 'state': 'ENDED' if self.dice.random() < 0.15 else 'LIVE'}

    def four_fields(self, track, world):
        dice = self.dice
        decided = dice.choice((None, 0, 20, 85, 180, 360, 1090))
        amount = dice.choice((None, '12.50', '99.99', '100.00', '150.10', '80000.00'))
        return {'document_number': track.document_number, 'kind': dice.choice('ABC'), 'content': dice.choice((None, '一', '二', '')),
                'amount': amount and decimal.Decimal(amount), 'contact': dice.choice((None, '0772-2830001')), 'officer': '韦某',
                'decided_on': None if decided is None else world.day - datetime.timedelta(decided)}

    # ── events of rights ──

    def step_rights(self, track, world, most_own):
        dice = self.dice
        case = dice.choice(track.open_cases) if track.open_cases and dice.random() < 0.6 else None
        if case is None:
            track.cases += 1
            kind = dice.choice(tuple(model.NEXT_STEPS))
            case = {'kind': kind, 'number': f'{track.document_number}/{track.cases}', 'version': 0,
                    'scope': dice.choice(('PUBLIC', 'ALL')), 'steps': list(model.NEXT_STEPS[kind])}
            track.open_cases = [*track.open_cases[-3:], case]
            step = case['steps'][0]
        else:
            step = dice.choice(case['steps'] + case['steps'][1:] * 3)
        stream = f'rights.{case["kind"]}'
        used = [name for name in track.steps if name != 'own']
        if len(track.steps.get(stream, ())) >= max(1, most_own - 1) or stream not in used and len(used) >= (2 if most_own > 2 else 1):
            return 0
        values, schema = self.case_values(track, case, step, world)
        self.add(track, stream, self.items[case['kind']], values, schema, frozenset(), world)
        return 1

    def case_values(self, track, case, step, world):
        dice, item = self.dice, self.items[case['kind']]
        schema = next(iter(item.schemas.values()))
        case['version'] += 1 if dice.random() < 0.93 else 0  # else the same version again, or another content of it
        operation = 'WITHDRAW' if dice.random() < 0.02 else 'PUT'
        values = self.envelope(track, item, f'rights|{case["number"]}', case['version'], operation, world)
        key = track.key if dice.random() < 0.97 else track.key + '0'
        day = world.day + datetime.timedelta(1 if dice.random() < 0.03 else -dice.randint(0, 9))
        values['occurred_at'] = datetime.datetime(2026, 10, 1, tzinfo=UTC)
        by = track.item.department if dice.random() < 0.8 else dice.choice(('exchange', 'court', 'traffic'))
        own = {'case_number': case['number'], 'step': step, 'target_department': track.item.department, 'target_item': track.item.name,
               'target_record_key': key, 'authority': by, 'document_number': '桂信〔2026〕1号', 'decided_on': day, 'reason': '模型',
               'answer_due_on': None, 'ground': 'COURT_ORDER', 'scope': case['scope'], 'until': None}
        for field in schema.json['fields'][len(values):]:
            values[field['name']] = own[field['name']]
        return values, schema
