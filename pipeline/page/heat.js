// The chosen metric by channel and reason. A cell is tinted, and marked, only where it is apart from the
// value over all by more than chance; small samples keep their value to themselves.

import { ask } from "./ask.js";
import { choice, chosen_metric } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { basis_of, count, text_of, value_of } from "./figures.js";
import { smallest_sample } from "./withheld.js";

const FEW = 16;
let everything = false;
let last = null;

by_id("heat-more").addEventListener("click", () => {
  everything = !everything;
  if (last) render(last);
});

export async function show_heat() {
  last = await ask("heat", { span: choice.span, metric: choice.metric });
  render(last);
  return last;
}

function render(told) {
  const metric = chosen_metric();
  const cells = new Map(told.cells.map((each) => [key(each.channel, each.reason), each]));
  const reasons = everything ? told.reasons : told.reasons.slice(0, FEW);
  say("heat-name", `${metric.name} by channel and reason`);
  say("heat-caption", `${metric.name} by reason (rows) and channel (columns), ${choice.span}`);
  say("heat-legend", legend(metric, told));
  const head = ["Reason", "All channels", ...told.channels.map((each) => each.member)];
  const titles = head.map((text, n) => element(n ? "th.number" : "th", { scope: "col" }, text));
  by_id("heat").tHead.replaceChildren(element("tr", {}, ...titles));
  const strength = strengths(told);
  const rows = told.all ? [{ member: "All reasons", now: told.all, total: true }, ...reasons] : [];
  fill_rows(by_id("heat").tBodies[0], rows, (row) => `${!!row.total} ${row.member}`, (row) => row.member, (row, tr) => {
    tr.classList.toggle("total", !!row.total);
    return [
      element("td.number.total", { title: basis_of(metric, row.now) }, value_of(metric, row.now)),
      ...told.channels.map((channel) =>
        row.total
          ? element("td.number", { title: basis_of(metric, channel.now) }, value_of(metric, channel.now))
          : cell(metric, cells.get(key(channel.member, row.member)), strength),
      ),
    ];
  });
  const more = by_id("heat-more");
  more.hidden = told.reasons.length <= FEW;
  more.textContent = everything ? `Show the largest ${FEW} reasons` : `Show all ${count(told.reasons.length)} reasons`;
}

const key = (channel, reason) => JSON.stringify([channel, reason]);

function cell(metric, found, strength) {
  if (!found) return element("td.number.empty", {}, "·");
  if (!found.now) return element("td.number.few", {}, `n ${count(found.n)}`);
  if (!found.side) return element("td.number", { title: basis_of(metric, found.now) }, value_of(metric, found.now));
  const mark = found.side === "above" ? "▲" : "▼";
  return element(
    `td.number.${found.side}.strength-${strength(found)}`,
    { title: basis_of(metric, found.now) },
    element("span.mark", { "aria-hidden": "true" }, mark),
    value_of(metric, found.now),
    element("span.unseen", {}, ` ${found.side} all, more than chance`),
  );
}

/** How far a cell is from the value over all, from 1 to 3, compared with the farthest. */
function strengths(told) {
  const far = (each) => Math.abs(each.now.value - told.all.value);
  const farthest = Math.max(...told.cells.filter((each) => each.side).map(far));
  return (each) => Math.min(3, 1 + Math.floor((3 * far(each)) / farthest));
}

function legend(metric, told) {
  if (!told.all) return "Nothing in this window.";
  if (metric.kind === "count") return `Over all: ${text_of(metric, told.all.value)}. A plain count has no interval, so no cell is marked.`;
  return `Over all: ${text_of(metric, told.all.value)}. ▲ above and ▼ below it by more than chance; unmarked cells may differ by chance. Cells with n below ${smallest_sample()} show n only.`;
}
