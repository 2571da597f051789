"""Programs and packages that are not ours: there, or missing by name."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent
Command = tuple[str, ...]
Node = Callable[[str], Command]
GORILLA = Path("src", "github.com", "gorilla", "websocket")


@pytest.fixture(scope="session", autouse=True)
def _packages() -> None:
    """Only in its own environment are there packages to speak to, and registries asked for more."""
    if find_spec("strawberry") is None:
        pytest.skip("for `scripts/test --part interop`, which installs strawberry and npm's")


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Return the function that tells the command of a program of Node, with its packages."""
    program, npm = tool("node"), tool("npm")
    folder = shutil.copytree(HERE / "node", tmp_path_factory.mktemp("npm"), dirs_exist_ok=True)
    options = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    install = [npm, "install", f"--prefix={folder}", *options]
    done = subprocess.run(install, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip(f"npm cannot install its packages here: {done.stderr.strip()[-300:]}")
    return lambda name: (program, str(folder / name))


@pytest.fixture(scope="session")
def java() -> Command:
    """The command of the client in Java, which is compiled as it is started."""
    tool("javac")  # a runtime alone cannot
    return (tool("java"), str(HERE / "java" / "Client.java"))


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command of the client in Go, with the library as Debian installs it, or in GOPATH."""
    program, client = tool("go"), tmp_path_factory.mktemp("go") / "client"
    paths = subprocess.check_output([program, "env", "GOPATH"], text=True).strip()
    paths = f"{paths}{os.pathsep}/usr/share/gocode"
    if not any((Path(path) / GORILLA).is_dir() for path in paths.split(os.pathsep)):
        pytest.skip("Go has no gorilla/websocket: apt install golang-github-gorilla-websocket-dev")
    build = [program, "build", "-o", str(client), str(HERE / "go" / "client.go")]
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": paths}
    subprocess.run(build, env=environment, check=True, timeout=300)
    return (str(client),)


def tool(name: str) -> str:
    """Return the path of a program, or skip the test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found
