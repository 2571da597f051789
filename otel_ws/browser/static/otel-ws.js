/**
 * A WebSocket that carries trace context: a drop-in for the native one.
 *
 *     import { TracedWebSocket, contextOf } from "/static/otel-ws/otel-ws.js";
 *     const socket = new TracedWebSocket(url, ["chat"], { messages: true });
 *
 * The context is that of the active span, where the page has set up @opentelemetry/api, and else
 * that of <meta name="traceparent">. A failure in here is told once, to console.debug, and the
 * native WebSocket is then called as if we were not there.
 */

const LONGEST = 65536; // what is longer is not parsed, neither here nor by the server
const LONGEST_SENT = 64000; // and with a context it is not longer than that
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const HAS_TOKEN = /\botel-ws\./;
const HAS_PARAMETER = /\btraceparent=/;

// Where @opentelemetry/api registers itself, and how it keeps a span in a context: symbols of the
// whole page, so that all copies of it meet there.
const API = Symbol.for("opentelemetry.js.api.1");
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const CLIENT = 2;
const PRODUCER = 3;
const CONSUMER = 4;
const ERROR = 2;
const OPEN = 1; // of a socket

// Where there are no sockets, as where a page is rendered on a server, importing this is harmless:
// a class can extend Symbol, and nobody can construct one.
const Native = globalThis.WebSocket ?? Symbol;

const wrappers = new WeakMap(); // by handler

let isTold = false;

/** Return what our own code returns; a failure of it is told, and goes no further. */
function attempt(ours) {
  try {
    return ours();
  } catch (error) {
    if (!isTold) console.debug("otel-ws:", error);
    isTold = true;
  }
}

function json(text) {
  try {
    return JSON.parse(text);
  } catch {
    // It is the application's, and need not be JSON.
  }
}

// --- contexts -----------------------------------------------------------------------------------

