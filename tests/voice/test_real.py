"""The voice assistant with its real engines, on three recorded utterances; no network is used."""

from __future__ import annotations

import re
import subprocess
import sys
import wave
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import pytest

from testproject.otlp import OTLPReceiver
from testproject.scenes import wait_for_page
from testproject.servers import APPS, ROOT, STARLETTE, App, clean_environment, listen, serve
from testproject.voice.audio import frames, seconds
from testproject.voice.client import SAMPLES, Talk

from . import trees
from .playing import STREAM, Heard, Played, interrupt, play, sample, say, tree

if find_spec("moonshine_voice") is None:
    reason = "for `scripts/test --part voice`, which installs the engines"
    pytest.skip(reason, allow_module_level=True)

PLAYS = [(app, model) for app in APPS for model in ("session", "connection")]
ANSWERS = {
    "capital": ("what is the capital of france", "paris"),
    "sum": ("what is twelve times seven", "12 times 7 is 84"),
    "timer": ("set a timer for five seconds", "all right, 5 seconds"),
}


async def converse(talk: Talk) -> Mapping[str, Heard]:
    """Say all the samples as fast as they were spoken, and interrupt the last answer."""
    heard = {name: await say(talk, sample(name), pace=1) for name in ANSWERS}
    heard["rang"] = Heard(await talk.listen(), 0, 0)
    heard["stopped"], heard["after"] = await interrupt(talk, sample("capital"), sample("sum"), 1)
    return heard


@pytest.fixture(scope="module", params=PLAYS, ids=[f"{app.key}-{model}" for app, model in PLAYS])
def setting(request: pytest.FixtureRequest) -> tuple[App, str]:
    return cast("tuple[App, str]", request.param)


@pytest.fixture(scope="module")
def played(setting: tuple[App, str]) -> Played:
    app, model = setting
    return play(app, {"OTEL_WS_MODEL": model}, converse)


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9, ]", "", text.lower())


def folded(text: str) -> str:
    """Return a tree in which the sentences of an answer are one: how many, the model decides."""
    return re.sub(r"^( +tts\n)\1+", r"\1", f"{text.strip()}\n", flags=re.M)


@pytest.mark.parametrize("name", ANSWERS)
def test_it_hears_and_answers(played: Played, name: str) -> None:
    said, answered = ANSWERS[name]
    reply = played.heard[name].reply
    length = seconds(len(reply.sound), played.rate)
    print(f"\n{name}: {reply.heard!r} {reply.answer!r} {length:.2f} s of speech")
    assert reply.last == "done"
    assert plain(reply.heard) == said
    assert answered in plain(reply.answer)
    assert reply.partials
    assert 1 < length < 20


def test_each_utterance_is_one_tree(setting: tuple[App, str], played: Played) -> None:
    _, model = setting
    shown = tree(played.spans)
    print(f"\n{shown}")
    parts = (trees.OPENED, trees.ANSWERED, trees.SUMMED, trees.RANG)
    expected = "".join(parts) if model == "session" else trees.in_one_trace(*parts)
    assert folded(shown).startswith(folded(expected))


def test_who_is_interrupted_says_so(played: Played) -> None:
    stopped, after = played.heard["stopped"].reply, played.heard["after"].reply
    assert (stopped.last, after.last) == ("stopped", "done")
    assert plain(after.heard) == ANSWERS["sum"][0]
    first, second = played.named("utterance")[-2:]
    assert first.attributes["voice.outcome"] == "interrupted"
    assert [link.context.span_id for link in second.links] == [first.span_id]
    (speech,) = [
        span for span in played.named("websocket.stream speech") if span.parent_id == first.span_id
    ]
    assert speech.attributes[f"{STREAM}end_reason"] == "cancelled"
    assert speech.attributes[f"{STREAM}size"] == len(stopped.sound)


def test_the_measures_are_those_of_what_was_heard(played: Played) -> None:
    streams = {s.attributes[f"{STREAM}size"]: s for s in played.named("websocket.stream speech")}
    for name in ANSWERS:
        heard = played.heard[name]
        sound = heard.reply.sound
        stream = streams[len(sound)]
        first = stream.attributes[f"{STREAM}time_to_first_chunk"]
        assert stream.attributes[f"{STREAM}chunk_count"] >= len(list(frames([sound], played.rate)))
        assert 0 < first < (heard.answered - stream.start_time) / 1e9
        # It counts from when the client has fallen silent, two seconds after its first word.
        assert stream.start_time > heard.ended - 1.5e9


def test_the_span_of_the_model_is_its_instrumentation_s(played: Played) -> None:
    (chat, *_) = played.named("chat")
    assert chat.scope_name == "opentelemetry.instrumentation.genai.openai"
    assert chat.attributes["gen_ai.request.model"] == "gemma-3-270m"


def test_sound_is_counted_and_has_no_spans(played: Played) -> None:
    (close,) = played.named("websocket.close")
    assert len(played.named("websocket.receive")) == len(ANSWERS) + 2
    assert close.attributes["websocket.received.message_count"] > 80


def test_a_script_can_talk_to_it(tmp_path: Path) -> None:
    with OTLPReceiver() as receiver:
        listener = listen()
        port = listener.getsockname()[1]
        with serve(STARLETTE, listener, clean_environment() | receiver.environment):
            wait_for_page(port)
            url, saved = f"ws://127.0.0.1:{port}/ws/voice", tmp_path / "answer.wav"
            command = [sys.executable, "-m", "testproject.voice.client", url]
            done = subprocess.run(
                [*command, str(SAMPLES / "sum.wav"), f"--save={saved}"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=120,
            )
    assert done.returncode == 0, done.stderr
    assert "heard   What is twelve times seven?" in done.stdout
    assert "answer  12 times 7 is 84." in done.stdout
    with wave.open(str(saved)) as file:
        assert file.getnframes() > file.getframerate()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"VOICE_LLM_BASE_URL": "localhost:8080", "VOICE_LLM_MODEL": "m"}, "'localhost:8080'"),
        ({"VOICE_LLM_BASE_URL": "http://127.0.0.1:1/v1"}, "needs VOICE_LLM_MODEL"),
        ({"VOICE_LLM_MODEL": "m"}, "VOICE_LLM_BASE_URL is not set"),
    ],
)
def test_a_wrong_endpoint_says_what_to_do(changed: Mapping[str, str], said: str) -> None:
    from testproject.voice.engines import EngineError
    from testproject.voice.engines.openai_chat import load

    with pytest.raises(EngineError, match=re.escape(said)):
        load(changed)
