#!/usr/bin/env python3
"""`xinqiao subject` on a running exchange, held against what the topics say.

    subject.py --env FILE

The subjects are chosen from the state: those with the most records, persons, withdrawn records and rights cases. What the command says of
each must be what xq.state and xq.audit hold of its key, no more and no less; the identifier never comes through an argument, and never goes to
the terminal. The last line is "N passed, N failed".
"""
import argparse
import collections
import html.parser
import json
import os
import pathlib
import pty
import select
import stat
import subprocess
import sys
import tempfile

import avro
import rest
import state
import world

OFFICER, REASON = '审计员甲', '依申请查询'
ENVELOPE_HIDDEN = {'event_id', 'record_key', 'version', 'sequence', 'operation', 'subject_kind', 'source_committed_at', 'published_at'}
NOBODY = '11010519491231002X'  # the standard's own example
TYPING_S = 60


class Command:
    def __init__(self, environment, folder):
        self.environment, self.folder = environment, pathlib.Path(folder)
        self.program = os.path.join(environment['XQ_BIN'], 'xinqiao')

    def run(self, *arguments, config=None, text=None):
        return subprocess.run([self.program, *arguments], input=text, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL if text is None else None,
                              env={**os.environ, 'XQ_CONFIG': config or self.environment['XQ_CONFIG']})

    def about(self, identifier, *arguments, **options):
        path = self.folder / 'asked'
        path.write_text(identifier + '\n')
        path.chmod(0o600)
        return self.run('subject', '--file', str(path), '--officer', OFFICER, '--reason', REASON, *arguments, **options)


class Subject:
    """What the topics hold of a subject key."""

    def __init__(self, whole, partition, key, entries):
        self.partition, self.key, self.identifier = partition, key, None
        self.records, self.cases = {}, {}
        items = {print_: item for item in whole.catalogue.items for print_ in item.schemas}
        for record, (entry, value) in entries.items():
            item = items.get(avro.fingerprint(value)) if value else None
            event = item.decode(value) if item else None
            if event:
                self.identifier = event['subject_id'] if len(event['subject_id']) in (9, 18) else self.identifier
            (self.cases if item and item.rights else self.records)[record.hex()] = entry, item, event
        self.disclosures = collections.defaultdict(list)
        for message in whole.audit()[partition]:
            record = whole.catalogue.audit.decode(message.value)
            for disclosure in record['disclosures']:
                if disclosure['subject_key'] == key:
                    self.disclosures[disclosure['record'].hex()].insert(0, (message.offset, record, disclosure))


def subjects_of(whole):
    found = []
    for partition in range(whole.topics[f'{whole.prefix}state']):
        by_key = collections.defaultdict(dict)
        for (key, record), entry in whole.entries(partition).items():
            by_key[key][record] = entry
        found += [(partition, key, entries) for key, entries in by_key.items()]
    found.sort(key=lambda one: (-len(one[2]), one[1]))
    return found


def choose(whole):
    """Few, of every sort: many records, a person, something withdrawn, a case, an entry with marks."""
    chosen, sorts = {}, {'many': lambda s: True, 'person': lambda s: any(e.subject_kind == 1 for e, _, _ in s.records.values()),
                         'withdrawn': lambda s: any(e.status == 1 for e, _, _ in s.records.values()),
                         'case': lambda s: s.cases, 'marked': lambda s: any(e.marks for e, _, _ in s.records.values())}
    for partition, key, entries in subjects_of(whole):
        if len(chosen) == len(sorts):
            break
        subject = Subject(whole, partition, key, entries)
        for name, is_one in sorts.items():
            if name not in chosen and subject.identifier and is_one(subject):
                chosen[name] = subject
    return {subject.key: subject for subject in chosen.values()}.values(), sorted(chosen)


# --- one report against the topics ---

