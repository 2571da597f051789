"""Speech recognition by Moonshine, whose weights come in its package; no network."""

from __future__ import annotations

from array import array
from threading import Lock
from typing import Any

from moonshine_voice import ModelArch, Transcriber, get_model_path

from ..audio import RATE

# How often the text so far is made anew, in seconds of speech.
_UPDATE = 0.3
# After this the detector of speech takes an utterance for complete.
_SILENCE = bytes(2 * RATE // 2)


class Moonshine:
    """A `Recogniser`. Its model is one for all utterances, and is asked by one at a time."""

    def __init__(self) -> None:
        path = str(get_model_path("tiny-en"))
        self._transcriber: Any = Transcriber(path, ModelArch.TINY, _UPDATE)
        self._lock = Lock()

    def hear(self) -> MoonshineHearing:
        with self._lock:
            return MoonshineHearing(self._transcriber, self._lock)


class MoonshineHearing:
    """A `Hearing`."""

    def __init__(self, transcriber: Any, lock: Lock) -> None:
        self._lock = lock
        self._lines: dict[int, str] = {}
        self._stream = transcriber.create_stream()
        self._stream.add_listener(self._note)
        self._stream.start()

    def add(self, pcm: bytes) -> str:
        with self._lock:
            self._stream.add_audio(_floats(pcm), RATE)
        return self._text

    def finish(self) -> str:
        with self._lock:
            self._stream.add_audio(_floats(_SILENCE), RATE)
            self._stream.stop()
        return self._text

    def close(self) -> None:
        with self._lock:
            self._stream.close()

    def _note(self, event: Any) -> None:
        line = getattr(event, "line", None)
        if line is not None:
            self._lines[line.line_id] = line.text.strip()

    @property
    def _text(self) -> str:
        return " ".join(filter(None, self._lines.values()))


def _floats(pcm: bytes) -> list[float]:
    return [sample / 32768 for sample in array("h", pcm)]


def load() -> Moonshine:
    return Moonshine()
