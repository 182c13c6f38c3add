"""The gateway against the limit: librdkafka alone, copying in transactions what the gateway writes for the same input."""
import statistics
import subprocess
import time

import figures
from exchange import (FOLDER, BOOTSTRAP, PREFIX, RECORDS, Gateway, Topics, broker_cpu_s, feed, json_of, memory_mib, program,
                      wait_for, watch)

OUTPUTS = ["out.court", "out.procurement", "out.website"]  # the bank follows a few customers: none of these events
OTHERS = ["state", "audit", "books"]
COMPACTED = ["raw.state", "raw.books"]
STAGES = ["gather", "decode", "validate", "reconcile", "authorise", "project", "books", "seal", "settle", "commit", "state"]
ROUNDS = 3
BATCH, LINGER_MS = 10000, 50  # the copier's, as the gateway's own are
WARM_UP = 200000  # a new broker doubles its speed within its first minute; these records are other ones


class Run:
    """One run of the gateway over what waits in the in topics."""

    def __init__(self, topics, records=RECORDS):
        self.records = records
        self.starts = {name: topics.ends(PREFIX + name) for name in OUTPUTS + OTHERS}
        cpu = broker_cpu_s()
        gateway = Gateway()
        first, last = watch(topics, PREFIX + "out.court", records, 240)
        self.rate = (last[0] - first[0]) / (last[1] - first[1])
        self.broker_cpu_s = broker_cpu_s() - cpu
        self.memory = [memory_mib(pid) for pid in gateway.workers()]
        gateway.stop()
        self.meters = gateway.meters()

    def cpu_an_event(self):
        return self.meters["process_cpu_s"] / self.records

    def shape(self, topics):
        """What it wrote: for each topic the records for each event, and their average size."""
        shape = {}
        for name in OUTPUTS + OTHERS:
            count, size = topics.measure(PREFIX + name, self.starts[name])
            shape[name] = (count / self.records, size)
        return shape


def copy(topics, shape, number, wanted=RECORDS):
    """Two processes of a group, as the gateway's workers are. Returns events a second and what they used."""
    cpu = broker_cpu_s()
    arguments = ["--bootstrap", BOOTSTRAP, "--group", "raw", "--in", ",".join(topics.in_topics()), "--batch",
                 str(BATCH), "--linger-ms", str(LINGER_MS)]
    for name, (rate, size) in shape.items():
        # The copier takes the key of its input, 16 bytes, of the size as well.
        arguments += ["--out", f"raw.{name}:{max(round(size) - 16, 1)}:{rate:.5f}" + (":leaf" if name in OUTPUTS else "")]
    workers = [program("raw_copier", *arguments, "--id", f"raw-{i}", log=f"raw-{number}", stdout=subprocess.PIPE)
               for i in range(2)]
    results = [json_of(worker) for worker in workers]
    read = sum(result["in"] for result in results)
    assert read >= wanted, f"the copier read {read} of {wanted} records"
    span_s = (max(result["last_ms"] for result in results) - min(result["first_ms"] for result in results)) / 1000
    return read / span_s, sum(result["cpu_s"] for result in results), broker_cpu_s() - cpu


def restart(topics, killed, number):
    """Seconds from the start of the process to the first new commit."""
    gateway = Gateway()
    wait_for("the gateway's workers", lambda: len(gateway.workers()) == 2, 20)
    time.sleep(8)
    if killed:
        gateway.kill()
    else:
        gateway.stop()
    feed("--records", "600", "--round", str(number))
    base = topics.end(PREFIX + "out.court")
    gateway = Gateway()
    wait_for("the first commit", lambda: topics.end(PREFIX + "out.court") > base, 120, 0.02)
    took_s = time.monotonic() - gateway.started
    time.sleep(3)
    gateway.stop()
    return took_s


