// Buys milk over a WebSocket, in a trace of its own.

import { context, propagation } from "@opentelemetry/api";
import { on, once } from "node:events";
import WebSocket from "ws";

import { carrier, report, traced } from "./telemetry.mjs";

const customer = propagation.createBaggage({ customer: { value: "7" } });
let answer;

await traced("page", async () => {
  const socket = await traced(
    "visit",
    () => new WebSocket(`ws://${process.argv[2]}/shop`, { headers: carrier() }),
  );
  const messages = on(socket, "message");
  const next = async () => JSON.parse((await messages.next()).value[0]);

  const greeting = await next();
  await traced("be welcomed", () => {}, greeting._meta ?? {});

  answer = await context.with(propagation.setBaggage(context.active(), customer), () =>
    traced("order", () => {
      socket.send(JSON.stringify({ want: "milk", _meta: carrier() }));
      return next();
    }),
  );
  await traced("unpack", () => {}, answer._meta ?? {});

  socket.close(1000);
  await once(socket, "close");
});
const { _meta, ...sold } = answer;
await report(sold);
