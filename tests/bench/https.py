"""The https sink against the reference receiver's own limit: the agent drains a topic into docs/recipes/receiver.py; then a load generator posts the
very same requests to the same receiver, whose store stands as before, over as many connections as there are partitions, each as soon as the one
before it is answered. Deliveries a second from the first request's beginning to the last one's end, as the receiver sees them."""
import http.client
import glob
import gzip
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import ssl
import statistics
import subprocess
import sys
import threading
import urllib.parse

import figures
from exchange import FOLDER, PARTITIONS, PREFIX, RECORDS, Gateway, Topics, config, cpu_s, feed, program, wait_for, watch

EVENTS = min(RECORDS, 400000)
ROUNDS = 3
TOPIC = PREFIX + "out.tender"
ADDRESS = os.environ["XQ_TENDER_ADDRESS"]
CERTIFICATES = os.environ["XQ_CERTIFICATES"]
HERE = pathlib.Path(__file__).resolve().parent
STORE, SPARE, RECORD = (os.path.join(FOLDER, "receivers", name) for name in ("bench.sqlite", "spare.sqlite", "requests"))
TIMES = os.path.join(FOLDER, "receivers", "times")


def copy_store(source, target):
    for path in glob.glob(target + "*"):
        os.remove(path)
    for path in glob.glob(source + "*"):
        shutil.copy(path, target + path[len(source):])


class Receiver:
    def __init__(self, store, record=None):
        where = urllib.parse.urlsplit(ADDRESS)
        with open(os.path.join(FOLDER, "log", "recorder.log"), "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, HERE / "recorder.py", "--times", TIMES, *(("--record", record) if record else ()), "--listen", where.netloc,
                 "--certificate", f"{CERTIFICATES}/server.pem", "--private-key", f"{CERTIFICATES}/server.key", "--authority", f"{CERTIFICATES}/ca.pem",
                 "--keys", os.environ["XQ_KEYS"], "--exchange", exchange_name(), "--topic", TOPIC, "--store", store], stdout=log, stderr=log)
        wait_for("the receiver", self.listens, 30)

    @staticmethod
    def listens():
        where = urllib.parse.urlsplit(ADDRESS)
        try:
            connect(where).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        with open(TIMES, encoding="ascii") as file:
            spans = [tuple(map(float, line.split())) for line in file]
        return max(end for _, end in spans) - min(begin for begin, _ in spans), len(spans)


def exchange_name():
    with open(os.environ["XQ_CATALOGUE"], encoding="utf-8") as file:
        return next(line.split('"')[1] for line in file if line.startswith("exchange = "))


def connect(where):
    context = ssl.create_default_context(cafile=f"{CERTIFICATES}/ca.pem")
    context.load_cert_chain(f"{CERTIFICATES}/tender-agent.pem", f"{CERTIFICATES}/tender-agent.key")
    connection = http.client.HTTPSConnection(where.hostname, where.port, context=context, timeout=120)
    connection.connect()
    return connection


def taken(store):
    try:
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
            return database.execute("SELECT coalesce(sum(size), 0) FROM log").fetchone()[0]
    except sqlite3.OperationalError:  # it is not there yet
        return 0


def drain(wanted):
    """Deliveries a second, and µs of the agent's processor a delivery."""
    before = taken(STORE)
    os.makedirs(RECORD)
    receiver = Receiver(STORE, RECORD)
    agent = program("xinqiao-agent", "--config", config("agent-tender.cfg"), log="agent-tender")
    wait_for("the agent", lambda: taken(STORE) - before >= wanted, 600, 0.3)
    used = cpu_s(agent.pid)
    agent.terminate()
    agent.wait(60)
    span_s, requests = receiver.stop()
    return wanted / span_s, used / wanted * 1e6, requests


def requests_by_log():
    """{log: [(headers, body)…]} in order, each once."""
    found, seen = {}, set()
    for path in sorted(pathlib.Path(RECORD).glob("*.json")):
        headers, body = json.loads(path.read_text()), path.with_suffix(".body").read_bytes()
        if headers["Idempotency-Key"] in seen:
            continue
        seen.add(headers["Idempotency-Key"])
        plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
        found.setdefault(json.loads(plain)[-1]["data"]["log"], []).append((headers, body))
    return found


def post(requests, failures):
    where = urllib.parse.urlsplit(ADDRESS)
    connection = connect(where)
    for headers, body in requests:
        connection.request("POST", "/deliveries", body, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(answer.status)
            return


def load(wanted):
    """The same, by the load generator."""
    logs, failures = requests_by_log(), []
    receiver = Receiver(SPARE)
    threads = [threading.Thread(target=post, args=(requests, failures)) for requests in logs.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    span_s, _ = receiver.stop()
    if failures:
        raise SystemExit(f"the receiver answered {failures[0]}: see {FOLDER}/log/recorder.log")
    return wanted / span_s


def fill(topics, number):
    """Deliveries that wait: the leaves, not the markers."""
    base = topics.ends(TOPIC)
    feed("--records", str(EVENTS), "--round", str(number))
    gateway = Gateway()
    watch(topics, PREFIX + "out.court", EVENTS, 240)
    gateway.stop()
    return topics.measure(TOPIC, base)[0]


def main():
    topics, ratios, ours = Topics(), [], []
    for number in range(1, ROUNDS + 1):
        wanted = fill(topics, number)
        copy_store(STORE, SPARE)
        drained, used, requests = drain(wanted)
        limit = load(wanted)
        shutil.rmtree(RECORD)
        ratios.append(drained / limit)
        ours.append(drained)
        print(f"  round {number}: {wanted:,} deliveries in {requests:,} requests, agent {drained:,.0f}/s ({used:.0f} µs of its processor each), load "
              f"generator over {PARTITIONS} connections {limit:,.0f}/s, ratio {ratios[-1]:.3f}", flush=True)
    figures.record("https: agent into the reference receiver, deliveries/s", statistics.median(ours), "deliveries/s")
    figures.record("https: ratio to a load generator on the same receiver", statistics.median(ratios), "", 0.7)


if __name__ == "__main__":
    main()
