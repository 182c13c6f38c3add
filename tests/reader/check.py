#!/usr/bin/env python3
"""Judges a running exchange from outside, sharing no code with it.

    check.py [--env FILE] [rest] [seals] [exactly-once] [audit] [books] [sinks] [tampering]      all of them by default

  rest          waits until no resync and no expiry is under way
  seals         every leaf and every seal of every output log
  exactly-once  who must have received what, recomputed from the in topics and the catalogue, against the output topics and the state
  audit         every delivery disclosed once, as it was, and linked
  books         what was counted each day against what the topics hold
  sinks         PostgreSQL tables, the reference receiver's and the platform's ledger against the fold of the topic, NDJSON lines against the topic
  receipts      what subscribers signed against their logs, their stores and their books
  tampering     copies of a log with one thing changed: each must be detected

The exchange is the one that FILE (as deploy/demo writes it), or the environment, describes. The last line is "N passed, N failed".
"""
import argparse
import os
import sys

import audit
import books
import exactly_once
import receipts
import rest
import sealed
import sinks
import world

PARTS = {'rest': rest.check, 'seals': sealed.check, 'exactly-once': exactly_once.check, 'audit': audit.check, 'books': books.check,
         'sinks': sinks.check, 'receipts': receipts.check, 'tampering': sealed.check_tampering}


class Result:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, what, why):
        """`why`: reasons of a failure, none when it holds."""
        if why:
            self.failed += 1
            print(f'✗ {what}')
            for reason in why[:5]:
                print(f'    {reason}')
        else:
            self.passed += 1
            print(f'✓ {what}')

    def say(self, text):
        print(f'  {text}')


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--env')
    parser.add_argument('parts', nargs='*', choices=[*PARTS, []])
    arguments = parser.parse_args()
    environment = {**os.environ, **(world.read_environment(arguments.env) if arguments.env else {})}
    whole = world.World(environment)
    result = Result()
    for part in arguments.parts or PARTS:
        PARTS[part](whole, result)
    print(f'{result.passed} passed, {result.failed} failed')
    return 0 if result.failed == 0 and result.passed > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
