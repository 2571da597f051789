"""Streams: runs of outbound messages that answer one request, and their rhythm.

    with StreamMeter("reply"):
        async for token in llm.stream():
            await websocket.send_text(token)

    async for token in meter_stream(llm.stream(), "reply"):
        await websocket.send_text(token)

A chunk is a message that is sent while a meter is open in the current context; tasks and threads
that are started meanwhile have copied that context, and send chunks of the same stream. Chunks
are counted, and have no spans of their own.
Where no traced connection is served nothing is measured, and nothing else changes.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Final, Generic, TypeVar, overload

from ._chunks import StreamMeasures
from ._log import report, shielded
from ._session import current_session
from ._stream import Stream

__all__ = ["StreamMeasures", "StreamMeter", "meter_stream"]

_T = TypeVar("_T")
_NOTHING: Final = StreamMeasures(0, 0, None, None, None, None)


class StreamMeter:
    """Measures what is sent inside of a ``with`` block as one stream, called `name`.

    Times count from `since`, in nanoseconds since the epoch (``time.time_ns()``); without it from
    the arrival of the message whose handler opens the meter, and outside of one from its opening.
    A meter may be used again when it is closed, and then measures anew.
    """

    def __init__(self, name: str, *, since: int | None = None) -> None:
        self.name = name
        self._since = since
        self._stream: Stream | None = None
        self._is_open = False

    @property
    def measures(self) -> StreamMeasures:
        """What was measured so far, or at the end."""
        found = None if self._stream is None else shielded(self._stream.chunks.measures)()
        return found or _NOTHING

    def __enter__(self) -> StreamMeter:
        if self._is_open:
            report(f"the meter {self.name!r} is open already: make one for each stream")
        else:
            self._is_open, self._stream = True, _begin(self.name, self._since)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        _end(self._stream, error)


@overload
def meter_stream(
    source: AsyncIterable[_T], name: str, *, since: int | None = None
) -> _AsyncMetered[_T]: ...
@overload
def meter_stream(source: Iterable[_T], name: str, *, since: int | None = None) -> _Metered[_T]: ...
def meter_stream(
    source: AsyncIterable[_T] | Iterable[_T], name: str, *, since: int | None = None
) -> _AsyncMetered[_T] | _Metered[_T]:
    """Iterate over `source`, and measure what is sent in the loop as one stream, called `name`.

    The stream begins when the first item is asked for, and ends with `source`. A loop that is
    left by ``break`` has cancelled it. `since` is that of `StreamMeter`.
    """
    if isinstance(source, AsyncIterable):
        return _AsyncMetered(source, name, since)
    return _Metered(source, name, since)


class _Loop(Generic[_T]):
    """What both kinds of loop share. They are no generators: those must not hold a context."""

    def __init__(self, name: str, since: int | None) -> None:
        self._name = name
        self._since = since
        self._stream: Stream | None = None
        self._is_begun = False

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun, self._stream = True, _begin(self._name, self._since)

    def _end(self, error: BaseException | None = None) -> None:
        _end(self._stream, error)

    def _leave(self) -> None:
        if self._stream is not None:
            shielded(self._stream.streams.leave)(self._stream)

    def __del__(self) -> None:
        self._leave()


class _AsyncMetered(_Loop[_T], AsyncIterator[_T]):
    def __init__(self, source: AsyncIterable[_T], name: str, since: int | None) -> None:
        super().__init__(name, since)
        self._source = aiter(source)

    def __anext__(self) -> Awaitable[_T]:
        self._begin()  # At once: who awaits this may be a task of its own, as under `wait_for`.
        return self._next()

    async def _next(self) -> _T:
        try:
            return await anext(self._source)
        except StopAsyncIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise

    async def aclose(self) -> None:
        """Leave the loop, and close the source if it can be closed."""
        self._leave()
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class _Metered(_Loop[_T], Iterator[_T]):
    def __init__(self, source: Iterable[_T], name: str, since: int | None) -> None:
        super().__init__(name, since)
        self._source = iter(source)

    def __next__(self) -> _T:
        self._begin()
        try:
            return next(self._source)
        except StopIteration:
            self._end()
            raise
        except BaseException as error:
            self._end(error)
            raise

    def close(self) -> None:
        """Leave the loop, and close the source if it can be closed."""
        self._leave()
        close = getattr(self._source, "close", None)
        if close is not None:
            close()


@shielded
def _begin(name: str, since: int | None) -> Stream | None:
    session = current_session()
    connection = session.connection if session else None
    if session is None or connection is None:
        return None
    parent = connection.parent() if session.is_traced else None
    return connection.frame.streams.begin(name, since, parent)


def _end(stream: Stream | None, error: BaseException | None) -> None:
    if stream is not None:
        shielded(stream.streams.end)(stream, error)
