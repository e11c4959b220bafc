// The ring of nodes: who is what, who asks whom, what travels, whose timer runs.
// What seldom changes is SVG; timers and messages are drawn on a canvas below it.

import { colourOf, make, makeSvg, setAttribute, setText } from "./format.js";
import { isCut, leaderOf, nameOf, nodesInOrder, standing } from "./model.js";

const HALF = 236;
const RADIUS = 158;
const NODE = 30;
const TIMER = 40;
const TRAVEL_SECONDS = 0.55;
const TRAVELLERS_MAX = 220;

export const MESSAGES = {
  RequestVote: ["vote", "asks for a vote"],
  RequestPreVote: ["vote", "asks for a vote"],
  RequestVoteReply: ["grant", "answers"],
  RequestPreVoteReply: ["grant", "answers"],
  AppendEntries: ["append", "entries"],
  AppendEntriesReply: ["ack", "stored"],
  AppendEntriesRefusal: ["refuse", "refused"],
  Heartbeat: ["beat", "heartbeat"],
  HeartbeatReply: ["beat", "heartbeat"],
  InstallSnapshot: ["snapshot", "snapshot"],
  TimeoutNow: ["vote", "stand now"],
};

const SHAPES = {
  circle: `M0 ${-NODE} A${NODE} ${NODE} 0 1 1 -0.01 ${-NODE} Z`,
  hexagon: polygon(6, NODE + 5),
  diamond: polygon(4, NODE + 7),
  square: "M-26 -20 a6 6 0 0 1 6 -6 h40 a6 6 0 0 1 6 6 v40 a6 6 0 0 1 -6 6 h-40 a6 6 0 0 1 -6 -6 Z",
};

const SHAPE_OF = {
  LEADER: "hexagon",
  CANDIDATE: "diamond",
  PRE_CANDIDATE: "diamond",
  LEARNER: "square",
};

function polygon(corners, radius) {
  const points = Array.from({ length: corners }, (_, corner) => {
    const angle = (2 * Math.PI * corner) / corners - Math.PI / 2;
    return `${(radius * Math.cos(angle)).toFixed(2)} ${(radius * Math.sin(angle)).toFixed(2)}`;
  });
  return `M${points.join(" L")} Z`;
}

function roleClass(state) {
  return state.toLowerCase().replace("_", "-");
}

export class Ring {
  constructor(holder, { isCalm }) {
    this.isCalm = isCalm;
    this.svg = makeSvg("svg", {
      viewBox: `${-HALF} ${-HALF} ${2 * HALF} ${2 * HALF}`,
      role: "img",
      "aria-labelledby": "ring-words",
    });
    this.words = makeSvg("title", { id: "ring-words" });
    this.words.textContent = "Ring of nodes; none has been heard of yet";
    this.links = makeSvg("g", { class: "links" });
    this.votes = makeSvg("g", { class: "votes" });
    this.nodes = makeSvg("g");
    this.centre = makeSvg("g", { class: "centre" });
    this.term = makeSvg("text", { y: "-2", class: "centre-term" });
    this.leader = makeSvg("text", { y: "20", class: "centre-leader" });
    this.centre.append(this.term, this.leader);
    this.svg.append(this.words, this.links, this.centre, this.votes, this.nodes);
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.context = this.canvas.getContext("2d");
    // Words and shapes above what travels: they stay readable.
    holder.append(this.canvas, this.svg);
    this.known = new Map();
    this.drawnLinks = new Map();
    this.places = new Map();
    this.travellers = [];
    this.activity = new Map();
    this.colours = {};
    this.size = 0;
    this.saidAt = 0;
    new ResizeObserver(() => this.resize()).observe(holder);
    this.resize();
    this.readColours();
  }

  resize() {
    const size = this.svg.clientWidth || 480;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    this.size = size;
    this.canvas.width = this.canvas.height = Math.round(size * ratio);
    this.scale = (size * ratio) / (2 * HALF);
  }

  readColours() {
    const names = ["vote", "grant", "refuse", "append", "ack", "beat", "snapshot", "timer", "timer-low", "timer-back"];
    for (const name of names) this.colours[name] = colourOf(name);
  }

  // ---- what seldom changes ---------------------------------------------------

  update(model, now) {
    const nodes = nodesInOrder(model);
    this.place(nodes);
    this.drawLinks(model, nodes);
    this.drawVotes(model, nodes);
    for (const node of nodes) this.drawNode(model, node);
    const leader = leaderOf(model);
    const term = nodes.length ? Math.max(...nodes.map((node) => node.term)) : 0;
    setText(this.term, nodes.length ? `term ${term}` : "");
    setText(this.leader, !nodes.length ? "no node yet" : leader ? `${leader.name} leads` : "no leader");
    setAttribute(this.leader, "class", leader ? "centre-leader" : "centre-leader none");
    if (now - this.saidAt > 1) {
      this.saidAt = now;
      const said = nodes.map((node) => `${node.name} ${standing(model, node)} term ${node.term}`);
      setText(this.words, `Ring of ${nodes.length} nodes: ${said.join(", ")}`);
    }
  }

