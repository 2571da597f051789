"""One stream: a run of outbound messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from opentelemetry.context import create_key, get_current
from opentelemetry.trace import Span

from ._chunks import Chunks
from ._turn import Running, Turn

if TYPE_CHECKING:
    from ._streams import Streams

STREAM_KEY: Final = create_key("otel_ws.stream")


class Stream(Running):
    """One stream of a connection; what is sent while it is current belongs to it."""

    __slots__ = ("_task", "chunks", "is_own", "left_at", "name", "streams", "turn")

    _key = STREAM_KEY

    def __init__(self, streams: Streams, name: str | None, span: Span, chunks: Chunks) -> None:
        super().__init__(span, chunks.since)
        self.streams = streams
        self.name = name
        self.chunks = chunks
        self.turn: Turn | None = None
        """What it was begun in, and ends with at the latest, unless a task goes on with it."""
        self.is_own = True
        """Its span is its own, and not what was current before."""
        self.left_at: int | None = None
        """When it was left, before its end is told."""
        self._task = _task()

    @property
    def is_left(self) -> bool:
        """Tell whether nothing more is a chunk of it."""
        return self.left_at is not None

    @property
    def is_here(self) -> bool:
        """Tell whether the running code has it open, and not a task or a thread besides.

        What a sync consumer has begun in its thread is in the context that comes back from there.
        """
        return get_current().get(STREAM_KEY) is self and self._task in (None, _task())


def _task() -> int | None:
    """Return what tells the running task from others, if one runs."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # A thread, or trio.
        return None
    return None if task is None else id(task)
