#!/usr/bin/env python3
"""The model's own tests: each a promise of the documents, on a catalogue of one item. Prints "N passed, N failed"."""
import datetime
import pathlib
import sys
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'reader'))
import catalogue  # noqa: E402
import model  # noqa: E402
import policy  # noqa: E402

TODAY = datetime.date(2026, 11, 24)
ITEM = types.SimpleNamespace(name='penalty', department='bureau', rights=None)
RIGHTS = {kind: types.SimpleNamespace(name=kind, department='rights', rights=kind) for kind in model.NEXT_STEPS}


def a_grant(name, fields, **more):
    return catalogue.Grant({'name': name, 'item': 'penalty', 'fields': fields, 'purpose': '', 'legal_basis': '',
                            'from': '2020-01-01', **more}, pathlib.Path('/'))


def a_world(day=TODAY, due=None, **grants):
    """Grants by subscriber: court keeps what is withdrawn with a mark, web is public."""
    chosen = {'court': [a_grant('court', ['number', 'name:mask'])], 'web': [a_grant('web', ['number'])], **grants}
    subscribers = [types.SimpleNamespace(name=name, is_public=name == 'web', grants=given, about=lambda item, given=given: given)
                   for name, given in chosen.items()]
    rights = {kind: catalogue.Right({'kind': kind, 'by': ['own', 'exchange']}) for kind in model.NEXT_STEPS}
    whole = types.SimpleNamespace(subscribers=subscribers, rights=rights, marking={'court'})
    return model.World(whole, {}, day, due)


def an_event(version, operation='PUT', terms=(None, None), minor=False, **values):
    values = {'version': version, 'operation': operation, 'number': '7', 'name': '张某甲', 'amount': None,
              'subject_kind': 'PERSON', 'area_code': '450202', **values}
    return model.Event(ITEM, values, tuple(sorted((name, str(value)) for name, value in values.items() if name != 'version')),
                       terms=terms, minor=lambda day: minor)


def a_case(kind, step, version=1, number='1', **values):
    values = {'version': version, 'operation': 'PUT', 'case_number': number, 'step': step, 'decided_on': TODAY,
              'authority': 'bureau', 'target_department': 'bureau', 'scope': None, **values}
    return model.Event(RIGHTS[kind], values, (step, values['scope']))


def after(*steps, world=None, record=model.Record()):
    """The record after steps in this order."""
    for step in steps:
        if isinstance(step, model.World):
            world = step
        elif isinstance(step, str):
            subscriber = next(one for one in world.catalogue.subscribers if one.name == step)
            record, _, verdict = model.take_resync(record, subscriber, world)
            record = record if verdict == 'named' else model.give_up(record, step, world)
        elif step is None:
            record = model.take_expiry(record, world)[0]
        else:
            take = model.take_event if step.item is ITEM else model.take_rights
            record = take(record, step, world)[0]
    return record


def seen(record, name):
    row = record.row(name)
    return row and (row.version, row.reason, row.withdrawn, set(row.flags))


# ── promises ──

def a_new_record_goes_to_the_entitled_and_a_new_version_corrects_it():
    record = after(an_event(1), an_event(3), world=a_world())
    assert seen(record, 'court') == (3, 'CORRECTED', False, set())
    assert record.row('court').fields == (('name', '张**'), ('number', '7'))


def late_duplicate_and_other_versions_change_nothing():
    record = after(an_event(3), world=a_world())
    for event in (an_event(2), an_event(3), an_event(3, number='8')):
        assert after(event, world=a_world(), record=record) == record


def a_withdrawal_beats_a_late_version_and_a_new_life_has_no_marks():
    gone = after(an_event(1), a_case('dispute', 'OPENED'), an_event(5, 'WITHDRAW'), an_event(4), world=a_world())
    assert seen(gone, 'court') == (1, 'WITHDRAWN', True, {'DISPUTED'}) and seen(gone, 'web') is None
    assert seen(after(an_event(6), world=a_world(), record=gone), 'web') == (6, 'NONE', False, set())


