"""Give hostile frames to the codecs, then those and hostile handshakes to the whole middleware.

    python -m tests.hostile --frames 1000000 --handshakes 100000 [--seed 1]

Prints what came of it. Exit status: 0, or 1 if anything raised, altered what it must not, joined a
trace it must not, filled a log, or kept memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from .codecs import faults
from .connections import Theatre
from .frames import Frame, hostile_frames
from .handshakes import Handshake, hostile_handshakes

ROUNDS = 4
"""The first ones make the interpreter's own tables grow."""
MAX_KEPT = 50_000


class Codecs:
    """Gives frames to every codec, without anything around it."""

    title = "frames, each given to every codec"

    def __init__(self) -> None:
        self.faults: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def play(self, frames: Iterator[Frame]) -> None:
        for frame in frames:
            for fault in faults(frame):
                self.faults[fault] += 1
                self.examples.setdefault(fault, f"{frame!r:.600}")

    def conclude(self) -> None:
        pass


class Frames(Codecs):
    """Gives frames to the middleware, with every codec in every way."""

    title = "frames through the middleware"

    def __init__(self) -> None:
        self.theatre = Theatre()
        self.faults, self.examples = self.theatre.faults, self.theatre.examples

    def play(self, frames: Iterator[Frame]) -> None:
        self._run(self.theatre.play_frames(frames))

    def conclude(self) -> None:
        self.theatre.conclude()
        watch, lines = self.theatre.watch, self.theatre.lines
        print(f"  spans       {watch.started} started, {watch.ended} ended")
        print(f"  our log     {lines.ours.total()} lines, of {len(lines.ours)} causes")

    def _run(self, playing: Any) -> None:
        with self.theatre.listening():
            asyncio.run(playing)


class Handshakes(Frames):
    """Gives handshakes to the middleware, and one message to each that is accepted."""

    title = "handshakes through the middleware"

    def play(self, handshakes: Iterator[Handshake]) -> None:  # type: ignore[override]
        self._run(self.theatre.play_handshakes(handshakes))


def perform(
    make: Callable[[], Codecs], source: Callable[[int, int], Iterator[Any]], seed: int, count: int
) -> bool:
    """Play so many, print the figures, and tell whether all went well."""
    part = make()
    print(f"{count} {part.title}", flush=True)
    started = time.monotonic()
    played = source(seed, count)
    resident = [_resident()]
    for half in (count // 2, count - count // 2):
        part.play(islice(played, half))
        resident.append(_resident())
    part.conclude()
    kept = _kept(make(), source, seed, min(count, 5_000))
    raised = sum(n for fault, n in part.faults.items() if "exception" in fault)
    altered = sum(n for fault, n in part.faults.items() if "altered" in fault)
    print(f"  faults      {part.faults.total()}: {raised} exceptions, {altered} altered")
    for name, (before, after) in zip(("first", "second"), pairwise(resident), strict=True):
        print(f"  memory      {(after - before) // 1024:+} KiB resident over the {name} half")
    print(f"  memory      {kept:+} bytes allocated by the last of {ROUNDS} equal rounds")
    print(f"  seconds     {time.monotonic() - started:.0f}", flush=True)
    for fault, example in part.examples.items():
        print(f"{part.faults[fault]} x {fault}: {example}", file=sys.stderr)
    return not part.faults and kept <= MAX_KEPT


def _resident() -> int:
    """Return how much memory this process has, where the system says so."""
    gc.collect()
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else 0


def _kept(part: Codecs, source: Callable[[int, int], Iterator[Any]], seed: int, count: int) -> int:
    """Return how many bytes Python has more after the last of some equal rounds."""
    tracemalloc.start()
    sizes = []
    for _ in range(ROUNDS):
        part.play(source(seed, count))
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return sizes[-1] - sizes[-2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--handshakes", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    went_well = [
        perform(Codecs, hostile_frames, options.seed, options.frames),
        perform(Frames, hostile_frames, options.seed, options.frames),
        perform(Handshakes, hostile_handshakes, options.seed, options.handshakes),
    ]
    return 0 if all(went_well) else 1


if __name__ == "__main__":
    sys.exit(main())
