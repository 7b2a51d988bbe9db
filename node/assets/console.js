// The console's script: clock and countdowns tick, keys move, what the node reports is read again; alarm.js rings.
// Pages work without it.

import { beat, ringNow } from "/assets/alarm.js";

const body = document.body;
const began = performance.now();
const speed = Number(body.dataset.speed || 1);

function passed() { return (performance.now() - body.began) * speed; }
body.began = began;

function left(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const rest = two(Math.floor(seconds / 60) % 60) + ":" + two(seconds % 60);
  return (ms < 0 ? "-" : "") + (hours > 0 ? hours + ":" + rest : rest);
}

function tick() {
  const clock = document.getElementById("clock");
  if (clock && body.dataset.now) {
    const beijing = new Date(Number(body.dataset.now) + passed() + 8 * 3600 * 1000);
    clock.textContent = beijing.toISOString().slice(5, 19).replace("T", " ");
  }
  for (const cell of document.querySelectorAll("[data-left]")) {
    cell.textContent = left(Number(cell.dataset.left) - stood(cell));
  }
  for (const cell of document.querySelectorAll("[data-past]")) {
    cell.textContent = left(Number(cell.dataset.past) + stood(cell));
  }
}
// Each part of a page counts from when it came: they are not all read again at once.
function stood(cell) {
  cell.came ??= performance.now();
  return (performance.now() - cell.came) * speed;
}
tick();
setInterval(tick, 500);

const SEARCH = "main [role=search] input";
const WRITTEN = `main [data-composing], main [data-dirty]:not(${SEARCH}), main form:not([role=search]) :is(input, select, textarea):focus`;
// What was found stays as it is until somebody looks again.
const FOUND = "main [data-found]";
document.addEventListener("input", ({ target }) => { target.dataset.dirty = ""; });
document.addEventListener("compositionstart", ({ target }) => { target.dataset.composing = ""; });
document.addEventListener("compositionend", ({ target }) => { delete target.dataset.composing; });

// Reads this page again and puts its parts in place. Nobody's hand did this: the session's lock is not put off by it.
let reading = false;
let again = false;
async function readAgain() {
  if (reading) { again = true; return; }
  // What somebody writes stays as it is; the strip above it does not: it rings, and says what is due.
  const parts = ["#strip", "nav"];
  const found = document.querySelector(FOUND);
  if (!body.classList.contains("alone") && !document.querySelector(WRITTEN) && !found) parts.push("main");
  reading = true;
  try {
    const answer = await fetch(found ? location.pathname : location.href, { headers: { "x-refresh": "1" } });
    if (answer.redirected) { location.href = answer.url; return; }
    // What a form was answered with has no page of its own, and stays.
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const here = document.querySelector("tr.here a")?.getAttribute("href");
    const focused = place(document.activeElement);
    const search = document.querySelector(SEARCH);
    const searched = search && { text: search.value, at: search.selectionStart, has: search === document.activeElement };
    for (const part of parts) {
      const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && now) old.replaceWith(document.adoptNode(now));
    }
    body.dataset.now = fresh.body.dataset.now;
    body.dataset.seen = fresh.body.dataset.seen ?? "";
    body.began = performance.now();
    tick();
    const field = document.querySelector(SEARCH);
    if (parts.includes("main") && searched && field) {
      field.value = searched.text;
      if (searched.has) { field.focus(); field.setSelectionRange(searched.at, searched.at); }
    }
    if (focused) [...document.querySelectorAll("main a, main button, nav a, header a, header button")].find((one) => place(one) === focused)?.focus();
    if (here) rows().find((row) => row.querySelector(`a[href="${here}"]`))?.classList.add("here");
  } finally {
    reading = false;
    if (again) { again = false; readAgain(); }
  }
}

// What tells a link or a button from the others, so that the focus finds it again.
function place(one) {
  if (!one?.matches("a, button")) return "";
  return one.getAttribute("href") ?? `${one.form?.getAttribute("action") ?? ""} ${one.textContent}`;
}

// Listens while the page is shown. A browser may keep a page that was left and show it again as it was.
let watch = null;
let seconds = 0;
function listen(isAgain) {
  watch = new SharedWorker("/assets/watch.js").port;
  watch.onmessage = ({ data }) => {
    if (data.last) {
      if (body.dataset.seen && body.dataset.seen !== data.last) readAgain();
      return;
    }
    if (data.event) {
      if (data.event === "delivered") ringNow();
      readAgain();
      return;
    }
    beat(data.quiet);
    seconds += 1;
    if (seconds % 60 === 0) readAgain();
  };
  if (isAgain) readAgain();
}
if (body.dataset.now) {
  addEventListener("pageshow", ({ persisted }) => listen(persisted));
  addEventListener("pagehide", () => watch?.postMessage("left"));
}

function rows() { return [...document.querySelectorAll("[data-keys] tbody tr")]; }

function move(step) {
  const all = rows();
  if (all.length === 0) return;
  const from = all.findIndex((row) => row.classList.contains("here"));
  const to = from < 0 ? 0 : Math.min(all.length - 1, Math.max(0, from + step));
  all[from]?.classList.remove("here");
  all[to].classList.add("here");
  all[to].querySelector("a")?.focus();
}

// What a key does stands on the link, button or field itself: in the marked row, else on this screen, else around it.
// A row that is not marked answers to nothing.
function keyed(key) {
  const has = (one) => one.getAttribute("aria-keyshortcuts") === key;
  for (const part of ["tr.here", "main", "body"]) {
    const ones = [...(document.querySelector(part)?.querySelectorAll("[aria-keyshortcuts]") ?? [])];
    const one = ones.find((one) => has(one) && (part === "tr.here" || !one.closest("[data-keys]")));
    if (one) return one;
  }
  return null;
}
document.documentElement.classList.add("keys");

document.addEventListener("keydown", (press) => {
  // Never while an input method composes, nor while somebody types.
  if (press.isComposing || press.keyCode === 229 || press.ctrlKey || press.altKey || press.metaKey) return;
  if (press.target.closest("input, textarea, select, [contenteditable]")) return;
  if (press.key === "j") return move(1);
  if (press.key === "k") return move(-1);
  const one = press.repeat ? null : keyed(press.key);
  if (!one) return;
  press.preventDefault();
  if (!one.matches("input")) return one.click();
  one.focus();
  one.select();
});
