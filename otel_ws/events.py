"""Events: what applications send through a channel layer or a fan-out, traced at both ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    attach,
    get_current,
)
from opentelemetry.trace import set_span_in_context

from ._events import Events
from ._turn import Turn

__all__ = ["Events", "Handling", "publish", "unobserved"]

_R = TypeVar("_R")

# Both keys that instrumentations look at.
_UNOBSERVED: Final = Context(
    {_SUPPRESS_INSTRUMENTATION_KEY: True, "suppress_instrumentation": True}
)


async def publish(
    events: Events,
    operation: str,
    call: Callable[[str, dict[str, Any]], Awaitable[_R]],
    destination: str,
    event: dict[str, Any],
) -> _R:
    """Call `call` to send `event`, in a span that travels with it."""
    publication = events.publishing(operation, destination, event)
    if publication is None:
        return await call(destination, event)
    before = get_current()
    attach(set_span_in_context(publication.span, before))
    try:
        result = await call(destination, publication.event)
    except BaseException as error:
        attach(before)
        events.published(publication, error)
        raise
    attach(before)
    events.published(publication)
    return result


class Handling:
    """The processing of one event after another, each ended by the wish for the next."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._turn: Turn | None = None

    def begin(self, event: Mapping[str, Any]) -> None:
        self._turn = self._events.dispatching(event)

    def end(self, error: BaseException | None = None) -> None:
        turn, self._turn = self._turn, None
        self._events.dispatched({}, turn, error)


class unobserved:
    """Run what polls for ever in a context that belongs to nobody, without instrumentation."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = get_current()
        attach(_UNOBSERVED)

    def __exit__(self, *_: object) -> None:
        attach(self._before)
