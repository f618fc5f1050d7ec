// The chosen metric through the past, with its interval as a band; a table says the same.

import { ask } from "./ask.js";
import { draw, text_style, tooltip } from "./chart.js";
import { choice, chosen_metric, of_member } from "./choice.js";
import { by_id, element, fill_rows, say } from "./element.js";
import { basis_of, count, interval_of, sample_of, text_of, value_of } from "./figures.js";
import { keep_lines } from "./overview.js";
import { day, minute } from "./times.js";

export async function show_history() {
  const told = await ask("history", { span: choice.span, ...of_member() });
  keep_lines(lines_of(told.points));
  const metric = chosen_metric();
  const points = told.points.map(({ at, readings }) => ({ at, reading: readings[metric.name] }));
  const known = points.filter(({ reading }) => reading);
  say("history-caption", caption(metric, known));
  fill_rows(
    by_id("history-table").tBodies[0],
    known.toReversed(),
    ({ at }) => at,
    ({ at }) => minute(at, choice.zone),
    ({ at, reading }, row) => {
      row.firstElementChild.textContent = minute(at, choice.zone);
      return [
        element("td.number", {}, value_of(metric, reading)),
        element("td.number", {}, interval_of(metric, reading)),
        element("td.number", {}, count(sample_of(metric, reading))),
      ];
    },
  );
  draw(by_id("history-chart"), (its) => options(metric, points, its), by_id("history-caption").textContent);
  return told;
}

function lines_of(points) {
  const names = Object.keys(points[0]?.readings ?? {});
  const line = (name) => points.map(({ at, readings }) => [Date.parse(at), readings[name]?.value ?? null]);
  return Object.fromEntries(names.map((name) => [name, line(name)]));
}

function caption(metric, known) {
  const what = choice.member ? `${metric.name}, ${choice.by} ${choice.member},` : metric.name;
  if (known.length < 2) return `${what} has no history yet`;
  const values = known.map(({ reading }) => reading.value);
  const range = `between ${text_of(metric, Math.min(...values))} and ${text_of(metric, Math.max(...values))}`;
  return `${what} over windows of ${choice.span}, ${known.length} moments since ${minute(known[0].at, choice.zone)}: ${range}. The band is the 95 % interval.`;
}

function options(metric, points, its) {
  const at = (each) => Date.parse(each.at);
  const figure = (each, name) => each.reading?.[name] ?? null;
  const low = points.map((each) => [at(each), figure(each, "low")]);
  const width = points.map((each) => [at(each), band(each.reading)]);
  const axis = { axisLine: { lineStyle: { color: its.rule } }, axisTick: { show: false }, axisLabel: text_style(its.muted) };
  const label = ["7d", "28d"].includes(choice.span) ? day : minute;
  const hidden = { type: "line", stack: "band", symbol: "none", silent: true, lineStyle: { opacity: 0 }, tooltip: { show: false } };
  return {
    useUTC: true,
    grid: { left: 8, right: 16, top: 16, bottom: 8, containLabel: true },
    tooltip: tooltip(its, (shown) => said(metric, points[shown[0].dataIndex]), { trigger: "axis" }),
    xAxis: { type: "time", splitNumber: 5, ...axis, axisLabel: { ...axis.axisLabel, hideOverlap: true, formatter: (value) => label(value, choice.zone) } },
    yAxis: { type: "value", scale: true, splitNumber: 4, splitLine: { lineStyle: { color: its.rule } }, axisLabel: { ...axis.axisLabel, formatter: (value) => text_of(metric, value) } },
    series: [
      { ...hidden, data: low },
      { ...hidden, data: width, areaStyle: { color: its.band, opacity: 1 } },
      { type: "line", data: points.map((each) => [at(each), figure(each, "value")]), showSymbol: true, symbol: "circle", symbolSize: 5, lineStyle: { color: its.accent, width: 2 }, itemStyle: { color: its.accent } },
    ],
  };
}

const band = (reading) => (reading && reading.low !== null ? reading.high - reading.low : null);

function said(metric, { at, reading }) {
  const when = minute(at, choice.zone);
  return reading ? `${when}\n${text_of(metric, reading.value)}\n${basis_of(metric, reading)}` : `${when}\nnothing`;
}
