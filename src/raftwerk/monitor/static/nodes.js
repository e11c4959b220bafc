// One row a node: what it is, and its log as a strip, all on one scale.

import { bytes, clock, count, make, setAttribute, setText } from "./format.js";
import { alarmsOf, growth, lagOf, leaderOf, nameOf, nodesInOrder, standing } from "./model.js";

const SPAN_MIN = 20;
const CELLS_MAX = 50; // more entries are no more told apart
const LAG_ROOM = 1.25;
const LAG_ENTRIES = 100; // fewer are only on their way

const GLYPHS = {
  LEADER: "⬢",
  FOLLOWER: "●",
  CANDIDATE: "◆",
  PRE_CANDIDATE: "◇",
  LEARNER: "■",
  UNREACHABLE: "✕",
  KILLED: "✕",
  STOPPED: "✕",
  PAUSED: "❚❚",
  STARTING: "◌",
  UNKNOWN: "◌",
};

export class Nodes {
  constructor(holder, words, { extras = null } = {}) {
    this.holder = holder;
    this.words = words;
    this.rows = new Map();
    this.turn = 0;
    this.extras = extras;
  }

  update(model) {
    const nodes = nodesInOrder(model);
    const wanted = new Set(nodes.map((node) => node.id));
    for (const [id, row] of this.rows) {
      if (!wanted.has(id)) {
        row.item.remove();
        this.rows.delete(id);
      }
    }
    const scale = scaleOf(model, nodes);
    setText(this.words, scale.words);
    const cells = scale.last - scale.first + 1;
    setAttribute(this.holder, "data-cells", cells <= CELLS_MAX ? cells : null);
    this.holder.style.setProperty("--cells", cells);
    const leader = leaderOf(model);
    this.turn += 1;
    nodes.forEach((node, position) => {
      const row = this.rows.get(node.id) ?? this.makeRow(node);
      if (this.holder.children[position] !== row.item) {
        this.holder.insertBefore(row.item, this.holder.children[position] ?? null);
      }
      // Texts cost layout, and change faster than they are read: half of them at a time.
      const withFacts = !row.hasFacts || (this.turn + position) % 2 === 0;
      this.show(model, node, row, scale, leader, withFacts);
    });
  }

  makeRow(node) {
    const part = (name) => make("span", { class: name });
    const row = {
      item: make("li", { class: "row" }),
      glyph: make("span", { class: "glyph", "aria-hidden": "true" }),
      name: part("row-name"),
      role: part("row-role"),
      what: part("row-what"),
      strip: make("div", { class: "strip", role: "img" }),
      gone: part("gone-part"),
      applied: part("applied-part"),
      committed: part("committed-part"),
      appended: part("appended-part"),
      snapshot: part("snapshot-mark"),
      facts: make("dl", { class: "facts" }),
      values: {},
      hasFacts: false,
    };
    row.strip.append(row.gone, row.appended, row.committed, row.applied, row.snapshot);
    for (const name of ["first", "snapshot", "committed", "applied", "appended", "size", "lag"]) {
      const value = make("dd");
      row.values[name] = value;
      row.facts.append(make("div", {}, make("dt", {}, name), value));
    }
    const who = make("div", { class: "row-who" }, row.glyph, row.name, row.role, row.what);
    const head = make("div", { class: "row-head" }, who);
    row.item.append(head, row.strip, row.facts);
    if (this.extras) {
      row.extra = this.extras(node);
      head.append(row.extra.element);
    }
    this.rows.set(node.id, row);
    return row;
  }

  show(model, node, row, scale, leader, withFacts) {
    const state = standing(model, node);
    setAttribute(row.item, "class", `row role-${state.toLowerCase().replace("_", "-")}`);
    setText(row.glyph, GLYPHS[state] ?? "●");
    setText(row.name, node.name || `…${node.id.slice(-4)}`);
    setText(row.role, state.replace("_", "-"));
    setText(row.what, this.what(model, node, state, leader?.progress[node.id]));
    if (row.extra) row.extra.update(model, node, state);
    setAttribute(row.item, "data-silent", node.log ? null : "");
    if (!node.log) return;
    this.showLog(node, row, scale);
    if (withFacts) this.showFacts(node, row, leader, lagOf(leader, node));
  }