def a_dispute_is_seen_until_the_last_is_answered():
    two = after(an_event(1), a_case('dispute', 'OPENED'), a_case('correction', 'OPENED'), world=a_world())
    assert seen(two, 'web') == (1, 'DISPUTED', False, {'DISPUTED'})
    one = after(a_case('dispute', 'REJECTED', 2), world=a_world(), record=two)
    assert seen(one, 'web') == (1, 'DISPUTED', False, {'DISPUTED'})
    none = after(a_case('correction', 'REJECTED', 2), world=a_world(), record=one)
    assert seen(none, 'web') == (1, 'DISPUTE_RESOLVED', False, set())


def an_upheld_dispute_is_seen_until_the_correction():
    record = after(an_event(1), a_case('dispute', 'OPENED'), a_case('dispute', 'UPHELD', 2), world=a_world())
    assert seen(record, 'web') == (1, 'DISPUTED', False, {'DISPUTED'})
    assert seen(after(an_event(2), world=a_world(), record=record), 'web') == (2, 'CORRECTED', False, set())


def what_is_repaired_nobody_holds_until_it_is_revoked_and_sent_again():
    record = after(an_event(1), a_case('repair', 'DECIDED'), an_event(2), world=a_world())
    assert seen(record, 'court') == (1, 'REPAIRED', True, set()) and seen(record, 'web') is None
    record = after(a_case('repair', 'REVOKED', 2), world=a_world(), record=record)
    assert seen(record, 'web') is None
    assert seen(after(an_event(3), world=a_world(), record=record), 'web') == (3, 'NONE', False, set())


def a_restriction_for_the_public_leaves_it_to_the_others():
    record = after(an_event(1), a_case('restriction', 'IMPOSED', scope='PUBLIC'), world=a_world())
    assert seen(record, 'court') == (1, 'RESTRICTED', False, {'RESTRICTED'}) and seen(record, 'web') is None
    record = after(a_case('restriction', 'LIFTED', 2, scope='PUBLIC'), world=a_world(), record=record)
    assert seen(record, 'court') == (1, 'NONE', False, set()) and seen(record, 'web') is None


def a_mark_stands_until_the_last_of_its_cases_ends():
    orders = [a_case('restriction', step, version, number, scope='ALL') for version, step, number in
              ((1, 'IMPOSED', '1'), (1, 'IMPOSED', '2'), (2, 'LIFTED', '1'))]
    record = after(an_event(1), *orders, an_event(2), world=a_world())
    assert seen(record, 'web') is None
    record = after(a_case('restriction', 'LIFTED', 2, '2', scope='ALL'), an_event(3), world=a_world(), record=record)
    assert seen(record, 'web') == (3, 'NONE', False, set())


def a_case_is_about_one_life():
    first = after(an_event(1), a_case('dispute', 'OPENED'), an_event(2, 'WITHDRAW'), an_event(3), world=a_world())
    both = after(a_case('dispute', 'OPENED', 1, '2'), a_case('dispute', 'REJECTED', 2), world=a_world(), record=first)
    assert seen(both, 'court') == (3, 'DISPUTED', False, {'DISPUTED'})
    assert not after(a_case('dispute', 'UPHELD', 2), world=a_world(), record=first).is_disputed()


def publicity_ends_for_the_public_and_retention_for_all():
    ends = TODAY + datetime.timedelta(10), TODAY + datetime.timedelta(20)
    record = after(an_event(1, terms=ends), a_world(ends[0]), None, world=a_world())
    assert seen(record, 'web') == (1, 'NONE', False, set())
    record = after(a_world(ends[0] + datetime.timedelta(1)), None, record=record)
    assert seen(record, 'court') == (1, 'EXPIRED', False, {'PUBLICITY_ENDED'}) and seen(record, 'web') is None
    record = after(a_world(ends[1] + datetime.timedelta(1)), None, record=record)
    assert seen(record, 'court') == (1, 'EXPIRED', True, {'PUBLICITY_ENDED'}) and record.event is None


def what_has_fallen_due_does_not_come_back_with_the_clock():
    ends = TODAY + datetime.timedelta(10), None
    later = a_world(TODAY + datetime.timedelta(11))
    record = after(an_event(1, terms=ends), later, None, a_world(TODAY, later.due), an_event(2, terms=ends), world=a_world())
    assert seen(record, 'web') is None and seen(record, 'court') == (2, 'CORRECTED', False, {'PUBLICITY_ENDED'})


