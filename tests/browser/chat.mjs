// OpenTelemetry in a page of the chat: the stock SDK, which sends its spans to a collector.

import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { SimpleSpanProcessor, WebTracerProvider } from "@opentelemetry/sdk-trace-web";

const { resource, url } = globalThis.telemetry;

new WebTracerProvider({
  resource: resourceFromAttributes(resource),
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url }))],
}).register();

const tracer = trace.getTracer("chat");

globalThis.inSpan = (name, run) =>
  tracer.startActiveSpan(name, (span) => {
    try {
      return run();
    } finally {
      span.end();
    }
  });
