// The wall board reads itself again and says how old what it shows is. Without it the page reloads.

const EVERY_MS = 10000;
const STALE_S = 30;
let read = performance.now();

async function readAgain() {
  const answer = await fetch(location.href, { headers: { "x-refresh": "1" }, signal: AbortSignal.timeout(EVERY_MS) });
  if (answer.redirected) { location.href = answer.url; return; }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(fresh.querySelector("main")));
  read = performance.now();
  document.body.began = read;
}

function age() {
  const seconds = Math.round((performance.now() - read) / 1000);
  const place = document.getElementById("age");
  place.textContent = place.dataset.text.replace("#", seconds);
  place.className = seconds > STALE_S ? "over" : "";
}
setInterval(age, 1000);
setInterval(() => readAgain().catch(() => {}), EVERY_MS);
