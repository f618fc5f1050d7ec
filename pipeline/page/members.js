// The members of the chosen dimension by the chosen metric: the first fifty, or those that are looked for.

import { ask } from "./ask.js";
import { choice, chosen_metric, pick } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { change_cell, count, value_cell } from "./figures.js";
import { smallest_sample } from "./withheld.js";

export async function show_members() {
  const metric = chosen_metric();
  const { span, by, find, order } = choice;
  const told = await ask("members", { span, by, metric: metric.name, find, order });
  say("members-name", `${metric.name} by ${by}`);
  say("members-dimension", by);
  say("members-caption", `${metric.name} by ${by}, ${span}`);
  say("members-count", count_in_words(told));
  fill_rows(by_id("members").tBodies[0], told.rows, (row) => `${by} ${row.member}`, name_of, (row, tr) => {
    const chosen = row.member === choice.member;
    tr.classList.toggle("chosen", chosen);
    tr.querySelector("button").setAttribute("aria-pressed", chosen);
    return [value_cell(metric, row.now), change_cell(metric, row)];
  });
  return told;
}

function name_of({ member }) {
  const button = element("button.name", { type: "button" }, member);
  button.addEventListener("click", () => pick({ member: choice.member === member ? "" : member }));
  return button;
}

function count_in_words(told) {
  if (!told.all) return "Nothing in this window.";
  const shown = told.rows.length < told.found ? `The first ${count(told.rows.length)} of ` : "";
  const found = choice.find ? `${count(told.found)} found among ${count(told.all)}` : count(told.found);
  const small = choice.order === "volume" || told.found === told.all ? "" : `, those with n of at least ${smallest_sample()}`;
  return `${shown}${found}${choice.find ? "" : " with something in this window"}${small}.`;
}
