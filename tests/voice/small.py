"""Engines for tests: small, the same in every run, and behind the same protocols as real ones.

The recogniser knows our recordings by their length, and the voice has one note for each word.
"""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

from opentelemetry import trace

from testproject.voice.audio import RATE, WIDTH, read_wav
from testproject.voice.client import SAMPLES
from testproject.voice.engines import ChatMessage

STORY = bytes(2 * RATE * WIDTH)
"""Two seconds in which, to our recogniser, somebody asks for a story: it has no end."""
FAILING = bytes(RATE * WIDTH)
"""One second, with which nothing can be done."""

_KNOWN = {
    len(read_wav(SAMPLES / "capital.wav")): "What is the capital of France?",
    len(read_wav(SAMPLES / "sum.wav")): "What is twelve times seven?",
    len(read_wav(SAMPLES / "timer.wav")): "Set a timer for one second.",
    len(STORY): "Tell me a story.",
}
_REPLIES = {
    "What is the capital of France?": ("The capital of", " France is Paris.", " Go there!"),
    "Tell me a story.": ("Once upon a time there was a king who had a daughter. ",),
}
_ENDLESS = "Tell me a story."
HOSTILE = "<img src=x onerror=\"document.title = 'taken'\">"
_NOTE_SECONDS = 0.08
_tracer = trace.get_tracer(__name__)


class SmallHearing:
    """A `Hearing`."""

    def __init__(self) -> None:
        self._size = 0

    def add(self, pcm: bytes) -> str:
        self._size += len(pcm)
        return f"{self._size} bytes"

    def finish(self) -> str:
        if self._size == len(FAILING):
            raise OSError("the recogniser is broken")
        return _KNOWN.get(self._size, "")

    def close(self) -> None:
        pass


class SmallRecogniser:
    """A `Recogniser`."""

    def hear(self) -> SmallHearing:
        return SmallHearing()


class HostileRecogniser:
    """Has heard what a page must not take for its own."""

    def hear(self) -> SmallHearing:
        return HostileHearing()


class HostileHearing(SmallHearing):
    def finish(self) -> str:
        return HOSTILE


class SmallIntents:
    """An `IntentFinder`."""

    def find(self, text: str, examples: Mapping[str, Sequence[str]]) -> str | None:
        words = {"timer": "timer", "times": "sum"}
        return next((name for word, name in words.items() if word in text), None)


class SmallChat:
    """A `ChatClient`, with a span as an instrumentation makes one."""

    async def reply(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str]:
        question = messages[-1]["content"]
        span = _tracer.start_span("chat small")
        try:
            for piece in _REPLIES.get(question, (question,)):
                await asyncio.sleep(0)
                yield piece
            if question == _ENDLESS:
                await asyncio.Event().wait()
        finally:
            span.end()


class SmallVoice:
    """A `Speaker`."""

    rate = 8000

    def speak(self, text: str) -> Iterator[bytes]:
        for number, _ in enumerate(text.split()):
            step = 2 * math.pi * (300 + 20 * number) / self.rate
            samples = range(int(self.rate * _NOTE_SECONDS))
            yield array("h", (int(8000 * math.sin(step * each)) for each in samples)).tobytes()


ENVIRONMENT = {
    "VOICE_ASR": f"{__name__}:SmallRecogniser",
    "VOICE_INTENT": f"{__name__}:SmallIntents",
    "VOICE_CHAT": f"{__name__}:SmallChat",
    "VOICE_TTS": f"{__name__}:SmallVoice",
}
