"""What every host does with a message: a span of its own, and an answer, or a failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace

from testproject import telemetry

telemetry.configure("server")
_tracer = trace.get_tracer("app")


@contextmanager
def answer(text: str) -> Iterator[str]:
    with _tracer.start_as_current_span("work"):
        if text == "crash":
            raise RuntimeError("boom")
        yield text.upper()
