"""Do both transports tell the same story of whatever a server says?

Makes up answers that are plain, nearly plain, or anything at all, torn into pieces and ended
in all ways, and shows each to the leased and to the plain transport.  A difference is printed
with its number, and is found again by it.

    python benchmarks/same_story.py [--scripts 25000] [--first 0]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from random import Random

from _measure import HERE

sys.path.insert(0, str(HERE.parent / "tests"))

from stories import answers, same


def main() -> None:
    """Look for a difference."""
    parser = argparse.ArgumentParser(description="Whether both transports tell the same.")
    option = parser.add_argument
    option("--scripts", type=int, default=25_000, help="how many answers to make up")
    option("--quick", action="store_true", help="see that it runs")
    option("--first", type=int, default=0, help="the number of the first one")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.scripts = 50
    for number in range(chosen.first, chosen.first + chosen.scripts):
        # The same number makes up the same answer, and nobody gains by guessing it.
        chance = Random(number)  # noqa: S311 -- as said
        script = answers(chance.choice, chance.randint)
        try:
            asyncio.run(same(script))
        except AssertionError as difference:
            sys.exit(f"number {number}: {script}\n{difference}")
    print(f"{chosen.scripts:,} answers, and both transports tell the same of each")


if __name__ == "__main__":
    main()
