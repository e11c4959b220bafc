// The state of the cluster in one sentence, in plain words: what `raftwerk explain` says,
// which the monitor asks for; or, for a recording in which nobody said it, what its
// records show.

import { clock, count, list } from "./format.js";
import { alarmsOf, isCut, lagOf, leaderOf, nameOf, nodesInOrder, standing } from "./model.js";

const SENTENCE_MAX = 130;

const GRAVE = new Set([
  "alarm", "disk-full", "elections-split", "no-quorum", "nobody-answers", "several-clusters",
]);

// Returns [level, sentence, findings]; level is good, warn, bad or wait.
export function healthOf(model, isLive) {
  const { diagnosis, violation } = model;
  if (violation !== null) return ["bad", `Broken: ${violation.property}.`, [violation.text]];
  if (diagnosis === null) {
    return isLive ? ["wait", "Asking all nodes how they are.", []] : [...readHealth(model), []];
  }
  const { findings } = diagnosis;
  if (!findings.length) {
    // Between two looks of the monitor much may happen: the stream knows it at once.
    const [level, words] = readHealth(model);
    return level === "good" ? ["good", diagnosis.summary, []] : [level, words, []];
  }
  const level = findings.some((each) => GRAVE.has(each.kind)) ? "bad" : "warn";
  return [level, firstSentence(diagnosis.summary), findings.map((each) => each.text)];
}

// `explain` names times and addresses for whoever reads it anywhere, and later; at a glance
// they would hide what is said.
function glance(text) {
  return text
    .replace(/ \(https?:[^)]*\)/g, "")
    .replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g, (_, day, time) =>
      clock(Date.parse(`${day}T${time}Z`) / 1000)
    );
}

function firstSentence(whole) {
  const text = glance(whole);
  const sentence = text.match(/^.*?[.](?=\s|$)/s)?.[0] ?? text;
  if (sentence.length <= SENTENCE_MAX) return sentence;
  const end = Math.max(sentence.lastIndexOf("; ", SENTENCE_MAX), sentence.indexOf(": "));
  return `${sentence.slice(0, end > 0 ? Math.min(end, SENTENCE_MAX) : SENTENCE_MAX)} …`;
}

const LAG_ENTRIES = 1000;

const AWAY = {
  UNREACHABLE: "can't be reached",
  STOPPED: "is stopped",
  KILLED: "was killed",
  PAUSED: "is paused",
  STARTING: "is starting",
};

function isAway(model, id) {
  const node = model.nodes[id];
  return !node || standing(model, node) in AWAY || node.reachable !== true;
}

function absence(model, ids) {
  const words = ids.map((id) => {
    const node = model.nodes[id];
    const state = node ? standing(model, node) : "UNREACHABLE";
    const since = node?.reachable === false ? ` since ${clock(node.since)}` : "";
    return `${nameOf(model, id)} ${AWAY[state] ?? "can't be reached"}${since}`;
  });
  return list(words);
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function readHealth(model) {
  const nodes = nodesInOrder(model);
  if (!model.conf || !nodes.length) {
    const silent = Object.values(model.reach).filter((each) => !each.is_reachable);
    if (silent.length) {
      return ["bad", `No node answers: ${list(silent.map((each) => each.endpoint))}.`];
    }
    return ["wait", "Waiting for the first word of a node."];
  }
  const halves = [model.conf.voters, model.conf.voters_outgoing].filter((each) => each.length);
  const voters = [...new Set(halves.flat())];
  const away = voters.filter((id) => isAway(model, id));
  const leader = leaderOf(model);
  const lost = halves.find(
    (half) => 2 * half.filter((id) => !isAway(model, id)).length <= half.length
  );
  if (lost) {
    const here = lost.filter((id) => !isAway(model, id)).length;
    return [
      "bad",
      `No majority: only ${here} of ${lost.length} voters can be reached, so nobody can lead ` +
        `and writes wait. ${capital(absence(model, away))}.`,
    ];
  }
  if (leader && leader.transferee !== null) {
    const target = nameOf(model, leader.transferee);
    return ["warn", `${leader.name} hands leadership over to ${target}; writes wait a moment.`];
  }
  const alarms = [...alarmsOf(model)].map((each) => each.split(" "));
  if (alarms.length) {
    const words = alarms.map(([kind, member]) => `${kind} of ${nameOf(model, member)}`);
    return ["bad", `Writes are refused: the alarm ${list(words)} is raised.`];
  }
  const odd = nodes.filter((node) => node.isQuarantined).map((node) => node.name);
  if (odd.length) {
    return ["warn", `${list(odd)} holds other data than a majority, and takes over theirs; reads and writes go on elsewhere.`];
  }
  const candidates = nodes.filter((node) => standing(model, node).endsWith("CANDIDATE"));
  if (!leader) {
    if (candidates.length) {
      const asks = list(candidates.map((node) => node.name));
      const term = Math.max(...candidates.map((node) => node.term));
      return ["warn", `No leader: ${asks} ${candidates.length > 1 ? "ask" : "asks"} for votes in term ${term}.`];
    }
    return ["warn", "No leader yet: whose election timer runs out first will ask for votes."];
  }
  const parts = [`${leader.name} leads in term ${leader.term}`];
  const here = voters.filter((id) => !away.includes(id) && id !== leader.id);
  const cut = here.filter((id) => isCut(model, id, leader.id) || isCut(model, leader.id, id));
  const stray = here.filter((id) => !cut.includes(id) && model.nodes[id].leader !== leader.id);
  const believers = nodes.filter(
    (node) => node.id !== leader.id && standing(model, node) === "LEADER"
  );
  const follows = voters.length - away.length - cut.length - stray.length;
  if (model.conf.voters_outgoing.length) {
    parts.push("the membership is changing, and until that is done both majorities count");
  }
  if (believers.length) {
    const names = list(believers.map((node) => `${node.name} (term ${node.term})`));
    parts.push(`${names} still takes itself for the leader, and can commit nothing`);
  }
  if (away.length || cut.length || stray.length) {
    if (away.length) parts.push(absence(model, away));
    if (cut.length) parts.push(`${list(cut.map((id) => nameOf(model, id)))} is cut off from it`);
    if (stray.length) parts.push(`${list(stray.map((id) => nameOf(model, id)))} does not follow it yet`);
    const spare = follows - (Math.floor(voters.length / 2) + 1);
    parts.push(
      spare > 0
        ? `writes go on, and would with ${spare} more lost`
        : spare === 0
          ? "writes go on; one more loss would stop them"
          : "writes wait for a majority"
    );
    return ["warn", `${parts.join("; ")}.`];
  }
  const behind = nodes.filter((node) => lagOf(leader, node)?.entries > LAG_ENTRIES);
  if (behind.length) {
    const names = behind.map(
      (node) => `${node.name} is ${count(lagOf(leader, node).entries)} entries behind`
    );
    return ["warn", `${parts.join("; ")}; ${list(names)}.`];
  }
  if (parts.length > 1) return ["warn", `${parts.join("; ")}.`];
  const learners = model.conf.learners.length;
  const also = learners ? `, ${learners} learner${learners > 1 ? "s" : ""} beside` : "";
  const all = voters.length === 1 ? "the only voter is there" : `all ${voters.length} voters are with it`;
  return ["good", `All is well: ${parts[0]}, ${all}${also}.`];
}
