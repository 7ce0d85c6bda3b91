"""What OpenTelemetry is told: by the SDK's own exporters, and of real requests."""

from __future__ import annotations

import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from beeos_async import AsyncBeeOS, Attempt, BeeOSError, ConnectionLostError, NotFoundError
from beeos_async._io.caller import Caller
from beeos_async._io.telemetry import TracedCaller, caller_class
from beeos_async.emulator import Emulator

pytestmark = pytest.mark.anyio

Spans = Callable[[], list[ReadableSpan]]
Points = Callable[[str], list[Any]]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """Set a provider of spans, for this test alone; give what gives those that have ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # In public it can be set once in a process.
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield lambda: list(exporter.get_finished_spans())
    provider.shutdown()


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Iterator[Points]:
    """Set a provider of metrics, for this test alone; give what gives the points of one."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics._internal, "_METER_PROVIDER", provider)

    def points(name: str) -> list[Any]:
        data = reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    yield points
    provider.shutdown()


# Calls ----------------------------------------------------------------------------------------


async def test_a_call_is_one_span(spans: Spans, cloud: Emulator) -> None:
    """With the names of the conventions, inside of what the program itself is doing."""
    id = cloud.ids[0]
    async with cloud.client() as bee:
        with trace.get_tracer("program").start_as_current_span("own") as own:
            await bee.start(id)

    call, _ = spans()
    assert call.name == "POST /api/v1/instances/{id}/start"
    assert call.kind is trace.SpanKind.CLIENT
    assert call.parent == own.get_span_context()
    assert call.status.is_unset
    assert call.instrumentation_scope is not None
    assert call.instrumentation_scope.schema_url == "https://opentelemetry.io/schemas/1.30.0"
    assert dict(call.attributes or {}) == {
        "server.address": "127.0.0.1",
        "server.port": cloud.port,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.full": f"{cloud.url}/api/v1/instances/{id}/start",
        "url.template": "/api/v1/instances/{id}/start",
        "beeos.operation": "startInstance",
        "beeos.request_id": cloud.log[0].request_id,
    }


async def test_retries_are_counted_in_the_span_of_their_call(
    spans: Spans, cloud: Emulator, clock: Any
) -> None:
    """However often it is sent, it is one call."""
    cloud.faults.refuse("startInstance", 503, times=2)
    async with cloud.client(_clock=clock) as bee:
        await bee.start(cloud.ids[0])

    (call,) = spans()
    told = call.attributes or {}
    assert told["http.request.resend_count"] == 2
    assert told["http.response.status_code"] == 200
    assert call.status.is_unset


async def test_a_refusal_is_named_by_its_status(spans: Spans, cloud: Emulator) -> None:
    """And what it quotes is nobody's business."""
    async with cloud.client() as bee:
        with pytest.raises(NotFoundError):
            await bee.start("inst-nowhere")

    (call,) = spans()
    assert (call.attributes or {})["error.type"] == "404"
    assert call.status.status_code is trace.StatusCode.ERROR
    assert call.status.description is None
    assert call.events == ()


async def test_a_failure_without_an_answer_is_named_by_its_class(
    spans: Spans, points: Points, cloud: Emulator, clock: Any
) -> None:
    """Its requests, too; the look that was to settle it is no call of its own."""
    cloud.faults.disconnect("startInstance", times=9)
    cloud.faults.disconnect("getInstance", times=9)
    async with cloud.client(_clock=clock, max_retries=1) as bee:
        with pytest.raises(ConnectionLostError):
            await bee.start(cloud.ids[0])

    (call,) = spans()
    lost = "beeos_async.errors.ConnectionLostError"
    assert (call.attributes or {})["error.type"] == lost
    requests = points("http.client.request.duration")
    assert {point.attributes["error.type"] for point in requests} == {lost}
    assert sum(point.count for point in requests) == len(cloud.log)
    assert {point.attributes["http.request.method"] for point in requests} == {"POST", "GET"}


async def test_a_cancellation_is_named(spans: Spans, points: Points, cloud: Emulator) -> None:
    """It ends the span like anything else."""
    cloud.faults.silence("startInstance")
    async with cloud.client() as bee:
        async with anyio.create_task_group() as group:
            group.start_soon(bee.start, cloud.ids[0])
            while not cloud.log:
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()

    (call,) = spans()
    (request,) = points("http.client.request.duration")
    cancelled = "asyncio.exceptions.CancelledError"
    assert (call.attributes or {})["error.type"] == cancelled
    assert request.attributes["error.type"] == cancelled


