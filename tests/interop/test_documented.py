"""docs/interoperation.md names the versions that run here, and shows trees that are compared."""

from __future__ import annotations

import json
import re
from importlib.metadata import version

from tests.pages import PAGES, blocks, tables

from .conftest import HERE
from .peers import written

PAGE = PAGES["docs/interoperation.md"].read_text()
HEADING = ["Peer", "Version", "Is", "Codec", "The other side"]


def documented() -> dict[str, str]:
    """Return the version of each peer in the table."""
    rows = next(rows for heading, rows in tables(PAGE) if heading == HEADING)
    return {
        peer.strip("`"): version
        for row in rows
        for peer, version in zip(row[0].split(", "), row[1].split(", "), strict=False)
    }


def test_the_versions_are_those_of_the_packages() -> None:
    npm = json.loads((HERE / "node" / "package.json").read_text())["dependencies"]
    shown = documented()
    for peer in npm.keys() & shown.keys():
        assert shown.pop(peer) == npm[peer]
    for peer in ("gql", "mcp", "pjrpc", "strawberry-graphql"):
        assert shown.pop(peer) == version(peer)
    assert set(shown) == {"java.net.http.WebSocket", "gorilla/websocket"}


def test_every_tree_is_that_of_a_test() -> None:
    sources = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    compared = map(written, re.findall(r'written\("""\n(.*?)"""\)', sources, re.S))
    shown = {block.text.strip() for block in blocks(PAGE) if block.language == "text"}
    assert shown - set(compared) == set()
