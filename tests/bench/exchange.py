"""The exchange under measurement: its processes, its topics, and the programs that fill and empty it."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

FOLDER = os.environ["XQ_FOLDER"]
BIN = os.path.join(os.environ["XQ_BUILD"], "bin")
BOOTSTRAP = os.environ["XQ_BOOTSTRAP"]
PREFIX = os.environ["XQ_PREFIX"]
CATALOGUE = os.environ["XQ_CATALOGUE"]
RECORDS = int(os.environ["XQ_BENCH_RECORDS"])
PARTITIONS = 6
TICKS = os.sysconf("SC_CLK_TCK")


def config(name):
    return os.path.join(FOLDER, "config", name)


def program(name, *arguments, log=None, **options):
    """Starts a program of the build; its standard error goes to FOLDER/log/<log>.log."""
    path = os.path.join(FOLDER, "log", (log or name) + ".log")
    with open(path, "ab") as file:
        return subprocess.Popen([os.path.join(BIN, name), *arguments], stderr=file, **options)


def json_of(process, limit_s=600):
    """The line of JSON that a measuring program ends with."""
    out, _ = process.communicate(timeout=limit_s)
    if process.returncode != 0:
        raise SystemExit(f"{process.args[0]} failed: see {FOLDER}/log")
    return json.loads(out)


MADE = ["--bootstrap", BOOTSTRAP, "--catalogue", CATALOGUE, "--pepper", os.path.join(FOLDER, "secret", "pepper"),
        "--partitions", str(PARTITIONS)]


def feed(*arguments):
    return json_of(program("bench_feed", *MADE, *arguments, stdout=subprocess.PIPE))


def make_state(topic, *arguments):
    """Two processes write what the gateway would have written; returns the sum of what they did and the seconds it took."""
    began = time.monotonic()
    makers = []
    for share in range(2):
        scratch = os.path.join(FOLDER, "state-scratch", str(share))
        os.makedirs(scratch, exist_ok=True)
        makers.append(program("bench_state", *MADE, "--to", topic, "--scratch", scratch, "--share", str(share),
                              "--shares", "2", *arguments, stdout=subprocess.PIPE))
    done = [json_of(maker, 3600) for maker in makers]
    shutil.rmtree(os.path.join(FOLDER, "state-scratch"))
    return {name: sum(one[name] for one in done) for name in done[0]}, time.monotonic() - began


def first_rounds(topics, prefix=PREFIX, **options):
    """Lets a gateway find an exchange without records, so that it owes nobody anything: else all that is put into xq.state behind its
    back would be due to everyone."""
    gateway = Gateway(**options)
    state = prefix + "state"
    wait_for("the first state", lambda: topics.end(state) > 0, 60)
    steady = [topics.end(state), time.monotonic()]

    def is_steady():
        if topics.end(state) != steady[0]:
            steady[:] = topics.end(state), time.monotonic()
        return time.monotonic() - steady[1] > 3

    wait_for("a quiet start", is_steady, 60)
    gateway.stop()


# --- topics ---------------------------------------------------------------------------------------------------------

class Topics:
    """Ends of topics, as a reader of committed records sees them."""

    def __init__(self):
        self.consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench", "isolation.level": "read_committed"})

    def end(self, topic):
        return sum(self.ends(topic).values())

    def create(self, names, compacted=()):
        admin = AdminClient({"bootstrap.servers": BOOTSTRAP})
        topics = [NewTopic(name, PARTITIONS, 1, config={"cleanup.policy": "compact"} if name in compacted else {})
                  for name in names]
        for future in admin.create_topics(topics).values():
            future.result()

    def in_topics(self):
        names = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench"}).list_topics(timeout=10).topics
        return sorted(name for name in names if name.startswith(PREFIX + "in."))

    def measure(self, topic, start):
        """Records, and average bytes (key, value, headers beyond the leaf's), from partition offsets `start` on. All of them: a batch
        holds one item after the other, so the first records are not like the rest."""
        reader = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "bench", "isolation.level": "read_committed",
                           "enable.partition.eof": True, "enable.auto.commit": False})
        reader.assign([TopicPartition(topic, p, start.get(p, 0)) for p in range(PARTITIONS)])
        ended, count, size = set(), 0, 0
        while len(ended) < PARTITIONS:
            for message in reader.consume(5000, 1.0):
                if message.error():
                    ended.add(message.partition())
                    continue
                count += 1
                size += len(message.key() or b"") + len(message.value() or b"")
                size += sum(len(name) + len(value) for name, value in message.headers() or () if name != "xq-leaf")
        reader.close()
        return count, size / max(count, 1)

    def ends(self, topic):
        return {p: self.end_of(topic, p) for p in range(PARTITIONS)}

    def end_of(self, topic, partition):
        for _ in range(120):
            try:
                return self.consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
            except KafkaException as error:  # a topic that was made just now has no leader for a moment
                if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                time.sleep(0.25)
        raise SystemExit(f"{topic} has no leader")


def watch(topics, topic, wanted, limit_s, start=None):
    """Waits until `topic` has grown by `wanted` records (markers come on top). Returns the growth and time at the first commit seen,
    and at the last."""
    base = topics.end(topic) if start is None else start
    first, last, seen = None, None, 0
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline and (last is None or time.monotonic() - last[1] < 20):
        grown, now = topics.end(topic) - base, time.monotonic()
        if grown > seen:
            first = first or (grown, now)
            last, seen = (grown, now), grown
        elif seen >= wanted and now - last[1] > 1.5:
            return first, last
        time.sleep(0.03)
    raise SystemExit(f"{topic} grew by {seen} of {wanted} in {limit_s} s: see {FOLDER}/log")


# --- processes ------------------------------------------------------------------------------------------------------

def children(pid):
    out = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout
    return [(int(line.split()[0]), line.split()[1]) for line in out.splitlines()]


def memory_mib(pid):
    """Resident MiB by kind: anonymous, shared memory, file (page cache)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        text = file.read()
    return {kind: int(re.search(rf"Rss{kind}:\s+(\d+)", text).group(1)) / 1024 for kind in ("Anon", "Shmem", "File")}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def broker_cpu_s():
    with open(os.path.join(FOLDER, "run", "kafka.pid"), encoding="utf-8") as file:
        return cpu_s(int(file.read()))


class Gateway:
    def __init__(self, log="gateway", settings="gateway.cfg", name="xinqiao-gateway"):
        self.log_path = os.path.join(FOLDER, "log", log + ".log")
        self.log_from = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        self.started = time.monotonic()
        self.process = program(name, "--config", config(settings), log=log)

    def workers(self):
        return [pid for pid, name in children(self.process.pid) if name == "xq-worker"]

    def lines(self):
        """What it has logged since its start."""
        with open(self.log_path, encoding="utf-8") as file:
            file.seek(self.log_from)
            return file.readlines()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)

    def kill(self):
        pids = [self.process.pid] + [pid for pid, _ in children(self.process.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)

    def meters(self):
        """The last meter line of each worker, added up; seconds by name."""
        lines = [line for line in self.lines() if "gateway meter" in line]
        last = {re.search(r"process=(\S+)", line).group(1): line for line in lines}
        total = {}
        for line in last.values():
            for name, value in re.findall(r"(\w+)=([\d.]+)(?=\s|$)", line):
                if name.endswith("_cpu_s") or name in ("batches", "events", "deliveries"):
                    total[name] = total.get(name, 0) + float(value)
        return total


def wait_for(what, condition, limit_s, pause_s=0.05):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {limit_s} s: see {FOLDER}/log")
        time.sleep(pause_s)
