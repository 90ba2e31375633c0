"use strict";
(async () => {
const $ = (id) => document.getElementById(id);
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && key !== "style") made[key] = value; else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
};

/* Data */

async function unpack(id) {
  const packed = Uint8Array.from(atob($(id).textContent), (letter) => letter.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}

let data;
try {
  data = await unpack("events");
} catch (error) {
  $("wait").textContent = "This browser can't unpack the data: it has no DecompressionStream. (" + error + ")";
  return;
}
const FAULT = 1, OPEN = 2, CUT = 4, MARK = 8;
const count = data.from.length;
const from = Float64Array.from(data.from);
const to = Float64Array.from(data.from, (at, e) => at + Math.max(0, data.length[e]));
const isPoint = (e) => data.length[e] < 0;
const is = (e, flag) => (data.flags[e] & flag) !== 0;
const label = (e) => data.strings[data.label[e]];
const text = (e) => data.strings[data.text[e]];
const errorOf = (e) => data.strings[data.error[e]];
const toneOf = (e) => data.tones[data.tone[e]];
const blobs = new Map(data.blobs);
const end = Math.max(1, data.end);
/* What is told across all lanes, and what can be gone to one after the other. */
const marks = [], faults = [];
const byExchange = new Map(), effects = new Map();
const pushTo = (map, key, value) => { const list = map.get(key); if (list) list.push(value); else map.set(key, [value]); };
for (let e = 0; e < count; e++) {
  if (is(e, MARK)) marks.push(e);
  if (is(e, FAULT) || is(e, MARK)) faults.push(e);
  if (data.exchange[e]) pushTo(byExchange, data.exchange[e], e);
  if (data.cause[e]) pushTo(effects, data.cause[e] - 1, e);
}
const byTime = (a, b) => from[a] - from[b] || a - b;
faults.sort(byTime);

/* Lanes: each has tracks, and in each track events by time. `reach` is the latest end so far, for binary search. */
const lanes = data.lanes.map(([group, name, depth]) => ({ group, name, tracks: Array.from({ length: depth }, () => ({ events: [], faults: [] })) }));
for (let e = 0; e < count; e++) {
  const track = lanes[data.lane[e]].tracks[data.track[e]];
  track.events.push(e);
  if (is(e, FAULT) || data.error[e] || is(e, CUT)) track.faults.push(e);
}
for (const lane of lanes) {
  for (const track of lane.tracks) {
    let latest = 0;
    track.reach = Float64Array.from(track.events, (e) => (latest = Math.max(latest, to[e])));
    track.isThin = track.events.length > 0 && track.events.every(isPoint);
  }
}
const firstWhere = (length, holds) => {
  let low = 0, high = length;
  while (low < high) { const middle = (low + high) >> 1; if (holds(middle)) high = middle; else low = middle + 1; }
  return low;
};

/* Layout */

const GUTTER = 168, RULER = 24, HEAD = 22, BAR = 14, THIN = 9, PAD = 4;
const folded = new Set();
let rows = [], height = 0, sparse = false, settling = 0;
const isInView = (lane) => lane.tracks.some(({ events, reach }) => {
  const first = firstWhere(events.length, (i) => reach[i] >= view.t0);
  return first < events.length && from[events[first]] <= view.t1;
});
function layOut() {
  rows = [];
  let y = 0, group = "";
  lanes.forEach((lane, index) => {
    if (lane.group !== group) {
      group = lane.group;
      rows.push({ head: group, y, h: HEAD });
      y += HEAD;
    }
    if (folded.has(group) || (sparse && !isInView(lane) && !(selected >= 0 && data.lane[selected] === index))) return;
    let inner = PAD;
    const tops = lane.tracks.map((track) => { const top = inner; inner += track.isThin ? THIN : BAR; return top; });
    rows.push({ lane: index, y, h: inner + PAD, tops });
    y += inner + PAD;
  });
  height = y;
}
/* Lanes come and go when the view has come to rest; the lane of the chosen event stays where it is. */
function layOutAgain() {
  const before = selected >= 0 ? rowOf(selected) : undefined;
  layOut();
  const after = selected >= 0 ? rowOf(selected) : undefined;
  scrollTo(before && after ? view.y + after.y - before.y : view.y);
}
const rowOf = (e) => rows.find((row) => row.lane === data.lane[e]);

/* View */

const canvas = $("lanes"), map = $("map");
const pen = canvas.getContext("2d"), mapPen = map.getContext("2d");
const MIN_SPAN = 20;
const view = { t0: 0, t1: end * 1.01, y: 0 };
let selected = -1, hovered = -1, matches = null, matchList = [], colours = {}, dirty = true;
layOut();
const width = () => canvas.clientWidth;
const x = (time) => GUTTER + ((time - view.t0) / (view.t1 - view.t0)) * (width() - GUTTER);
const timeAt = (px) => view.t0 + ((px - GUTTER) / Math.max(1, width() - GUTTER)) * (view.t1 - view.t0);
const redraw = () => { if (!dirty) { dirty = true; requestAnimationFrame(draw); } };

function setTime(t0, t1) {
  const span = Math.min(Math.max(t1 - t0, MIN_SPAN), end * 1.1);
  const margin = Math.max(span * 0.12, (span - end) / 2);
  view.t0 = Math.min(Math.max((t0 + t1 - span) / 2, -margin), end + margin - span);
  view.t1 = view.t0 + span;
  if (sparse) { clearTimeout(settling); settling = setTimeout(layOutAgain, 150); }
  redraw();
}
function zoom(factor, px = (GUTTER + width()) / 2) {
  const time = timeAt(Math.max(px, GUTTER));
  setTime(time - (time - view.t0) * factor, time + (view.t1 - time) * factor);
}
const pan = (share) => { const by = (view.t1 - view.t0) * share; setTime(view.t0 + by, view.t1 + by); };
function scrollTo(y) {
  view.y = Math.max(0, Math.min(y, height - (canvas.clientHeight - RULER)));
  redraw();
}

/* Words */

function clock(us, step = 1) {
  const sign = us < 0 ? "−" : "";
  const digits = step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : step >= 1e3 ? 3 : 6;
  return sign + (Math.abs(us) / 1e6).toFixed(digits) + " s";
}
function length(us) {
  if (us < 1000) return us + " µs";
  if (us < 1e6) return +(us / 1000).toPrecision(4) + " ms";
  return +(us / 1e6).toPrecision(4) + " s";
}
function outcome(e) {
  if (is(e, CUT)) return "cut off";
  if (is(e, OPEN)) return "not over at the end";
  return "";
}

/* Drawing */

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = [...data.tones, "ground", "panel", "raised", "line", "stripe", "ink", "quiet", "accent", "fault", "warn", "on-bar", "on-pale", "select"];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue("--" + name).trim()]));
}
const PALE = new Set(["stage", "connection", "life"]);
const SMALL = "11px system-ui, sans-serif";

