"""A plugin of pytest: every tracer of the SDK starts its spans as ours are started."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import Tracer
from opentelemetry.trace import Span, SpanKind

from otel_ws import _lean

_stock = Tracer.start_span
_started = {"lean": 0, "stock": 0}


def start_span(
    self: Tracer,
    name: str,
    context: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Any = None,
    links: Any = (),
    start_time: int | None = None,
    record_exception: bool = True,
    set_status_on_exception: bool = True,
) -> Span:
    Tracer.start_span = _stock
    try:
        tracer = _lean.lean(self) if record_exception and set_status_on_exception else None
        if tracer is None:
            _started["stock"] += 1
            flags = (record_exception, set_status_on_exception)
            return _stock(self, name, context, kind, attributes, links, start_time, *flags)
        _started["lean"] += 1
        here = get_current() if context is None else context
        return tracer.start_span(name, here, kind, attributes or {}, tuple(links or ()), start_time)
    finally:
        Tracer.start_span = start_span


Tracer.start_span = start_span


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line("spans started: {lean} lean, {stock} stock".format(**_started))
