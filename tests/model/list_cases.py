#!/usr/bin/env python3
"""What a bureau sees of its files: full lists that are compared, held, approved, rejected and outdated; rows that were corrected; files that
vanish or change while they are taken. Each case is a promise; the real adapter on the broker of ENV, topics of another prefix.

    list_cases.py ENV

Prints "N passed, N failed".
"""
import json
import pathlib
import signal
import sys
import tempfile
import time

import lists
from lists import Row, Wrong


def rows_of(*numbers, facts='情形0'):
    return [Row(number, facts, None) for number in numbers]


class Cases:
    def __init__(self, adapter):
        self.adapter, self.count = adapter, 0

    # ── tools ──

    def once(self, feed=None, rows=None, name=None):
        """Puts a list in, if one is given, lets the adapter take what waits and end, and gives the name."""
        if rows is not None:
            self.count += 1
            name = name or f'{feed}-{self.count}.csv'
            self.adapter.put(feed, name, rows, '2026-03-01 08:00:00')
        self.run_once()
        return name

    def run_once(self):
        self.adapter.start('--once')
        if self.adapter.process.wait(lists.PATIENCE_S) != 0:
            raise Wrong('the adapter failed')

    def folder(self, feed):
        return self.adapter.folder / 'inbox' / feed

    def report(self, feed, name):
        place = self.adapter.place(feed, name)
        if place is None:
            raise Wrong(f'{name} is still in the inbox')
        return (self.folder(feed) / place / f'{name}.report.csv').read_text(encoding='utf-8-sig')

    def expect(self, feed, name, place, *words):
        found = self.adapter.place(feed, name)
        if found != place:
            raise Wrong(f'{name} is {found}, not {place}')
        report = self.report(feed, name)
        for word in words:
            if word not in report:
                raise Wrong(f'the report of {name} does not say {word!r}:\n{report}')

    def published(self):
        return sum(len(partition) for partition in
                   self.adapter.read()[f'{self.adapter.prefix}in.bidding.list.membership'])

    def shown(self, feed):
        return next(one for one in json.loads(self.adapter.operator('feeds', 'list', '--json')) if one['feed'] == feed)

    def order(self, what, feed):
        digest = self.shown(feed)['held']['digest']
        self.adapter.operator('feeds', what, f'lists/{feed}', digest, '--officer', '李某', '--reason', '已与部门核对')

    def log(self):
        return (self.adapter.folder / 'adapter.log').read_text()

    # ── promises ──

    def a_list_publishes_what_it_says_and_the_same_list_nothing_more(self):
        name = self.once('black', rows_of(*range(60)))
        self.expect('black', name, 'done', '共 60 行，发布 60 行')
        before = self.published()
        again = self.once('black', rows_of(*range(60)))
        self.expect('black', again, 'done', '发布 0 行', '未变 60 行；清单已没有而撤回 0 条')
        if self.published() != before:
            raise Wrong('a list that says nothing new published something')

    def what_a_list_adds_changes_and_lacks_is_published(self):
        before = self.published()
        name = self.once('black', rows_of(*range(58), 100) + rows_of(58, facts='情形1'))
        self.expect('black', name, 'done', '共 60 行，发布 2 行', '未变 58 行；清单已没有而撤回 1 条')
        if self.published() != before + 3:
            raise Wrong('not exactly one record added, one changed and one withdrawn')
        if self.shown('black')['last_delivery']['withdrawn'] != 1:
            raise Wrong('the feed does not show the withdrawal')

    def rows_at_odds_are_refused_with_each_others_line(self):
        rows = rows_of(*range(59), 100)
        name = self.once('black', rows + [Row(5, '另一情形', None), Row(6, '情形0', None)])
        self.expect('black', name, 'done', '7,"","LIST_KEY_TWICE"', '62,"","LIST_KEY_TWICE"', '另见第 62 行', '另见第 7 行',
                    '退回 2 行')

    def a_short_list_is_held_and_says_what_to_do(self):
        self.held = self.once('black', rows_of(*range(30)))
        self.expect('black', self.held, 'held', 'LIST_WITHDRAWS_MANY', '将撤回现有 60 条中的 30 条', 'xinqiao feeds approve')
        held = self.shown('black')['held']
        if (held['rows'], held['withdrawn'], held['standing']) != (30, 30, 60):
            raise Wrong(f'the feed shows {held}')

    def a_newer_list_outdates_the_held_one(self):
        name = self.once('black', rows_of(*range(59), 100))
        self.expect('black', name, 'done')
        self.expect('black', self.held, 'held', 'LIST_OUTDATED')
        if self.shown('black')['held'] is not None:
            raise Wrong('the outdated list is still shown as held')

    def a_rejected_list_is_not_taken(self):
        before = self.published()
        name = self.once('black', rows_of(*range(20)))
        self.order('reject', 'black')
        self.run_once()
        self.expect('black', name, 'held', 'LIST_REJECTED')
        if self.published() != before or self.shown('black')['held'] is not None:
            raise Wrong('a rejected list was taken, or is still held')

    def an_approved_list_is_taken_once(self):
        before = self.published()
        name = self.once('black', rows_of(*range(10)))
        self.expect('black', name, 'held')
        self.order('approve', 'black')
        self.run_once()
        self.run_once()
        self.expect('black', name, 'done', '撤回 50 条')
        if self.published() != before + 50 or self.shown('black')['held'] is not None:
            raise Wrong('an approved list was not taken once')
        if list((self.folder('black') / 'held').glob(f'{name}*')):
            raise Wrong('an approved list left something in held/')

    def a_row_that_tells_no_record_withdraws_nothing(self):
        name = self.once('black', rows_of(*range(9)) + [Row(9, '', 'untold')])
        self.expect('black', name, 'done', 'LIST_DOUBTFUL', 'COLUMN_COUNT', '退回 1 行')
        name = self.once('black', rows_of(*range(9)))
        self.expect('black', name, 'done', '撤回 1 条')

    def a_refused_row_keeps_its_record_until_it_is_corrected(self):
        name = self.once('black', rows_of(*range(8)) + [Row(8, '情形0', 'told')])
        self.expect('black', name, 'done', 'VALUE_DATE', '退回 1 行')
        before = self.published()
        name = self.once('black', rows_of(*range(8)) + rows_of(8, facts='更正'), name='随便什么名字.csv')
        self.expect('black', name, 'done', '发布 1 行')
        if self.published() != before + 1:
            raise Wrong('the corrected row was not published once')

    def corrected_rows_of_changes_are_taken_under_any_name(self):
        first = self.once('changes', [*rows_of(201, 202), Row(203, '情形0', 'told')])
        self.expect('changes', first, 'done', 'VALUE_DATE', '发布 2 行，退回 1 行')
        before = self.published()
        name = self.once('changes', rows_of(203), name='改好了.csv')
        self.expect('changes', name, 'done', '发布 1 行，退回 0 行')
        again = self.once('changes', rows_of(203), name='又放一次.csv')
        self.expect('changes', again, 'done', 'FILE_TAKEN_BEFORE')
        if self.published() != before + 1:
            raise Wrong('the corrected row was not published once')

    def a_file_that_vanishes_in_the_middle_is_let_go(self):
        self.begin_long('gone.csv')
        self.adapter.kill()
        (self.folder('changes') / 'gone.csv').unlink()
        self.run_once()
        if 'event="file taken in part is gone: the rest of it is not taken" feed=changes file="gone.csv"' not in self.log():
            raise Wrong('nothing is said of a file that is gone')
        self.run_once()
        if 'open_files=0' not in [line for line in self.log().splitlines() if 'position loaded' in line][-1]:
            raise Wrong('a file that is gone stays in the journal')

    def a_file_that_changes_in_the_middle_is_held(self):
        self.begin_long('changing.csv')
        with (self.folder('changes') / 'changing.csv').open('a', encoding='utf-8') as file:
            file.write('一行\n')
        self.adapter.process.send_signal(signal.SIGCONT)
        if self.adapter.process.wait(lists.PATIENCE_S) != 0:
            raise Wrong('the adapter failed')
        self.expect('changes', 'changing.csv', 'held', 'FILE_CHANGED')

    def begin_long(self, name):
        """A long file of changes, its adapter stopped while it reads it for its rows."""
        self.adapter.put('changes', name, rows_of(*range(1000, 41000), facts=name), '2026-03-01 08:00:00')
        size = (self.folder('changes') / name).stat().st_size
        self.adapter.start('--once')
        deadline = time.monotonic() + lists.PATIENCE_S
        while self.read_so_far(name) < size // 4:
            if time.monotonic() > deadline or self.adapter.process.poll() is not None:
                raise Wrong(f'{name} is not seen while it is read')
        self.adapter.process.send_signal(signal.SIGSTOP)

    def read_so_far(self, name):
        folder = pathlib.Path(f'/proc/{self.adapter.process.pid}')
        for link in (folder / 'fd').iterdir():
            try:
                if link.readlink().name == name:
                    return int((folder / 'fdinfo' / link.name).read_text().split()[1])
            except OSError:
                continue
        return 0


