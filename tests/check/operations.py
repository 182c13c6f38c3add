#!/usr/bin/env python3
"""Each WARN and ERROR line of the programs is explained in docs/operations.md, under its name."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALL = re.compile(r'\bbus_log(?:_failure)?\(')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[(),]|[^"(),]+', re.DOTALL)


def arguments(text):
    """Those of a call, from behind its '('."""
    depth, found = 0, ['']
    for token in TOKEN.findall(text):
        if token == ')' and depth == 0:
            return found
        if token == ',' and depth == 0:
            found.append('')
            continue
        depth += (token == '(') - (token == ')')
        found[-1] += token
    return found


def events(text):
    """Names of lines: every text in the second argument."""
    for call in CALL.finditer(text):
        level, event, *_ = arguments(text[call.end():call.end() + 2000]) + ['']
        if 'BUS_LOG_WARN' in level or 'BUS_LOG_ERROR' in level:
            yield from re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'"\s*"', '', event))


def main():
    page = (ROOT / 'docs/operations.md').read_text()
    known, missing = set(re.findall(r'`([^`\n]+)`', page)), []
    for folder in ('bus', 'gateway', 'adapters', 'subscribers'):
        for path in sorted((ROOT / folder).rglob('*.c')):
            missing += [f'{path.relative_to(ROOT)}: "{event}"' for event in events(path.read_text()) if event not in known]
    for one in missing:
        print(f'{one} is not explained in docs/operations.md')
    return 1 if missing else 0


sys.exit(main())
