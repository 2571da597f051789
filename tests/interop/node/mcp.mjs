// Calls a tool with the MCP SDK for TypeScript and its own transport for WebSockets.

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { WebSocketClientTransport } from "@modelcontextprotocol/sdk/client/websocket.js";
import WebSocket from "ws";

import { carrier, report, traced } from "./telemetry.mjs";

globalThis.WebSocket = WebSocket; // which Node has from version 22 on

const client = new Client({ name: "node", version: "1" });
const url = new URL(`ws://${process.argv[2]}/mcp`);
const result = [];
const call = { name: "price", arguments: { item: "milk" } };

await traced("page", async () => {
  await traced("visit", () => client.connect(new WebSocketClientTransport(url)));
  const answer = await traced("ask", () => client.callTool({ ...call, _meta: carrier() }));
  await traced("show", () => {}, answer._meta ?? {});
  await client.close();
  result.push(answer.content[0].text);
});
await report(result);
