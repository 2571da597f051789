"""Whatever strangers send, through the whole middleware: nobody is hurt, and little is changed.

`python -m tests.hostile` asks the same of a million frames and 100,000 handshakes.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otel_ws import _carriers, _log, _propagation, _request, _w3c, asgi
from otel_ws._carriers import Carriers
from otel_ws._spans import Spans

from .hostile.connections import FORGED, Theatre
from .hostile.frames import hostile_frames
from .hostile.handshakes import TOKEN, hostile_handshakes, offered_in

FRAMES, HANDSHAKES = 5_000, 1_200


@pytest.fixture(autouse=True)
def _expected(our_log: list[str]) -> None:
    """Some codecs and trust functions here are made to fail, and what that says is counted."""


def play(frames: int = 0, handshakes: int = 0) -> Theatre:
    theatre = Theatre()
    with theatre.listening():
        asyncio.run(theatre.play_frames(hostile_frames(20, frames)))
        asyncio.run(theatre.play_handshakes(hostile_handshakes(20, handshakes)))
        theatre.conclude()
    return theatre


def test_hostile_frames_hurt_nobody() -> None:
    theatre = play(frames=FRAMES)
    assert theatre.faults == {}, theatre.examples
    assert theatre.watch.started > FRAMES
    assert theatre.watch.joined > 0  # of those that are trusted


def test_hostile_handshakes_hurt_nobody() -> None:
    theatre = play(handshakes=HANDSHAKES)
    assert theatre.faults == {}, theatre.examples
    assert theatre.watch.joined > 0


def test_hostile_handshakes_are_the_same_for_the_same_seed() -> None:
    first, again, other = (list(hostile_handshakes(seed, 50)) for seed in (1, 1, 2))
    assert repr(first) == repr(again) != repr(other)


def test_hostile_handshakes_have_something_of_everything() -> None:
    found: Counter[str] = Counter()
    for scope, is_broken in hostile_handshakes(20, HANDSHAKES):
        found["broken"] += is_broken
        if not is_broken:
            offered = offered_in(scope["headers"])
            assert offered == scope["subprotocols"]
            found["tokens"] += sum(each.startswith(TOKEN) for each in offered) == 1
            found["many tokens"] += sum(each.startswith(TOKEN) for each in offered) > 5
            found["others"] += any(not each.startswith(TOKEN) for each in offered)
            found["queries"] += b"traceparent=" in scope["query_string"]
            found["huge"] += any(len(value) > 60_000 for _, value in scope["headers"])
            found["forged"] += f"{FORGED:032x}" in repr(scope)
    assert len(found) == 7
    assert min(found.values()) > 20


# --- mistakes that would be caught --------------------------------------------------------------


def no_cleaning(patch: Callable[..., None]) -> None:
    patch(_w3c, "CLEANING", {})


def trust_in_everybody(patch: Callable[..., None]) -> None:
    patch(_propagation, "trust_level", lambda *_: "parent")
    patch(_carriers, "trust_level", lambda *_: "parent")


def queries_as_they_come(patch: Callable[..., None]) -> None:
    patch(_request, "redacted_query", lambda query, _: query.decode("latin-1"))


def tokens_that_stay(patch: Callable[..., None]) -> None:
    patch(_propagation, "take_token", lambda scope: None)


def nothing_taken_out(patch: Callable[..., None]) -> None:
    read = Carriers.read
    patch(Carriers, "read", lambda self, message: read(self, message) and message)


def everything_written(patch: Callable[..., None]) -> None:
    patch(Carriers, "write", lambda self, message, _: {**message, "text": "{}"})


def written_in_place(patch: Callable[..., None]) -> None:
    write = Carriers.write

    def in_place(self: Carriers, message: Any, context: Any) -> Any:
        message.update(write(self, message, context))
        return message

    patch(Carriers, "write", in_place)


def a_log_without_end(patch: Callable[..., None]) -> None:
    patch(_carriers, "report", lambda cause, *_: _log.logger.warning(cause))


def spans_that_stay_open(patch: Callable[..., None]) -> None:
    patch(Spans, "end", lambda *_: None)


def no_shield(patch: Callable[..., None]) -> None:
    async def receive(self: asgi.Wire) -> Any:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            json.loads(message.get("text") or b"{}")
        return self._told.received(message) or message

    patch(asgi.Wire, "receive", receive)


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    yield monkeypatch.setattr


@pytest.mark.parametrize(
    ("mistake", "fault"),
    [
        (no_cleaning, "somebody else's log was written to"),
        (trust_in_everybody, "a stranger's trace was joined"),
        (queries_as_they_come, "a query was recorded"),
        (tokens_that_stay, "altered: subprotocols"),
        (nothing_taken_out, "a carrier was not taken out"),
        (everything_written, "altered: a sent message"),
        (written_in_place, "altered: the application's own message"),
        (a_log_without_end, "our log has a line too often"),
        (spans_that_stay_open, "spans did not end"),
        (no_shield, "exception JSONDecodeError"),
    ],
)
def test_a_mistake_would_be_caught(mistake: Any, fault: str, patch: Callable[..., None]) -> None:
    mistake(patch)
    assert fault in play(frames=1_500, handshakes=300).faults
