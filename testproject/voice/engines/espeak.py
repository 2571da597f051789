"""A voice by eSpeak NG, called in its own library; no network."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from threading import Lock
from typing import Any

import espeakng_loader

from . import EngineError

_SYNCHRONOUS = 2
_UTF8 = 1
_RATE_PARAMETER = 1
_WORDS_A_MINUTE = 160
_BUFFER_MS = 60
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

# The library has one state for the whole process, and keeps the callback's address.
_lock = Lock()
_said: list[bytes] = []


@_Callback
def _take(samples: Any, count: int, events: Any) -> int:
    if samples and count > 0:
        _said.append(ctypes.string_at(samples, 2 * count))
    return 0


class ESpeak:
    """A `Speaker`. It says a sentence in milliseconds, and so has it whole before it yields."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        with _lock:
            self.rate = self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, 0)
            if self.rate <= 0:
                raise EngineError(f"eSpeak cannot be initialised with the data in {data.decode()}")
            self._library.espeak_SetSynthCallback(_take)
            self._library.espeak_SetVoiceByName(b"en-us")
            self._library.espeak_SetParameter(_RATE_PARAMETER, _WORDS_A_MINUTE, 0)

    def speak(self, text: str) -> Iterator[bytes]:
        encoded = text.encode()
        with _lock:
            _said.clear()
            self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 0, 0, _UTF8, None, None)
            self._library.espeak_Synchronize()
            pieces = tuple(_said)
        yield from pieces


def load() -> ESpeak:
    return ESpeak()
