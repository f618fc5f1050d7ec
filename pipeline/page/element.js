// Elements are made of text only: nothing that came from outside is ever read as HTML.

export const by_id = (id) => document.getElementById(id);

/** An element with classes, attributes and children: `element("td.number", {title: "n"}, "12")`. */
export function element(kind, attributes = {}, ...children) {
  const [name, ...classes] = kind.split(".");
  const made = document.createElement(name);
  made.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((each) => each !== null && each !== undefined));
  return made;
}

/** Set a text only where it differs, so that nobody is told the same twice. */
export function say(id, text) {
  const place = by_id(id);
  if (place.textContent !== text) place.textContent = text;
}

/**
 * Bring a table's rows to `items`. A row stays the same element as long as its key does, with its first
 * cell: who has the focus in it keeps it.
 */
export function fill_rows(body, items, key_of, head_of, cells_of) {
  const known = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  const focused = document.activeElement;
  items.forEach((item, position) => {
    const key = String(key_of(item));
    const row = known.get(key) ?? made_row(key, head_of(item));
    known.delete(key);
    row.replaceChildren(row.firstElementChild, ...cells_of(item, row));
    if (body.rows[position] !== row) body.insertBefore(row, body.rows[position] ?? null);
  });
  for (const gone of known.values()) gone.remove();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

/** The same for a list: an item stays as long as its key does, with its first part. */
export function fill_items(list, items, key_of, head_of, parts_of) {
  const known = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const focused = document.activeElement;
  items.forEach((item, position) => {
    const key = key_of(item);
    const place = known.get(key) ?? made_item(key, head_of(item));
    known.delete(key);
    place.replaceChildren(place.firstElementChild, ...parts_of(item, place));
    if (list.children[position] !== place) list.insertBefore(place, list.children[position] ?? null);
  });
  for (const gone of known.values()) gone.remove();
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
}

function made_item(key, head) {
  const item = element("li", {}, head);
  item.dataset.key = key;
  return item;
}

function made_row(key, head) {
  const row = element("tr", {}, element("th", { scope: "row" }, head));
  row.dataset.key = key;
  return row;
}