function fit(target, context) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(target.clientWidth * ratio), h = Math.round(target.clientHeight * ratio);
  if (target.width !== w || target.height !== h) { target.width = w; target.height = h; }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, target.clientWidth, target.clientHeight);
}

function draw() {
  dirty = false;
  fit(canvas, pen);
  const w = width(), h = canvas.clientHeight;
  pen.font = SMALL;
  pen.textBaseline = "middle";
  const step = drawGrid(w, h);
  drawMarkLines(h);
  pen.save();
  pen.beginPath();
  pen.rect(0, RULER, w, h - RULER);
  pen.clip();
  for (const row of rows) {
    const y = RULER + row.y - view.y;
    if (y > h || y + row.h < RULER) continue;
    if (row.head === undefined) drawLane(row, y, w);
  }
  drawMarkNames(h);
  drawRelations();
  for (const row of rows) {
    const y = RULER + row.y - view.y;
    if (y <= h && y + row.h >= RULER) drawName(row, y, w);
  }
  pen.restore();
  drawRuler(w, step);
  drawScroll(w, h);
  drawMap();
}

function drawGrid(w, h) {
  const span = view.t1 - view.t0;
  const rough = span / Math.max(2, (w - GUTTER) / 110);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * [1, 2, 5, 10].find((nice) => nice * power >= rough));
  pen.fillStyle = colours.line;
  for (let time = Math.ceil(view.t0 / step) * step; time <= view.t1; time += step) pen.fillRect(Math.round(x(time)), RULER, 1, h);
  return step;
}

function drawRuler(w, step) {
  pen.fillStyle = colours.ground;
  pen.fillRect(0, 0, w, RULER);
  pen.fillStyle = colours.line;
  pen.fillRect(0, RULER - 1, w, 1);
  pen.fillStyle = colours.quiet;
  for (let time = Math.ceil(view.t0 / step) * step; time <= view.t1; time += step) {
    const at = Math.round(x(time));
    if (at >= GUTTER) pen.fillText(clock(time, step), at + 4, RULER / 2);
  }
  pen.fillStyle = colours.ground;
  pen.fillRect(0, 0, GUTTER, RULER - 1);
  pen.fillStyle = colours.quiet;
  pen.fillText(length(Math.round(view.t1 - view.t0)) + " in view", 12, RULER / 2);
}

function drawName(row, y, w) {
  if (row.head !== undefined) {
    pen.fillStyle = colours.panel;
    pen.fillRect(0, y, w, row.h);
    pen.fillStyle = colours.ink;
    pen.font = "600 " + SMALL;
    pen.fillText((folded.has(row.head) ? "▸ " : "▾ ") + row.head, 10, y + row.h / 2);
    pen.font = SMALL;
    return;
  }
  pen.fillStyle = colours.ground;
  pen.fillRect(0, y, GUTTER, row.h);
  pen.fillStyle = colours.line;
  pen.fillRect(GUTTER - 1, y, 1, row.h);
  pen.fillRect(0, y + row.h - 1, GUTTER, 1);
  const isChosen = selected >= 0 && data.lane[selected] === row.lane;
  pen.fillStyle = isChosen ? colours.accent : colours.ink;
  pen.fillText(lanes[row.lane].name, 24, y + Math.min(row.h, 22) / 2, GUTTER - 30);
}

function drawLane(row, y, w) {
  pen.fillStyle = colours.line;
  pen.fillRect(GUTTER, y + row.h - 1, w - GUTTER, 1);
  lanes[row.lane].tracks.forEach((track, index) => {
    const top = y + row.tops[index];
    drawTrack(track, top);
  });
}

