// Keeps the table up to date: asks for the nodes again and again, and touches only the
// texts that changed, so that nothing flickers and a selection stays.

"use strict";

const FIELDS = ["id", "name", "term", "state", "leader", "endpoint"];
const REFRESH_MILLIS = Number(document.documentElement.dataset.refreshMillis);
const ANSWER_MILLIS_MAX = 5000;

const trouble = document.getElementById("trouble");
const body = document.getElementById("nodes");
let silentSince = null;

function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

function clock(instant) {
  return new Date(instant).toLocaleTimeString();
}

function textOf(node, field) {
  if (field === "state" && node.unreachable_since !== null) {
    return `${node.state} since ${clock(node.unreachable_since)}`;
  }
  return node[field] === null ? "" : String(node[field]);
}

function rowFor(position) {
  if (position < body.rows.length) {
    return body.rows[position];
  }
  const row = body.insertRow();
  for (const field of FIELDS) {
    row.insertCell().dataset.field = field;
  }
  return row;
}

function show(nodes) {
  nodes.forEach((node, position) => {
    const row = rowFor(position);
    if (row.dataset.state !== node.state) {
      row.dataset.state = node.state;
    }
    row.title = node.error ?? "";
    FIELDS.forEach((field, column) => setText(row.cells[column], textOf(node, field)));
  });
  while (body.rows.length > nodes.length) {
    body.deleteRow(-1);
  }
}

async function refresh() {
  try {
    const signal = AbortSignal.timeout(ANSWER_MILLIS_MAX);
    const response = await fetch("nodes", { cache: "no-store", signal });
    if (!response.ok) {
      throw new Error(`HTTP status ${response.status}`);
    }
    show(await response.json());
    setText(trouble, "");
    silentSince = null;
  } catch {
    silentSince ??= Date.now();
    setText(trouble, `The monitor does not answer since ${clock(silentSince)}.`);
  }
  setTimeout(refresh, REFRESH_MILLIS);
}

refresh();
