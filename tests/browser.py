"""A real browser for the tests: Chromium as the system has it, steered by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
AXE = Path(__file__).with_name("vendor") / "axe.min.js"
PATIENCE_MS = 45_000
LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective));
"""


def had() -> str:
    """The browser's path; where there is none the test is skipped, and fails in CI."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    reason = f"no browser on this machine: none of {', '.join(NAMES)} (Debian: apt-get install chromium)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    path = had()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Reader:
    """Somebody with the page open; what went wrong in the browser meanwhile is kept."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        asked = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/Berlin"} | context
        self.context = browser.new_context(**asked)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.add_init_script(LISTEN)
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(url)

    def until(self, condition: str, argument: Any = None) -> None:
        """Wait for a condition in JavaScript; as a function, since the page's policy forbids `eval`."""
        condition = condition if "=>" in condition else f"() => {condition}"
        self.page.wait_for_function(condition, arg=argument, timeout=PATIENCE_MS)

    def shows(self, selector: str, text: str) -> None:
        """Wait until an element's text contains this."""
        self.until(
            "([where, what]) => document.querySelector(where)?.innerText.includes(what)", [selector, text]
        )

    def values(self, table: str = "overview") -> dict[str, float]:
        """The exact value beside every row's name, all of one moment."""
        return self.page.evaluate(
            """(id) => Object.fromEntries([...document.getElementById(id).tBodies[0].rows].map((row) =>
                [row.querySelector("button").textContent, row.querySelector("data")?.value])
                .filter(([, v]) => v).map(([name, v]) => [name, Number(v)]))""",
            table,
        )

    def violations(self) -> list[str]:
        """Of the content security policy."""
        return self.page.evaluate("window.violations")

    def serious(self) -> list[str]:
        """What axe-core finds of serious or critical impact, in a line each."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
