#!/usr/bin/env python3
"""Measures taken on listed subjects, told by the trading centre: they reach who listed the subject and nobody else, are lifted,
readdressed and withdrawn.

    feedback.py ENV       ENV is the env file of a demo that has taken the samples

The last line is "N passed, N failed".
"""
import csv
import datetime
import io
import json
import os
import pathlib
import subprocess
import sys
import time

import psycopg2

import topics
import world
from bad_input import Result, until
from rights import identity

COLUMNS = ('FK_BH ZT_MC ZT_LB ZT_SHXYM RD_BM MD_MC MD_LB RD_WSH CS CS_NR XM_MC XM_BH SS_RQ JC_RQ JC_YY SS_JG SS_JGDM XZQH SCBZ '
           'GXSJ').split()
TO_SOCIAL, TO_COURT, TO_TAX, WRONG = 'to social', 'to court', 'to tax', 'to a department that lists nobody'
LISTING = {TO_SOCIAL: '柳州市人力资源和社会保障局', TO_COURT: '柳州市中级人民法院', TO_TAX: '国家税务总局柳州市税务局', WRONG: '柳州市某局'}


class Exchange:
    """A trading centre that drops files, and what each holder shows of its feedbacks."""

    def __init__(self, environment):
        self.environment = environment
        self.demo = pathlib.Path(environment['XQ_DEMO'])
        self.nonce = time.time_ns()
        self.drops = self.refused_before = 0
        self.database = psycopg2.connect(environment['XQ_PG'])
        self.database.autocommit = True

    def operator(self, *arguments):
        return subprocess.run([f"{self.environment['XQ_BIN']}/xinqiao", *arguments], env={**os.environ, **self.environment},
                              capture_output=True, text=True, check=False)

    def number(self, which):
        return f'TEST{self.nonce}-{list(LISTING).index(which)}'

    def row(self, which, **changed):
        """The subject is on the list of unpaid wages and on the court's, in the departments' samples."""
        return {
            'FK_BH': self.number(which), 'ZT_MC': '柳州市金泰乐食品有限公司', 'ZT_LB': '企业', 'ZT_SHXYM': '91450223MAC7XL5W64',
            'RD_BM': LISTING[which], 'MD_MC': '某名单', 'MD_LB': '黑', 'RD_WSH': '柳人社列决字〔2025〕97700000001号', 'CS': '限制参与招投标',
            'CS_NR': '开标时查询名单，否决其投标', 'XM_MC': '某道路改造工程施工招标', 'XM_BH': 'LZ2026-001', 'SS_RQ': '2026-10-08',
            'SS_JG': '柳州市公共资源交易中心', 'SS_JGDM': '12450200MB0000019L', 'XZQH': '450223', **changed}

    def drop(self, *rows):
        """A file of the feed, taken to the last receiver."""
        self.drops += 1
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval='', lineterminator='\n')
        writer.writeheader()
        now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))) - datetime.timedelta(seconds=60 - self.drops)
        writer.writerows({'GXSJ': now.strftime('%Y-%m-%d %H:%M:%S'), **row} for row in rows)
        inbox, name = self.demo / 'inbox/bidding/measure.feedback', f'measure.feedback-{self.nonce}-{self.drops}.csv'
        (inbox / f'.{name}.part').write_text(text.getvalue(), encoding='utf-8')
        (inbox / f'.{name}.part').rename(inbox / name)
        until('the file is taken', lambda: (inbox / 'done' / name).exists())
        until('the books balance', lambda: self.operator('books', '--brief').returncode == 0)

    def at_social(self, which):
        """Lines of the bureau's files about a feedback, in order: (operation, reason, fields)."""
        record = self.record_of(which)
        lines = [json.loads(line) for path in sorted((self.demo / 'social').glob('social-*.ndjson')) for line in path.open(encoding='utf-8')]
        return [(line['operation'], line['reason'], line['fields']) for line in lines if line.get('record') == record]

    def at_court(self, which):
        with self.database.cursor() as cursor:
            cursor.execute('SELECT measure, lifted_on, xq_withdrawn, xq_status FROM court.measure_feedback WHERE xq_record = %s',
                           (bytes.fromhex(self.record_of(which)),))
            return cursor.fetchall()

    def record_of(self, which):
        return identity('measure.feedback', f'bidding|{self.number(which)}').hex()

    def holders(self, which):
        """Whose output topics say anything of it."""
        bootstrap, record = self.environment['XQ_BOOTSTRAP'], bytes.fromhex(self.record_of(which))
        outputs = topics.read(bootstrap, topics.names(bootstrap, f"{self.environment['XQ_PREFIX']}out."))
        return {name.rpartition('.')[2] for name, partitions in outputs.items()
                if any(message.key == record for partition in partitions for message in partition)}

    def refused(self):
        """How many feedbacks wait because of the department that they name."""
        run = self.operator('quarantine', 'list', '--department', 'bidding', '--code', 'CODE_UNKNOWN', '--limit', '100000', '--json')
        return sum(entry['item'] == 'measure.feedback' and 'listing_department' in entry['reason_en'] for entry in json.loads(run.stdout))

    def is_entitled(self, which, subscriber):
        run = self.operator('why', subscriber, '--department', 'bidding', '--item', 'measure.feedback', '--key', self.number(which), '--json')
        return json.loads(run.stdout)['entitled']


