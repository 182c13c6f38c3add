"""Live events while much falls due, and while much is delivered again.

A gateway takes 500 events a second. From the moment at which an event is made to the moment at which a plain reader of procurement's
topic has its delivery: quiet; while 100,000 publicity terms end at once (the gateway's rehearsal clock goes a day ahead); and while a
resync of XQ_BENCH_RESYNC records goes to the court. Then the same resync alone, against live throughput over the same state."""
import os
import signal
import statistics
import subprocess
import threading
import time

from confluent_kafka import Consumer, TopicPartition

import figures
from exchange import (BIN, BOOTSTRAP, FOLDER, MADE, PARTITIONS, PREFIX, RECORDS, Gateway, Topics, config, feed, first_rounds,
                      make_state, program, wait_for, watch)

MUCH = int(os.environ["XQ_BENCH_RESYNC"])
DUE = min(100000, MUCH)
UPDATES = min(RECORDS, 300000)
A_SECOND = 500
QUIET_S = 20
DAY_MS = 86400000
CLOCK = os.path.join(FOLDER, "run", "clock")
RULE = "NDRC-36-2026"
PUT, STATUS, EXPIRED = 0, 2, 7
SETTINGS = {"settings": "gateway-due.cfg"}


def set_clock(ahead_ms):
    with open(CLOCK + ".part", "w", encoding="ascii") as file:
        file.write(f"{ahead_ms}\n")
    os.replace(CLOCK + ".part", CLOCK)


# --- deliveries as they come ---------------------------------------------------------------------------------------------

def read_long(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return (value >> 1) ^ -(value & 1), at


def head_of(data):
    """Operation, reason and version of a framed delivery."""
    operation, at = read_long(data, 10)
    reason, at = read_long(data, at)
    for _ in range(4):  # grant, purpose, legal basis, catalogue
        length, at = read_long(data, at)
        at += length
    while True:
        count, at = read_long(data, at)
        if count == 0:
            break
        for _ in range(abs(count) + (count < 0)):
            _, at = read_long(data, at)
    return operation, reason, read_long(data, at)[0]


class Watcher:
    """Reads procurement's topic from its end on; versions of the events it measures are the µs at which they were made."""

    def __init__(self, topics):
        self.spans, self.expired, self.expired_at, self.ended = [], 0, 0.0, False
        self.reader = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench-due", "isolation.level": "read_committed",
                                "enable.auto.commit": False, "fetch.wait.max.ms": 10})
        ends = topics.ends(PREFIX + "out.procurement")
        self.reader.assign([TopicPartition(PREFIX + "out.procurement", p, ends[p]) for p in range(PARTITIONS)])
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while not self.ended:
            messages, now = self.reader.consume(500, 0.005), time.time()
            for message in messages:
                if message.error():
                    continue
                operation, reason, version = head_of(message.value())
                if operation == PUT and version > 1e15:
                    self.spans.append((version / 1e6, now))
                elif operation == STATUS and reason == EXPIRED:
                    self.expired += 1
                    self.expired_at = now

    def between(self, begin, end):
        """ms of the events made in that time."""
        return sorted((came - made) * 1000 for made, came in self.spans if begin <= made < end)

    def end(self):
        self.ended = True
        self.thread.join()
        self.reader.close()


def p99(spans_ms):
    return spans_ms[min(int(len(spans_ms) * 0.99), len(spans_ms) - 1)]


# --- what will fall due tomorrow -----------------------------------------------------------------------------------------

def publicity_end(topics, day):
    """The last day of publicity of a penalty decided on `day`, as the gateway's own code finds it."""
    ends = topics.ends("raw.probe")
    make_state("raw.probe", "--records", "60", "--item", "market/penalty", "--day", str(day), "--rule", RULE)
    reader = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench", "enable.auto.commit": False})
    reader.assign([TopicPartition("raw.probe", p, ends[p]) for p in range(PARTITIONS)])
    values = [message.value() for message in reader.consume(60, 10) if not message.error() and len(message.key()) == 33]
    reader.close()
    days = {int.from_bytes(value[12:16], "little", signed=True) for value in values}
    assert len(days) == 1, f"one day was expected, not {days}"
    return days.pop()


