"""What is not ours: programs on PATH, the packages of npm, and a Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# Nothing of ours is built with them: they are what pages use, and what judges the module.
PACKAGES = (
    "@opentelemetry/api@1",
    "@opentelemetry/exporter-trace-otlp-proto@0.223",  # from 0.300 on it is for another SDK
    "@opentelemetry/resources@2",
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


class MissingError(Exception):
    """Raised with what this machine does not have."""


def find_tool(*names: str) -> str:
    """Return the path of the first of these programs."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise MissingError(f"{names[0]} is not on PATH")


def install(folder: Path) -> Path:
    """Install the packages of npm; return where they are."""
    options = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    command = [find_tool("npm"), "install", f"--prefix={folder}", *options, *PACKAGES]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise MissingError(f"npm cannot install its packages here: {done.stderr.strip()[-200:]}")
    return folder / "node_modules"


def bundle(script: Path, packages: Path, folder: Path) -> str:
    """Return the path of a script for pages that has in it what it imports."""
    built = folder / f"{script.stem}.js"
    command = [str(packages / ".bin" / "esbuild"), str(script), "--bundle", "--format=iife"]
    environment = os.environ | {"NODE_PATH": str(packages)}
    command += ["--log-level=warning", f"--outfile={built}"]
    subprocess.run(command, env=environment, check=True, timeout=60)
    return str(built)


def find_chromium() -> str:
    """Return the path of a Chromium that can be driven here."""
    if find_spec("playwright") is None:
        raise MissingError("playwright is not installed: `scripts/test --part browser` has it")
    return find_tool(*CHROMIUM)


@contextmanager
def running_chromium() -> Iterator[Any]:
    """Run a Chromium that is driven by playwright."""
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()
