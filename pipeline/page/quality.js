// What the last check of the data found; a check is run only when somebody asks for it.

import { ask } from "./ask.js";
import { choice } from "./choice.js";
import { by_id, element, say } from "./element.js";
import { date_and_time } from "./times.js";

let running = false;

by_id("quality-run").addEventListener("click", async () => {
  if (running) return;
  show_running(true);
  try {
    show(await ask("quality", {}, { method: "POST" }));
  } catch (error) {
    say("quality-words", `The check could not be run: ${error.message}`);
  } finally {
    show_running(false);
  }
});

export async function show_quality() {
  if (!running) show(await ask("quality"));
}

function show_running(is) {
  running = is;
  by_id("quality-run").setAttribute("aria-disabled", is);
  by_id("quality-run").textContent = is ? "Checking …" : "Check now";
}

function show({ last }) {
  if (!last) return;
  const when = `as of ${date_and_time(last.as_of, choice.zone)}`;
  say("quality-words", last.success ? `✓ Everything expected of the data holds, ${when}.` : `✗ ${last.failures.length} of what is expected does not hold, ${when}.`);
  by_id("quality-suites").replaceChildren(...last.suites.map(suite_line), ...last.failures.map(failure_line));
}

function suite_line({ name, met, of, not_judged }) {
  const rest = not_judged ? `, ${not_judged} without anything to judge by` : "";
  return element("li", {}, element("strong", {}, name), `: ${met} of ${of} hold${rest}`);
}

function failure_line({ suite, expectation, table }) {
  return element("li.failed", {}, `✗ ${suite}: ${expectation} (table ${table})`);
}
