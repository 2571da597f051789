"""Our middleware beside Sentry's SDK: MODE is what sends its traces."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import django
import sentry_sdk
from opentelemetry import trace
from opentelemetry.propagate import set_global_textmap
from opentelemetry.sdk.trace import TracerProvider
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware
from sentry_sdk.integrations.opentelemetry import SentryPropagator, SentrySpanProcessor
from sentry_sdk.integrations.otlp import OTLPIntegration
from sentry_sdk.transport import Transport
from starlette.middleware import Middleware

import otel_ws_channels
import otel_ws_starlette
from otel_ws.testing import capture_spans

from .applications import channels, fastapi, starlette
from .programs import section, show

Ours = otel_ws_starlette.TracingMiddleware
TRACE_ID = "d4cda95b652f4a1592b449d5929fda1b"
HEADERS = [
    (b"host", b"example.org"),
    (b"sentry-trace", f"{TRACE_ID}-6e0c63257de34c92-1".encode()),
    (b"traceparent", f"00-{TRACE_ID}-6e0c63257de34c92-01".encode()),
]
transactions: list[dict[str, Any]] = []


class Kept(Transport):
    def capture_envelope(self, envelope: Any) -> None:
        transactions.extend(i.payload.json for i in envelope.items if i.type == "transaction")


def init(mode: str) -> None:
    options: dict[str, Any] = {
        "dsn": "http://key@127.0.0.1:9/1",
        "traces_sample_rate": 1.0,
        "transport": Kept,
    }
    if mode == "own":
        sentry_sdk.init(**options)
    elif mode == "otlp":
        otlp = OTLPIntegration(setup_otlp_traces_exporter=False)
        sentry_sdk.init(integrations=[otlp], **options)
    else:
        sentry_sdk.init(instrumenter="otel", **options)
        provider = TracerProvider()
        provider.add_span_processor(SentrySpanProcessor())
        trace.set_tracer_provider(provider)
        set_global_textmap(SentryPropagator())


PLACES: dict[str, Callable[[], Any]] = {
    "around starlette": lambda: Ours(starlette()),
    "inside starlette": lambda: starlette(middleware=[Middleware(Ours)]),
    "around fastapi": lambda: Ours(fastapi()),
    "inside SentryAsgiMiddleware, channels": lambda: SentryAsgiMiddleware(
        otel_ws_channels.TracingMiddleware(channels())
    ),
}


def main() -> None:
    init(os.environ["MODE"])
    django.setup()
    with capture_spans() as spans:
        for title, make in PLACES.items():
            transactions.clear()
            show(title, make(), spans, headers=HEADERS)
            section(f"{title}: trace", f"{spans[0].context.trace_id:032x}")
            found = (
                f"{t['transaction']} {t['contexts']['trace']['trace_id']}" for t in transactions
            )
            section(f"{title}: sentry", "\n".join(found))
            section(f"{title}: ours", "\n".join(_roots(spans)))


def _of_sentry(transaction: dict[str, Any]) -> str:
    return f"{transaction['transaction']} {transaction['contexts']['trace']['trace_id']}"


def _roots(spans: Any) -> list[str]:
    roots = [span for span in spans if span.parent is None or span.parent.is_remote]
    return [f"{span.name} {span.context.trace_id:032x}" for span in roots]


if __name__ == "__main__":
    main()
