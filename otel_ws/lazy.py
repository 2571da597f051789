"""Names of a package that are imported when somebody asks for them.

An instrumentor lives in its adapter's package, and is loaded by programs that may never import
the framework: the package must not do so either before one of its names is used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(package: str, **names_by_module: tuple[str, ...]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of `package`, given the names that each of its modules has."""
    homes = {name: module for module, names in names_by_module.items() for name in names}

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
