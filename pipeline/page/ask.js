// Questions to the worker; an answer that is no answer is an error with the worker's words.

import { turn } from "./choice.js";

/** Something else has been picked since this was asked: its answer is nobody's any more. */
export class Superseded extends Error {}

export async function ask(what, query = {}, options = {}) {
  const asked_in = turn();
  const answer = await fetch(`/data/${what}?${new URLSearchParams(query)}`, options);
  if (!answer.ok) throw new Error((await answer.text()) || answer.statusText);
  const told = await answer.json();
  if (turn() !== asked_in && !options.method) throw new Superseded(what);
  return told;
}
