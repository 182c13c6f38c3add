"""What the agents wrote: PostgreSQL tables, the reference receiver's table and the provincial platform's ledger must equal the fold of the topic,
NDJSON lines the topic itself."""
import collections
import datetime
import decimal
import json
import pathlib
import sqlite3
import time

import psycopg2

import libconfig
import receipts

ROOT = pathlib.Path(__file__).resolve().parents[2]

PATIENCE_S = 60


def agents(world):
    for path in sorted(pathlib.Path(world.environment['XQ_CONFIG']).parent.glob('agent-*.cfg')):
        settings = libconfig.load(path)
        subscriber = next(one for one in world.catalogue.subscribers if one.name == settings['subscriber'])
        yield subscriber, settings


def check(world, result):
    for subscriber, settings in agents(world):
        CHECKS[settings['sink']](world, subscriber, settings[settings['sink']], result)


def kept_refusals(world, subscriber, settings):
    """{(partition, leaf)} that the receiver's store has as refused; None when it keeps none."""
    topic = f'{world.prefix}out.{subscriber.name}'
    if settings['sink'] == 'postgresql':
        connection = psycopg2.connect(settings['postgresql']['connection'])
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT partition, leaf FROM \"{settings['postgresql'].get('schema', 'public')}\".xinqiao_refused WHERE topic = %s", (topic,))
            return set(cursor)
    if settings['sink'] == 'https':
        return tender_refusals(world)
    return None


# ── PostgreSQL ──

class Row(dict):
    """A table's row as the deliveries make it. Version and fields are of the last PUT, what happened since is told beside them."""

    def put(self, delivery, department):
        content = delivery.content
        self.clear()
        self.update(content['fields'])
        self.update(xq_record=delivery.record, xq_version=content['version'], xq_withdrawn=False, xq_grant=content['grant'],
                    xq_purpose=content['purpose'], xq_legal_basis=content['legal_basis'], xq_catalogue=content['catalogue'],
                    xq_department=department)
        self.touch(delivery, content['reason'])

    def touch(self, delivery, reason):
        content = delivery.content
        self.operation = content['operation']  # of the last delivery; in no table
        self.update(xq_status=reason, xq_flags=content['flags'], xq_partition=delivery.partition, xq_leaf=delivery.leaf,
                    xq_delivered_at=content['delivered_at'])


class Fold:
    """Tables as one subscriber's deliveries make them. `marks`: what is withdrawn stays, with a mark."""

    def __init__(self, marks):
        self.marks, self.tables, self.begun = marks, {}, {}

    def take(self, delivery, item, table):
        rows, content = self.tables.setdefault(table, {}), delivery.content
        held, place = rows.get(delivery.record), (delivery.partition, item.department, item.name)
        operation = content['operation']
        if operation == 'RESYNC_BEGIN':
            self.begun[place] = delivery.leaf
        elif operation == 'RESYNC_END':
            self.sweep(rows, place, delivery)
        elif operation == 'PUT':
            if held is None or held['xq_partition'] == delivery.partition or content['version'] > held['xq_version']:
                rows.setdefault(delivery.record, Row()).put(delivery, item.department)
        elif held is not None and held['xq_partition'] == delivery.partition:
            if operation == 'WITHDRAW' and not self.marks:
                del rows[delivery.record]
            else:
                held.touch(delivery, content['reason'])
                held['xq_withdrawn'] = held['xq_withdrawn'] or operation == 'WITHDRAW'

    def sweep(self, rows, place, end):
        """What the resync has not named."""
        begin = self.begun.pop(place, None)
        for record, row in list(rows.items()):
            if begin is None or (row['xq_partition'], row['xq_department']) != place[:2] or row['xq_leaf'] >= begin:
                continue
            if not self.marks:
                del rows[record]
            elif not row['xq_withdrawn']:
                row.update(xq_status='RESYNC_END', xq_withdrawn=True, xq_leaf=end.leaf, xq_delivered_at=end.content['delivered_at'])


def fold(world, subscriber, marks, refused):
    """{table: {record: Row}} after all deliveries."""
    whole = Fold(marks)
    for partition in world.deliveries(subscriber):
        for delivery in partition:
            if (delivery.partition, delivery.leaf) not in refused:
                item = world.item_of(delivery)
                whole.take(delivery, item, world.catalogue.table(item))
    return whole.tables


def fold_but(world, subscriber, refused):
    """{record: Row} of all items, for a receiver that keeps no marks."""
    return {record: row for table in fold(world, subscriber, False, refused).values() for record, row in table.items()}


def plain(value):
    return bytes(value) if isinstance(value, memoryview) else value


def read_table(connection, schema, table):
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
        names = [column.name for column in cursor.description]
        for values in cursor:
            yield dict(zip(names, map(plain, values)))


