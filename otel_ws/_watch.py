"""The age of the open turn: looked at by one timer, however many messages pass."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

from ._log import shielded


class Watch:
    """Has a turn cut when it is too old; `told` is the connection."""

    __slots__ = ("_told", "timer")

    def __init__(self, told: Any) -> None:
        self._told = told
        self.timer: asyncio.TimerHandle | _NoTimer | None = None
        """Runs while a turn is watched; then there is no need to `begin`."""

    def begin(self) -> None:
        """Watch the turn that is open, and those that follow it."""
        if self.timer is None:
            self._look()

    def end(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    @shielded
    def _look(self) -> None:
        left = self._told.cut()
        self.timer = None if left is None else _call_later(left, self._look)


class _NoTimer:
    """Stands for a timer where no asyncio loop runs (trio): no turn is cut by age there."""

    def cancel(self) -> None:
        pass


def _call_later(seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle | _NoTimer:
    """Arm a timer in an empty context, so that it keeps none alive."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _NoTimer()
    return loop.call_later(seconds, callback, context=contextvars.Context())
