"""What the bulk methods of a client can be told: each option is said here, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Generic, TypedDict, TypeVar

from .outcomes import Outcome

T = TypeVar("T")


class FleetOptions(TypedDict, Generic[T], total=False):
    """What every bulk method can be told; all of it is optional.

    Attributes:
        max_concurrency: How many ids at once, in this run; the client's own bound holds in
            any case.
        deadline: Seconds for the whole run; then the report says what is done and what is not.
        max_failures: How many ids may fail, time out or stay unknown, or which share of the
            distinct ids, rounded down (0.05; needs a sized collection), before the run
            launches nothing more; the rest is `Skipped("max_failures")`.
        on_outcome: Called, and awaited where it is async, once for each outcome, and
            never cut short, not even by the deadline; if it raises, the run launches nothing
            more and the error is raised with `.report`.
        journal: A file in which is written down what was sent and what came of it, so that a
            run that was cut short goes on where it ended, when it is called again with the
            same journal: also after its process was killed.  See `start_many`.

    Example:
        ```python
        careful: FleetOptions[Instance] = {"max_concurrency": 4, "max_failures": 0.05}
        report = await bee.start_many(ids, wait="online", **careful)
        ```
    """

    max_concurrency: int | None
    deadline: float | None
    max_failures: float | None
    on_outcome: Callable[[Outcome[T]], object] | None
    journal: str | os.PathLike[str] | None


class StreamOptions(FleetOptions[T], total=False):
    """What every bulk method that gives a `FleetRun` can be told: all of `FleetOptions`, and this.

    Attributes:
        collect: Whether the report keeps the outcomes, as it does where nothing is said.
            Without, it only counts, ids are taken to be distinct, and memory does not grow
            with their number; of those that are accepted, no more than 10,000 are waited for
            at once.

    Example:
        ```python
        lean: StreamOptions[Instance] = {"collect": False, "max_concurrency": 16}
        async with bee.start_stream((id for id in ids), **lean) as run:
            await run.wait()
        print(run.report.counts)  # {'succeeded': 20}
        ```
    """

    collect: bool


def check_options(method: str, given: Mapping[str, object], *own: str) -> None:
    """Refuse an option that there is not, in the name of the method that was called.

    Args:
        method: Its name.
        given: What it was given.
        *own: The options it has besides those of all.

    Raises:
        TypeError: There is no such option; it names those there are.
    """
    kind = StreamOptions if method.endswith("_stream") else FleetOptions
    known = [*own, *kind.__annotations__]
    for name in given:
        if name not in kind.__optional_keys__:
            from difflib import get_close_matches  # noqa: PLC0415 -- only a mistake needs it

            near = get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}? " if near else ""
            msg = f"{method}() has no option {name!r}; {meant}there are {', '.join(known)}"
            raise TypeError(msg)
