"""The PostgreSQL source against Debezium under Kafka Connect: the same database, the same broker, the same rows, by turns."""
import datetime
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import threading
import time

import confluent_kafka

sys.path.insert(0, os.path.join(os.environ["XQ_ROOT"], "tests", "lib"))
import figures  # noqa: E402
from replication import PARTITIONS, TOPIC, World, free_port, wait_until  # noqa: E402

ROOT = pathlib.Path(os.environ["XQ_ROOT"])
FOLDER = pathlib.Path(os.environ["XQ_FOLDER"])
ROWS = int(os.environ["XQ_BENCH_RECORDS"])
UPDATES = ROWS // 5
COMMITS, COMMITS_A_SECOND = 300, 20
JARS = ROOT / "build" / "cache" / "debezium"
LIMIT_S = 900


def fetch(what, folder):
    """By Maven, once."""
    if (folder / "complete").exists():
        return
    subprocess.run(["mvn", "-q", "-B", "-ntp", "-f", ROOT / "tests" / "bench" / "debezium" / f"{what}.xml",
                    "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"], check=True)
    (folder / "complete").touch()


def status_of(pid, name):
    """MiB. RssAnon: of its own; VmRSS and VmHWM count the pages of mapped files too, which are the page cache's."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(next(line for line in file if line.startswith(name)).split()[1]) / 1024


class Counter:
    """How many records a topic has, markers of transactions included."""

    def __init__(self, bootstrap, topic):
        self.consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
        self.topic = topic

    def end(self):
        try:
            return sum(self.consumer.get_watermark_offsets(confluent_kafka.TopicPartition(self.topic, part), timeout=5)[1]
                       for part in range(PARTITIONS))
        except confluent_kafka.KafkaException:
            return 0  # not made yet

    def watch(self, count, start):
        """When the first and the last of `count` further records were there."""
        first = None
        deadline = time.monotonic() + LIMIT_S
        while True:
            now, end = time.monotonic(), self.end()
            if first is None and end > start:
                first = now
            if end >= start + count:
                return first, now
            if now > deadline:
                raise SystemExit(f"{self.topic}: {end - start} of {count} records within {LIMIT_S} s")
            time.sleep(0.02)


def moment_of(log, word):
    """Unix time of the first line with the word."""
    line = next(line for line in log.splitlines() if word in line)
    stamp = re.search(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)[.,](\d{3})", line)
    moment = datetime.datetime.strptime("{} {}.{} +0000".format(*stamp.groups()), "%Y-%m-%d %H:%M:%S.%f %z")
    return moment.timestamp()


class Ours:
    name, snapshots, follows = "xinqiao-adapter", "snapshot begins", "changes are followed"

    def __init__(self, world):
        self.world, self.process = world, None
        self.counter = Counter(world.env["XQ_BOOTSTRAP"], world.prefix + TOPIC)

    def start(self):
        self.since = len(self.world.said())
        self.world.start()
        self.pid = self.world.process.pid

    def stop(self):
        self.world.stop()

    def began(self, word):
        return moment_of(self.world.said()[self.since:], word)

    def wait_ready(self):
        self.world.wait_for_word(self.follows, self.since)


class Debezium:
    name, snapshots, follows = "Debezium", "Snapshot step 1", "Starting streaming"

    def __init__(self, world, poll_ms=None):
        self.world, self.process = world, None
        self.counter = Counter(world.env["XQ_BOOTSTRAP"], "dbz.public.penalty")
        self.log = FOLDER / "log" / "connect.log"
        self.poll_ms = poll_ms
        plugins = JARS / "plugins"
        fetch("connect", JARS / "connect")
        fetch("plugin", plugins / "postgres")
        (FOLDER / "connect").mkdir(exist_ok=True)
        self.worker, self.connector = FOLDER / "connect" / "worker.properties", FOLDER / "connect" / "connector.properties"
        self.write(self.worker, {
            "bootstrap.servers": world.env["XQ_BOOTSTRAP"], "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false", "offset.storage.file.filename": FOLDER / "connect" / "offsets",
            "offset.flush.interval.ms": "10000", "plugin.path": plugins, "listeners": f"http://127.0.0.1:{free_port()}"})

    @staticmethod
    def write(path, values):
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")

    def start(self):
        settings = {
            "name": "dbz", "connector.class": "io.debezium.connector.postgresql.PostgresConnector", "tasks.max": "1",
            "database.hostname": "127.0.0.1", "database.port": self.world.cluster.port, "database.user": "xinqiao",
            "database.password": "none", "database.dbname": "bureau", "topic.prefix": "dbz", "plugin.name": "pgoutput",
            "slot.name": "dbz", "publication.name": "xinqiao", "publication.autocreate.mode": "disabled",
            "table.include.list": "public.penalty", "snapshot.mode": "initial", "topic.creation.default.partitions": PARTITIONS,
            "topic.creation.default.replication.factor": 1}
        if self.poll_ms is not None:
            settings["poll.interval.ms"] = self.poll_ms
        self.write(self.connector, settings)
        self.since = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["java", "-Xms512m", "-Xmx2g", f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/log4j2.xml", "-cp",
                 f"{JARS}/connect/*", "org.apache.kafka.connect.cli.ConnectStandalone", self.worker, self.connector],
                stdout=log, stderr=log)
        self.pid = self.process.pid

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def said(self):
        return self.log.read_bytes()[self.since:].decode(errors="replace")

    def began(self, word):
        return moment_of(self.said(), word)

    def wait_ready(self):
        wait_until(lambda: self.follows in self.said(), "Debezium follows")


def snapshot(side):
    """Rows a second from the snapshot's beginning, as its log says, to the last row in the topic."""
    side.start()
    start = side.counter.end()
    _, last = side.counter.watch(ROWS, start)
    ended = time.time() - (time.monotonic() - last)
    rate = ROWS / (ended - side.began(side.snapshots))
    side.wait_ready()
    time.sleep(3)
    peak, own = status_of(side.pid, "VmHWM"), status_of(side.pid, "RssAnon")
    side.stop()
    return rate, peak, own


