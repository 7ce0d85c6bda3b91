"""Outcomes and errors as lines of JSON, and back: what reports and journals are written in.

An error is its class by name and plain data; an instance is whole.  What a later version
may add to a line is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import msgspec
from msgspec import UNSET, Struct, UnsetType

from .. import errors
from ..errors import (
    APIError,
    BeeOSError,
    ConfigurationError,
    Delivered,
    GaveUp,
    Problem,
    TransportError,
    Trouble,
    WaitError,
)
from ..models.instances import Instance
from .outcomes import Failed, Kind, Outcome, Skipped, Succeeded, Tally, TimedOut, Unknown

L = TypeVar("L")


class UnreadableError(ValueError):
    """A line that is none of those expected here."""


class ErrorRecord(Struct, frozen=True, rename={"name": "class", "notes": "__notes__"}):
    """An error, written down."""

    name: str
    args: list[Any]
    # What a class sets for all and an error only sometimes stays unsaid where it does not.
    attempts: int | UnsetType = UNSET
    delivered: Delivered | UnsetType = UNSET
    gave_up: GaveUp | UnsetType | None = UNSET
    idempotency_key: str | UnsetType | None = UNSET
    notes: list[str] | UnsetType = UNSET


class Form(NamedTuple):
    """How the errors of one class are written down and read."""

    make: Callable[..., BeeOSError]
    """The class, or what builds one of it out of its arguments."""

    types: tuple[Any, ...] = ()
    """What its arguments are read as; plain data where nothing is said."""

    give: Callable[[Any], tuple[object, ...]] = lambda error: error.args
    """Gives its arguments: plain data, Structs, or errors."""


def learn(kind: type[BeeOSError], form: Form) -> None:
    """Let a class of errors be written down and read.

    Args:
        kind: The class.
        form: How.
    """
    _FORMS[kind] = form
    _KINDS[kind.__name__] = kind


_FORMS: Final[dict[type[BaseException], Form]] = {}
_KINDS: Final[dict[str, type[BeeOSError]]] = {}

for _kind in (getattr(errors, name) for name in errors.__all__ if name.endswith("Error")):
    if issubclass(_kind, APIError):
        learn(_kind, Form(_kind, (Problem,)))
    elif issubclass(_kind, TransportError):
        learn(_kind, Form(_kind, (Trouble,)))
    elif issubclass(_kind, WaitError):
        learn(_kind, Form(_kind, (str, Instance | None)))
    else:
        learn(_kind, Form(_kind))

_STATE: Final = ("attempts", "delivered", "gave_up", "idempotency_key", "__notes__")


class Lines(Generic[L]):
    """Writes and reads the lines of one kind of file, told apart by their `kind`."""

    def __init__(self, *others: type[Struct]) -> None:
        """Say what may stand there.

        Args:
            *others: What, besides outcomes; each tagged in the field `kind`.
        """
        self._others = others

    # Built at first use, like the decoders of the wire: most programs write nothing down.
    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[L]:
        return msgspec.json.Decoder(self._type, dec_hook=_read)

    @cached_property
    def _type(self) -> Any:
        kinds: Any = Succeeded[Instance | None] | Failed | TimedOut[Instance | None]
        for other in (Unknown, Skipped, *self._others):
            kinds = kinds | other
        return kinds

    def write(self, line: L) -> bytes:
        """Write one line, its end included."""
        try:
            return _encode(line) + b"\n"
        except UnicodeEncodeError:
            # What was given as an id need not be one: half a surrogate pair has no UTF-8.
            plain = msgspec.to_builtins(line, enc_hook=_write)
            return json.dumps(plain, separators=(",", ":")).encode() + b"\n"

    def read(self, line: bytes) -> L:
        """Read one line.

        Raises:
            UnreadableError: It is none.
        """
        try:
            return self._decoder.decode(line)
        except (ValueError, RecursionError) as error:
            if b"\\u" not in line:
                raise UnreadableError(str(error)) from None
        try:
            plain = json.loads(line)
            return cast("L", msgspec.convert(plain, self._type, dec_hook=_read))
        except (ValueError, RecursionError) as error:
            raise UnreadableError(str(error)) from None


class _Sum(Struct, frozen=True, tag_field="kind", tag="report"):
    """The first line of a report."""

    operation: str
    counts: dict[Kind, int]
    first_tries: int = 0
    duplicates: int = 0
    elapsed: float = 0.0
    fatal: BeeOSError | None = None
    already: int = 0


_REPORT: Final[Lines[Outcome[Any] | _Sum]] = Lines(_Sum)


def write_report(operation: str, outcomes: Iterable[Outcome[Any]], tally: Tally) -> str:
    """Write a report down.

    Args:
        operation: The operationId that was called for each id.
        outcomes: In order; none where they were not collected.
        tally: What was counted.
    """
    counts = dict(tally.counts)
    head = _Sum(
        operation,
        counts,
        tally.first_tries,
        tally.duplicates,
        tally.elapsed,
        tally.fatal,
        tally.already,
    )
    return b"".join(map(_REPORT.write, (head, *outcomes))).decode()


def read_report(text: str | bytes) -> tuple[str, dict[str, Outcome[Any]], Tally]:
    """Read what `write_report` has written.

    Args:
        text: The lines.

    Returns:
        The operationId, the outcomes by id, and what was counted.

    Raises:
        ConfigurationError: A line is none of a report; it says which.
    """
    # Lines end in one way alone: what else ends a line for Python may stand in a name.
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    head = _Sum("", {})
    outcomes: dict[str, Outcome[Any]] = {}
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            read = _REPORT.read(line)
        except UnreadableError as error:
            msg = f"line {number} is none of a report: {error}"
            raise ConfigurationError(msg) from None
        if isinstance(read, _Sum):
            head = read
        else:
            outcomes[read.id] = read
    tally = Tally.of(outcomes.values())
    if not outcomes or tally.counts == head.counts:
        tally.counts, tally.first_tries = head.counts, head.first_tries
        tally.already = head.already
    tally.duplicates, tally.elapsed, tally.fatal = head.duplicates, head.elapsed, head.fatal
    return head.operation, outcomes, tally


def _write(value: object) -> object:
    """Write down what msgspec does not know."""
    if not isinstance(value, BeeOSError):
        # The words of a foreign thing in an error's arguments are what can be kept of it.
        return str(value)
    # A class of the user's own is written down as the one of ours that it is.
    kind = next(one for one in type(value).__mro__ if one in _FORMS)
    said = vars(value)
    state = {key.strip("_"): said[key] for key in _STATE if key in said}
    return ErrorRecord(name=kind.__name__, args=list(_FORMS[kind].give(value)), **state)


def _read(kind: type, value: object) -> object:
    """Read an error; one of a class that is not known here keeps its words."""
    if kind is not BeeOSError:
        # `object`, which msgspec asks about too, is anything.
        return value
    record = msgspec.convert(value, ErrorRecord)
    known = _KINDS.get(record.name)
    if known is None:
        error = BeeOSError(f"{record.name}: {record.args}")
    else:
        form = _FORMS[known]
        types = form.types + (Any,) * (len(record.args) - len(form.types))
        error = form.make(
            *(
                msgspec.convert(arg, as_what, dec_hook=_read)
                for arg, as_what in zip(record.args, types, strict=False)
            )
        )
    for key in _STATE:
        if (told := getattr(record, key.strip("_"))) is not UNSET:
            setattr(error, key, told)
    return error


_encode: Final = msgspec.json.Encoder(enc_hook=_write).encode
