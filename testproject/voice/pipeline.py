"""The conversation over one WebSocket: it is given what comes, and says what is to be sent.

It knows no framework. An adapter makes one for each connection, with what sends, and calls `open`
when that is accepted, `hear` for each message, and `close` when it has ended::

    start  ->  asr  ->  intent  ->  what acts, or the language model  ->  text and speech

An utterance is a task, which `start` has begun and which goes on when that message is handled: so
the whole utterance is one trace, from the first word until the answer is said.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Link, Span

from otel_ws.handoff import Receipt, handoff
from otel_ws.streams import StreamMeter

from .engines import EngineError, Engines
from .loading import LOADER, Loader
from .messages import Told, asked
from .prompt import REMEMBERED, Exchange, prompt
from .speech import Said, Voice
from .utterance import Utterance

_RANG = "Your timer is up."
_tracer = trace.get_tracer(__name__)
_logger = logging.getLogger(__name__)


class Conversation:
    """What is said on one connection.

    `send` sends a message, text or binary, and raises ConnectionError when the peer has gone.
    """

    def __init__(
        self, send: Callable[[str | bytes], Awaitable[None]], loader: Loader = LOADER
    ) -> None:
        self._send = send
        self._loader = loader
        self._engines: Engines | None = None
        self._utterance: Utterance | None = None
        self._talking: asyncio.Task[None] | None = None
        """The one who has the floor: an utterance until it is answered, or a timer that rings."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._before: deque[Exchange] = deque(maxlen=REMEMBERED)
        self._is_closed = False
        self._span: Span | None = None
        """That of the utterance that has the floor."""

    def open(self) -> None:
        """The connection is accepted: see to it that the engines are there."""
        self._start(self._prepare(handoff()))

    async def hear(self, message: str | bytes) -> None:
        """The client has sent a message; what is none of ours is passed over."""
        if isinstance(message, bytes):
            if self._utterance is not None:
                self._utterance.add(message)
            return
        with suppress(ConnectionError):  # that it has gone will be told
            match asked(message):
                case "start":
                    await self._begin()
                case "end" if self._utterance is not None:
                    self._utterance.end()
                case "stop":
                    await self._interrupt()

    async def close(self) -> None:
        """The connection has ended, and all that is going on here with it."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- what goes on ---------------------------------------------------------------------------

    async def _prepare(self, receipt: Receipt) -> None:
        with receipt.resume("prepare") as span, suppress(ConnectionError), StreamMeter("loading"):
            try:
                self._engines = await self._loader.get(self._tell)
            except EngineError as error:
                span.record_exception(error)
                span.set_status(trace.StatusCode.ERROR, str(error))
                await self._tell({"kind": "broken", "text": str(error)})
                return
            traces = os.environ.get("TRACE_PAGE_URL", "")
            rate = self._engines.speaker.rate
            await self._tell({"kind": "ready", "rate": rate, "traces": traces})

    async def _begin(self) -> None:
        """Somebody begins to speak; who speaks already gives way."""
        if self._engines is None:
            await self._tell({"kind": "failed", "text": "I am not ready yet."})
            return
        interrupted = await self._interrupt()
        links = () if interrupted is None else (Link(interrupted.get_span_context()),)
        self._utterance = Utterance(self._engines, self._tell)
        self._talking = self._start(self._converse(self._engines, self._utterance, links))

    async def _interrupt(self) -> Span | None:
        """Stop what is being said, or heard, and let the client know once nothing more comes.

        Return the span of the utterance that came to its end by that, if one did.
        """
        span = self._span
        while self._talking is not None and not self._talking.done():
            talking = self._talking
            talking.cancel()
            await asyncio.wait([talking])
            await self._tell({"kind": "stopped"})
        return span

    async def _converse(
        self, engines: Engines, utterance: Utterance, links: Sequence[Link]
    ) -> None:
        """Hear an utterance, and answer it; `links` lead to the one that it has interrupted."""
        with _tracer.start_as_current_span("utterance", links=links) as span:
            self._span, outcome = span, "failed"
            try:
                outcome = await self._answer(engines, utterance)
            except asyncio.CancelledError:
                outcome = "disconnected" if self._is_closed else "interrupted"
                raise
            except ConnectionError:
                outcome = "disconnected"
            except Exception as error:
                _logger.exception("an utterance has failed")
                span.record_exception(error)
                span.set_status(trace.StatusCode.ERROR, str(error))
                with suppress(ConnectionError):
                    text = f"Something went wrong: {type(error).__name__}."
                    await self._tell({"kind": "failed", "text": text})
            finally:
                self._span = None
                span.set_attribute("voice.outcome", outcome)

    async def _answer(self, engines: Engines, utterance: Utterance) -> str:
        text = await utterance.recognise()
        if not text:
            await self._tell({"kind": "failed", "text": "I have heard nothing."})
            return "nothing heard"
        intent, answer = await utterance.understand(text)
        if answer is not None and answer.timer is not None:
            self._start(self._ring(handoff(), engines, answer.timer))
        words = self._reply(engines, text) if answer is None else _only(answer.text)
        voice = Voice(engines.speaker, self._tell, self._send)
        said = await voice.say(words, utterance.ended_at)
        if answer is None:
            self._before.append((text, said.text.strip()))
        await self._done(intent, said)
        return "answered"

    async def _reply(self, engines: Engines, text: str) -> AsyncGenerator[str]:
        async with aclosing(engines.chat.reply(prompt(text, self._before))) as pieces:
            async for piece in pieces:
                yield piece

    async def _ring(self, receipt: Receipt, engines: Engines, seconds: float) -> None:
        """Ring after so many seconds, as soon as nobody speaks."""
        await asyncio.sleep(seconds)
        while self._talking is not None and not self._talking.done():
            await asyncio.wait([self._talking])
        self._talking = asyncio.current_task()
        with receipt.resume("timer"), suppress(ConnectionError):
            await self._tell({"kind": "rang", "text": _RANG})
            voice = Voice(engines.speaker, self._tell, self._send)
            await self._done("timer", await voice.say(_only(_RANG), time.time_ns()))

    async def _done(self, intent: str, said: Said) -> None:
        await self._tell({"kind": "done", "intent": intent, "seconds": round(said.seconds, 3)})

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _logger.error("what was going on has failed", exc_info=error)

    async def _tell(self, told: Told) -> None:
        await self._send(json.dumps(told))


async def _only(text: str) -> AsyncGenerator[str]:
    yield text
