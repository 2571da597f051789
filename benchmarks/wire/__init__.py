"""The same echo behind a real server, with the load from another process."""

from __future__ import annotations

CONNECTIONS = 50
RATE = 2000
"""Messages per second, on all connections together, where they are paced."""
