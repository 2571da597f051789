"""Saying something: the words as they come, and the voice as it is heard.

The voice is sent a little ahead of what the listener hears by now, and not as fast as it can be
made: who is interrupted in mid-sentence has not sent the rest of it yet.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from opentelemetry import trace

from otel_ws.streams import StreamMeter

from .audio import frames, seconds
from .engines import Speaker
from .messages import Tell

LEAD = 0.4
_LONGEST = 1500  # characters after which an answer is long enough
_END = re.compile(r"(?<=[.!?])\s+")
_tracer = trace.get_tracer(__name__)
Send = Callable[[bytes], Awaitable[None]]
_Queue = asyncio.Queue[str | None]


@dataclass(slots=True)
class Said:
    """What was said."""

    text: str = ""
    seconds: float = 0.0
    """Of speech."""


class Voice:
    """Says things over a connection."""

    def __init__(self, speaker: Speaker, tell: Tell, send: Send) -> None:
        self._speaker = speaker
        self._tell = tell
        self._send = send

    async def say(self, words: AsyncGenerator[str], since: int) -> Said:
        """Say the words as they come: two streams, one of text and one of speech.

        Both were asked for at `since`, in nanoseconds since the epoch. Raises what `words` raise.
        """
        said = Said()
        sentences: _Queue = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write(words, sentences, said, since))
                with StreamMeter("speech", since=since):
                    sound: asyncio.Queue[bytes | None] = asyncio.Queue()
                    group.create_task(self._synthesise(sentences, sound))
                    await self._play(sound, said)
        except ExceptionGroup as errors:  # one has failed, and the others have ended with it
            raise errors.exceptions[0] from None
        return said

    async def _write(
        self, words: AsyncGenerator[str], sentences: _Queue, said: Said, since: int
    ) -> None:
        """Send the words, and hand over each sentence as soon as it is whole."""
        unsaid = ""
        with StreamMeter("answer", since=since):
            async with aclosing(words):
                async for piece in words:
                    said.text += piece
                    await self._tell({"kind": "answer", "text": piece})
                    *whole, unsaid = _END.split(unsaid + piece)
                    for sentence in whole:
                        sentences.put_nowait(sentence)
                    if len(said.text) > _LONGEST:
                        break
        sentences.put_nowait(unsaid)
        sentences.put_nowait(None)

    async def _synthesise(self, sentences: _Queue, sound: asyncio.Queue[bytes | None]) -> None:
        while (sentence := await sentences.get()) is not None:
            if not sentence.strip():
                continue
            with _tracer.start_as_current_span("tts") as span:
                size = 0
                speech = frames(self._speaker.speak(sentence.strip()), self._speaker.rate)
                while (frame := await asyncio.to_thread(next, speech, None)) is not None:
                    size += len(frame)
                    sound.put_nowait(frame)
                span.set_attribute("voice.speech.duration", seconds(size, self._speaker.rate))
        sound.put_nowait(None)

    async def _play(self, sound: asyncio.Queue[bytes | None], said: Said) -> None:
        """Send the frames, as fast as they are heard."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while (frame := await sound.get()) is not None:
            ahead = begun + said.seconds - loop.time()
            if ahead < 0:  # there was nothing to be heard for that long
                begun -= ahead
            await asyncio.sleep(max(0.0, ahead - LEAD))
            await self._send(frame)
            said.seconds += seconds(len(frame), self._speaker.rate)
