"""The libraries of template tags."""

from __future__ import annotations

__all__: list[str] = []
