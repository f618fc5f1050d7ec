// How friendly people were against how easy it was: the kind desk with the laborious process is named.

import { ask } from "./ask.js";
import { draw, text_style, tooltip } from "./chart.js";
import { choice, metric_named } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { placed } from "./labels.js";
import { count, text_of, value_of } from "./figures.js";
import { smallest_sample } from "./withheld.js";

const CORNER = "friendly but laborious";

export async function show_effort() {
  const told = await ask("effort", { span: choice.span, by: choice.by });
  const [ease, kind] = [metric_named("effort_easy"), metric_named("friendliness")];
  const corner = told.members.filter((each) => each.corner);
  say("effort-meaning", `By ${choice.by}, ${choice.span}. Across: ${ease.meaning} Up: ${kind.meaning}`);
  say("effort-legend", "A larger mark has more answers. ● solved at first contact at least as often as over all, ◇ less often. Dashed: the values over all.");
  say("effort-words", words(told, corner));
  by_id("effort-corner").replaceChildren(...corner.map((each) => element("li", {}, ...sentence(each))));
  say("effort-withheld", withheld(told));
  say("effort-dimension", choice.by);
  fill_rows(by_id("effort-table").tBodies[0], told.members, (each) => `${choice.by} ${each.member}`, (each) => each.member, (each) => [
    element("td.number", {}, value_of(ease, each.ease)),
    element("td.number", {}, value_of(kind, each.friendliness)),
    element("td.number", {}, value_of(metric_named("fcr"), each.solved)),
    element("td.number", {}, count(each.n)),
  ]);
  draw(by_id("effort-chart"), (its) => options(told, its), `Effort against friendliness by ${choice.by}: ${words(told, corner)}`);
  return told;
}

function words(told, corner) {
  if (!told.members.length) return `No ${choice.by} has enough answers about both in this window.`;
  const all = `Over all, ${text_of(metric_named("friendliness"), told.all.friendliness.value)} found the people friendly and ${text_of(metric_named("effort_easy"), told.all.effort_easy.value)} found it easy.`;
  if (!corner.length) return `${all} No ${choice.by} is at least as friendly and yet less easy.`;
  return `${all} At least as friendly, and yet less easy:`;
}

function sentence({ member, ease, friendliness, solved, solved_less, beyond_chance, n }) {
  const easy = metric_named("effort_easy");
  const chance = beyond_chance ? "" : " (may be chance)";
  const end = solved
    ? ` Solved at first contact: ${text_of(metric_named("fcr"), solved.value)}, ${solved_less ? "less often than" : "at least as often as"} over all.`
    : "";
  return [
    element("strong", {}, member),
    `: ${text_of(metric_named("friendliness"), friendliness.value)} friendly, but only ${text_of(easy, ease.value)} easy${chance}, n ${count(n)}.${end}`,
  ];
}

function withheld(told) {
  const few = told.withheld ? `${count(told.withheld)} withheld: fewer than ${smallest_sample()} answers about effort or friendliness.` : "";
  const many = told.unplotted ? ` ${count(told.unplotted)} more with fewer answers are not plotted.` : "";
  return few + many;
}

function options(told, its) {
  const largest = Math.max(...told.members.map((each) => each.n), 1);
  const percent = (value) => `${Math.round(value * 100)} %`;
  const axis = { type: "value", scale: true, nameLocation: "middle", nameTextStyle: text_style(its.muted), axisLabel: { ...text_style(its.muted), formatter: percent, hideOverlap: true }, splitLine: { show: false }, axisLine: { show: true, lineStyle: { color: its.rule } }, axisTick: { show: false } };
  const [x, y] = [told.all.effort_easy?.value, told.all.friendliness?.value];
  const framed = told.members.length && x !== undefined && y !== undefined;
  const edges = framed ? frame(told, x, y) : [0, 1, 0, 1];
  const [left, right, bottom, top] = edges;
  const sides = sides_of(told, largest, edges);
  const splitNumber = by_id("effort-chart").clientWidth < 500 ? 3 : 6;
  return {
    grid: { left: 24, right: 24, top: 16, bottom: 28, containLabel: true },
    tooltip: tooltip(its, ({ data }) => (data.each ? said(data.each) : "")),
    xAxis: { ...axis, name: "found it easy →", nameGap: 32, min: left, max: right, splitNumber },
    yAxis: { ...axis, name: "found people friendly →", nameGap: 44, min: bottom, max: top },
    series: [
      {
        type: "scatter",
        data: told.members.map((each) => point(each, largest, its, sides.get(each))),
        markLine: framed && { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: its.muted, type: "dashed", width: 1 }, data: [{ xAxis: x }, { yAxis: y }] },
        markArea: framed && { silent: true, itemStyle: { color: its.corner }, label: { ...text_style(its.below), position: "insideBottomLeft", fontWeight: 600 }, data: [[{ name: CORNER, xAxis: left, yAxis: y }, { xAxis: x, yAxis: top }]] },
      },
    ],
  };
}

const size_of = (each, largest) => 8 + 22 * Math.sqrt(each.n / largest);

/** Which marks have room for their names, and on which side; those in the corner come first. */
function sides_of(told, largest, [left, right, bottom, top]) {
  const place = by_id("effort-chart");
  const [width, height] = [place.clientWidth - 110, place.clientHeight - 80];
  const marks = told.members.map((each) => ({
    key: each,
    text: each.member,
    x: ((each.ease.value - left) / (right - left)) * width,
    y: height - ((each.friendliness.value - bottom) / (top - bottom)) * height,
    size: size_of(each, largest),
  }));
  const first = marks.filter(({ key }) => key.corner);
  return placed([...first, ...marks.filter(({ key }) => !key.corner)], width);
}

function frame(told, x, y) {
  const pad = (values, step) => [Math.max(0, Math.floor((Math.min(...values) - 0.02) / step) * step), Math.min(1, Math.ceil((Math.max(...values) + 0.02) / step) * step)];
  return [...pad([x, ...told.members.map((each) => each.ease.value)], 0.05), ...pad([y, ...told.members.map((each) => each.friendliness.value)], 0.05)];
}

function point(each, largest, its, side) {
  const colour = each.corner ? its.below : its.accent;
  const solid = !each.solved_less;
  return {
    each,
    value: [each.ease.value, each.friendliness.value],
    symbol: solid ? "circle" : "diamond",
    symbolSize: size_of(each, largest),
    itemStyle: { color: solid ? colour : its.surface, borderColor: colour, borderWidth: 2, opacity: 0.9 },
    label: { show: side !== undefined, formatter: each.member, position: side ?? "right", ...text_style(each.corner ? its.ink : its.muted), fontWeight: each.corner ? 600 : 400 },
  };
}

function said(each) {
  return `${each.member}\n${text_of(metric_named("friendliness"), each.friendliness.value)} friendly\n${text_of(metric_named("effort_easy"), each.ease.value)} easy\nn ${count(each.n)}`;
}
