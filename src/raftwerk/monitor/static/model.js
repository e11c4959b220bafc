// What is known of the cluster, made from records alone, one after the other. Live and
// in replay it is the same function; a copy of it is a place to return to.

import { describe, describeAlarm, describeQuarantine, describeViolation } from "./describe.js";

const TIMELINE_MAX = 400;
const DETAILS_MAX = 200; // of these: what seldom matters crowds out nothing
const ALIKE = 30; // so far back is looked for what repeats itself
const BUCKETS_MAX = 90;
const GROWTH_SECONDS = 10;

export function newModel() {
  return {
    t: 0,
    source: "",
    nodes: {}, // by id
    names: {}, // by id; of a recording, where they are known from the first moment
    reach: {}, // by endpoint
    processes: {}, // by name; of a demo
    links: { cut: [], slow: 0 }, // of a demo; [from, to] by name
    load: null,
    chaos: null,
    watching: null, // of a demo: what the keys begin with that are watched
    diagnosis: null, // what `raftwerk explain` would say
    violation: null, // what a simulated run ended with
    alarms: {}, // by the id of who knows them; each "KIND id of whose it is"
    members: [],
    conf: null,
    confTerm: -1,
    timeline: [],
    serial: 0,
    buckets: [],
    countedTo: 0, // what was measured up to here is in them
    dropped: 0,
    unread: 0, // records that make no sense
  };
}

export function nodeOf(model, id) {
  if (typeof id !== "string" || id in Object.prototype) throw new TypeError(`no node: ${id}`);
  return (model.nodes[id] ??= {
    id,
    name: "",
    role: "UNKNOWN",
    term: 0,
    leader: null,
    vote: null,
    transferee: null,
    log: null,
    timer: null,
    timerAt: 0,
    progress: {},
    peers: {},
    seen: 0,
    isQuarantined: null,
    reachable: null,
    since: 0,
    trouble: "",
    endpoint: "",
    election: null,
    heartbeat: 50,
  });
}

export function nameOf(model, id) {
  if (id === null || id === undefined) return "nobody";
  const known = model.nodes[id];
  if (known?.name) return known.name;
  const member = model.members.find((each) => each.id === id);
  return member?.name || model.names[id] || `…${String(id).slice(-4)}`;
}

export function idOf(model, name) {
  for (const node of Object.values(model.nodes)) if (node.name === name) return node.id;
  return null;
}

// What is measured of one second; null for one that is past what is shown.
function bucketAt(model, t) {
  const second = Math.floor(t);
  let last = model.buckets.at(-1);
  if (last && second <= last.second) {
    return model.buckets.findLast((bucket) => bucket.second === second) ?? null;
  }
  // A second in which nothing came is a second, too; of it nothing is known.
  let next = last && second - last.second < BUCKETS_MAX ? last.second + 1 : second;
  for (; next <= second; next += 1) {
    last = {
      second: next, writes: null, reads: null, elections: 0, writeMillis: null,
      writeMost: null, syncMillis: null, syncMost: null, syncs: 0, appended: null,
    };
    model.buckets.push(last);
  }
  if (model.buckets.length > BUCKETS_MAX) {
    model.buckets.splice(0, model.buckets.length - BUCKETS_MAX);
  }
  return last;
}

// How many entries the longest log grew by in the last seconds.
export function growth(model) {
  const { buckets } = model;
  const last = buckets.at(-1);
  const then = buckets.find(
    (bucket) => bucket.appended !== null && bucket.second >= last.second - GROWTH_SECONDS
  );
  return then && last.appended !== null ? Math.max(last.appended - then.appended, 0) : 0;
}

// What is known of a cluster whose stream begins anew: nothing but what was measured. The
// elections are told again.
export function newModelAfter(old) {
  const model = newModel();
  model.buckets = old.buckets.map((bucket) => ({ ...bucket, elections: 0 }));
  model.countedTo = old.t;
  return model;
}

function note(model, record, said) {
  const entry = { ...said, t: record.t, serial: (model.serial += 1), node: record.node ?? null };
  // What repeats itself is told once, and how often.
  const same = model.timeline.slice(-ALIKE).findLast((other) => other.text === entry.text);
  if (same && Math.abs(entry.t - (same.lastT ?? same.t)) < 5) {
    same.times = (same.times ?? 1) + 1;
    same.lastT = entry.t;
    return;
  }
  // Events of several nodes arrive in any order within a batch; the timeline has theirs.
  let place = model.timeline.length;
  while (place > 0 && model.timeline[place - 1].t > entry.t) place -= 1;
  model.timeline.splice(place, 0, entry);
  if (model.timeline.length <= TIMELINE_MAX) return;
  const details = model.timeline.filter((other) => other.weight < 2);
  if (details.length > DETAILS_MAX) model.timeline.splice(model.timeline.indexOf(details[0]), 1);
  else model.timeline.shift();
}

