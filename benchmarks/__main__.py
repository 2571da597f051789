"""The command: `python -m benchmarks`, from the root of the repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .report import Table, document
from .rounds import Results, measure
from .subjects import BASELINE, CONTROL, SUBJECTS, Subject
from .workloads import WORKLOADS, Workload

_SECONDS, _QUICK_SECONDS = 170.0, 20.0
_IDLE_CONNECTIONS = 2000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="half a minute, to see that it works")
    parser.add_argument("--seconds", type=float, help="how long to repeat the rounds")
    parser.add_argument(
        "--idle", action="store_true", help=f"also weigh {_IDLE_CONNECTIONS:,} idle connections"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument(
        "--subjects", nargs="+", metavar="NAME", choices=[s.name for s in SUBJECTS], default=()
    )
    parser.add_argument(
        "--workloads", nargs="+", metavar="NAME", choices=[w.name for w in WORKLOADS], default=()
    )
    return parser.parse_args()


def main() -> int:
    """Measure, print the report, and return 1 if any of it is void."""
    arguments = _arguments()
    subjects = [s for s in SUBJECTS if _is_wanted(s, arguments.subjects)]
    workloads = [w for w in WORKLOADS if not arguments.workloads or w.name in arguments.workloads]
    connections = _IDLE_CONNECTIONS if arguments.idle else 0
    results = measure(
        subjects,
        workloads,
        seconds=arguments.seconds or (_QUICK_SECONDS if arguments.quick else _SECONDS),
        idle_connections=connections,
        say=_progress(),
    )
    tables = [Table(results, each, subjects) for each in workloads]
    report = document(tables, rounds=_rounds(results, workloads, subjects), connections=connections)
    print(report)
    if arguments.write:
        arguments.write.write_text(report, encoding="utf-8")
    return 1 if any(list(table.faults()) for table in tables) else 0


def _is_wanted(subject: Subject, names: Sequence[str]) -> bool:
    return not names or subject.name in (BASELINE, CONTROL, *names)


def _rounds(results: Results, workloads: Sequence[Workload], subjects: Sequence[Subject]) -> int:
    return len(results[workloads[0].name, subjects[0].name].cost)


def _progress() -> Callable[[str], None]:
    """Return what tells the user how far it is, on a line of its own in a terminal only."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
