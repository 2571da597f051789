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
from inspect import CO_VARARGS, CO_VARKEYWORDS
from math import inf
from types import CodeType, FunctionType
from typing import Any, Final, ParamSpec, TypeVar

logger = logging.getLogger("otel_ws")

_OURS: Final = __name__.partition(".")[0]  # the adapters' names begin with it as well
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
    code = _own_code(function)
    if code is None:
        return functools.wraps(function)(_shield("*args, **kwargs")(function, _failed))
    guarded = _shield(", ".join(code.co_varnames[: code.co_argcount]))(function, _failed)
    guarded.__defaults__ = getattr(function, "__defaults__", None)
    return functools.wraps(function)(guarded)


def _own_code(function: Callable[..., object]) -> CodeType | None:
    """Return the code of a function of ours, if each of its parameters has a name and a place.

    A function of somebody else may not take what it is called with, and that would be a failure.
    """
    if not isinstance(function, FunctionType) or not str(function.__module__).startswith(_OURS):
        return None
    code, others = function.__code__, CO_VARARGS | CO_VARKEYWORDS
    return None if code.co_kwonlyargcount or code.co_flags & others else code


# Every message passes four of them: to hand on whatever comes takes twice as long as to hand on
# the parameters that a function has. So they are written down, as `dataclass` does it.
_SHIELD: Final = """\
def shield(function_, failed_):
    def guarded({0}):
        try:
            return function_({0})
        except Exception as error_:
            failed_(function_, error_)
    return guarded
"""


@functools.cache
def _shield(parameters: str) -> Callable[..., Any]:
    """Return what makes a shield of a function with these parameters."""
    made: dict[str, Any] = {"__name__": __name__}
    exec(_SHIELD.format(parameters), made)
    shield: Callable[..., Any] = made["shield"]
    return shield


def _failed(function: Callable[..., object], error: Exception) -> None:
    report(f"{_name(function)} failed; the application is unaffected", error)


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