def configure(adapter):
    """A third feed, of changes."""
    text = lists.MAPPING.format(percent=10, rows=5, kind='红名单', columns=', '.join(f'"{column}"' for column in lists.COLUMNS),
                                changed_at='changed_at = "更新时间";')
    text = text.replace('list = "full"; max_withdraw = 10; max_withdraw_rows = 5;', '')
    (adapter.folder / 'mappings' / 'changes.cfg').write_text(text)
    (adapter.folder / 'inbox' / 'changes').mkdir(parents=True)


def main():
    failed = passed = 0
    with tempfile.TemporaryDirectory() as folder:
        adapter = lists.Adapter(sys.argv[1], folder)
        configure(adapter)
        cases = Cases(adapter)
        for name, case in list(vars(Cases).items()):
            if name.partition('_')[0] not in ('a', 'an', 'what', 'rows', 'corrected'):
                continue
            try:
                case(cases)
                passed += 1
                print(f'✓ {name.replace("_", " ")}', flush=True)
            except Wrong as wrong:
                failed += 1
                print(f'✗ {name.replace("_", " ")}: {wrong}', flush=True)
            finally:
                if adapter.process and adapter.process.poll() is None:
                    adapter.kill()
        if failed:
            print(cases.log()[-6000:])
    print(f'{passed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
