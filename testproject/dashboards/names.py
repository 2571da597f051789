"""What our metrics and their attributes are called in Prometheus.

The exporter of the OpenTelemetry SDK and Prometheus' own OTLP receiver translate alike: what is
no letter or digit becomes ``_``, a unit in words and ``total`` are appended, a unit in braces is
dropped.
"""

from __future__ import annotations

from otel_ws._instruments import Instrument

_UNITS = {"s": "seconds", "By": "bytes"}


def metric(instrument: Instrument) -> str:
    """Return the name of an instrument's samples; a histogram's have a suffix more."""
    parts = [label(instrument.name)]
    if instrument.unit in _UNITS:
        parts.append(_UNITS[instrument.unit])
    if instrument.kind == "observable counter":
        parts.append("total")
    return "_".join(parts)


def label(attribute: str) -> str:
    """Return the name of an attribute as a label."""
    return attribute.replace(".", "_")
