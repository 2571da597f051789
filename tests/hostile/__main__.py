"""Give hostile frames to the codecs, and print what came of it.

    python -m tests.hostile --frames 1000000 [--seed 1]

Exit status: 0, or 1 if a codec raised, altered what it must not, or kept memory.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path

from .codecs import faults
from .frames import Frame, hostile_frames

TRACED = 5_000
MAX_KEPT = 10 * TRACED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    found: Counter[str] = Counter()
    started = time.monotonic()
    frames = hostile_frames(options.seed, options.frames)
    resident = [_resident()]
    for half in (options.frames // 2, options.frames - options.frames // 2):
        _give(islice(frames, half), found)
        resident.append(_resident())
    seconds = time.monotonic() - started
    kept = _traced(options.seed)
    print(f"frames      {options.frames}")
    print(f"exceptions  {_count(found, ': exception')}")
    print(f"altered     {_count(found, ': altered')}")
    print(f"all faults  {found.total()}")
    for name, (before, after) in zip(("first", "second"), pairwise(resident), strict=True):
        print(f"memory      {(after - before) // 1024:+} KiB resident over the {name} half")
    print(f"memory      {kept:+} bytes allocated by {TRACED} frames and not given back")
    print(f"seconds     {seconds:.0f}")
    return 1 if found or kept > MAX_KEPT else 0


def _count(found: Counter[str], kind: str) -> int:
    return sum(count for fault, count in found.items() if kind in fault)


def _give(frames: Iterable[Frame], found: Counter[str]) -> None:
    for frame, fault in _all_faults(frames):
        if not found[fault]:
            print(f"{fault}: {frame!r:.600}", file=sys.stderr)
        found[fault] += 1


def _all_faults(frames: Iterable[Frame]) -> Iterator[tuple[Frame, str]]:
    for frame in frames:
        for fault in faults(frame):
            yield frame, fault


def _resident() -> int:
    """Return how much memory this process has, where the system says so."""
    gc.collect()
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * 4096 if status.exists() else 0


def _traced(seed: int) -> int:
    """Return how many bytes Python has more after the last of some equal rounds."""
    tracemalloc.start()
    sizes = []
    for _ in range(4):  # in the first ones the interpreter's own tables grow
        deque(_all_faults(hostile_frames(seed, TRACED)), maxlen=0)
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return sizes[-1] - sizes[-2]


if __name__ == "__main__":
    sys.exit(main())
