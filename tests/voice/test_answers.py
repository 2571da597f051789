"""What acts: times, timers, sums, and the numbers in them; and sound and words on the wire."""

from __future__ import annotations

import json
import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from testproject.voice.answers import Answer, act, numbers
from testproject.voice.audio import frames, read_wav, seconds, write_wav
from testproject.voice.messages import asked, name_of
from testproject.voice.prompt import prompt

from .playing import sample

NOW = datetime(2026, 11, 23, 9, 5)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("forty two", [42]),
        ("twelve times seven", [12, 7]),
        ("one hundred and five minus 17", [105, 17]),
        ("two thousand", [2000]),
        ("twenty and thirty", [20, 30]),
        ("twenty 3", [20, 3]),
        ("12 x 7", [12, 7]),
        ("nothing", []),
        ("9" * 99, [10**9]),
    ],
)
def test_numbers_are_words_or_digits(text: str, found: list[int]) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("intent", "text", "said"),
    [
        ("time", "What time is it?", "It is 9:05 AM on Monday, November 23."),
        ("sum", "What is twelve times seven?", "12 times 7 is 84."),
        ("sum", "one hundred and five minus 17", "105 minus 17 is 88."),
        ("sum", "Subtract three from ten.", "10 minus 3 is 7."),
        ("sum", "What's forty two divided by 5?", "42 divided by 5 is 8.4."),
        ("sum", "Divide nine by zero.", "Nothing can be divided by zero."),
        ("sum", "five and six", "5 plus 6 is 11."),
        ("sum", "What is twenty-five plus three?", "25 plus 3 is 28."),
        ("sum", "forty-two times two", "42 times 2 is 84."),
        ("sum", "12-7", "12 minus 7 is 5."),
        ("timer", "Set a timer for five minutes.", "All right, 5 minutes, starting now."),
        ("timer", "Wake me in one hour.", "All right, 1 hour, starting now."),
        ("timer", "A timer of two hours.", "I can set timers of up to one hour."),
    ],
)
def test_what_acts_says_so(intent: str, text: str, said: str) -> None:
    answer = act(intent, text, NOW)
    assert answer is not None
    assert answer.text == said


@pytest.mark.parametrize(
    ("intent", "text"),
    [("sum", "How much is a horse?"), ("timer", "Set a timer."), ("chat", "Who are you?")],
)
def test_what_lacks_something_is_for_the_model(intent: str, text: str) -> None:
    assert act(intent, text, NOW) is None


def test_a_timer_rings_after_its_seconds() -> None:
    assert act("timer", "three minutes", NOW) == Answer(
        "All right, 3 minutes, starting now.", 180.0
    )


def test_the_model_is_given_what_was_said_before() -> None:
    messages = prompt("And now?", [("b", "2"), ("c", "3")])
    assert [m["content"] for m in messages[-5:]] == ["b", "2", "c", "3", "And now?"]
    assert [m["role"] for m in messages[-3:]] == ["user", "assistant", "user"]


def test_frames_hold_the_same_sound() -> None:
    pcm = bytes(range(256)) * 40
    cut = list(frames([pcm[:5], pcm[5:4000], pcm[4000:]]))
    assert b"".join(cut) == pcm
    assert {len(each) for each in cut[:-1]} == {3200}


@pytest.mark.parametrize("name", ["capital", "sum", "timer"])
def test_a_sample_is_what_goes_over_the_wire(name: str) -> None:
    assert 1 < seconds(len(sample(name))) < 4


def test_another_sound_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", bytes(100), 44100)
    with pytest.raises(ValueError, match=r"16000 samples a second.*44100.*sox"):
        read_wav(tmp_path / "a.wav")
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(wave.Error):
        read_wav(tmp_path / "b.wav")


@pytest.mark.parametrize(
    ("path", "message", "name"),
    [
        ("/ws/voice", {"bytes": b""}, "audio"),
        ("/ws/voice", {"text": '{"kind": "start"}'}, "start"),
        ("/ws/voice", {"text": '{"kind": "anything"}'}, None),
        ("/ws/voice", {"text": "{"}, None),
        ("/prefix/ws/voice", {"text": '{"kind": "end", "_meta": {}}'}, "end"),
        ("/ws/chat/voice", {"text": '{"kind": "start"}'}, None),
    ],
)
def test_only_what_is_known_names_a_span(
    path: str, message: dict[str, Any], name: str | None
) -> None:
    assert name_of({"path": path}, {"type": "websocket.receive", **message}) == name


def test_what_is_said_names_its_span() -> None:
    message = {"type": "websocket.send", "text": json.dumps({"kind": "done"})}
    assert name_of({"path": "/ws/voice"}, message) == "done"
    assert asked('{"kind": "done"}') is None
