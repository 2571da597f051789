"""Conversations with a served voice assistant, and the spans that came of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from testproject.scenes import wait_for_page
from testproject.servers import App, clean_environment, listen, serve
from testproject.trees import is_end
from testproject.voice.audio import read_wav
from testproject.voice.client import SAMPLES, Reply, Talk, talking

STREAM = "websocket.stream."
SHOWN = ("voice.intent", "voice.outcome", f"{STREAM}end_reason")
_SECONDS = 30.0


@dataclass(frozen=True)
class Heard:
    """What a client has heard of an utterance, and when."""

    reply: Reply
    ended: int
    """When the client has said that the speech is over, in nanoseconds since the epoch."""
    answered: int
    """When all of the answer was there."""


@dataclass(frozen=True)
class Played:
    """A conversation that is over."""

    heard: Mapping[str, Heard]
    spans: list[ReceivedSpan]
    rate: int

    def named(self, prefix: str) -> list[ReceivedSpan]:
        return [span for span in self.spans if span.name.startswith(prefix)]

    def of(self, name: str) -> list[ReceivedSpan]:
        """Return the spans of the utterance that the client knows under a name."""
        trace = int(self.heard[name].reply.trace, 16)
        return [span for span in self.spans if span.trace_id == trace]


def sample(name: str) -> bytes:
    return read_wav(SAMPLES / f"{name}.wav")


async def say(talk: Talk, pcm: bytes, pace: float) -> Heard:
    """Say something, and hear all of the answer."""
    speaking = asyncio.create_task(_speak(talk, pcm, pace))
    reply = await talk.listen()
    return Heard(reply, await speaking, time.time_ns())


async def _speak(talk: Talk, pcm: bytes, pace: float) -> int:
    await talk.speak(pcm, pace=pace)
    return time.time_ns()


async def interrupt(talk: Talk, first: bytes, second: bytes, pace: float) -> tuple[Heard, Heard]:
    """Say something, and at the first sound of the answer something else."""
    ended = await _speak(talk, first, pace)
    reply = await talk.listen(sound=1)
    speaking = asyncio.create_task(_speak(talk, second, pace))
    stopped = Heard(await talk.listen(reply), ended, time.time_ns())
    reply = await talk.listen()
    return stopped, Heard(reply, await speaking, time.time_ns())


def play(
    app: App,
    environment: Mapping[str, str],
    converse: Callable[[Talk], Awaitable[Mapping[str, Heard]]],
) -> Played:
    """Serve the application, and converse with it; return what came of that."""

    async def visit(port: int) -> tuple[Mapping[str, Heard], int]:
        async with talking(f"ws://127.0.0.1:{port}/ws/voice") as talk:
            return await converse(talk), talk.rate

    with OTLPReceiver() as receiver:
        listener = listen()
        port = listener.getsockname()[1]
        with serve(app, listener, clean_environment() | receiver.environment | environment):
            wait_for_page(port)
            heard, rate = asyncio.run(visit(port))
            with suppress(TimeoutError):  # the comparison will tell what is missing
                receiver.wait_for(_is_whole, _SECONDS)
        return Played(heard, receiver.spans, rate)


def _is_whole(spans: Iterable[ReceivedSpan]) -> bool:
    spans = list(spans)
    known = {span.span_id for span in spans}
    return any(map(is_end, spans)) and {span.parent_id for span in spans} <= {None, *known}


def tree(spans: Iterable[ReceivedSpan]) -> str:
    """Return the spans as a tree in which a stream stands where its first chunk was sent.

    It begins when it was asked for, which is before anything was done about it.
    """
    return format_trace(sorted(spans, key=_place), *SHOWN)


def _place(span: Any) -> float:
    first = span.attributes.get(f"{STREAM}time_to_first_chunk", 0.0)
    return float(span.start_time + first * 1e9)
