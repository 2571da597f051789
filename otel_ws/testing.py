"""Traces as text, for tests and terminals. Needs ``opentelemetry-sdk``.

    with capture_spans() as spans:
        ...
    assert str(spans) == \"\"\"
    GET /echo
    websocket.receive /echo -> GET /echo
      websocket.send /echo
    \"\"\"

A line is a span below its parent: its name, ``-> name`` for each link, ``! type`` for an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import dedent
from typing import Final, overload

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import StatusCode

from . import _semconv as names
from ._trees import Id, Node, draw

__all__ = ["CapturedSpans", "capture_spans", "format_trace"]

_NOWHERE: Final = ("", "")


class CapturedSpans(Sequence[ReadableSpan]):
    """The spans that were started during a capture, in the order of their start.

    It equals a string that shows the same tree, however that string is indented.
    """

    def __init__(self) -> None:
        self._spans: list[ReadableSpan] = []

    @overload
    def __getitem__(self, index: int) -> ReadableSpan: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ReadableSpan]: ...
    def __getitem__(self, index: int | slice) -> ReadableSpan | Sequence[ReadableSpan]:
        return self._spans[index]

    def __len__(self) -> int:
        return len(self._spans)

    def __str__(self) -> str:
        return self.tree()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.tree() == dedent(other).strip()
        return self is other

    def __repr__(self) -> str:
        return f"<CapturedSpans\n{self.tree()}\n>"

    __hash__ = None  # type: ignore[assignment]

    def named(self, prefix: str) -> list[ReadableSpan]:
        """Return the spans whose names start with `prefix`."""
        return [span for span in self if span.name.startswith(prefix)]

    def tree(self, *attributes: str) -> str:
        """Return the indented tree; `attributes` names those to be shown."""
        return format_trace(self, *attributes)

    def clear(self) -> None:
        """Forget the spans that were captured so far."""
        self._spans.clear()


@contextmanager
def capture_spans(provider: TracerProvider | None = None) -> Iterator[CapturedSpans]:
    """Capture every span that is started in the block, in any task and thread.

    Without `provider` the global one is used, and made if there is none yet.
    Raises TypeError when the global provider is not the SDK's.
    """
    captured = CapturedSpans()
    captures = _tap(provider or _global_provider()).captures
    captures.append(captured)
    try:
        yield captured
    finally:
        captures.remove(captured)


class _Tap(SpanProcessor):
    """Added once to a provider, because a processor cannot be taken away again."""

    def __init__(self) -> None:
        self.captures: list[CapturedSpans] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for captured in self.captures:
            captured._spans.append(span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True  # Where an SDK's own returns nothing, the processors that follow get no flush.


def _tap(provider: TracerProvider) -> _Tap:
    tap: _Tap | None = getattr(provider, "_otel_ws_tap", None)
    if tap is None:
        tap = _Tap()
        provider.add_span_processor(tap)
        provider._otel_ws_tap = tap  # type: ignore[attr-defined]
    return tap


def _global_provider() -> TracerProvider:
    provider = trace.get_tracer_provider()
    if isinstance(provider, trace.ProxyTracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    if not isinstance(provider, TracerProvider):
        raise TypeError(
            f"capture_spans() needs the SDK's TracerProvider, the global one is {provider!r}. "
            "Pass capture_spans(provider)."
        )
    return provider


def format_trace(spans: Iterable[ReadableSpan], *attributes: str) -> str:
    """Return spans as an indented tree; `attributes` names those to be shown."""
    return draw(map(_node, spans), attributes)


def _node(span: ReadableSpan) -> Node:
    found = span.attributes or {}
    has_failed = span.status.status_code is StatusCode.ERROR
    return Node(
        _id(span.context) or _NOWHERE,
        _id(span.parent),
        span.name,
        tuple(_id(link.context) or _NOWHERE for link in span.links),
        str(found.get(names.ERROR_TYPE, "error")) if has_failed else None,
        found,
        span.end_time is not None,
    )


def _id(context: trace.SpanContext | None) -> Id | None:
    if context is None:
        return None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