def statuses(entry):
    found = {state.MARKS[bit] for bit in range(len(state.MARKS)) if entry.marks >> bit & 1}
    found |= {'WITHDRAWN'} if entry.status == 1 else set()
    found |= {'DISPUTED'} if entry.disputes else set()
    return found or {'LIVE'}


def content_difference(told, item, event):
    """Every field that is not secret and not of the transport, and no other; texts and nulls as they are."""
    if event is None:
        return None if not told['content'] and not told['content_is_kept'] else 'content of an event that is kept no more'
    schema = item.schemas[max(item.schemas, key=lambda one: len(item.schemas[one].json['fields']))]
    named = {field['name']: field for field in schema.json['fields']}
    due = {name for name in event if named[name].get('classification') != 'secret' and name not in ENVELOPE_HIDDEN}
    found = {field['name']: field for field in told['content']}
    if set(found) != due:
        return f'fields {sorted(set(found) ^ due)} too many or missing'
    for name, field in found.items():
        if (event[name] is None) != (field['value'] is None) or isinstance(event[name], str) and event[name] != field['value']:
            return f'{name} is not what the event says'
        if named[name]['doc'].split(' / ')[0] != field['zh']:
            return f'{name} is not told in Chinese'
    return None


def told_disclosure(one):
    return (one['proof']['audit_offset'], one['at_ms'], one['subscriber'], one['operation'], one['reason'], one['version'], one['grant'],
            one['purpose'], one['legal_basis'], one['catalogue'], one['proof']['leaf'],
            tuple(sorted(field['name'] + (':' + field['transform'] if field['transform'] else '') for field in one['fields'])))


def due_disclosure(offset, record, one):
    grant = record['grants'][one['grant']]
    return (offset, round(record['at'].timestamp() * 1000), grant['subscriber'], one['operation'], one['reason'], one['version'], grant['grant'], grant['purpose'],
            grant['legal_basis'], record['catalogue'], one['leaf'],
            tuple(sorted(grant['fields'])) if one['operation'] == 'PUT' else ())


def record_difference(subject, told):
    entry, item, event = subject.records[told['identity']]
    due = [due_disclosure(*one) for one in subject.disclosures[told['identity']]]
    pairs = [('statuses', {one['name'] for one in told['statuses']}, statuses(entry)), ('version', told['version'], entry.version),
             ('first seen', told['first_seen_ms'], entry.first_seen_ms), ('changed', told['changed_ms'], entry.changed_ms),
             ('disputes', told['open_disputes'], entry.disputes),
             ('publicity', told['publicity_until'], state.day(entry.publicity_days) and state.day(entry.publicity_days).isoformat()),
             ('retention', told['retention_until'], state.day(entry.retention_days) and state.day(entry.retention_days).isoformat()),
             ('newest version', told['versions'][0]['version'] if told['versions'] else entry.version, entry.version),
             ('disclosures', [told_disclosure(one) for one in told['disclosures']], due)]
    wrong = next((f'{name} {found}, not {wanted}' for name, found, wanted in pairs if found != wanted), None)
    return wrong or content_difference(told, item, event)


def difference(subject, report):
    why = []
    for name, due, told in (('records', subject.records, report['records']), ('cases', subject.cases, report['cases'])):
        if sorted(due) != sorted(one['identity'] for one in told):
            why.append(f'{name}: {len(told)} told, {len(due)} in the state')
    if why:
        return why
    for told in report['records']:
        wrong = record_difference(subject, told)
        why += [f"{told['identity']}: {wrong}"] if wrong else []
    for told in report['cases']:
        entry, item, event = subject.cases[told['identity']]
        if told['step'] != state.STEPS[entry.marks]:
            why.append(f"case {told['identity']}: step {told['step']}")
        wrong = content_difference(told, item, event)
        why += [f"case {told['identity']}: {wrong}"] if wrong else []
    if report['subject']['subject_key'] != subject.key.hex() or report['subject']['identifier'] != subject.identifier:
        why.append('it is about somebody else')
    if (report['officer'], report['reason']) != (OFFICER, REASON):
        why.append('it does not say who asked, and why')
    return why


