"""Data Docs that open from disk: Great Expectations' pages without what they would load from the network.

Its pages hold their content as HTML, but take styles and scripts from public servers, and its index is
drawn by such a script: that page is written here, the others lose the scripts and gain a small style.
Great Expectations removes the pages of earlier runs, so a directory shows the latest.
"""

import re
from html import escape
from importlib.resources import files
from pathlib import Path

from checks.report import CheckReport, Finding

_PARTS = (
    re.compile(r"<script\b.*?</script>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<footer\b.*?</footer>", re.DOTALL | re.IGNORECASE),
    re.compile(r"<link\b[^>]*>|<img\b[^>]*https?://[^>]*>", re.IGNORECASE),
)
_REMOTE_STYLE = re.compile(r"@import[^;]*https?://[^;]*;|url\(\s*['\"]?https?://[^)]*\)", re.IGNORECASE)


def settle(directory: Path, report: CheckReport) -> None:
    """Make the site under `directory` self-contained, and write its index from `report`."""
    style = files(__package__).joinpath("data_docs.css").read_text(encoding="utf-8")
    pages = [
        page for folder in ("validations", "expectations") for page in (directory / folder).rglob("*.html")
    ]
    for page in pages:
        page.write_text(_self_contained(page.read_text(encoding="utf-8"), style), encoding="utf-8")
    links = [page.relative_to(directory) for page in sorted(pages)]
    (directory / "index.html").write_text(_index(report, links, style), encoding="utf-8")


def _self_contained(page: str, style: str) -> str:
    for part in _PARTS:
        page = part.sub("", page)
    return _REMOTE_STYLE.sub("none", page).replace("</head>", f"<style>\n{style}</style>\n</head>", 1)


def _index(report: CheckReport, links: list[Path], style: str) -> str:
    met = sum(finding.success for finding in report.findings)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>firsthand checks</title><style>
{style}</style></head>
<body>
<h1>firsthand checks as of {report.as_of.isoformat()}</h1>
<p>{met} of {len(report.findings)} expectations hold.</p>
<table>
{"".join(map(_row, report.findings))}</table>
<h2>Pages of Great Expectations</h2>
<ul>
{"".join(map(_item, links))}</ul>
</body>
</html>
"""


def _row(finding: Finding) -> str:
    outcome = "holds" if finding.success else "failed"
    cells = (finding.suite, outcome, finding.expectation, finding.sentence)
    return f'<tr class="{outcome}">{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>\n'


def _item(link: Path) -> str:
    name = escape(link.parts[1].removesuffix(".html"))
    return f'<li><a href="{link.as_posix()}">{link.parts[0]}: {name}</a></li>\n'
