// A page's OpenTelemetry: the stock SDK, whose spans the tests read.

import { context, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, WebTracerProvider } from "@opentelemetry/sdk-trace-web";

const exporter = new InMemorySpanExporter();
new WebTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();

const tracer = trace.getTracer("page");

globalThis.page = {
  /** Run a function in a span of the page. */
  span: (name, run) =>
    tracer.startActiveSpan(name, (span) => {
      try {
        return run();
      } finally {
        span.end();
      }
    }),
  active: () => trace.getSpan(context.active())?.spanContext(),
  spans: () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      kind: span.kind,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parentId: span.parentSpanContext?.spanId,
      start: span.startTime,
      attributes: span.attributes,
      status: span.status.code,
      events: span.events.map((event) => event.name),
      scope: span.instrumentationScope.name,
    })),
};
