// What fires and what has fired lately, each with its reason in a sentence; the number that fires is in the title.

import { ask } from "./ask.js";
import { can_pick, choice, metric_named, pick } from "./choice.js";
import { by_id, element, fill_items, say } from "./element.js";
import { count } from "./figures.js";
import { keep_firing } from "./status.js";
import { minute } from "./times.js";

const SEVERITIES = { critical: "▲", warning: "◆", info: "●" };
const SINCE = { firing: "firing since", pending: "pending since", resolved: "resolved", retracted: "retracted" };

export async function show_alerts(state) {
  const told = await ask("alerts");
  const live = told.alerts.filter((each) => !each.ended_at);
  const ended = told.alerts.filter((each) => each.ended_at);
  keep_firing(told.counts.firing);
  say("alerts-words", words(told.counts));
  fill_items(by_id("alerts-live"), live, (each) => each.alert, head_of, lines_of);
  fill_items(by_id("alerts-ended"), ended, (each) => each.alert, head_of, lines_of);
  by_id("alerts-now").hidden = !live.length;
  by_id("alerts-before").hidden = !ended.length;
  say("alerts-before-words", `Ended lately: ${count(told.counts.resolved + told.counts.retracted)}`);
  say("alerts-more", more(told.counts, live.length));
  show_learning(state?.learning ?? []);
  return told;
}

function words({ firing, pending, resolved, retracted }) {
  if (!firing && !pending) return resolved + retracted ? "Nothing fires." : "No alert has fired.";
  const waiting = pending ? `${count(pending)} pending: not yet for as long as ${pending === 1 ? "its rule asks" : "their rules ask"}` : "";
  return [firing ? `${count(firing)} firing` : "", waiting].filter(Boolean).join(", ") + ".";
}

function more({ firing, pending }, shown) {
  const left = firing + pending - shown;
  return left > 0 ? `${count(left)} more are not shown here: firsthand alerts list has them all.` : "";
}

function show_learning(sentences) {
  by_id("alerts-learning").hidden = !sentences.length;
  by_id("alerts-learning-lines").replaceChildren(...sentences.map((each) => element("li", {}, each)));
}

/** What stays while an alert does: its sentence, a button where there is something to look at. */
function head_of(alert) {
  const look = metric_named(alert.metric) && element("button.name", { type: "button" }, what_of(alert));
  look?.addEventListener("click", () => {
    const everyone = alert.dimension === "all";
    pick({ metric: alert.metric, ...(everyone ? { member: "" } : { by: alert.dimension, member: alert.member }) });
  });
  const can_look = look && (alert.dimension === "all" || can_pick("by", alert.dimension));
  return element("h3", {}, can_look ? look : what_of(alert));
}

function lines_of(alert, item) {
  const at = alert.ended_at ?? alert.firing_at ?? alert.began_at;
  const apart = unheard(alert);
  item.className = `alert ${alert.state}${apart ? " unheard" : ""}`;
  return [
    element("p.because", {}, alert.because),
    element(
      "p.meaning",
      {},
      element("strong.severity", {}, element("span", { "aria-hidden": "true" }, `${SEVERITIES[alert.severity] ?? "●"} `), alert.severity),
      ` · ${SINCE[alert.state] ?? alert.state} `,
      element("time", { datetime: at }, minute(at, choice.zone)),
      apart ? element("strong", {}, ` · ${apart}`) : null,
      ` · rule ${alert.rule} · ${alert.alert.slice(0, 8)}`,
    ),
  ];
}

const what_of = ({ metric, dimension, member, rule }) =>
  dimension === "all" ? (metric ?? rule) : `${metric ?? rule}, ${dimension} ${member}`;

/** Why nobody is told of it. */
function unheard({ state, inhibited_by, silenced_until }) {
  if (state === "retracted") return "later events took the reason away";
  const why = [
    inhibited_by ? `inhibited by alert ${inhibited_by.slice(0, 8)}` : "",
    silenced_until ? `silenced until ${minute(silenced_until, choice.zone)}` : "",
  ].filter(Boolean);
  return why.length ? `${why.join(", ")}: nobody is told` : "";
}
