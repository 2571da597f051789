"""What goes over the wire of the voice assistant, the same in both frameworks.

The client sends sound as binary messages, 16 kHz mono PCM16, and around it::

    {"kind": "start"}    somebody begins to speak; whatever is being said, stops
    {"kind": "end"}      they have stopped speaking
    {"kind": "stop"}     be quiet

The server sends speech as binary messages, and says in JSON what becomes of it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypedDict

PATH: Final = "/ws/voice"
AUDIO: Final = "audio"
QUIET: Final = (AUDIO, "end")
"""The messages that have no spans: they belong to what `start` has begun."""

ASKED: Final = ("start", "end", "stop")
_LONGEST: Final = 1000  # of what a client may ask for; a trace context has its place in there


class Told(TypedDict, total=False):
    """What the server says; `kind` tells what else there is."""

    kind: Literal[
        "loading",  # an engine: part, title, state
        "ready",  # all engines are there: rate, traces
        "broken",  # an engine cannot be had: text
        "hearing",  # what was heard so far: text
        "heard",  # what was said: text, trace
        "answer",  # a piece of the answer: text
        "done",  # all is said: intent, seconds
        "stopped",  # somebody spoke or said stop while we did
        "failed",  # an utterance came to nothing: text
        "rang",  # a timer: text
    ]
    part: str
    title: str
    state: str
    text: str
    rate: int
    traces: str
    trace: str
    intent: str
    seconds: float


Tell = Callable[[Told], Awaitable[None]]


def asked(text: str) -> str | None:
    """Return what a client asks for, or None if it is nothing that there is."""
    if len(text) > _LONGEST:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    match content:
        case {"kind": str(kind)} if kind in ASKED:
            return kind
    return None


def name_of(scope: Any, message: Any) -> str | None:
    """Name a message of the voice assistant for its spans; those of other routes have none."""
    if not scope["path"].endswith(PATH):
        return None
    text = message.get("text")
    if text is None:
        return AUDIO
    if message["type"] == "websocket.receive":
        return asked(text)
    kind = json.loads(text).get("kind")
    return kind if isinstance(kind, str) else None
