"""Say a recorded utterance to the voice assistant, and print what comes back.

python -m testproject.voice.client ws://127.0.0.1:8000/ws/voice sample.wav --save answer.wav
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from .audio import FRAME_SECONDS, frames, read_wav, seconds, write_wav

PATIENCE = 120.0
"""Seconds to wait for anything; the engines may have to be loaded first."""
SAMPLES = Path(__file__).parent / "samples"
_LAST = ("done", "stopped", "failed", "broken")


class TalkError(RuntimeError):
    """Raised with what the assistant said instead of an answer."""


@dataclass(slots=True)
class Reply:
    """What came back of an utterance."""

    partials: list[str] = field(default_factory=list)
    heard: str = ""
    answer: str = ""
    sound: bytes = b""
    trace: str = ""
    last: str = ""
    """The kind of what came last, such as ``done`` or ``stopped``."""
    intent: str = ""


class Talk:
    """A conversation with the assistant."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.rate = 0

    async def ready(self, tell: Callable[[str], None]) -> None:
        """Wait until the engines are there, and tell how far that is.

        Raises TalkError if they cannot be had.
        """
        while True:
            told = await self.next()
            if isinstance(told, bytes):
                continue
            match told:
                case {"kind": "loading", "title": title, "state": state}:
                    tell(f"{title}: {state}")
                case {"kind": "ready", "rate": rate}:
                    self.rate = rate
                    return
                case {"kind": "broken", "text": text}:
                    raise TalkError(text)

    async def next(self) -> bytes | dict[str, Any]:
        """Return what the assistant sends next, sound or what it tells."""
        async with asyncio.timeout(PATIENCE):
            message = await self._connection.recv()
        return message if isinstance(message, bytes) else json.loads(message)

    async def ask(self, kind: str) -> None:
        await self._connection.send(json.dumps({"kind": kind}))

    async def speak(self, pcm: bytes, *, pace: float = 1.0) -> None:
        """Say something, as fast as it was spoken; with a `pace` of 0 all at once."""
        await self.ask("start")
        for frame in frames([pcm]):
            await self._connection.send(frame)
            await asyncio.sleep(FRAME_SECONDS * pace)
        await self.ask("end")

    async def listen(self, reply: Reply | None = None, *, sound: int | None = None) -> Reply:
        """Return what comes back, up to its end, or until there are so many bytes of `sound`."""
        reply = reply or Reply()
        while sound is None or len(reply.sound) < sound:
            told = await self.next()
            if isinstance(told, bytes):
                reply.sound += told
                continue
            match told:
                case {"kind": "hearing", "text": text}:
                    reply.partials.append(text)
                case {"kind": "heard", "text": text, "trace": trace}:
                    reply.heard, reply.trace = text, trace
                case {"kind": "answer", "text": text}:
                    reply.answer += text
                case {"kind": kind, **rest} if kind in _LAST:
                    reply.last, reply.intent = kind, rest.get("intent", "")
                    return reply
        return reply

    async def converse(self, pcm: bytes, *, pace: float = 1.0) -> Reply:
        """Say something and listen, both at once; return what came back."""
        speaking = asyncio.create_task(self.speak(pcm, pace=pace))
        try:
            return await self.listen()
        finally:
            await speaking


@asynccontextmanager
async def talking(url: str, tell: Callable[[str], None] = lambda told: None) -> AsyncIterator[Talk]:
    """Connect to the assistant; the talk begins when it is ready, and `tell` is told of that."""
    async with connect(url, proxy=None, max_size=None) as connection:
        talk = Talk(connection)
        await talk.ready(tell)
        yield talk


async def run(url: str, sample: Path, save: Path | None) -> None:
    pcm = read_wav(sample)
    async with talking(url, partial(print, file=sys.stderr)) as talk:
        reply = await talk.converse(pcm)
        rate = talk.rate
    if reply.last != "done":
        raise TalkError(f"the answer has not come to its end, but was {reply.last}")
    print(f"heard   {reply.heard}")
    print(f"answer  {reply.answer.strip()}")
    print(f"audio   {seconds(len(reply.sound), rate):.2f} s at {rate} Hz")
    print(f"trace   {reply.trace}")
    if save is not None:
        write_wav(save, reply.sound, rate)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m testproject.voice.client")
    parser.description = __doc__.splitlines()[0]
    parser.add_argument("url", help="such as ws://127.0.0.1:8000/ws/voice")
    parser.add_argument("sample", type=Path, help="a WAV: mono, 16 bits, 16000 Hz")
    parser.add_argument("--save", type=Path, metavar="WAV", help="where to put what was said")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(run(options.url, options.sample, options.save))
    except (OSError, ValueError, WebSocketException, TalkError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
