"""The page's sources: what must not be in them, and their modules on Node. No browser needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from otel_ws.page._http import DIRECTORY

HERE = Path(__file__).parent
MODULES = sorted(DIRECTORY.glob("*.js"))
MAX_LINES = 250

# What makes markup or code of a text, or goes where a text says.
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment"
    r"|setHTML|\beval\b|new Function|javascript:|srcdoc|import\("
)
# Addresses are made of an id that was checked, and of nothing else.
ADDRESS = re.compile(r"(?:href|src|action): (.+?)[,}]")
CHECKED = {"`export/session/${session.id}`", "`export/trace/${trace.id}`"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_nothing_makes_markup_of_a_text(module: Path) -> None:
    assert DANGEROUS.findall(module.read_text()) == []


def test_every_address_is_made_of_a_checked_id() -> None:
    found = {each for module in MODULES for each in ADDRESS.findall(module.read_text())}
    assert {each.rstrip(" }") + ("}`" if "${" in each else "") for each in found} == CHECKED


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_modules_are_small_and_import_only_each_other(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    imported = re.findall(r'^import .* from "(.+)";$', text, re.M)
    assert set(imported) <= {f"./{each.name}" for each in MODULES}
    assert text.startswith("/** ")


def test_the_document_needs_nothing_inline() -> None:
    html = (DIRECTORY / "index.html").read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)", html) == []
    assert set(re.findall(r'(?:src|href)="([^"]+)"', html)) == {
        "data:,",
        "static/main.js",
        "static/page.css",
        "static/views.css",
    }


@pytest.mark.parametrize("claims", ["store.test.mjs", "shown.test.mjs"])
def test_their_claims_hold_on_node(claims: str) -> None:
    command = [*_node(), "--test", "--test-reporter=tap", str(HERE / claims)]
    environment = os.environ | {"STATIC": f"{DIRECTORY.as_uri()}/"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass [1-9]", done.stdout, re.M), done.stdout


def _node() -> list[str]:
    """Return the command of a Node that takes these modules as they are, or skip the test."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not on PATH")
    program = f"import('{(DIRECTORY / 'format.js').as_uri()}').then(() => [].toReversed())"
    if subprocess.run([node, "-e", program], capture_output=True, timeout=30).returncode != 0:
        pytest.skip("this Node takes no modules as they are: 20.19 is the first that does")
    return [node]
