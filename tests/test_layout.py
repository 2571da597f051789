"""The rules of the layout that import-linter cannot express."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import requires, version
from itertools import chain
from pathlib import Path

import pytest

import otel_ws

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("otel_ws", "otel_ws_channels", "otel_ws_starlette")
NEEDS_SDK = {
    *("otel_ws._lean", "otel_ws._stock"),
    *("otel_ws.processors", "otel_ws.sampling", "otel_ws.testing"),
    *("otel_ws.page", "otel_ws.page._access", "otel_ws.page._app", "otel_ws.page._buffer"),
    *("otel_ws.page._command", "otel_ws.page._http", "otel_ws.page._live", "otel_ws.page._own"),
    *("otel_ws.page._processor", "otel_ws.page._protocol", "otel_ws.page._threads"),
    "otel_ws_channels.page",
}
TRACES_A_LIBRARY = {  # and brings it along
    *("otel_ws.client.aiohttp", "otel_ws.client.httpx_ws", "otel_ws.client.websockets"),
    *("otel_ws.doctor._command", "otel_ws.doctor._visitor"),
    *("otel_ws.client.websockets_sync", "otel_ws.client._websockets", "otel_ws.client._httpx_ws"),
}
NEEDS_AUTO = {"otel_ws._patches", "otel_ws.auto"}
LOWEST = ROOT / "requirements" / "lowest.txt"
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 45
MEANINGLESS_NAMES = {"base", "common", "helpers", "misc", "util", "utils"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


SOURCES = {
    module_name(path): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
PUBLIC = [name for name in SOURCES if is_public(name)]

every_module = pytest.mark.parametrize("name", SOURCES)
every_public_module = pytest.mark.parametrize("name", PUBLIC)
every_package = pytest.mark.parametrize("package", PACKAGES)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(SOURCES[name].read_text())


def run_python(program: str, *arguments: str) -> str:
    """Run a program in a fresh interpreter, without Django settings, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": ""},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_of(package: str, *, public: bool = True, sdk: bool = False) -> list[str]:
    """Return the modules to import: those that promise more than the rest are left out."""
    names = [name for name in SOURCES if name.partition(".")[0] == package]
    if public:
        names = [name for name in names if is_public(name)]
    names = [name for name in names if name not in TRACES_A_LIBRARY | NEEDS_AUTO]
    return names if sdk else [name for name in names if name not in NEEDS_SDK]


def imports(name: str) -> Iterator[tuple[str, str]]:
    """Yield each import of a module, wherever it stands in it: from where, and what."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def declared_by(name: str) -> set[str]:
    """Return what may be imported from a public module: its names and its public submodules."""
    if not is_public(name):
        return set()
    children = {child.rpartition(".")[2] for child in PUBLIC if child.rpartition(".")[0] == name}
    return {"", *importlib.import_module(name).__all__, *children}


# --- size and names -----------------------------------------------------------------------------


@every_module
def test_a_module_is_short_enough_to_read(name):
    assert len(SOURCES[name].read_text().splitlines()) <= MAX_MODULE_LINES


@every_module
def test_a_function_fits_on_one_screen(name):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = {
        node.name: lines
        for node in ast.walk(tree(name))
        if isinstance(node, functions)
        and (lines := node.end_lineno - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert not long


@every_module
def test_a_module_is_named_for_what_it_does(name):
    assert name.rpartition(".")[2].strip("_") not in MEANINGLESS_NAMES


# --- what is public -----------------------------------------------------------------------------


def defined_names(name: str) -> Iterator[str]:
    """Yield what a module itself defines at its top level."""
    for node in tree(name).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


@every_public_module
def test_every_public_name_is_declared(name):
    declared = set(importlib.import_module(name).__all__)
    defined = {defined for defined in defined_names(name) if not defined.startswith("_")}
    assert defined <= declared


@every_public_module
def test_every_declared_name_is_there(name):
    module = importlib.import_module(name)
    assert [declared for declared in module.__all__ if not hasattr(module, declared)] == []


@every_package
def test_a_package_ships_its_types(package):
    assert (ROOT / package / "py.typed").exists()


def test_the_version_is_named_once():
    assert otel_ws.__version__ == version("otel-ws")


def test_the_opentelemetry_api_is_the_only_dependency_at_run_time():
    needed = [line for line in requires("otel-ws") or () if "extra ==" not in line]
    assert len(needed) == 1
    assert needed[0].startswith("opentelemetry-api")


def test_every_lower_bound_is_what_the_lowest_environment_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lines = [
        *project["project"]["dependencies"],
        *chain(*project["project"]["optional-dependencies"].values()),
        *chain(*project["dependency-groups"].values()),
    ]
    assert releases(">=", "\n".join(map(str, lines))) == releases("==", LOWEST.read_text())


def releases(operator: str, lines: str) -> dict[str, list[str]]:
    """Return the version of each requirement that has one, in three parts."""
    found = re.findall(rf"^([\w-]+){operator}([\d.]+)$", lines, re.MULTILINE)
    return {name: f"{release}.0.0".split(".")[:3] for name, release in found}


# --- what an import brings along ----------------------------------------------------------------

FOREIGN = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
own = {"otel_ws", "otel_ws_channels", "otel_ws_starlette"}
print(*sorted(name for name in sys.modules if name.partition(".")[0] not in own))
"""
SDK = "opentelemetry.sdk"


