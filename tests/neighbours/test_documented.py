"""The table of docs/coexistence.md names what plays each row, and the versions that it ran with."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.pages import PAGES, ROOT, tables

HEADING = ["Neighbour", "Versions", "Around it", "Inside of it", "Left to you", "Played by"]
ROWS = next(
    rows for heading, rows in tables(PAGES["docs/coexistence.md"].read_text()) if heading == HEADING
)
HERE = "tests/neighbours/"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_is_played(row: list[str]) -> None:
    path = ROOT / row[-1].strip("`")
    assert "def test_" in path.read_text()


def test_every_neighbour_that_is_played_has_a_row() -> None:
    named = {row[-1].strip("`") for row in ROWS}
    played = {HERE + path.name for path in (ROOT / HERE).glob("test_*.py")}
    assert played - named == {f"{HERE}test_documented.py"}


def test_pinned_versions_are_those_of_their_environments() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    pins = {
        name.removeprefix("neighbours-"): found[1]
        for name, lines in groups.items()
        if name.startswith("neighbours-") and (found := re.search(r"==([\d.]+)", lines[0]))
    }
    assert len(pins) == 4
    shown = {row[-1].strip("`").removeprefix(f"{HERE}test_"): row[1] for row in ROWS}
    assert {name: shown[f"{name}.py"] for name in pins} == pins
