// What came in and what was refused. A record's contents are never shown: they may name a customer.

import { ask } from "./ask.js";
import { choice } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { count } from "./figures.js";
import { minute } from "./times.js";

const COUNTS = ["consumed", "accepted", "duplicates", "rejected", "tombstones"];
const number = (text) => element("td.number", {}, text);

export async function show_intake(state) {
  const told = await ask("intake");
  const total = Object.fromEntries(COUNTS.map((name) => [name, told.partitions.reduce((sum, each) => sum + each[name], 0)]));
  say("intake-law", law(total, state));
  const name = (each) => `${each.topic} ${each.partition}`;
  fill_rows(by_id("partitions").tBodies[0], told.partitions, name, name, (each) => [
    ...COUNTS.map((what) => number(count(each[what]))),
    number(count(state?.lags[each.partition] ?? 0)),
  ]);
  say("rejections-words", told.reasons.length ? "They stopped nothing: each is kept whole in rejections, and sent to the dead-letter topic." : "None so far.");
  fill_rows(by_id("reasons").tBodies[0], told.reasons, (each) => each.reason, (each) => each.reason, (each) => [
    number(count(each.count)),
    number(minute(each.last, choice.zone)),
  ]);
  const place = (each) => `${each.partition}, ${count(each.offset)}`;
  fill_rows(by_id("examples").tBodies[0], told.examples, (each) => `${each.topic} ${place(each)}`, place, (each) => [
    element("td", {}, each.reason),
    element("td", {}, each.detail || "–"),
  ]);
  return told;
}

function law(total, state) {
  const lag = state ? ` ${count(state.lag)} still to come.` : "";
  return `${count(total.consumed)} consumed = ${count(total.accepted)} accepted + ${count(total.duplicates)} duplicates + ${count(total.rejected)} rejected + ${count(total.tombstones)} tombstones.${lag}`;
}