def tell_stages(run):
    print(f"\n  {'stage':<12} {'µs/event':>9} {'share':>7}")
    events, total = run.meters["events"], run.meters["process_cpu_s"]
    named = 0
    for stage in STAGES:
        seconds = run.meters[f"{stage}_cpu_s"]
        named += seconds
        print(f"  {stage:<12} {seconds / events * 1e6:9.2f} {seconds / total:7.1%}")
    print(f"  {'librdkafka':<12} {(total - named) / events * 1e6:9.2f} {(total - named) / total:7.1%}   (its threads)")
    print(f"  {'gateway':<12} {total / events * 1e6:9.2f}   broker {run.broker_cpu_s / events * 1e6:.2f}\n", flush=True)


def main():
    topics = Topics()
    topics.create(["raw." + name for name in OUTPUTS + OTHERS], COMPACTED)
    feed("--records", str(WARM_UP), "--first", "100000000", "--round", "0")
    shape = Run(topics, WARM_UP).shape(topics)
    copy(topics, shape, 0, WARM_UP)
    runs, copies = [], []
    for number in range(1, ROUNDS + 1):
        fed = feed("--records", str(RECORDS), "--round", str(number))
        print(f"  round {number}: {fed['records']:,} events of {fed['bytes'] / fed['records']:.0f} bytes", flush=True)
        run = Run(topics)
        copies.append(copy(topics, shape, number))
        runs.append(run)
        print(f"  gateway {run.rate:,.0f}/s  copier {copies[-1][0]:,.0f}/s  ratio {run.rate / copies[-1][0]:.3f}", flush=True)
    for name, (rate, size) in shape.items():
        print(f"  {PREFIX + name:<18} {rate:7.4f} records an event, {size:6.0f} bytes")
    tell_stages(runs[0])
    copier = statistics.median(rate for rate, _, _ in copies)
    print(f"  the copier's processor time {copies[0][1] / RECORDS * 1e6:.2f} µs an event, its broker's "
          f"{copies[0][2] / RECORDS * 1e6:.2f}")
    figures.record("gateway: events/s, empty state", runs[0].rate, "events/s")
    figures.record("gateway: raw copier, events/s", copier, "events/s")
    figures.record("gateway: ratio to the raw copier (0.8 is the goal)",
                   statistics.median(run.rate / rate for run, (rate, _, _) in zip(runs, copies)), "", 0.6)
    figures.record("gateway: sealing's share of its processor time",
                   statistics.median(run.meters["seal_cpu_s"] / run.meters["process_cpu_s"] for run in runs), "", 0.1, True)
    figures.record("gateway: the books' share of its processor time",
                   statistics.median(run.meters["books_cpu_s"] / run.meters["process_cpu_s"] for run in runs), "", 0.02, True)
    # Each run against the copier beside it: what else the machine does meanwhile cancels out.
    ratios = [run.rate / rate for run, (rate, _, _) in zip(runs, copies)]
    figures.record("gateway: all updates, to the first run (by ratios)", statistics.median(ratios[1:]) / ratios[0], "", 0.85)
    figures.record("gateway: all updates, to the first run (by processor time)", runs[0].cpu_an_event() /
                   statistics.median(run.cpu_an_event() for run in runs[1:]), "", 0.85)
    figures.record("gateway: ratio to the copier by processor time, brokers in",
                   statistics.median((used + broker) / RECORDS for _, used, broker in copies) /
                   statistics.median(run.cpu_an_event() + run.broker_cpu_s / run.records for run in runs), "")
    figures.record("gateway: a worker's memory beside page cache",
                   max(memory["Anon"] + memory["Shmem"] for run in runs for memory in run.memory), "MiB", 300, True)
    figures.record("gateway: restart to first commit, stopped in order", restart(topics, False, ROUNDS + 1), "s", 3, True)
    figures.record("gateway: restart to first commit, killed", restart(topics, True, ROUNDS + 2), "s", 3, True)
    print(f"  logs: {FOLDER}/log")


if __name__ == "__main__":
    main()
