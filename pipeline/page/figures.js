// Figures as people read them; the exact value stands in the `value` of a <data> element.

import { element } from "./element.js";

const number = (digits, more = {}) =>
  new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits, ...more });
const WHOLE = number(0);
const PERCENT = number(1, { style: "percent" });

export const count = (value) => WHOLE.format(value);

/** How a metric's values are written, by the unit that its definition names. */
function format_of(metric) {
  const unit = metric.unit.split(/[ ,;]/)[0];
  if (unit === "share") return { one: PERCENT, scale: 100, digits: 1, unit: "\u00a0%", step: "\u00a0points" };
  if (unit === "seconds") return { one: number(1), scale: 1, digits: 1, unit: "\u00a0s", step: "\u00a0s" };
  if (unit === "count") return { one: WHOLE, scale: 1, digits: 0, unit: "", step: "" };
  return { one: number(2), scale: 1, digits: 2, unit: "", step: "" };
}

export function text_of(metric, value) {
  if (value === null || value === undefined) return "–";
  const format = format_of(metric);
  const text = number(format.digits).format(value * format.scale);
  return minus(text) + format.unit;
}

export function value_of(metric, reading) {
  if (!reading) return element("span.none", {}, "none");
  return element("data", { value: reading.value }, text_of(metric, reading.value));
}

export function interval_of(metric, reading) {
  if (!reading || reading.low === null || reading.low === undefined) return "no interval";
  const format = format_of(metric);
  const write = (value) => minus(number(format.digits).format(value * format.scale));
  return `${write(reading.low)} to ${write(reading.high)}${format.unit}`;
}

export const sample_of = (metric, reading) =>
  metric.kind === "count" ? reading.numerator : reading.denominator;

/** The second line of a value: its interval and what it rests on. */
export function basis_of(metric, reading) {
  if (!reading) return "nothing in this window";
  if (metric.kind === "count") return "a plain count";
  return `${interval_of(metric, reading)} · n\u00a0${count(sample_of(metric, reading))}`;
}

export function difference_of(metric, difference) {
  const format = format_of(metric);
  const signed = number(format.digits, { signDisplay: "exceptZero" });
  return minus(signed.format(difference * format.scale)) + format.step;
}

/** Whether a change is more than chance, in words. */
export function verdict_of(row) {
  if (!row.now || !row.before) return row.now ? "nothing before" : "";
  if (row.beyond_chance === null) return "no interval";
  return row.beyond_chance ? "more than chance" : "may be chance";
}

/** A change with its arrow and verdict; an arrow only where it is more than chance. */
export function change_cell(metric, row) {
  const difference = row.difference;
  if (difference === null) return element("td.number.change", {}, element("small", {}, verdict_of(row)));
  const arrow = row.beyond_chance ? (difference > 0 ? "▲ " : "▼ ") : "";
  const kind = row.beyond_chance ? "td.number.change.sure" : "td.number.change";
  return element(
    kind,
    {},
    element("span", {}, element("span", { "aria-hidden": "true" }, arrow), difference_of(metric, difference)),
    element("small", {}, verdict_of(row)),
  );
}

export function value_cell(metric, reading) {
  const lines = basis_of(metric, reading).split(" · ");
  return element("td.number.reading", {}, value_of(metric, reading), ...lines.map((each) => element("small", {}, each)));
}

const minus = (text) => text.replace("-", "−");
