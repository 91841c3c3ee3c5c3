// Pan and zoom the drawing `svg` on its `stage`, and light and dark: what all pages with a graph
// share. A page declares `toolbar`, `stage`, `sheet`, `svg`, `viewport` and `groups` (id -> <g>).

// ---------- where we are: a point p of the graph is at (x + k p.x, y + k p.y) on the screen

const MARGIN = 16;
const LEGIBLE = 0.5;
const LARGEST = 8;
const SETTLED = 300; // milliseconds, longer than a glide takes
const view = { x: 0, y: 0, k: 1 };
let drawn = null;
let settling = 0;
let box = { x: 0, y: 0, width: 0, height: 0 };
let fitted = false;

// Whether there is a picture to move: in a hidden frame neither the stage nor the graph has a size.
function measured() {
  if (Math.min(stage.clientWidth, stage.clientHeight) <= 2 * MARGIN) return false;
  if (!box.width) box = viewport.getBBox();
  return box.width > 0;
}

// A notebook may open its cell, and with it the frame, long after this script has run.
function onceMeasured(action) {
  if (measured()) return action();
  const waiting = new ResizeObserver(() => {
    if (!measured()) return;
    waiting.disconnect();
    action();
  });
  waiting.observe(stage);
}

function whole() {
  const { width, height } = stage.getBoundingClientRect();
  return Math.min((width - 2 * MARGIN) / box.width, (height - 2 * MARGIN) / box.height, 2);
}

function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }

function apply(smooth = false) {
  if (!measured()) return;
  const { width, height } = stage.getBoundingClientRect();
  const edge = 4 * MARGIN; // so much of the graph stays in sight
  view.x = clamp(view.x, edge - (box.x + box.width) * view.k, width - edge - box.x * view.k);
  view.y = clamp(view.y, edge - (box.y + box.height) * view.k, height - edge - box.y * view.k);
  if (!drawn) return draw();
  sheet.classList.toggle("gliding", smooth);
  const stretch = view.k / drawn.k;
  sheet.style.transform =
    `translate(${view.x - stretch * drawn.x}px, ${view.y - stretch * drawn.y}px) scale(${stretch})`;
  clearTimeout(settling);
  settling = setTimeout(draw, SETTLED);
}

