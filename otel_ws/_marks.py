"""The session processors of an instrumentor: once on each provider, and passive when it is off.

A provider has no way to lose a processor again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import ref

from opentelemetry import trace
from opentelemetry._logs import get_logger_provider

from ._log import shielded

if TYPE_CHECKING:
    from .processors import SessionLogProcessor, SessionSpanProcessor


class Marks:
    """Puts the session's id on the application's own spans and records, as long as `is_on`."""

    def __init__(self, is_on: Callable[[], bool]) -> None:
        self._is_on = is_on
        self._marked: dict[int, ref[Any]] = {}

    @shielded
    def attach(self, tracer_provider: Any = None, logger_provider: Any = None) -> None:
        """Add the processors to the providers, or the global ones, that have none of ours.

        The global ones may be set at any time, so that this is asked again and again.
        """
        spans = tracer_provider or trace.get_tracer_provider()
        if self._is_new(spans) and hasattr(spans, "add_span_processor"):
            self._marked[id(spans)] = ref(spans)
            spans.add_span_processor(_span_processor(self._is_on))
        logs = logger_provider or get_logger_provider()
        if self._is_new(logs) and hasattr(logs, "add_log_record_processor"):
            self._marked[id(logs)] = ref(logs)
            logs.add_log_record_processor(_log_processor(self._is_on))
            _put_first(logs)

    def _is_new(self, provider: Any) -> bool:
        """Tell whether a provider has none of ours; it need not be hashable."""
        marked = self._marked.get(id(provider))
        return marked is None or marked() is not provider


def _put_first(provider: Any) -> None:
    """Let the latest processor of a provider stand before those that export, if that can be."""
    processors: Any = getattr(provider, "_multi_log_record_processor", None)
    if isinstance(getattr(processors, "_log_record_processors", None), tuple):
        with processors._lock:
            *others, latest = processors._log_record_processors
            processors._log_record_processors = (latest, *others)


def _span_processor(is_on: Callable[[], bool]) -> SessionSpanProcessor:
    from .processors import SessionSpanProcessor

    class Gated(SessionSpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if is_on():
                super().on_start(span, parent_context)

    return Gated()


def _log_processor(is_on: Callable[[], bool]) -> SessionLogProcessor:
    from .processors import SessionLogProcessor

    class Gated(SessionLogProcessor):
        def on_emit(self, log_record: Any) -> None:
            if is_on():
                super().on_emit(log_record)

        def emit(self, log_data: Any) -> None:
            if is_on():
                super().emit(log_data)

    return Gated()
