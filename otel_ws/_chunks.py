"""The rhythm of a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from opentelemetry.util.types import AttributeValue

from . import _semconv as names

_NANO: Final = 1e9
_MAX_TIMES: Final = 1000


@dataclass(frozen=True, slots=True)
class StreamMeasures:
    """What was measured of a stream. Times are in seconds, and None where there is none."""

    chunk_count: int
    """How many messages it had."""
    size: int
    """Their bytes in all."""
    time_to_first_chunk: float | None
    """From what asked for the stream until the server had taken the first chunk."""
    time_to_last_chunk: float | None
    """The same for the last one."""
    average_chunk_interval: float | None
    """The mean time from one chunk to the next; None for fewer than two."""
    max_chunk_interval: float | None
    """The longest of these times."""
    chunk_times: tuple[float, ...] | None = None
    """When the server had taken each chunk, from what asked for the stream; as far as kept."""

    def attributes(self) -> dict[str, AttributeValue]:
        """Return the measures that there are, as attributes of a span."""
        found = {name: getattr(self, field) for field, name in _ATTRIBUTES.items()}
        return {name: value for name, value in found.items() if value is not None}


_ATTRIBUTES: Final = {
    "chunk_count": names.STREAM_CHUNK_COUNT,
    "size": names.STREAM_SIZE,
    "time_to_first_chunk": names.STREAM_TIME_TO_FIRST_CHUNK,
    "time_to_last_chunk": names.STREAM_TIME_TO_LAST_CHUNK,
    "average_chunk_interval": names.STREAM_AVERAGE_CHUNK_INTERVAL,
    "max_chunk_interval": names.STREAM_MAX_CHUNK_INTERVAL,
    "chunk_times": names.STREAM_CHUNK_TIMES,
}


class Chunks:
    """Counts the chunks of a stream; `since` is when it was asked for, in nanoseconds."""

    __slots__ = ("count", "first", "last", "longest", "since", "size", "times")

    def __init__(self, since: int, *, keeps_times: bool = False) -> None:
        self.times: list[float] | None = [] if keeps_times else None
        self.since = self.first = self.last = since
        self.count = self.size = self.longest = 0

    def add(self, size: int, now: int) -> float | None:
        """Count a chunk that the server has taken `now`; return the seconds since the last one."""
        interval = max(0, now - self.last) if self.count else None
        if interval is None:
            self.first = now
        else:
            self.longest = max(self.longest, interval)
        self.last = now
        if self.times is not None and self.count < _MAX_TIMES:
            self.times.append(max(0, now - self.since) / _NANO)
        self.count += 1
        self.size += size
        return None if interval is None else interval / _NANO

    def measures(self) -> StreamMeasures:
        """Return the measures so far."""
        count, run = self.count, max(0, self.last - self.first)
        return StreamMeasures(
            count,
            self.size,
            max(0, self.first - self.since) / _NANO if count else None,
            max(0, self.last - self.since) / _NANO if count else None,
            run / (count - 1) / _NANO if count > 1 else None,
            self.longest / _NANO if count > 1 else None,
            tuple(self.times) if self.times else None,
        )
