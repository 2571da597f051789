"""The command: `scripts/benchmark`, or `python -m benchmarks` where all is installed."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from . import echo, fanout, growth, idle, path, startup
from .report import document
from .sections import Run, Section
from .subjects import SUBJECTS
from .wire import section as wire
from .workloads import FANOUTS, WORKLOADS

SECTIONS: dict[str, Section] = {
    "echo": echo.measure,
    "fanout": fanout.measure,
    "idle": idle.measure,
    "path": path.measure,
    "growth": growth.measure,
    "startup": startup.measure,
    "wire": wire.measure,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only to see that it works")
    parser.add_argument(
        "--long", action="store_true", help="growth over ten million messages, some 15 minutes more"
    )
    parser.add_argument("--seconds", type=float, help="how long each section repeats its rounds")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there as well")
    parser.add_argument(
        "--sections", nargs="+", metavar="NAME", choices=list(SECTIONS), default=list(SECTIONS)
    )
    parser.add_argument(
        "--subjects", nargs="+", metavar="NAME", choices=[s.name for s in SUBJECTS], default=()
    )
    parser.add_argument(
        "--workloads",
        nargs="+",
        metavar="NAME",
        choices=[each.name for each in (*WORKLOADS, *FANOUTS)],
        default=(),
    )
    return parser.parse_args()


def main() -> int:
    """Measure, print the report, and return 1 if any of it is void."""
    arguments = _arguments()
    # Whoever ends this is to end what it has started too.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    run = Run(
        is_quick=arguments.quick,
        is_long=arguments.long,
        seconds=arguments.seconds,
        names=arguments.subjects,
        workloads=arguments.workloads,
        say=_progress(),
    )
    tables = [table for name in arguments.sections for table in SECTIONS[name](run)]
    report = document(tables)
    print(report)
    if arguments.write:
        arguments.write.write_text(report, encoding="utf-8")
    return 1 if any(list(table.faults()) for table in tables) else 0


def _progress() -> Callable[[str], None]:
    """Return what tells the user how far it is, on a line of its own in a terminal only."""
    if not sys.stderr.isatty():
        return lambda text: None
    return lambda text: print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