def check_taken(exchange):
    exchange.refused_before = exchange.refused()
    exchange.drop(*(exchange.row(which) for which in LISTING))
    (operation, _, fields), = exchange.at_social(TO_SOCIAL)
    assert operation == 'PUT' and fields['measure'] == '02' and fields['taken_on'] == '2026-10-08' and fields['lifted_on'] is None, fields
    assert fields['list_document_number'] == '柳人社列决字(2025)97700000001号' and fields['authority'] == '柳州市公共资源交易中心', fields
    assert 'listing_department' not in fields, fields
    assert exchange.at_court(TO_COURT) == [('02', None, False, 'NONE')], exchange.at_court(TO_COURT)


def check_nobody_else(exchange):
    found = {which: exchange.holders(which) for which in LISTING}
    assert found == {TO_SOCIAL: {'social'}, TO_COURT: {'court'}, TO_TAX: set(), WRONG: set()}, found
    assert exchange.is_entitled(TO_SOCIAL, 'social')
    for subscriber in ('court', 'procurement', 'website', 'bank'):
        assert not exchange.is_entitled(TO_SOCIAL, subscriber), subscriber


def check_wrong_department(exchange):
    assert exchange.refused() == exchange.refused_before + 1, (exchange.refused_before, exchange.refused())


def check_lifted(exchange):
    exchange.drop(exchange.row(TO_SOCIAL, JC_RQ='2026-11-20', JC_YY='已移出名单'), exchange.row(TO_COURT, JC_RQ='2026-11-21'))
    operation, _, fields = exchange.at_social(TO_SOCIAL)[-1]
    assert (operation, fields['lifted_on'], fields['lifting_reason'], fields['taken_on']) == ('PUT', '2026-11-20', '已移出名单', '2026-10-08')
    assert exchange.at_court(TO_COURT) == [('02', datetime.date(2026, 11, 21), False, 'CORRECTED')], exchange.at_court(TO_COURT)


def check_readdressed(exchange):
    exchange.drop(exchange.row(TO_SOCIAL, RD_BM='法院'))
    operation, reason, fields = exchange.at_social(TO_SOCIAL)[-1]
    assert (operation, reason, fields) == ('WITHDRAW', 'GRANT_ENDED', None), (operation, reason, fields)
    assert exchange.at_court(TO_SOCIAL) == [('02', None, False, 'NONE')], exchange.at_court(TO_SOCIAL)


def check_withdrawn(exchange):
    exchange.drop(exchange.row(TO_SOCIAL, SCBZ='D'), exchange.row(TO_COURT, SCBZ='D'))
    for which in (TO_SOCIAL, TO_COURT):
        (_, _, withdrawn, status), = exchange.at_court(which)
        assert (withdrawn, status) == (True, 'WITHDRAWN'), (which, withdrawn, status)
    assert len(exchange.at_social(TO_SOCIAL)) == 3, 'the bureau hears of it once more than it should'
    exchange.drop(exchange.row(TO_COURT, GXSJ='2026-10-09 08:00:00'))
    assert exchange.at_court(TO_COURT)[0][2] is True, 'a late older row brings it back'


def check_books(exchange):
    run = exchange.operator('books')
    assert run.returncode == 0, run.stdout[-600:]


def main():
    exchange, result = Exchange(world.read_environment(sys.argv[1])), Result()
    for title, check in (('a measure reaches who listed the subject', check_taken), ('and nobody else', check_nobody_else),
                         ('a department that keeps no list is refused', check_wrong_department), ('it is lifted', check_lifted),
                         ('addressed anew, it leaves whom it was not for', check_readdressed),
                         ('what was wrong is withdrawn for good', check_withdrawn), ('the books balance', check_books)):
        result.prove(title, lambda check=check: check(exchange))
    print(f'{result.passed} passed, {result.failed} failed')
    sys.exit(0 if result.failed == 0 else 1)


if __name__ == '__main__':
    main()
