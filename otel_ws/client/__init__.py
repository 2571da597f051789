"""Traced clients. Each library has its module here, with that library's own words.

async with otel_ws.client.connect("ws://localhost:8000/ws") as websocket: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .websockets import connect

__all__ = ["connect"]


def __getattr__(name: str) -> Any:
    if name != "connect":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .websockets import connect  # Whoever has another library need not have this one.

    return connect
