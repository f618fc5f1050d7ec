// A small line without axes: the shape of the past, and a dot for now. Its figures stand in the history.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 28;
const MARGIN = 3;

export function sparkline(points) {
  const picture = made("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "sparkline", "aria-hidden": "true" });
  const known = points.filter(([, value]) => value !== null);
  if (known.length < 2) return picture;
  const x = scale(known.map(([at]) => at), MARGIN, WIDTH - MARGIN);
  const y = scale(known.map(([, value]) => value), HEIGHT - MARGIN, MARGIN);
  const path = known.map(([at, value], n) => `${n ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`);
  const [at, value] = known.at(-1);
  picture.append(made("path", { d: path.join("") }), made("circle", { cx: x(at), cy: y(value), r: 2.5 }));
  return picture;
}

function scale(values, from, to) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return (value) => (high === low ? (from + to) / 2 : from + ((value - low) / (high - low)) * (to - from));
}

function made(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
