// Four small plots of the last minute, on canvas; their values stand beside them as text.

import { colourOf, make, millis, rate, setText } from "./format.js";

const SECONDS = 60;

const PLOTS = [
  {
    title: "Requests per second",
    lines: [
      { key: "writes", words: "writes", colour: "plot-1", show: rate },
      { key: "reads", words: "reads", colour: "plot-2", show: rate },
    ],
    least: 10,
  },
  {
    title: "Time of a write",
    lines: [
      { key: "writeMillis", words: "median", colour: "plot-1", show: millis },
      { key: "writeMost", words: "99 %", colour: "plot-3", show: millis },
    ],
    least: 5,
  },
  {
    title: "Elections",
    lines: [{ key: "elections", words: "in this minute", colour: "plot-3", show: String, sum: true }],
    bars: true,
    least: 2,
  },
  {
    title: "Disk sync",
    lines: [
      { key: "syncMillis", words: "median", colour: "plot-1", show: millis },
      { key: "syncMost", words: "99 %", colour: "plot-3", show: millis },
    ],
    least: 2,
  },
];

export class Plots {
  constructor(holder) {
    this.plots = PLOTS.map((plot) => {
      const values = plot.lines.map(() => make("b"));
      const legend = plot.lines.map((line, position) =>
        make("span", { class: `key ${line.colour}` }, `${line.words} `, values[position])
      );
      const canvas = make("canvas", { "aria-hidden": "true" });
      const top = make("span", { class: "top" });
      const caption = make("figcaption", {}, make("span", { class: "title" }, plot.title), ...legend);
      const figure = make("figure", { class: "plot" }, caption, make("div", { class: "frame" }, canvas, top));
      holder.append(figure);
      return { ...plot, canvas, context: canvas.getContext("2d"), values, top, width: 0, height: 0 };
    });
    const observer = new ResizeObserver(() => this.resize());
    for (const plot of this.plots) observer.observe(plot.canvas);
    this.drawn = null;
    this.readColours();
  }

  readColours() {
    this.grid = colourOf("line");
    for (const plot of this.plots) {
      plot.colours = plot.lines.map((line) => colourOf(line.colour));
    }
    this.drawn = null;
  }

  resize() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    for (const plot of this.plots) {
      plot.width = plot.canvas.clientWidth;
      plot.height = plot.canvas.clientHeight;
      plot.canvas.width = Math.round(plot.width * ratio);
      plot.canvas.height = Math.round(plot.height * ratio);
      plot.ratio = ratio;
    }
    this.drawn = null;
  }

  update(model) {
    const present = Math.floor(model.t);
    if (this.drawn === present) return;
    this.drawn = present;
    // The present second is not over: it would always look like a fall.
    const shown = model.buckets.filter(
      (bucket) => bucket.second < present && bucket.second >= present - SECONDS
    );
    for (const plot of this.plots) this.draw(plot, shown, present);
  }

  draw(plot, buckets, present) {
    const { context, width, height, ratio } = plot;
    if (!width) return;
    const values = plot.lines.map((line) => buckets.map((bucket) => bucket[line.key]));
    const greatest = nice(Math.max(plot.least, ...values.flat().map((value) => value ?? 0)));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.strokeStyle = this.grid;
    context.lineWidth = 1;
    for (const share of [0.02, 0.5, 0.99]) {
      const y = Math.round(height * share) + 0.5;
      context.beginPath();
      context.moveTo(0, y);
      context.lineTo(width, y);
      context.stroke();
    }
    const x = (second) => width - ((present - 1 - second) / (SECONDS - 1)) * width;
    const y = (value) => height * 0.99 - (value / greatest) * height * 0.95;
    plot.lines.forEach((line, position) => {
      context.strokeStyle = context.fillStyle = plot.colours[position];
      if (plot.bars) {
        for (const bucket of buckets) {
          const value = bucket[line.key];
          if (value) context.fillRect(x(bucket.second) - 3, y(value), 4, height * 0.99 - y(value));
        }
      } else drawLine(context, buckets, line.key, x, y);
      const all = values[position];
      const told = line.sum ? all.reduce((sum, value) => sum + value, 0) : all.at(-1) ?? null;
      setText(plot.values[position], told === null ? "–" : line.show(told));
    });
    setText(plot.top, plot.lines[0].show === millis ? millis(greatest) : rate(greatest));
  }
}

function drawLine(context, buckets, key, x, y) {
  context.lineWidth = 1.75;
  context.lineJoin = "round";
  context.beginPath();
  let isOpen = false;
  for (const bucket of buckets) {
    const value = bucket[key];
    if (value === null) {
      isOpen = false;
      continue;
    }
    if (isOpen) context.lineTo(x(bucket.second), y(value));
    else context.moveTo(x(bucket.second) - 0.01, y(value));
    if (!isOpen) context.lineTo(x(bucket.second), y(value));
    isOpen = true;
  }
  context.stroke();
}

function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((each) => each * power >= value);
  return step * power;
}