/* Events that end in the pixel where one was drawn are passed over, all at once: what is drawn depends on the pixels and not on the events. */
function drawTrack(track, top) {
  const { events, reach } = track;
  const perPixel = (view.t1 - view.t0) / Math.max(1, width() - GUTTER);
  let at = firstWhere(events.length, (i) => reach[i] >= view.t0);
  while (at < events.length && from[events[at]] <= view.t1) {
    const e = events[at];
    drawEvent(e, top, track.isThin);
    if (to[e] - from[e] < perPixel) {
      const next = from[e] + perPixel;
      const after = firstWhere(events.length - at - 1, (i) => reach[at + 1 + i] >= next);
      at += 1 + after;
    } else at += 1;
  }
  const list = track.faults;
  let last = -10;
  for (let i = firstWhere(list.length, (i) => to[list[i]] >= view.t0 || from[list[i]] >= view.t0); i < list.length && from[list[i]] <= view.t1; i++) {
    const px = x(from[list[i]]);
    if (px - last < 1 && x(to[list[i]]) - px < 2) continue;
    last = px;
    drawEvent(list[i], top, track.isThin);
  }
}

function drawEvent(e, top, thin) {
  const tone = toneOf(e), fault = is(e, FAULT);
  const dim = matches && !matches[e];
  pen.globalAlpha = dim ? 0.18 : 1;
  const left = x(from[e]);
  if (isPoint(e)) {
    const size = thin ? THIN - 3 : BAR - 5;
    pen.fillStyle = fault ? colours.fault : colours[tone];
    pen.beginPath();
    if (fault || is(e, MARK)) {
      const middle = top + (thin ? THIN : BAR) / 2;
      pen.moveTo(left, middle - 5); pen.lineTo(left + 5, middle); pen.lineTo(left, middle + 5); pen.lineTo(left - 5, middle);
    } else {
      pen.rect(left - 1, top, 2, size);
    }
    pen.fill();
    if (e === selected) { pen.strokeStyle = colours.select; pen.lineWidth = 2; pen.stroke(); }
    pen.globalAlpha = 1;
    return;
  }
  const a = Math.max(left, GUTTER - 4), b = Math.min(Math.max(x(to[e]), left + 2), width() + 4);
  const w = b - a, h = BAR - 2;
  pen.fillStyle = fault ? colours.fault : colours[tone];
  if (w < 4 && e !== selected && e !== hovered) { pen.fillRect(a, top, w, h); pen.globalAlpha = 1; return; }
  pen.beginPath();
  if (is(e, CUT) && w > 8) {
    pen.moveTo(a, top); pen.lineTo(b, top); pen.lineTo(b - 4, top + h / 4); pen.lineTo(b, top + h / 2); pen.lineTo(b - 4, top + (3 * h) / 4); pen.lineTo(b, top + h); pen.lineTo(a, top + h);
    pen.closePath();
  } else if (w > 6) pen.roundRect(a, top, w, h, 2.5);
  else pen.rect(a, top, w, h);
  if (is(e, CUT | OPEN) && !fault && !PALE.has(tone)) { pen.globalAlpha *= 0.55; pen.fill(); pen.globalAlpha = dim ? 0.18 : 1; } else pen.fill();
  if (e === selected || e === hovered) { pen.strokeStyle = e === selected ? colours.select : colours.quiet; pen.lineWidth = e === selected ? 2 : 1; pen.stroke(); }
  const room = Math.floor((w - 9) / 6.4);
  if (room >= 4) {
    const words = label(e);
    pen.fillStyle = PALE.has(tone) && !fault ? colours["on-pale"] : colours["on-bar"];
    pen.fillText(words.length > room ? words.slice(0, room - 1) + "…" : words, a + 5, top + h / 2 + 0.5);
  }
  if (data.error[e] && w > 3) {
    pen.fillStyle = colours.ground;
    pen.beginPath(); pen.arc(b - 5, top + h / 2, 4, 0, 7); pen.fill();
    pen.fillStyle = colours.warn;
    pen.beginPath(); pen.arc(b - 5, top + h / 2, 2.8, 0, 7); pen.fill();
  }
  pen.globalAlpha = 1;
}

/* Lines across all lanes, behind what is in them: crashes, jumps of clocks. Many are fainter. */
function drawMarkLines(h) {
  const shown = marks.filter((e) => from[e] >= view.t0 && from[e] <= view.t1);
  pen.globalAlpha = shown.length > 40 ? 0.3 : 0.6;
  let last = -1;
  for (const e of shown) {
    const px = Math.round(x(from[e]));
    if (px === last) continue;
    last = px;
    pen.strokeStyle = is(e, FAULT) ? colours.fault : colours.quiet;
    pen.lineWidth = 1;
    pen.setLineDash(is(e, FAULT) ? [] : [4, 3]);
    pen.beginPath(); pen.moveTo(px + 0.5, RULER); pen.lineTo(px + 0.5, h); pen.stroke();
  }
  pen.setLineDash([]);
  pen.globalAlpha = 1;
}

