"""The module by itself: on Node, in size, and in types. In a browser: test_chromium.py."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from otel_ws.browser import DIRECTORY, MODULE

from .conftest import HERE, tool

SOURCE = DIRECTORY / MODULE
MAX_BYTES = 4096
"""What a browser gets of it once it is minified."""


def node_with_sockets() -> list[str]:
    """Return the command of a Node that has a WebSocket, or skip the test."""
    node = tool("node")
    for flags in ([], ["--experimental-websocket"]):
        program = [node, *flags, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"]
        if subprocess.run(program, capture_output=True, timeout=30).returncode == 0:
            return [node, *flags]
    pytest.skip("this Node has no WebSocket: 20.10 is the first that has")


def test_its_claims_hold_on_node(starlette: str) -> None:
    command = [*node_with_sockets(), "--test", "--test-reporter=tap", str(HERE / "module.test.mjs")]
    environment = os.environ | {"SERVER": f"ws://{starlette}", "MODULE": SOURCE.as_uri()}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.M), done.stdout


def test_it_imports_nothing() -> None:
    assert re.findall(r"^\s*(?:import\b|export .* from\b)|\bimport\(", code(), re.M) == []


def test_it_is_small() -> None:
    """A bound for where there is no minifier, which makes four bytes of seven."""
    assert len(code()) <= MAX_BYTES * 7 / 4


def code() -> str:
    """Return the module without its comments."""
    text = re.sub(r"/\*\*.*?\*/", "", SOURCE.read_text(), flags=re.S)
    return re.sub(r"^\s*//.*\n|^\s+", "", text, flags=re.M)


@pytest.mark.parametrize(
    "minifier", [("esbuild", "--minify", "--format=esm"), ("terser", "--module", "-c", "-m")]
)
def test_it_is_under_four_kilobytes_when_it_is_minified(
    minifier: tuple[str, ...], npm: Path
) -> None:
    name, *options = minifier
    command = [str(npm / ".bin" / name), str(SOURCE), *options]
    minified = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    assert b"TracedWebSocket" in minified
    assert len(minified) < MAX_BYTES
    assert len(gzip.compress(minified)) < MAX_BYTES / 2


def test_its_types_are_strict(npm: Path, tmp_path: Path) -> None:
    options = {
        "strict": True,
        "noEmit": True,
        "target": "es2022",
        "module": "es2022",
        "moduleResolution": "bundler",
        "lib": ["es2022", "dom"],
        "types": [],
        "paths": {"otel-ws": [str(SOURCE.with_suffix(".d.ts"))]},
    }
    project = tmp_path / "tsconfig.json"
    project.write_text(json.dumps({"compilerOptions": options, "files": [str(HERE / "types.ts")]}))
    command = [str(npm / ".bin" / "tsc"), "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
