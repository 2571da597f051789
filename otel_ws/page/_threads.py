"""Threads of the page's own: those of an event loop belong to the application."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Lock
from typing import Any, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Threads:
    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(2, "otel-ws-page")  # begins none before the first is needed
        self.turn = Lock()


_threads = _Threads()


async def in_thread(function: Callable[..., _R], *arguments: Any) -> _R:
    """Call a function in a thread of the page, in the context of the caller."""
    run = copy_context().run
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_threads.pool, run, function, *arguments)


def alone(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """Call a function that takes much memory: one such call at a time in this process."""
    with _threads.turn:
        return function(*args, **kwargs)


def _renew() -> None:
    """Let a forked process not wait for threads that it does not have."""
    global _threads
    _threads = _Threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
