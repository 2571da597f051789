// Asks for a price with vscode-jsonrpc, over a WebSocket.

import { once } from "node:events";
import { createWebSocketConnection, toSocket } from "vscode-ws-jsonrpc";
import WebSocket from "ws";

import { carrier, report, traced } from "./telemetry.mjs";

const result = {};

/** Return a connection, and its socket. */
async function visit() {
  const socket = new WebSocket(`ws://${process.argv[2]}/rpc`, { headers: carrier() });
  await once(socket, "open");
  return [createWebSocketConnection(toSocket(socket), console), socket];
}

await traced("page", async () => {
  const [connection, socket] = await traced("visit", visit);
  connection.onNotification("looked_up", ({ item, _meta }) => {
    result.notice = item;
    return traced("take notice", () => {}, _meta ?? {});
  });
  connection.listen();
  try {
    const { _meta, ...answer } = await traced("ask", () =>
      connection.sendRequest("price", { item: "milk", _meta: carrier() }),
    );
    await traced("show", () => {}, _meta ?? {});
    Object.assign(result, answer);
  } catch (error) {
    result.error = error.message;
  }
  socket.close(1000);
  await once(socket, "close");
});
await report(result);
