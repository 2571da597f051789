import * as otelWs from "otel-ws";

window.otelWs = otelWs;