def compare_table(connection, schema, table, wanted):
    seen = 0
    for row in read_table(connection, schema, table):
        seen += 1
        due = wanted.get(row['xq_record'])
        if due is None:
            return [f'record {row["xq_record"].hex()} should not be there']
        for name, value in row.items():
            if value != due.get(name):  # a field that is granted no more is empty
                return [f'record {row["xq_record"].hex()}: column {name} differs']
        missing = [name for name in due if name not in row]
        if missing:
            return [f'columns missing: {missing}']
    return [] if seen == len(wanted) else [f'{seen} rows where {len(wanted)} are due']


def tables_of(connection, schema):
    with connection.cursor() as cursor:
        cursor.execute('SELECT table_name FROM information_schema.columns WHERE table_schema = %s AND column_name = %s',
                       (schema, 'xq_record'))
        return {name for name, in cursor}


def wait_applied(connection, schema, topic, sizes):
    """Until the positions stand at the ends of the logs; the reason when they do not in time."""
    until = time.monotonic() + PATIENCE_S
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f'SELECT partition, log_size FROM "{schema}".xinqiao_position WHERE topic = %s', (topic,))
            stored = dict(cursor)
        connection.rollback()
        behind = [f'partition {number}: {stored.get(number, 0)} applied of {size}'
                  for number, size in enumerate(sizes) if stored.get(number, 0) != size]
        if not behind or time.monotonic() > until:
            return behind
        time.sleep(0.5)


def check_postgresql(world, subscriber, settings, result):
    schema, marks = settings.get('schema', 'public'), settings.get('withdraw') == 'mark'
    topic = f'{world.prefix}out.{subscriber.name}'
    partitions = world.deliveries(subscriber)
    connection = psycopg2.connect(settings['connection'], options='-c timezone=UTC')
    why = wait_applied(connection, schema, topic, [len(partition) for partition in partitions])
    result.note(f'sinks: {subscriber.name} has applied the whole topic', why)
    if why:
        return
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT partition, leaf FROM "{schema}".xinqiao_refused WHERE topic = %s', (topic,))
        refused = set(cursor)
    tables = fold(world, subscriber, marks, refused)
    for table in sorted(tables_of(connection, schema) | set(tables)):
        wanted = tables.get(table, {})
        why = compare_table(connection, schema, table, wanted)
        if wanted or why:
            result.note(f'sinks: {subscriber.name}, table {table}, {len(wanted)} rows', why)
    connection.close()


# ── NDJSON ──

