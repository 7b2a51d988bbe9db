// Forms that somebody is writing: the draft is kept in this browser while nothing is sent, and the panel beside the form
// is asked for again while somebody types. Pages work without it.

const HOURS_KEPT = 12;
const WAIT_MS = 800;
const isKept = ([key, value]) => typeof value === "string" && value !== "" && !/^(csrf|composed_at|lost_files|asked\..*)$/.test(key);

function form() { return document.querySelector("form[data-draft]"); }
function name() { return "draft " + form().dataset.draft; }
function drafts() { return Object.keys(localStorage).filter((key) => key.startsWith("draft ")); }

// A draft outlives neither the watch nor the log-out: the next officer at this place does not find it.
for (const key of drafts()) {
  const kept = JSON.parse(localStorage.getItem(key));
  if (Date.now() - kept.at > HOURS_KEPT * 3600 * 1000) localStorage.removeItem(key);
}

function restore() {
  const kept = JSON.parse(localStorage.getItem(name()) ?? "null");
  if (!kept || form().querySelector("[name=title]")?.value) return;
  for (const [key, value] of kept.fields) {
    const field = form().elements.namedItem(key);
    if (!field) continue;
    if (field.type === "checkbox") field.checked = true;
    else field.value = value;
    if (field.dataset) field.dataset.dirty = "";
  }
}

function keep() {
  const fields = [...new FormData(form())].filter(isKept);
  localStorage.setItem(name(), JSON.stringify({ at: Date.now(), fields }));
}

let asking = 0;
async function ask() {
  const mine = ++asking;
  const texts = [...new FormData(form())].filter(([, value]) => typeof value === "string");
  const fields = new URLSearchParams([...texts, ["order", "check"]]);
  const answer = await fetch(form().action, { method: "POST", body: fields });
  if (answer.redirected || mine !== asking) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [old, now] = [document, fresh].map((page) => page.getElementById(form().dataset.live));
  if (old && now) old.replaceChildren(...now.childNodes);
}

// Files that are too large are told before they are on their way.
function weigh(field) {
  const bytes = [...field.files].reduce((sum, file) => sum + file.size, 0);
  field.setCustomValidity(bytes > Number(field.dataset.bytesMax) ? field.dataset.tooLarge : "");
  field.reportValidity();
}

let timer;
function typed(event) {
  // While an input method composes nothing is finished.
  if (event.isComposing || event.target.form !== form()) return;
  if (event.target.type === "file") weigh(event.target);
  keep();
  clearTimeout(timer);
  if (form().dataset.live) timer = setTimeout(ask, WAIT_MS);
}
document.addEventListener("input", typed);
document.addEventListener("compositionend", typed);
document.addEventListener("submit", (event) => {
  if (event.target.getAttribute("action") === "/logout") drafts().forEach((key) => localStorage.removeItem(key));
  if (event.target === form() && event.submitter?.value !== "check") localStorage.removeItem(name());
});
if (form()) restore();
