"""Our own log, and the shield that keeps our failures in it.

One line per cause and minute in a process, with a count of what was held back:
a stranger who can provoke a line must not be able to fill the log.
"""

from __future__ import annotations

import functools
import logging
import time
from asyncio import CancelledError
from collections.abc import Callable
from math import inf
from typing import ParamSpec, TypeVar

logger = logging.getLogger("otel_ws")

_PERIOD = 60.0
_MAX_CAUSES = 256
_causes: dict[str, tuple[float, int]] = {}

_P = ParamSpec("_P")
_R = TypeVar("_R")


def report(cause: str, error: BaseException | None = None, *, period: float = _PERIOD) -> None:
    """Log a warning about `cause`, unless it was logged in the last `period` seconds."""
    key = cause if error is None else f"{cause}: {type(error).__qualname__}"
    now = time.monotonic()
    logged, held_back = _causes.get(key, (-inf, 0))
    if now - logged < period:
        _causes[key] = (logged, held_back + 1)
        return
    if len(_causes) >= _MAX_CAUSES:
        _causes.clear()
    _causes[key] = (now, 0)
    repeated = f" ({held_back} more in between)" if held_back else ""
    logger.warning("%s%s", cause, repeated, exc_info=error)


def shielded(function: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """Keep a failure of `function` from its caller: it is reported, and the call returns None."""

    @functools.wraps(function)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            report(f"{_name(function)} failed; the application is unaffected", error)
            return None

    return guarded


def run_hook(hook: Callable[_P, _R] | None, *args: _P.args, **kwargs: _P.kwargs) -> _R | None:
    """Call a user's function, if there is one. What it raises is reported and goes no further."""
    if hook is None:
        return None
    try:
        return hook(*args, **kwargs)
    except (Exception, CancelledError) as error:
        report(f"{_name(hook)} failed; tracing goes on without it", error)
        return None


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)
