"""What listens, understands, answers and speaks: each behind a protocol, and replaceable.

An engine is made by a factory without arguments, which `VOICE_ASR`, `VOICE_INTENT`, `VOICE_CHAT`
and `VOICE_TTS` name as ``module:factory``. Engines block, and are called in threads; but a chat
is a coroutine's.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol, TypedDict, runtime_checkable

Part = Literal["asr", "intent", "chat", "tts"]


class EngineError(RuntimeError):
    """Raised with what was expected of an engine, what came, and what to do."""


class ChatMessage(TypedDict):
    """A message as OpenAI's API has it."""

    role: Literal["system", "user", "assistant"]
    content: str


class Hearing(Protocol):
    """One utterance, as it is heard."""

    def add(self, pcm: bytes) -> str:
        """Hear more, 16 kHz mono PCM16; return the text so far, which may still change."""

    def finish(self) -> str:
        """Return the text of all that was heard."""

    def close(self) -> None:
        """Let go of it, finished or not."""


@runtime_checkable
class Recogniser(Protocol):
    """Turns speech into text while it is spoken."""

    def hear(self) -> Hearing:
        """Begin with an utterance. Several may be heard at once."""


@runtime_checkable
class IntentFinder(Protocol):
    """Tells what somebody wants."""

    def find(self, text: str, examples: Mapping[str, Sequence[str]]) -> str | None:
        """Return the name whose examples are most like `text`, or None if none is like it."""


@runtime_checkable
class ChatClient(Protocol):
    """Answers with words, one after the other."""

    def reply(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str]:
        """Yield the pieces of the answer as they come."""


@runtime_checkable
class Speaker(Protocol):
    """Turns text into speech."""

    rate: int
    """Samples a second of what it says, mono PCM16."""

    def speak(self, text: str) -> Iterator[bytes]:
        """Yield the speech, in pieces of any length."""


@dataclass(frozen=True, slots=True)
class Engines:
    """One of each."""

    recogniser: Recogniser
    intents: IntentFinder
    chat: ChatClient
    speaker: Speaker


@dataclass(frozen=True, slots=True)
class _Place:
    title: str
    variable: str
    default: str
    protocol: type
    says: str


_HERE = __name__
PLACES: Mapping[Part, _Place] = {
    "asr": _Place(
        "Speech recognition", "VOICE_ASR", f"{_HERE}.moonshine:load", Recogniser, "a Recogniser"
    ),
    "intent": _Place(
        "Intents", "VOICE_INTENT", f"{_HERE}.embeddings:load", IntentFinder, "an IntentFinder"
    ),
    "chat": _Place(
        "Language model", "VOICE_CHAT", f"{_HERE}.openai_chat:load", ChatClient, "a ChatClient"
    ),
    "tts": _Place("Voice", "VOICE_TTS", f"{_HERE}.espeak:load", Speaker, "a Speaker"),
}
ADVICE = (
    "`scripts/demo --voice` installs the engines; elsewhere "
    "`pip install --group voice` does, with pip 25.1 or newer, in a clone of this project"
)


def load(
    tell: Callable[[Part, str], None] = lambda part, state: None,
    environ: Mapping[str, str] = os.environ,
) -> Engines:
    """Load one of each, and tell which part is ``loading`` or ``ready``. Raises EngineError."""
    loaded: dict[Part, Any] = {}
    for part, place in PLACES.items():
        tell(part, "loading")
        loaded[part] = _make(place, environ.get(place.variable) or place.default)
        tell(part, "ready")
    return Engines(loaded["asr"], loaded["intent"], loaded["chat"], loaded["tts"])


def _make(place: _Place, name: str) -> object:
    module, colon, factory = name.partition(":")
    expected = f"{place.variable} is to be `module:factory`, where the factory makes {place.says}"
    if not (module and colon and factory):
        raise EngineError(f"{expected}; it is {name!r}. Set it, or unset it for the default.")
    try:
        make = getattr(import_module(module), factory)
    except ImportError as error:
        raise EngineError(
            f"{place.title}: {name} cannot be imported: {error}. {ADVICE}."
        ) from error
    except AttributeError as error:
        raise EngineError(f"{expected}; {module} has no {factory!r}. Correct the name.") from error
    try:
        made: object = make()
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(
            f"{place.title}: {name} cannot be loaded: {error!r}. Correct that, or name another "
            f"one by {place.variable}."
        ) from error
    if not isinstance(made, place.protocol):
        raise EngineError(
            f"{expected}; {name} made {type(made).__name__}, which lacks what "
            f"{place.protocol.__name__} in {_HERE} lists. Give it these methods."
        )
    return made
