// The alarm of a page: armed by a hand (开始值班), because browsers refuse sound before that. What rings, and for how long
// it has waited, stands in the page; it is rung here and signed at the node.

const body = document.body;
const words = body.dataset;
let audio = null;
let notice = null;
const signed = new Set();
const rung = new Set();
let lost = false;
let last = 0;
const title = document.title;

function sounds() { return audio !== null && audio.state === "running"; }

// Notes of a second or so: frequency, start, length. Rhythm tells them apart, not pitch alone.
const TUNES = {
  flash: [[880, 0, 0.15], [880, 0.22, 0.15], [880, 0.44, 0.15], [1175, 0.66, 0.3]],
  immediate: [[660, 0, 0.3], [880, 0.4, 0.3]],
  lost: [[330, 0, 0.5], [262, 0.6, 0.5]],
  test: [[523, 0, 0.15], [659, 0.2, 0.15], [784, 0.4, 0.3]],
};

function play(tune, volume) {
  if (!sounds()) return;
  for (const [frequency, start, length] of TUNES[tune]) {
    const [tone, gain] = [audio.createOscillator(), audio.createGain()];
    const at = audio.currentTime + 0.02 + start;
    tone.type = "square";
    tone.frequency.value = frequency;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(volume, at + 0.01);
    gain.gain.setValueAtTime(volume, at + length - 0.02);
    gain.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(gain).connect(audio.destination);
    tone.start(at);
    tone.stop(at + length);
  }
  body.dataset.played = tune;
}

function show() {
  body.classList.toggle("armed", sounds());
  body.classList.toggle("lost", lost);
}

async function arm(isHand) {
  try {
    audio ??= new AudioContext();
    if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((done) => setTimeout(done, 500))]);
  } catch { audio = null; }
  audio?.addEventListener("statechange", show);
  show();
  if (!sounds()) return;
  sessionStorage.setItem("armed", "1");
  if (isHand) {
    play("test", 0.3);
    // A notice without content, where the officer allows it.
    if (window.Notification && Notification.permission === "default") Notification.requestPermission();
  }
}

function ringing() {
  return [...document.querySelectorAll("#ringing [data-waited]")].map((line) => ({
    id: line.dataset.id,
    precedence: line.dataset.precedence,
    alerted: line.dataset.alerted !== undefined,
    muted: Number(line.dataset.muted ?? 0) > (performance.now() - body.began) * Number(words.speed || 1),
    waited: Number(line.dataset.waited) + (performance.now() - body.began) * Number(words.speed || 1),
  }));
}

// The node signs that it rang.
function sign(line) {
  const token = document.querySelector('input[name="csrf"]')?.value;
  if (!line.id || line.alerted || signed.has(line.id) || !token) return;
  signed.add(line.id);
  fetch(`/api/messages/${line.id}/rang`, { method: "POST", headers: { "x-csrf-token": token } })
    .then((answer) => { if (!answer.ok) signed.delete(line.id); })
    .catch(() => signed.delete(line.id));
}

function tell(lines) {
  const loud = lines.some((line) => line.waited >= 60_000);
  document.title = loud && Math.floor(performance.now() / 1000) % 2 === 0 ? `▲ ${words.notice}` : title;
  if (!loud) { notice?.close(); notice = null; return; }
  if (!notice && window.Notification?.permission === "granted") notice = new Notification(words.notice, { tag: "yichuan" });
}

// Once a second, told by the worker: a page's own timers sleep while it is hidden.
export function beat(quiet) {
  lost = quiet > 10_000;
  show();
  const lines = ringing();
  tell(lines);
  const heard = lines.filter((line) => !line.muted);
  const flash = heard.some((line) => line.precedence === "flash");
  const loud = heard.some((line) => line.waited >= 60_000);
  const every = lost ? 5_000 : flash ? 4_000 : 15_000;
  // What nobody has heard yet rings at once, however young the page is.
  const fresh = heard.some((line) => line.id && !line.alerted && !rung.has(line.id));
  if ((!lost && heard.length === 0) || (!fresh && performance.now() - last < every)) return;
  last = performance.now();
  play(lost ? "lost" : flash ? "flash" : "immediate", loud ? 0.9 : 0.4);
  if (!sounds()) return;
  for (const line of heard) { rung.add(line.id); sign(line); }
}

// Something new rings at once.
export function ringNow() { last = -Infinity; }

document.addEventListener("click", (press) => { if (press.target.closest("[data-arm]")) arm(true); });
// Armed once, each page of this window is: by itself where the browser allows it, else at the first touch.
function armAgain() { if (sessionStorage.getItem("armed") && !sounds()) arm(false); }
for (const hand of ["pointerdown", "keydown"]) document.addEventListener(hand, armAgain);
armAgain();