async def test_the_answer_to_a_look_is_not_that_to_the_call(
    spans: Spans, cloud: Emulator, clock: Any
) -> None:
    """A start whose answer was lost has no status, whatever the look that settled it had."""
    cloud.faults.disconnect("startInstance", when="after")
    async with cloud.client(_clock=clock) as bee:
        await bee.start(cloud.ids[0])

    (call,) = spans()
    assert [entry.operation for entry in cloud.log] == ["startInstance", "getInstance"]
    assert "http.response.status_code" not in (call.attributes or {})
    assert call.status.is_unset


# Fleets ---------------------------------------------------------------------------------------


async def test_a_fleet_is_one_span_around_those_of_its_calls(
    spans: Spans, points: Points, cloud: Emulator
) -> None:
    """It says how many came to what; the metrics say it, too."""
    async with cloud.client() as bee:
        report = await bee.start_many([*cloud.ids, "inst-nowhere"])

    *calls, fleet = spans()
    assert fleet.name == "fleet startInstance"
    assert fleet.context is not None
    assert {call.parent.span_id for call in calls if call.parent} == {fleet.context.span_id}
    assert len(calls) == 21
    assert dict(fleet.attributes or {}) == {
        "beeos.operation": "startInstance",
        "beeos.fleet.size": 21,
        "beeos.fleet.succeeded": 20,
        "beeos.fleet.failed": 1,
    }
    assert fleet.status.status_code is trace.StatusCode.ERROR
    outcomes = points("beeos.fleet.outcomes")
    assert {one.attributes["beeos.outcome"]: one.value for one in outcomes} == report.counts
    requests = points("http.client.request.duration")
    assert sorted(point.attributes["http.response.status_code"] for point in requests) == [
        200,
        404,
    ]
    assert sum(point.count for point in requests) == 21


async def test_a_fleet_that_is_well_has_no_status(spans: Spans, cloud: Emulator) -> None:
    """And of a generator nobody knows the size."""
    async with cloud.client() as bee:
        await bee.start_many(iter(cloud.ids))

    *_, fleet = spans()
    assert fleet.status.is_unset
    assert "beeos.fleet.size" not in (fleet.attributes or {})


# What is not told -----------------------------------------------------------------------------


async def test_no_key_no_header_and_no_body_is_told(
    spans: Spans, points: Points, cloud: Emulator
) -> None:
    """Whatever is exported goes to somebody else."""
    cloud.faults.refuse("deployInstance", 422, message="spoken by the server", code="made-up")
    async with cloud.client(api_key="sesame-open-for-me") as bee:
        with pytest.raises(BeeOSError, match="spoken by the server"):
            await bee.instances.deploy(name="hush-hush", agent_framework="beeos-claw")
        await bee.start_many(cloud.ids)

    told = "".join(span.to_json() for span in spans())
    told += "".join(map(str, points("http.client.request.duration")))
    assert "deployInstance" in told
    for word in ("sesame", "Bearer", "spoken", "made-up", "hush-hush"):
        assert word not in told


async def test_the_hook_of_the_program_is_called_all_the_same(
    spans: Spans, cloud: Emulator
) -> None:
    """Also that of a view."""
    heard: list[Attempt] = []
    async with cloud.client() as bee:
        await bee.with_options(on_attempt=heard.append).start(cloud.ids[0])

    assert [attempt.endpoint for attempt in heard] == ["startInstance"]
    assert len(spans()) == 1


# Whether anybody listens ----------------------------------------------------------------------


async def test_without_a_provider_nothing_stands_in_the_way(cloud: Emulator) -> None:
    """The API is installed and imported here; that alone means nothing."""
    assert caller_class() is Caller


async def test_either_provider_is_enough(points: Points, cloud: Emulator) -> None:
    """Metrics without spans."""
    assert caller_class() is TracedCaller
    async with AsyncBeeOS("k", base_url=cloud.url) as bee:
        await bee.start(cloud.ids[0])

    assert len(points("http.client.request.duration")) == 1


def test_a_relative_of_opentelemetry_is_not_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is shared by many distributions."""
    monkeypatch.setitem(sys.modules, "opentelemetry", types.ModuleType("opentelemetry"))
    monkeypatch.delitem(sys.modules, "opentelemetry.trace")
    monkeypatch.delitem(sys.modules, "opentelemetry.metrics")

    assert caller_class() is Caller


def test_a_program_without_it_does_not_import_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it pay for it."""
    monkeypatch.delitem(sys.modules, "opentelemetry")
    assert caller_class() is Caller
    assert "opentelemetry" not in sys.modules

    code = """
import sys
from beeos_async import AsyncBeeOS
AsyncBeeOS("k")
print("opentelemetry" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
