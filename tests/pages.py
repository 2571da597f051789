"""The pages of the documentation as programs.

    python -m tests.pages docs/models.md

A page's ``python`` blocks are executed in their order, in one namespace, as a module would be;
functions named ``test_*`` are called where they are defined. A ``text`` block below one shows
what it printed, to the letter, and a block without one prints nothing, no warning and no log line
either. ``<!-- needs: fastapi>=0.142 -->`` above a block says what it cannot do without.
Exit status: 0, 1 (a block fails or a page shows something else), 3 (a block was left out).
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import difflib
import inspect
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from types import ModuleType

from opentelemetry import trace
from packaging.requirements import Requirement

from testproject.otlp import OTLPReceiver

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
}
LEFT_OUT = 3
_FENCE = re.compile(r"(?:<!-- needs: (.+?) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    line: int
    language: str
    text: str
    needs: str

    @property
    def is_possible(self) -> bool:
        if not self.needs:
            return True
        requirement = Requirement(self.needs)
        try:
            return version(requirement.name) in requirement.specifier
        except PackageNotFoundError:
            return False


def blocks(text: str) -> list[Block]:
    return [
        Block(text.count("\n", 0, found.start(3)) + 1, found[2], found[3], found[1] or "")
        for found in _FENCE.finditer(text)
    ]


def without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Yield the heading and the rows of each table; a cell's text has its markup."""
    for found in re.finditer(r"^\|.*\|\n\|[-| ]+\|\n(?:\|.*\|\n?)*", text, re.M):
        heading, _, *rows = (
            [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in found[0].splitlines()
        )
        yield heading, rows


def sections(text: str) -> dict[str, str]:
    """Return what stands below each heading, up to the next heading of any level."""
    parts = re.split(r"^#+ (.+)$", without_blocks(text), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def run_page(name: str) -> int:
    """Execute a page, and say what is wrong with it."""
    module = sys.modules["page"] = ModuleType("page")
    found = blocks(PAGES[name].read_text())
    output = io.StringIO()  # one for the whole page: some libraries keep the stream they first saw
    left_out = 0
    for block, after in pairwise([*found, None]):
        if block.language != "python":
            continue
        if not block.is_possible:
            print(f"{name}:{block.line} left out: it needs {block.needs}")
            left_out = LEFT_OUT
            continue
        shown = after.text if after and after.language == "text" else ""
        if not _is_as_shown(module, name, block, shown, output):
            return 1
    return left_out


def _is_as_shown(
    module: ModuleType, name: str, block: Block, shown: str, output: io.StringIO
) -> bool:
    output.seek(0)
    output.truncate()
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            _execute(module, name, block)
    except BaseException:
        print(output.getvalue())
        traceback.print_exc()
        return False
    if output.getvalue() == shown:
        return True
    where = f"{name}:{block.line}"
    lines = (shown.splitlines(keepends=True), output.getvalue().splitlines(keepends=True))
    print(*difflib.unified_diff(*lines, f"{where}, as the page shows it", where), sep="")
    return False


def _execute(module: ModuleType, name: str, block: Block) -> None:
    # Empty lines before it let a traceback name the line of the page.
    code = "\n" * (block.line - 1) + block.text
    exec(compile(code, name, "exec", dont_inherit=True), vars(module))
    for node in ast.parse(block.text).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_test(node.name):
            result = vars(module)[node.name]()
            if inspect.iscoroutine(result):
                asyncio.run(result)


def _is_test(name: str) -> bool:
    return name.startswith("test_")


def main() -> int:
    """Run the page with Django at hand, and a collector that hears what the page exports."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "testproject.settings"
    import django

    django.setup()
    with OTLPReceiver() as receiver:
        os.environ |= receiver.environment
        status = run_page(sys.argv[1])
        flush = getattr(trace.get_tracer_provider(), "force_flush", None)
        if flush is not None:
            flush()
        for span in receiver.spans:
            print(f"exported {span.name}")
    return status


if __name__ == "__main__":
    sys.exit(main())
