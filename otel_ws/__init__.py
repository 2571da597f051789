"""WebSockets, visible in OpenTelemetry."""

from __future__ import annotations

from ._config import Config
from ._connection import Connection
from ._hooks import Hooks
from ._rules import ConfigError
from ._session import Session, current_session
from ._settings import Settings
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
