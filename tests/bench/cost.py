"""What audit and books cost: the gateway against the same program linked without them (tests/programs/bench_bare.c), by turns.

Holders have no switch: they are 8 bytes of each record's entry and a bit set where a delivery is decided. Their dear part, the chain of
audit records that each entry points to and must wait for, is what the bare gateway leaves out."""
import statistics

import figures
from exchange import PREFIX, RECORDS, Gateway, Topics, broker_cpu_s, feed, first_rounds, watch

UPDATES = min(RECORDS, 300000)
ROUNDS = 5


def run(topics, number, name):
    """Events a second, and processor time an event in µs: the gateway's, and with the broker's."""
    feed("--records", str(UPDATES), "--round", str(number))
    broker = broker_cpu_s()
    gateway = Gateway(log=name, name=name)
    first, last = watch(topics, PREFIX + "out.court", UPDATES, 240)
    broker = broker_cpu_s() - broker
    gateway.stop()
    meters = gateway.meters()
    used = meters["process_cpu_s"] / meters["events"] * 1e6
    return (last[0] - first[0]) / (last[1] - first[1]), used, used + broker / meters["events"] * 1e6


def main():
    topics = Topics()
    first_rounds(topics)
    run(topics, 1, "xinqiao-gateway")
    rates, costs, all_costs = [], [], []
    for number in range(1, ROUNDS + 1):
        bare = run(topics, 2 * number, "bench_bare")
        whole = run(topics, 2 * number + 1, "xinqiao-gateway")
        rates.append(1 - whole[0] / bare[0])
        costs.append(1 - bare[1] / whole[1])
        all_costs.append(1 - bare[2] / whole[2])
        print(f"  round {number}: bare {bare[0]:,.0f}/s {bare[1]:.2f} µs, whole {whole[0]:,.0f}/s {whole[1]:.2f} µs, cost {rates[-1]:.1%} "
              f"of throughput, {costs[-1]:.1%} of processor time, {all_costs[-1]:.1%} with the broker's", flush=True)
    figures.record("cost: audit, books and the holders' chain, of throughput", statistics.median(rates), "", 0.2, True)
    figures.record("cost: the same, of the gateway's processor time", statistics.median(costs), "", 0.2, True)
    figures.record("cost: the same, of the gateway's and the broker's", statistics.median(all_costs), "", 0.2, True)


if __name__ == "__main__":
    main()
