"""What does a journal save from a process that is killed, and what does it cost?

A fleet of instances is started by a process that says of each what became of it as soon as it
knows.  It is killed (kill -9) at a random moment, and another one goes on with the same
journal, twenty times; the last one may finish.  The server calls it a conflict (409) when an
instance is started that is started already, so one that had succeeded and was started again
would show.

    python benchmarks/journal.py [--kills 20] [--starts 5000] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import Promises, about, emulator, told_by
from _sides import KEY

from beeos_async import AsyncBeeOS, FleetReport, Instance
from beeos_async.emulator import instance_ids

CONCURRENCY = 16
LATENCY = 0.02


def main() -> None:
    """Kill, count and print; or be the one who is killed."""
    parser = argparse.ArgumentParser(description="What a journal saves and costs.")
    option = parser.add_argument
    option("--kills", type=int, default=20, help="how often the process is killed")
    option("--starts", type=int, default=5000, help="how many ids")
    option("--seed", type=int, default=None, help="of the moments; else another each time")
    option("--quick", action="store_true", help="3 kills, 1,000 ids")
    option("--victim", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.victim:
        asyncio.run(be_killed(*chosen.victim))
        return
    if chosen.quick:
        chosen.kills, chosen.starts = 3, 1000

    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed  # noqa: S311
    print(f"{about()}\nseed {seed}")
    promises = Promises()
    with tempfile.TemporaryDirectory() as folder:
        kill(promises, Path(folder), chosen.kills, chosen.starts, random.Random(seed))  # noqa: S311
        cost(Path(folder), min(chosen.starts, 2000))
    promises.close()


def kill(promises: Promises, folder: Path, kills: int, starts: int, chance: random.Random) -> None:
    """Start a fleet by processes that are killed, and then to its end."""
    ids = instance_ids(starts)
    journal, told = folder / "run.jsonl", folder / "told.txt"
    # Long enough that the last of them still has something to do.
    longest = 1.6 * starts / CONCURRENCY * LATENCY / (kills + 1)
    lost = killed = 0
    with emulator(starts, "--latency", str(LATENCY), "--strict") as url:
        for _ in range(kills):
            told.touch()
            before = told.stat().st_size
            command = [sys.executable, __file__, "--victim", url, str(journal), str(told)]
            with subprocess.Popen([*command, str(starts)]) as victim:
                while told.stat().st_size == before and victim.poll() is None:
                    time.sleep(0.005)
                time.sleep(chance.uniform(0.0, longest))
                killed += victim.poll() is None
                victim.send_signal(signal.SIGKILL)
        acknowledged = set(told.read_text().split())
        half_way = told_by(url)
        report = asyncio.run(finish(url, ids, journal))
        at_last = told_by(url)
    kept = {one.id for one in report.succeeded}
    lost = len(acknowledged - kept)
    answers = at_last["answers"]
    print(
        f"\n{starts:,} starts, killed {killed} times: {len(acknowledged):,} acknowledged before "
        f"the last run\n  {report}"
    )
    promises.hold("acknowledged and lost", lost, 0)
    promises.hold("started again although started", answers["startInstance"].get("409", 0), 0)
    promises.hold("ids without success in the last report", starts - len(kept), 0)
    promises.hold("took effect twice", sum(n > 1 for n in at_last["effects"].values()), 0)
    looks = sum(answers.get("getInstance", {}).values())
    promises.hold("looks a kill", looks / max(1, killed), CONCURRENCY)
    asked = at_last["requests"] - half_way["requests"]
    promises.hold("requests of the last run", asked, starts - len(acknowledged) + 2 * CONCURRENCY)
    promises.hold("kills that came too late", kills - killed, kills // 2)


def cost(folder: Path, starts: int) -> None:
    """Time a fleet with a journal and without, in turns; and the lines alone."""
    ids = instance_ids(starts)
    times: dict[bool, list[float]] = {True: [], False: []}
    with emulator(starts) as url:
        for number in range(6):
            for journal in (True, False) if number % 2 else (False, True):
                path = folder / f"cost-{number}.jsonl" if journal else None
                begin = time.perf_counter()
                asyncio.run(finish(url, ids, path))
                if number:
                    times[journal].append(time.perf_counter() - begin)
    ratios = [own / bare for own, bare in zip(times[True], times[False], strict=True)]
    middle = sorted(ratios)[len(ratios) // 2]
    line = b'{"kind":"succeeded","id":"inst","instance":' + b"x" * 1600 + b"}\n"
    file = os.open(folder / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    begin = time.perf_counter()
    for _ in range(20_000):
        os.write(file, line)
    raw = 20_000 / (time.perf_counter() - begin)
    os.close(file)
    written = folder / "cost-1.jsonl"
    lines = written.read_bytes().count(b"\n")
    per_second = journal_lines(written)
    print(
        f"\n{starts:,} starts take {middle:.2f} x the time with a journal of {lines:,} lines\n"
        f"lines a second: {per_second:,.0f} through the journal, {raw:,.0f} by os.write alone"
    )


def journal_lines(written: Path) -> float:
    """Write what one run wrote once more, as fast as can be; give the lines a second."""
    from beeos_async._checks import Key  # noqa: PLC0415 -- a back room, for this figure alone
    from beeos_async.fleet.journal import Journal  # noqa: PLC0415 -- likewise
    from beeos_async.fleet.records import Lines  # noqa: PLC0415 -- likewise
    from beeos_async.fleet.steps import Sent  # noqa: PLC0415 -- likewise

    reader: Lines[object] = Lines(Sent)
    outcomes = [
        reader.read(line) for line in written.read_bytes().splitlines() if b'"succeeded"' in line
    ]
    journal = Journal(str(written) + ".again", "startInstance", None, "http://127.0.0.1", Key(KEY))
    journal.open()
    begin = time.perf_counter()
    for one in outcomes:
        journal.sent("inst-of-a-usual-length")
        journal.outcome(one)  # type: ignore[arg-type]
    taken = time.perf_counter() - begin
    journal.close()
    return 2 * len(outcomes) / taken


async def finish(url: str, ids: list[str], journal: Path | None) -> FleetReport[Instance]:
    """Start them all, and go on where a journal says that it ended."""
    async with AsyncBeeOS(KEY, base_url=url, max_concurrency=CONCURRENCY) as bee:
        return await bee.start_many(ids, journal=journal)


async def be_killed(url: str, journal: str, told: str, starts: str) -> None:
    """Start them, and write down each id as soon as its outcome is told."""
    file = os.open(told, os.O_WRONLY | os.O_APPEND)
    async with (
        AsyncBeeOS(KEY, base_url=url, max_concurrency=CONCURRENCY) as bee,
        bee.start_stream(instance_ids(int(starts)), journal=journal) as run,
    ):
        async for outcome in run:
            os.write(file, f"{outcome.id}\n".encode())


if __name__ == "__main__":
    main()
