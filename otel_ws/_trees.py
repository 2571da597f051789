"""Traces as indented text, whatever the spans were read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Any

Id = tuple[str, str]
"""A trace and a span, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Node:
    """A span as far as a tree shows it."""

    id: Id
    parent: Id | None
    name: str
    links: tuple[Id, ...]
    failure: str | None
    """What failed, if anything did."""
    attributes: Mapping[str, Any]
    is_ended: bool = True


def draw(
    nodes: Iterable[Node], attributes: Iterable[str] = (), known: Mapping[Id, str] | None = None
) -> str:
    """Return spans as an indented tree.

    `attributes` names those to be shown, `known` the spans that are elsewhere.
    """
    return "\n".join(_Tree(list(nodes), tuple(attributes), known or {}).lines())


class _Tree:
    def __init__(
        self, nodes: list[Node], attributes: tuple[str, ...], known: Mapping[Id, str]
    ) -> None:
        self._attributes = attributes
        self._names = {node.id: node.name for node in nodes}
        self._known = {**known, **self._names}
        self._children: dict[Id | None, list[Node]] = {}
        for node in nodes:
            parent = node.parent if node.parent in self._names else None
            self._children.setdefault(parent, []).append(node)

    def lines(self) -> Iterator[str]:
        """Yield each node once, however deep it is, and whatever circle a stranger has made."""
        left = [(0, node) for node in reversed(self._children.pop(None, []))]
        while left or self._children:
            if not left:  # These have no root: it begins anywhere.
                left = [(0, node) for node in reversed(self._children.popitem()[1])]
            depth, node = left.pop()
            yield indent(self._line(node), "  " * depth)
            children = self._children.pop(node.id, [])
            left += [(depth + 1, child) for child in reversed(children)]

    def _line(self, node: Node) -> str:
        shown = [f"{n}={node.attributes[n]!s}" for n in self._attributes if n in node.attributes]
        parts = [node.name, *(f"-> {self._known.get(link, 'remote')}" for link in node.links)]
        if node.parent is not None and node.parent not in self._names:
            parts.append(f"<- {self._known.get(node.parent, 'remote')}")
        if node.failure is not None:
            parts.append(f"! {node.failure}")
        if shown:
            parts.append("{" + ", ".join(shown) + "}")
        if not node.is_ended:
            parts.append("(not ended)")
        return " ".join(parts)