/* Their names, where there is room up to the next; and the violation, before everything else. */
function drawMarkNames(h) {
  marks.forEach((e, index) => {
    const px = Math.round(x(from[e]));
    if (px < GUTTER || px > width()) return;
    const row = rowOf(e), next = index + 1 < marks.length ? x(from[marks[index + 1]]) : Infinity;
    if (!row || next - px < 9 + pen.measureText(label(e)).width + 6) return;
    pen.fillStyle = is(e, FAULT) ? colours.fault : colours.quiet;
    pen.fillText(label(e), px + 9, RULER + row.y - view.y + row.h / 2);
  });
  if (!data.verdict) return;
  const px = Math.round(x(data.verdict[0]));
  if (px < GUTTER || px > width() + 2) return;
  pen.fillStyle = colours.fault;
  pen.fillRect(px - 1, RULER, 3, h);
  const wide = pen.measureText("violation").width + 12;
  const left = px + wide > width() ? px - wide - 1 : px + 2, y = h - 26;
  pen.beginPath(); pen.roundRect(left, y, wide, 18, 4); pen.fill();
  pen.fillStyle = colours.ground;
  pen.fillText("violation", left + 6, y + 9);
}

/* From the chosen event to what brought it about, and to the other views of its request. */
function related(e) {
  const same = data.exchange[e] ? byExchange.get(data.exchange[e]).filter((other) => other !== e) : [];
  const cause = data.cause[e] ? [data.cause[e] - 1] : [];
  return { same, cause, effects: effects.get(e) || [] };
}
function middleOf(e) {
  const row = rowOf(e);
  if (!row) return null;
  const track = lanes[row.lane].tracks[data.track[e]];
  return RULER + row.y - view.y + row.tops[data.track[e]] + (track.isThin ? THIN : BAR) / 2;
}
function drawRelations() {
  if (selected < 0) return;
  const links = related(selected);
  const curve = (a, b, ax, bx, colour, dash) => {
    const ay = middleOf(a), by = middleOf(b);
    if (ay === null || by === null) return;
    pen.strokeStyle = colour;
    pen.lineWidth = 1.5;
    pen.setLineDash(dash);
    pen.beginPath(); pen.moveTo(ax, ay);
    const bend = Math.min(60, Math.abs(by - ay) / 2);
    pen.bezierCurveTo(ax, ay + Math.sign(by - ay) * bend, bx, by - Math.sign(by - ay) * bend, bx, by);
    pen.stroke();
    pen.setLineDash([]);
  };
  for (const e of links.cause) curve(selected, e, x(from[selected]), Math.min(x(to[e]), Math.max(x(from[e]), x(from[selected]))), colours.accent, []);
  for (const e of links.effects.slice(0, 60)) curve(e, selected, x(from[e]), Math.min(x(to[selected]), Math.max(x(from[selected]), x(from[e]))), colours.accent, []);
  const chain = [selected, ...links.same].sort(byTime);
  for (let i = 1; i < chain.length; i++) curve(chain[i - 1], chain[i], x(from[chain[i]]), x(from[chain[i]]), colours.quiet, [3, 3]);
}

function drawScroll(w, h) {
  const room = h - RULER;
  if (height <= room) return;
  pen.fillStyle = colours.quiet;
  pen.globalAlpha = 0.4;
  pen.beginPath(); pen.roundRect(w - 7, RULER + (view.y / height) * room, 5, (room / height) * room, 2.5); pen.fill();
  pen.globalAlpha = 1;
}

/* The whole course in one line. What does not move is drawn once. */
let course = null;
const mapAt = (time) => GUTTER + (time / end) * (map.clientWidth - GUTTER);
function drawCourse() {
  course = document.createElement("canvas");
  const ratio = window.devicePixelRatio || 1;
  course.width = map.clientWidth * ratio; course.height = map.clientHeight * ratio;
  const ink = course.getContext("2d");
  ink.scale(ratio, ratio);
  const w = Math.max(1, map.clientWidth - GUTTER), h = map.clientHeight;
  const density = new Float32Array(w);
  for (let e = 0; e < count; e++) density[Math.min(w - 1, Math.floor((from[e] / end) * w))] += 1;
  const most = Math.log1p(density.reduce((a, b) => Math.max(a, b), 1));
  ink.fillStyle = colours.metadata;
  density.forEach((value, px) => { const tall = (Math.log1p(value) / most) * (h - 8); ink.fillRect(GUTTER + px, h - 2 - tall, 1, tall); });
  for (const e of faults) {
    ink.fillStyle = is(e, FAULT) ? colours.fault : colours.quiet;
    ink.globalAlpha = is(e, MARK) ? 0.8 : 0.35;
    ink.fillRect(mapAt(from[e]), is(e, MARK) ? 0 : h - 8, 1, h);
  }
  ink.globalAlpha = 1;
  if (data.verdict) { ink.fillStyle = colours.fault; ink.fillRect(Math.min(mapAt(data.verdict[0]), GUTTER + w - 3), 0, 3, h); }
  ink.font = SMALL; ink.textBaseline = "middle"; ink.fillStyle = colours.quiet;
  ink.fillText("the whole course", 12, h / 2);
}
function drawMap() {
  fit(map, mapPen);
  if (!course) drawCourse();
  const w = map.clientWidth - GUTTER, h = map.clientHeight;
  mapPen.drawImage(course, 0, 0, map.clientWidth, h);
  const a = Math.max(GUTTER, mapAt(view.t0)), b = Math.min(GUTTER + w, mapAt(view.t1));
  mapPen.fillStyle = colours.accent;
  mapPen.globalAlpha = 0.14;
  mapPen.fillRect(a, 0, Math.max(2, b - a), h);
  mapPen.globalAlpha = 1;
  mapPen.fillRect(a, 0, 1.5, h); mapPen.fillRect(Math.max(b, a + 2) - 1.5, 0, 1.5, h);
}

