"""Everything of one session: the application's own log records and spans have its id.

    python examples/session_on_logs.py

Two customers are connected at once. Each order is logged where it is handled, and again in the
thread that packs it; nothing in the application mentions the session.
"""

from __future__ import annotations

import asyncio
import logging

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from otel_ws import current_session
from otel_ws.processors import SessionLogProcessor, SessionSpanProcessor
from otel_ws_starlette import TracingMiddleware

try:
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
except ImportError:  # opentelemetry-instrumentation-logging is not installed
    from opentelemetry.sdk._logs import LoggingHandler

spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
log = logging.getLogger("shop")
tracer = trace.get_tracer("shop")
customers = {}  # for the printout alone: the name that belongs to a session


def set_up() -> None:
    """Send spans and log records through our processors, and then to the exporters."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SessionSpanProcessor())
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracer_provider)

    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(SessionLogProcessor())
    logger_provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
    log.addHandler(LoggingHandler(logger_provider=logger_provider))
    log.setLevel(logging.INFO)


async def orders(websocket) -> None:
    await websocket.accept()
    customers[current_session().id] = websocket.query_params["name"]
    async for order in websocket.iter_text():
        log.info("%s: received", order)
        await asyncio.to_thread(pack, order)
        await websocket.send_text(f"{order} is on its way")


def pack(order: str) -> None:
    with tracer.start_as_current_span(f"pack {order}"):
        log.info("%s: packed", order)


def shop() -> None:
    log.info("the shop is open")
    app = TracingMiddleware(Starlette(routes=[WebSocketRoute("/orders", orders)]))
    with (
        TestClient(app).websocket_connect("/orders?name=ada") as ada,
        TestClient(app).websocket_connect("/orders?name=grace") as grace,
    ):
        for client, order in [(ada, "A-17"), (grace, "B-4"), (ada, "A-18")]:
            client.send_text(order)
            client.receive_text()
    log.info("the shop is closed")


def show(what: str, recorded) -> None:
    print(f"{what}:")
    for name, attributes in recorded:
        session = attributes.get("websocket.session.id")
        print(f"  {customers.get(session, '-'):<6} {name}")


if __name__ == "__main__":
    set_up()
    shop()
    records = [each.log_record for each in logs.get_finished_logs()]
    show("log records", ((record.body, record.attributes) for record in records))
    own = [span for span in spans.get_finished_spans() if span.name.startswith("pack")]
    show("spans of the application", ((span.name, span.attributes) for span in own))
    log.handlers.clear()  # The SDK's flushes at exit in a thread, which Python 3.12 refuses then.
