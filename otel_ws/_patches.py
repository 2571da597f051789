"""What is put in the place of other people's methods, and taken away again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from wrapt import register_post_import_hook

from ._log import report, shielded

Make = Callable[[Any], Any]
_MISSING: Final = object()


class Patch:
    """One method of a class, replaced by what `make` makes of it, as soon as its module is there.

    `target` is written as ``module:Class.method``. Whatever hinders us is reported, and leaves
    the method as it was.
    """

    def __init__(self, target: str, make: Make) -> None:
        self._target = target
        self._module, _, path = target.partition(":")
        self._class, _, self._method = path.partition(".")
        self._make = make
        self._is_wanted = self._is_registered = False
        self._replaced: tuple[type, Any, Any] | None = None

    def apply(self) -> None:
        """Replace the method, now or when somebody imports its module."""
        self._is_wanted = True
        if not self._is_registered:  # A hook cannot be taken back: there is one for good.
            self._is_registered = True
            register_post_import_hook(self._replace, self._module)
        elif (module := sys.modules.get(self._module)) is not None:
            self._replace(module)

    def undo(self) -> None:
        """Put the method back, unless somebody has wrapped it meanwhile."""
        self._is_wanted = False
        if self._replaced is None:
            return
        owner, original, replacement = self._replaced
        if vars(owner).get(self._method) is replacement:
            setattr(owner, self._method, original)
        self._replaced = None

    @shielded
    def _replace(self, module: ModuleType) -> None:
        if not self._is_wanted:
            return
        owner: Any = getattr(module, self._class, None)
        original = vars(owner).get(self._method, _MISSING) if owner is not None else _MISSING
        if original is _MISSING:
            report(f"there is no {self._target}, and so nothing to trace there")
            return
        replacement = self._make(original)
        setattr(owner, self._method, replacement)
        self._replaced = owner, original, replacement
