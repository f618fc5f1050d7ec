// Is what is shown live? In words, and said aloud only when the answer changes.

import { choice } from "./choice.js";
import { by_id, say } from "./element.js";
import { ago, date_and_time } from "./times.js";

const STALE_S = 20;
const SILENT_S = 8;
let heard = null;
let shown_as_of = null;
let firing = 0;
export let state = null;

let source = null;
let on_news = () => {};

/** Listen for ever, connecting again whenever the worker goes away; `told` whenever it has said something. */
export function begin_listening(told) {
  on_news = told;
  connect();
  // browsers allow six connections to a host: a hidden page needs none
  document.addEventListener("visibilitychange", () => (document.hidden ? source.close() : connect()));
}

function connect() {
  source?.close();
  source = new EventSource("/data/updates");
  source.addEventListener("message", ({ data }) => {
    state = JSON.parse(data);
    heard = performance.now();
    tell();
    on_news();
  });
  source.addEventListener("error", ({ target }) => {
    heard = null;
    tell();
    if (target.readyState === EventSource.CLOSED && target === source) setTimeout(connect, 2000);
  });
}

export function keep_as_of(as_of) {
  shown_as_of = as_of;
  tell();
}

/** How many alerts fire: in the title, which is seen from other tabs, and beside the state. */
export function keep_firing(count) {
  firing = count;
  document.title = count ? `(${count} firing) firsthand` : "firsthand";
  tell();
}

export const is_connected = () => heard !== null && performance.now() - heard < SILENT_S * 1000;

setInterval(() => tell(), 1000);

function tell() {
  const [kind, words] = condition();
  by_id("condition").dataset.state = kind;
  document.body.dataset.state = kind;
  say("condition", firing ? `${words} · ${firing} ${firing === 1 ? "alert fires" : "alerts fire"}` : words);
  const age = state?.refreshed_s_ago != null && heard !== null ? `; refreshed ${ago(refreshed())}` : "";
  say("as-of", shown_as_of ? `as of ${date_and_time(shown_as_of, choice.zone)}, ${choice.zone}${age}` : "no readings yet");
}

const refreshed = () => state.refreshed_s_ago + (performance.now() - heard) / 1000;

function condition() {
  if (state === null) return ["connecting", "Connecting to the worker …"];
  if (!is_connected()) return ["disconnected", "Disconnected: the worker does not answer. The figures are the last ones seen; trying again."];
  if (state.phase === "stopping") return ["stale", "The worker is stopping."];
  if (state.as_of === null) return ["starting", "The worker is starting."];
  if (refreshed() > STALE_S) return ["stale", `Stale: the readings have not been refreshed for over ${STALE_S} s.`];
  if (state.consumed === 0 && shown_as_of === null) return ["empty", "Connected, and waiting for events."];
  return ["live", "Live"];
}