def catch_up(side):
    """Updates a second, which wait in the log when it starts, from the line that says that it follows to the last in the topic."""
    start = side.counter.end()
    side.start()
    _, last = side.counter.watch(UPDATES, start)
    ended = time.time() - (time.monotonic() - last)
    peak, own = status_of(side.pid, "VmHWM"), status_of(side.pid, "RssAnon")
    return UPDATES / (ended - side.began(side.follows)), peak, own


def latency(side, label):
    """Milliseconds from a commit's return to the record at a consumer of the topic, for single commits one after the other."""
    seen, done = {}, threading.Event()
    consumer = confluent_kafka.Consumer({"bootstrap.servers": side.world.env["XQ_BOOTSTRAP"], "group.id": "latency",
                                         "isolation.level": "read_committed", "enable.auto.commit": False,
                                         "fetch.wait.max.ms": 5})
    places = [confluent_kafka.TopicPartition(side.counter.topic, part) for part in range(PARTITIONS)]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place, timeout=10)[1]
    consumer.assign(places)
    mark = re.compile(rb"#" + label.encode() + rb"-(\d+)#")

    def read():
        while not done.is_set():
            message = consumer.poll(0.005)
            if message is not None and message.error() is None:
                for number in set(mark.findall(message.value())):
                    seen.setdefault(int(number), time.monotonic())

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(1)
    psql = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", side.world.cluster.connection()], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, bufsize=1)
    committed, began = {}, time.monotonic()
    for number in range(COMMITS):
        time.sleep(max(0.0, began + number / COMMITS_A_SECOND - time.monotonic()))
        psql.stdin.write(f"UPDATE penalty SET bz = '#{label}-{number}#' WHERE wsh = 'WS-{number + 1}' AND mc = '企业{(number + 1) % 50}';\n"
                         "\\echo done\n")
        psql.stdin.flush()
        psql.stdout.readline()
        committed[number] = time.monotonic()
    psql.stdin.close()
    psql.wait(10)
    wait_until(lambda: len(seen) == COMMITS, "the commits in the topic", 60)
    done.set()
    reader.join()
    consumer.close()
    passed = sorted((seen[number] - committed[number]) * 1000 for number in range(COMMITS))
    return statistics.median(passed), passed[int(COMMITS * 0.99)]


