/** Which context a socket hands out. */
export interface TraceOptions {
  /**
   * Offer the handshake's context as a further subprotocol, `otel-ws.<traceparent>`, beside those
   * of the application. Without one of its own nothing is offered. On by default.
   */
  subprotocol?: boolean;
  /** Else put it into the address, as the query parameter `traceparent`. Off by default. */
  query?: boolean;
  /** Put a context into outgoing JSON objects, as `_meta.traceparent`. Off by default. */
  messages?: boolean;
}

/** The context that came with a message: a `SpanContext` of `@opentelemetry/api`, and its text. */
export interface MessageContext {
  readonly traceparent: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote: true;
}

/** A `WebSocket` that carries trace context. */
export declare class TracedWebSocket extends WebSocket {
  /** The options of all sockets, for libraries that take a class and make sockets of it. */
  static options: TraceOptions;
  constructor(url: string | URL, protocols?: string | string[], options?: TraceOptions);
}

/** Return the context that came with a message, as `_meta.traceparent`, or undefined. */
export declare function contextOf(event: MessageEvent): MessageContext | undefined;
