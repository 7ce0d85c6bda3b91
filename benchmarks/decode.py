"""How fast is an answer read, beside the official SDK's models?

One instance, and a page of 200, both with every field, decoded over and over in interleaved
rounds in one process.

    python benchmarks/decode.py [--rounds 15]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter

from _measure import Promises, about, spread
from msgspec import json, to_builtins

from beeos_async import Instance
from beeos_async.emulator import Emulator
from beeos_async.models._base import Envelope, Page

OFTEN = {"instance": 2000, "page of 200": 10}
LEAST = {"instance": 6.0, "page of 200": 3.5}
"""How many times as fast we promise to be."""


def main() -> None:
    """Measure and print."""
    import beeos_sdk  # noqa: PLC0415 -- a third of a second, and only here

    parser = argparse.ArgumentParser(description="How fast an answer is read.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    parser.add_argument("--quick", action="store_true", help="see that it runs")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else chosen.rounds

    cloud = Emulator(instances=200)
    rows = [to_builtins(cloud.world.start(id)) for id in cloud.ids]
    one = json.encode({"success": True, "data": rows[0]})
    page = json.encode({"success": True, "data": rows, "total": 200, "page": 0, "pageSize": 200})
    ours: dict[str, Callable[[], object]] = {
        "instance": lambda: decode_one(one),
        "page of 200": lambda: decode_page(page),
    }
    decode_one = json.Decoder(Envelope[Instance]).decode
    decode_page = json.Decoder(Page[Instance]).decode
    theirs: dict[str, Callable[[], object]] = {
        "instance": lambda: beeos_sdk.InstanceResponse.from_json(one.decode()),
        "page of 200": lambda: beeos_sdk.InstancePageResponse.from_json(page.decode()),
    }

    print(f"{about()}\n")
    figures: dict[str, list[float]] = {}
    for what, often in OFTEN.items():
        own: list[float] = []
        official: list[float] = []
        for _ in range(rounds):
            own.append(timed(ours[what], often))
            official.append(timed(theirs[what], often))
        figures[what] = [slow / fast for slow, fast in zip(official, own, strict=True)]
        print(
            f"{what:14}{median(own) * 1e6:>10,.1f} µs ours{median(official) * 1e6:>10,.1f} µs"
            f" official, {spread(figures[what])} as fast"
        )
    if chosen.json is not None:
        chosen.json.write_bytes(json.format(json.encode({"decode": figures}), indent=1))
    print()
    promises = Promises(quick=chosen.quick)
    for what, least in LEAST.items():
        promises.reach(f"{what}, x the official models", median(figures[what]), least, unit="x")
    promises.close()


def timed(what: Callable[[], object], often: int) -> float:
    """Tell how many seconds one call takes."""
    began = perf_counter()
    for _ in range(often):
        what()
    return (perf_counter() - began) / often


if __name__ == "__main__":
    main()
