"""A server, the packages of npm, and Chromium: each started once, or missing by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from testproject.servers import App, clean_environment, listen, serve

from . import foreign
from .in_page import HELPERS

Open = Callable[..., Any]

HERE = Path(__file__).parent
STARLETTE = App("starlette", "", ("uvicorn", "--log-level=warning", "tests.browser.app:app"))
DJANGO = App("django", "", ("uvicorn", "--log-level=warning", "tests.browser.site:application"))


@contextmanager
def served(app: App, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server, and yield its address."""
    listener = listen()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with serve(app, listener, environment or clean_environment()):
        yield address


@pytest.fixture(scope="session")
def starlette() -> Iterator[str]:
    """The address of the Starlette application."""
    with served(STARLETTE) as address:
        yield address


@pytest.fixture(scope="session")
def django() -> Iterator[str]:
    """The address of the Django site."""
    with served(DJANGO) as address:
        yield address


@contextmanager
def or_skip() -> Iterator[None]:
    """Skip the test that needs what is missing."""
    try:
        yield
    except foreign.MissingError as missing:
        pytest.skip(str(missing))


def tool(*names: str) -> str:
    """Return the path of the first of these programs, or skip the test."""
    with or_skip():
        return foreign.find_tool(*names)


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages; only the part `browser` asks the registry for them."""
    if find_spec("playwright") is None:
        pytest.skip("for `scripts/test --part browser`, which installs playwright and npm's")
    with or_skip():
        return foreign.install(tmp_path_factory.mktemp("npm"))


# Not for the session: while playwright is at work, no other event loop can run in this thread.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """A Chromium that is driven by playwright."""
    with or_skip(), foreign.running_chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Any) -> Iterator[Open]:
    """Return a function that opens a page, with a script of its own, when it has the module."""
    context = chromium.new_context()
    context.add_init_script(HELPERS)

    def visit(address: str, script: str | None = None) -> Any:
        page = context.new_page()
        page.set_default_timeout(20_000)
        if script is not None:
            page.add_init_script(path=script)
        page.goto(f"http://{address}")
        page.wait_for_function("() => window.otelWs")
        return page

    yield visit
    context.close()


@pytest.fixture(scope="session")
def bundle(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script that brings OpenTelemetry into a page."""
    return foreign.bundle(HERE / "otel.mjs", npm, tmp_path_factory.mktemp("bundle"))
