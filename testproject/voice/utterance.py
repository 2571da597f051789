"""One utterance: what somebody says, from their first word to the last one of the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from opentelemetry import trace
from opentelemetry.trace import Span

from otel_ws.streams import StreamMeter

from .answers import CHAT, EXAMPLES, Answer, act
from .audio import RATE, WIDTH, seconds
from .engines import Engines
from .messages import Tell

_MOST = 30 * RATE * WIDTH  # who has spoken for half a minute has said enough
_tracer = trace.get_tracer(__name__)


class Utterance:
    """What is said is added to it as it comes, by whoever receives it."""

    def __init__(self, engines: Engines, tell: Tell) -> None:
        self._engines = engines
        self._tell = tell
        self._sound: asyncio.Queue[bytes] = asyncio.Queue()
        self._size = 0
        self.ended_at = 0
        """When the speech was over, in nanoseconds since the epoch; 0 before that."""

    def add(self, pcm: bytes) -> None:
        """Hear more of it; what is no PCM16, and what comes after its end, is passed over."""
        if self.ended_at or not pcm or len(pcm) % WIDTH:
            return
        room = _MOST - self._size
        self._size += len(pcm[:room])
        self._sound.put_nowait(pcm[:room])
        if len(pcm) >= room:
            self.end()

    def end(self) -> None:
        """There is no more to come."""
        if not self.ended_at:
            self.ended_at = time.time_ns()
            self._sound.put_nowait(b"")

    async def recognise(self) -> str:
        """Listen until the end, and tell what was heard so far; return the text."""
        with _listening() as span, StreamMeter("transcript"):
            hearing = await asyncio.to_thread(self._engines.recogniser.hear)
            try:
                known = ""
                while pcm := await self._next():
                    text = await asyncio.to_thread(hearing.add, pcm)
                    if text != known:
                        known = text
                        await self._tell({"kind": "hearing", "text": text})
                text = await asyncio.to_thread(hearing.finish)
            finally:
                await asyncio.to_thread(hearing.close)
            span.set_attribute("voice.speech.duration", seconds(self._size))
            trace_id = span.get_span_context().trace_id
            await self._tell({"kind": "heard", "text": text, "trace": f"{trace_id:032x}"})
        return text

    async def _next(self) -> bytes:
        """Return all that has come by now, and wait for it if nothing has; b"" is the end."""
        sound = await self._sound.get()
        while sound and not self._sound.empty():
            more = self._sound.get_nowait()
            if not more:
                self._sound.put_nowait(more)
                break
            sound += more
        return sound

    async def understand(self, text: str) -> tuple[str, Answer | None]:
        """Return the intent, and the answer if it is one that acts."""
        with _tracer.start_as_current_span("intent") as span:
            found = await asyncio.to_thread(self._engines.intents.find, text, EXAMPLES)
            answer = act(found or CHAT, text, datetime.now())
            intent = found if found is not None and answer is not None else CHAT
            span.set_attribute("voice.intent", intent)
        return intent, answer


@contextmanager
def _listening() -> Iterator[Span]:
    """Enter the span of what is heard; it has not failed because the client has gone."""
    gone: ConnectionError | None = None
    with _tracer.start_as_current_span("asr") as span:
        try:
            yield span
        except ConnectionError as error:
            gone = error
    if gone is not None:
        raise gone
