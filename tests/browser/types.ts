// What the types admit, and what they do not: checked by `tsc --strict`, never run.

import { contextOf, TracedWebSocket, type MessageContext } from "otel-ws";

const plain: WebSocket = new TracedWebSocket("wss://example.org/chat");
const socket = new TracedWebSocket(new URL("/chat", location.href), ["chat"], { messages: true });
new TracedWebSocket("/chat", "chat", { subprotocol: false, query: true });

socket.binaryType = "arraybuffer";
socket.send(new Uint8Array(1));
socket.addEventListener("message", (event) => {
  const context: MessageContext | undefined = contextOf(event);
  const traceId: string | undefined = context?.traceId;
  const flags: number = context?.traceFlags ?? 0;
  console.log(traceId, flags, plain.readyState === TracedWebSocket.OPEN);
  // @ts-expect-error: the context is the sender's
  if (context) context.traceId = "";
});
socket.onmessage = (event) => contextOf(event)?.traceparent.length;

class Mine extends TracedWebSocket {
  static options = { messages: true };
}
const Implementation: typeof WebSocket = Mine;
new Implementation("/chat", "chat");

// @ts-expect-error: there is no such option
new TracedWebSocket("/chat", "chat", { message: true });
// @ts-expect-error: options come third
new TracedWebSocket("/chat", { messages: true });
// @ts-expect-error: a socket's message is an event, not its text
contextOf("{}");
