// The stream of what happens now; it opens again by itself, and says how it stands.

const SILENCE_MILLIS = 12_000;

export class Stream {
  constructor(url, { take, restart, tell }) {
    this.url = url;
    this.take = take;
    this.restart = restart;
    this.tell = tell;
    this.silentSince = null;
    this.isClosed = false;
    this.heardAt = performance.now();
    this.open();
    // A connection can be dead without knowing it: the monitor says something at times.
    this.watch = setInterval(() => {
      const silent = performance.now() - this.heardAt > SILENCE_MILLIS;
      if (silent && this.source.readyState !== EventSource.CONNECTING) this.again();
    }, 1000);
  }

  open() {
    this.source = new EventSource(this.url);
    this.source.addEventListener("open", () => {
      this.heardAt = performance.now();
      this.silentSince = null;
      this.restart();
      this.tell("live", "");
    });
    this.source.addEventListener("message", (event) => {
      this.heardAt = performance.now();
      this.take(event.data);
    });
    this.source.addEventListener("error", () => {
      this.silentSince ??= Date.now() / 1000;
      this.tell("lost", this.silentSince);
      // After some errors a browser gives up; we do not.
      const { source } = this;
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => source === this.source && !this.isClosed && this.again(), 500);
    });
  }

  again() {
    this.source.close();
    this.heardAt = performance.now();
    this.open();
  }

  close() {
    this.isClosed = true;
    clearInterval(this.watch);
    this.source.close();
  }
}
