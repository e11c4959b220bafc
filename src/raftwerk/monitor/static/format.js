// Values as people read them, and the few ways to touch the document.

// Made once: to make one takes longer than to use it a hundred times.
const numbers = new Intl.NumberFormat("en-US");
const times = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", hourCycle: "h23" });

let origin = null;

// Times are those of the day, or seconds since then: a simulated world has no day.
export function countFrom(t) {
  origin = t;
}

export function clock(t) {
  if (origin !== null) return `${(t - origin).toFixed(1)} s`;
  return times.format(t * 1000);
}

export function clockMillis(t) {
  if (origin !== null) return (t - origin).toFixed(4);
  const millis = String(Math.floor((t * 1000) % 1000)).padStart(3, "0");
  return `${clock(t)}.${millis}`;
}

export function count(value) {
  return numbers.format(value);
}

export function plural(value, word, words = `${word}s`) {
  return `${count(value)} ${value === 1 ? word : words}`;
}

export function bytes(value) {
  if (value < 1000) return `${value} B`;
  if (value < 1e6) return `${(value / 1e3).toFixed(1)} kB`;
  if (value < 1e9) return `${(value / 1e6).toFixed(1)} MB`;
  return `${(value / 1e9).toFixed(1)} GB`;
}

export function millis(value) {
  if (value === null || value === undefined) return "–";
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1000) return `${Math.round(value)} ms`;
  return `${(value / 1000).toFixed(1)} s`;
}

export function rate(value) {
  return value < 10 && !Number.isInteger(value) ? value.toFixed(1) : count(Math.round(value));
}

export function list(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

// Touch only what changed: nothing flickers, a selection stays, layout is spared.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// What a colour of the style sheet is now, light or dark, in a form that a canvas reads.
export function colourOf(name) {
  const probe = make("i", { hidden: "" });
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
