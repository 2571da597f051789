"""The section on what it costs that many hear what one says, a recipient."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from testproject.redis_server import running_redis

from .costs import Costs
from .rounds import Process, Step, repeat, started
from .sections import Run
from .subjects import BASELINE, CONTROL, SUBJECTS, Subject
from .workloads import FANOUTS, FanOut

_SECONDS, _QUICK_SECONDS = 200.0, 16.0


@dataclass(frozen=True)
class _Spans:
    of_recipient: int
    of_publishing: int


# Contrib has a span for the message that comes in, and one for each that goes out.
_COMPARED = {
    BASELINE: _Spans(0, 0),
    CONTROL: _Spans(0, 0),
    "contrib-asgi": _Spans(1, 1),
    "ours": _Spans(2, 2),
    "by-hand": _Spans(2, 1),
}


def measure(run: Run) -> list[Costs]:
    """Measure the subjects at each layer with each number of recipients."""
    fanouts = [each for each in FANOUTS if not run.workloads or each.name in run.workloads]
    if not fanouts:
        return []
    subjects = run.subjects(each for each in SUBJECTS if each.name in _COMPARED)
    seconds = run.time(_SECONDS, _QUICK_SECONDS) / sum(each.weight for each in fanouts)
    with running_redis() as redis:
        os.environ["REDIS_URL"] = redis.url
        with started(subjects) as processes:
            return [
                _measure(run, each, subjects, processes, seconds * each.weight) for each in fanouts
            ]


def _measure(
    run: Run,
    fanout: FanOut,
    subjects: Sequence[Subject],
    processes: Mapping[str, Process],
    seconds: float,
) -> Costs:
    for process in processes.values():
        process.ask("gather", workload=fanout.name)
    steps = [
        Step(fanout.name, name, process, "publish", workload=fanout.name)
        for name, process in processes.items()
    ]
    results = repeat(steps, seconds=seconds, say=run.say)
    for process in processes.values():
        process.ask("scatter")
    return Costs(results, fanout, [_to(fanout, each) for each in subjects])


def _to(fanout: FanOut, subject: Subject) -> Subject:
    """Return the subject with the spans that it must have made for each recipient."""
    spans, title = _COMPARED[subject.name], subject.title.removesuffix(", one span")
    each = spans.of_recipient + spans.of_publishing / fanout.recipients
    return replace(subject, title=title, spans=each)
