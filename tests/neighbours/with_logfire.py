"""Our middleware and Logfire's, in every order. `websocket.session.id` is not to be scrubbed."""

from __future__ import annotations

from typing import Any

import django
import logfire
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_ws_channels
import otel_ws_starlette
from otel_ws.testing import format_trace

from .applications import ECHOED, channels, fastapi, sent, starlette
from .programs import section

Ours = otel_ws_starlette.TracingMiddleware


def keep_session(match: logfire.ScrubMatch) -> Any:
    return match.value if match.path[-1] == "websocket.session.id" else None


def around_fastapi() -> Any:
    app = fastapi()
    logfire.instrument_fastapi(app)
    return Ours(app)


def inside_fastapi() -> Any:
    app = fastapi()
    app.add_middleware(Ours)
    logfire.instrument_fastapi(app)
    return app


def around_starlette() -> Any:
    app = starlette()
    logfire.instrument_starlette(app)
    return Ours(app)


PLACES = {
    "around instrument_fastapi": around_fastapi,
    "inside instrument_fastapi": inside_fastapi,
    "around instrument_starlette": around_starlette,
    "around instrument_asgi": lambda: Ours(logfire.instrument_asgi(starlette())),
    "inside instrument_asgi": lambda: logfire.instrument_asgi(Ours(starlette())),
    "inside instrument_asgi, channels": lambda: logfire.instrument_asgi(
        otel_ws_channels.TracingMiddleware(channels())
    ),
}


def main() -> None:
    exporter = InMemorySpanExporter()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(exporter)],
        scrubbing=logfire.ScrubbingOptions(callback=keep_session),
    )
    django.setup()
    for title, make in PLACES.items():
        application = make()
        exporter.clear()
        assert sent(application) == ECHOED
        spans = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
        section(title, format_trace(spans))
        ids = {(span.attributes or {}).get("websocket.session.id") for span in spans}
        section(f"{title}: session", "\n".join(map(str, ids - {None})))


if __name__ == "__main__":
    main()