/* Finding what is under the pointer, or near. */
function eventAt(px, py) {
  if (px < GUTTER || py < RULER) return -1;
  const y = py - RULER + view.y;
  const row = rows.find((row) => row.lane !== undefined && y >= row.y && y < row.y + row.h);
  if (!row) return -1;
  const lane = lanes[row.lane];
  const track = lane.tracks.findLast((track, index) => y - row.y >= row.tops[index]) || lane.tracks[0];
  const slack = 5 * (view.t1 - view.t0) / Math.max(1, width() - GUTTER);
  const time = timeAt(px);
  let best = -1, distance = slack;
  for (let i = firstWhere(track.events.length, (i) => track.reach[i] >= time - slack); i < track.events.length; i++) {
    const e = track.events[i];
    if (from[e] > time + slack) break;
    const off = Math.max(0, from[e] - time, time - to[e]);
    if (off < distance || (off === distance && best >= 0 && to[e] - from[e] < to[best] - from[best])) { best = e; distance = off; }
    else if (off === 0 && distance === 0) best = e;
  }
  return best;
}
function nearest(lane, time) {
  let best = -1;
  for (const track of lanes[lane].tracks) {
    const i = firstWhere(track.events.length, (i) => from[track.events[i]] >= time);
    for (const e of [track.events[i - 1], track.events[i]]) {
      if (e !== undefined && (best < 0 || Math.abs(from[e] - time) < Math.abs(from[best] - time))) best = e;
    }
  }
  return best;
}

/* Choosing */

function reveal(e, close = false) {
  const group = lanes[data.lane[e]].group;
  if (folded.delete(group) || !rowOf(e)) layOut();
  const row = rowOf(e), room = canvas.clientHeight - RULER;
  if (row.y < view.y + HEAD || row.y + row.h > view.y + room) scrollTo(row.y - room / 3);
  const span = view.t1 - view.t0, lengthOf = to[e] - from[e];
  if (close) {
    const around = Math.max(lengthOf * 1.5, 200);
    setTime(from[e] - (around - lengthOf) / 2, to[e] + (around - lengthOf) / 2);
  } else if (from[e] < view.t0 + span * 0.03 || from[e] > view.t1 - span * 0.06) {
    setTime(from[e] - span / 2, from[e] + span / 2);
  }
  redraw();
}
function choose(e, show = true) {
  selected = e;
  if (e < 0) { $("details").hidden = true; redraw(); return; }
  $("details").hidden = false;
  if (show) reveal(e);
  redraw();
  tell(e);
  $("spoken").textContent = `${lanes[data.lane[e]].group}, ${lanes[data.lane[e]].name}: ${label(e)} at ${clock(from[e])}` +
    (isPoint(e) ? "" : `, ${length(to[e] - from[e])}`) + (is(e, FAULT) ? ", fault" : "") + (errorOf(e) ? `, ${errorOf(e)}` : "");
}

/* Details */

const paint = (e) => element("i", { style: `background:${is(e, FAULT) ? "var(--fault)" : `var(--${toneOf(e)})`}` });
function linkTo(e, note) {
  const place = lanes[data.lane[e]];
  return element("button", { type: "button", onclick: () => choose(e) }, paint(e),
    element("span", {}, `${label(e)}  ·  ${place.group.toLowerCase()}, ${place.name}`), element("small", {}, note));
}
async function tell(e) {
  const content = $("content");
  const term = (name, value, kind = "") => (value ? [element("dt", {}, name), element("dd", { className: kind }, value)] : []);
  const place = lanes[data.lane[e]];
  const facts = element("dl", {},
    ...term("Lane", `${place.group}, ${place.name}`),
    ...term("From", clock(from[e])),
    ...(isPoint(e) ? [] : term("To", `${clock(to[e])}  (${length(to[e] - from[e])})`)),
    ...term("Ended", outcome(e), is(e, CUT) ? "bad" : ""),
    ...term("Error", errorOf(e), "warn"),
    ...term("", is(e, FAULT) ? "a fault" : "", "bad"));
  const parts = [element("h2", {}, paint(e), label(e)), facts];
  if (text(e)) parts.push(element("pre", {}, text(e)));
  const links = related(e);
  const offset = (other) => (from[other] >= from[e] ? "+" : "−") + length(Math.abs(from[other] - from[e]));
  const list = (title, events) => {
    if (!events.length) return;
    const shown = events.slice(0, 30);
    parts.push(element("h3", {}, title), element("div", { className: "links" }, ...shown.map((other) => linkTo(other, offset(other)))));
    if (events.length > shown.length) parts.push(element("p", { className: "quiet" }, `and ${events.length - shown.length} more`));
  };
  list("Brought about by", links.cause);
  list("The same request", links.same.sort(byTime));
  list("Brought about", links.effects);
  content.replaceChildren(...parts);
  content.scrollTop = 0;
  const names = data.exchange[e] ? ["Request", "Answer"] : ["Bytes", ""];
  for (const [index, blob] of (blobs.get(e) || []).entries()) {
    if (!blob) continue;
    const holder = element("section");
    content.append(holder);
    await tellBytes(holder, names[index], blob);
    if (selected !== e) return;
  }
}

