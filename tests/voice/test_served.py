"""The voice assistant on real servers, in both models, with engines that are the tests' own."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest

from testproject.servers import APPS
from testproject.voice.audio import frames, seconds
from testproject.voice.client import Talk

from . import small, trees
from .playing import STREAM, Heard, Played, interrupt, play, sample, say, tree

PLAYS = [(app, model) for app in APPS for model in ("session", "connection")]
PARTS = (trees.OPENED, trees.ANSWERED, trees.RANG, trees.INTERRUPTED, trees.LEFT)

every_play = pytest.mark.parametrize(
    "number", range(len(PLAYS)), ids=[f"{app.key}-{model}" for app, model in PLAYS]
)


async def converse(talk: Talk) -> Mapping[str, Heard]:
    """Ask, set a timer, interrupt, and leave in the middle of an answer."""
    asked = await say(talk, sample("capital"), pace=0)
    timer = await say(talk, sample("timer"), pace=0)
    rang = Heard(await talk.listen(), 0, 0)
    stopped, after = await interrupt(talk, small.STORY, sample("sum"), pace=0)
    await talk.speak(small.STORY, pace=0)
    await talk.listen(sound=1)
    return {"asked": asked, "timer": timer, "rang": rang, "stopped": stopped, "after": after}


@pytest.fixture(scope="module")
def plays() -> list[Played]:
    """All of them, played at once: what takes the time is mostly to wait."""
    with ThreadPoolExecutor(len(PLAYS)) as pool:
        futures = [
            pool.submit(play, app, {"OTEL_WS_MODEL": model, **small.ENVIRONMENT}, converse)
            for app, model in PLAYS
        ]
        return [future.result() for future in futures]


@every_play
def test_each_utterance_is_one_tree(plays: list[Played], number: int) -> None:
    _, model = PLAYS[number]
    expected = "".join(PARTS) if model == "session" else trees.in_one_trace(*PARTS)
    assert tree(plays[number].spans) == trees.by_the_small_model(expected).strip()


def test_the_trees_of_both_models_are_the_same_conversation() -> None:
    session = (trees.OPENED, trees.ANSWERED, trees.CLOSED)
    assert trees.in_one_trace(*session) == trees.IN_ONE_TRACE.strip()


@every_play
def test_it_hears_and_answers(plays: list[Played], number: int) -> None:
    heard = {name: each.reply for name, each in plays[number].heard.items()}
    assert {name: (reply.heard, reply.answer, reply.last) for name, reply in heard.items()} == {
        "asked": (
            "What is the capital of France?",
            "The capital of France is Paris. Go there!",
            "done",
        ),
        "timer": ("Set a timer for one second.", "All right, 1 second, starting now.", "done"),
        "rang": ("", "Your timer is up.", "done"),
        "stopped": (
            "Tell me a story.",
            "Once upon a time there was a king who had a daughter. ",
            "stopped",
        ),
        "after": ("What is twelve times seven?", "12 times 7 is 84.", "done"),
    }
    assert all(reply.partials for name, reply in heard.items() if name != "rang")


@every_play
def test_the_measures_are_those_of_what_was_heard(plays: list[Played], number: int) -> None:
    played = plays[number]
    speech = {
        span.attributes[f"{STREAM}size"]: span for span in played.named("websocket.stream speech")
    }
    for name in ("asked", "timer", "rang", "after"):
        sound = played.heard[name].reply.sound
        measures = speech[len(sound)].attributes
        assert measures[f"{STREAM}chunk_count"] == len(list(frames([sound], played.rate)))
        assert measures[f"{STREAM}time_to_first_chunk"] > 0
        assert seconds(len(sound), played.rate) > 0.2


@every_play
def test_a_stream_counts_from_the_end_of_the_speech(plays: list[Played], number: int) -> None:
    played = plays[number]
    first = {name: played.named(name)[0] for name in ("websocket.receive", "asr")}
    speech = played.named("websocket.stream speech")[0]
    assert first["websocket.receive"].start_time < speech.start_time <= first["asr"].end_time
    assert speech.start_time < played.heard["asked"].answered


@every_play
def test_sound_is_counted_and_has_no_spans(plays: list[Played], number: int) -> None:
    (close,) = plays[number].named("websocket.close")
    assert len(plays[number].named("websocket.receive")) == 5
    assert close.attributes["websocket.received.message_count"] > 100


@every_play
def test_the_client_is_told_the_trace(plays: list[Played], number: int) -> None:
    assert "asr" in {span.name for span in plays[number].of("asked")}