def as_json(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.') + f'{value.microsecond // 1000:03d}Z'
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return value


def line_of(world, delivery):
    content, item = delivery.content, world.item_of(delivery)
    line = {name: as_json(content[name]) for name in ('operation', 'reason', 'grant', 'purpose', 'legal_basis',
                                                      'catalogue', 'flags', 'version', 'delivered_at')}
    line['fields'] = content['fields'] and {name: as_json(value) for name, value in content['fields'].items()}
    if not content['operation'].startswith('RESYNC_'):
        line['record'] = delivery.record.hex()
    return {**line, 'partition': delivery.partition, 'leaf': delivery.leaf, 'department': item.department,
            'item': item.name}


def read_lines(folder, subscriber):
    for path in sorted(pathlib.Path(folder).glob(f'{subscriber}-*.ndjson')):
        with open(path, encoding='utf-8') as file:
            for line in file:
                yield json.loads(line, parse_float=decimal.Decimal)


def wait_lines(folder, subscriber, count):
    until = time.monotonic() + PATIENCE_S
    while True:
        lines = list(read_lines(folder, subscriber))
        if len(lines) >= count or time.monotonic() > until:
            return lines
        time.sleep(0.5)


def check_ndjson(world, subscriber, settings, result):
    partitions = world.deliveries(subscriber)
    total = sum(map(len, partitions))
    lines = wait_lines(settings['folder'], subscriber.name, total)
    why, following = [], [0] * len(partitions)
    for line in lines:
        number = line['partition']
        if following[number] >= len(partitions[number]):
            why.append(f'partition {number}: a line more than the topic has records')
            break
        delivery = partitions[number][following[number]]
        following[number] += 1
        if line != line_of(world, delivery):
            why.append(f'partition {number}, leaf {line["leaf"]}: the line is not delivery {delivery.leaf}')
            break
    if not why and len(lines) != total:
        why.append(f'{len(lines)} lines where the topic has {total} records')
    result.note(f'sinks: {subscriber.name}, {total} lines', why)


# ── the reference receiver, which keeps what is withdrawn ──

def tender_rows(world, sql):
    with sqlite3.connect(f"file:{world.environment['XQ_TENDER']}?mode=ro", uri=True) as database:
        return database.execute(sql).fetchall()


def tender_refusals(world):
    return {(int(log.rpartition('/')[2]), leaf) for log, leaf in tender_rows(world, 'SELECT log, leaf FROM refused')}


def wait_tender(world, due):
    until = time.monotonic() + PATIENCE_S
    while True:
        stored = dict(tender_rows(world, 'SELECT log, size FROM log'))
        behind = [f'{log}: {stored.get(log, 0)} taken of {size}' for log, size in due.items() if size and stored.get(log, 0) != size]
        if not behind or time.monotonic() > until:
            return behind
        time.sleep(0.5)


def check_tender(world, subscriber, _, result):
    partitions = world.deliveries(subscriber)
    logs = {f'{world.prefix}out.{subscriber.name}/{number}': len(partition) for number, partition in enumerate(partitions)}
    why = wait_tender(world, logs)
    result.note(f'sinks: {subscriber.name} has taken the whole topic', why)
    if why:
        return
    due = {record.hex(): row for table in fold(world, subscriber, True, tender_refusals(world)).values() for record, row in table.items()}
    held = {row[0]: row[1:] for row in tender_rows(world, 'SELECT record, department, log, leaf, version, status, withdrawn, fields FROM record')}
    why = differences_of(due.keys(), held.keys())
    for record in due.keys() & held.keys():
        department, log, leaf, version, status, withdrawn, fields = held[record]
        row = due[record]
        wanted = (row['xq_department'], row['xq_partition'], row['xq_leaf'], row['xq_version'], row['xq_status'], row['xq_withdrawn'])
        if (department, int(log.rpartition('/')[2]), leaf, version, status, bool(withdrawn)) != wanted or not same_fields(row, fields):
            why.append(f'record {record} differs')
    result.note(f'sinks: {subscriber.name}, {len(due)} records in its table', why)


def differences_of(due, held):
    return ([f'record {record} is missing' for record in sorted(due - held)] +
            [f'record {record} should not be there' for record in sorted(held - due)])


def same_fields(row, fields):
    """Those that are granted; what is withdrawn has none."""
    if row['xq_withdrawn']:
        return fields is None
    due = {name: as_json(value) for name, value in row.items() if not name.startswith('xq_')}
    return json.loads(fields, parse_float=decimal.Decimal) == json.loads(json.dumps(due, default=str), parse_float=decimal.Decimal)


# ── the provincial platform ──

def ledger_rows(world):
    """{record: row} of what the platform holds: its ledger's lines, replayed here."""
    held, gov_ids, why = {}, {}, []
    for text in pathlib.Path(world.environment['XQ_PROVINCE'], 'ledger.ndjson').read_text(encoding='utf-8').splitlines():
        line = json.loads(text)
        for row in line.get('rows', ()):
            if gov_ids.setdefault(row['rowKey'], row['govId']) != row['govId']:
                why.append(f"row {row['rowKey']} has two identifiers")
            held[row['rowKey']] = row
        if 'lost' in line:  # the platform lost what it held of an item, a day or a row, on purpose
            held = {key: row for key, row in held.items()
                    if row['state'] == 'withdrawn' or any(row[part] != wanted for part, wanted in line['lost'].items() if wanted is not None)}
    return {key: row for key, row in held.items() if row['state'] != 'withdrawn'}, why


def is_the_provinces_own(row, origin):
    """Whether the record came from the province, to which it does not go back."""
    return row['xq_department'] in origin['departments'] or any(row.get(field) in origin['units'] for field in origin['fields'])


def mark_of(row):
    """What weighs most of what is said about the record."""
    if 'DISPUTED' in row['xq_flags']:
        return 'DISPUTED'
    if row.operation == 'STATUS' and row['xq_status'] == 'CORRECTED':
        return 'CORRECTED'
    if 'RESTRICTED' in row['xq_flags']:
        return 'RESTRICTED'
    return 'EXPIRED' if 'PUBLICITY_ENDED' in row['xq_flags'] else 'NONE'


def check_province(world, subscriber, _, result):
    refused = receipts.signed(world, subscriber).refused
    due = fold_but(world, subscriber, refused.keys())
    held, why = ledger_rows(world)
    origin = libconfig.load(ROOT / 'subscribers/receivers/province/mapping.cfg')['origin']
    due = {record.hex(): row for record, row in due.items() if not is_the_provinces_own(row, origin)}
    why += differences_of(due.keys(), held.keys())
    for record in due.keys() & held.keys():
        found, wanted = (held[record]['part'], held[record]['mark']), (due[record]['xq_partition'], mark_of(due[record]))
        if found != wanted or held[record]['serial'] > due[record]['xq_leaf']:
            why.append(f"row {record}: {found}, due {wanted}; of leaf {held[record]['serial']}, due at most {due[record]['xq_leaf']}")
    natural = collections.Counter(tuple(row['natural']) for row in held.values() if row['natural'])
    why += [f'{key} is held {count} times' for key, count in natural.items() if count > 1]
    result.note(f'sinks: {subscriber.name}, {len(due)} rows in the platform\'s ledger, each once, and nothing that was withdrawn', why)


CHECKS = {'postgresql': check_postgresql, 'ndjson': check_ndjson, 'https': check_tender, 'province': check_province}