const blocks = new Map();
async function blobAt([block, place]) {
  if (!blocks.has(block)) blocks.set(block, unpack("block" + block));
  return (await blocks.get(block))[place];
}
async function tellBytes(holder, name, place) {
  if (place[0] < 0) {
    holder.append(element("h3", {}, name), element("p", { className: "quiet" }, "Left out: the file would be too large. Only the bytes nearest to the end are kept."));
    return;
  }
  const blob = await blobAt(place);
  const bytes = Uint8Array.from(atob(blob.bytes), (letter) => letter.charCodeAt(0));
  const cells = [];
  const hex = element("div", { className: "hex", tabIndex: 0, ariaLabel: name + " in hex" });
  for (let line = 0; line < bytes.length; line += 16) {
    hex.append(element("b", {}, line.toString(16).padStart(4, "0") + "  "));
    const letters = [];
    for (let i = line; i < line + 16; i++) {
      if (i >= bytes.length) { hex.append("   "); continue; }
      const cell = element("i", {}, bytes[i].toString(16).padStart(2, "0"));
      const letter = element("i", {}, bytes[i] >= 32 && bytes[i] < 127 ? String.fromCharCode(bytes[i]) : "·");
      cell.dataset.at = letter.dataset.at = i;
      cells[i] = [cell, letter];
      letters.push(letter);
      hex.append(cell, " ");
    }
    hex.append(" ", ...letters, "\n");
  }
  const size = `${name}, ${blob.size} bytes` + (bytes.length < blob.size ? ` (the first ${bytes.length} are kept)` : "");
  holder.append(element("h3", {}, size));
  for (const [isDamage, at, path, words] of blob.remarks) {
    holder.append(element("p", { className: isDamage ? "bad" : "quiet" }, [at === null ? "" : `at byte ${at}`, path || "", words].filter(Boolean).join(", ")));
  }
  const body = element("tbody");
  let last = "";
  const lines = blob.rows.map(([start, stop, path, value, meaning, flags]) => {
    let shared = 0;
    while (shared < path.length && path[shared] === last[shared]) shared += 1;
    const cut = Math.max(path.lastIndexOf(".", shared), path.lastIndexOf("[", shared), 0);
    last = path;
    const row = element("tr", { className: (flags & 1 ? "q " : "") + (flags & 2 ? "d " : "") + (flags & 8 ? "e" : "") },
      element("td", {}, flags & 4 ? `(${start}–${stop})` : `${start}–${stop}`),
      element("td", {}, element("span", { className: "s" }, ...breakable(path.slice(0, cut))), ...breakable(path.slice(cut))),
      element("td", {}, value), element("td", { className: "m" }, meaning));
    body.append(row);
    return { start, stop, row, isInner: (flags & 4) !== 0 };
  });
  const light = (line) => {
    for (const lit of holder.querySelectorAll(".on")) lit.classList.remove("on");
    if (!line) return;
    line.row.classList.add("on");
    if (line.isInner) return;
    for (let i = line.start; i < Math.min(line.stop, bytes.length); i++) cells[i].forEach((cell) => cell.classList.add("on"));
  };
  for (const line of lines) {
    line.row.onmouseenter = () => light(line);
    line.row.onclick = () => { light(line); if (cells[line.start] && !line.isInner) scrollInto(hex, cells[line.start][0]); };
  }
  hex.onmouseover = (event) => {
    const at = event.target.dataset.at;
    if (at !== undefined) light(lines.findLast((line) => !line.isInner && line.start <= +at && +at < line.stop));
  };
  hex.onclick = (event) => {
    const line = lines.findLast((line) => !line.isInner && line.start <= +event.target.dataset.at && +event.target.dataset.at < line.stop);
    if (line) line.row.scrollIntoView({ block: "nearest" });
  };
  holder.append(hex);
  if (lines.length) {
    const head = element("thead", {}, element("tr", {}, ...["bytes", "field", "value", "meaning"].map((word, i) =>
      element("th", { style: `width:${[14, 40, 28, 18][i]}%` }, word))));
    holder.append(element("h3", {}, "Field by field"), element("table", { className: "fields" }, head, body));
  }
  if (blob.left) holder.append(element("p", { className: "quiet" }, `and ${blob.left} more fields`));
}
const breakable = (path) => path.split(/(?<=[._])/).flatMap((part) => [part, element("wbr")]);
function scrollInto(box, child) {
  const top = child.offsetTop - box.offsetTop;
  if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 20) box.scrollTop = top - box.clientHeight / 3;
}

/* Finding by words */