# --- the page ---

class Page(html.parser.HTMLParser):
    """Tags and what they load."""

    def __init__(self):
        super().__init__()
        self.tags, self.loads, self.text = collections.Counter(), [], ''

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.loads += [value for name, value in attrs if name in ('src', 'href', 'srcset', 'action') or name.startswith('on')]

    def handle_data(self, data):
        self.text += data


def page_difference(subject, path):
    why, text = [], path.read_text()
    page = Page()
    page.feed(text)
    if page.tags['script'] or page.loads or 'url(' in text or '@import' in text or '://' in text:
        why.append('it loads something, or runs something')
    if '@media print' not in text or '@page' not in text or not page.tags['footer']:
        why.append('it is not made for printing')
    if subject.identifier not in page.text:
        why.append('the subject is not named in full')
    if page.tags['h3'] != len(subject.records) + len(subject.cases):
        why.append(f"{page.tags['h3']} records and cases")
    if stat.S_IMODE(path.stat().st_mode) != 0o600:
        why.append('others may read it')
    return why


# --- all of it ---

class Proof:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, what, why):
        self.failed += bool(why)
        self.passed += not why
        print(f"{'✗' if why else '✓'} {what}", *(f'    {reason[:400]}' for reason in why[:5]), sep='\n')


def ends_with(run, code):
    return [] if run.returncode == code else [f'exit {run.returncode}, not {code}: {run.stderr[:300]}']


def check_report(command, subject, proof, without_state):
    name = f'{len(subject.records)} records, {len(subject.cases)} cases'
    run = command.about(subject.identifier, '--json')
    report = json.loads(run.stdout) if run.returncode == 0 else None
    proof.note(f'{name}: the report is what the topics hold', ends_with(run, 0) or difference(subject, report))
    slow = command.about(subject.identifier, '--json', config=without_state)
    same = slow.returncode == 0 and report is not None and all(json.loads(slow.stdout)[part] == report[part]
                                                               for part in ('records', 'cases'))
    proof.note(f'{name}: the same without the state folder', [] if same else ['another answer'])
    shown = command.about(subject.identifier)
    leak = [what for what in (subject.identifier, subject.key.hex()) if what in shown.stdout + shown.stderr]
    proof.note(f'{name}: at the terminal the subject is masked', ends_with(shown, 0) + (['it stands there'] if leak else []))
    path = command.folder / f'{subject.key.hex()}.html'
    page = command.about(subject.identifier, '--html', str(path))
    proof.note(f'{name}: one page, for printing, that loads nothing', ends_with(page, 0) or page_difference(subject, path))
    again = command.about(subject.identifier, '--html', str(path))
    proof.note(f'{name}: a page that is there is not written over', ends_with(again, 2))
    return report


def check_proofs(command, subject, keys, proof):
    folder = command.folder / 'proofs'
    run = command.about(subject.identifier, '--json', '--proofs', str(folder))
    why = ends_with(run, 0)
    if not why:
        told = [one['proof'] for record in json.loads(run.stdout)['records'] for one in record['disclosures']]
        files = {path.name for path in folder.iterdir()}
        if not told or {one.get('file') for one in told} != files:
            why.append(f'{len(files)} files for {len(told)} disclosures')
        for one in told[:3]:
            verdict = command.run('verify', str(folder / one['file']), '--keys', keys)
            if verdict.returncode != 0 or f"{one['topic']}/{one['partition']}" not in verdict.stdout:
                why.append(f"{one['file']} does not verify")
    proof.note('every disclosure comes with a proof that verifies', why)


