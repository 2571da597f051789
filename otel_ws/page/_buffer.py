"""The spans that are kept to be looked at: so many, and no more."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakSet

from .. import _semconv as names
from .._log import shielded
from .._records import SpanRecord, record_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    _Kept = SpanRecord | ReadableSpan

DEFAULT_LIMIT: Final = 20_000
_LEAST_BYTES: Final = 64 * 1024 * 1024
_BYTES_OF_A_SPAN: Final = 4096


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

    It does so too if what other processes have sent takes about 64 MiB, or 4 KiB for each span
    of the limit where that is more.
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
        self._bytes = 0
        self._max_bytes = max(_LEAST_BYTES, limit * _BYTES_OF_A_SPAN)
        self._end = 0
        self._dropped = 0
        self._clears = 0
        self._watchers: list[Callable[[], None]] = []
        _buffers.add(self)

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
                self._bytes += _size(span)
                self._end += 1
                while len(self._spans) > self.limit or self._bytes > self._max_bytes:
                    self._bytes -= _size(self._spans.popleft())
                    self._dropped += 1
            watchers = tuple(self._watchers)
        for changed in watchers:
            changed()

    def clear(self) -> None:
        """Forget every span."""
        with self._lock:
            self._spans.clear()
            self._bytes = 0
            self._dropped = 0
            self._clears += 1
            watchers = tuple(self._watchers)
        for changed in watchers:
            changed()

    def look(self, start: int = 0, count: int = DEFAULT_LIMIT) -> Look:
        """Return at most `count` spans from the number `start` on, as far as they are kept."""
        with self._lock:
            first, kept = self._between(start, count)
            end, dropped, clears = self._end, self._dropped, self._clears
        return Look(first, first + len(kept), end, list(_records(kept)), dropped, clears)

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

        def unwatch() -> None:
            with self._lock:
                self._watchers.remove(changed)

        return unwatch

    def _renew_lock(self) -> None:
        self._lock = RLock()

    def _between(self, start: int, count: int) -> tuple[int, list[_Kept]]:
        """Return the number of the first span from `start` on, and so many spans from there."""
        while True:
            end = self._end
            first = end - len(self._spans)
            start = max(first, start)
            # A span that the garbage collector ends meanwhile moves all of them: then once more.
            with suppress(RuntimeError):
                kept = list(islice(self._spans, start - first, start - first + count))
                if end == self._end:
                    return start, kept

    def _kept(self) -> list[_Kept]:
        with self._lock:
            return list(self._spans)

    def _of_traces(self, trace_ids: set[str]) -> list[SpanRecord]:
        return list(_records(span for span in self._kept() if _trace_id(span) in trace_ids))


def _renew_locks() -> None:
    """Let a forked process not wait for a thread that it does not have."""
    for buffer in tuple(_buffers):
        buffer._renew_lock()


_buffers: WeakSet[SpanBuffer] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)

DEFAULT: Final = SpanBuffer()
"""Where the processor and the page of a process meet, unless they are told otherwise."""


def _records(kept: Iterable[_Kept]) -> Iterator[SpanRecord]:
    for span in kept:
        record = span if isinstance(span, SpanRecord) else _read(span)
        if record is not None:
            yield record


_read = shielded(record_of)
"""A span that cannot be read is left out: the others are looked at all the same."""


def _size(span: _Kept) -> int:
    return span.size if isinstance(span, SpanRecord) else 0


def _trace_id(span: _Kept) -> str:
    if isinstance(span, SpanRecord):
        return span.trace_id
    context = span.get_span_context()
    return f"{context.trace_id:032x}" if context else ""
