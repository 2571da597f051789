"""Sound as it goes over the wire: mono PCM with 16 bits a sample."""

from __future__ import annotations

import wave
from collections.abc import Iterable, Iterator
from pathlib import Path

RATE = 16_000
"""Samples a second of what the client sends."""
WIDTH = 2
FRAME_SECONDS = 0.1


def seconds(size: int, rate: int = RATE) -> float:
    """Return how long so many bytes last."""
    return size / WIDTH / rate


def frames(pieces: Iterable[bytes], rate: int = RATE) -> Iterator[bytes]:
    """Yield the same sound in frames of a tenth of a second; the last one may be shorter."""
    size = int(rate * FRAME_SECONDS) * WIDTH
    held = b""
    for piece in pieces:
        held += piece
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held


def read_wav(path: Path | str) -> bytes:
    """Return the sound of a file. Raises ValueError if it is not what goes over the wire."""
    with wave.open(str(path)) as file:
        found = (file.getnchannels(), file.getsampwidth(), file.getframerate())
        if found != (1, WIDTH, RATE):
            raise ValueError(
                f"{path} is to have 1 channel, {WIDTH} bytes a sample and {RATE} samples a second, "
                f"it has {found[0]}, {found[1]} and {found[2]}. "
                f"Convert it: sox {path} -c 1 -b 16 -r {RATE} converted.wav"
            )
        pcm: bytes = file.readframes(file.getnframes())
        return pcm


def write_wav(path: Path | str, pcm: bytes, rate: int) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(WIDTH)
        file.setframerate(rate)
        file.writeframes(pcm)
