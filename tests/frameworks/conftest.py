"""The frameworks that are hosts here: in an environment of their own, or missing by name."""

from __future__ import annotations

from importlib.util import find_spec

import pytest


@pytest.fixture(scope="session", autouse=True)
def _packages() -> None:
    if find_spec("litestar") is None:
        pytest.skip("for `scripts/test --part frameworks`, which installs the frameworks")
