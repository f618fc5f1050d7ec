// The page: what was picked is asked for, shown, and asked again after a refresh of the readings.

import { show_alerts } from "./alerts.js";
import { ask, Superseded } from "./ask.js";
import { begin_choosing } from "./choice.js";
import { by_id, say } from "./element.js";
import { show_effort } from "./effort.js";
import { show_heat } from "./heat.js";
import { show_history } from "./history.js";
import { show_intake } from "./intake.js";
import { show_members } from "./members.js";
import { show_overview } from "./overview.js";
import { show_quality } from "./quality.js";
import { begin_listening, is_connected, keep_as_of, state } from "./status.js";
import { keep_smallest_sample } from "./withheld.js";

const PAUSE_MS = 2500;
const QUALITY_MS = 30_000;
let running = false;
let again = false;
let began = -Infinity;
let timer = null;
let seen = "";
let complete = false;

async function show() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  began = performance.now();
  const shown = await Promise.allSettled([
    show_overview().then(keep_overview),
    show_history(),
    show_members(),
    show_heat(),
    show_effort(),
    show_intake(state),
    show_alerts(state),
  ]);
  seen = seen_of(state);
  complete = shown.every(({ value }) => value?.as_of === state?.as_of && (value?.version ?? state?.alerts) === state?.alerts);
  running = false;
  const failed = shown.find((each) => each.reason && !(each.reason instanceof Superseded));
  if (failed && is_connected()) notice(`Something could not be shown: ${failed.reason.message}`);
  if (again) {
    again = false;
    show();
  }
}

function keep_overview(told) {
  const { as_of, rows } = told;
  keep_as_of(as_of);
  const empty = !rows.some((each) => each.now);
  notice(empty ? "There is nothing in this window yet. Figures appear by themselves as soon as events come in; a longer window may have some." : "");
  document.body.dataset.shown = as_of ?? "";
  return told;
}

function notice(text) {
  by_id("notice").hidden = !text;
  say("notice", text);
}

/** What there is to see: where it is the same as last time, nobody need ask again. */
const seen_of = (of) => JSON.stringify([of?.as_of, of?.consumed, of?.lag, of?.alerts, of?.learning]);

/** After a refresh, but not oftener than anybody can read. */
function show_soon() {
  if (timer !== null || document.hidden) return;
  if (seen_of(state) === seen && complete) return;
  timer = setTimeout(() => {
    timer = null;
    show();
  }, Math.max(0, began + PAUSE_MS - performance.now()));
}

async function begin() {
  try {
    const definitions = await ask("definitions");
    keep_smallest_sample(definitions.smallest_sample);
    begin_choosing(definitions, show);
  } catch {
    setTimeout(begin, 2000);
    return;
  }
  show();
  show_quality();
  setInterval(show_quality, QUALITY_MS);
  begin_listening(show_soon);
}

begin();
