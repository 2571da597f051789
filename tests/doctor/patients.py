"""The doctor's visits to real applications, which it starts itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from otel_ws.__main__ import main
from testproject.servers import listen


@dataclass(frozen=True)
class Report:
    """What the doctor has said, as a program gets it."""

    status: int
    said: dict[str, Any]

    @property
    def wrong(self) -> dict[str, str]:
        """What came where something else was expected, by the name of the check."""
        return {c["check"]: c["came"] for c in self.said["checks"] if c["state"] == "wrong"}

    @property
    def notes(self) -> dict[str, str]:
        return {c["check"]: c["came"] for c in self.said["checks"] if c["state"] == "note"}

    @property
    def advice(self) -> str:
        return "\n".join(each["advice"] for each in self.said["checks"])


Doctor = Callable[..., Report]


def free_port() -> int:
    with listen() as listener:
        port: int = listener.getsockname()[1]
    return port


def uvicorn(application: str, port: int, *options: str) -> str:
    return " ".join(
        [
            *(sys.executable, "-m", "uvicorn", "--log-level=warning", f"--port={port}"),
            *options,
            application if ":" in application else f"tests.doctor.applications:{application}",
        ]
    )


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Report:
    capsys.readouterr()
    status = main(["doctor", "--json", *arguments])
    return Report(status, json.loads(capsys.readouterr().out))