def check_refusals(command, identifier, proof):
    for arguments in ([identifier], ['--kind', 'person', NOBODY], [f'--id={identifier}'], ['--file', f'/tmp/{NOBODY}'],
                      ['--officer', 'x', '--reason', f'about {NOBODY}']):
        run = command.run('subject', *arguments)
        leak = identifier in run.stdout + run.stderr or NOBODY in run.stdout + run.stderr
        proof.note('an identifier among the arguments is refused and not repeated',
                   ends_with(run, 2) + (['it is repeated'] if leak else []))
    proof.note('somebody unknown is the answer no', ends_with(command.about(NOBODY, '--json'), 1))
    proof.note('what is no identifier is wrong use', ends_with(command.about('no identifier'), 2))
    proof.note('two lines are wrong use', ends_with(command.about(f'{identifier}\n{NOBODY}'), 2))
    proof.note('without a terminal or a file it says so', ends_with(command.run('subject'), 2))
    proof.note('an officer without a reason is wrong use',
               ends_with(command.run('subject', '--file', '-', '--officer', 'x', text=NOBODY), 2))


def at_the_terminal(command, typed):
    """What a terminal of its own shows when `typed` is typed at the prompt, and the exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ['XQ_CONFIG'] = command.environment['XQ_CONFIG']
        os.execv(command.program, [command.program, 'subject', '--officer', OFFICER, '--reason', REASON])
    shown, asked = b'', False
    while select.select([terminal], [], [], TYPING_S)[0]:
        try:
            read = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        shown += read
        if not asked and 'citizen number' in shown.decode(errors='replace'):
            os.write(terminal, typed.encode())
            asked = True
        if not read:
            break
    return shown.decode(errors='replace'), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def check_terminal(command, identifier, proof):
    shown, code = at_the_terminal(command, identifier.lower() + '\n')
    proof.note('typed at the terminal, the identifier is not echoed',
               [] if code == 0 and identifier not in shown.upper() and '信用信息查询报告' in shown else [f'exit {code}: {shown[:200]}'])
    shown, code = at_the_terminal(command, '\x03\n')
    proof.note('an interrupt at the prompt cancels', [] if code == 2 and '已取消' in shown else [f'exit {code}: {shown[:200]}'])


def check_access(command, identifiers, asked, proof):
    run = command.run('quarantine', 'list', '--code', 'ACCESS_REPORT', '--limit', '100000', '--json')
    why = ends_with(run, 0)
    if not why:
        entries = [entry for entry in json.loads(run.stdout) if entry['severity'] == 'NOTICE']
        why += [] if len(entries) >= asked else [f'{len(entries)} accesses are written down of at least {asked}']
        why += ['an identifier stands in the record of an access'] if any(one in run.stdout for one in identifiers) else []
        why += [] if REASON in run.stdout else ['the reason is not written down']
    proof.note('every access is written down, without the identifier', why)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--env', required=True)
    environment = world.read_environment(parser.parse_args().env)
    proof = Proof()
    with tempfile.TemporaryDirectory() as folder:
        command = Command(environment, folder)
        configuration = pathlib.Path(environment['XQ_CONFIG']).read_text().splitlines()
        without_state = pathlib.Path(folder) / 'without-state.cfg'
        without_state.write_text('\n'.join(line for line in configuration if not line.startswith('state')) + '\n')
        whole = world.World(environment)
        rest.check(whole, proof)  # what is compared must not move meanwhile
        subjects, sorts = choose(whole)
        proof.note(f'there are subjects to ask about: {", ".join(sorts)}', [] if 'many' in sorts and 'person' in sorts else ['too few'])
        for subject in subjects:
            check_report(command, subject, proof, str(without_state))
        subject = next(iter(subjects))
        check_proofs(command, subject, environment['XQ_KEYS'], proof)
        check_refusals(command, subject.identifier, proof)
        check_terminal(command, subject.identifier, proof)
        check_access(command, [one.identifier for one in subjects], 4 * len(subjects), proof)
    print(f'{proof.passed} passed, {proof.failed} failed')
    sys.exit(0 if proof.failed == 0 and proof.passed > 0 else 1)


if __name__ == '__main__':
    main()
