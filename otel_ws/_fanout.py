"""What an event's sender becomes to those who process it: their parent, or a link.

A group of three should read as one trace; a group of ten thousand must not make one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from threading import Lock
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Link

from . import _semconv as names
from ._config import Config
from ._log import report, run_hook
from ._models import Trunk
from ._turn import with_span
from .envelope import Envelope

_MAX_CHILDREN: Final = 100
_MAX_EVENTS: Final = 1024


class Recipients:
    """Counts those who get the latest events, or resume the latest hand-offs, in this process."""

    def __init__(self) -> None:
        self._counts: dict[str, Iterator[int]] = {}
        self._lock = Lock()

    def count(self, event_id: str) -> int:
        """Count one more of them; return how many there are by now."""
        counts = self._counts.get(event_id)
        return next(self._first(event_id) if counts is None else counts)

    def _first(self, event_id: str) -> Iterator[int]:
        with self._lock:
            if event_id not in self._counts and len(self._counts) >= _MAX_EVENTS:
                del self._counts[next(iter(self._counts))]
            return self._counts.setdefault(event_id, count(1))


_recipients = Recipients()


def grow_from(
    envelope: Envelope | None, event: Mapping[str, Any], trunk: Trunk, config: Config
) -> tuple[Context, tuple[Link, ...]]:
    """Return what the processing of an event grows from, and its links."""
    if envelope is None:
        return trunk.context, trunk.links
    if not trunk.is_span and _is_parent(envelope, event, config):
        return with_span(envelope.sender, trunk.context), trunk.links
    link = Link(envelope.context, {names.LINK_TYPE: names.LINK_EVENT})
    return trunk.context, (link, *trunk.links)


def _is_parent(envelope: Envelope, event: Mapping[str, Any], config: Config) -> bool:
    fanout = config.fanout
    if callable(fanout):
        answer = run_hook(fanout, event)
        if answer not in ("parent", "link"):
            report("a fanout function returned neither 'parent' nor 'link'; the event is linked")
        return answer == "parent"
    if fanout == "auto":
        return _recipients.count(envelope.id) <= _MAX_CHILDREN
    return fanout == "parent"
