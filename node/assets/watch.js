// Listens to the node where a hidden page is not slowed down: tells the page each event, and each second how long nothing
// was heard.

let heard = performance.now();
const events = new EventSource("/api/events");
for (const name of ["hello", "beat", "delivered", "receipt", "changed", "reset"]) {
  events.addEventListener(name, () => {
    heard = performance.now();
    if (name !== "hello" && name !== "beat") postMessage({ event: name });
  });
}
setInterval(() => postMessage({ quiet: performance.now() - heard }), 1000);
