// A recording, played: what is known at any moment is the records up to it, applied.
// Copies of the model along the way make going back as quick as going on.

import { apply, newModel } from "./model.js";

const FORMAT = "raftwerk-events";
const VERSION = 1;
const KEY_EVERY = 2000;
const CHUNK = 5000;
const LEAD_SECONDS = 0.2;
const READ_SHARE = 0.5; // of the work of opening a recording

export class RecordingError extends Error {}

const T_MAX = 1e11; // in the year 5138

function isRecord(value) {
  return typeof value === "object" && value !== null && value.t >= 0 && value.t < T_MAX;
}

// Piece by piece: a browser has no text as long as a recording may be.
class Reading {
  constructor() {
    this.header = null;
    this.records = [];
    this.broken = 0;
    this.rest = "";
  }

  take(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    for (const line of lines) if (line.trim()) this.takeLine(line);
  }

  takeLine(line) {
    let record = null;
    try {
      record = JSON.parse(line);
    } catch {
      // The last line of a node that was killed, say.
    }
    if (this.header === null) this.begin(record);
    if (isRecord(record)) this.records.push(record);
    else this.broken += 1;
  }

  begin(header) {
    if (header?.type !== "header" || header.format !== FORMAT) {
      throw new RecordingError("This is no recording of raftwerk: its first line is no header.");
    }
    if (!(header.version <= VERSION)) {
      throw new RecordingError(
        `The recording has version ${header.version}; this page reads up to ${VERSION}.`
      );
    }
    this.header = header;
  }

  end() {
    this.take("\n");
    if (this.header === null) throw new RecordingError("The file is empty.");
    if (this.records.length < 2) throw new RecordingError("Nothing was recorded: there is only a header.");
  }
}

export class Replay {
  static async load(file, tellProgress = () => {}) {
    const reading = new Reading();
    const pieces = file.stream().pipeThrough(new TextDecoderStream()).getReader();
    let read = 0;
    for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
      reading.take(piece.value);
      read += piece.value.length;
      tellProgress((READ_SHARE * read) / file.size);
    }
    reading.end();
    const { header, records, broken } = reading;
    // Those of several nodes arrive in batches: by time they tell one story.
    records.sort((one, other) => one.t - other.t);
    const replay = new Replay(header, records, broken);
    await replay.prepare((share) => tellProgress(READ_SHARE + (1 - READ_SHARE) * share));
    return replay;
  }

  constructor(header, records, broken) {
    this.header = header;
    this.records = records;
    this.broken = broken;
    // A node's past comes with its first words: the story begins where the recording does.
    const first = records.find(
      (record) => record.t >= (header.t ?? 0) && (record.type === "state" || record.type === "event")
    );
    this.start = Math.max((first ?? records.at(-1)).t - LEAD_SECONDS, records[0].t);
    this.end = records.at(-1).t;
    this.keys = [];
    this.marks = [];
    this.speed = 1;
    this.isPlaying = false;
  }

  get length() {
    return Math.max(this.end - this.start, 0.001);
  }

  async prepare(tellProgress) {
    const model = newModel();
    // A name is told after what happened first: in hindsight we know it.
    for (const record of this.records) {
      if (record.name && (record.type === "state" || record.type === "header")) {
        model.names[record.node] = record.name;
      }
    }
    const marks = [];
    let seen = 0;
    for (let place = 0; place < this.records.length; place += 1) {
      if (place % KEY_EVERY === 0) this.keys.push({ place, model: structuredClone(model) });
      if (place % CHUNK === CHUNK - 1) {
        tellProgress(place / this.records.length);
        await new Promise((done) => setTimeout(done));
      }
      apply(model, this.records[place]);
      if (model.serial > seen) {
        for (const entry of model.timeline) if (entry.serial > seen) marks.push({ ...entry });
        seen = model.serial;
      }
    }
    this.broken += model.unread;
    this.marks = marks.filter((mark) => mark.t >= this.start).sort((one, other) => one.t - other.t || one.serial - other.serial);
    this.seek(this.start);
  }

  // Go to a moment; what happened on the way is not shown.
  seek(t) {
    this.at = Math.min(Math.max(t, this.start), this.end);
    const place = this.placeAfter(this.at);
    const key = this.keys[Math.floor(Math.max(place - 1, 0) / KEY_EVERY)];
    this.model = structuredClone(key.model);
    for (let next = key.place; next < place; next += 1) apply(this.model, this.records[next]);
    this.place = place;
  }

  placeAfter(t) {
    let low = 0;
    let high = this.records.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.records[middle].t <= t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Let time pass; `see` is given each record that came meanwhile.
  advance(seconds, see) {
    if (!this.isPlaying) return;
    this.at = Math.min(this.at + seconds * this.speed, this.end);
    while (this.place < this.records.length && this.records[this.place].t <= this.at) {
      const record = this.records[this.place];
      apply(this.model, record);
      see(record);
      this.place += 1;
    }
    if (this.at >= this.end) this.isPlaying = false;
  }

  // To the next thing that happened, or the one before; returns it, if there is one.
  step(direction) {
    this.isPlaying = false;
    const found =
      direction > 0
        ? this.marks.find((mark) => mark.weight > 1 && mark.t > this.at + 1e-6)
        : this.marks.findLast(
            (mark) => mark.weight > 1 && mark.t < this.at - 1e-6 && mark.t >= this.start
          );
    this.seek(found ? found.t : direction > 0 ? this.end : this.start);
    return found ?? null;
  }
}