function parse(text) {
  const [traceparent, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  if (!traceparent) return;
  return { traceparent, traceId, spanId, traceFlags: parseInt(flags, 16), isRemote: true };
}

/** Return the traceparent of a context, if there is one and it is valid. */
function traceparentOf(context) {
  const { traceId, spanId, traceFlags = 0 } = context ?? {};
  const flags = traceFlags.toString(16).padStart(2, "0");
  return parse(`00-${traceId}-${spanId}-${flags}`)?.traceparent;
}

function pageContext() {
  return parse(globalThis.document?.querySelector('meta[name="traceparent"]')?.content);
}

function childOf(context) {
  const [id] = crypto.getRandomValues(new BigUint64Array(1));
  return context && { ...context, spanId: id.toString(16).padStart(16, "0") };
}

/** Return the context that came with a message, or undefined. */
export function contextOf(event) {
  return attempt(() => {
    const text = event.data;
    if (!text?.includes?.('"traceparent"') || text.length > LONGEST) return;
    return parse(json(text)?._meta?.traceparent);
  });
}

// --- spans, where the page has @opentelemetry/api -----------------------------------------------

function startSpan(name, kind, attributes, remote) {
  const api = globalThis[API];
  if (!api?.trace || !api.context) return;
  let context = api.context.active();
  const parent = remote ?? (!context.getValue(SPAN) && pageContext());
  if (parent) context = context.setValue(SPAN, { spanContext: () => parent });
  const tracer = api.trace.getTracer("otel_ws.browser");
  return tracer.startSpan(name, { kind, attributes }, context);
}

function endSpan(span, error) {
  attempt(() => {
    if (error) {
      span.setStatus({ code: ERROR }).setAttribute("error.type", error.name ?? "_OTHER");
      span.recordException(error);
    }
    span.end();
  });
}

function describe(socket) {
  const { hostname, pathname } = new URL(socket.url);
  return { "server.address": hostname, "url.path": pathname };
}

// --- the handshake ------------------------------------------------------------------------------

/** Return what the native constructor is to get, and the span of the handshake if there is one. */
function dial(args, { subprotocol = true, query = false }) {
  const [url, protocols] = args;
  const offered = typeof protocols === "string" ? [protocols] : protocols;
  // Chrome fails a handshake that offers nothing but what the server does not select.
  const isOffer = subprotocol && Array.isArray(offered) && offered.length;
  if (!isOffer && !(query && url)) return;
  if (isOffer ? HAS_TOKEN.test(offered) : HAS_PARAMETER.test(url)) return;
  const span = startSpan("GET", CLIENT, { "http.request.method": "GET" });
  const traceparent = traceparentOf(span?.spanContext() ?? pageContext());
  if (!traceparent) return { span };
  if (isOffer) return { span, dialled: [url, [...offered, `otel-ws.${traceparent}`]] };
  return { span, dialled: [withQuery(`${url}`, traceparent), protocols] };
}

function withQuery(url, traceparent) {
  const end = url.search(/#|$/);
  const path = url.slice(0, end);
  return `${path}${path.includes("?") ? "&" : "?"}traceparent=${traceparent}${url.slice(end)}`;
}

// --- messages -----------------------------------------------------------------------------------

/** Return a message with a context in it, or nothing if there is no room for one. */
function carry(socket, text) {
  if (socket.readyState !== OPEN || typeof text !== "string") return;
  if (text.length > LONGEST_SENT || !/^\s*{/.test(text)) return;
  const message = json(text);
  const place = message && placeIn(text, message._meta);
  if (!place) return;
  const span = startSpan("websocket.send", PRODUCER, describe(socket));
  span?.end(); // what follows is but a copy into the browser's buffer
  const context = span?.spanContext() ?? childOf(pageContext());
  const traceparent = traceparentOf(context);
  if (!traceparent) return;
  const tracestate = context.traceState?.serialize() || undefined;
  const carrier = JSON.stringify({ traceparent, tracestate });
  return splice(text, place, message._meta ? carrier.slice(1, -1) : `"_meta":${carrier}`);
}

// A place in the text, because to write it anew would change numbers that are too long for
// JavaScript. What else the application has put into _meta is its own.
function placeIn(text, meta) {
  if (meta === undefined) return text.indexOf("{") + 1;
  if (meta?.traceparent || meta?.tracestate || meta?.baggage) return;
  for (const { 0: found, index } of [...text.matchAll(/"_meta"\s*:\s*{/g)].slice(0, 8)) {
    const place = index + found.length;
    if (json(splice(text, place, '"traceparent":1'))?._meta?.traceparent) return place;
  }
}

function splice(text, at, member) {
  const rest = text.slice(at);
  return text.slice(0, at) + member + (/^\s*}/.test(rest) ? "" : ",") + rest;
}

/** Return what calls a handler in the context of its message. */
function wrap(type, handler) {
  if (type !== "message" || Object(handler) !== handler) return handler;
  if (!wrappers.has(handler)) {
    const wrapper = function (event) {
      const call = () =>
        typeof handler === "function" ? handler.call(this, event) : handler.handleEvent(event);
      const span = attempt(() => {
        const remote = globalThis[API] && contextOf(event);
        return remote && startSpan("websocket.receive", CONSUMER, describe(this), remote);
      });
      return span ? runIn(span, call) : call();
    };
    wrapper.handler = handler;
    wrappers.set(handler, wrapper);
  }
  return wrappers.get(handler);
}

/** Call a handler once, whatever becomes of the context that it is to run in. */
function runIn(span, handler) {
  let result;
  const run = () => {
    try {
      result = { value: handler() };
    } catch (error) {
      result = { error };
    }
  };
  attempt(() => {
    const { context } = globalThis[API];
    context.with(context.active().setValue(SPAN, span), run);
  });
  if (!result) run();
  const fail = (error) => {
    endSpan(span, error);
    throw error;
  };
  if ("error" in result) fail(result.error);
  if (result.value instanceof Promise) return result.value.then(() => endSpan(span), fail);
  endSpan(span);
  return result.value;
}

// --- the socket ---------------------------------------------------------------------------------

export class TracedWebSocket extends Native {
  /** The options of all sockets, for libraries that take a class and make sockets of it. */
  static options = {};

  #options = {};

  constructor(...args) {
    const options = attempt(() => ({ ...new.target.options, ...args[2] }));
    const { span, dialled = args } = attempt(() => dial(args, options)) ?? {};
    try {
      super(...dialled);
    } catch (error) {
      if (span) endSpan(span, error);
      throw error;
    }
    attempt(() => {
      this.#options = options;
      if (!span) return;
      span.setAttributes(describe(this));
      super.addEventListener("open", () => endSpan(span));
      super.addEventListener("close", (event) => span.isRecording() && endSpan(span, event));
    });
  }

  send(...args) {
    const text = attempt(() => this.#options.messages && carry(this, args[0]));
    super.send(...(text ? [text] : args));
  }

  addEventListener(type, listener, ...rest) {
    super.addEventListener(type, wrap(type, listener), ...rest);
  }

  removeEventListener(type, listener, ...rest) {
    super.removeEventListener(type, wrap(type, listener), ...rest);
  }

  get onmessage() {
    return super.onmessage?.handler ?? super.onmessage;
  }

  set onmessage(handler) {
    super.onmessage = typeof handler === "function" ? wrap("message", handler) : handler;
  }
}
