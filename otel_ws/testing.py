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
from textwrap import dedent, indent
from typing import overload

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.trace import Link, StatusCode

from . import _semconv as names

__all__ = ["CapturedSpans", "capture_spans", "format_trace"]


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
    return "\n".join(_Tree(list(spans), attributes).lines())


class _Tree:
    def __init__(self, spans: list[ReadableSpan], attributes: tuple[str, ...]) -> None:
        self._attributes = attributes
        self._names = {_id(span.context): span.name for span in spans}
        self._children: dict[tuple[int, int] | None, list[ReadableSpan]] = {}
        for span in spans:
            parent = None if span.parent is None else _id(span.parent)
            self._children.setdefault(parent if parent in self._names else None, []).append(span)

    def lines(self, parent: tuple[int, int] | None = None) -> Iterator[str]:
        for span in self._children.get(parent, ()):
            yield self._line(span)
            yield from (indent(line, "  ") for line in self.lines(_id(span.context)))

    def _line(self, span: ReadableSpan) -> str:
        found = span.attributes or {}
        shown = [f"{name}={found[name]!s}" for name in self._attributes if name in found]
        parts = [span.name, *map(self._link, span.links)]
        if span.parent is not None and _id(span.parent) not in self._names:
            parts.append("<- remote")
        if span.status.status_code is StatusCode.ERROR:
            parts.append(f"! {found.get(names.ERROR_TYPE, 'error')}")
        if shown:
            parts.append("{" + ", ".join(shown) + "}")
        if span.end_time is None:
            parts.append("(not ended)")
        return " ".join(parts)

    def _link(self, link: Link) -> str:
        return f"-> {self._names.get(_id(link.context), 'remote')}"


def _id(context: trace.SpanContext | None) -> tuple[int, int]:
    return (context.trace_id, context.span_id) if context else (0, 0)
