// What happened, newest first; to be filtered and paused. In replay it shows all of the
// recording, and each line is a way to its moment.

import { clockMillis, make, setAttribute, setText } from "./format.js";
import { KINDS } from "./describe.js";

const SHOWN_MAX = 120;

export class Timeline {
  constructor({ list, filters, pause, details, empty }) {
    this.list = list;
    this.empty = empty;
    this.items = new Map();
    this.hidden = new Set();
    this.isPaused = false;
    this.withDetails = false;
    this.isStale = true;
    this.jump = null;
    for (const [kind, words] of KINDS) {
      const box = make("input", { type: "checkbox", checked: "" });
      box.addEventListener("change", () => {
        if (box.checked) this.hidden.delete(kind);
        else this.hidden.add(kind);
        this.isStale = true;
      });
      filters.append(make("label", { class: `chip kind-${kind}` }, box, make("span", {}, words)));
    }
    details.addEventListener("change", () => {
      this.withDetails = details.checked;
      this.isStale = true;
    });
    pause.addEventListener("click", () => {
      this.isPaused = !this.isPaused;
      setAttribute(pause, "aria-pressed", String(this.isPaused));
      setText(pause, this.isPaused ? "Go on" : "Pause");
      this.isStale = true;
    });
  }

  isShown(entry) {
    return !this.hidden.has(entry.kind) && (entry.weight > 1 || this.withDetails);
  }

  // `entries` in order; `until` is the replay's moment, where there is one.
  update(entries, until = null) {
    const newest = entries.at(-1);
    const times = entries.reduce((sum, entry) => sum + (entry.times ?? 1), 0);
    const mark = `${newest?.serial} ${times} ${until ?? ""}`;
    if (!this.isStale && (this.isPaused || mark === this.mark)) return;
    this.mark = mark;
    this.isStale = false;
    const shown = entries.filter((entry) => this.isShown(entry));
    let last = shown.length;
    if (until !== null) {
      // Some of what is still to come stays in sight above the present moment.
      const next = shown.findIndex((entry) => entry.t > until);
      last = next < 0 ? shown.length : Math.min(next + 6, shown.length);
    }
    const wanted = shown.slice(Math.max(last - SHOWN_MAX, 0), last).reverse();
    const keys = new Set(wanted.map((entry) => entry.serial));
    for (const [serial, item] of this.items) {
      if (!keys.has(serial)) {
        item.remove();
        this.items.delete(serial);
      }
    }
    let place = this.list.firstElementChild;
    for (const entry of wanted) {
      let item = this.items.get(entry.serial);
      if (!item) {
        item = this.makeItem(entry);
        this.items.set(entry.serial, item);
      }
      if (item === place) place = place.nextElementSibling;
      else this.list.insertBefore(item, place);
      const words = entry.times > 1 ? `${entry.text} (${entry.times} times)` : entry.text;
      setText(item.words, words);
      if (until !== null) setAttribute(item, "data-future", entry.t > until ? "" : null);
    }
    setAttribute(this.empty, "hidden", wanted.length ? "" : null);
  }

  makeItem(entry) {
    const item = make("li", { class: `entry kind-${entry.kind} weight-${entry.weight}` });
    const time = make("time", {}, clockMillis(entry.t));
    item.words = make(this.jump ? "button" : "span", { class: "words" });
    if (this.jump) {
      item.words.type = "button";
      item.words.addEventListener("click", () => this.jump(entry.t));
    }
    item.append(time, make("span", { class: "dot", "aria-hidden": "true" }), item.words);
    return item;
  }

  // Another story from now on: what happens now, or a recording.
  restart(jump = null) {
    this.jump = jump;
    this.items.clear();
    this.list.replaceChildren();
    this.isStale = true;
  }
}
