"""The contexts in the messages of one connection, in both directions."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext

from . import _semconv as names
from . import _w3c as w3c
from ._config import Config
from ._log import report, shielded
from ._propagation import traceparent, trust_level
from ._settings import TrustLevel
from ._turn import current_turn
from ._types import Message, Scope
from .codecs import Codec, Data, Found, accepted

_KINDS: Final[dict[str, type]] = {"text": str, "bytes": bytes}
"""What a message's content is, by its key: servers and applications take nothing else."""


class Carried(dict[str, Any]):
    """A message in which a context was found, as the application gets it."""

    __slots__ = ("carrier", "parsed")

    def __init__(self, message: Message, found: Found) -> None:
        super().__init__(message)
        self.carrier = accepted(found.carrier)
        self.parsed = found.parsed


class Sender:
    """Who has sent a message: to grow from, where that is trusted, and to link to."""

    __slots__ = ("context", "link")

    def __init__(self, remote: SpanContext, context: Context | None) -> None:
        self.context = context
        self.link = Link(remote, {names.LINK_TYPE: names.LINK_MESSAGE})


class Carriers:
    """Reads and writes contexts with `codec`, by the settings."""

    def __init__(self, codec: Codec, scope: Scope, config: Config) -> None:
        self._codec = codec
        self._scope = scope
        self._config = config
        self.strips = config.strip_carriers
        self.writes = config.inject_sends
        self.raised: TrustLevel | None = None
        """How far the application trusts this peer, once it knows who that is."""

    @shielded
    def read(self, message: Message) -> Message:
        """Return a message as the application is to get it, and as `sender` needs it."""
        if message["type"] != "websocket.receive":
            return message
        key, data = _content(message)
        try:
            found = self._codec.read(data) if data else None
            if found is None:
                return message
            carried = Carried(message, found)
            if self.strips and found.strip is not None:
                stripped = found.strip()
                if not isinstance(stripped, _KINDS[key]):
                    raise TypeError(f"{type(stripped).__name__} in place of a message")
                carried[key] = stripped
                carried.parsed = None if found.bare is None else found.bare()
        except (Exception, CancelledError) as error:  # A codec may be the user's.
            report("the codec could not read a message; it is handed on as it is", error)
            return message
        return carried

    def sender(self, message: Message) -> Sender | None:
        """Return who has sent a message that was read, as far as that is trusted."""
        if not isinstance(message, Carried) or not message.carrier:
            return None
        level = self.raised or trust_level(self._config.message_trust, self._scope, self._config)
        if level == "ignore":
            return None
        is_trusted = level == "parent"
        context = w3c.extract(message.carrier, with_baggage=is_trusted)
        remote = w3c.span_context(context)
        return Sender(remote, context if is_trusted else None) if remote.is_valid else None

    def write(self, message: Message, context: SpanContext) -> Message:
        """Return a message with a context in it, or as it is where there is no place for one.

        One that is not sampled leads nowhere, and is not written.
        """
        key, data = _content(message)
        if not data or not context.is_valid or not context.trace_flags.sampled:
            return message
        try:
            written = self._codec.write(data, {"traceparent": traceparent(context)})
            if written is data:
                return message
            if not isinstance(written, _KINDS[key]):
                raise TypeError(f"{type(written).__name__} in place of a message")
            return {**message, key: written}
        except (Exception, CancelledError) as error:
            report("the codec could not write into a message; it is sent as it is", error)
            return message


def carriers_of(scope: Scope, config: Config) -> Carriers | None:
    """Return what reads and writes the messages of a connection, if anything does."""
    codec = config.message_codec
    # Its name is its codec by now.
    return None if codec is None or isinstance(codec, str) else Carriers(codec, scope, config)


@shielded
def found_in(data: Data) -> Carried | None:
    """Return the message that the running code handles, if `data` is what was parsed of it.

    It is returned once: what the application does to the object, no second parsing shows.
    """
    turn = current_turn()
    carried = None if turn is None else turn.carried
    if turn is None or carried is None or carried.parsed is None:
        return None
    if _content(carried)[1] is not data:
        return None
    turn.carried = None
    return carried


def _content(message: Message) -> tuple[str, Data]:
    """Return the content of a message, and its key; servers send one key, or both."""
    text = message.get("text")
    return ("bytes", message.get("bytes") or b"") if text is None else ("text", text)