def make_due(topics):
    today = int((time.time() + 8 * 3600) // 86400)
    day = today - 365
    for _ in range(4):
        ends_on = publicity_end(topics, day)
        if ends_on == today:
            break
        day += today - ends_on
    assert ends_on == today, "no day of decision was found whose publicity ends today"
    made, _ = make_state(PREFIX + "state", "--records", str(DUE), "--first", "50000000", "--item", "market/penalty", "--day", str(day),
                         "--rule", RULE)
    print(f"  {made['events']:,} penalties whose publicity ends today", flush=True)


# --- a resync ------------------------------------------------------------------------------------------------------------

def resync():
    subprocess.run([os.path.join(BIN, "xinqiao"), "resync", "court", "--officer", "bench", "--reason", "bench"], check=True,
                   stdout=subprocess.DEVNULL)


def until_slow(topics, topic, base, wanted, limit_s):
    """Waits until the topic has grown by `wanted` and grows no faster than live events make it. Returns when that began, and by how much
    it had grown."""
    deadline = time.monotonic() + limit_s
    last, busy_at, busy_end = base, time.time(), base
    while time.monotonic() < deadline:
        time.sleep(0.5)
        end, now = topics.end(topic), time.time()
        if end - last > A_SECOND:  # twice what half a second of live events brings
            busy_at, busy_end = now, end
        elif end - base >= wanted and now - busy_at > 3:
            return busy_at, busy_end - base
        last = end
    raise SystemExit(f"{topic} grew by {last - base} of {wanted} in {limit_s} s: see {FOLDER}/log")


# --- the three times -----------------------------------------------------------------------------------------------------

def live(topics):
    """p99 in ms: quiet, during expiries, during a resync."""
    gateway, watcher = Gateway(**SETTINGS), Watcher(topics)
    feeder = program("bench_feed", *MADE, "--records", "1000000", "--population", str(MUCH), "--round", "2", "--rate",
                     str(A_SECOND), stdout=subprocess.DEVNULL)
    try:
        wait_for("live events", lambda: len(watcher.spans) > 10 * A_SECOND, 300)
        quiet_at = time.time()
        time.sleep(QUIET_S)
        due_at = time.time()
        set_clock(DAY_MS)
        wait_for("the expiries", lambda: watcher.expired >= DUE and time.time() - watcher.expired_at > 2, 300)
        due_end = watcher.expired_at
        time.sleep(5)
        base, resync_at = topics.end(PREFIX + "out.court"), time.time()
        resync()
        resync_end, grown = until_slow(topics, PREFIX + "out.court", base, MUCH * 0.9, 600)
        time.sleep(3)
    finally:
        feeder.send_signal(signal.SIGTERM)
        feeder.wait(60)
        gateway.stop()
        watcher.end()
    quiet = watcher.between(quiet_at, due_at)
    due, during = watcher.between(due_at, due_end + 0.5), watcher.between(resync_at, resync_end)
    for name, spans, span_s in (("quiet", quiet, due_at - quiet_at), ("100,000 expiries", due, due_end - due_at),
                                ("a resync", during, resync_end - resync_at)):
        print(f"  {name:<17} {span_s:5.1f} s, {len(spans):6,} deliveries: p50 {statistics.median(spans):.0f} ms, p99 {p99(spans):.0f} ms, "
              f"longest {spans[-1]:.0f} ms", flush=True)
    print(f"  beside live events the resync brought {grown / (resync_end - resync_at):,.0f} records/s", flush=True)
    return p99(quiet), p99(due), p99(during)


def alone(topics):
    """Records a second of a resync with nothing beside it, and events a second live, both into the court's topic."""
    gateway = Gateway(**SETTINGS)
    wait_for("the gateway's workers", lambda: len(gateway.workers()) == 2, 20)
    time.sleep(10)
    base = topics.end(PREFIX + "out.court")
    resync()
    first, last = watch(topics, PREFIX + "out.court", MUCH * 0.9, 600, base)
    gateway.stop()
    resync_rate = (last[0] - first[0]) / (last[1] - first[1])
    feed("--records", str(UPDATES), "--population", str(MUCH), "--round", "3")
    gateway = Gateway(**SETTINGS)
    first, last = watch(topics, PREFIX + "out.court", UPDATES, 300)
    gateway.stop()
    return resync_rate, (last[0] - first[0]) / (last[1] - first[1])


def main():
    topics = Topics()
    set_clock(0)
    with open(config("gateway.cfg"), encoding="utf-8") as file:
        text = file.read()
    with open(config("gateway-due.cfg"), "w", encoding="utf-8") as file:
        file.write(text + f'rehearsal_clock = "{CLOCK}";\n')
    topics.create(["raw.probe"])
    first_rounds(topics, **SETTINGS)
    make_due(topics)
    made, took_s = make_state(PREFIX + "state", "--records", str(MUCH))
    print(f"  {made['events']:,} records of state in {took_s:.0f} s", flush=True)
    quiet, due, during = live(topics)
    figures.record("due: p99 from event to delivery, 500 a second, quiet", quiet, "ms")
    figures.record("due: p99 while 100,000 expiries fall due, to quiet", due / quiet, "", 3, True)
    figures.record(f"due: p99 during a resync of {MUCH:,} records, to quiet", during / quiet, "", 3, True)
    resync_rate, rate = alone(topics)
    figures.record("due: resync alone, records/s", resync_rate, "records/s")
    figures.record("due: live events/s over the same state", rate, "events/s")
    figures.record("due: resync alone to live throughput", resync_rate / rate, "", 0.5)


if __name__ == "__main__":
    main()
