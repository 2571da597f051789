"""A server, the packages of npm, and Chromium: each started once, or missing by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from testproject.servers import App, clean_environment, listen, serve

from .in_page import HELPERS

Open = Callable[..., Any]

HERE = Path(__file__).parent
STARLETTE = App("starlette", "", ("uvicorn", "--log-level=warning", "tests.browser.app:app"))
DJANGO = App("django", "", ("uvicorn", "--log-level=warning", "tests.browser.site:application"))
# Nothing of ours is built with them: they are what pages use, and what judges the module.
PACKAGES = (
    "@opentelemetry/api@1",
    "@opentelemetry/sdk-trace-web@2",
    "esbuild",
    "terser",
    "typescript",
)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


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


def tool(*names: str) -> str:
    """Return the path of the first of these programs, or skip the test."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"{names[0]} is not on PATH")


@pytest.fixture(scope="session")
def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages; only the part `browser` asks the registry for them."""
    if find_spec("playwright") is None:
        pytest.skip("for `scripts/test --part browser`, which installs playwright and npm's")
    folder = tmp_path_factory.mktemp("npm")
    options = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    command = [tool("npm"), "install", f"--prefix={folder}", *options, *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"npm cannot install its packages here: {done.stderr.strip()[-200:]}")
    return folder / "node_modules"


# Not for the session: while playwright is at work, no other event loop can run in this thread.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """A Chromium that is driven by playwright."""
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: `scripts/test --part browser` has it")
    path = tool(*CHROMIUM)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


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
    built = tmp_path_factory.mktemp("bundle") / "otel.js"
    command = [str(npm / ".bin" / "esbuild"), str(HERE / "otel.mjs"), "--bundle", "--format=iife"]
    environment = os.environ | {"NODE_PATH": str(npm)}
    subprocess.run([*command, f"--outfile={built}"], env=environment, check=True, timeout=60)
    return str(built)
