"""Why nothing came at all: what speaks for which cause."""

from __future__ import annotations

from ._evidence import Evidence
from ._findings import Finding, wrong

_EXPECTED = "spans over OTLP"
_FAILED_EXPORT = (
    "Failed to export",
    "Transient error",
    "Exception while exporting",
    "StatusCode.UNAVAILABLE",
)
_NO_EXPORTER = ("Requested component 'otlp", "No module named 'opentelemetry.exporter")


def why_nothing_came(evidence: Evidence) -> Finding:
    """Return the likeliest cause that the evidence allows."""
    return _by_environment(evidence) or why_an_export_failed(evidence) or _unexplained(evidence)


def why_an_export_failed(evidence: Evidence) -> Finding | None:
    """Return what was tried, and did not reach the receiver, if anything was."""
    if evidence.is_grpc:
        return _nothing(
            "an exporter that speaks gRPC",
            "Here OTLP over HTTP is understood: pip install opentelemetry-exporter-otlp-proto-http "
            "and take its OTLPSpanExporter, or leave the choice to OTEL_EXPORTER_OTLP_PROTOCOL.",
        )
    if evidence.refused_exports:
        return _nothing(
            f"an export that is not understood: {evidence.refused_exports[0]}",
            "Export OTLP over HTTP, as protobuf or JSON.\n"
            "An endpoint= in code is the whole URL: let it end in /v1/traces, or leave it out, so "
            "that OTEL_EXPORTER_OTLP_ENDPOINT counts.",
        )
    if line := evidence.printed(*_NO_EXPORTER):
        return _nothing(line, "Install it: pip install opentelemetry-exporter-otlp-proto-http.")
    if line := evidence.printed(*_FAILED_EXPORT):
        return _nothing(
            f"the application exports elsewhere, and fails: {line}",
            "Its exporter has an endpoint of its own: make it without endpoint=, so that "
            "OTEL_EXPORTER_OTLP_ENDPOINT counts.",
        )
    return None


def _unexplained(evidence: Evidence) -> Finding:
    if evidence.names_our_trace():
        return _nothing(
            "the application prints our trace, in a form that is not read here",
            "It traces. To look at the trace here, let it have an OTLPSpanExporter, or a "
            "ConsoleSpanExporter as it comes.",
        )
    if evidence.has_metrics:
        return _nothing(
            "metrics of otel_ws, and no span",
            "The middleware is there, and a sampler drops the traces. Look at the sampler of the "
            "TracerProvider: ParentBased follows the sampled traceparent of this visit, others "
            "need not.",
        )
    if evidence.output is None:
        return _nothing(
            "nothing",
            "\n".join(["Was it started with the environment that stands above? If so:", *_CAUSES]),
        )
    return _nothing("nothing", "\n".join(_CAUSES))


_CAUSES = (
    "Either no TracingMiddleware is around the application: "
    "application = TracingMiddleware(application). manage.py check says so for Django.",
    "Or the process that serves has no TracerProvider with an OTLP exporter: see the page Quick "
    "start. opentelemetry-instrument before the command that serves brings both.",
    "Or its sampler drops this trace, its exporter has an endpoint= of its own, or the server "
    "forks after the exporter's thread has begun.",
)


def _by_environment(evidence: Evidence) -> Finding | None:
    variables = evidence.environment
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return _nothing("OTEL_SDK_DISABLED=true", "Take it out of the environment.")
    sampler = variables.get("OTEL_TRACES_SAMPLER", "")
    if sampler == "always_off":
        return _nothing(
            f"OTEL_TRACES_SAMPLER={sampler}",
            "Nothing is sampled. Take it out, or set parentbased_always_on.",
        )
    return None


def _nothing(came: str, advice: str) -> Finding:
    return wrong("exported", _EXPECTED, came, advice)