let matchAt = -1;
function find(query) {
  const wanted = query.trim().toLowerCase();
  if (!wanted) { matches = null; matchList = []; $("found").textContent = ""; redraw(); return; }
  const isHit = data.strings.map((string) => string.toLowerCase().includes(wanted));
  matches = new Uint8Array(count);
  matchList = [];
  for (let e = 0; e < count; e++) {
    if (isHit[data.label[e]] || isHit[data.text[e]] || (data.error[e] && isHit[data.error[e]])) { matches[e] = 1; matchList.push(e); }
  }
  matchList.sort(byTime);
  matchAt = -1;
  $("found").textContent = matchList.length ? `${matchList.length} found` : "none";
  redraw();
}
function nextMatch(step) {
  if (!matchList.length) return;
  matchAt = (matchAt + step + matchList.length) % matchList.length;
  $("found").textContent = `${matchAt + 1} of ${matchList.length}`;
  choose(matchList[matchAt]);
}
$("query").oninput = () => find($("query").value);
$("search").onsubmit = (event) => { event.preventDefault(); nextMatch(1); };
$("query").onkeydown = (event) => {
  if (event.key === "Escape") { $("query").value = ""; find(""); canvas.focus(); }
  if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); nextMatch(-1); }
};

/* Going from place to place */

function nextFault(step) {
  if (!faults.length) return;
  const key = selected >= 0 ? [from[selected], selected] : step > 0 ? [-1, -1] : [Infinity, 0];
  const after = (e) => from[e] > key[0] || (from[e] === key[0] && e > key[1]);
  const i = firstWhere(faults.length, (i) => after(faults[i]));
  const target = step > 0 ? i : i - 1 - (faults[i - 1] === selected ? 1 : 0);
  choose(faults[(target + faults.length) % faults.length]);
}
function showVerdict() {
  if (!data.verdict) return;
  const at = data.verdict[0];
  let last = -1;
  for (let e = 0; e < count; e++) {
    const moment = isPoint(e) || is(e, OPEN) ? from[e] : to[e];
    const best = last < 0 ? -1 : isPoint(last) || is(last, OPEN) ? from[last] : to[last];
    if (moment > best || (moment === best && blobs.has(e) && lanes[data.lane[e]].group === "Clients")) last = e;
  }
  setSparse(true);
  const t0 = Math.min(at - 60_000, last < 0 || is(last, OPEN) ? at : from[last] - (at - from[last]) * 0.2);
  setTime(t0, at + (at - t0) * 0.08);
  if (last >= 0) choose(last);
}
function step(by) {
  if (selected < 0) { pan(by * 0.15); return; }
  const track = lanes[data.lane[selected]].tracks.flatMap((track) => track.events).sort(byTime);
  const next = track[track.indexOf(selected) + by];
  if (next !== undefined) choose(next);
}
function hop(by) {
  if (selected < 0) { scrollTo(view.y + by * 40); return; }
  const visible = rows.filter((row) => row.lane !== undefined);
  const next = visible[visible.findIndex((row) => row.lane === data.lane[selected]) + by];
  if (next) { const e = nearest(next.lane, from[selected]); if (e >= 0) choose(e); }
}
function setSparse(on) {
  sparse = on;
  $("sparse").setAttribute("aria-pressed", String(on));
  layOutAgain();
}
function theme() {
  const now = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = now;
  readColours();
  course = null;
  redraw();
}
const keys = {
  w: () => zoom(0.6), s: () => zoom(1 / 0.6), "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
  a: () => pan(-0.25), d: () => pan(0.25), 0: () => setTime(0, end * 1.01), Home: () => setTime(0, view.t1 - view.t0),
  End: () => setTime(end - (view.t1 - view.t0) * 0.95, end + (view.t1 - view.t0) * 0.05),
  ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => hop(-1), ArrowDown: () => hop(1),
  PageUp: () => scrollTo(view.y - canvas.clientHeight * 0.8), PageDown: () => scrollTo(view.y + canvas.clientHeight * 0.8),
  c: () => { if (selected >= 0 && data.cause[selected]) choose(data.cause[selected] - 1); },
  f: () => selected >= 0 && reveal(selected, true), Enter: () => selected >= 0 && reveal(selected, true),
  e: () => setSparse(!sparse), n: () => nextFault(1), N: () => nextFault(-1), v: showVerdict, t: theme, "?": () => $("help").showModal(),
  "/": () => $("query").focus(), Escape: () => choose(-1),
};
document.addEventListener("keydown", (event) => {
  if (event.target === $("query") || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target instanceof HTMLButtonElement && event.key === "Enter") return;
  const act = keys[event.key] || (event.key.length === 1 && keys[event.key.toLowerCase()]);
  if (!act) return;
  event.preventDefault();
  act();
});
for (const button of document.querySelectorAll("button[data-key]")) button.onclick = () => { keys[button.dataset.key](); canvas.focus({ focusVisible: false }); };
$("close").onclick = () => choose(-1);
$("copy").onclick = async () => {
  try { await navigator.clipboard.writeText(data.replay); $("copy").textContent = "Copied"; }
  catch { getSelection().selectAllChildren($("replay")); $("copy").textContent = "Selected"; }
};

/* Pointer */