def main():
    world = World(FOLDER / "env", "bench", shared_buffers="'512MB'", logical_decoding_work_mem="'64MB'", wal_sender_timeout="'60s'")
    result = {}
    tuned = Debezium(world, poll_ms=5)
    sides = [Ours(world), Debezium(world)]
    try:
        for first in range(1, ROWS, 250000):
            world.insert(first, min(250000, ROWS - first + 1))
        world.cluster.sql("ANALYZE penalty; CHECKPOINT")
        for side in sides:
            rate, peak, own = snapshot(side)
            result[side.name] = {"snapshot": rate, "peak": peak, "own": own}
            print(f"  {side.name}: snapshot {rate:,.0f} rows/s, peak {peak:,.0f} MiB, {own:,.0f} MiB of its own", flush=True)
        world.cluster.sql(f"UPDATE penalty SET nr = nr || '（更正）', fk = fk + 1 WHERE substr(wsh, 4)::int <= {UPDATES}")
        world.cluster.sql("CHECKPOINT")
        for side in sides:
            rate, peak, own = catch_up(side)
            p50, p99 = latency(side, side.name)
            side.stop()
            result[side.name].update(catch_up=rate, p50=p50, p99=p99, peak=max(peak, result[side.name]["peak"]),
                                     own=max(own, result[side.name]["own"]))
            print(f"  {side.name}: catching up {rate:,.0f} updates/s, commit to topic p50 {p50:.1f} ms p99 {p99:.1f} ms, peak {peak:,.0f} MiB, "
                  f"{own:,.0f} MiB of its own", flush=True)
        tuned.start()
        tuned.wait_ready()
        time.sleep(3)
        p50, p99 = latency(tuned, "tuned")
        tuned.stop()
        print(f"  Debezium with poll.interval.ms = 5: commit to topic p50 {p50:.1f} ms p99 {p99:.1f} ms", flush=True)
    finally:
        for side in (*sides, tuned):
            if side.process is not None and side.process.poll() is None:
                side.process.kill()
        world.close()
        shutil.rmtree(FOLDER / "connect", ignore_errors=True)
    ours, theirs = result["xinqiao-adapter"], result["Debezium"]
    for name, side in (("replication", ours), ("Debezium", theirs)):
        figures.record(f"{name}: snapshot of {ROWS:,} rows x 20", side["snapshot"], "rows/s")
        figures.record(f"{name}: {UPDATES:,} updates from the log", side["catch_up"], "updates/s")
        figures.record(f"{name}: commit to topic, p50", side["p50"], "ms")
        figures.record(f"{name}: commit to topic, p99", side["p99"], "ms")
        figures.record(f"{name}: peak memory, mapped files included", side["peak"], "MiB")
        figures.record(f"{name}: memory of its own", side["own"], "MiB")
    figures.record("Debezium: commit to topic with poll.interval.ms 5, p50", p50, "ms")
    figures.record("Debezium: commit to topic with poll.interval.ms 5, p99", p99, "ms")
    figures.record("replication: ratio to Debezium, snapshot", ours["snapshot"] / theirs["snapshot"], "", 2)
    figures.record("replication: ratio to Debezium, updates", ours["catch_up"] / theirs["catch_up"], "", 2)
    figures.record("replication: ratio to Debezium, latency p50", ours["p50"] / theirs["p50"], "", 1, True)
    figures.record("replication: ratio to Debezium, latency p99", ours["p99"] / theirs["p99"], "", 1, True)
    figures.record("replication: ratio to Debezium, peak memory", ours["peak"] / theirs["peak"], "", 0.1, True)
    figures.record("replication: ratio to Debezium, memory of its own", ours["own"] / theirs["own"], "", 0.1, True)


if __name__ == "__main__":
    main()
