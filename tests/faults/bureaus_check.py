#!/usr/bin/env python3
"""The topics equal the sources exactly, whatever was killed: what a table or a list holds last is what the in topic says last.

    bureaus_check.py FOLDER      FOLDER is a demo's in which bureaus.py was at work

Waits, within a bound, until each is so. The last line is "N passed, N failed"."""
import json
import pathlib
import subprocess
import sys
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/reader"))
import topics  # noqa: E402
import world  # noqa: E402

PATIENCE_S = 240


def last_said(whole, department, item, number_field, value_field):
    """{number: value} of the records that stand by the in topic, of those with numbers of the test's own; and what is wrong with versions."""
    whole.read.pop(f"in.{department}.{item}", None)
    item = next(one for one in whole.catalogue.items if (one.department, one.name) == (department, item))
    topic = f"{whole.prefix}in.{department}.{item.name}"
    last, numbers, why = {}, {}, []
    for messages in topics.read(whole.bootstrap, {topic: whole.topics[topic]})[topic]:
        for message in messages:
            event = item.decode(message.value)
            key = event["record_key"]
            if event["operation"] == "PUT":
                numbers[key] = event[number_field]
            if event["version"] <= last.get(key, (-1,))[0] and numbers.get(key, "").startswith("FAULT"):
                why.append(f"{key}: a version that does not rise, offset {message.offset}")
            last[key] = max(last.get(key, (-1,)), (event["version"], event["operation"], str(event[value_field])))
    return {numbers[key]: value for key, (_, operation, value) in last.items()
            if operation == "PUT" and numbers[key].startswith("FAULT")}, why


def followed(environment):
    connection = psycopg2.connect(environment["XQ_BUREAU"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT jclsh, jce::text FROM public.gjj_jcmx WHERE jclsh LIKE 'FAULT%'")
        return dict(cursor.fetchall())


def asked(folder):
    socket = (folder / "mariadb/home").read_text().strip() + "/socket"
    out = subprocess.run(["mariadb", "--no-defaults", f"--socket={socket}", "--default-character-set=utf8mb4", "--batch", "--skip-column-names",
                          "food", "--execute", "SELECT RD_WSH, RD_SS FROM hhmd WHERE RD_WSH LIKE 'FAULT%' AND SCBZ <> 'D'"],
                         check=True, capture_output=True, text=True).stdout
    return dict(line.split("\t") for line in out.splitlines())


def difference(due, found):
    why = [f"{number}: {found.get(number, 'missing')}, not {due.get(number, 'there')}" for number in sorted(due.keys() | found.keys())
           if due.get(number) != found.get(number)]
    return [f"{len(why)} of {len(due)} records differ"] + why[:5] if why else []


def until_equal(whole, place, due):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found, why = last_said(whole, *place)
        why = why[:5] or difference(due(), found)
        if not why or time.monotonic() > deadline:
            return why, len(found)
        time.sleep(1)


def main():
    folder = pathlib.Path(sys.argv[1])
    environment = world.read_environment(folder / "env")
    whole, said = world.World(environment), json.loads((folder / "run/bureaus.json").read_text())
    members = "list.membership", "document_number", "facts"
    checks = [
        ("a table that is followed", ("housingfund", "contribution", "contribution_id", "amount"), lambda: followed(environment)),
        ("a table that is asked", ("food", *members), lambda: asked(folder)),
        ("what was pushed", ("ecommerce", *members), lambda: said["pushed"]),
        ("a list that is delivered whole", ("bidding", *members), lambda: said["listed"]),
    ]
    passed = failed = 0
    results = [(f"{title} is in its topic, record by record", *until_equal(whole, place, due)) for title, place, due in checks]
    results.append(("every push was answered, and no row refused", [f"{said[name]} {name}" for name in ("unanswered", "refused") if said[name]],
                    len(said["pushed"])))
    for title, why, count in results:
        print("\n    ".join([f"{'✗' if why else '✓'} {title}: {count}", *why]))
        passed, failed = passed + (not why), failed + bool(why)
    print(f"{passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 else 1)


main()
