"""The conversation by itself: what is said to it, what it says, and no framework around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from otel_ws.testing import CapturedSpans, capture_spans
from testproject.voice import utterance
from testproject.voice.engines import ChatClient, ChatMessage, Engines
from testproject.voice.loading import Loader
from testproject.voice.pipeline import Conversation
from testproject.voice.prompt import REMEMBERED

from . import small
from .playing import sample

SUM = "What is twelve times seven?"


def engines(chat: ChatClient | None = None) -> Engines:
    return Engines(
        small.SmallRecogniser(), small.SmallIntents(), chat or small.SmallChat(), small.SmallVoice()
    )


class Client:
    """What is on the other side of a conversation."""

    def __init__(self, loader: Loader) -> None:
        self.told: list[dict[str, Any]] = []
        self.sound = b""
        self.is_gone = False
        self._changed = asyncio.Condition()
        self.conversation = Conversation(self.take, loader)

    async def take(self, message: str | bytes) -> None:
        if self.is_gone:
            raise ConnectionResetError
        async with self._changed:
            if isinstance(message, bytes):
                self.sound += message
            else:
                self.told.append(json.loads(message))
            self._changed.notify_all()

    async def until(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait until it was told that for the so manieth time."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: len(self.all(kind)) >= count)
        return self.all(kind)[count - 1]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [told for told in self.told if told["kind"] == kind]

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            given = message
            if message in ("start", "end", "stop"):
                given = json.dumps({"kind": message})
            await self.conversation.hear(given)


@asynccontextmanager
async def talking(load: Callable[..., Engines] = lambda tell: engines()) -> AsyncIterator[Client]:
    client = Client(Loader(load))
    client.conversation.open()
    await client.until("ready")
    try:
        yield client
    finally:
        await client.conversation.close()


async def test_an_utterance_is_heard_and_answered() -> None:
    async with talking() as client:
        await client.say("start", sample("sum"), "end")
        done = await client.until("done")
    assert client.all("heard")[0]["text"] == SUM
    assert client.all("answer") == [{"kind": "answer", "text": "12 times 7 is 84."}]
    assert (done["intent"], len(client.sound)) == ("sum", round(done["seconds"] * 16000))


UNKNOWN = (
    "",
    "hello?",
    "[]",
    "{",
    '{"kind": 1}',
    '{"kind": "begin"}',
    '{"kind": "end", "more": "' + "x" * 1000 + '"}',
)


async def test_what_it_does_not_know_is_passed_over() -> None:
    async with talking() as client:
        await client.say(*UNKNOWN, "end", "stop", b"early", "start")
        await client.say(sample("sum"), b"", *UNKNOWN, "end", b"late", "end")
        await client.until("done")
    assert [told["kind"] for told in client.told[1:]] == ["hearing", "heard", "answer", "done"]


async def test_sound_that_is_no_pcm_is_passed_over() -> None:
    async with talking() as client:
        await client.say("start", b"\0", sample("sum"), b"\0\0\0", "end")
        await client.until("done")
    assert client.all("heard")[0]["text"] == SUM


async def test_nothing_heard_is_said_so() -> None:
    async with talking() as client:
        await client.say("start", "end")
        assert (await client.until("failed"))["text"] == "I have heard nothing."
    assert client.sound == b""


async def test_who_speaks_too_long_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utterance, "_MOST", len(sample("sum")))
    async with talking() as client:
        await client.say("start", sample("sum") + b"\0" * 64000)
        await client.until("done")
    assert client.all("heard")[0]["text"] == SUM


async def test_an_engine_that_fails_ends_one_utterance(caplog: pytest.LogCaptureFixture) -> None:
    with capture_spans() as spans:
        async with talking() as client:
            await client.say("start", small.FAILING, "end")
            assert "OSError" in (await client.until("failed"))["text"]
            await client.say("start", sample("sum"), "end")
            await client.until("done")
    assert "an utterance has failed" in caplog.text
    first, second = spans.named("utterance")
    assert (first.attributes or {})["voice.outcome"] == "failed"
    assert first.status.is_ok is False
    assert (second.attributes or {})["voice.outcome"] == "answered"


async def test_who_begins_to_speak_interrupts() -> None:
    async with talking() as client:
        await client.say("start", small.STORY, "end")
        await client.until("answer")
        await client.say("start", sample("sum"), "end")
        await client.until("stopped")
        await client.until("done")
        await client.say("stop")
    assert [told["text"] for told in client.all("heard")] == ["Tell me a story.", SUM]
    assert len(client.all("stopped")) == 1


async def test_a_timer_rings_when_nobody_speaks_any_more() -> None:
    async with talking() as client:
        await client.say("start", sample("timer"), "end")
        await client.until("done")
        await client.say("start", sample("sum"))
        await asyncio.sleep(1)  # begun after the timer, and as long: that one is due by now
        assert not client.all("rang")
        await client.say("end")
        await client.until("rang")
        await client.until("done", 3)
    kinds = [told["kind"] for told in client.told]
    assert kinds.index("rang") > [i for i, kind in enumerate(kinds) if kind == "done"][1]


async def ended(spans: CapturedSpans, name: str) -> ReadableSpan:
    """Return the span of that name, once it has ended."""
    async with asyncio.timeout(20):
        while not spans.named(name):
            await asyncio.sleep(0.01)
    return spans.named(name)[0]


@pytest.mark.parametrize("heard", [("start",), ("start", small.STORY, "end")])
async def test_a_client_that_has_gone_is_no_failure(
    caplog: pytest.LogCaptureFixture, heard: Sequence[str | bytes]
) -> None:
    with capture_spans() as spans:
        async with talking() as client:
            await client.say(*heard)
            if "end" in heard:
                await client.until("answer")
            client.is_gone = True
            await client.say(small.FAILING)
            span = await ended(spans, "utterance")
    assert caplog.text == ""
    assert (span.attributes or {})["voice.outcome"] == "disconnected"
    assert [each.name for each in spans if not each.status.is_ok] == []


async def test_neither_is_one_that_is_gone_when_its_timer_rings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with capture_spans() as spans:
        async with talking() as client:
            await client.say("start", sample("timer"), "end")
            await client.until("done")
            client.is_gone = True
            await ended(spans, "timer")
    assert caplog.text == ""
    assert [each.name for each in spans if not each.status.is_ok] == []


async def test_neither_is_one_that_is_gone_before_the_engines_are_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with capture_spans() as spans:
        client = Client(Loader(lambda tell: engines()))
        client.is_gone = True
        client.conversation.open()
        span = await ended(spans, "prepare")
        await client.conversation.close()
    assert caplog.text == ""
    assert span.status.is_ok


class Attentive(small.SmallChat):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.given: list[Sequence[ChatMessage]] = []

    def reply(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str]:
        self.given.append(messages)
        return super().reply(messages)


async def test_the_model_is_given_the_last_exchanges() -> None:
    chat = Attentive()
    async with talking(lambda tell: engines(chat)) as client:
        for count in range(1, REMEMBERED + 3):
            await client.say("start", sample("capital"), "end")
            await client.until("done", count)
    first, *others = (len(messages) for messages in chat.given)
    assert [count - first for count in others] == [2, 4, 4]


async def test_who_is_too_early_is_told_so() -> None:
    client = Client(Loader(lambda tell: engines()))
    await client.say("start", sample("sum"), "end")
    assert (await client.until("failed"))["text"] == "I am not ready yet."
    await client.conversation.close()
