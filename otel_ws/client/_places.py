"""Where turns were made current, so that none of them stays so when it is over.

A task may talk on several connections, receive inside of spans of its own, and be closed by
another task: its turns end in any order, and not always where they began.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Span, get_current_span

from .._turn import current_turn

_Runner = tuple[int, int | None]
# Turns that are over, but may be met again: in another task, or below a span of the user's.
_left: Final[WeakKeyDictionary[Span, tuple[Context, _Runner]]] = WeakKeyDictionary()


class Place:
    """Where the span of a turn was made current: in what was running, and over which context."""

    __slots__ = ("_before", "_runner", "span")

    def __init__(self, span: Span, before: Context) -> None:
        self.span = span
        self._before = before
        self._runner = _running()

    @property
    def is_here(self) -> bool:
        return get_current_span() is self.span

    def leave(self) -> None:
        """Let the turn be current no more: neither here, nor where it was entered."""
        _left[self.span] = _outside(self._before), self._runner
        step_out()


def place_of_turn(before: Context) -> Place | None:
    """Return where a turn was entered just now, if one was: over `before`."""
    turn = current_turn()
    if turn is None or turn.span is not get_current_span() or get_current() is before:
        return None
    return Place(turn.span, before)


def step_out() -> None:
    """Let no turn be current here that is over."""
    if _left:
        current = get_current()
        outside = _outside(current)
        if outside is not current:
            attach(outside)


def _outside(context: Context) -> Context:
    """Return `context`, or what it was before the turns that were entered here and are over.

    A task that a turn has started has copied its context, and stays in its trace.
    """
    found = _left.get(get_current_span(context))
    while found is not None and found[1] == _running():
        context = found[0]
        found = _left.get(get_current_span(context))
    return context


def _running() -> _Runner:
    """Return what tells the running code from others: its thread, and its task if it is one."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # A thread, or trio.
        task = None
    return threading.get_ident(), None if task is None else id(task)