let drag = null;
const touches = new Map();
canvas.onwheel = (event) => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.012), event.offsetX);
  else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan((event.deltaX || event.deltaY) / width());
  else scrollTo(view.y + event.deltaY);
};
canvas.onpointerdown = (event) => {
  touches.set(event.pointerId, event);
  drag = { x: event.offsetX, y: event.offsetY, t0: view.t0, t1: view.t1, top: view.y, moved: false };
  canvas.setPointerCapture(event.pointerId);
};
canvas.onpointermove = (event) => {
  if (touches.size === 2) { pinch(event); return; }
  if (drag) {
    const dx = event.offsetX - drag.x, dy = event.offsetY - drag.y;
    if (Math.abs(dx) + Math.abs(dy) > 4) drag.moved = true;
    if (drag.moved) {
      const by = (dx / (width() - GUTTER)) * (drag.t1 - drag.t0);
      setTime(drag.t0 - by, drag.t1 - by);
      scrollTo(drag.top - dy);
      $("tip").hidden = true;
    }
    return;
  }
  hover(event.offsetX, event.offsetY);
};
function pinch(event) {
  const [a, b] = [...touches.values()];
  const before = Math.abs(a.offsetX - b.offsetX) + 1;
  touches.set(event.pointerId, event);
  const [c, d] = [...touches.values()];
  zoom(before / (Math.abs(c.offsetX - d.offsetX) + 1), (c.offsetX + d.offsetX) / 2);
  if (drag) drag.moved = true;
}
canvas.onpointerup = (event) => {
  touches.delete(event.pointerId);
  if (drag && !drag.moved) press(event.offsetX, event.offsetY);
  drag = null;
};
canvas.onpointercancel = (event) => { touches.delete(event.pointerId); drag = null; };
canvas.onpointerleave = () => { hovered = -1; $("tip").hidden = true; redraw(); };
canvas.ondblclick = (event) => { const e = eventAt(event.offsetX, event.offsetY); if (e >= 0) reveal(e, true); else zoom(0.4, event.offsetX); };
function press(px, py) {
  const row = rows.find((row) => row.head !== undefined && py - RULER + view.y >= row.y && py - RULER + view.y < row.y + row.h);
  if (row && py > RULER) {
    if (!folded.delete(row.head)) folded.add(row.head);
    layOut();
    scrollTo(view.y);
    return;
  }
  const e = eventAt(px, py);
  if (e >= 0) choose(e, false);
}
function hover(px, py) {
  const e = eventAt(px, py);
  if (e !== hovered) { hovered = e; redraw(); }
  canvas.style.cursor = e >= 0 ? "pointer" : "default";
  const tip = $("tip");
  tip.hidden = e < 0;
  if (e < 0) return;
  const words = text(e).split("\n")[0];
  const when = clock(from[e]) + (isPoint(e) ? "" : ` · ${length(to[e] - from[e])}`) + (outcome(e) ? ` · ${outcome(e)}` : "");
  tip.replaceChildren(element("b", {}, label(e)), element("small", {}, when));
  if (words) tip.append(element("small", {}, words.slice(0, 220)));
  if (errorOf(e)) tip.append(element("small", { className: "warn" }, errorOf(e)));
  const top = map.clientHeight;
  tip.style.left = Math.min(px + 14, width() - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.min(py + top + 16, top + canvas.clientHeight - tip.offsetHeight - 6) + "px";
}
let mapDrag = false;
const mapTo = (event) => {
  const time = ((event.offsetX - GUTTER) / (map.clientWidth - GUTTER)) * end, half = (view.t1 - view.t0) / 2;
  setTime(time - half, time + half);
};
map.onpointerdown = (event) => { mapDrag = true; map.setPointerCapture(event.pointerId); mapTo(event); };
map.onpointermove = (event) => { if (mapDrag) mapTo(event); };
map.onpointerup = map.onpointercancel = () => { mapDrag = false; };
map.onwheel = (event) => { event.preventDefault(); zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.01)); };
let grip = false;
$("grip").onpointerdown = (event) => { grip = true; $("grip").setPointerCapture(event.pointerId); };
$("grip").onpointermove = (event) => { if (grip) $("details").style.width = Math.max(280, window.innerWidth - event.clientX) + "px"; };
$("grip").onpointerup = () => { grip = false; };

/* Begin */

const number = (value) => value.toLocaleString("en");
$("facts").textContent = `${number(count)} events in ${clock(end, 1e3)} · ${number(byExchange.size)} requests · ${number(faults.length)} crashes and faults`;
$("verdict").classList.toggle("wrong", data.verdict !== null);
$("show").hidden = !data.verdict;
if (data.cut[0] || data.cut[1]) {
  const what = [data.cut[0] && `${number(data.cut[0])} events at the beginning`, data.cut[1] && `the bytes of ${number(data.cut[1])} frames and files, the earliest`].filter(Boolean);
  $("cut").textContent = `Left out, so that the file stays small: ${what.join("; ")}.`;
  $("cut").hidden = false;
}
const legend = { produce: "produce, append", fetch: "fetch, read", group: "groups, offsets", transaction: "transactions, sync", admin: "topics, configs", metadata: "metadata, names", gate: "gate closed", fault: "fault" };
$("legend").append(...Object.entries(legend).map(([tone, words]) => element("span", {}, element("i", { style: `background:var(--${tone})` }), words)),
  element("span", {}, element("i", { className: "torn", style: "background:var(--group)" }), "cut off"),
  element("span", {}, element("i", { className: "dot", style: "background:var(--warn)" }), "error code in the answer"));
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
readColours();
new ResizeObserver(() => { course = null; scrollTo(view.y); redraw(); }).observe(canvas);
$("wait").remove();
draw();
canvas.focus({ focusVisible: false });
window.timeline = { view, setTime, choose, find, draw, count };
})();
