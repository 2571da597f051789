"""The whole report: what was to be reached, and the tables of every section."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from importlib import metadata

from . import targets
from .sections import Table
from .subjects import SUBJECTS

_PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-asgi",
    "starlette",
    "channels",
    "Django",
    "uvicorn",
    "uvloop",
    "websockets",
    "ddtrace",
    "logfire",
    "sentry-sdk",
)


def document(tables: Sequence[Table]) -> str:
    """Return the report in Markdown."""
    lines = [
        "# What tracing costs",
        "",
        "Written by `scripts/benchmark`; do not edit.",
        "",
        "Each subject runs in a process of its own, and all of them in turns.",
        "Costs are CPU time of the whole process, all threads of it.",
        "A fixed piece of work in between says how fast the machine is at the time;",
        "the figures are set off by it, to a machine that nobody disturbs.",
        "“Added” is what a sample has over the untraced one of the same round.",
        "Given are the median and the middle half of the rounds.",
        "Only the ratios carry over to other machines: they are within this one run.",
        "Where an SDK is set up, it has a batch processor and a periodic metric reader.",
        "",
        f"{_environment()}.",
        *_missing(),
        "",
        *targets.lines(tables),
    ]
    for table in tables:
        lines += ["", *table.lines()]
    return "\n".join(lines) + "\n"


def _environment() -> str:
    versions = ", ".join(_versions())
    return f"Python {platform.python_version()}, {os.cpu_count()} cores; {versions}"


def _missing() -> Iterator[str]:
    missing = [each.title for each in SUBJECTS if not each.is_installed()]
    if missing:
        yield f"Left out, because they are not installed: {'; '.join(missing)}."


def _versions() -> Iterator[str]:
    for name in _PACKAGES:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
