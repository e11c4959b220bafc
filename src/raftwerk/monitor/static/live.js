// What happens now, from the one stream that all pages of this browser share; where there
// is no such thing, or it falls silent, from a stream of our own.

import { Stream } from "./stream.js";

const VERSION = 1; // of what is said between a page and what it shares
const SILENCE_MILLIS = 20_000; // longer than the stream's own

export class Live {
  constructor({ take, restart, tell }) {
    this.handlers = { take: (text) => take(JSON.parse(text)), restart, tell };
    this.port = null;
    this.own = null;
    if (typeof SharedWorker === "undefined") this.open();
    else this.share();
  }

  share() {
    const url = new URL("shared.js", import.meta.url);
    const worker = new SharedWorker(url, { type: "module", name: `raftwerk-${VERSION}` });
    worker.addEventListener("error", () => this.alone());
    this.port = worker.port;
    this.heardAt = performance.now();
    this.port.addEventListener("message", ({ data: [what, ...content] }) => {
      this.heardAt = performance.now();
      if (this.port !== null) this.handlers[what](...content);
    });
    this.port.start();
    this.port.postMessage("join");
    this.watch = setInterval(() => {
      if (performance.now() - this.heardAt > SILENCE_MILLIS) this.alone();
    }, 1000);
  }

  alone() {
    if (this.port === null) return;
    this.close();
    this.port = null;
    this.open();
  }

  open() {
    this.own = new Stream(new URL("../events", import.meta.url), this.handlers);
  }

  again() {
    if (this.own !== null) this.open();
    else this.share();
  }

  close() {
    clearInterval(this.watch);
    this.port?.postMessage("leave");
    this.own?.close();
  }
}
