// Every metric of the chosen member: value, change and a small line; and the chosen one, large.

import { ask } from "./ask.js";
import { choice, chosen_metric, follow_up, metric_named, of_member, pick } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { basis_of, change_cell, difference_of, value_cell, value_of } from "./figures.js";
import { sparkline } from "./sparkline.js";
import { date_and_time, minute } from "./times.js";

let lines = {};

/** The small lines follow the history, which is asked apart. */
export function keep_lines(found) {
  lines = found;
  for (const row of by_id("overview").tBodies[0].rows) {
    row.lastElementChild.replaceChildren(...line_of(row.dataset.key));
  }
}

export async function show_overview() {
  const told = await ask("overview", { span: choice.span, ...of_member() });
  const who = choice.member ? `${choice.by} ${choice.member}` : "everyone";
  say("overview-caption", told.as_of ? `${who}, ${choice.span} until ${date_and_time(told.as_of, choice.zone)}; change against the ${choice.span} until ${minute(told.before, choice.zone)}` : "No readings yet");
  fill_rows(by_id("overview").tBodies[0], told.rows, (row) => row.metric, name_of, cells_of);
  show_hero(told);
  show_first_contact(told);
  return told;
}

function name_of({ metric }) {
  const button = element("button.name", { type: "button" }, metric);
  button.addEventListener("click", () => pick({ metric }));
  return element("div", {}, button, element("small.meaning", {}, metric_named(metric).meaning));
}

function cells_of(row, tr) {
  const metric = metric_named(row.metric);
  const chosen = row.metric === choice.metric;
  tr.classList.toggle("chosen", chosen);
  tr.querySelector("button").setAttribute("aria-pressed", chosen);
  return [value_cell(metric, row.now), change_cell(metric, row), element("td.wide", {}, ...line_of(row.metric))];
}

const line_of = (metric) => (lines[metric] ? [sparkline(lines[metric])] : []);

function show_hero(told) {
  const metric = chosen_metric();
  const row = told.rows.find((each) => each.metric === metric.name) ?? { now: null, before: null, difference: null };
  say("hero-name", choice.member ? `${metric.name}, ${choice.by} ${choice.member}` : metric.name);
  say("hero-meaning", metric.meaning);
  by_id("hero-value").replaceChildren(row.now ? value_of(metric, row.now) : "–");
  say("hero-interval", row.now ? basis_of(metric, row.now) : "Nothing of it in this window.");
  say("hero-change", change_in_words(metric, row));
}

function change_in_words(metric, row) {
  if (row.difference === null) return row.now ? `Nothing in the ${choice.span} before to compare with.` : "";
  const against = `${difference_of(metric, row.difference)} against the ${choice.span} before`;
  const words = { true: "more than chance: the two intervals do not overlap", false: "may be chance: the two intervals overlap" };
  return `${against}; ${words[row.beyond_chance] ?? "without an interval nobody can tell whether by chance"}.`;
}

const SOLVED = [
  ["fcr_settled", "Settled"],
  ["fcr", "So far, provisional"],
  ["fcr_survey", "Customers say"],
];

function show_first_contact(told) {
  const parts = SOLVED.map(([name, label]) => {
    const metric = metric_named(name);
    const row = told.rows.find((each) => each.metric === name);
    return element(
      "div",
      {},
      element("dt", {}, label),
      element("dd", {}, value_of(metric, row?.now), ...basis_of(metric, row?.now).split(" · ").map((each) => element("small", {}, each))),
      element("dd.meaning", {}, metric.meaning),
    );
  });
  by_id("first-contact").replaceChildren(...parts);
  say("first-contact-follow-up", `The follow-up F is ${follow_up()}: that long a customer may come back about the same.`);
}
