"""A library's connections, made ours: each is of its own class, which the user may have chosen."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from .._log import shielded
from ._client import Client


@lru_cache(maxsize=64)
def traced_class(kind: type, of: type) -> type:
    """Return a class of connections as one that is traced as well, by `kind`."""
    return of if issubclass(of, kind) else type(of.__name__, (kind, of), {})


@shielded
def equip(connection: Any, kind: type, client: Client) -> None:
    """Let a connection be traced by `kind`, whoever has made it, and tell `client` what happens."""
    try:
        if not isinstance(connection, kind):
            of: type = type(connection)
            connection.__class__ = traced_class(kind, of)
        connection._traced = client
    except BaseException:
        client.ended()
        raise
