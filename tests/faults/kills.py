#!/usr/bin/env python3
"""Kills processes of a running exchange at random moments while records flow through it.

    kills.py FOLDER --records N --seed S

FOLDER is a demo's (deploy/demo --folder FOLDER --start-only). Generated files are put into the inboxes a few before each kill, so
that something is always under way; so are cases about records, terms that run out, and resyncs (rights.py), and what bureaus do in
databases, push and list (bureaus.py). Every kind of process is a victim, the broker and the databases too; some are killed again during
their recovery. What was killed must come back by itself within a bound. Prints "N passed, N failed": one for every kill whose victim came
back. That the records came through whole is for others to prove. Standard library only.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

import bureaus
import rights

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUBSCRIBERS = ["court", "procurement", "website", "bank", "tender", "province"]
# How often each kind is killed, and how often killed once more while it recovers.
PLAN = {"adapter": 5, "source": 10, "worker-0": 6, "worker-1": 6, "keyholder": 5, "gateway": 5, "agent": 8, "kafka": 4, "postgresql": 3, "mariadb": 2}
SOURCES = ["adapter-housingfund", "adapter-food", "adapter-ecommerce", "adapter-bidding"]  # one of each kind: what bureaus.py uses
# Not the broker: one that is killed while it starts may complete a prepared transaction without writing its markers ("Couldn't find leader
# endpoint … can be skipped" in its log, seen once with Kafka 4.3.1 on a single node). That hangs for ever and is Kafka's own;
# so it is killed only while it serves.
AGAIN = ["worker-0", "gateway", "keyholder", "source"]
WORKERS = 2
COMES_BACK_SECONDS = 90
PAUSE_SECONDS = (0.0, 2.0)
AGAIN_PAUSE_SECONDS = (0.02, 0.4)
ROWS_PER_FILE = 250
CASES_EVERY = 3  # kills between two rounds of cases
CLOCK_DAYS = {0.35: 120, 0.7: 500}  # after which part of the kills the gateway's clock is so far ahead
RESYNCS = {0.2: "court", 0.45: "website", 0.6: "bank", 0.8: "procurement", 0.95: "court"}


class Exchange:
    """The processes of a demo's folder, by name."""

    def __init__(self, folder):
        self.folder = folder

    def pid(self, name):
        """The pid that runs under that name now, or None."""
        if name in ("keyholder", "worker-0", "worker-1"):
            return self.gateway_child(name)
        try:
            pid = int((self.folder / "run" / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if is_alive(pid) else None

    def adapters(self):
        """Names under which adapters run."""
        return sorted(path.name.removesuffix(".supervisor.pid") for path in (self.folder / "run").glob("adapter-*.supervisor.pid"))

    def broker_serves(self, seconds):
        """Whether the broker says "Kafka Server started" behind its last start, within the time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            log = (self.folder / "log" / "kafka.log").read_bytes()
            if log.rfind(b"Kafka Server started") > log.rfind(b"supervise: "):
                return True
            time.sleep(0.1)
        return False

    def gateway_child(self, name):
        parent = self.pid("gateway")
        if parent is None:
            return None
        kind = "xq-keyholder" if name == "keyholder" else "xq-worker"
        pids = sorted(pid for pid in children(parent) if comm(pid) == kind)
        # All of its kind must be up: else another one, moved to its place, would count as its successor.
        if len(pids) < (1 if name == "keyholder" else WORKERS):
            return None
        return pids[1 if name == "worker-1" else 0]

    def wait(self, name, seconds, but=None):
        """The pid under that name, another than `but`; None when there was none in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pid = self.pid(name)
            if pid is not None and pid != but:
                return pid
            time.sleep(0.01)
        return None


def stat_fields(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def is_alive(pid):
    fields = stat_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def children(parent):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = stat_fields(entry)
            if fields is not None and fields[0] not in "ZX" and int(fields[1]) == parent:
                found.append(int(entry))
    return found


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def generate(folder, records, seed, rows_per_file=ROWS_PER_FILE, withdrawals=0.02):
    out = folder / f"generated-{seed}"
    subprocess.run([sys.executable, ROOT / "tests/generate", "--records", str(records), "--seed", str(seed), "--out", out,
                    "--rows-per-file", str(rows_per_file), "--withdrawals", str(withdrawals), "--summary", folder / "generated.json"], check=True)
    # Files of one feed keep their order; feeds are interleaved.
    feeds = [sorted(path for path in feed.iterdir()) for feed in sorted(out.glob("*/*"))]
    files = []
    for place in range(max(len(feed) for feed in feeds)):
        files += [feed[place] for feed in feeds if place < len(feed)]
    return files


def put(folder, path):
    """Into the inbox by rename, so that no adapter sees half a file."""
    inbox = folder / "inbox" / path.parent.parent.name / path.parent.name
    inbox.mkdir(parents=True, exist_ok=True)
    part = inbox / f".{path.name}.part"
    shutil.copyfile(path, part)
    part.rename(inbox / path.name)


def plan_kills(dice, adapters):
    kinds = [kind for kind, times in PLAN.items() for _ in range(times)]
    dice.shuffle(kinds)
    again = list(AGAIN)
    kills = []
    for kind in kinds:
        name = kind
        if kind == "adapter":
            name = dice.choice(adapters)
        elif kind == "source":
            name = dice.choice(SOURCES)
        elif kind == "agent":
            name = f"agent-{dice.choice(SUBSCRIBERS)}"
        twice = kind in again
        if twice:
            again.remove(kind)
        kills.append((name, twice))
    return kills


def kill(exchange, name, started):
    """Kills what runs under that name and waits for its successor. True when it came back in time."""
    pid = exchange.wait(name, COMES_BACK_SECONDS)
    if pid is not None and name == "kafka" and not exchange.broker_serves(COMES_BACK_SECONDS):
        pid = None
    if pid is None:
        print(f"✗ {name}: not running / 未运行", flush=True)
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    at = time.monotonic()
    back = exchange.wait(name, COMES_BACK_SECONDS, but=pid)
    if back is None:
        print(f"✗ {at - started:6.1f} s  {name} ({pid}): not back within {COMES_BACK_SECONDS} s / 未恢复", flush=True)
        return False
    print(f"  {at - started:6.1f} s  kill -9 {name} ({pid}), back after {time.monotonic() - at:.2f} s", flush=True)
    return True


def happens(part, number, count):
    """Whether the kill before which that part of all has been done is this one."""
    return int(part * count) == number


def beside(cases, sources, number, count):
    """What happens beside the records before this kill."""
    sources.round()
    if number % CASES_EVERY == 0:
        cases.round()
    for part, days in CLOCK_DAYS.items():
        if happens(part, number, count):
            cases.put_clock_forward(days)
    for part, subscriber in RESYNCS.items():
        if happens(part, number, count):
            cases.resync(subscriber)


def run(folder, records, seed):
    dice = random.Random(seed)
    exchange = Exchange(folder)
    cases = rights.Rights(folder, random.Random(seed + 1))
    sources = bureaus.Bureaus(folder, random.Random(seed + 2))
    rights.use_clock(folder)
    files = generate(folder, records, seed)
    kills = [("gateway", False)] + plan_kills(dice, exchange.adapters())  # the first gives the gateway its clock
    print(f"seed {seed}: {len(kills) + len(AGAIN)} kills, {len(files)} files", flush=True)
    started = time.monotonic()
    passed = failed = fed = 0
    for number, (name, twice) in enumerate(kills, 1):
        # The last files come before the last kill, not after it.
        while fed < len(files) * number // len(kills):
            put(folder, files[fed])
            fed += 1
        beside(cases, sources, number, len(kills))
        time.sleep(dice.uniform(*PAUSE_SECONDS))
        for again in range(2 if twice else 1):
            if again:
                time.sleep(dice.uniform(*AGAIN_PAUSE_SECONDS))
            if kill(exchange, name, started):
                passed += 1
            else:
                failed += 1
    sources.end()
    for counts in (cases.counts, sources.counts):
        print("  " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"{passed} passed, {failed} failed")
    return failed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--records", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    sys.exit(0 if run(arguments.folder.resolve(), arguments.records, arguments.seed) else 1)


if __name__ == "__main__":
    main()
