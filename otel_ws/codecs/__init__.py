"""Codecs: how a trace context travels inside a WebSocket message.

A frame has no headers, so each protocol has its own place for a context. The presets know the
places of some; an application's own protocol needs an object with `read` and `write`.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import iscoroutinefunction
from types import MappingProxyType
from typing import Any, Final

from .._rules import suggestion
from ._carrier import Codec, Data, Found, accepted
from ._json import JsonCodec, cloudevents, graphql, jsonrpc, meta
from ._signalr import SignalR
from ._stomp import Stomp

__all__ = ["PRESETS", "Codec", "Data", "Found", "accepted", "codec_of"]

_JSONRPC = JsonCodec(jsonrpc)
PRESETS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "json": JsonCodec(meta),
        "jsonrpc": _JSONRPC,
        "mcp": _JSONRPC,
        "graphql-ws": JsonCodec(graphql),
        "signalr": SignalR(),
        "cloudevents": JsonCodec(cloudevents),
        "stomp": Stomp(),
    }
)
"""The codecs that have a name."""


def codec_of(name_or_codec: str | Codec) -> Codec:
    """Return the preset of this name, or an application's own codec as it is.

    Raises ValueError for anything else.
    """
    found: Any = PRESETS.get(name_or_codec) if isinstance(name_or_codec, str) else name_or_codec
    if found is not None and not isinstance(found, type) and _has_both(found):
        return found  # type: ignore[no-any-return]
    names = ", ".join(map(repr, PRESETS))
    raise ValueError(
        f"expected one of {names}, or an object with the functions read and write, "
        f"got {name_or_codec!r}. {suggestion(name_or_codec, PRESETS)}"
    )


def _has_both(value: object) -> bool:
    functions = (getattr(value, "read", None), getattr(value, "write", None))
    return all(callable(each) and not iscoroutinefunction(each) for each in functions)