  place(nodes) {
    const ids = nodes.map((node) => node.id).join();
    if (ids === this.placed) return;
    this.placed = ids;
    this.places.clear();
    const radius = nodes.length === 1 ? 96 : RADIUS;
    const heights = nodes.map((_, position) => -radius * Math.cos((2 * Math.PI * position) / nodes.length));
    // Rings of odd numbers stand higher than they hang low.
    const middle = nodes.length ? (Math.min(...heights) + Math.max(...heights)) / 2 : 0;
    nodes.forEach((node, position) => {
      const angle = (2 * Math.PI * position) / nodes.length;
      const [x, y] = [radius * Math.sin(angle), heights[position] - middle];
      this.places.set(node.id, { x, y, isHigh: y < -radius / 2 });
    });
    setAttribute(this.centre, "transform", `translate(0 ${nodes.length === 1 ? 30 : -middle})`);
    for (const [id, drawn] of this.known) {
      if (!this.places.has(id)) {
        drawn.group.remove();
        this.known.delete(id);
      }
    }
    this.links.replaceChildren();
    this.drawnLinks.clear();
    this.travellers = [];
  }

  drawNode(model, node) {
    let drawn = this.known.get(node.id);
    if (!drawn) {
      drawn = {
        group: makeSvg("g"),
        shape: makeSvg("path"),
        name: makeSvg("text", { class: "node-name", y: "6" }),
        role: makeSvg("text", { class: "node-role", y: "58" }),
        term: makeSvg("text", { class: "node-term", y: "73" }),
      };
      drawn.group.append(drawn.shape, drawn.name, drawn.role, drawn.term);
      this.nodes.append(drawn.group);
      this.known.set(node.id, drawn);
    }
    const state = standing(model, node);
    const { x, y, isHigh } = this.places.get(node.id);
    // Words stand outside of the ring, where nothing travels.
    setAttribute(drawn.role, "y", !isHigh ? 58 : drawn.term.textContent ? -62 : -47);
    setAttribute(drawn.term, "y", isHigh ? -47 : 73);
    setAttribute(drawn.group, "transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    setAttribute(drawn.group, "class", `node role-${roleClass(state)}`);
    setAttribute(drawn.shape, "d", SHAPES[SHAPE_OF[state] ?? "circle"]);
    setText(drawn.name, node.name || "?");
    setText(drawn.role, state.replace("_", "-"));
    const majority = model.conf ? Math.floor(model.conf.voters.length / 2) + 1 : 0;
    const asks = node.votes && state.endsWith("CANDIDATE");
    let words = node.role === "UNKNOWN" ? "" : `term ${node.term}`;
    if (asks) words = `${node.votes.granted} of ${majority} votes`;
    if (node.isQuarantined) words = "quarantined";
    setText(drawn.term, words);
  }

  drawLinks(model, nodes) {
    const leader = leaderOf(model);
    for (let one = 0; one < nodes.length; one += 1) {
      for (let other = one + 1; other < nodes.length; other += 1) {
        this.drawLink(model, nodes[one], nodes[other], leader);
      }
    }
  }

  drawLink(model, one, other, leader) {
    const key = `${one.id} ${other.id}`;
    const from = this.places.get(one.id);
    const to = this.places.get(other.id);
    let drawn = this.drawnLinks.get(key);
    if (!drawn) {
      drawn = {
        line: makeSvg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }),
        there: makeSvg("text", { class: "cut-mark" }, "✕"),
        back: makeSvg("text", { class: "cut-mark" }, "✕"),
      };
      this.links.append(drawn.line, drawn.there, drawn.back);
      this.drawnLinks.set(key, drawn);
      const mark = (text, share) => {
        setAttribute(text, "x", from.x + (to.x - from.x) * share);
        setAttribute(text, "y", from.y + (to.y - from.y) * share + 5);
      };
      mark(drawn.there, 0.62);
      mark(drawn.back, 0.38);
    }
    const there = isCut(model, one.id, other.id);
    const back = isCut(model, other.id, one.id);
    const isThere = !isAway(model, one.id) && !isAway(model, other.id);
    const leads = isThere && leader && (leader.id === one.id || leader.id === other.id);
    let kind = leads ? "link leads" : "link";
    if (there || back) kind = there && back ? "link cut" : "link half";
    setAttribute(drawn.line, "class", kind);
    setAttribute(drawn.there, "visibility", there ? "visible" : "hidden");
    setAttribute(drawn.back, "visibility", back ? "visible" : "hidden");
  }

  // Who gave a vote to whom in the newest term, while an election is under way.
  drawVotes(model, nodes) {
    const asking = nodes.some((node) => standing(model, node) === "CANDIDATE");
    const term = nodes.length ? Math.max(...nodes.map((node) => node.term)) : 0;
    const given = asking
      ? nodes.filter((node) => node.vote && node.vote !== node.id && node.term === term)
      : [];
    const wanted = given.map((node) => `${node.id}>${node.vote}`).join();
    if (wanted === this.shownVotes) return;
    this.shownVotes = wanted;
    this.votes.replaceChildren(
      ...given.filter((node) => this.places.has(node.vote)).map((node) => {
        const from = this.places.get(node.id);
        const to = this.places.get(node.vote);
        return makeSvg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: "vote" });
      })
    );
  }

  // ---- what moves --------------------------------------------------------------

  send(model, record, now) {
    if (this.isCalm() || !this.places.has(record.node) || !this.places.has(record.to)) return;
    const [kind] = MESSAGES[record.name] ?? [];
    if (!kind) return;
    if (kind === "beat" && this.travellers.length > TRAVELLERS_MAX / 2) return;
    if (this.travellers.length >= TRAVELLERS_MAX) return;
    const isReply = record.name.endsWith("Reply");
    const isLost = isCut(model, record.node, record.to) || isAway(model, record.to);
    this.travellers.push({
      from: this.places.get(record.node),
      to: this.places.get(record.to),
      kind: isReply && record.granted === false ? "refuse" : kind,
      size: Math.min(3 + Math.log2(record.count), 8),
      began: now,
      isLost,
      isReply,
    });
  }

  forget() {
    this.travellers = [];
  }

  draw(model, now, clock) {
    const { context, scale } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    context.setTransform(scale, 0, 0, scale, HALF * scale, HALF * scale);
    for (const node of Object.values(model.nodes)) this.drawTimer(model, node, clock);
    const alive = [];
    for (const traveller of this.travellers) {
      const share = (now - traveller.began) / TRAVEL_SECONDS;
      if (share >= (traveller.isLost ? 0.5 : 1)) continue;
      alive.push(traveller);
      if (share < 0) continue;
      this.drawTraveller(traveller, share);
    }
    context.globalAlpha = 1;
    this.travellers = alive;
  }

  drawTraveller(traveller, share) {
    const { context } = this;
    const { from, to } = traveller;
    const eased = share * (2 - share) * 0.5 + share * 0.5;
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    // Two ways side by side: what goes there passes what comes back.
    const side = 5 / length;
    const inset = NODE / length;
    const along = inset + eased * (1 - 2 * inset);
    const x = from.x + (to.x - from.x) * along - (to.y - from.y) * side;
    const y = from.y + (to.y - from.y) * along + (to.x - from.x) * side;
    context.globalAlpha = traveller.isLost ? 1 - share * 2 : traveller.kind === "beat" ? 0.55 : 0.95;
    context.fillStyle = context.strokeStyle = this.colours[traveller.kind];
    context.beginPath();
    if (traveller.kind === "snapshot") context.rect(x - 6, y - 6, 12, 12);
    else context.arc(x, y, traveller.kind === "beat" ? 2.2 : traveller.size, 0, 2 * Math.PI);
    if (traveller.isReply && traveller.kind !== "beat") {
      context.lineWidth = 2;
      context.stroke();
    } else context.fill();
  }

  drawTimer(model, node, clock) {
    const place = this.places.get(node.id);
    if (!place || !node.timer) return;
    const state = standing(model, node);
    const { context } = this;
    context.lineWidth = 4;
    if (!["FOLLOWER", "CANDIDATE", "PRE_CANDIDATE"].includes(state)) return;
    const since = Math.max((clock - node.timerAt) * 1000, 0);
    let elapsed = node.timer.elapsed + since;
    // A leader's sign resets it between two frames, unseen by us.
    if (node.leader !== null && since < 300) {
      elapsed = Math.min(elapsed, Math.max(node.timer.elapsed, node.heartbeat));
    }
    const left = Math.max(1 - elapsed / node.timer.timeout, 0);
    context.globalAlpha = 1;
    context.strokeStyle = this.colours["timer-back"];
    context.beginPath();
    context.arc(place.x, place.y, TIMER, 0, 2 * Math.PI);
    context.stroke();
    context.strokeStyle = this.colours[left < 0.35 ? "timer-low" : "timer"];
    context.beginPath();
    context.arc(place.x, place.y, TIMER, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * left);
    context.stroke();
  }
}

function isAway(model, id) {
  const node = model.nodes[id];
  return !node || node.reachable === false || nameOf(model, id) === "nobody";
}
