// OpenTelemetry JS as its documentation has it, and two functions to use it with.

import { context, propagation, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "node" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const tracer = trace.getTracer("interop");

/** Run `action` in a span: of the trace that `from` carries, if it is given. */
export function traced(name, action, from) {
  const parent = from === undefined ? context.active() : propagation.extract(ROOT_CONTEXT, from);
  return tracer.startActiveSpan(name, {}, parent, async (span) => {
    try {
      return await action();
    } finally {
      span.end();
    }
  });
}

/** Return what carries the current context: headers, or members of a message. */
export function carrier() {
  const fields = {};
  propagation.inject(context.active(), fields);
  return fields;
}

/** Print what came of it, once the spans have been exported. */
export async function report(result) {
  await provider.shutdown();
  console.log(JSON.stringify(result));
}
