// What happened, in words; and what kind of thing it is, for the timeline's filter.

import { nameOf } from "./model.js";
import { count, list } from "./format.js";

const CAUSES = { RequestPreVote: "an opinion before the vote", RequestVote: "its vote" };

function confWords(model, conf) {
  const names = (ids) => list(ids.map((id) => nameOf(model, id)));
  const parts = [`voters ${names(conf.voters)}`];
  if (conf.voters_outgoing.length) {
    parts.unshift(`joint: the old majority of ${names(conf.voters_outgoing)} counts as well`);
  }
  if (conf.learners.length) parts.push(`learners ${names(conf.learners)}`);
  return parts.join("; ");
}

// kind, weight (2: always worth a line; 1: a detail), words
const EVENTS = {
  MemberStarted: (who, data) => ["roles", 2, `${who} started in term ${data.term}`],
  ConfSwitched: (who, data, model) => [
    "members", 1, `${who} knows ${confWords(model, data.conf_state)}`,
  ],
  ConfChangeRefused: (who) => ["members", 2, `${who} refused a membership change`],
  AutoLeaveProposed: (who) => ["members", 2, `${who} proposed to leave the joint phase`],
  TransferAborted: (who, data, model) => [
    "elections", 2, `${who} leads on: ${nameOf(model, data.transferee)} did not take over`,
  ],
  BecameFollower: (who, data, model) => [
    "roles", 1,
    data.leader === null
      ? `${who} follows nobody in term ${data.term}`
      : `${who} follows ${nameOf(model, data.leader)} in term ${data.term}`,
  ],
  BecamePreCandidate: (who, data) => [
    "elections", 2, `${who} misses a leader and asks whether it could win`,
  ],
  BecameCandidate: (who, data) => ["elections", 2, `${who} stands in term ${data.term}`],
  BecameLeader: (who, data) => ["elections", 2, `${who} leads in term ${data.term}`],
  HigherTermSeen: (who, data, model) => [
    "elections", 1, `${who} heard of term ${data.message_term} from ${nameOf(model, data.sender)}`,
  ],
  QuorumLost: (who) => ["elections", 2, `${who} heard of no majority and steps down`],
  VoteRequested: (who, data, model) => [
    "votes", 1, `${who} asks ${nameOf(model, data.voter)} for ${CAUSES[data.kind] ?? "its vote"}`,
  ],
  VoteCast: (who, data, model) => [
    "votes", data.kind === "RequestVote" ? 2 : 1,
    data.kind === "RequestVote"
      ? `${who} votes for ${nameOf(model, data.candidate)}`
      : `${who} would vote for ${nameOf(model, data.candidate)}`,
  ],
  VoteRefused: (who, data, model) => [
    "votes", 2,
    data.candidate_log_term < data.last_log_term ||
    (data.candidate_log_term === data.last_log_term &&
      data.candidate_log_index < data.last_log_index)
      ? `${who} refuses ${nameOf(model, data.candidate)}: its log ends at ` +
        `${count(data.candidate_log_index)}, ours at ${count(data.last_log_index)}`
      : `${who} refuses ${nameOf(model, data.candidate)}` +
        (data.vote === null ? "" : `: it voted for ${nameOf(model, data.vote)}`),
  ],
  VoteIgnored: (who, data, model) => [
    "votes", 1, `${who} ignores ${nameOf(model, data.candidate)}: its leader lives`,
  ],
  TransferStarted: (who, data, model) => [
    "elections", 2, `${who} hands leadership over to ${nameOf(model, data.transferee)}`,
  ],
  TimeoutNowReceived: (who) => ["elections", 2, `${who} was told to stand at once`],
  LogConflict: (who, data) => [
    "log", 2,
    `${who} drops its entries from ${count(data.index)} on: they are of term ` +
      `${data.existing_term}, the leader's of term ${data.conflicting_term}`,
  ],
  AppendRefused: (who, data, model) => [
    "log", 1, `${who} lacks the entry before those that ${nameOf(model, data.sender)} sent`,
  ],
  SnapshotSent: (who, data, model) => [
    "snapshots", 2,
    `${who} sends ${nameOf(model, data.peer)} a snapshot up to ${count(data.snapshot_index)}`,
  ],
  SnapshotRestored: (who, data) => [
    "snapshots", 2, `${who} begins anew from a snapshot up to ${count(data.snapshot_index)}`,
  ],
  SnapshotNotNeeded: (who, data, model) => [
    "snapshots", 1, `${nameOf(model, data.peer)} can go on from the log of ${who}`,
  ],
};

export const KINDS = [
  ["elections", "elections"],
  ["votes", "votes"],
  ["roles", "roles"],
  ["links", "links"],
  ["members", "members"],
  ["snapshots", "snapshots"],
  ["log", "log repair"],
  ["alarms", "alarms"],
  ["demo", "what you did"],
];

const ALARMS = {
  NOSPACE: "it has no room, and what takes any is refused",
  CORRUPT: "its data differs, and every change is refused",
};

export function describeAlarm(model, alarm, isRaised) {
  const [kind, member] = alarm.split(" ");
  const whose = `the alarm ${kind} of ${nameOf(model, member)}`;
  const text = isRaised ? `${whose} was raised: ${ALARMS[kind] ?? "see the docs"}` : `${whose} has ended`;
  return { kind: "alarms", weight: 2, text };
}

export function describeQuarantine(name, isQuarantined) {
  const text = isQuarantined
    ? `${name} holds other data than a majority: nobody reads there until it has taken over theirs`
    : `${name} holds the same data as the others again`;
  return { kind: "alarms", weight: 2, text };
}

export function describeViolation(record) {
  return { kind: "alarms", weight: 2, text: `BROKEN: ${record.property}: ${record.text}` };
}

export function describe(model, record) {
  const who = nameOf(model, record.node);
  if (record.type === "peer") {
    const other = nameOf(model, record.peer);
    const text = record.is_connected ? `${who} reaches ${other} again` : `${who} lost ${other}`;
    return { kind: "links", weight: 1, text };
  }
  if (record.type === "reach") {
    const text = record.is_reachable
      ? `${who} answers again`
      : `${who} does not answer: ${record.trouble || "silent"}`;
    return { kind: "links", weight: 2, text };
  }
  const words = EVENTS[record.name];
  if (!words) return null;
  const [kind, weight, text] = words(who, record.data, model);
  return { kind, weight, text };
}
