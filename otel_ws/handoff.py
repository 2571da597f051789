"""Hand-offs: work that leaves its handler through a queue, a pool, a timer or a task queue.

    await queue.put((handoff(), job))

    receipt, job = await queue.get()
    with receipt.resume("render"):
        ...

What copies the context needs none of this: ``create_task``, ``asyncio.to_thread``, anyio's task
groups, ``sync_to_async``. A receipt is for what does not.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar, cast

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanKind,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from . import envelope
from ._causes import cause, spans_of
from ._config import Config
from ._fanout import Recipients
from ._log import shielded
from ._session import Session, current_session, session_id, with_session
from ._spans import Spans, source
from ._streams import Parent
from .envelope import Envelope

__all__ = ["Receipt", "handoff", "resume"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")
_SESSION: Final = "session"
_MAX_SESSION: Final = 64
_LINK: Final = {names.LINK_TYPE: names.LINK_HANDOFF}
_resumed = Recipients()
_defaults = cache(Config)


class Receipt:
    """What the running code belonged to when it handed its work over.

    It can be kept, pickled, or turned into a mapping of strings with `to_dict`; lost, it leaves
    nothing behind.
    """

    __slots__ = ("_context", "_envelope", "_links", "_session")

    def __init__(
        self,
        context: Context | None = None,
        links: tuple[Link, ...] = (),
        handed: Envelope | None = None,
        session: Session | None = None,
    ) -> None:
        self._context = context
        self._links = links
        self._envelope = handed
        self._session = session

    def resume(self, name: str) -> _Resumption:
        """Go on with the work: a context manager that enters as the span called `name`.

        The span is a child of what handed the work over. Resumed once more it is a root, and
        links there.
        """
        return _Resumption(name, (self,))

    def call(
        self, name: str, function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Call `function` and go on with the work in it: ``pool.submit(handoff().call, ...)``."""
        if iscoroutinefunction(function):
            later: Any = self._await(name, function(*args, **kwargs))
            return cast("_R", later)
        with self.resume(name):
            return function(*args, **kwargs)

    async def _await(self, name: str, work: Awaitable[_T]) -> _T:
        with self.resume(name):
            return await work

    def to_dict(self) -> dict[str, str]:
        """Return what another process needs to go on with the work: a flat mapping of strings."""
        return self._carrier() or {}

    @shielded
    def _carrier(self) -> dict[str, str]:
        if self._envelope is None:
            return {}
        carrier = envelope.write(self._envelope)
        found = None if self._context is None else session_id(self._context)
        return carrier if found is None else {**carrier, _SESSION: found}

    @classmethod
    def from_dict(cls, carrier: Mapping[str, Any]) -> Receipt:
        """Return the receipt that `to_dict` has turned into `carrier`.

        From what is none of these an empty one is made: with it work goes on as if handed over by
        nobody.
        """
        return _read(carrier) or cls()

    def __reduce__(self) -> tuple[Callable[[Mapping[str, Any]], Receipt], tuple[dict[str, str]]]:
        return _unpickled, (self.to_dict(),)


def _unpickled(carrier: Mapping[str, Any]) -> Receipt:
    """Return the receipt that was pickled.

    A function, because Twisted, which comes with Daphne, pickles class methods that nobody can
    load. Its name is in pickles that may be older than the process which loads them.
    """
    return Receipt.from_dict(carrier)


def handoff() -> Receipt:
    """Return a receipt for what the running code hands over."""
    return _handed() or Receipt()


def resume(name: str, *receipts: Receipt) -> _Resumption:
    """Go on with the work of several receipts at once, as with `Receipt.resume` of a single one.

    The span grows from what is current, and links to those who handed the work over.
    """
    return _Resumption(name, receipts)


@shielded
def _handed() -> Receipt:
    session = current_session()
    context, links = cause(session)
    span = get_current_span(context).get_span_context()
    handed = Envelope(span, envelope.new_id(), time.time())
    return Receipt(context, links, handed if span.is_valid else None, session)


@shielded
def _read(carrier: Any) -> Receipt | None:
    if not isinstance(carrier, Mapping):
        return None
    handed, found = envelope.read(dict(carrier)), carrier.get(_SESSION, "")
    if handed is None:
        return None
    context = set_span_in_context(NonRecordingSpan(handed.context))
    if found.isascii() and 0 < len(found) <= _MAX_SESSION:
        context = with_session(found, context)
    return Receipt(context, (), handed)


def _is_first(handed: Envelope) -> bool:
    """Tell whether a hand-off is resumed for the first time here, as far as it can be told."""
    return not handed.id or _resumed.count(handed.id) == 1


class _Resumption:
    """The ``with`` block in which work goes on."""

    def __init__(self, name: str, receipts: tuple[Receipt, ...]) -> None:
        self._name = name
        self._receipts = receipts
        self._before: Context | None = None
        self._span: Span = INVALID_SPAN
        self._spans: Spans | None = None

    def __enter__(self) -> Span:
        self._enter()
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._before is not None:
            attach(self._before)
        if self._spans is not None:
            shielded(self._spans.end)(self._span, error)

    @shielded
    def _enter(self) -> None:
        before, session = get_current(), self._receipts[0]._session if self._receipts else None
        context, links = self._parent(before)
        config = session.config if session else _defaults()
        is_one = all(each._session is session for each in self._receipts)
        common = spans_of(session) if is_one else None
        self._spans = common or Spans(source(config))
        quiet = self._quiet(config, session)
        self._span = quiet or self._spans.start(
            self._name, SpanKind.INTERNAL, context, links, self._attributes()
        )
        self._before = before
        attach(set_span_in_context(self._span, context))

    def _parent(self, before: Context) -> Parent:
        """Return what the work grows from: who handed it over, if that is one, the first time."""
        links = tuple(Link(each.context, _LINK) for each in self._handed())
        only = self._receipts[0] if len(self._receipts) == 1 else Receipt()
        if only._context is None:
            return before, links
        if only._envelope is None or _is_first(only._envelope):
            return only._context, only._links
        return set_span_in_context(INVALID_SPAN, only._context), links

    def _quiet(self, config: Config, session: Session | None) -> Span | None:
        """Return what the work runs under if nothing of what it follows from is recorded."""
        handed = self._handed()
        if not handed and session is not None and not session.is_traced:
            return INVALID_SPAN
        if not handed or not config.inherit_sampling:
            return None
        is_recorded = any(each.context.trace_flags.sampled for each in handed)
        return None if is_recorded else NonRecordingSpan(handed[0].context)

    def _attributes(self) -> dict[str, AttributeValue]:
        """Return how long the work has waited, and its session where that is one."""
        found: dict[str, AttributeValue] = {}
        if times := [each.sent for each in self._handed() if each.sent > 0]:
            found[names.HANDOFF_WAIT_DURATION] = max(0.0, time.time() - min(times))
        ids = {session_id(each._context) for each in self._receipts if each._context is not None}
        if len(ids) == 1 and (only := ids.pop()):
            found[names.SESSION_ID] = only
        return found

    def _handed(self) -> list[Envelope]:
        return [each._envelope for each in self._receipts if each._envelope is not None]
