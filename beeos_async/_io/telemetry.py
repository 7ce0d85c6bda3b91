"""Spans and metrics for OpenTelemetry, where the program has set a provider for them.

It speaks to the API of `opentelemetry-api` alone and follows the semantic conventions for
HTTP clients: a span for each call, whatever it takes, one for each fleet around them, and
the duration of each request.  Keys, headers, bodies, and what errors quote of them, stay out.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from .._protocol.endpoint import Endpoint
from .._version import __version__
from ..errors import BeeOSError
from .call import Call
from .caller import Caller

T = TypeVar("T")

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds; those of the semantic conventions."""

SCHEMA: Final = "https://opentelemetry.io/schemas/1.30.0"
"""Which version of the semantic conventions gives the names their meaning."""

_APIS: Final = ("opentelemetry.trace", "opentelemetry.metrics")
"""Where the providers live that do nothing, or wait for one that does something."""


def caller_class() -> type[Caller]:
    """Choose what makes the calls of a client: one that tells of them, if anybody listens."""
    # Whoever has set a provider has imported it.
    if "opentelemetry" not in sys.modules:
        return Caller
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 -- an extra
    except ImportError:
        # Some other distribution of that family is there, and not this one.
        return Caller
    providers = (trace.get_tracer_provider(), metrics.get_meter_provider())
    idle = all(type(provider).__module__.startswith(_APIS) for provider in providers)
    return Caller if idle else TracedCaller


class TracedCaller(Caller):
    """Makes calls, and tells of them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Ask the providers for what is told to.

        Args:
            *args: As for `Caller`.
            **options: Likewise.
        """
        super().__init__(*args, **options)
        from opentelemetry import metrics, trace  # noqa: PLC0415 -- an extra

        parts = urlsplit(self.base_url)
        self.tells = True
        self._api = trace
        self._tracer = trace.get_tracer("beeos_async", __version__, schema_url=SCHEMA)
        meter = metrics.get_meter("beeos_async", __version__, schema_url=SCHEMA)
        self._durations = meter.create_histogram(
            "http.client.request.duration",
            "s",
            "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._outcomes = meter.create_counter(
            "beeos.fleet.outcomes", "{id}", "What became of the ids of fleets."
        )
        self._server: dict[str, str | int] = {
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }

    async def run(self, call: Call[T]) -> T:
        """Take a call to its end, within a span."""
        row = call.row
        attributes = {
            **self._server,
            "http.request.method": row.method,
            "url.full": self.base_url + call.request.target,
            "url.template": row.path,
            "beeos.operation": row.operation,
        }
        with self._tracer.start_as_current_span(
            f"{row.method} {row.path}",
            kind=self._api.SpanKind.CLIENT,
            attributes=attributes,
            # What an error says may quote a body.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return await super().run(call)
            except BaseException as error:
                status = getattr(error, "status", None)
                span.set_attribute("error.type", _type_of(status, error))
                span.set_status(self._api.StatusCode.ERROR)
                raise
            finally:
                if call.attempts > 1:
                    span.set_attribute("http.request.resend_count", call.attempts - 1)
                if call.request_id is not None:
                    span.set_attribute("beeos.request_id", call.request_id)

    async def accompany(
        self,
        work: Coroutine[Any, Any, None],
        operation: str,
        size: int | None,
        counts: Mapping[Any, int],
    ) -> None:
        """Do the work of a run, within a span that the spans of its calls are part of."""
        attributes: dict[str, str | int] = {"beeos.operation": operation}
        if size is not None:
            attributes["beeos.fleet.size"] = size
        with self._tracer.start_as_current_span(
            f"fleet {operation}",
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await work
            finally:
                for kind, count in counts.items():
                    span.set_attribute(f"beeos.fleet.{kind}", count)
                    told = {"beeos.operation": operation, "beeos.outcome": kind}
                    self._outcomes.add(count, told)
                if set(counts) - {"succeeded"}:
                    span.set_status(self._api.StatusCode.ERROR)

    def tell(
        self,
        call: Call[Any],
        row: Endpoint[Any],
        status: int | None,
        failure: BeeOSError | None,
        took_seconds: float,
    ) -> None:
        """Tell of one request, also to whom else it is told."""
        super().tell(call, row, status, failure, took_seconds)
        status = status or getattr(failure, "status", None)
        attributes = {
            **self._server,
            "http.request.method": row.method,
            "url.template": row.path,
        }
        if status is not None:
            attributes["http.response.status_code"] = status
            # What a look that settles a call is answered is not what the call was answered.
            if row is call.row:
                self._api.get_current_span().set_attribute("http.response.status_code", status)
        if failure is not None or status is None:
            attributes["error.type"] = _type_of(status, failure)
        self._durations.record(took_seconds, attributes)


def _type_of(status: int | None, error: BaseException | None) -> str:
    """Name an error by its status, where that is what was wrong, else by its class."""
    if status is not None and status >= 400:  # noqa: PLR2004 -- as in the conventions
        return str(status)
    kind = asyncio.CancelledError if error is None else type(error)
    return f"{kind.__module__}.{kind.__qualname__}"
