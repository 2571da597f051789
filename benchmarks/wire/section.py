"""The section on how many messages uvicorn can answer, and how soon it does."""

from __future__ import annotations

import random
import time
from collections import defaultdict

from ..rounds import Process, process, started
from ..sections import Run
from ..subjects import find
from . import CONNECTIONS, RATE
from .tables import Paced, Sample, Throughput

_SUBJECTS = (
    "untraced",
    "control",
    "contrib-asgi",
    "ours",
    "ours-receive",
    "ours-unsampled",
    "by-hand",
    "by-hand-alike",
)
_SECONDS, _QUICK_SECONDS = 240.0, 10.0
_ROUNDS, _QUICK_ROUNDS = 20, 3
_CLOSED_MESSAGES, _PACED_MESSAGES = 4000, 2000


def measure(run: Run) -> list[Throughput | Paced]:
    """Drive one server after the other, in rounds, first as fast as it can and then paced."""
    subjects = run.subjects(map(find, _SUBJECTS))
    closed: dict[str, list[Sample]] = defaultdict(list)
    paced: dict[str, list[Sample]] = defaultdict(list)
    with started(subjects, "wire.serve") as servers, process("wire.load") as load:
        run.say("warming up")
        for server in servers.values():
            _visit(server, load)
        order, until, done = random.Random(1), time.monotonic() + _seconds(run), 0
        while done < _least_rounds(run) or time.monotonic() < until:
            for name in order.sample(list(servers), len(servers)):
                as_fast_as_it_can, at_a_pace = _visit(servers[name], load)
                closed[name].append(as_fast_as_it_can)
                paced[name].append(at_a_pace)
            done += 1
            run.say(f"over the wire: round {done}")
    return [Throughput(closed, subjects), Paced(paced, subjects)]


def _seconds(run: Run) -> float:
    return run.time(_SECONDS, _QUICK_SECONDS)


def _least_rounds(run: Run) -> int:
    return _QUICK_ROUNDS if run.is_quick or run.seconds else _ROUNDS


def _visit(server: Process, load: Process) -> tuple[Sample, Sample]:
    """Return what a server did as fast as it could, and what at a pace."""
    load.ask("open", port=server.ask("port")["port"], connections=CONNECTIONS)
    as_fast_as_it_can = _drive(server, load, "closed", messages=_CLOSED_MESSAGES)
    at_a_pace = _drive(server, load, "paced", messages=_PACED_MESSAGES, rate=RATE)
    load.ask("close")
    return as_fast_as_it_can, at_a_pace


def _drive(server: Process, load: Process, do: str, *, messages: int, **more: float) -> Sample:
    """Return what the load saw, and what each message cost the server in CPU and in spans."""
    before = server.ask("spent")
    seen = load.ask(do, messages=messages, **more)
    after = server.ask("spent")
    costs = {key: (after[key] - before[key]) / messages for key in ("cpu", "spans")}
    return {**seen, **costs}
