"""Every launcher, with workers and with reloaders; run by the part `launchers`."""

from __future__ import annotations

import pytest

from .commands import LAUNCHERS, RELOADERS, RUNSERVER, WORKERS, words
from .launching import CHANNELS, FASTAPI, STARLETTE, App, launched, tree_of

pytest.importorskip("gunicorn", reason="one of the launchers: see the part `launchers`")
pytest.importorskip("opentelemetry.distro", reason="it configures what the command starts")

APPS = pytest.mark.parametrize("app", [CHANNELS, STARLETTE, FASTAPI], ids=str)
MAX_CONVERSATIONS = 200


@APPS
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher(launcher: str, app: App) -> None:
    with launched(app, *words(launcher), delay=100) as server:
        server.converse()
        assert server.trees() == [tree_of(app)]
        server.stop()


@APPS
@pytest.mark.parametrize("launcher", LAUNCHERS[1:])
def test_what_a_launcher_is_stopped_with_is_flushed(launcher: str, app: App) -> None:
    """Daphne may go before the application has heard of the end of a connection."""
    with launched(app, *words(launcher)) as server:
        server.converse()
        server.stop()
        assert server.trees() == [tree_of(app)]


@APPS
@pytest.mark.parametrize("launcher", WORKERS)
def test_every_worker(launcher: str, app: App) -> None:
    with launched(app, *words(launcher), delay=100) as server:
        workers = {server.converse()}
        while len(workers) < 2 and server.conversations < MAX_CONVERSATIONS:
            workers.add(server.converse())
        assert set(server.trees()) == {tree_of(app)}
    assert len(workers) == 2


@APPS
@pytest.mark.parametrize("launcher", RELOADERS)
def test_a_reloaded_application(launcher: str, app: App) -> None:
    reload(app, launcher)


def test_djangos_development_server_reloads() -> None:
    reload(CHANNELS, RUNSERVER)


def reload(app: App, command: str) -> None:
    """Converse with an application, change it, and converse with what has become of it."""
    with launched(app, *words(command), delay=100) as server:
        before = server.converse()
        server.trees()
        server.publish(app)
        assert server.converse() != before
        assert server.trees() == [tree_of(app)] * 2
