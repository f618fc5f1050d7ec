// Names beside marks: each where it covers no mark and no other name, or not at all.

const LETTER = 7.2;
const LINE = 15;
const GAP = 4;

/** For marks {key, text, x, y, size} in pixels, by importance: a map from key to side. */
export function placed(marks, width) {
  const taken = marks.map(({ x, y, size }) => ({ left: x - size / 2, right: x + size / 2, top: y - size / 2, bottom: y + size / 2 }));
  const sides = new Map();
  for (const mark of marks) {
    for (const [side, box] of boxes(mark)) {
      if (box.left < -GAP || box.right > width || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      sides.set(mark.key, side);
      break;
    }
  }
  return sides;
}

function boxes({ text, x, y, size }) {
  const long = text.length * LETTER;
  const away = size / 2 + GAP;
  const beside = { top: y - LINE / 2, bottom: y + LINE / 2 };
  const centred = { left: x - long / 2, right: x + long / 2 };
  return [
    ["right", { left: x + away, right: x + away + long, ...beside }],
    ["left", { left: x - away - long, right: x - away, ...beside }],
    ["top", { top: y - away - LINE, bottom: y - away, ...centred }],
    ["bottom", { top: y + away, bottom: y + away + LINE, ...centred }],
  ];
}

const overlap = (one, other) =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
