"""Keeps the server and the load on it out of each other's way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable


def stay_on(choose: Callable[[Iterable[int]], int]) -> None:
    """Keep this process on one of the cores that it may use, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {choose(os.sched_getaffinity(0))})
