"""The settings of otel-ws as Django has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

from otel_ws import Config

__all__ = ["NAMES", "PREFIX", "Source", "found"]

PREFIX = "OTEL_WS_"
NAMES = tuple(PREFIX + each.name.upper() for each in fields(Config))


def found() -> Mapping[str, Any]:
    """Return the settings of otel-ws that the project has set."""
    return {name: getattr(settings, name) for name in NAMES if hasattr(settings, name)}


class Source:
    """Settings that are read when they are needed; keywords stand before Django's."""

    def __init__(self, keywords: Mapping[str, Any]) -> None:
        self._keywords = keywords
        self._found: Mapping[str, Any] | None = None
        self._config = Config()
        self._is_watching = False

    def use(self, keywords: Mapping[str, Any]) -> None:
        """Let these keywords stand before Django's settings from now on."""
        if keywords is not self._keywords:
            self._keywords, self._found = keywords, None

    def read(self) -> Config:
        """Return the settings of this moment. Raises ConfigError when one is wrong."""
        now = found()
        if now != self._found:
            self._config, self._found = Config.load(self._keywords, now), now
        return self._config

    def watched(self) -> Config:
        """Return the same, for a busier place: Django tells when a setting changes."""
        if not self._is_watching:
            setting_changed.connect(self._forget, dispatch_uid=id(self))
            self._is_watching = True
            self._found = None
        return self.read() if self._found is None else self._config

    def _forget(self, *, setting: str, **_: Any) -> None:
        if setting in NAMES:
            self._found = None
