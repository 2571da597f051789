"""The section on what a connection holds that has nothing to say for now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .rounds import started
from .sections import Key, Run
from .spread import Spread
from .subjects import BASELINE, CONTROL, Subject
from .workloads import WORKLOADS

_CONNECTIONS, _QUICK_CONNECTIONS = 2000, 100
_CONTROL_WITHIN = 100.0


def measure(run: Run) -> list[Idle]:
    """Weigh the idle connections of each subject at one workload of each framework."""
    connections = _QUICK_CONNECTIONS if run.is_quick else _CONNECTIONS
    subjects = [each for each in run.subjects() if not each.workloads]
    workloads = [each for each in WORKLOADS if each.is_weighed]
    held: dict[Key, float] = {}
    for subject in subjects:
        run.say(f"idle connections: {subject.name}")
        with started([subject]) as processes:
            for each in workloads:
                answer = processes[subject.name].ask(
                    "idle", workload=each.name, connections=connections
                )
                held[each.name, subject.name] = answer["bytes"]
    return [Idle(held, subjects, connections)]


class Idle:
    """What the subjects add to a connection, in bytes, at every workload."""

    def __init__(
        self, held: dict[Key, float], subjects: Sequence[Subject], connections: int
    ) -> None:
        self._held = held
        self._subjects = subjects
        self._connections = connections
        self._workloads = [each for each in WORKLOADS if each.is_weighed]

    def control(self) -> None:
        return None

    def faults(self) -> Iterator[str]:
        for each in self._workloads:
            added = self._added(each.name, CONTROL)
            if abs(added) > _CONTROL_WITHIN:
                yield f"{each.title}: untraced again holds {added:+.0f} bytes"

    def found(self) -> dict[Key, Spread]:
        added = {
            (f"idle-{workload.name}", each.name): self._added(workload.name, each.name)
            for workload in self._workloads
            for each in self._subjects
        }
        return {key: Spread(each, each, each) for key, each in added.items()}

    def lines(self) -> Iterator[str]:
        yield "### Bytes held by an idle connection"
        yield ""
        yield from (f"**Void:** {fault}." for fault in self.faults())
        yield f"What {self._connections:,} connections add, each after one message and its answer."
        yield ""
        yield f"| | {' | '.join(each.title for each in self._workloads)} |"
        yield f"|---|{'---:|' * len(self._workloads)}"
        for each in self._subjects:
            cells = (f"{self._added(w.name, each.name):,.0f}" for w in self._workloads)
            yield f"| {each.title} | {' | '.join(cells)} |"

    def _added(self, workload: str, subject: str) -> float:
        return self._held[workload, subject] - self._held[workload, BASELINE]
