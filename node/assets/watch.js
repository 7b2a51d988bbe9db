// Listens to the node where a hidden page is not slowed down: tells the pages each event, and each second how long nothing
// was heard. One for all windows: a browser opens six connections to a node, and whoever held one for each page that
// was ever open would wait for the seventh.

const AGAIN_S = 5;
const pages = new Set();
let events = null;
let heard = performance.now();
let seconds = 0;
// The last event that was heard. A page that was read before it has missed it.
let last = "";

function tell(what) { for (const page of pages) page.postMessage(what); }

function listen() {
  events = new EventSource("/api/events");
  for (const name of ["hello", "beat", "delivered", "receipt", "duty", "changed", "reset"]) {
    events.addEventListener(name, ({ lastEventId }) => {
      heard = performance.now();
      last = lastEventId;
      if (name === "hello") tell({ last });
      if (name !== "hello" && name !== "beat") tell({ event: name });
    });
  }
}
listen();

setInterval(() => {
  tell({ quiet: performance.now() - heard });
  seconds += 1;
  // A browser asks again by itself, but not after an answer such as "nobody is logged in".
  if (events.readyState === EventSource.CLOSED && seconds % AGAIN_S === 0) listen();
}, 1000);

self.onconnect = ({ ports: [page] }) => {
  pages.add(page);
  if (last) page.postMessage({ last });
  page.onmessage = () => pages.delete(page);
  if (events.readyState === EventSource.CLOSED) listen();
};
