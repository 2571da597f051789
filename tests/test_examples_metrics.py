"""The examples of metrics and of volume print what their pages show."""

from __future__ import annotations

import pytest

from .test_examples_sampling import run, shown
from .test_metrics_exported import HAS_WHOLE_LABELS


@pytest.mark.skipif(not HAS_WHOLE_LABELS, reason="this exporter mixes up labels")
def test_metrics_scraped() -> None:
    assert run("metrics_scraped.py") == shown("docs/metrics.md", "metrics_scraped.py")


def test_less_is_traced() -> None:
    assert run("less_is_traced.py") == shown("docs/volume.md", "less_is_traced.py")
