"""What does a single `await bee.start(id)` cost beside one `session.post` and its `json()`?

Instructions of user code, counted by callgrind, as the difference of two runs.  Ours are with
everything switched on: the gate, the deadline, the retries, the checks of the answer.

    python benchmarks/one_call.py
"""

from __future__ import annotations

from _measure import Promises, about
from _run import Options, parser, save
from _server import server
from _sides import TITLES
from instructions import VALGRIND, costs_of

SIDES = ("ours-one", "aiohttp-one")


def main() -> None:
    """Count and print."""
    asked = parser("What a single call costs.", SIDES)
    asked.add_argument("--fewer", type=int, default=100, help="calls of the short run")
    asked.add_argument("--more", type=int, default=500, help="calls of the long run")
    chosen = asked.parse_args(namespace=Options())
    if VALGRIND is None:
        print("skipped: instructions are counted by valgrind, which is not installed")
        return
    if chosen.quick:
        chosen.fewer, chosen.more = 5, 10

    print(f"{about()}\n")
    with server(chosen.more, tls=chosen.tls) as where:
        costs = dict(costs_of(chosen.sides, where, chosen))
    for side, cost in costs.items():
        print(f"{TITLES[side]:44}{(cost.instructions or 0) / 1000:>8,.0f} k instructions")
    save(chosen, "one_call", costs)
    ours, theirs = (costs[side].instructions or 0 for side in SIDES)
    print()
    promises = Promises(quick=chosen.quick)
    promises.hold("instructions of one call, x by hand", ours / theirs, 0.45, unit="x")
    promises.close()


if __name__ == "__main__":
    main()
