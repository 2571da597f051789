"""WebSockets, visible in OpenTelemetry."""

from __future__ import annotations

from ._config import Config, Hooks, Settings
from ._connection import Connection
from ._rules import ConfigError
from ._session import Session, current_session
from ._types import ASGIApp, Message, Receive, Scope, Send
from ._version import __version__

__all__ = [
    "ASGIApp",
    "Config",
    "ConfigError",
    "Connection",
    "Hooks",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "Session",
    "Settings",
    "__version__",
    "current_session",
]
