"""What the documentation says is what the code does: its programs run, its tables agree."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

import otel_ws
from otel_ws import Config, Hooks, _semconv
from otel_ws._instruments import INSTRUMENTS
from otel_ws._rules import Rule
from otel_ws_channels import checks, conf

from .pages import LEFT_OUT, PAGES, ROOT, blocks, sections, tables, without_blocks

PACKAGES = ("otel_ws", "otel_ws_channels", "otel_ws_starlette")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TEXTS = {name: path.read_text() for name, path in PAGES.items()}
EVERYTHING = "\n".join(TEXTS.values())
LANGUAGES = {"console", "js", "log", "python", "text"}

every_page = pytest.mark.parametrize("name", PAGES)


def rows_of(page: str, *heading: str) -> list[list[str]]:
    """Return the rows of all the tables of a page that have this heading."""
    found = [rows for head, rows in tables(TEXTS[page]) if head == list(heading)]
    assert found, f"{page} has no table {' | '.join(heading)}"
    return [row for rows in found for row in rows]


def codes(text: str) -> list[str]:
    """Return what stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def trees() -> Iterator[ast.AST]:
    for path in SOURCES:
        yield ast.parse(path.read_text())


# --- programs -----------------------------------------------------------------------------------


def run(name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.pages", name]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@every_page
def test_the_programs_of_a_page_print_what_it_shows(name: str) -> None:
    done = run(name)
    assert done.returncode in (0, LEFT_OUT), done.stdout + done.stderr
    if name == "docs/quickstart.md":
        assert "exported websocket.receive /ws/echo" in done.stdout.splitlines()
    if done.returncode == LEFT_OUT:
        pytest.skip(done.stdout.strip())


@every_page
def test_a_block_is_of_a_kind_that_is_checked(name: str) -> None:
    assert {block.language for block in blocks(TEXTS[name])} <= LANGUAGES


@every_page
def test_what_is_shown_without_a_program_comes_from_the_demo(name: str) -> None:
    """A text block that follows no program is what `scripts/demo` prints, or a tree of a test."""
    found = blocks(TEXTS[name])
    shown = [
        block.text
        for before, block in zip([None, *found], found, strict=False)
        if block.language == "text" and (before is None or before.language != "python")
    ]
    expected = [
        *(ROOT / "testproject" / "expected").glob("*.txt"),
        *(ROOT / "tests" / "interop").glob("test_*.py"),
        *(ROOT / "tests" / "frameworks").glob("test_*.py"),
        *(ROOT / "tests" / "voice").glob("trees.py"),
        ROOT / "tests" / "zero_code" / "launching.py",
        ROOT / "docs" / "doctor.md",  # compared in tests/doctor
    ]
    printed = [re.sub(r"^ +", "", path.read_text(), flags=re.M) for path in expected]
    for text in shown:
        assert any(re.sub(r"^ +", "", text, flags=re.M) in each for each in printed), text


# --- settings -----------------------------------------------------------------------------------


def shown_default(value: Any) -> str:
    return "`Hooks()`" if value == Hooks() else f"`{value!r}`".replace("'", '"')


def rule_of(setting: Any) -> Rule:
    rule: Rule = setting.metadata["rule"]
    return rule


def settings_without_effect() -> set[str]:
    """Return the settings that no code reads from a Config."""
    read = {node.attr for tree in trees() for node in ast.walk(tree) if _is_config(node)}
    return {each.name for each in fields(Config)} - read


def _is_config(node: ast.AST) -> bool:
    """Tell whether a node is ``config.x``, ``self._config.x``, or ``self.x`` inside of Config."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = getattr(node.value, "id", None) or getattr(node.value, "attr", "")
    return owner in ("config", "_config", "self")


def to_paste(rows: list[list[str]]) -> str:
    lines = (" | ".join(cell.replace("|", r"\|") for cell in row) for row in rows)
    return "\n".join(["the rows should be", *(f"| {line} |" for line in lines)])


def test_every_setting_is_in_the_table() -> None:
    expected = [
        [
            f"`{each.name}`",
            rule_of(each).expected,
            shown_default(getattr(Config(), each.name)),
            each.metadata["says"],
        ]
        for each in fields(Config)
    ]
    rows = rows_of("docs/settings.md", "Setting", "Accepts", "Default", "Meaning")
    assert rows == expected, to_paste(expected)


def test_what_the_readme_says_of_settings_is_so() -> None:
    known = {
        f"`{each.name}`": [shown_default(getattr(Config(), each.name)), each.metadata["says"]]
        for each in fields(Config)
    }
    rows = rows_of("README.md", "Setting", "Default", "Meaning")
    assert [[name, *known[name]] for name, *_ in rows] == rows


def test_every_setting_has_an_effect() -> None:
    assert settings_without_effect() == set()


def test_every_setting_has_a_section() -> None:
    below = sections(TEXTS["docs/settings.md"])
    assert {each.name for each in fields(Config)} <= below.keys()


def test_settings_that_cannot_come_from_the_environment_are_named() -> None:
    line = next(t for t in TEXTS["docs/settings.md"].splitlines() if "cannot be set there" in t)
    objects = {each.name for each in fields(Config) if rule_of(each).parse is None}
    assert set(codes(line)) == objects


@every_page
def test_every_name_of_a_setting_is_one(name: str) -> None:
    deliberately_wrong = {"OTEL_WS_MODELL"}
    named = set(re.findall(r"\bOTEL_WS_[A-Z_]+[A-Z]\b", TEXTS[name]))
    assert named - deliberately_wrong <= set(conf.NAMES)


def test_every_hook_is_in_the_table() -> None:
    rows = rows_of("docs/settings.md", "Hook", "Is called")
    assert [row[0].strip("`").partition("(")[0] for row in rows] == [f.name for f in fields(Hooks)]


# --- names that leave the process ---------------------------------------------------------------


def constants(prefix: str = "") -> dict[str, str]:
    found = vars(_semconv).items()
    return {n: v for n, v in found if n.isupper() and n.startswith(prefix) and isinstance(v, str)}


SPANS = set(constants("SPAN_").values())
LINK_TYPES = set(constants("LINK_").values()) - {_semconv.LINK_TYPE}
METRICS = {each.name for each in INSTRUMENTS}
ATTRIBUTES = {v for v in constants().values() if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", v)} - SPANS
STATUSES = set(_semconv.CLOSE_STATUS_BY_CODE.values()) | set(constants("CLOSE_").values())
STATUSES -= ATTRIBUTES
ASGI = {f"websocket.{kind}" for kind in ("accept", "connect", "disconnect", "http.response")}
PREFIXES = {name.partition(".")[0] for name in ATTRIBUTES}
TYPES = {"string", "int", "double", "double[]", "boolean"}
# Declared, and set by nobody.
UNUSED = {
    value
    for name, value in constants().items()
    if value in ATTRIBUTES - {_semconv.MESSAGING_CHANNELS_MESSAGE_TYPE}
    and not any(re.search(rf"\bnames\.{name}\b", path.read_text()) for path in SOURCES)
}


def test_every_attribute_is_in_a_table_and_nothing_else_is() -> None:
    rows = rows_of("docs/attributes.md", "Attribute", "Type", "Meaning")
    rows += rows_of("docs/metrics.md", "Attribute", "Type", "Meaning")
    assert {name for row in rows for name in codes(row[0])} == ATTRIBUTES - UNUSED
    assert {row[1] for row in rows} <= TYPES


@every_page
def test_every_name_of_an_attribute_is_one(name: str) -> None:
    named = {
        code
        for code in codes(without_blocks(TEXTS[name]))
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code) and code.partition(".")[0] in PREFIXES
    }
    assert named <= ATTRIBUTES | SPANS | METRICS | ASGI


def test_every_span_is_in_the_tables() -> None:
    shown = codes(" ".join(row[0] for row in rows_of("docs/attributes.md", *_SPAN_HEADING)))
    families = {code.partition(" ")[0] for code in shown}
    assert families == SPANS | {"GET", "CONNECT", "group_send", "publish", "send", "process"}
    linked = codes(" ".join(row[0] for row in rows_of("docs/attributes.md", *_PARENT_HEADING)))
    assert set(linked) | {"CONNECT {route}"} == set(shown)


_SPAN_HEADING = ("Span", "Kind", "Starts", "Ends")
_PARENT_HEADING = ("Span", "Model `session`", "Model `connection`")


def test_every_type_of_a_link_is_in_the_table() -> None:
    rows = rows_of("docs/attributes.md", "Type", "Leads to")
    assert {codes(row[0])[0] for row in rows} == LINK_TYPES


def test_every_close_status_is_in_the_table() -> None:
    rows = rows_of("docs/attributes.md", "Status", "Code", "Meaning")
    shown = {codes(row[0])[0]: row[1] for row in rows}
    assert shown.keys() == STATUSES
    for code, status in _semconv.CLOSE_STATUS_BY_CODE.items():
        assert shown[status] == str(code)


def test_the_schema_is_the_one_that_is_emitted() -> None:
    assert f"`{_semconv.SCHEMA_URL}`" in TEXTS["docs/attributes.md"]


# --- what the log and the checks say ------------------------------------------------------------


def log_lines() -> Iterator[str]:
    """Yield a pattern for each line that our code logs."""
    for tree in trees():
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "report":
                yield _pattern(call.args[0])


def _pattern(message: ast.expr) -> str:
    parts = message.values if isinstance(message, ast.JoinedStr) else [message]
    return "".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in parts)


def test_every_log_line_is_explained_and_no_other() -> None:
    page = blocks(TEXTS["docs/troubleshooting.md"])
    shown = [block.text.strip() for block in page if block.language == "log"]
    patterns = list(log_lines())
    unexplained = [p for p in patterns if not any(re.fullmatch(p, line) for line in shown)]
    unknown = [line for line in shown if not any(re.fullmatch(p, line) for p in patterns)]
    assert (unexplained, unknown) == ([], [])


def test_every_check_is_explained_and_no_other() -> None:
    ids = re.findall(r"\{_APP\}\.([EW]\d{3})", inspect.getsource(checks))
    assert ids
    rows = rows_of("docs/channels.md", "Id", "Says")
    assert {codes(row[0])[0] for row in rows} == {f"otel_ws_channels.{id}" for id in ids}
    explained = {name for name in sections(TEXTS["docs/troubleshooting.md"])}
    assert {name for name in explained if re.fullmatch(r"[EW]\d{3}", name)} == set(ids)


# --- what is public -----------------------------------------------------------------------------


def public() -> Iterator[str]:
    for path in SOURCES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if not any(part.startswith("_") for part in name.split(".")):
            yield from getattr(importlib.import_module(name), "__all__", ())


def test_every_public_name_is_mentioned() -> None:
    words = set(re.findall(r"\w+", EVERYTHING))
    found_by_django = {"OtelWsConfig", *checks.__all__, *conf.__all__}
    assert set(public()) - found_by_django - words == set()


def test_what_is_imported_is_public() -> None:
    for name, text in TEXTS.items():
        for block in blocks(text):
            if block.language == "python":
                private = re.findall(r"^\s*(?:from|import) +otel_ws\S*\._\S+", block.text, re.M)
                assert private == [], name


# --- links, files and names ---------------------------------------------------------------------


def slug(heading: str) -> str:
    """Return the anchor of a heading, which GitHub and Python-Markdown make alike."""
    text = re.sub(r"[^\w\s-]", "", heading.lower())
    return re.sub(r"\s", "-", text.strip())


def anchors(text: str) -> set[str]:
    return {slug(heading) for heading in sections(text)}


@every_page
def test_every_link_leads_somewhere(name: str) -> None:
    page = PAGES[name]
    for target in re.findall(r"\]\(([^)]+)\)", without_blocks(TEXTS[name])):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@every_page
def test_every_file_that_is_named_exists(name: str) -> None:
    folders = "|".join((*PACKAGES, "docs", "scripts", "testproject", "tests"))
    for path in re.findall(rf"(?<![\w/.])(?:{folders})/[\w./-]*\w", TEXTS[name]):
        assert (ROOT / path).exists() or (ROOT / f"{path}.md").exists(), path


@every_page
def test_an_extra_that_is_named_exists(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in re.findall(r'pip install "\.\[(\w+)\]"', TEXTS[name]):
        assert extra in project["optional-dependencies"]


def test_the_changelog_begins_with_this_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## (\S+)", changelog, re.M)[1] == otel_ws.__version__


def test_every_page_is_in_the_navigation_and_in_the_readme() -> None:
    navigation = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    pages = sorted(name for name in PAGES if name.startswith("docs/"))
    assert sorted(f"docs/{name}" for name in navigation) == pages
    assert all(f"({name})" in TEXTS["README.md"] for name in pages)