// To scale a text is to lay it out again: on the way the picture is stretched as it is, and
// drawn anew where one comes to rest.
function draw() {
  drawn = { ...view };
  sheet.classList.remove("gliding");
  sheet.style.transform = "none";
  viewport.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.k})`;
}

function pan(dx, dy, smooth = false) {
  fitted = false;
  view.x += dx;
  view.y += dy;
  apply(smooth);
}

function zoom(factor, x, y, smooth = false) {
  fitted = false;
  const k = clamp(view.k * factor, Math.min(whole(), 1) / 2, LARGEST);
  view.x = x - (x - view.x) * (k / view.k);
  view.y = y - (y - view.y) * (k / view.k);
  view.k = k;
  apply(smooth);
}

function zoomCentre(factor) {
  const { width, height } = stage.getBoundingClientRect();
  zoom(factor, width / 2, height / 2, true);
}

// Not by the screen, on which it may be gliding.
function boxOf(part) {
  const inner = part.getBBox();
  const matrix = viewport.getCTM().inverse().multiply(part.getCTM());
  const corner = new DOMPoint(inner.x, inner.y).matrixTransform(matrix);
  const far = new DOMPoint(inner.x + inner.width, inner.y + inner.height).matrixTransform(matrix);
  return { x: corner.x, y: corner.y, width: far.x - corner.x, height: far.y - corner.y };
}

// In the middle, but for no more blank screen beyond the graph's end than there must be.
function centre(part, k, smooth) {
  const { width, height } = stage.getBoundingClientRect();
  const place = (from, size, partFrom, partSize, screen) => {
    const ends = [MARGIN - from * k, screen - MARGIN - (from + size) * k];
    return clamp(screen / 2 - (partFrom + partSize / 2) * k, Math.min(...ends), Math.max(...ends));
  };
  view.k = k;
  view.x = place(box.x, box.width, part.x, part.width, width);
  view.y = place(box.y, box.height, part.y, part.height, height);
  apply(smooth);
}

function fit(smooth = true) {
  if (!measured()) return;
  centre(box, whole(), smooth);
  fitted = true;
}

function reveal(id, smallest) {
  if (!measured()) return;
  const { width, height } = stage.getBoundingClientRect();
  const part = boxOf(groups.get(id));
  const left = view.x + part.x * view.k;
  const top = view.y + part.y * view.k;
  const inSight = left > 0 && left + part.width * view.k < width &&
    top > 0 && top + part.height * view.k < height;
  if (inSight && view.k >= smallest) return;
  fitted = false;
  centre(part, Math.max(view.k, smallest), true);
}

// ---------- edges are thin

const edgeOfHit = new WeakMap();

// Wide, and below every node: a thin edge is easy to point at, and a node next to it, too.
function addHitAreas(ids) {
  const layer = document.createElementNS(svg.namespaceURI, "g");
  layer.setAttribute("class", "hits");
  for (const id of ids) {
    if (!groups.get(id).classList.contains("edge")) continue;
    for (const path of groups.get(id).querySelectorAll("path")) {
      const hit = path.cloneNode();
      edgeOfHit.set(hit, id);
      layer.append(hit);
    }
  }
  viewport.querySelector("g.node, g.edge")?.before(layer);
}

// ---------- pointers: one drags, two pinch, the wheel zooms

const pointers = new Map();
let origin = null;
let dragged = false;

function at(event) {
  const { left, top } = stage.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

// The middle of all fingers, and how far apart they are.
function grip() {
  const all = [...pointers.values()];
  const x = all.reduce((sum, p) => sum + p.x, 0) / all.length;
  const y = all.reduce((sum, p) => sum + p.y, 0) / all.length;
  return { x, y, spread: Math.hypot(all[0].x - x, all[0].y - y) };
}

function pressed(event) {
  if (event.button !== 0) return;
  if (!pointers.size) {
    origin = at(event);
    dragged = false;
  }
  pointers.set(event.pointerId, at(event));
}

function moved(event) {
  if (!pointers.has(event.pointerId)) return;
  const here = at(event);
  if (!dragged && pointers.size === 1 && Math.hypot(here.x - origin.x, here.y - origin.y) < 5) return;
  if (!dragged) {
    dragged = true;
    stage.classList.add("dragging");
  }
  stage.setPointerCapture(event.pointerId);
  const before = grip();
  pointers.set(event.pointerId, here);
  const after = grip();
  pan(after.x - before.x, after.y - before.y);
  if (before.spread && after.spread) zoom(after.spread / before.spread, after.x, after.y);
}

function released(event) {
  pointers.delete(event.pointerId);
  if (!pointers.size) stage.classList.remove("dragging");
}

function wheeled(event) {
  event.preventDefault();
  const { x, y } = at(event);
  const pixels = event.deltaY * [1, 30, 300][event.deltaMode];
  zoom(Math.exp(-clamp(pixels, -200, 200) * (event.ctrlKey ? 0.01 : 0.002)), x, y);
}

// ---------- light and dark

const theme = toolbar.querySelector(".theme");
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : prefersDark.matches;
}

function nameTheme() {
  theme.textContent = isDark() ? "Light" : "Dark";
  theme.setAttribute("aria-label", `${theme.textContent} colours`);
}

function toggleTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  nameTheme();
}

function moves() {
  stage.addEventListener("pointerdown", pressed);
  stage.addEventListener("pointermove", moved);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, released);
  stage.addEventListener("wheel", wheeled, { passive: false });
  toolbar.querySelector(".in").addEventListener("click", () => zoomCentre(1.25));
  toolbar.querySelector(".out").addEventListener("click", () => zoomCentre(0.8));
  toolbar.querySelector(".fit").addEventListener("click", () => fit());
  theme.addEventListener("click", toggleTheme);
  prefersDark.addEventListener("change", nameTheme);
  new ResizeObserver(() => (fitted ? fit(false) : apply())).observe(stage);
}