def a_grant_that_ends_takes_or_leaves_what_it_gave():
    taken = a_world(court=[a_grant('court', ['number'], to='2026-11-30')], web=[])
    kept = a_world(court=[a_grant('court', ['number'], to='2026-11-30', on_end='keep')], web=[])
    for world, row in ((taken, (1, 'GRANT_ENDED', True, set())), (kept, (1, 'NONE', False, set()))):
        ended = model.World(world.catalogue, {}, datetime.date(2026, 12, 1))
        assert seen(after(an_event(1), ended, 'court', world=world), 'court') == row
    outdated = after(an_event(1), ended, 'court', an_event(2, number='8'), world=kept).row('court')
    assert (outdated.version, outdated.reason, outdated.fields) == (1, 'CORRECTED', (('number', '7'),))


def a_resync_removes_what_it_does_not_name():
    record = model.Record(rows=(('court', model.Row(1, 'NONE', frozenset(), 'court', False, ())),
                                ('web', model.Row(1, 'NONE', frozenset(), 'web', False, ()))))
    gone = after('court', 'web', world=a_world(), record=record)
    assert seen(gone, 'web') is None and seen(gone, 'court') == (1, 'RESYNC_END', True, set())


def the_public_has_no_minors_record():
    record = after(an_event(1, minor=True), world=a_world())
    assert record.row('web') is None and record.row('court')
    assert seen(after(an_event(2), world=a_world(), record=record), 'web') == (2, 'NONE', False, set())


def a_case_is_judged_before_it_counts():
    world, record = a_world(), after(an_event(1), world=a_world())
    for event, code in ((a_case('dispute', 'UPHELD'), 'STEP'), (a_case('repair', 'DECIDED', authority='exchange'), None),
                        (a_case('dispute', 'OPENED', decided_on=TODAY + datetime.timedelta(1)), 'DATE'),
                        (a_case('dispute', 'OPENED', authority='court'), 'AUTHORITY'),
                        (a_case('dispute', 'OPENED', operation='WITHDRAW'), 'WITHDRAWAL')):
        verdict = model.take_rights(record, event, world)[2]
        assert verdict == (f'refused RIGHTS_{code}' if code else 'accepted'), verdict
    assert model.take_rights(model.Record(), a_case('dispute', 'OPENED'), world)[2] == 'refused RIGHTS_UNKNOWN_RECORD'


def conditions_transforms_and_terms_mean_what_the_documents_say():
    event = {'amount': 12, 'kinds': '罚款;警告', 'none': None}
    for text, holds in (('amount >= 10', True), ('amount <= 9.5', False), ('amount present', True), ('none absent', True),
                        ('kinds = 警告|吊销', True), ('kinds != 警告', False), ('none != 警告', True), ('none >= 1', False)):
        assert policy.Condition(text).holds(event) == holds, text
    assert policy.mask('450202191001010019') == '450202********0019' and policy.mask('张三') == '张*'
    assert policy.mask('12345678X') == '12*****8X' and policy.mask('张') == '*'
    assert policy.later(datetime.date(2024, 2, 29), years=1) == datetime.date(2025, 2, 28)
    assert policy.later(datetime.date(2026, 11, 30), months=3) == datetime.date(2027, 2, 28)


def all_orders_of_two_topics_are_followed_and_each_topic_keeps_its_own():
    steps = [[('event', an_event(2)), ('event', an_event(3, 'WITHDRAW'))], [('rights', a_case('dispute', 'OPENED'))]]
    ends = model.settle({after(an_event(1), world=a_world())}, a_world(), steps)
    assert {seen(record, 'court')[:3] + (record.is_disputed(),) for record in ends} == {
        (2, 'WITHDRAWN', True, True), (2, 'WITHDRAWN', True, False)}


def main():
    promises = [(name, value) for name, value in globals().items()
                if isinstance(value, types.FunctionType) and '_' in name and name not in HELPERS]
    failed = 0
    for name, promise in promises:
        try:
            promise()
            print(f'✓ {name}')
        except AssertionError as why:
            failed += 1
            print(f'✗ {name}: {why}')
    print(f'{len(promises) - failed} passed, {failed} failed')
    return 1 if failed else 0


HELPERS = {'a_grant', 'a_world', 'an_event', 'a_case'}

if __name__ == '__main__':
    sys.exit(main())
