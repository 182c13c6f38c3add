"""What audit and books cost: the gateway against the same program linked without them (tests/programs/bench_bare.c), by turns.

Holders have no switch: they are 8 bytes of each record's entry and a bit set where a delivery is decided. Their dear part, the chain of
audit records that each entry points to and must wait for, is what the bare gateway leaves out."""
import statistics

import figures
from exchange import PREFIX, RECORDS, Gateway, Topics, feed, first_rounds, watch

UPDATES = min(RECORDS, 300000)
ROUNDS = 5


def run(topics, number, name):
    """Events a second, and processor time an event in µs."""
    feed("--records", str(UPDATES), "--round", str(number))
    gateway = Gateway(log=name, name=name)
    first, last = watch(topics, PREFIX + "out.court", UPDATES, 240)
    gateway.stop()
    meters = gateway.meters()
    return (last[0] - first[0]) / (last[1] - first[1]), meters["process_cpu_s"] / meters["events"] * 1e6


def main():
    topics = Topics()
    first_rounds(topics)
    run(topics, 1, "xinqiao-gateway")
    rates, costs = [], []
    for number in range(1, ROUNDS + 1):
        bare = run(topics, 2 * number, "bench_bare")
        whole = run(topics, 2 * number + 1, "xinqiao-gateway")
        rates.append(1 - whole[0] / bare[0])
        costs.append(1 - bare[1] / whole[1])
        print(f"  round {number}: bare {bare[0]:,.0f}/s {bare[1]:.2f} µs, whole {whole[0]:,.0f}/s {whole[1]:.2f} µs, "
              f"cost {rates[-1]:.1%} of throughput, {costs[-1]:.1%} of processor time", flush=True)
    figures.record("cost: audit, books and the holders' chain, of throughput", statistics.median(rates), "", 0.2, True)
    figures.record("cost: the same, of the gateway's processor time", statistics.median(costs), "", 0.2, True)


if __name__ == "__main__":
    main()
