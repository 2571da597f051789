"""The SDK's own tests of spans, from its source archive, with stock spans and with lean ones.

    python -m tests.sdk [pytest's arguments]

Exit status: 0 if what passes with stock spans passes with lean ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from otel_ws._spans import PROVEN
from tests.layers.host_suites import ROOT, Outcome, unpack

PLUGIN = Path(__file__).parent / "plugin"  # a folder, because `tests` is theirs there


def run(source: Path, helpers: Path, arguments: list[str]) -> Outcome:
    options = ("-p", "no:django", "-q", "-c", os.devnull, f"--rootdir={source}")
    report = source / "report.xml"
    report.unlink(missing_ok=True)
    command = (sys.executable, "-m", "pytest", "tests/trace", f"--junit-xml={report}")
    # One of their tests runs `python`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        [*command, *options, *arguments],
        cwd=source,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(map(str, (PLUGIN, ROOT, helpers))), "PATH": path},
    )
    outcomes: dict[bool, set[str]] = {True: set(), False: set()}
    for case in ElementTree.parse(report).iter("testcase"):
        outcomes[not len(case)].add(f"{case.get('classname')}::{case.get('name')}")
    return Outcome(frozenset(outcomes[True]), frozenset(outcomes[False] - outcomes[True]))


def main() -> int:
    installed = version("opentelemetry-sdk")
    if not installed.startswith(PROVEN):
        print(f"not run  version {installed} of the SDK gets no lean spans")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        archive, helpers = Path(folder, "archive"), Path(folder, "helpers")
        archive.mkdir()
        source = unpack("opentelemetry-sdk", archive)
        # It pins other packages; of these only its modules are wanted.
        wanted = ("install", "--quiet", "--no-deps", f"--target={helpers}")
        subprocess.run(
            [sys.executable, "-m", "pip", *wanted, "opentelemetry-test-utils"], check=True
        )
        stock = run(source, helpers, sys.argv[1:])
        lean = run(source, helpers, ["-p", "lean_spans", *sys.argv[1:]])
    print(f"ran      opentelemetry-sdk {installed}, stock spans: {stock}")
    print(f"ran      opentelemetry-sdk {installed}, lean spans: {lean}")
    lost = stock.passed - lean.passed
    print(*(f"only stock spans pass: {name}" for name in sorted(lost)), sep="\n", end="")
    return 1 if lost or not lean.passed else 0


if __name__ == "__main__":
    sys.exit(main())
