"""What is measured of clients: the same as of servers, by the server that they talk to."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from tests.pages import ROOT
from tests.wire.process import free_port

from .libraries import HEAR, LIBRARIES, Conversation, Library, raised
from .server import Served

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
QUESTION = '{"question": "milk?"}'
Points = dict[str, list[tuple[dict[str, Any], Any]]]


class Metrics:
    """A meter provider, and what it exports."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self._reader])

    def read(self) -> Points:
        data = self._reader.get_metrics_data()
        (scope,) = data.resource_metrics[0].scope_metrics if data else (None,)
        assert scope is not None
        assert scope.scope.name == "otel_ws.client"
        return {
            metric.name: [
                (dict(point.attributes), getattr(point, "count", getattr(point, "value", None)))
                for point in metric.data.data_points
            ]
            for metric in scope.metrics
        }


def ask() -> Conversation:
    yield QUESTION
    yield HEAR


@every_library
@pytest.mark.parametrize("sampled", [True, False], ids=["sampled", "unsampled"])
async def test_connections_are_measured_and_messages_counted(
    library: Library, sampled: bool, served: Served
) -> None:
    metrics = Metrics()
    tracing = {
        "meter_provider": metrics.provider,
        "tracer_provider": TracerProvider() if sampled else TracerProvider(sampler=ALWAYS_OFF),
    }
    await library.play(served.url("/answer?token=secret"), ask(), tracing)
    assert await raised(library.play(served.url("/refuse"), ask(), tracing))
    at = {"server.address": "127.0.0.1", "server.port": served.port}
    of = {**at, "url.scheme": "ws"}
    message = {**at, "websocket.message.type": "text"}
    assert metrics.read() == {
        "websocket.client.connection.active": [(of, 0)],
        "websocket.client.connection.duration": [
            ({**of, "websocket.close.status": "normal_closure"}, 1)
        ],
        "websocket.client.handshake.duration": [
            ({**of, "http.response.status_code": 101}, 1),
            ({**of, "http.response.status_code": 403, "error.type": "403"}, 1),
        ],
        "websocket.client.messages": [
            ({**message, "websocket.message.direction": "received"}, 1),
            ({**message, "websocket.message.direction": "sent"}, 1),
        ],
    }


@every_library
async def test_messages_are_measured_where_that_is_wanted(library: Library, served: Served) -> None:
    metrics = Metrics()
    tracing = {"meter_provider": metrics.provider, "metrics": "message"}
    await library.play(served.url("/answer"), ask(), tracing)
    found = metrics.read()
    at = {"server.address": "127.0.0.1", "server.port": served.port}
    message = {**at, "websocket.message.type": "text"}
    assert found["websocket.client.message.process.duration"] == [(message, 1)]
    assert found["websocket.client.message.send.duration"] == [(message, 1)]
    assert [count for _, count in found["websocket.client.message.size"]] == [1, 1]


@every_library
async def test_a_connection_that_was_never_had_is_a_handshake_that_failed(
    library: Library,
) -> None:
    metrics = Metrics()
    url = f"ws://127.0.0.1:{free_port()}/"
    error = await raised(library.play(url, ask(), {"meter_provider": metrics.provider}))
    (handshake,) = metrics.read().values()
    ((attributes, count),) = handshake
    assert count == 1
    assert attributes["error.type"].endswith(type(error).__qualname__)


@every_library
async def test_without_metrics_none_are_made(library: Library, served: Served) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    tracing = {"meter_provider": provider, "metrics": "off"}
    await library.play(served.url("/answer"), ask(), tracing)
    data = reader.get_metrics_data()
    assert data is None or not data.resource_metrics


ALONE = """
import sys
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from otel_ws.client.websockets_sync import connect

def visit():
    with connect(sys.argv[1], proxy=None) as websocket:
        return websocket.recv()

print("traceparent" in visit())
with trace.use_span(NonRecordingSpan(SpanContext(7, 7, True, TraceFlags(1)))):
    print(f"00-{7:032x}-{7:016x}-01" in visit())
print(any(name.startswith("opentelemetry.sdk") for name in sys.modules))
"""


async def test_without_an_sdk_a_context_is_passed_on_and_that_is_all(served: Served) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, served.url("/headers")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["False", "True", "False"]
