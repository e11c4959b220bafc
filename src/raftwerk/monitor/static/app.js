// The page: takes in what happens, live or from a recording, and shows it. What is taken
// in is only noted; once a frame it is drawn, texts ten times a second at most.

import { healthOf } from "./health.js";
import { clock, countFrom, make, plural, setAttribute, setText } from "./format.js";
import { apply, newModel, newModelAfter } from "./model.js";
import { Live } from "./live.js";
import { Nodes } from "./nodes.js";
import { Plots } from "./plots.js";
import { Replay, RecordingError } from "./replay.js";
import { Ring } from "./ring.js";
import { Timeline } from "./timeline.js";

const TEXT_SECONDS = 0.1;
const SLOW_SECONDS = 0.25;
const BATCH_SECONDS = 0.15;
const COMPLAINTS_MAX = 5;
const SEEN_SECONDS = 4;

const byId = (id) => document.getElementById(id);
const seconds = () => performance.now() / 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const isLive = document.documentElement.dataset.live === "yes";
const token = document.querySelector("meta[name=raftwerk-token]")?.content ?? "";

let model = newModel();
let takenAt = 0;
let replay = null;
let controls = null;

const ring = new Ring(byId("ring"), { isCalm: () => calm.matches });
const plots = new Plots(byId("plots"));
const timeline = new Timeline({
  list: byId("timeline"),
  filters: byId("filters"),
  pause: byId("timeline-pause"),
  details: byId("timeline-details"),
  empty: byId("timeline-empty"),
});

if (token) {
  const { Controls } = await import("./controls.js");
  controls = new Controls({ token, panel: byId("break"), current: () => model });
}
const nodes = new Nodes(byId("nodes"), byId("nodes-title"), {
  extras: controls ? (node) => controls.forNode(node) : null,
});

// ---- taking in -------------------------------------------------------------------

function see(record, later = 0) {
  if (record.type === "message") ring.send(shown(), record, seconds() + later);
}

function take(records) {
  const wasAt = model.t;
  for (const record of records) {
    apply(model, record);
    // A batch comes at once; what it tells of did not happen at once.
    if (replay === null) see(record, Math.min(Math.max(record.t - wasAt, 0), BATCH_SECONDS));
    if (controls && record?.type === "watched") controls.watched(record);
  }
  if (model.t > wasAt) takenAt = seconds();
}

function shown() {
  return replay === null ? model : replay.model;
}

function clockNow() {
  return replay === null ? model.t + Math.min(seconds() - takenAt, 1) : replay.at;
}

// ---- showing -----------------------------------------------------------------------

const status = { kind: "wait", since: 0 };

function showConnection() {
  const words = {
    wait: "connecting",
    live: "live",
    lost: `the monitor does not answer since ${clock(status.since)}; trying again`,
    none: "no cluster: play a recording",
  };
  setAttribute(byId("connection"), "data-kind", replay === null ? status.kind : "replay");
  setText(byId("connection-words"), replay === null ? words[status.kind] : "replay");
}

const LOST = "What is shown may be old.";
let lastSaid = "";

function showHealth() {
  const isLost = replay === null && status.kind === "lost";
  const [level, words, findings] = isLost
    ? ["bad", `The monitor does not answer since ${clock(status.since)}. ${LOST}`, []]
    : healthOf(shown(), replay === null && isLive);
  setAttribute(byId("health"), "data-level", level);
  const said = [words, ...findings].join("\n");
  if (said !== lastSaid) {
    lastSaid = said;
    setText(byId("health-words"), words);
    byId("findings-list").replaceChildren(...findings.map((text) => make("li", {}, text)));
    setText(byId("health-more"), findings.length > 1 ? `What to do (${findings.length})` : "What to do");
    byId("health-more").hidden = !findings.length;
    if (!findings.length) byId("findings").hidePopover();
  }
  setText(byId("dropped"), model.dropped ? `${plural(model.dropped, "record")} did not fit and were dropped: what is shown may lack some` : "");
}

const works = [
  { every: TEXT_SECONDS, run: (current, now) => ring.update(current, now) },
  { every: TEXT_SECONDS, run: (current) => nodes.update(current) },
  { every: TEXT_SECONDS, run: () => replay !== null && showPlayer() },
  { every: SLOW_SECONDS, run: showHealth },
  { every: SLOW_SECONDS, run: showTimeline },
  { every: SLOW_SECONDS, run: (current) => plots.update(current) },
  { every: SLOW_SECONDS, run: () => controls?.update(model) },
  { every: SLOW_SECONDS, run: (current, now) => calm.matches && ring.draw(current, now, clockNow()) },
];
for (const work of works) work.at = 0;

function showTimeline() {
  if (replay === null) timeline.update(model.timeline);
  else timeline.update(replay.marks, replay.at);
}

let frameAt = seconds();

let complaints = 0;

function frame() {
  requestAnimationFrame(frame);
  try {
    show();
  } catch (error) {
    // One frame less, and not all of them; whoever looks into it finds it said.
    if ((complaints += 1) <= COMPLAINTS_MAX) console.error(error);
  }
}

function show() {
  const now = seconds();
  const passed = Math.min(now - frameAt, 0.25);
  frameAt = now;
  if (replay !== null) replay.advance(passed, (record) => see(record));
  if (!calm.matches) ring.draw(shown(), now, clockNow());
  // What has waited longest for its turn, and no more: no frame does all the work.
  let next = null;
  for (const work of works) {
    work.share = (now - work.at) / work.every;
    if (work.share >= 1 && (next === null || work.share > next.share)) next = work;
  }
  if (next === null) return;
  next.at = now;
  next.run(shown(), now);
}

// ---- replay ------------------------------------------------------------------------

