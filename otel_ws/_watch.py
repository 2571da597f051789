"""The age of the open turn: looked at by one timer for many connections and all their messages."""

from __future__ import annotations

import asyncio
import contextvars
from math import ceil
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from ._log import shielded

_COARSE_SECONDS = 1.0


class Watch:
    """Has a turn cut when it is too old; `told` is the connection."""

    __slots__ = ("_told", "round")

    def __init__(self, told: Any) -> None:
        self._told = told
        self.round: Round | None = None
        """Those that it is looked at with. While there are any, there is no need to `watch`."""

    def watch(self) -> None:
        """Watch the turn that is open, and those that follow it."""
        if self.round is None:
            self.look()

    def unwatch(self) -> None:
        found, self.round = self.round, None
        if found is not None:
            found.discard(self)

    @shielded
    def look(self) -> None:
        """Cut the turn if it is too old, and come back when it may be, or the next one."""
        self.round = None
        left = self._told.cut()
        if left is not None:
            self.round = _round_in(left)
            self.round.add(self)


class Round(set["Watch"]):
    """Those that are looked at together. Their timer has it, and goes with its loop."""

    __slots__ = ()

    def look(self) -> None:
        """Look at all of them, each of which then belongs to another one, or to none."""
        watches = tuple(self)
        self.clear()
        for watch in watches:
            watch.look()


_rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[float, Round]] = (
    WeakKeyDictionary()
)
"""Of each loop, by when they are due."""


def _round_in(seconds: float) -> Round:
    """Return those that are looked at in so many seconds, or in up to one more.

    A thousand idle connections have a timer a second, not one each. Where no asyncio loop runs
    (trio), no turn is cut by age.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return Round()
    rounds, due = _rounds.setdefault(loop, WeakValueDictionary()), loop.time() + seconds
    due = ceil(due) if seconds >= _COARSE_SECONDS else due
    found = rounds.get(due)
    if found is None:
        found = rounds[due] = Round()
        # In an empty context, so that none is kept alive.
        loop.call_at(due, found.look, context=contextvars.Context())
    return found
