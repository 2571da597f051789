"""Our middleware beside ddtrace, whose spans are received here, in place of its agent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgpack

Span = dict[str, Any]


class Agent(ThreadingHTTPServer):
    """Datadog's agent, as far as that takes traces."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Span] = []

    def handle_error(self, *_: Any) -> None:
        """Say nothing of those who hang up."""


class _Handler(BaseHTTPRequestHandler):
    server: Agent

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path.endswith("/v0.4/traces"):
            traces = msgpack.unpackb(body, strict_map_key=False)
            self.server.spans.extend(span for trace in traces for span in trace)
        self._answer(b'{"rate_by_service": {}}')

    do_POST = do_PUT

    def do_GET(self) -> None:
        self._answer(b'{"endpoints": ["/v0.4/traces"]}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running_agent() -> Iterator[Agent]:
    agent = Agent()
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    os.environ["DD_TRACE_AGENT_URL"] = f"http://127.0.0.1:{agent.server_port}"
    yield agent
    agent.shutdown()


def tree(spans: list[Span]) -> Iterator[str]:
    """Yield what ddtrace has sent, indented below its parents: what it names and what we name."""
    spans = sorted(spans, key=lambda span: span["start"])
    ids = {span["span_id"] for span in spans}

    def below(parent: int, indent: str) -> Iterator[str]:
        for span in spans:
            its = span.get("parent_id", 0)
            if (its if its in ids else 0) == parent:
                is_ours = span["name"] in ("server", "internal", "consumer", "producer")
                yield indent + (span["resource"] if is_ours else f"[{span['name']}]")
                yield from below(span["span_id"], indent + "  ")

    yield from below(0, "")


def main(agent: Agent) -> None:
    import ddtrace.auto  # noqa: F401  # what `ddtrace-run` does, once the agent's address is known
    import django
    from ddtrace.trace import tracer
    from starlette.middleware import Middleware

    import otel_ws_channels
    import otel_ws_starlette
    from otel_ws.testing import capture_spans

    from .applications import ECHOED, channels, fastapi, sent, starlette
    from .programs import section

    django.setup()
    ours = otel_ws_starlette.TracingMiddleware
    places = {
        "around starlette": lambda: ours(starlette()),
        "inside starlette": lambda: starlette(middleware=[Middleware(ours)]),
        "around fastapi": lambda: ours(fastapi()),
        "channels": lambda: otel_ws_channels.TracingMiddleware(channels()),
    }

    def play(title: str, app: Any) -> None:
        agent.spans.clear()
        assert sent(app) == ECHOED
        tracer.flush()
        section(f"{title}: ddtrace", "\n".join(tree(agent.spans)))

    for title, make in places.items():
        if os.environ.get("DD_TRACE_OTEL_ENABLED") == "true":
            play(title, make())
        else:
            with capture_spans() as spans:
                play(title, make())
            section(title, spans)


if __name__ == "__main__":
    with running_agent() as agent:
        main(agent)
