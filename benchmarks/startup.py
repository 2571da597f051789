"""What zero-code instrumentation costs when a program starts: `python -m benchmarks.startup`.

Each case is a fresh interpreter that imports an application, and ends. They take turns, and what
is compared is the median of the processor's time, so that it matters little what else runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from opentelemetry.instrumentation import auto_instrumentation

ROOT = Path(__file__).resolve().parent.parent
APPLICATIONS = ROOT / "tests" / "zero_code" / "unchanged"
SITE = str(Path(auto_instrumentation.__file__).parent)
ROUNDS = 25
# An application, and the modules that its first connection makes us import.
CASES = {
    "Channels": ("mysite.asgi", "otel_ws_channels._dispatch, otel_ws_channels.layers"),
    "FastAPI": ("fastapi_app", "otel_ws_starlette.middleware"),
}
COLUMNS = ("alone", "without otel-ws", "with otel-ws", "first connection")


def main() -> None:
    taken = {(name, column): [] for name in CASES for column in COLUMNS}
    for _ in range(ROUNDS):
        for name, (application, later) in CASES.items():
            for column, seconds in _round(application, later):
                taken[name, column].append(seconds)
    print("Milliseconds of processor time of a whole interpreter, the median of", ROUNDS)
    for name in CASES:
        alone, without, with_us, first = (median(taken[name, each]) * 1000 for each in COLUMNS)
        print(
            f"{name}: alone {alone:.0f}; under opentelemetry-instrument {without:.0f}; "
            f"with otel-ws {with_us:.0f} ({with_us - without:+.0f}, x{with_us / without:.2f}); "
            f"and what the first connection imports {first:.0f} ({first - with_us:+.0f})"
        )


def _round(application: str, later: str) -> list[tuple[str, float]]:
    none, others = _disabled(""), _disabled("otel_ws")
    plain, whole = f"import {application}", f"import {application}, {later}"
    return [
        ("alone", _seconds(plain, {})),
        ("without otel-ws", _seconds(plain, {"PYTHONPATH": SITE, **none})),
        ("with otel-ws", _seconds(plain, {"PYTHONPATH": SITE, **others})),
        ("first connection", _seconds(whole, {"PYTHONPATH": SITE, **others})),
    ]


def _disabled(but: str) -> dict[str, str]:
    """Return the variables with which `opentelemetry-instrument` loads what begins with `but`."""
    names = [each.name for each in entry_points(group="opentelemetry_instrumentor")]
    off = [name for name in names if not but or not name.startswith(but)]
    return {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(off)}


def _seconds(program: str, variables: Mapping[str, str]) -> float:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "PYTHONPATH"))}
    exporters = {f"OTEL_{each}_EXPORTER": "none" for each in ("TRACES", "METRICS", "LOGS")}
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=APPLICATIONS,
        env={**kept, **exporters, **variables},
        check=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
