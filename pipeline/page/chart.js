// The one door to ECharts: made once, drawn in the page's own colours, and as wide as its place.

/* global echarts */

const drawn = new Map();
const dark = matchMedia("(prefers-color-scheme: dark)");

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const named = (name) => style.getPropertyValue(`--${name}`).trim();
  return Object.fromEntries(
    ["ink", "muted", "rule", "surface", "accent", "below", "band", "corner"].map((name) => [name, named(name)]),
  );
}

/** Draw what `options_of` says, given the colours; again whenever the colours change. */
export function draw(place, options_of, label) {
  const chart = drawn.get(place)?.chart ?? begun(place);
  drawn.set(place, { chart, options_of });
  place.setAttribute("aria-label", label);
  chart.setOption({ animation: false, ...options_of(colours()) }, { notMerge: true });
}

function begun(place) {
  const chart = echarts.init(place, null, { renderer: "canvas" });
  new ResizeObserver(() => chart.resize()).observe(place);
  return chart;
}

dark.addEventListener("change", () => {
  for (const [place, { options_of }] of drawn) draw(place, options_of, place.getAttribute("aria-label"));
});

/** What every chart's text looks like. */
export const text_style = (colour) => ({
  color: colour,
  fontFamily: getComputedStyle(document.body).fontFamily,
  fontSize: 12,
});

/** Tooltips are drawn, not built of HTML: names from outside stay text. */
export const tooltip = (its, formatter, more = {}) => ({
  renderMode: "richText",
  confine: true,
  backgroundColor: its.surface,
  borderColor: its.rule,
  textStyle: text_style(its.ink),
  formatter,
  ...more,
});

