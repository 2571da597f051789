// Calls a hub with Microsoft's client, whose protocol may be extended: here by headers.

import * as signalR from "@microsoft/signalr";

import { carrier, report, traced } from "./telemetry.mjs";

class Traced extends signalR.JsonHubProtocol {
  writeMessage(message) {
    const isCall = message.type === signalR.MessageType.Invocation;
    return super.writeMessage(isCall ? { ...message, headers: carrier() } : message);
  }

  parseMessages(input, logger) {
    const messages = super.parseMessages(input, logger);
    for (const { type, headers } of messages) {
      traced(`take ${signalR.MessageType[type]}`, () => {}, headers ?? {});
    }
    return messages;
  }
}

const result = {};

/** Return a connection to the hub. */
async function visit() {
  const connection = new signalR.HubConnectionBuilder()
    .withUrl(`http://${process.argv[2]}/hub`, {
      skipNegotiation: true,
      transport: signalR.HttpTransportType.WebSockets,
      headers: carrier(),
    })
    .withHubProtocol(new Traced())
    .configureLogging(signalR.LogLevel.Warning)
    .build();
  connection.on("heard", (item) => {
    result.heard = item;
  });
  await connection.start();
  return connection;
}

await traced("page", async () => {
  const connection = await traced("visit", visit);
  result.price = await traced("ask", () => connection.invoke("price", "milk"));
  await connection.stop();
});
await report(result);
