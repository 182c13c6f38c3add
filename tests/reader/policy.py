"""What the catalogue's files mean: how a field leaves, what a condition asks, when a term ends. From the documents alone."""
import calendar
import datetime
import decimal
import re

BEIJING = datetime.timezone(datetime.timedelta(hours=8))
CONDITION = re.compile(r'^\s*(\S+)\s+(?:(present|absent)|(=|!=|>=|<=)\s*(.*?))\s*$')
PARTS = re.compile('[;；]')


def day_of(timestamp_ms):
    return datetime.datetime.fromtimestamp(timestamp_ms / 1000, BEIJING).date()


def as_day(value):
    """The day in Beijing of a date or a moment."""
    return value.astimezone(BEIJING).date() if isinstance(value, datetime.datetime) else value


# ── fields ──

def mask(text):
    is_number = text.isascii() and any(sign.isdigit() for sign in text)
    if is_number and len(text) in (15, 18) and text.isalnum():
        return text[:6] + '*' * (len(text) - 10) + text[-4:]
    if is_number and len(text) > 8 and text.replace('-', '').isalnum():
        return text[:2] + '*' * (len(text) - 4) + text[-2:]
    return text[0] + '*' * (len(text) - 1) if len(text) > 1 else '*' * len(text)


def leaves(value, transform):
    """A field's value as it leaves."""
    if transform == 'present':
        return value is not None and value != ''
    if value is None or transform is None:
        return value
    return mask(value) if transform == 'mask' else as_day(value).year


class Field:
    """"name", or "name:transform"."""

    def __init__(self, text):
        self.name, _, transform = text.partition(':')
        self.transform = transform or None


# ── conditions ──

class Condition:
    def __init__(self, text):
        match = CONDITION.match(text)
        if match is None:
            raise ValueError(f'no condition: {text}')
        self.field, word, sign, value = match.groups()
        self.asks = word or sign
        self.values = [part.strip() for part in value.split('|')] if value else []

    def holds(self, event):
        value = event.get(self.field)
        if self.asks in ('present', 'absent'):
            return leaves(value, 'present') == (self.asks == 'present')
        if value is None:
            return self.asks == '!='
        if self.asks in ('=', '!='):
            return self.is_one_of(value) == (self.asks == '=')
        at = self.compared(value)
        return at >= self.limit(value) if self.asks == '>=' else at <= self.limit(value)

    def is_one_of(self, value):
        if isinstance(value, bool):
            value = 'true' if value else 'false'
        if isinstance(value, str):
            return any(part in self.values for part in [value, *PARTS.split(value)])
        return (value.isoformat() if isinstance(value, datetime.date) else str(value)) in self.values

    @staticmethod
    def compared(value):
        return as_day(value) if isinstance(value, datetime.date) else value

    def limit(self, value):
        if isinstance(value, datetime.date):
            return datetime.date.fromisoformat(self.values[0])
        return decimal.Decimal(self.values[0])


# ── terms ──

def later(day, years=0, months=0, days=0):
    """The same day so many years and months later, at the end of a shorter month; then days. None when beyond all calendars."""
    month = day.year * 12 + day.month - 1 + years * 12 + months
    year, month = month // 12, month % 12 + 1
    if year > datetime.MAXYEAR:
        return None
    day = day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))
    return day + datetime.timedelta(days=days)


class Term:
    def __init__(self, entry):
        self.kind, self.start = entry['kind'], entry['from']
        self.length = {name: entry.get(name, 0) for name in ('years', 'months', 'days')}
        self.rule_version = entry.get('rule_version', '')
        self.field, self.values = entry.get('field', ''), entry.get('values', [])

    def fits(self, event):
        if self.rule_version and event['rule_version'] != self.rule_version:
            return False
        value = event.get(self.field) if self.field else None
        return not self.field or (value is not None and any(part in self.values for part in [value, *PARTS.split(value)]))


def last_day(terms, kind, event):
    """Of publicity or retention; None when there is no end. Of a kind the first rule that fits counts."""
    if kind == 'publicity' and event['publicity_until'] is not None:
        return event['publicity_until']
    for term in terms:
        if term.kind == kind and term.fits(event):
            start = event.get(term.start)
            return None if start is None else later(as_day(start), **term.length)
    return None


# ── subjects ──

def identifier(event):
    """A person's citizen number, an organisation's nine characters."""
    text = event['subject_id']
    if event['subject_kind'] == 'PERSON':
        return text
    return text[8:17] if len(text) == 18 else text[-9:]


def birth(citizen_number):
    digits = citizen_number[6:14] if len(citizen_number) == 18 else '19' + citizen_number[6:12]
    return int(digits[:4]), int(digits[4:6]), int(digits[6:])


def is_minor(event, day):
    """Under 18 when it happened, or today."""
    if event['subject_kind'] != 'PERSON':
        return False
    year, month, born = birth(event['subject_id'])
    first = min(day, as_day(event['occurred_at']))
    return (year + 18, month, born) > (first.year, first.month, first.day)
