"""An adapter against the limit: librdkafka alone, writing in transactions the bytes that the adapter wrote."""
import os
import shutil
import signal
import statistics
import subprocess
import time

import figures
from exchange import BOOTSTRAP, FOLDER, PARTITIONS, PREFIX, RECORDS, Topics, config, cpu_s, json_of, program, wait_for, watch

FEED = "registration.basic"
TOPIC = PREFIX + "in.market." + FEED
FILES = 3


def generate(rows, seed):
    """A file of `rows` rows: CSV, GB18030, 20 columns, all good. The generator ends when its time does, so it is asked for more."""
    folder = os.path.join(FOLDER, "generated", str(seed))
    subprocess.run(["python3", os.path.join(os.environ["XQ_ROOT"], "tests", "generate"), "--records", str(rows * 6), "--seed",
                    str(seed), "--items", "market/" + FEED, "--dirty", "0", "--rows-per-file", str(rows), "--out", folder,
                    "--summary", os.path.join(FOLDER, "generated.json")], check=True)
    folder = os.path.join(folder, "market", FEED)
    path = os.path.join(folder, min(os.listdir(folder)))
    with open(path, "rb") as file:
        lines = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    if lines != rows + 1:
        raise SystemExit(f"tests/generate wrote {lines - 1} rows, {rows} are wanted")
    return path


def take(topics, adapter, path, rows):
    """One file into the inbox; rows a second from its rename, and from the first commit, to the last."""
    inbox = os.path.join(FOLDER, "inbox", "market", FEED)
    hidden = os.path.join(inbox, ".part")
    shutil.copyfile(path, hidden)
    with open(hidden, "rb") as file:
        os.fsync(file.fileno())
    start, cpu = topics.end(TOPIC), cpu_s(adapter.pid)
    began = time.monotonic()
    os.rename(hidden, os.path.join(inbox, f"{start}.csv"))
    first, last = watch(topics, TOPIC, rows, 200, start)
    return (rows / (last[1] - began), (last[0] - first[0]) / (last[1] - first[1]), (cpu_s(adapter.pid) - cpu) / rows * 1e6)


def replay(rows):
    result = json_of(program("bench_replay", "--bootstrap", BOOTSTRAP, "--from", TOPIC, "--to", "raw.in", "--partitions",
                             str(PARTITIONS), "--records", str(rows), stdout=subprocess.PIPE))
    return result["records"] / result["ms"] * 1000, result["cpu_s"] / rows * 1e6, result["bytes"] / rows


def main():
    topics = Topics()
    topics.create(["raw.in"])
    rows = RECORDS // FILES
    files = [generate(rows, seed) for seed in range(1, FILES + 1)]
    adapter = program("xinqiao-adapter", "--config", config("adapter-market.cfg"), log="adapter-market")
    try:
        wait_for("the adapter's inbox", lambda: os.path.isdir(os.path.join(FOLDER, "inbox", "market", FEED)), 30)
        time.sleep(2)
        pairs = []
        for path in files:
            taken, limit = take(topics, adapter, path, rows), replay(rows)
            pairs.append((taken, limit))
            print(f"  {os.path.getsize(path) / rows:.0f} bytes a row, events of {limit[2]:.0f}: adapter {taken[0]:,.0f}/s "
                  f"({taken[1]:,.0f}/s from its first commit, {taken[2]:.2f} µs of processor a row)  "
                  f"librdkafka alone {limit[0]:,.0f}/s ({limit[1]:.2f} µs)", flush=True)
        with open(f"/proc/{adapter.pid}/status", encoding="utf-8") as file:
            peak = int(next(line for line in file if line.startswith("VmHWM")).split()[1]) / 1024
    finally:
        adapter.send_signal(signal.SIGTERM)
        adapter.wait(30)
    figures.record("adapter: CSV GB18030, 20 columns, rows/s", statistics.median(t[0] for t, _ in pairs), "rows/s")
    figures.record("adapter: librdkafka alone, the same bytes", statistics.median(l[0] for _, l in pairs), "rows/s")
    figures.record("adapter: ratio to librdkafka alone", statistics.median(t[0] / l[0] for t, l in pairs), "", 0.5)
    figures.record("adapter: peak memory", peak, "MiB")


if __name__ == "__main__":
    main()
