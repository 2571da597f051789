// Counts to two with the client of graphql-ws.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { carrier, report, traced } from "./telemetry.mjs";

const heard = [];

/** Subscribe, and go on in a span with each result. */
function count(client) {
  const payload = {
    query: "subscription { count(target: 2) }",
    extensions: carrier(),
  };
  return new Promise((complete, error) => {
    client.subscribe(payload, {
      next: ({ data, extensions }) => {
        heard.push(data.count);
        traced(`show ${data.count}`, () => {}, extensions ?? {});
      },
      complete,
      error,
    });
  });
}

class Socket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers: carrier() });
  }
}

/** Return a client that is connected. */
async function visit() {
  const client = createClient({
    url: `ws://${process.argv[2]}/graphql`,
    webSocketImpl: Socket,
    lazy: false,
    onNonLazyError: (error) => console.error(error),
  });
  await new Promise((resolve) => client.on("connected", resolve));
  return client;
}

await traced("page", async () => {
  const client = await traced("visit", visit);
  await traced("count", () => count(client));
  await Promise.all([new Promise((resolve) => client.on("closed", resolve)), client.dispose()]);
});
await report(heard);
