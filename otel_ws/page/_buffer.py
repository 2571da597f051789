"""The spans that are kept to be looked at: so many, and no more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple

from .. import _semconv as names
from .._log import shielded
from .._records import SpanRecord, record_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    _Kept = SpanRecord | ReadableSpan

DEFAULT_LIMIT: Final = 20_000


class Look(NamedTuple):
    """What somebody sees who looks into a buffer at one moment."""

    start: int
    """The number of the first span that is still kept from where the look began."""
    next: int
    """The number of the span that the next look is to begin with."""
    end: int
    """The number of the span that will come next."""
    spans: list[SpanRecord]
    dropped: int
    clears: int


class SpanBuffer:
    """The last spans that have ended, at most `limit`: the oldest gives way, and is counted.

    Any thread may add to it. Spans are numbered as they come, and whoever follows them keeps the
    number of the next: so a slow reader costs nothing here, and learns what it has missed.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        if limit < 1:
            raise ValueError(f"limit must be a positive number of spans, not {limit!r}")
        self.limit = limit
        # A span may be ended by the garbage collector, in the midst of what we do here.
        self._lock = RLock()
        self._spans: deque[_Kept] = deque()
        self._end = 0
        self._dropped = 0
        self._clears = 0
        self._watchers: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._spans)

    @property
    def dropped(self) -> int:
        """How many spans have given way to others since the last `clear`."""
        return self._dropped

    def add(self, spans: Iterable[_Kept]) -> None:
        """Keep spans that have ended: those of the SDK, which are read when somebody looks."""
        with self._lock:
            for span in spans:
                self._spans.append(span)
                self._end += 1
                while len(self._spans) > self.limit:
                    self._spans.popleft()
                    self._dropped += 1
            watchers = tuple(self._watchers)
        for changed in watchers:
            changed()

    def clear(self) -> None:
        """Forget every span."""
        with self._lock:
            self._spans.clear()
            self._dropped = 0
            self._clears += 1
            watchers = tuple(self._watchers)
        for changed in watchers:
            changed()

    def look(self, start: int = 0, count: int = DEFAULT_LIMIT) -> Look:
        """Return at most `count` spans from the number `start` on, as far as they are kept."""
        with self._lock:
            first = self._end - len(self._spans)
            start = max(first, start)
            kept = list(self._spans)[start - first : start - first + count]
            end, dropped, clears = self._end, self._dropped, self._clears
        return Look(start, start + len(kept), end, list(_records(kept)), dropped, clears)

    def trace(self, trace_id: str) -> list[SpanRecord]:
        """Return the spans of a trace, in the order in which they came."""
        return self._of_traces({trace_id})

    def session(self, session_id: str) -> list[SpanRecord]:
        """Return the spans of every trace that a session has a span in."""
        kept = self._kept()
        attribute = names.SESSION_ID
        return self._of_traces(
            {_trace_id(s) for s in kept if (s.attributes or {}).get(attribute) == session_id}
        )

    def watch(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after every change, in whatever thread; return what ends that."""
        with self._lock:
            self._watchers.append(changed)
        return lambda: self._watchers.remove(changed)

    def _kept(self) -> list[_Kept]:
        with self._lock:
            return list(self._spans)

    def _of_traces(self, trace_ids: set[str]) -> list[SpanRecord]:
        return list(_records(span for span in self._kept() if _trace_id(span) in trace_ids))


DEFAULT: Final = SpanBuffer()
"""Where the processor and the page of a process meet, unless they are told otherwise."""


def _records(kept: Iterable[_Kept]) -> Iterator[SpanRecord]:
    for span in kept:
        record = span if isinstance(span, SpanRecord) else _read(span)
        if record is not None:
            yield record


_read = shielded(record_of)
"""A span that cannot be read is left out: the others are looked at all the same."""


def _trace_id(span: _Kept) -> str:
    if isinstance(span, SpanRecord):
        return span.trace_id
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context else ""
