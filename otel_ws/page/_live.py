"""The page's socket: what is kept when it opens, and from then on what ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from math import inf
from typing import Final

from .._types import Message, Receive, Send
from ._buffer import Look, SpanBuffer
from ._protocol import Telling, text
from ._threads import in_thread

_CHUNK: Final = 500
_PACE: Final = 0.1
"""Seconds between two batches: a page is looked at by people."""
_MAX_COMMAND: Final = 1000
_TRY_AGAIN_LATER: Final = 1013


class _Lagging(Exception):
    """The page is so slow that spans are gone which it has not seen."""


class _Gone(Exception):
    """Nobody is there to be told anything."""


class Viewer:
    """One page that looks at a buffer. It keeps the number of the next span, and no queue."""

    def __init__(self, buffer: SpanBuffer, receive: Receive, send: Send) -> None:
        self._buffer = buffer
        self._receive = receive
        self._send = send
        self._telling = Telling()
        self._next = self._dropped = self._clears = 0
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._is_woken = False
        self._is_ready = False

    async def serve(self) -> None:
        """Tell the page everything until it leaves."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        unwatch = self._buffer.watch(self._wake)
        telling = asyncio.create_task(self._tell_all())
        listening = asyncio.create_task(self._listen())
        try:
            await asyncio.wait((telling, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            unwatch()
            for task in (telling, listening):
                task.cancel()
            outcomes = await asyncio.gather(telling, listening, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception) and not isinstance(outcome, _Gone):
                raise outcome

    async def send_away(self) -> None:
        """Let the page in, only to tell it to come again: a refusal has no code."""
        await self._receive()
        with suppress(_Gone):
            await self._give({"type": "websocket.accept"})
            await self._give({"type": "websocket.close", "code": _TRY_AGAIN_LATER})

    async def _listen(self) -> None:
        """Do what the page asks for, until it leaves."""
        while (message := await self._receive())["type"] != "websocket.disconnect":
            if _command(message) == "clear":
                self._buffer.clear()

    async def _tell_all(self) -> None:
        await self._give({"type": "websocket.accept"})
        try:
            await self._greet()
            await self._follow()
        except _Lagging:
            await self._tell(text("lagging"))
            # The page comes again, and starts anew.
            await self._give({"type": "websocket.close", "code": _TRY_AGAIN_LATER})

    async def _greet(self) -> None:
        """Tell what is there now. What gives way meanwhile was promised to nobody."""
        look = self._buffer.look(count=0)
        self._next, self._dropped, self._clears = look.start, look.dropped, look.clears
        buffered = look.end - look.start
        limit, dropped = self._buffer.limit, look.dropped
        await self._tell(text("hello", limit=limit, dropped=dropped, buffered=buffered))
        await self._catch_up(look.end)
        await self._tell(text("ready"))
        self._is_ready = True

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._is_woken = False
            await self._catch_up()
            await asyncio.sleep(_PACE)

    async def _catch_up(self, end: float = inf) -> None:
        """Tell what has come since, in chunks, up to an end or until there is less than a chunk."""
        while self._next < end:
            look = await in_thread(self._buffer.look, self._next, _CHUNK)
            await self._tell_changes(look)
            messages = self._telling.spans(look.spans)
            while message := await in_thread(next, messages, None):
                await self._tell(message)
            self._next = look.next
            if look.next - look.start < _CHUNK:
                return

    async def _tell_changes(self, look: Look) -> None:
        if look.clears != self._clears:
            self._clears = look.clears
            await self._tell(text("cleared"))
        elif look.start > self._next and self._is_ready:
            raise _Lagging
        if look.dropped != self._dropped:
            self._dropped = look.dropped
            await self._tell(text("dropped", count=look.dropped))

    def _wake(self) -> None:
        """Wake the page's task, from whatever thread a span was ended in."""
        if not self._is_woken:
            self._is_woken = True
            with suppress(RuntimeError):  # the loop is gone
                self._loop.call_soon_threadsafe(self._changed.set)

    async def _tell(self, message: str) -> None:
        await self._give({"type": "websocket.send", "text": message})

    async def _give(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception as error:  # each server has its own for a peer that has left
            raise _Gone from error


def _command(message: Message) -> str | None:
    said = message.get("text") or ""
    if len(said) > _MAX_COMMAND:
        return None
    with suppress(ValueError, RecursionError):
        command = json.loads(said)
        if isinstance(command, dict):
            return str(command.get("type"))
    return None
