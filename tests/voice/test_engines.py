"""How the engines come to be there: by name, once, and with words when they cannot be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from testproject.voice.engines import EngineError, Engines, load
from testproject.voice.loading import Loader

from . import small
from .test_pipeline import Client, engines

HERE = "tests.voice.small"


def test_engines_come_by_their_names() -> None:
    told: list[tuple[str, str]] = []
    found = load(lambda part, state: told.append((part, state)), small.ENVIRONMENT)
    assert isinstance(found.recogniser, small.SmallRecogniser)
    assert isinstance(found.speaker, small.SmallVoice)
    parts = ("asr", "intent", "chat", "tts")
    assert told == [(part, state) for part in parts for state in ("loading", "ready")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"VOICE_ASR": "moonshine"}, "VOICE_ASR is to be `module:factory`.*'moonshine'. Set it"),
        ({"VOICE_TTS": "no_such:load"}, "Voice: no_such:load cannot be imported.*scripts/demo"),
        ({"VOICE_INTENT": f"{HERE}:no_such"}, f"{HERE} has no 'no_such'. Correct the name"),
        ({"VOICE_CHAT": f"{HERE}:SmallVoice"}, "made SmallVoice, which lacks what ChatClient"),
        ({"VOICE_TTS": f"{HERE}:_tracer.start_span"}, "has no '_tracer.start_span'"),
        ({"VOICE_TTS": "builtins:iter"}, "Voice: builtins:iter cannot be loaded: TypeError"),
    ],
)
def test_a_wrong_name_says_what_to_do(changed: Mapping[str, str], said: str) -> None:
    with pytest.raises(EngineError, match=f"(?s){said}"):
        load(environ={**small.ENVIRONMENT, **changed})


async def test_they_are_loaded_once_for_all_who_wait() -> None:
    loads = []
    may_go_on = threading.Event()

    def slowly(tell: Any) -> Engines:
        loads.append(1)
        tell("asr", "loading")
        may_go_on.wait(20)
        return engines()

    loader = Loader(slowly)
    told: list[list[Any]] = [[], [], []]

    async def wait(number: int) -> Engines:
        async def tell(what: Any) -> None:
            told[number].append(what["part"])

        return await loader.get(tell)

    waiting = [asyncio.create_task(wait(0)), asyncio.create_task(wait(1))]
    async with asyncio.timeout(20):
        while not all(told[:2]):
            await asyncio.sleep(0.01)
        waiting.append(asyncio.create_task(wait(2)))  # who comes later is told as much
        while not told[2]:
            await asyncio.sleep(0.01)
        may_go_on.set()
        found = await asyncio.gather(*waiting)
    assert (told, len(loads)) == ([["asr"]] * 3, 1)
    assert found[0] is found[1] is found[2] is await loader.get(None)  # type: ignore[arg-type]


async def test_who_comes_after_a_failure_has_them_loaded_anew() -> None:
    answers = iter([EngineError("no voice here"), engines()])

    def once(tell: Any) -> Engines:
        answer = next(answers)
        if isinstance(answer, EngineError):
            raise answer
        return answer

    loader = Loader(once)
    first, second = Client(loader), Client(loader)
    first.conversation.open()
    assert (await first.until("broken"))["text"] == "no voice here"
    second.conversation.open()
    await second.until("ready")
    await first.conversation.close()
    await second.conversation.close()
