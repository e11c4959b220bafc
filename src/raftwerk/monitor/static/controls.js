// What can be done to a demo, by buttons. All of it is done by the demo's supervisor, on
// real processes; this page only asks, and shows what comes of it like anything else.

import { clockMillis, make, setAttribute, setText } from "./format.js";
import { nodesInOrder } from "./model.js";

const WATCHED_MAX = 40;

function button(words, attributes = {}) {
  return make("button", { type: "button", ...attributes }, words);
}

export class Controls {
  constructor({ token, panel, current }) {
    this.token = token;
    this.current = current;
    this.names = "";
    this.selects = [];
    panel.hidden = false;
    this.build(panel);
  }

  // What the demo does shows on each page, whichever asked for it.
  showPressed(made, on, words, wordsOn) {
    setAttribute(made, "aria-pressed", String(on));
    setText(made, on ? wordsOn : words);
  }

  async act(wish, said = this.said) {
    setAttribute(said, "data-bad", null);
    setText(said, "…");
    try {
      const answer = await fetch("act", {
        method: "POST",
        headers: { "content-type": "application/json", "x-raftwerk-token": this.token },
        body: JSON.stringify(wish),
      });
      const result = await answer.json();
      setAttribute(said, "data-bad", answer.ok ? null : "");
      setText(said, result.text ?? result.error);
    } catch {
      setAttribute(said, "data-bad", "");
      setText(said, "The demo does not answer.");
    }
  }

  // ---- the panel ---------------------------------------------------------------

  build(panel) {
    this.said = make("p", { class: "said", role: "status", id: "act-said" });
    panel.append(
      make("div", { class: "panel-head" }, make("h2", { id: "break-title" }, "Break it"), this.said),
      make("div", { class: "break-grid" }, this.keys(), this.lines(), this.load(), this.chaos())
    );
  }

  group(title, hint, ...children) {
    const legend = make("legend", {}, title, make("span", { class: "hint" }, hint));
    return make("fieldset", {}, legend, ...children);
  }

  select(label) {
    const select = make("select", { "aria-label": label });
    this.selects.push(select);
    return select;
  }

  keys() {
    const key = make("input", { type: "text", value: "hello", "aria-label": "Key", id: "key", maxlength: "200" });
    const value = make("input", { type: "text", value: "world", "aria-label": "Value", id: "value", maxlength: "2000" });
    const node = this.select("Which node is asked");
    const said = make("p", { class: "said", role: "status", id: "key-said" });
    const put = button("Write", { id: "put" });
    const get = button("Read", { id: "get" });
    const watch = button("Watch", { id: "watch", "aria-pressed": "false" });
    this.watchedList = make("ol", { id: "watched", "aria-label": "Changes of watched keys" });
    put.addEventListener("click", () =>
      this.act({ act: "put", node: node.value, key: key.value, value: value.value }, said)
    );
    get.addEventListener("click", () => this.act({ act: "get", node: node.value, key: key.value }, said));
    watch.addEventListener("click", () => {
      const on = watch.getAttribute("aria-pressed") !== "true";
      this.act({ act: on ? "watch" : "unwatch", key: key.value }, said);
      if (!on) this.watchedList.replaceChildren();
    });
    this.showWatching = (record) => {
      const on = Boolean(record) && record.prefix !== null;
      this.showPressed(watch, on, "Watch", "Unwatch");
    };
    const fields = make("div", { class: "line" }, key, make("span", { "aria-hidden": "true" }, "="), value, make("label", {}, "at", node));
    const acts = make("div", { class: "line" }, put, get, watch);
    return this.group("Keys", "", fields, acts, said, this.watchedList);
  }

  lines() {
    const from = this.select("From");
    const to = this.select("To");
    const cut = button("Cut this way", { id: "cut-way" });
    const heal = button("Heal all", { id: "heal" });
    const add = button("Add a node", { id: "add" });
    const slow = make("input", { type: "range", min: "0", max: "200", step: "5", value: "0", id: "slow", "aria-label": "Delay of each way in milliseconds" });
    const shown = make("output", { for: "slow" }, "0 ms");
    cut.addEventListener("click", () => this.act({ act: "cut-way", from: from.value, to: to.value }));
    heal.addEventListener("click", () => this.act({ act: "heal" }));
    add.addEventListener("click", () => this.act({ act: "add" }));
    const show = () => setText(shown, `${slow.value} ms`);
    slow.addEventListener("input", show);
    slow.addEventListener("change", () => this.act({ act: "slow", millis: Number(slow.value) }));
    this.toSelect = to;
    this.showSlow = (millis) => {
      if (document.activeElement === slow) return;
      slow.value = millis;
      show();
    };
    return this.group(
      "Lines and members", "",
      make("div", { class: "line" }, from, make("span", { "aria-hidden": "true" }, "→"), to, cut, heal),
      make("div", { class: "line" }, make("span", { class: "label" }, "Delay"), slow, shown, add)
    );
  }

