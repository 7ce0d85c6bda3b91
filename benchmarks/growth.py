"""Does a start cost the same at a thousand ids and at a million?

Streams ids with `start_stream(collect=False)` and keeps nothing; each figure is the median of
fresh processes.  CPU is user and system time of the client; memory is the peak beyond imports
and ids that are there from the beginning, of which a list of a million has many.

    python benchmarks/growth.py [--rounds 3] [--sizes 1000 10000 100000 1000000]
"""

from __future__ import annotations

from statistics import median

from _measure import Promises, about
from _run import Options, parser, run, save
from _server import server
from _sides import Taken

SIZES = [1000, 10_000, 100_000, 1_000_000]
WARM = 300
ENOUGH = 200_000
"""Starts of one size that are enough, all rounds together: more rounds of the small ones."""


def main() -> None:
    """Measure and print."""
    asked = parser("What a start costs as fleets grow.", ("ours-streamed", "ours"))
    asked.add_argument("--rounds", type=int, default=3, help="of the largest size, at least")
    asked.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    chosen = asked.parse_args(namespace=Options())
    sizes: list[int] = [200, 1000] if chosen.quick else chosen.sizes
    side = chosen.sides[0]

    print(f"{about()}\n")
    taken: dict[int, list[Taken]] = {}
    with server(max(sizes)) as where:
        for size in sizes:
            rounds = 1 if chosen.quick else max(chosen.rounds, min(15, ENOUGH // size))
            taken[size] = [run(side, size, where, chosen, warm=WARM) for _ in range(rounds)]
            cpu = median(one.cpu for one in taken[size]) / size
            memory = median(one.memory for one in taken[size])
            print(
                f"{size:>10,} ids{cpu * 1e6:>10,.1f} µs CPU/start{memory / 2**20:>10,.2f} MiB"
                f"{memory / size:>12,.1f} bytes/id",
                flush=True,
            )
    save(chosen, "growth", {str(size): rounds for size, rounds in taken.items()})
    least, most = min(sizes), max(sizes)
    grown = median(one.memory for one in taken[most]) - median(one.memory for one in taken[least])
    cpus = {size: median(one.cpu for one in taken[size]) / size for size in sizes}
    print(f"\nfrom {least:,} to {most:,} ids: {grown / 2**20:+.2f} MiB")
    promises = Promises(quick=chosen.quick)
    promises.hold("bytes for each further id", grown / (most - least), 100)
    promises.hold("CPU a start, x that of the fewest", max(cpus.values()) / cpus[least], 1.05)
    promises.close()


if __name__ == "__main__":
    main()
