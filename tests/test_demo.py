"""The demo ends by itself with the expected trees, or stays up until it is interrupted."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from itertools import chain, dropwhile, takewhile
from pathlib import Path

import pytest

from testproject.scenes import connect_to, hear

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 120
FILES = {
    "static/otel-ws/otel-ws.js": "otel_ws/browser/static/otel-ws.js",
    "voice": "testproject/templates/voice.html",
    "static/voice/page.js": "testproject/static/voice/page.js",
    "static/voice/samples/sum.wav": "testproject/voice/samples/sum.wav",
}


def start(*arguments: str, folder: Path = ROOT) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "testproject.demo", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(demo: subprocess.Popen[str], seconds: float = SECONDS) -> str:
    """Return what it prints until it ends."""
    try:
        return demo.communicate(timeout=seconds)[0]
    finally:
        demo.kill()
        demo.communicate()


def test_every_whole_tree_is_the_expected_one() -> None:
    demo = start("--once")
    printed = finish(demo)
    assert demo.returncode == 0, printed
    for text in expected_texts():
        assert text in printed


def test_another_tree_is_shown_as_a_difference_and_ends_with_1(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "testproject", tmp_path / "testproject")
    changed = tmp_path / "testproject" / "expected" / "starlette-session.txt"
    changed.write_text(changed.read_text().replace("websocket.open", "websocket.opened", 1))
    demo = start("--once", folder=tmp_path)
    printed = finish(demo)
    assert demo.returncode == 1, printed
    assert differences(printed.splitlines()) == [
        "--- testproject/expected/starlette-session.txt\texpected",
        "+++ testproject/expected/starlette-session.txt\tthis run",
        "-    websocket.opened /ws/echo -> GET /ws/echo",
        "+    websocket.open /ws/echo -> GET /ws/echo",
    ]


def test_it_serves_the_pages_until_it_is_interrupted() -> None:
    demo = start()
    try:
        traces = next_address(demo, r"http://127\.0\.0\.1:\d+/$")
        addresses = [next_address(demo), next_address(demo)]
        ports = [ports_of(address) for address in addresses]
        pages = {fetch(f"http://127.0.0.1:{port}/") for port in chain(*ports)}
        assert len(pages) == 1
        for served, source in FILES.items():
            found = {fetch(f"http://127.0.0.1:{port}/{served}") for port in chain(*ports)}
            assert found == {(ROOT / source).read_bytes()}
        assert b"<!doctype html>" in fetch(traces).lower()
        trees = [tree_of_a_talk(demo, here, there) for here, there in ports]
        demo.send_signal(signal.SIGINT)
        finish(demo, 30)
    finally:
        finish(demo, 0.1)
    assert demo.returncode == 0
    for tree in trees:
        assert {"1", "2"} == set(re.findall(r"^ +websocket\.send .*\.id=(\d)}$", tree, re.M)), tree
    for port in chain(*ports):
        with pytest.raises(OSError, match="refused"):
            fetch(f"http://127.0.0.1:{port}/")


def test_a_taken_port_is_named() -> None:
    demo = start("--port", "70000")
    assert "port 70000 or one of the next 3 cannot be used" in finish(demo)
    assert demo.returncode == 1


def expected_texts() -> list[str]:
    texts = [path.read_text() for path in (ROOT / "testproject" / "expected").glob("*.txt")]
    assert len(texts) == 4
    return texts


def differences(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if re.match(r"[-+]", line)]


def next_address(
    demo: subprocess.Popen[str], pattern: str = r"http://127\.0\.0\.1:\d+/\?\S*"
) -> str:
    """Return the next address, of a chat unless another `pattern` says of what.

    Raises StopIteration when the demo ends without one.
    """
    assert demo.stdout is not None
    found = (re.search(pattern, line) for line in demo.stdout)
    return next(match[0] for match in found if match)


def ports_of(address: str) -> list[int]:
    """Return the ports of the servers among which the page lets one choose."""
    return [int(port) for port in re.findall(r"[?&]port=(\d+)", address)]


def tree_of_a_talk(demo: subprocess.Popen[str], here: int, there: int) -> str:
    """Let two talk across the servers; return what is printed when the one who spoke left."""
    with connect_to(there, "/ws/chat/tea?name=Grace") as grace:
        hear("joined Grace", grace)
        with connect_to(here, "/ws/chat/tea?name=Ada") as ada:
            hear("joined Ada", ada, grace)
            ada.send('{"text": "Milk?"}')
            hear("said Ada Milk?", ada, grace)
        hear("left Ada", grace)
        return next_tree(demo)


def next_tree(demo: subprocess.Popen[str]) -> str:
    """Return the next tree of a connection that said something."""
    assert demo.stdout is not None
    tree = ""
    while "\nwebsocket.receive " not in tree:
        lines = dropwhile(lambda line: not line.startswith("GET /ws/"), demo.stdout)
        tree = "".join(takewhile(str.strip, lines))
        assert tree, "the demo ended"
    return tree


def fetch(address: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=SECONDS) as response:
        body: bytes = response.read()
    return body
