"""Much state beside little: the same updates over XQ_BENCH_STATE records and over 10,000; memory; rebuilding; an access report.

The much state is written into xq.state by bench_state, which first proves over the 10,000 records that it writes what the gateway
writes."""
import json
import os
import re
import shutil
import statistics
import subprocess
import threading
import time

from confluent_kafka import Consumer, TopicPartition

import figures
from exchange import (BIN, BOOTSTRAP, FOLDER, PARTITIONS, PREFIX, RECORDS, Gateway, Topics, config, feed, first_rounds, json_of,
                      make_state, memory_mib, program, wait_for, watch)

MUCH = int(os.environ["XQ_BENCH_STATE"])
LITTLE = 10000
ROUNDS = 3
UPDATES = RECORDS  # many: the first time that a page of the store is met after a start is dearer than every later one
SUBJECT, SUBJECT_RECORDS = 7, 200
SMALL = {"settings": "gateway-small.cfg", "log": "gateway-small"}
SMALL_PREFIX = "xs."
MASKED = slice(40, 72)  # of an entry: offsets, and when the gateway took the record


def size_text():
    return f"{MUCH / 1e6:g} million"


def make_small():
    """A second exchange on the same broker, with its own topics, group and state."""
    for name in ("gateway", "xinqiao"):
        with open(config(name + ".cfg"), encoding="utf-8") as file:
            text = file.read()
        text = text.replace('prefix = "xq."', f'prefix = "{SMALL_PREFIX}"').replace('node = "demo"', 'node = "small"')
        text = text.replace(f"{FOLDER}/state", f"{FOLDER}/small").replace(f"{FOLDER}/run/gateway", f"{FOLDER}/run/small")
        with open(config(name + "-small.cfg"), "w", encoding="utf-8") as file:
            file.write(text + ('group = "xs-gateway";\n' if name == "gateway" else ""))
    os.makedirs(os.path.join(FOLDER, "run", "small"), exist_ok=True)
    subprocess.run([os.path.join(BIN, "xinqiao"), "topics", "create", "--partitions", str(PARTITIONS)], check=True,
                   stdout=subprocess.DEVNULL, env=os.environ | {"XQ_CONFIG": config("xinqiao-small.cfg")})


# --- what bench_state writes is what the gateway writes ------------------------------------------------------------------

def records_of(topic):
    """The last value of each record and registered name of a state topic, without what depends on offsets and on the hour."""
    reader = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench", "isolation.level": "read_committed",
                       "enable.partition.eof": True, "enable.auto.commit": False})
    reader.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    found, ended = {}, 0
    while ended < PARTITIONS:
        for message in reader.consume(5000, 1.0):
            if message.error():
                ended += 1
            elif message.key()[:1] == b"R":
                value = bytearray(message.value())
                if len(message.key()) == 33:
                    value[MASKED] = bytes(MASKED.stop - MASKED.start)
                found[message.partition(), message.key()] = bytes(value)
    reader.close()
    return found


def prove(topics):
    """The little state comes by the gateway; bench_state must make the same."""
    made = ["--records", str(LITTLE), "--published", str(int(time.time() * 1000))]
    base = topics.end(SMALL_PREFIX + "out.court")
    feed("--prefix", SMALL_PREFIX, *made)
    gateway = Gateway(**SMALL)
    watch(topics, SMALL_PREFIX + "out.court", LITTLE, 120, base)
    gateway.stop()
    topics.create(["raw.proof"], ["raw.proof"])
    make_state("raw.proof", "--prefix", SMALL_PREFIX, *made)
    gateways, ours = records_of(SMALL_PREFIX + "state"), records_of("raw.proof")
    different = [key for key in gateways.keys() | ours.keys() if gateways.get(key) != ours.get(key)]
    if different or len(gateways) < LITTLE:
        raise SystemExit(f"bench_state writes another state than the gateway: {len(different)} of {len(gateways)} entries differ")
    print(f"  bench_state writes what the gateway writes: {len(gateways):,} entries are the same", flush=True)


# --- rebuilding ----------------------------------------------------------------------------------------------------------

def read_raw():
    """Records a second that two plain consumers get out of xq.state, three partitions each, as the workers read it."""
    readers = [program("raw_copier", "--bootstrap", BOOTSTRAP, "--group", f"raw-reader-{share}", "--id", f"reader-{share}", "--in",
                       PREFIX + "state", "--partitions", ",".join(str(p) for p in range(share, PARTITIONS, 2)), "--batch", "10000",
                       "--only-read", log="raw-reader", stdout=subprocess.PIPE) for share in range(2)]
    done = [json_of(reader, 1800) for reader in readers]
    span_s = (max(one["last_ms"] for one in done) - min(one["first_ms"] for one in done)) / 1000
    return sum(one["in"] for one in done) / span_s


def major_faults(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rsplit(")", 1)[1].split()[9])


class Memory:
    """The most that any worker had resident beside page cache, looked at four times a second."""

    def __init__(self, gateway):
        self.most, self.gateway, self.ended = 0, gateway, False
        self.disk_reads = {}  # of pages of the store and the program, by worker
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended:
            for pid in self.gateway.workers():
                try:
                    memory = memory_mib(pid)
                    self.most = max(self.most, memory["Anon"] + memory["Shmem"])
                    self.disk_reads[pid] = major_faults(pid)
                except (OSError, AttributeError):
                    pass  # it has just ended
            time.sleep(0.25)

    def end(self):
        self.ended = True
        self.thread.join()
        return self.most


