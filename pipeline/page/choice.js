// What the reader has picked; it stands in the address after the #, so that a view can be shared.

import { by_id, element } from "./element.js";
import { is_zone, own_zone, zones } from "./times.js";

const BEGIN = { span: "7d", by: "channel", metric: "csat", member: "", find: "", order: "volume", zone: own_zone };

export const choice = { ...BEGIN };
let changed = () => {};
let turns = 0;
let known = null;

/** How often something was picked. */
export const turn = () => turns;

export const metric_named = (name) => known.metrics.find((each) => each.name === name);
export const follow_up = () =>
  known.follow_up_hours % 24 ? `${known.follow_up_hours} hours` : `${known.follow_up_hours / 24} days`;
export const chosen_metric = () => metric_named(choice.metric);
export const of_member = () =>
  choice.member ? { by: choice.by, member: choice.member } : { by: "all", member: "all" };

/** Pick something: the address, the controls and the figures follow. */
export function pick(part) {
  if ("by" in part && part.by !== choice.by) Object.assign(choice, { member: "", find: "" });
  Object.assign(choice, part);
  const told = Object.entries(choice).filter(([name, value]) => value !== BEGIN[name]);
  const fragment = new URLSearchParams(told).toString();
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname);
  settle();
}

export function begin_choosing(definitions, on_change) {
  known = definitions;
  make_controls();
  read_address();
  show_controls();
  changed = on_change;
  addEventListener("hashchange", () => {
    read_address();
    settle();
  });
}

/** May this be picked as it is? */
export const can_pick = (name, text) => allowed(name, text);

function settle() {
  turns += 1;
  show_controls();
  changed();
}

function read_address() {
  const asked = new URLSearchParams(location.hash.slice(1));
  Object.assign(choice, BEGIN);
  for (const name of Object.keys(BEGIN)) {
    const text = asked.get(name);
    if (text !== null && allowed(name, text)) choice[name] = text;
  }
}

function allowed(name, text) {
  if (name === "span") return known.spans.includes(text);
  if (name === "by") return text !== "all" && known.dimensions.includes(text);
  if (name === "metric") return known.metrics.some((each) => each.name === text);
  if (name === "zone") return is_zone(text);
  if (name === "order") return ["volume", "lowest", "highest"].includes(text);
  return text.length <= 100;
}

function make_controls() {
  by_id("spans").replaceChildren(
    ...known.spans.map((span) =>
      element("label", {}, element("input", { type: "radio", name: "span", value: span }), element("span", {}, span)),
    ),
  );
  options("metric", known.metrics.map((each) => each.name));
  options("by", known.dimensions.filter((each) => each !== "all"));
  options("zone", zones());
  by_id("choices").addEventListener("change", ({ target }) => pick({ [target.name]: target.value }));
  by_id("choices").addEventListener("submit", (event) => event.preventDefault());
  by_id("everyone").addEventListener("click", () => {
    pick({ member: "" });
    by_id("metric").focus();
  });
  by_id("order").addEventListener("change", ({ target }) => pick({ order: target.value }));
  by_id("find").addEventListener("input", ({ target }) => pick({ find: target.value }));
  by_id("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address is the view's
    by_id("readings").focus();
  });
}

function options(id, names) {
  by_id(id).replaceChildren(...names.map((name) => element("option", { value: name }, name)));
}

function show_controls() {
  for (const id of ["metric", "by", "zone", "order", "find"]) {
    if (by_id(id).value !== choice[id]) by_id(id).value = choice[id];
  }
  for (const input of by_id("spans").querySelectorAll("input")) input.checked = input.value === choice.span;
  by_id("chosen").hidden = !choice.member;
  by_id("chosen-member").textContent = `${choice.by} ${choice.member}`;
}