def brought_along(*names: str) -> set[str]:
    return set(run_python(FOREIGN, *names).split())


def test_the_core_costs_only_the_opentelemetry_api():
    api = brought_along("opentelemetry.baggage", "opentelemetry.metrics", "opentelemetry.propagate")
    core = brought_along(*modules_of("otel_ws", public=False))
    assert {
        name
        for name in core - api
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "opentelemetry"}
    } == set()
    assert {name for name in core if name.startswith((SDK, "opentelemetry.semconv"))} == set()


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("otel_ws_channels", {"fastapi", "starlette", SDK, "daphne", "channels_redis"}),
        ("otel_ws_starlette", {"fastapi", "django", "channels", "asgiref", "redis", SDK}),
    ],
)
def test_an_adapter_brings_its_own_framework_only(package, others):
    found = brought_along(*modules_of(package))
    assert {name for name in found if name.startswith(tuple(others))} == set()


@every_module
def test_conventions_are_our_own_copies(name):
    assert [
        module for module, _ in imports(name) if module.startswith("opentelemetry.semconv")
    ] == []


@pytest.mark.parametrize("name", [name for name in SOURCES if not name.startswith("otel_ws.")])
def test_an_adapter_imports_only_declared_names_of_the_core(name):
    undeclared = [
        f"{module}.{imported}"
        for module, imported in imports(name)
        if module.partition(".")[0] == "otel_ws" and imported not in declared_by(module)
    ]
    assert undeclared == []


# --- what an import does ------------------------------------------------------------------------

READ_ENVIRONMENT = """
import importlib, os, sys
OWN = ("otel_ws", "otel_ws_channels", "otel_ws_starlette")
PASSED_THROUGH = {"os", "collections.abc", "_collections_abc", "__main__"}
reads = []

def noting(name):
    original = getattr(os._Environ, name)
    def noted(self, *arguments):
        frame = sys._getframe(1)
        while frame and frame.f_globals.get("__name__") in PASSED_THROUGH:
            frame = frame.f_back
        reader = frame.f_globals.get("__name__", "") if frame else ""
        if reader.partition(".")[0] in OWN:
            reads.append(f"{reader}: {arguments}")
        return original(self, *arguments)
    return noted

for name in ("__getitem__", "__iter__", "__len__", "copy"):
    setattr(os._Environ, name, noting(name))
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*reads, sep="\\n")
if "django.conf" in sys.modules:
    print("Django's settings" if sys.modules["django.conf"].settings.configured else "")
"""


@every_package
def test_an_import_reads_no_environment_and_no_settings(package):
    assert run_python(READ_ENVIRONMENT, *modules_of(package, sdk=True)).split() == []


CHANGES = """
import importlib, json, sys
own, foreign = json.loads(sys.argv[1])
for name in foreign:
    importlib.import_module(name)

def attributes():
    for name in foreign:
        module = sys.modules[name]
        for key, value in list(vars(module).items()):
            yield f"{name}.{key}", value
            if issubclass(type(value), type) and value.__module__ == name:
                yield from ((f"{name}.{key}.{k}", v) for k, v in list(vars(value).items()))

before = dict(attributes())
for name in own:
    importlib.import_module(name)
print(*(key for key, value in attributes() if before.get(key, before) is not value), sep="\\n")
"""
PATCHABLE = ("asgiref", "asyncio", "channels", "django", "logging", "opentelemetry", "starlette")


@every_package
def test_an_import_patches_nothing(package):
    own = modules_of(package)
    foreign = [name for name in sorted(brought_along(*own)) if name.partition(".")[0] in PATCHABLE]
    assert run_python(CHANGES, json.dumps([own, foreign])).split() == []