  load() {
    const rate = make("input", { type: "range", min: "0", max: "1000", step: "10", value: "0", id: "load", "aria-label": "Load in requests a second" });
    const shown = make("output", { for: "load" }, "none");
    const show = () => setText(shown, Number(rate.value) ? `${rate.value} a second` : "none");
    rate.addEventListener("input", show);
    rate.addEventListener("change", () => this.act({ act: "load", rate: Number(rate.value) }));
    this.showLoad = (record) => {
      if (!record || document.activeElement === rate) return;
      rate.value = record.rate;
      show();
    };
    return this.group(
      "Steady load", "three writes to one read, on all nodes",
      make("div", { class: "line" }, rate, shown)
    );
  }

  chaos() {
    const seed = make("input", { type: "number", value: "1", min: "0", step: "1", id: "seed" });
    const start = button("Start chaos", { id: "chaos", "aria-pressed": "false" });
    start.addEventListener("click", () => {
      const on = start.getAttribute("aria-pressed") !== "true";
      this.act({ act: "chaos", on, seed: Number(seed.value) || 0 });
    });
    this.showChaos = (record) => {
      const on = Boolean(record) && record.seed !== null;
      this.showPressed(start, on, "Start chaos", "End chaos");
      if (on && document.activeElement !== seed) seed.value = record.seed;
    };
    return this.group(
      "Chaos", "all of this at random, by turns",
      make("div", { class: "line" }, make("label", {}, "Seed", seed), start)
    );
  }

  // ---- each node's own buttons ---------------------------------------------------

  forNode(node) {
    const element = make("div", { class: "acts", role: "group" });
    const acts = {};
    const add = (key, words, act) => {
      const made = button(words, { "data-act": key });
      made.addEventListener("click", () => this.act({ act: act ?? key, node: element.dataset.node }));
      acts[key] = made;
      element.append(made);
    };
    // What comes and goes stands first: the others stay where they are.
    add("heal", "Heal");
    add("transfer", "Let it lead");
    add("kill", "Kill -9");
    add("stop", "Stop");
    add("start", "Start");
    add("pause", "Pause");
    add("resume", "Resume");
    add("cut", "Cut off");
    add("remove", "Remove");
    return { element, update: (model, now, state) => this.showActs(model, now, state, element, acts) };
  }

  showActs(model, node, state, element, acts) {
    if (element.dataset.node !== node.name) {
      element.dataset.node = node.name;
      setAttribute(element, "aria-label", `What to do to ${node.name}`);
    }
    const process = model.processes[node.name]?.state ?? "running";
    const isCut = this.mostCut(model).has(node.name);
    const runs = process === "running";
    const show = (key, isShown, isEnabled = true) => {
      // A button that has the focus stays, or the keyboard would be lost.
      acts[key].hidden = !isShown && document.activeElement !== acts[key];
      acts[key].disabled = !isEnabled && document.activeElement !== acts[key];
    };
    show("kill", true, process === "running" || process === "paused");
    show("stop", process !== "stopped", process !== "killed");
    show("start", process === "stopped");
    show("pause", process !== "paused", runs);
    show("resume", process === "paused");
    show("cut", true, true);
    show("heal", isCut);
    show("transfer", runs && state === "FOLLOWER");
    show("remove", true, Object.keys(model.nodes).length > 1);
  }

  // Of a node that is cut off, all others lose a line too; the button is for that one.
  mostCut(model) {
    const counts = new Map();
    for (const name of model.links.cut.flat()) counts.set(name, (counts.get(name) ?? 0) + 1);
    const most = Math.max(...counts.values());
    return new Set([...counts.keys()].filter((name) => counts.get(name) === most));
  }

  update(model) {
    const names = nodesInOrder(model).map((node) => node.name).filter(Boolean);
    if (names.join() !== this.names) {
      this.names = names.join();
      for (const select of this.selects) {
        const chosen = select.value;
        select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
        if (names.includes(chosen)) select.value = chosen;
        else if (select === this.toSelect) select.value = names[1] ?? names[0] ?? "";
      }
    }
    this.showLoad(model.load);
    this.showSlow(model.links.slow);
    this.showWatching(model.watching);
    this.showChaos(model.chaos);
  }

  watched(record) {
    const words = record.is_delete ? `${record.key} deleted` : `${record.key} = ${record.value}`;
    const item = make("li", {}, `${clockMillis(record.t)}  ${words}  (revision ${record.revision}, from ${record.name})`);
    this.watchedList.prepend(item);
    while (this.watchedList.children.length > WATCHED_MAX) this.watchedList.lastElementChild.remove();
  }
}
