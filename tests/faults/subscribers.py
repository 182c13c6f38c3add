#!/usr/bin/env python3
"""Kills of what stands behind the output topics, while records, withdrawals and cases flow. Standard library only.

    subscribers.py FOLDER kills [--rounds N] [--seed S]     agents, the reference receiver, the platform's simulator, PostgreSQL, now and then
                                                            the gateway; the platform also misbehaves; at the end one agent of two stays dead
    subscribers.py FOLDER away [--seed S]                   one receiver is away while as much comes as in an hour: the others do not wait for it

FOLDER is a demo's (deploy/demo --folder FOLDER --start-only). Court, tender and province get a second agent each. What was killed must come back by
itself. Prints "N passed, N failed"; that all came through whole is for others to prove."""
import argparse
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import urllib.request

import kills
import rights

ROOT = kills.ROOT
SHARED = ["court", "tender", "province"]  # have two agents
ALONE = ["procurement", "bank", "website"]
VICTIMS = {"agent-tender": 6, "agent-tender-2": 6, "agent-province": 7, "agent-province-2": 7, "agent-court": 4, "agent-court-2": 4,
           "agent-procurement": 2, "agent-website": 2, "agent-bank": 1, "receiver-tender": 7, "receiver-province": 8, "postgresql": 4,
           "gateway": 2}
RECORDS, ROWS_PER_FILE = 16000, 80
HOUR = 6000  # records of an hour
PAUSE_SECONDS = (0.0, 1.2)
CASES_EVERY = 6  # rounds
SESSION_MS = 6000  # after which the other agent of a subscriber takes over
TAKE_OVER_SECONDS, CATCH_UP_SECONDS = 60, 120
# What the platform does on purpose from time to time; each so many times.
TROUBLES = ["timeout_after", "bad_gateway", "bad_gateway_after", "unavailable", "throttle", "repeat", "strange_ack", "missing_ack", "not_json", "cut"]
BAD_ROWS = 0.01


class Shell:
    """Functions of deploy/lib, for the folder."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, line):
        libraries = "".join(f"source {ROOT}/deploy/lib/{name}.sh; " for name in
                            ("steps", "packages", "processes", "kafka", "postgresql", "build", "exchange"))
        subprocess.run(["bash", "-c", f"set -euo pipefail; {libraries}{line}"], check=True, env={**os.environ, "XQ_ROOT": str(ROOT)})

    def start_agent(self, name, configuration):
        self.run(f'process_start {self.folder} {name} "${{XQ_BUILD:-{ROOT}/build/release}}/bin/xinqiao-agent" --config {configuration}')

    def stop(self, name):
        self.run(f"process_stop {self.folder} {name}")


class Operator:
    def __init__(self, folder):
        self.environment = {**os.environ, **rights.read_environment(folder / "env")}

    def ask(self, *arguments):
        """Its JSON, or None when it cannot be reached at the moment."""
        done = subprocess.run([self.environment["XQ_BIN"] + "/xinqiao", *arguments, "--json"], env=self.environment, capture_output=True, check=False)
        try:
            return json.loads(done.stdout) if done.returncode in (0, 1) else None
        except ValueError:
            return None

    def lanes(self, subscriber, instance=None):
        """{partition: leaves applied} as the subscriber's agents say."""
        return {lane["partition"]: lane["size"] for agent in self.ask("agents", "list") or () if agent["subscriber"] == subscriber
                and instance in (None, agent.get("instance")) for lane in agent.get("lanes", ())}

    def trouble(self, **wanted):
        """Of the platform, unless it is just dead."""
        request = urllib.request.Request(self.environment["XQ_PROVINCE_CONTROL"] + "/trouble", json.dumps(wanted).encode(), method="POST")
        try:
            urllib.request.urlopen(request, timeout=5).close()
        except OSError:
            pass


def add_agents(folder, shell):
    """A second one for some, and short sessions for all."""
    for name in SHARED + ALONE:
        path = folder / "config" / f"agent-{name}.cfg"
        path.write_text(path.read_text() + f"session_timeout_ms = {SESSION_MS};\n")
        shell.stop(f"agent-{name}")
        shell.start_agent(f"agent-{name}", path)
    for name in SHARED:
        first = (folder / "config" / f"agent-{name}.cfg").read_text()
        second = folder / "config" / f"second-{name}.cfg"
        second.write_text(first.replace(f"{folder}/agents/{name}", f"{folder}/agents/{name}-2") + 'instance = "2";\n')
        shell.start_agent(f"agent-{name}-2", second)


