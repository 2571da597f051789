"""The page never looks at itself, and what traces it all the same is not told on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from fastapi import FastAPI
from opentelemetry.context import get_current
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util.http import parse_excluded_urls
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount

import otel_ws_channels
import otel_ws_starlette
from otel_ws import Config, asgi
from otel_ws._otlp import JSON
from otel_ws._otlp_json import to_json
from otel_ws.page import PageSpanProcessor, SpanBuffer, TracePage
from otel_ws.testing import CapturedSpans, capture_spans
from otel_ws_channels.page import websocket_urls

from .asked import Visitor, ask, record, records, scope_of

LIVE = "/traces/.otel-ws/live"


def plain(page: TracePage) -> Any:
    return asgi.TracingMiddleware(page)


def starlette_outside(page: TracePage) -> Any:
    return otel_ws_starlette.TracingMiddleware(Starlette(routes=[Mount("/traces", page)]))


def starlette_inside(page: TracePage) -> Any:
    inside = Middleware(otel_ws_starlette.TracingMiddleware)
    return Starlette(routes=[Mount("/traces", page)], middleware=[inside])


def fastapi_outside(page: TracePage) -> Any:
    app = FastAPI()
    app.mount("/traces", page)
    return otel_ws_starlette.TracingMiddleware(app)


def channels(page: TracePage) -> Any:
    routes: Any = [path("traces/", URLRouter(websocket_urls(page)))]
    return otel_ws_channels.TracingMiddleware(ProtocolTypeRouter({"websocket": URLRouter(routes)}))


@pytest.mark.parametrize(
    "mounted", [plain, starlette_outside, starlette_inside, fastapi_outside, channels]
)
async def test_we_do_not_trace_its_socket(
    mounted: Callable[[TracePage], Any], spans: CapturedSpans
) -> None:
    buffer = SpanBuffer()
    buffer.add(records(1))
    async with Visitor(mounted(TracePage(buffer)), LIVE) as visitor:
        await visitor.until("ready")
        visitor.say('{"type":"clear"}')
        await visitor.until("cleared")
    assert str(spans) == ""


def test_that_is_so_whatever_the_settings_say() -> None:
    for config in (Config(), Config(excluded_routes=("/x",)), Config(volume={"*": "messages"})):
        assert config.excludes(LIVE, None)
        assert config.excludes(LIVE, LIVE)
        assert not config.excludes(LIVE, "/{path:path}"), "a client ends its path as it likes"
        assert not config.excludes("/traces/live", None)


# --- others, who know nothing of the page ---------------------------------------------------------


def instrumented(buffer: SpanBuffer, **options: Any) -> tuple[Any, TracerProvider]:
    """Return a page within the instrumentation of ASGI, whose spans the page shows."""
    provider = TracerProvider()
    provider.add_span_processor(PageSpanProcessor(buffer))
    app = Starlette(routes=[Mount("/traces", TracePage(buffer))])
    return OpenTelemetryMiddleware(app, tracer_provider=provider, **options), provider


async def test_a_span_of_what_the_page_is_told_does_not_make_it_told_more() -> None:
    """The instrumentation of ASGI makes a span of every message that is sent."""
    buffer = SpanBuffer()
    app, provider = instrumented(buffer)
    with capture_spans(provider) as spans:
        async with Visitor(app, LIVE) as visitor:
            await visitor.until("ready")
            for number in range(3):
                provider.get_tracer("application").start_span(f"work {number}").end()
                assert await visitor.names(1) == [f"work {number}"]
        assert [span for span in spans if span.name.endswith("websocket send")]
    names = [span.name for span in buffer.look().spans if "live" not in span.name]
    assert names == ["work 0", "work 1", "work 2"]
    # That of the whole connection ends outside, once.
    assert len(buffer) <= 4


async def test_a_look_at_the_page_is_not_shown_on_it() -> None:
    buffer = SpanBuffer()
    app, _ = instrumented(buffer)
    assert (await ask(app, "/traces/")).status == 200
    await ask(app, "/traces/v1/traces", "POST", b"{}", headers=[(b"content-type", JSON.encode())])
    assert [span.name for span in buffer.look().spans] == []


@pytest.mark.parametrize(("excluded", "is_traced"), [("", True), ("/traces/", False)])
async def test_who_exports_to_its_own_page_leaves_it_out_of_the_instrumentation(
    excluded: str, is_traced: bool
) -> None:
    """Each export would be a request, each request a span, and each span be exported."""
    app, provider = instrumented(SpanBuffer(), excluded_urls=parse_excluded_urls(excluded))
    body = json.dumps(to_json(records(1))).encode()
    with capture_spans(provider) as spans:
        sent = [(b"content-type", JSON.encode())]
        assert (await ask(app, "/traces/v1/traces", "POST", body, headers=sent)).status == 200
    assert bool(spans) == is_traced


async def test_the_page_works_without_instrumentation_and_leaves_no_trace_of_that() -> None:
    seen: list[bool] = []

    class Watching(SpanBuffer):
        def trace(self, trace_id: str) -> Any:
            seen.append(is_instrumentation_enabled())
            return [record()]

        def look(self, *arguments: Any, **keywords: Any) -> Any:
            seen.append(is_instrumentation_enabled())
            return super().look(*arguments, **keywords)

    before = get_current()
    buffer = Watching()
    buffer.add(records(1))
    page = TracePage(buffer)
    await ask(page, "/export/trace/1")
    page.answer(scope_of("http", "/export/trace/1", method="GET"), lambda count: b"")
    async with Visitor(page) as visitor:
        await visitor.until("ready")
    assert seen == [False] * len(seen)
    assert len(seen) >= 4
    assert get_current() == before


def test_a_page_on_another_loop_hears_of_spans_too() -> None:
    """Two servers in two threads of one process, and a span that ends in a third."""
    buffer = SpanBuffer()

    async def look() -> list[str]:
        async with Visitor(TracePage(buffer)) as visitor:
            await visitor.until("ready")
            await asyncio.to_thread(buffer.add, records(1))
            return await visitor.names(1)

    assert asyncio.run(look()) == ["span 1"]
    assert asyncio.run(look()) == ["span 1"]


async def test_what_ends_on_a_closed_loop_hurts_nobody() -> None:
    buffer = SpanBuffer()
    left: list[Any] = []

    def look_and_leave() -> None:
        async def look() -> None:
            visitor = Visitor(TracePage(buffer))
            left.append(visitor)
            await visitor.__aenter__()
            await visitor.until("ready")
            left.append(list(buffer._watchers))

        asyncio.run(look())

    await asyncio.to_thread(look_and_leave)
    for changed in left[1]:
        changed()
