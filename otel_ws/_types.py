"""The words of the ASGI specification, as types (https://asgi.readthedocs.io/en/latest/specs/)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Frameworks and their stubs disagree on the types of the three; what is called is the same.
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

# What delimits the handling of a message: the next `receive()`, the adapter's word, or nothing.
Turns = Literal["receive", "dispatch", "none"]
