"""From evidence to findings: the checks, in the order in which things happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import _in_the_spans as spans
from . import _on_the_wire as wire
from ._evidence import Evidence
from ._findings import Finding

Check = Callable[[Evidence], Finding | None]

# A check that finds something wrong ends its row: what follows could only repeat it.
_ON_THE_WIRE: Final[tuple[Check, ...]] = (
    wire.reachable,
    wire.accepted,
    wire.subprotocol,
    wire.closed,
)
_OF_THE_EXPORT: Final[tuple[Check, ...]] = (
    spans.log,
    spans.exported,
    spans.sdk,
    spans.middleware,
)
_OF_THE_TRACE: Final[tuple[Check, ...]] = (
    spans.context,
    spans.session,
    spans.handshake,
    spans.route,
    spans.messages,
    spans.close,
    spans.whole,
    spans.outermost,
)


def examine(evidence: Evidence) -> list[Finding]:
    """Return what is to be said of a visit, in the order of the chain that was checked."""
    found = _until_wrong(_ON_THE_WIRE, evidence)
    if evidence.visit.status is None or evidence.received is None:
        return found
    found += _until_wrong(_OF_THE_EXPORT, evidence)
    if evidence.handshake() is not None:
        found += [finding for check in _OF_THE_TRACE if (finding := check(evidence))]
    return found


def _until_wrong(checks: tuple[Check, ...], evidence: Evidence) -> list[Finding]:
    found = []
    for check in checks:
        finding = check(evidence)
        if finding is not None:
            found.append(finding)
            if finding.state == "wrong":
                break
    return found
