"""The section on what an echoed message costs, driven in process."""

from __future__ import annotations

from . import rounds
from .costs import Costs
from .sections import Run
from .workloads import WORKLOADS

_SECONDS, _QUICK_SECONDS = 240.0, 20.0


def measure(run: Run) -> list[Costs]:
    """Measure each subject at each of its workloads."""
    subjects = run.subjects()
    workloads = [each for each in WORKLOADS if not run.workloads or each.name in run.workloads]
    if not workloads:
        return []
    seconds = run.time(_SECONDS, _QUICK_SECONDS)
    results = rounds.measure(subjects, workloads, seconds=seconds, say=run.say)
    return [
        Costs(results, each, [s for s in subjects if s.is_put_to(each.name)]) for each in workloads
    ]
