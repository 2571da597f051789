"""The test suites of what we instrument, unchanged, with the instrumentors and without.

    python -m tests.zero_code.suites [--source NAME=FOLDER]... [NAME]...

Each is taken from the source archive of the version that is installed, into a temporary folder.
The archives of Channels and of strawberry hold no tests: those are run from a checkout of that
version, whose folder is named. Exit status: 0 if every test comes out the same, 1 if one does
not, 3 if that is so of all that ran, and a suite was not run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree

from testproject.redis_server import running_redis
from tests.layers.host_suites import readdress, running_sentinel, unpack

from .plugin import instrumented

# Theirs is a package `tests` too, so that the plugin is found by its folder.
PLUGIN = Path(instrumented.__file__)
KINDS = {"failure": "failed", "error": "failed", "skipped": "skipped"}

Outcomes = Mapping[str, str]


@contextmanager
def nothing(source: Path) -> Iterator[None]:
    yield


@contextmanager
def redis(source: Path) -> Iterator[None]:
    """Start the servers that the tests of the Redis layers are about."""
    with running_redis() as server, running_sentinel(server, source) as sentinel:
        readdress(source / "tests", server, sentinel)
        yield


@dataclass(frozen=True)
class Suite:
    """The tests of a distribution, and how they are to be run."""

    distribution: str
    arguments: tuple[str, ...]
    plugins: frozenset[str] = frozenset()
    """Of the plugins that are installed, those that these tests were written for."""
    own_settings: bool = True
    needs: Callable[[Path], AbstractContextManager[None]] = nothing
    makes_spans: bool = True
    differing: tuple[str, ...] = ()
    """Tests that ask for what an instrumentor is there to change."""


ASYNC = ("--asyncio-mode=auto", "--timeout=60")
SUITES = {
    each.distribution: each
    for each in (
        Suite(
            "channels",
            ("tests", "--ignore=tests/sample_project", *ASYNC),
            frozenset({"asyncio", "django"}),
            own_settings=False,
        ),
        # These make their layers themselves: the part `hosts` is where those are traced.
        Suite("channels_redis", ("tests", *ASYNC), frozenset({"asyncio"}), False, redis, False),
        Suite("starlette", ("tests",), frozenset({"anyio"})),
        Suite(
            "fastapi",
            ("tests", "-n2"),
            frozenset({"anyio"}),
            # Where FastAPI traces nothing, its log records are to belong to no trace: now to ours.
            differing=tuple(
                f"tests.test_telemetry.test_websockets::test_unexpected_exception[{where}-logs_only]"
                for where in ("dependency", "endpoint", "cleanup")
            ),
        ),
        Suite(
            "strawberry-graphql",
            (
                *("tests/channels", "tests/http", "tests/websockets", "-k", "channels or Channels"),
                *("--ds=tests.django.django_settings", *ASYNC),
            ),
            frozenset({"asyncio", "django", "snapshot", "emoji", "mock"}),
            own_settings=False,
        ),
    )
}
PLUGINS = {"aiohttp", "anyio", "asyncio", "codspeed", "django", "emoji", "snapshot", "sugar"}


def run(suite: Suite, source: Path, *options: str, records: bool = False) -> tuple[Outcomes, int]:
    """Return what came of each test, and how many spans were made meanwhile."""
    report, counts = source / "report.xml", source / "counts"
    off = [word for name in sorted(PLUGINS - suite.plugins) for word in ("-p", f"no:{name}")]
    settings = () if suite.own_settings else ("-c", os.devnull, f"--rootdir={source}")
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *off, *settings),
            *(f"--junit-xml={report}", *suite.arguments, *options),
        ],
        cwd=source,
        env={
            **os.environ,
            "PYTHONPATH": str(PLUGIN.parent),
            instrumented.COUNTS: str(counts),
            instrumented.RECORDS: "yes" if records else "no",
        },
    )
    spans = sum(map(int, counts.read_text().split())) if counts.exists() else 0
    return dict(outcomes(report)), spans


def outcomes(report: Path) -> Iterator[tuple[str, str]]:
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [KINDS[child.tag] for child in case if child.tag in KINDS]
        yield f"{case.get('classname')}::{case.get('name')}", kinds[0] if kinds else "passed"


def find(suite: Suite, sources: Mapping[str, str], folder: Path) -> Path:
    """Return a folder with the source of a suite, of the version that is installed."""
    if suite.distribution not in sources:
        return unpack(suite.distribution, folder)
    source = folder / "source"
    shutil.copytree(sources[suite.distribution], source)
    return source


NOT_RUN = 3


def compare(suite: Suite, sources: Mapping[str, str]) -> tuple[str, int | None]:
    """Run a suite three times: without, instrumented, and with spans that are recorded as well.

    Return what is to be said of it, and how many tests come out changed.

    None if it could not be run.
    """
    try:
        name = f"{suite.distribution} {version(suite.distribution)}"
    except PackageNotFoundError:
        return f"not run  {suite.distribution}: not installed", None
    with tempfile.TemporaryDirectory() as directory:
        source = find(suite, sources, Path(directory))
        if not (source / "tests").is_dir():
            return (
                f"not run  {name}: its source archive holds no tests, and no --source is given",
                None,
            )
        with suite.needs(source):
            without, _ = run(suite, source)
            silent, _ = run(suite, source, "-p", PLUGIN.stem)
            traced, spans = run(suite, source, "-p", PLUGIN.stem, records=True)
    changed = changes(without, traced)
    meant = [each for each in changed if each in suite.differing]
    wrong = [*changes(without, silent), *(each for each in changed if each not in meant)]
    lines = [
        f"ran      {name}, without: {told(without)}",
        f"ran      {name}, instrumented, no SDK set up: {told(silent)}",
        f"ran      {name}, instrumented, recorded: {told(traced)}; {spans} spans",
        *(f"  as meant, where it is recorded: {each}" for each in meant),
        *(
            f"  {each}: {without.get(each)}, now {silent.get(each)} and {traced.get(each)}"
            for each in wrong
        ),
    ]
    return "\n".join(lines), len(wrong) + (not without) + (suite.makes_spans and not spans)


def changes(before: Outcomes, after: Outcomes) -> list[str]:
    names = sorted(before.keys() | after.keys())
    return [each for each in names if before.get(each) != after.get(each)]


def told(found: Outcomes) -> str:
    counts = Counter(found.values())
    return ", ".join(f"{counts[kind]} {kind}" for kind in ("passed", "failed", "skipped"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("names", nargs="*", choices=[[], *SUITES], metavar="NAME")
    parser.add_argument("--source", action="append", default=[], metavar="NAME=FOLDER")
    options, _ = parser.parse_known_args()  # What is pytest's is for the other parts.
    sources = dict(each.split("=", 1) for each in options.source)
    results = [compare(SUITES[name], sources) for name in options.names or SUITES]
    print(*(said for said, _ in results), sep="\n")
    if any(changed for _, changed in results):
        return 1
    return NOT_RUN if any(changed is None for _, changed in results) else 0


if __name__ == "__main__":
    sys.exit(main())
