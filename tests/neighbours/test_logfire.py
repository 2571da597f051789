"""Logfire, whose instrumentations of ASGI are contrib's, over a provider of its own."""

from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from .applications import TREE
from .programs import run

pytestmark = pytest.mark.skipif(
    find_spec("logfire") is None,
    reason="for `scripts/test --part neighbours`, which installs logfire",
)


@pytest.fixture(scope="module")
def found() -> dict[str, str]:
    return run("with_logfire")


@pytest.mark.parametrize(
    "place",
    [
        *("around instrument_fastapi", "inside instrument_fastapi", "around instrument_starlette"),
        *("around instrument_asgi", "inside instrument_asgi", "inside instrument_asgi, channels"),
    ],
)
def test_wherever_we_stand_one_handshake_is_one_span(place: str, found: dict[str, str]) -> None:
    assert found[place] == TREE
    assert re.fullmatch(r"[0-9a-f]{32}", found[f"{place}: session"])


def test_nothing_of_ours_fails(found: dict[str, str]) -> None:
    assert "failed" not in found["log"]
