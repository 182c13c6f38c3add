"""The platform's own ledger: what it was told and took, one line a batch, on disk before it is answered.

    {"at": ms, "key": idempotency key, "body": digest of the body, "status": 200|422, "answer": {...}, "rows": [...]}
    {"at": ms, "lost": {"day": …, "item": …}}        rows of that day vanished

A row of "rows" is what is held of it from then on. A test reads the file with `read`, also while the platform runs or after it was killed.
"""
import collections
import json
import os
import threading
import time

import rules

MOST_ANSWERS = 20000  # kept for repetitions
PARTS = ('rowKey', 'type', 'item', 'day', 'part')
OPERATIONS = ('add', 'update', 'withdraw', 'mark')
MARKS = ('NONE', 'DISPUTED', 'CORRECTED', 'RESTRICTED', 'EXPIRED')


def now_ms():
    return int(time.time() * 1000)


def read(path):
    """The ledger's lines; a torn last one was never answered and does not count."""
    try:
        with open(path, 'rb') as file:
            for line in file:
                if line.endswith(b'\n'):
                    yield json.loads(line)
    except FileNotFoundError:
        return


class Ledger:
    def __init__(self, path, gov_id_after_ms=0):
        self.path = path
        self.lock = threading.Lock()
        self.rows = {}      # rowKey: what was taken last, withdrawn ones included
        self.gov_ids = {}   # rowKey: its govId for all times, also when the row is lost
        self.natural = {}   # natural key: rowKey of the row that has it
        self.answers = collections.OrderedDict()  # idempotency key: (digest of the body, status, answer)
        self.taken = self.refused = self.repeated = 0
        self.gov_id_after_ms = gov_id_after_ms
        self._replay()
        self.file = open(path, 'ab')

    def _replay(self):
        whole = 0
        if os.path.exists(self.path):
            with open(self.path, 'rb') as file:
                for line in file:
                    if line.endswith(b'\n'):
                        whole += len(line)
            os.truncate(self.path, whole)
        for line in read(self.path):
            if 'lost' in line:
                self._lose(line['lost'])
                continue
            for row in line['rows']:
                self._keep(row)
            self._remember(line['key'], (line['body'], line['status'], line['answer']))

    def _append(self, line):
        self.file.write(json.dumps(line, ensure_ascii=False, separators=(',', ':')).encode() + b'\n')
        self.file.flush()
        os.fdatasync(self.file.fileno())

    def _remember(self, key, answer):
        self.answers[key] = answer
        while len(self.answers) > MOST_ANSWERS:
            self.answers.popitem(last=False)

    def _keep(self, row):
        key = row['rowKey']
        old = self.rows.get(key)
        if old is not None and self.natural.get(tuple(old['natural'] or ())) == key:
            del self.natural[tuple(old['natural'])]
        if row['state'] == 'reported' and row['natural']:
            self.natural[tuple(row['natural'])] = key
        self.rows[key] = row
        self.gov_ids.setdefault(key, row['govId'])

    # --- what is told ---

    def state(self, row):
        if row['state'] == 'reported' and now_ms() < row['told_at']:
            return 'pending'
        return row['state']

    def acknowledge(self, row):
        state = self.state(row)
        return {'rowKey': row['rowKey'], 'govId': None if state == 'pending' else row['govId'], 'state': state}

    def held(self, row):
        return {**self.acknowledge(row), 'digest': row['digest'], 'item': row['item'], 'day': row['day'], 'mark': row['mark']}

    def find(self, row_key):
        row = self.rows.get(row_key)
        return [] if row is None else [self.held(row)]

    def current(self, item=None, day=None, part=None):
        """Rows that are not withdrawn."""
        return [row for row in list(self.rows.values()) if row['state'] != 'withdrawn' and item in (None, row['item'])
                and day in (None, row['day']) and part in (None, row['part'])]

    def summarize(self, first, last, part=None):
        groups = collections.defaultdict(list)
        for row in self.current(part=part):
            if first <= row['day'] <= last:
                groups[row['item'], row['day']].append((row['rowKey'], row['digest']))
        answer = []
        for (item, day), rows in sorted(groups.items()):
            count, total = rules.sum_up(rows)
            answer.append({'item': item, 'day': day, 'count': count, 'digest': total})
        return answer

    # --- what changes it ---

    def take(self, key, body_digest, rows, bad_row=None):
        """(status, answer) of a batch, on disk by then. `bad_row(number, row)` may raise rules.Bad of its own."""
        with self.lock:
            status, answer, taken = self._judge(rows, bad_row)
            self._append({'at': now_ms(), 'key': key, 'body': body_digest, 'status': status, 'answer': answer, 'rows': taken})
            for row in taken:
                self._keep(row)
            self._remember(key, (body_digest, status, answer))
            self.taken += len(taken)
            self.refused += status != 200
            return status, answer

    def _judge(self, rows, bad_row):
        taken, claimed, freed, seen = [], {}, set(), set()
        for number, row in enumerate(rows):
            try:
                self._check_parts(row, seen)
                if bad_row is not None:
                    bad_row(number, row)
                taken.append(self._next(row, claimed, freed))
            except rules.Bad as why:
                key = row.get('rowKey') if isinstance(row, dict) else None
                return 422, {'row': number, 'rowKey': key, 'code': why.code, 'message': why.message}, []
        return 200, {'acks': [self.acknowledge(row) for row in taken]}, taken

    @staticmethod
    def _check_parts(row, seen):
        if not isinstance(row, dict) or any(not isinstance(row.get(part), str) for part in PARTS[:4]):
            raise rules.Bad('ROW', '行缺少必要的部分')
        if row.get('op') not in OPERATIONS or row['type'] not in rules.FIELDS:
            raise rules.Bad('ROW', '操作或类型不在代码表内')
        if any(not isinstance(row.get(part), int) or row[part] < 0 for part in ('part', 'serial')):
            raise rules.Bad('ROW', '分片或序号有误')
        if len(row['rowKey']) != 32 or row['rowKey'] in seen:
            raise rules.Bad('ROW_KEY', 'rowKey 有误或在批内重复')
        seen.add(row['rowKey'])

    def _next(self, row, claimed, freed):
        """What is held of the row afterwards."""
        old = self.rows.get(row['rowKey'])
        is_held = old is not None and old['state'] != 'withdrawn'
        if row['op'] != 'add' and old is not None and row.get('govId') != old['govId']:
            raise rules.Bad('GOV_ID', 'govId 与 rowKey 不符')
        if row.get('mark', 'NONE') not in MARKS or (row['op'] == 'mark' and 'mark' not in row):
            raise rules.Bad('MARK', '标注不在代码表内')
        if row['op'] == 'withdraw':
            return self._withdrawn(row, old, freed)
        if row['op'] != 'add' and not is_held:
            raise rules.Bad('ROW_UNKNOWN', '未持有该行')
        if row['op'] == 'mark':
            return {**old, 'mark': row['mark'], 'serial': row['serial'], 'op': 'mark'}
        return self._reported(row, old if is_held else None, claimed, freed)

    @staticmethod
    def _withdrawn(row, old, freed):
        if old is None:
            raise rules.Bad('ROW_UNKNOWN', '从未持有该行')
        if not row.get('reason'):
            raise rules.Bad('REASON', '撤销须说明原因')
        if old['natural']:
            freed.add(tuple(old['natural']))
        return {**old, 'state': 'withdrawn', 'reason': row['reason'], 'serial': row['serial'], 'op': 'withdraw'}

    def _reported(self, row, held, claimed, freed):
        fields = row.get('fields') or {}
        rules.check(row['type'], fields)
        digest, natural = rules.digest(row['type'], fields), rules.natural_key(row['type'], fields)
        if row['op'] == 'add' and held is not None and held['digest'] != digest:
            raise rules.Bad('ROW_EXISTS', '该行已持有且内容不同')
        owner = claimed.get(natural) or (None if natural in freed else self.natural.get(natural))
        if natural is not None and owner not in (None, row['rowKey']):
            raise rules.Bad('DUPLICATE', '文书号与行政相对人名称重复')
        if natural is not None:
            claimed[natural] = row['rowKey']
        if held is not None and held['natural'] and tuple(held['natural']) != natural:
            freed.add(tuple(held['natural']))
        gov_id = self.gov_ids.get(row['rowKey']) or f"GX45{int(row['rowKey'][:15], 16):019d}"
        later = self.gov_id_after_ms if row['rowKey'] not in self.gov_ids else 0
        return {'rowKey': row['rowKey'], 'state': 'reported', 'govId': gov_id, 'told_at': now_ms() + later if held is None else held['told_at'],
                'type': row['type'], 'item': row['item'], 'day': row['day'], 'part': row['part'], 'serial': row['serial'], 'digest': digest,
                'mark': row.get('mark', 'NONE'), 'natural': natural, 'op': row['op'], 'fields': fields}

    def lose(self, lost):
        with self.lock:
            self._append({'at': now_ms(), 'lost': lost})
            return self._lose(lost)

    def _lose(self, lost):
        gone = [row for row in self.current(lost.get('item'), lost.get('day')) if lost.get('rowKey') in (None, row['rowKey'])]
        for row in gone:
            if row['natural']:
                self.natural.pop(tuple(row['natural']), None)
            del self.rows[row['rowKey']]
        return len(gone)
