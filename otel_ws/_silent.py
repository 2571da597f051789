"""A connection whose handshake is not recorded: it is counted and measured, and makes no spans.

It is told the same as `Connection`, and sets no context: the handshake's, which is current all
along, keeps what the application makes below it from being recorded.
"""

from __future__ import annotations

from typing import ClassVar

from . import _instruments as instruments
from ._frame import Frame
from ._handshake import Handshake
from ._log import shielded
from ._measures import measure
from ._sends import Sending
from ._session import Session
from ._types import Message


class SilentConnection:
    """Told what happens on a connection that is not traced."""

    __slots__ = (
        *("_carriers", "_clock", "_config", "_ending", "_handshake", "_measures", "_session"),
        *("_spans", "_streams", "hears_receiving", "hears_sending"),
    )
    is_turning: ClassVar = False

    def __init__(self, session: Session, frame: Frame, handshake: Handshake) -> None:
        self._session = session
        self._handshake: Handshake | None = handshake
        self._config = frame.config
        self._measures = frame.measures
        self._spans = frame.spans
        self._carriers = frame.carriers if frame.carriers and frame.carriers.strips else None
        self._clock = frame.clock
        self._streams = frame.streams
        self._ending = frame.ending
        self.hears_receiving = self.hears_sending = frame.measures.is_fine

    @shielded
    def receiving(self, error: BaseException | None = None) -> None:
        self._measures.handled(self._spans.failure(error))

    def received(self, message: Message) -> Message:
        if self._carriers is not None:
            message = self._carriers.read(message) or message
        self._received(message)
        return message

    @shielded
    def _received(self, message: Message) -> None:
        if message["type"] == "websocket.receive":
            self._measures.handling(message)
        elif message["type"] == "websocket.disconnect":
            self._ending.disconnected(message)

    @shielded
    def sending(self, message: Message) -> Sending | None:
        if message["type"] == "websocket.send":
            is_fine = self._measures.is_fine
            return Sending(message, None, measure(message)[0], self._clock()) if is_fine else None
        if message["type"] == "websocket.close" and self._handshake is None:
            self._ending.closing(message)
        return None

    @shielded
    def sent(
        self, message: Message, sending: Sending | None, error: BaseException | None = None
    ) -> None:
        if self._handshake is not None:
            if error is None:
                self._answered(self._handshake, message)
        elif message["type"] != "websocket.send":
            return
        elif error is not None:
            if self._ending.refused(error):
                self._spans.forgive(error)
        else:
            self._measures.sent(message)
            self._streams.sent(message)
            if sending is not None and sending.kind is not None:
                took = self._measures.took
                took(instruments.SEND_DURATION, sending.started, sending.kind, None, None)

    def cut(self) -> float | None:
        return None

    @shielded
    def ended(self, error: BaseException | None = None) -> None:
        self._session._release()
        failure = self._spans.failure(error)
        if self._handshake is not None:
            self._handshake.abandoned(error)
            return
        self._measures.handled(failure)
        self._streams.end_all(error)
        self._spans.forget_error()
        closure = self._ending.conclude(error, failed=failure is not None)
        coded = closure.error(self._config.error_close_codes)
        self._measures.closed(closure, failure or coded, None)

    def _answered(self, handshake: Handshake, message: Message) -> None:
        if message["type"] != "websocket.accept":
            handshake.answered(message)
            return
        handshake.accepted(message)
        self._measures.opened()
        self._handshake = None