function highest(now, value) {
  return now === null ? value : Math.max(now, value);
}

// Of medians, by how many each stands for: near enough to the median of all.
function mean(now, value, share) {
  return now === null ? value : now + (value - now) * share;
}

// What an event says of a node, until its next frame says all.
const TURNS = {
  BecameFollower(model, node, data) {
    node.role = model.conf?.learners.includes(node.id) ? "LEARNER" : "FOLLOWER";
    turn(node, data.term, data.leader);
  },
  BecamePreCandidate(model, node) {
    node.role = "PRE_CANDIDATE";
    node.leader = null;
  },
  BecameCandidate(model, node, data) {
    node.role = "CANDIDATE";
    turn(node, data.term, null);
    node.vote = node.id;
  },
  BecameLeader(model, node, data) {
    node.role = "LEADER";
    turn(node, data.term, node.id);
  },
  VoteCast(model, node, data) {
    if (data.kind === "RequestVote") node.vote = data.candidate;
  },
};

function turn(node, term, leader) {
  if (term !== node.term) node.vote = null;
  node.term = term;
  node.leader = leader;
}

function isLog(log) {
  const indexes = [log?.first, log?.snapshot, log?.committed, log?.applied, log?.appended];
  return [...indexes, log?.bytes].every(Number.isFinite);
}

function quarantine(model, record, node, isQuarantined) {
  const was = node.isQuarantined;
  node.isQuarantined = isQuarantined;
  if (was === null || was === isQuarantined) return;
  note(model, record, describeQuarantine(node.name, isQuarantined));
}

const HANDLERS = {
  header(model, record) {
    if (record.node === undefined) {
      model.source = record.source;
      return;
    }
    const node = nodeOf(model, record.node);
    node.name = record.name;
    node.cluster = record.cluster;
    node.heartbeat = record.heartbeat_millis;
    node.election = record.election_timeout_millis;
  },

  state(model, record) {
    const node = nodeOf(model, record.node);
    node.name = record.name;
    node.role = record.role ?? "UNKNOWN";
    node.term = record.term;
    node.leader = record.leader;
    node.vote = record.vote;
    node.transferee = record.transferee;
    node.log = isLog(record.log) ? record.log : null;
    node.timer = record.timer ?? null;
    node.timerAt = record.t;
    node.seen = record.t;
    node.progress = record.progress ?? {};
    if (node.reachable === null) node.reachable = true;
    quarantine(model, record, node, record.is_quarantined === true);
    const bucket = bucketAt(model, record.t);
    if (bucket === null) return;
    bucket.appended = highest(bucket.appended, node.log?.appended ?? 0);
    const window = record.window;
    if (!window || window.seconds === null || record.t <= model.countedTo) return;
    bucket.writes += window.writes;
    bucket.reads += window.reads;
    bucket.syncs += window.syncs;
    const writes = window.writes_millis;
    if (writes) {
      bucket.writeMillis = mean(bucket.writeMillis, writes[0], window.writes / bucket.writes);
      bucket.writeMost = highest(bucket.writeMost, writes[2]);
    }
    const syncs = window.syncs_millis;
    if (syncs) {
      bucket.syncMillis = mean(bucket.syncMillis, syncs[0], window.syncs / bucket.syncs);
      bucket.syncMost = highest(bucket.syncMost, syncs[2]);
    }
  },

  members(model, record) {
    const node = nodeOf(model, record.node);
    // Who is ahead knows it first; a member that hangs behind does not turn it back.
    const applied = node.log?.applied ?? 0;
    const isNew = JSON.stringify(record.conf) !== JSON.stringify(model.conf);
    if (isNew && applied < model.confTerm && node.leader !== null) return;
    if (isNew) model.confTerm = applied;
    model.members = record.members;
    model.conf = record.conf;
    const known = new Set(record.members.map((member) => member.id));
    for (const id of Object.keys(model.nodes)) {
      const other = model.nodes[id];
      if (!known.has(id) && other.reachable !== true) delete model.nodes[id];
    }
    for (const member of record.members) {
      const other = nodeOf(model, member.id);
      if (!other.name) other.name = member.name;
    }
  },

  event(model, record) {
    const node = nodeOf(model, record.node);
    const { name, data } = record;
    if (name === "BecameCandidate" || name === "BecamePreCandidate") {
      node.votes = { granted: 1, refused: 0 };
    }
    if (name === "VotesCounted") node.votes = { granted: data.granted, refused: data.refused };
    if (name === "BecameLeader" || name === "BecameFollower") node.votes = null;
    const bucket = name === "BecameLeader" ? bucketAt(model, record.t) : null;
    if (bucket !== null) bucket.elections += 1;
    // A frame comes ten times a second, and an election may take less than that.
    if (record.t >= node.seen && Object.hasOwn(TURNS, name)) TURNS[name](model, node, data);
    const said = describe(model, record);
    if (said) note(model, record, said);
  },

  violation(model, record) {
    model.violation = record;
    note(model, record, describeViolation(record));
  },

  peer(model, record) {
    const node = nodeOf(model, record.node);
    const was = node.peers[record.peer]?.connected;
    node.peers[record.peer] = { connected: record.is_connected, since: record.t };
    if (was === undefined || was === record.is_connected) return;
    const said = describe(model, record);
    if (said) note(model, record, said);
  },

  reach(model, record) {
    model.reach[record.endpoint] = record;
    if (record.node === null) return;
    const node = nodeOf(model, record.node);
    const was = node.reachable;
    node.endpoint = record.endpoint;
    node.reachable = record.is_reachable;
    node.since = record.since;
    node.trouble = record.trouble;
    if (was === null || was === node.reachable) return;
    const said = describe(model, record);
    if (said) note(model, record, said);
  },

  gone(model, record) {
    delete model.reach[record.endpoint];
    if (record.node === null) return;
    delete model.nodes[record.node];
    delete model.alarms[record.node];
  },

  alarms(model, record) {
    const isFirst = !(record.node in model.alarms);
    const before = alarmsOf(model);
    model.alarms[record.node] = record.alarms.map(({ kind, member }) => `${kind} ${member}`);
    if (isFirst) return; // it was raised before we looked: not now
    const after = alarmsOf(model);
    for (const each of after) if (!before.has(each)) note(model, record, describeAlarm(model, each, true));
    for (const each of before) if (!after.has(each)) note(model, record, describeAlarm(model, each, false));
  },

  diagnosis(model, record) {
    model.diagnosis = record;
  },

  process(model, record) {
    model.processes[record.name] = record;
    if (record.state === "removed") delete model.processes[record.name];
  },

  links(model, record) {
    model.links = { cut: record.cut ?? [], slow: record.slow_millis ?? 0 };
  },

  load(model, record) {
    model.load = record;
  },

  chaos(model, record) {
    model.chaos = record;
  },

  watching(model, record) {
    model.watching = record;
  },

  act(model, record) {
    note(model, record, { kind: "demo", text: record.text, weight: 2 });
  },

  dropped(model, record) {
    model.dropped += record.count;
  },
};

