"""What does our `start_many` cost beside code written by hand, and beside other clients?

Each side starts ids on the same server, from opening its client to holding every answer, in a
fresh process for each round, and all sides take their turn in every round, so that a noisy
machine slows all of them alike.  What is told is the ratio to hand-written aiohttp within the
same round: its median, and from where to where it went.

CPU is user and system time of the client's process, all its threads.  Memory is the peak
beyond imports and ids.

    python benchmarks/start_many.py [--concurrency 50] [--loop uvloop] [--tls] [--rounds 5]
"""

from __future__ import annotations

from statistics import median

from _measure import Promises, about, spread
from _run import Options, fewer, parser, run, save
from _server import server
from _sides import TITLES, Taken

SIDES = (
    "ours",
    "ours-streamed",
    "ours-plain",
    "aiohttp",
    "aiohttp-msgspec",
    "pyreqwest",
    "official",
    "httpx",
)
LEAST = {"official": 6.0, "pyreqwest": 1.1, "aiohttp": 2.5}
"""How many times as fast as these we promise to be, at 50 at once on plain asyncio."""

WARM = 300


def main() -> None:
    """Measure and print."""
    asked = parser("What our start_many costs.", SIDES)
    asked.add_argument("--rounds", type=int, default=5, help="of all sides")
    asked.add_argument("--starts", type=int, default=10_000, help="of a fast side, in a round")
    chosen = asked.parse_args(namespace=Options())
    if chosen.quick:
        chosen.rounds, chosen.starts = 1, 200

    taken: dict[str, list[Taken]] = {side: [] for side in chosen.sides}
    with server(chosen.starts, tls=chosen.tls) as where:
        print(
            f"{about()}\n\n{chosen.concurrency} at once on {chosen.loop}, {where.name}"
            f"{' over TLS' if chosen.tls else ''}, median of {chosen.rounds} rounds (least-most)"
        )
        for number in range(chosen.rounds):
            # Who goes first changes, so that nobody always profits from who went before.
            for side in chosen.sides if number % 2 else reversed(chosen.sides):
                ids = fewer(side, chosen.starts)
                once = run(side, ids, where, chosen, warm=min(WARM, ids))
                taken[side].append(
                    Taken(once.wall / ids, once.cpu / ids, once.memory // ids, once.calls)
                )

    print(f"{'':42}{'starts/s':>9}{'x by hand':>19}{'CPU µs':>8}{'x by hand':>19}{'bytes':>8}")
    for side, rounds in taken.items():
        print(
            f"{TITLES[side]:42}{1 / median(one.wall for one in rounds):>9,.0f}"
            f"{_ratio(taken, side, 'wall'):>19}"
            f"{median(one.cpu for one in rounds) * 1e6:>8,.0f}{_ratio(taken, side, 'cpu'):>19}"
            f"{median(one.memory for one in rounds):>8,.0f}"
        )
    save(chosen, "start_many", taken)
    print()
    promises = Promises(quick=chosen.quick)
    for rival, least in LEAST.items():
        if "ours" not in taken or rival not in taken or chosen.quick:
            continue
        walls = zip(taken["ours"], taken[rival], strict=True)
        faster = [theirs.wall / own.wall for own, theirs in walls]
        print(f"our start_many is {spread(faster)} as fast as {TITLES[rival]}")
        if chosen.concurrency == 50 and chosen.loop == "asyncio":
            promises.reach(f"starts/s, x {TITLES[rival]}", median(faster), least, unit="x")
    if "ours" in taken and "aiohttp" in taken:
        cpus = zip(taken["ours"], taken["aiohttp"], strict=True)
        promises.hold(
            "CPU a start, x by hand", median(own.cpu / hand.cpu for own, hand in cpus), 0.45
        )
    promises.close()


def _ratio(taken: dict[str, list[Taken]], side: str, what: str) -> str:
    """Compare a side with hand-written code: how fast it is, or how much CPU it takes."""
    if "aiohttp" not in taken:
        return ""
    pairs = [
        (getattr(own, what), getattr(hand, what))
        for own, hand in zip(taken[side], taken["aiohttp"], strict=True)
    ]
    return spread([hand / own if what == "wall" else own / hand for own, hand in pairs])


if __name__ == "__main__":
    main()
