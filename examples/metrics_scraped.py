"""The metrics of a conversation, as Prometheus scrapes them.

    pip install opentelemetry-exporter-prometheus
    python examples/metrics_scraped.py

Serves the metrics on a port of its own, plays one conversation whose answer is a stream, scrapes
the port over HTTP, and prints what is counted: of histograms the numbers of their values.
"""

from __future__ import annotations

import re
from urllib.request import urlopen

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import start_http_server
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient

from otel_ws.streams import meter_stream
from otel_ws_starlette import TracingMiddleware


async def answer(question: str):
    for word in ("It", "depends."):
        yield word


async def ask(websocket):
    await websocket.accept()
    async for question in websocket.iter_text():
        async for word in meter_stream(answer(question), "answer"):
            await websocket.send_text(word)


def converse(app) -> None:
    with TestClient(app).websocket_connect("/ask/7") as websocket:
        websocket.send_text("Is it?")
        websocket.receive_text()
        websocket.receive_text()


def counted(text: str) -> list[str]:
    """Return the lines of a scrape that count something of ours, without the scope's labels."""
    lines = re.findall(r"^websocket_\S+ .+$", text, re.M)
    counts = [line for line in lines if not re.match(r"\w+_(bucket|sum|created)\b", line)]
    return [re.sub(r'otel_scope_\w+="[^"]*",?', "", line).replace(",}", "}") for line in counts]


def main() -> None:
    meters = MeterProvider(metric_readers=[PrometheusMetricReader()])
    routes = [WebSocketRoute("/ask/{user}", ask)]
    app = TracingMiddleware(Starlette(routes=routes), meter_provider=meters)
    server, _ = start_http_server(0, addr="127.0.0.1")
    converse(app)
    with urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as response:
        print(*sorted(counted(response.read().decode())), sep="\n")
    server.shutdown()
    server.server_close()
    meters.shutdown()


if __name__ == "__main__":
    main()