// A record that makes no sense is passed over: a file may be damaged, and who wrote it
// may know more than we do.
export function apply(model, record) {
  try {
    if (record.t > model.t) model.t = record.t;
    if (Object.hasOwn(HANDLERS, record.type)) HANDLERS[record.type](model, record);
  } catch {
    model.unread += 1;
  }
}

// Alarms are agreed upon, and each node tells them when it has applied them.
export function alarmsOf(model) {
  const known = Object.entries(model.alarms).filter(
    ([id]) => model.nodes[id] && model.nodes[id].reachable !== false
  );
  return new Set(known.flatMap(([, alarms]) => alarms));
}

export function isCut(model, from, to) {
  const sender = nameOf(model, from);
  const receiver = nameOf(model, to);
  return model.links.cut.some(([one, other]) => one === sender && other === receiver);
}

// How a node is to be shown: what it said last, unless it can't be asked any more.
export function standing(model, node) {
  const process = model.processes[node.name];
  if (process && process.state !== "running") return process.state.toUpperCase();
  if (node.reachable === false) return "UNREACHABLE";
  return node.role;
}

export function nodesInOrder(model) {
  const nodes = Object.values(model.nodes);
  return nodes.sort((one, other) =>
    (one.name || one.id).localeCompare(other.name || other.id, "en", { numeric: true })
  );
}

// The leader of the highest term among those who can be reached.
export function leaderOf(model) {
  let found = null;
  for (const node of Object.values(model.nodes)) {
    const leads = standing(model, node) === "LEADER";
    if (leads && (found === null || node.term > found.term)) found = node;
  }
  return found;
}

// How far a node is behind the leader, in words for who has to act: a leader that probes
// does not know what the log agrees with; all that is committed there does.
export function lagOf(leader, node) {
  const progress = leader?.progress[node.id];
  if (!progress) return null;
  if (progress.state !== "PROBE" || !leader.log || !node.log) {
    return { entries: progress.lag_entries, bytes: progress.lag_bytes, isBound: false };
  }
  const most = Math.max(leader.log.appended - node.log.committed, 0);
  return { entries: Math.min(most, progress.lag_entries), bytes: null, isBound: true };
}
