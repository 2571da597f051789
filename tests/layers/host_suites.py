"""The Redis layers' own tests, from their source archive, with the layers traced and without.

    python -m tests.layers.host_suites [pytest's arguments]

The archive is downloaded into a temporary folder, and only the addresses in the tests are
changed: to a Redis and to a sentinel that are started for them. Exit status: 0 if what passes
untraced passes traced.
Channels' source archive holds no tests; of its in-memory layer `test_claims.py` has to tell.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from testproject.redis_server import RedisServer, find_redis, running_redis
from tests.wire.process import free_port

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = "tests.layers.proxied"
NEEDED = ("async_timeout", "cryptography", "pytest_asyncio", "pytest_timeout")


@dataclass(frozen=True)
class Outcome:
    """The names of the tests, by what came of them."""

    passed: frozenset[str]
    failed: frozenset[str]

    def __str__(self) -> str:
        return f"{len(self.passed)} passed, {len(self.failed)} failed or skipped"


def unpack(distribution: str, folder: Path) -> Path:
    """Return the folder of a distribution's source, of the version that is installed."""
    source = f"{distribution}=={version(distribution)}"
    download = (
        "download",
        "--quiet",
        "--no-deps",
        f"--no-binary={distribution}",
        f"--dest={folder}",
        source,
    )
    subprocess.run([sys.executable, "-m", "pip", *download], check=True)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    [unpacked] = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


def readdress(tests: Path, redis: RedisServer, sentinel: int) -> None:
    """Change the addresses in the tests; the default one is used where a layer gets none."""
    for path in tests.glob("test_*.py"):
        text = path.read_text().replace("localhost:6379", f"127.0.0.1:{redis.port}")
        text = text.replace('("localhost", 26379)', f'("127.0.0.1", {sentinel})')
        path.write_text(
            text.replace("ChannelLayer(expiry=", f"ChannelLayer(['{redis.url}'], expiry=")
        )


@contextmanager
def running_sentinel(redis: RedisServer, folder: Path) -> Iterator[int]:
    """Run a sentinel that watches `redis` under the name `sentinel`, and yield its port."""
    port, path = free_port(), folder / "sentinel.conf"
    path.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
        f"sentinel monitor sentinel 127.0.0.1 {redis.port} 1\n"
    )
    command = [find_redis(), str(path), "--sentinel"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def run(source: Path, arguments: list[str]) -> Outcome:
    # Their configuration may name plugins that we do not want; what they need is said here.
    options = ("--asyncio-mode=auto", "--timeout=30", "-p", "no:django", "-q", "-c", os.devnull)
    options += (f"--rootdir={source}",)
    report = source / "report.xml"
    command = (sys.executable, "-m", "pytest", "tests", f"--junit-xml={report}")
    subprocess.run(
        [*command, *options, *arguments],
        cwd=source,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    outcomes: dict[bool, set[str]] = {True: set(), False: set()}
    for case in ElementTree.parse(report).iter("testcase"):
        outcomes[not len(case)].add(f"{case.get('classname')}::{case.get('name')}")
    return Outcome(frozenset(outcomes[True]), frozenset(outcomes[False] - outcomes[True]))


def main() -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f"not run  channels_redis: not installed: {', '.join(missing)}")
        return 0
    with (
        tempfile.TemporaryDirectory() as folder,
        running_redis() as redis,
        running_sentinel(redis, Path(folder)) as sentinel,
    ):
        archive = Path(folder, "archive")
        archive.mkdir()
        source = unpack("channels_redis", archive)
        readdress(source / "tests", redis, sentinel)
        untraced = run(source, sys.argv[1:])
        traced = run(source, ["-p", PLUGIN, *sys.argv[1:]])
    print(f"ran      channels_redis {version('channels_redis')}, untraced: {untraced}")
    print(f"ran      channels_redis {version('channels_redis')}, traced: {traced}")
    print("not run  channels: its source archive holds no tests")
    lost = untraced.passed - traced.passed
    print(*(f"only untraced passes: {name}" for name in sorted(lost)), sep="\n", end="")
    return 1 if lost or not traced.passed else 0


if __name__ == "__main__":
    sys.exit(main())
