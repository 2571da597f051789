"""The doctor, as a function of an application, a path and options."""

from __future__ import annotations

import os

import pytest

from testproject.servers import ROOT

from .patients import Doctor, Report, call, free_port, uvicorn


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("OTEL_", "DJANGO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def visit(application: str, path: str = "/ws/echo", *options: str) -> Report:
        port = free_port()
        command = uvicorn(application, port)
        url = f"ws://127.0.0.1:{port}{path}"
        return call(capsys, "--run", command, "--patience=0.3", "--wait=0.5", *options, url)

    return visit