  what(model, node, state, progress) {
    if (node.reachable === false) {
      return `since ${clock(node.since)}; last seen in term ${node.term}`;
    }
    if (node.role === "UNKNOWN") return "has not said anything yet";
    const role = this.membership(model, node);
    const words = [`term ${node.term}`];
    if (state === "LEADER") {
      if (node.transferee) words.push(`hands over to ${nameOf(model, node.transferee)}`);
    } else words.push(node.leader === null ? "knows no leader" : `follows ${nameOf(model, node.leader)}`);
    if (node.vote !== null) {
      words.push(node.vote === node.id ? "voted for itself" : `voted for ${nameOf(model, node.vote)}`);
    }
    if (role) words.push(role);
    for (const alarm of alarmsOf(model)) {
      const [kind, member] = alarm.split(" ");
      if (member === node.id) words.push(`alarm ${kind}`);
    }
    if (node.isQuarantined) words.push("quarantined: its data differs");
    if (progress?.state === "PROBE") words.push("probed");
    if (progress?.state === "SNAPSHOT") words.push("gets a snapshot");
    return words.join(" · ");
  }

  membership(model, node) {
    const { conf } = model;
    if (!conf) return "";
    const old = conf.voters_outgoing;
    if (old.length) {
      const inOld = old.includes(node.id);
      const inNew = conf.voters.includes(node.id);
      if (inOld && inNew) return "votes in both halves";
      if (inOld) return "joint: leaving";
      if (inNew) return "joint: joining";
    }
    if (conf.learners.includes(node.id)) return "learner";
    if (!conf.voters.includes(node.id)) return "no member";
    return "";
  }

  showLog(node, row, scale) {
    const { log } = node;
    const span = Math.max(scale.last - scale.first + 1, 1);
    const at = (index) => Math.min(Math.max((index - scale.first) / span, 0), 1);
    const bar = (part, from, to) => {
      const left = at(from);
      const width = Math.max(at(to) - left, 0);
      setStyle(part, `translateX(${(left * 100).toFixed(2)}%) scaleX(${width.toFixed(4)})`);
    };
    bar(row.gone, scale.first, log.first);
    bar(row.appended, log.committed + 1, log.appended + 1);
    bar(row.committed, log.applied + 1, log.committed + 1);
    bar(row.applied, log.first, log.applied + 1);
    const isShown = log.snapshot >= scale.first;
    setAttribute(row.snapshot, "hidden", isShown ? null : "");
    if (isShown) setStyle(row.snapshot, `translateX(${(at(log.snapshot) * 100).toFixed(2)}%)`);
    const words =
      `Log of ${node.name}: first ${log.first}, snapshot ${log.snapshot}, committed ` +
      `${log.committed}, applied ${log.applied}, appended ${log.appended}`;
    if (row.said !== words) {
      row.said = words;
      row.strip.setAttribute("aria-label", words);
    }
  }

  showFacts(node, row, leader, lag) {
    const { log } = node;
    row.hasFacts = true;
    setText(row.values.first, count(log.first));
    setText(row.values.snapshot, count(log.snapshot));
    setText(row.values.committed, count(log.committed));
    setText(row.values.applied, count(log.applied));
    setText(row.values.appended, count(log.appended));
    setText(row.values.size, bytes(log.bytes));
    const isBehind = lag && lag.entries >= LAG_ENTRIES;
    let words = "–";
    if (lag) words = lag.entries ? `${lag.isBound ? "≤ " : ""}${count(lag.entries)}` : "none";
    if (lag?.entries && lag.bytes !== null) words += ` · ${bytes(lag.bytes)}`;
    setText(row.values.lag, leader && leader.id === node.id ? "leads" : words);
    setAttribute(row.values.lag, "class", isBehind ? "behind" : null);
  }
}

// The same for all: what was written last, as far back as the last one is behind.
function scaleOf(model, nodes) {
  const logs = nodes.map((node) => node.log).filter((log) => log !== null);
  const last = Math.max(...logs.map((log) => log.appended), 1);
  const behind = last - Math.min(...logs.map((log) => log.committed), last);
  const wanted = Math.max(growth(model), LAG_ROOM * behind, SPAN_MIN);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const span = [1, 2, 5, 10].find((each) => each * power >= wanted) * power;
  const first = Math.max(last - span + 1, 1);
  const words = first > 1 ? `Nodes and their last ${count(last - first + 1)} entries` : "Nodes and their logs";
  return { first, last, words };
}

function setStyle(element, transform) {
  if (element.dataset.at !== transform) {
    element.dataset.at = transform;
    element.style.transform = transform;
  }
}
