"""Whatever breaks in the page's own code, the application's spans end as if it were not there."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import Span

from otel_ws.page import SpanBuffer, TracePage, _access, _app, _http, _own, _processor, _protocol
from otel_ws.page._live import Viewer
from tests.test_broken_internals import Part

from .asked import Visitor, ask, records, tracer_of

FAILED = ["the trace page failed; the application is unaffected"]


@pytest.mark.parametrize(
    "part",
    [
        *(Part(_processor, "_keep"), Part(_own, "is_own_work")),
        *(Part(SpanBuffer, "add"), Part(Viewer, "_wake")),
    ],
    ids=str,
)
async def test_a_span_ends_all_the_same(
    part: Part, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    buffer = SpanBuffer()
    calls = part.break_it(monkeypatch)
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        with tracer_of(buffer).start_as_current_span("work") as span:
            pass
    assert calls
    assert isinstance(span, Span)
    assert span.end_time is not None
    assert our_log == ["_keep failed; the application is unaffected"]


@pytest.mark.parametrize(
    "part",
    [
        *(Part(_access.Access, "refusal"), Part(_access, "_is_local_peer"), Part(_app, "_body")),
        *(Part(_http.Desk, "turned_away"), Part(_http.Desk, "answer"), Part(_http, "_file")),
        *(Part(_access, "headers"), Part(_http, "relative_path")),
    ],
    ids=str,
)
async def test_a_request_is_answered_all_the_same(
    part: Part, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    calls = part.break_it(monkeypatch)
    assert (await ask(TracePage(SpanBuffer()), "/")).status == 500
    assert calls
    assert our_log == FAILED


@pytest.mark.parametrize(
    "part",
    [
        *(Part(_access.Access, "refusal"), Part(SpanBuffer, "look"), Part(SpanBuffer, "watch")),
        *(Part(_protocol.Telling, "spans"), Part(_protocol, "_span"), Part(Viewer, "_greet")),
    ],
    ids=str,
)
async def test_a_socket_is_closed_with_an_error(
    part: Part, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    calls = part.break_it(monkeypatch)
    buffer = SpanBuffer()
    buffer.add(records(1))
    async with Visitor(TracePage(buffer)) as visitor:
        message: dict[str, Any] = await visitor.raw()
        while message["type"] != "websocket.close":
            message = await visitor.raw()
    assert calls
    assert message["code"] == 1011
    assert our_log == FAILED