def recovered(gateway):
    """Records, and ms of each worker, from the lines about it."""
    found = [re.search(r"records=(\d+) took_ms=(\d+)", line) for line in gateway.lines() if "state recovered" in line]
    return sum(int(match.group(1)) for match in found), [int(match.group(2)) for match in found]


def rebuild(records):
    """The whole state out of the topic, on a machine that has nothing. Returns records a second, and the memory it took."""
    shutil.rmtree(os.path.join(FOLDER, "state"))
    gateway = Gateway()
    memory = Memory(gateway)
    wait_for("the rebuilt state", lambda: recovered(gateway)[0] >= records, 1800, 0.2)
    took_s = time.monotonic() - gateway.started
    count, spans_ms = recovered(gateway)
    most = memory.end()
    gateway.stop()
    print(f"  rebuilt {count:,} records in {took_s:.1f} s from the start of the process, workers {spans_ms} ms", flush=True)
    return count / (max(spans_ms) / 1000), most


# --- throughput ----------------------------------------------------------------------------------------------------------

def run(topics, number, population, prefix, **options):
    """Events a second, processor time an event in µs, the workers' memory, and page faults an event that went to the disk."""
    feed("--prefix", prefix, "--records", str(UPDATES), "--population", str(population), "--round", str(number + 1))
    gateway = Gateway(**options)
    memory = Memory(gateway)
    first, last = watch(topics, prefix + "out.court", UPDATES, 600)
    most = memory.end()
    gateway.stop()
    meters = gateway.meters()
    return ((last[0] - first[0]) / (last[1] - first[1]), meters["process_cpu_s"] / meters["events"] * 1e6, most,
            sum(memory.disk_reads.values()) / meters["events"])


def compare(topics):
    rates, costs, memory = [], [], []
    for number in range(1, ROUNDS + 1):
        little = run(topics, number, LITTLE, SMALL_PREFIX, **SMALL)
        much = run(topics, number, MUCH, PREFIX)
        rates.append(much[0] / little[0])
        costs.append(little[1] / much[1])
        memory.append(much[2])
        print(f"  round {number}: little {little[0]:,.0f}/s {little[1]:.1f} µs, much {much[0]:,.0f}/s {much[1]:.1f} µs, "
              f"ratio {rates[-1]:.3f}, by processor time {costs[-1]:.3f}, memory {much[2]:.0f} MiB, {much[3]:.2f} pages an event from disk",
              flush=True)
    return statistics.median(rates), statistics.median(costs), max(memory)


# --- an access report ----------------------------------------------------------------------------------------------------

def report(topics):
    """Seconds for the report about a subject whose records came by the gateway, as all do; the audit knows each."""
    base = topics.end(PREFIX + "out.court")
    gateway = Gateway()
    feed("--records", str(SUBJECT_RECORDS), "--first", "900000000", "--subject", str(SUBJECT), "--round", "90")
    watch(topics, PREFIX + "out.court", SUBJECT_RECORDS, 120, base)
    with open(os.path.join(FOLDER, "run", "subject"), "w", encoding="ascii") as file:
        file.write(uscc(SUBJECT) + "\n")
    spans = []
    for _ in range(3):
        began = time.monotonic()
        out = subprocess.run([os.path.join(BIN, "xinqiao"), "subject", "--file", file.name, "--json", "--officer", "bench",
                              "--reason", "bench"], stdout=subprocess.PIPE, check=True).stdout
        spans.append(time.monotonic() - began)
        with open(os.path.join(FOLDER, "log", "subject.json"), "wb") as kept:
            kept.write(out)
        found = len(json.loads(out)["records"])
        print(f"  xinqiao subject: {found} records, {len(out):,} bytes in {spans[-1]:.2f} s", flush=True)
        if found < SUBJECT_RECORDS:
            raise SystemExit(f"the report names {found} of {SUBJECT_RECORDS} records")
    gateway.stop()
    return statistics.median(spans)


def uscc(number):
    """As made_events_subject has it."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    text = f"91450200{number:08d}"
    text += "0X987654321"[sum(w * int(c) for w, c in zip((3, 7, 9, 10, 5, 8, 4, 2), text[8:])) % 11]
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
    return text + alphabet[(31 - sum(w * alphabet.index(c) for w, c in zip(weights, text)) % 31) % 31]


def main():
    topics = Topics()
    make_small()
    first_rounds(topics)
    first_rounds(topics, SMALL_PREFIX, **SMALL)
    prove(topics)
    made, took_s = make_state(PREFIX + "state", "--records", str(MUCH))
    print(f"  {made['events']:,} records of state, {made['bytes'] / 1e9:.1f} GB, written in {took_s:.0f} s", flush=True)
    raw = read_raw()
    rate, rebuild_memory = rebuild(made["records"])
    figures.record(f"state: rebuilding {size_text()} records, records/s", rate, "records/s")
    figures.record("state: a plain consumer of xq.state, records/s", raw, "records/s")
    figures.record(f"state: rebuilding {size_text()}, ratio to a plain consumer", rate / raw, "", 0.5)
    figures.record("state: a worker's memory while rebuilding", rebuild_memory, "MiB", 300, True)
    rates, costs, memory = compare(topics)
    figures.record(f"state: events/s at {size_text()} to those at 10,000", rates, "", 0.75)
    figures.record(f"state: the same by processor time, {size_text()}", costs, "", 0.75)
    figures.record(f"state: a worker's memory at {size_text()}, beside page cache", memory, "MiB", 300, True)
    figures.record(f"state: xinqiao subject, 200 records among {size_text()}", report(topics), "s", 2, True)


if __name__ == "__main__":
    main()