class Count:
    def __init__(self):
        self.passed = self.failed = 0

    def note(self, what, holds):
        self.passed, self.failed = self.passed + holds, self.failed + (not holds)
        print(f"  {'✓' if holds else '✗'} {what}" if holds else f"✗ {what}", flush=True)


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def kill_rounds(folder, rounds, seed):
    dice, count, shell, operator = random.Random(seed), Count(), Shell(folder), Operator(folder)
    exchange, cases = kills.Exchange(folder), rights.Rights(folder, random.Random(seed + 1))
    add_agents(folder, shell)
    files = kills.generate(folder, RECORDS, seed, ROWS_PER_FILE, withdrawals=0.1)
    names, weights = zip(*VICTIMS.items())
    started, fed = time.monotonic(), 0
    print(f"seed {seed}: {rounds} rounds, {len(files)} files", flush=True)
    for number in range(1, rounds + 1):
        while fed < len(files) * number // rounds:
            kills.put(folder, files[fed])
            fed += 1
        if number % CASES_EVERY == 0:
            cases.round()
        operator.trouble(bad_rows=BAD_ROWS, hold_ms=700, **{dice.choice(TROUBLES): dice.choice((0, 1, 2))})
        time.sleep(dice.uniform(*PAUSE_SECONDS))
        holds = kills.kill(exchange, dice.choices(names, weights)[0], started)
        count.passed, count.failed = count.passed + holds, count.failed + (not holds)
    operator.trouble(bad_rows=BAD_ROWS, **{name: 0 for name in TROUBLES})
    print("  " + ", ".join(f"{name} {value}" for name, value in cases.counts.items()))
    for name in SHARED:
        take_over(exchange, operator, count, name)
    return count


def take_over(exchange, operator, count, name):
    """The second agent of the subscriber dies for good."""
    for file in ("supervisor.pid", "pid"):  # in this order: nobody starts it again
        try:
            os.kill(int((exchange.folder / "run" / f"agent-{name}-2.{file}").read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            pass  # it was just dead
    count.note(f"{name}: the agent that is left has all partitions",
               until(lambda: len(operator.lanes(name, "1")) == 6, TAKE_OVER_SECONDS))


def away(folder, seed):
    """The tender's receiver is stopped; what others have applied grows to the ends of their logs meanwhile."""
    count, shell, operator = Count(), Shell(folder), Operator(folder)
    before = {name: sum(operator.lanes(name).values()) for name in SHARED + ALONE}
    shell.stop("receiver-tender")
    files = kills.generate(folder, HOUR, seed + 7, ROWS_PER_FILE * 10, withdrawals=0.1)
    for path in files:
        kills.put(folder, path)
    others = [name for name in SHARED + ALONE if name not in ("tender", "bank")]  # the bank has a portfolio: perhaps nothing came for it
    count.note("the others have applied all that came meanwhile", until(lambda: are_done(folder, operator, others, before), CATCH_UP_SECONDS))
    states = {agent["subscriber"]: agent for agent in operator.ask("agents", "list") or () if agent.get("instance") == "1"}
    count.note("tender's agent says that it waits, the others work",
               {name for name, agent in states.items() if agent["state"] == "WAITING"} == {"tender"})
    count.note("tender has nothing of it", sum(operator.lanes("tender").values()) == before["tender"])
    shell.run(f"receivers_start_tender {folder}")
    count.note("tender catches up", until(lambda: are_done(folder, operator, ["tender"], before), CATCH_UP_SECONDS))
    return count


def are_done(folder, operator, names, before):
    """Whether all that was delivered came, and they have applied it, by the books."""
    books = None if waiting_files(folder) else operator.ask("books")
    if books is None:
        return False
    came = all(row["read"] == row["published"] + row["quarantined_rows"] and row["consumed"] >= row["published"] for row in books["rows"])
    shares = [share for row in books["rows"] for name, share in row["subscribers"].items() if name in names]
    return came and all(share["under_way"] == 0 for share in shares) and all(
        sum(operator.lanes(name).values()) > before[name] for name in names)


def waiting_files(folder):
    """In the inboxes; done/ and held/ lie one level deeper."""
    return sum(path.is_file() for path in (folder / "inbox").glob("*/*/*"))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("what", choices=["kills", "away"])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    count = kill_rounds(folder, arguments.rounds, arguments.seed) if arguments.what == "kills" else away(folder, arguments.seed)
    print(f"{count.passed} passed, {count.failed} failed")
    sys.exit(0 if count.failed == 0 else 1)


if __name__ == "__main__":
    main()