const player = byId("player");
const playButton = byId("play");
const position = byId("position");
const speed = byId("speed");

function showPlayer() {
  const value = ((replay.at - replay.start) / replay.length) * 1000;
  if (document.activeElement !== position || replay.isPlaying) position.value = value;
  const words = `${clock(replay.at)}, ${(replay.at - replay.start).toFixed(1)} of ${replay.length.toFixed(1)} s`;
  setText(byId("position-words"), words);
  setAttribute(position, "aria-valuetext", words);
  setText(playButton, replay.isPlaying ? "Pause" : "Play");
}

async function openRecording(file) {
  const trouble = byId("player-trouble");
  setText(trouble, "");
  player.hidden = false;
  try {
    const tellProgress = (share) =>
      setText(byId("recording-name"), `${file.name}: reading, ${Math.round(share * 100)} %`);
    begin(await Replay.load(file, tellProgress), file.name);
  } catch (error) {
    setText(trouble, `${file.name}: ${wordsOf(error)}`);
    setText(byId("recording-name"), replay === null ? "" : replay.words);
    setAttribute(player, "data-empty", replay === null ? "" : null);
  }
}

function wordsOf(error) {
  if (error instanceof RecordingError) return error.message;
  if (error.name === "NotReadableError") {
    return "It can't be read, or was written to meanwhile. Of a recording that goes on, play a copy.";
  }
  return `It can't be read: ${error.message}`;
}

function begin(loaded, name) {
  replay = loaded;
  ring.forget();
  setAttribute(player, "data-empty", null);
  setAttribute(document.documentElement, "data-mode", "replay");
  const broken = replay.broken ? `; ${plural(replay.broken, "line")} could not be read` : "";
  replay.words = `${name}: ${plural(replay.records.length, "record")}${broken}`;
  setText(byId("recording-name"), replay.words);
  setText(byId("step-words"), "");
  timeline.restart((t) => jump(t));
  countFrom(replay.header.source === "simulator" ? replay.header.t : null);
  showMarks();
  setSpeed();
  replay.isPlaying = true;
  showConnection();
  playButton.focus();
}

// A simulated run may be over in a tenth of a second: it is slowed down to be seen.
function setSpeed() {
  const speeds = [...speed.options].map((option) => Number(option.value));
  const slow = speeds.filter((each) => replay.length / each >= SEEN_SECONDS && each <= 1);
  replay.speed = Math.max(...slow, speeds[0]);
  speed.value = replay.speed;
}

function showMarks() {
  const important = replay.marks.filter((mark) => mark.weight > 1 && mark.kind === "elections");
  byId("marks").replaceChildren(
    ...important.slice(0, 200).map((mark) => {
      const tick = document.createElement("i");
      tick.style.left = `${((mark.t - replay.start) / replay.length) * 100}%`;
      return tick;
    })
  );
}

function jump(t) {
  ring.forget();
  replay.seek(t);
  timeline.isStale = true;
}

function closeRecording() {
  replay = null;
  countFrom(null);
  player.hidden = true;
  setAttribute(player, "data-empty", "");
  setText(byId("player-trouble"), "");
  setAttribute(document.documentElement, "data-mode", null);
  ring.forget();
  timeline.restart();
  showConnection();
  byId("open-recording").focus();
}

playButton.addEventListener("click", () => {
  if (!replay) return;
  if (!replay.isPlaying && replay.at >= replay.end) replay.seek(replay.start);
  replay.isPlaying = !replay.isPlaying;
});
byId("step-back").addEventListener("click", () => replay && step(-1));
byId("step-on").addEventListener("click", () => replay && step(1));
speed.addEventListener("change", (event) => {
  if (replay) replay.speed = Number(event.target.value);
});
position.addEventListener("input", () => {
  if (replay) jump(replay.start + (Number(position.value) / 1000) * replay.length);
});
byId("close-recording").addEventListener("click", closeRecording);
byId("close-trouble").addEventListener("click", closeRecording);
byId("open-recording").addEventListener("click", () => byId("recording").click());
byId("recording").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) openRecording(file);
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) openRecording(file);
});

function step(direction) {
  ring.forget();
  const found = replay.step(direction);
  timeline.isStale = true;
  setText(byId("step-words"), found ? found.text : direction > 0 ? "the end" : "the beginning");
}

// ---- look --------------------------------------------------------------------------

function readColours() {
  ring.readColours();
  plots.readColours();
}

const themes = ["auto", "light", "dark"];
const themeButton = byId("theme");

function setTheme(theme) {
  setAttribute(document.documentElement, "data-theme", theme === "auto" ? null : theme);
  setText(themeButton, `Theme: ${theme}`);
  themeButton.dataset.theme = theme;
  requestAnimationFrame(readColours);
}

themeButton.addEventListener("click", () => {
  const next = themes[(themes.indexOf(themeButton.dataset.theme) + 1) % themes.length];
  try {
    localStorage.setItem("raftwerk-theme", next);
  } catch {
    // No storage: the choice holds until the page is closed.
  }
  setTheme(next);
});

let stored = "auto";
try {
  stored = localStorage.getItem("raftwerk-theme") ?? "auto";
} catch {
  // As above.
}
setTheme(themes.includes(stored) ? stored : "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);

// ---- begin -------------------------------------------------------------------------

if (isLive) {
  const live = new Live({
    take,
    restart() {
      model = newModelAfter(model);
      if (replay === null) timeline.restart();
    },
    tell(kind, since) {
      status.kind = kind;
      status.since = since || status.since;
      showConnection();
    },
  });
  addEventListener("pagehide", () => live.close());
  addEventListener("pageshow", (event) => event.persisted && live.again());
} else {
  status.kind = "none";
}
showConnection();
requestAnimationFrame(frame);
