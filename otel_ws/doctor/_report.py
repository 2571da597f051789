"""Findings as text for a terminal, and as JSON for a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from textwrap import indent, wrap
from typing import Final

from .. import _semconv as names
from .._records import SpanRecord
from .._trees import Node, draw
from ._evidence import Evidence
from ._findings import Finding
from ._urls import shown

_MAX_SPANS: Final = 200
_WIDTH: Final = 76
_MARGIN: Final = " " * 19
_SHOWN: Final = (
    names.HTTP_RESPONSE_STATUS_CODE,
    names.CLOSE_STATUS,
    names.RECEIVED_COUNT,
    names.SENT_COUNT,
)


def tree(evidence: Evidence) -> str:
    """Return the trace of the visit, with the names of who has come."""
    visit = evidence.visit
    doctor = {(visit.trace_id, visit.span_id): "the doctor"}
    spans = evidence.connected()[:_MAX_SPANS]
    return safe_lines(draw(map(_node, spans), _SHOWN, doctor))


def text(evidence: Evidence, findings: Sequence[Finding]) -> str:
    """Return the report as it is printed."""
    parts = [f"otel-ws doctor has been to {safe(shown(evidence.url))}", ""]
    for finding in findings:
        parts += _lines(finding)
    if drawn := tree(evidence):
        parts += ["", "The trace:", "", indent(drawn, "  ")]
    return "\n".join([*parts, "", _summary(evidence, findings)])


def as_json(evidence: Evidence, findings: Sequence[Finding], status: int) -> str:
    """Return the report as one object of JSON, in ASCII."""
    visit = evidence.visit
    checks = [
        {
            "check": each.check,
            "state": each.state,
            "expected": each.expected,
            "came": each.came,
            "advice": each.advice,
        }
        for each in findings
    ]
    report = {
        "url": shown(evidence.url),
        "status": status,
        "checks": checks,
        "connection": {
            "status": visit.status,
            "subprotocol": visit.subprotocol,
            "sent": visit.sent,
            "received": visit.received,
            "close_code": visit.close_code,
            "trace_id": visit.trace_id,
            "session_id": evidence.session(),
        },
        "spans": len(evidence.spans),
        "tree": tree(evidence).splitlines(),
    }
    return json.dumps(report, indent=2)


def unexamined(url: str, why: str, status: int) -> str:
    """Return the same for what could not be looked at."""
    return json.dumps({"url": shown(url), "status": status, "error": why}, indent=2)


def safe(line: str) -> str:
    """Return text of a stranger with nothing in it that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def safe_lines(lines: str) -> str:
    return "\n".join(map(safe, lines.split("\n")))


def say(words: str) -> None:
    """Print, to a terminal of whatever encoding."""
    encoding = sys.stdout.encoding or "ascii"
    print(words.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def _lines(finding: Finding) -> Iterator[str]:
    label = {"ok": "ok", "note": "note", "wrong": "WRONG"}[finding.state]
    head = f"{label:<6} {finding.check:<11} "
    if finding.state == "wrong":
        yield from _block(f"{head}expected: {finding.expected}")
        yield from _block(f"{_MARGIN}came: {finding.came}")
    else:
        yield from _block(f"{head}{finding.came}")
    for sentence in finding.advice.splitlines():
        yield from _block(f"{_MARGIN}{sentence}")


def _block(words: str) -> list[str]:
    start, rest = words[: len(_MARGIN)], safe(words[len(_MARGIN) :])
    return wrap(
        rest,
        _WIDTH + len(_MARGIN),
        initial_indent=start,
        subsequent_indent=_MARGIN,
        break_on_hyphens=False,
    )


def _summary(evidence: Evidence, findings: Sequence[Finding]) -> str:
    found = sum(finding.state == "wrong" for finding in findings)
    if found:
        return f"{found} of {len(findings)} checks found something wrong."
    if evidence.received is None:
        return "Nobody has looked for spans: say --run or --receive."
    return f"Nothing is wrong: {len(findings)} checks."


def _node(span: SpanRecord) -> Node:
    failure = str(span.attributes.get(names.ERROR_TYPE, "error"))
    return Node(
        (span.trace_id, span.span_id),
        None if span.parent_id is None else (span.trace_id, span.parent_id),
        span.name,
        tuple((link.trace_id, link.span_id) for link in span.links),
        failure if span.status == "error" else None,
        span.attributes,
    )
