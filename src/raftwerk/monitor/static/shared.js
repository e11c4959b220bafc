// One stream for all pages of a browser: it has six connections for one address, and each
// page that held one for ever would leave less for the next. Whoever joins has the stream
// begin anew, for all: each beginning says how all stands.

import { Stream } from "./stream.js";

const ports = new Set();
let stream = null;

function post(...message) {
  for (const port of ports) port.postMessage(message);
}

function join(port) {
  ports.add(port);
  if (stream !== null) {
    stream.again();
    return;
  }
  stream = new Stream(new URL("../events", import.meta.url), {
    take: (text) => post("take", text),
    restart: () => post("restart"),
    tell: (kind, since) => post("tell", kind, since),
  });
}

function leave(port) {
  ports.delete(port);
  if (ports.size || stream === null) return;
  stream.close();
  stream = null;
}

addEventListener("connect", ({ ports: [port] }) => {
  port.addEventListener("message", ({ data }) => (data === "join" ? join(port) : leave(port)));
  port.start();
});
