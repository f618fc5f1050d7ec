"""The project holds together: what it names is there, and what it promises of itself is so."""

import ast
import doctest
import importlib
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = [
    Requirement(each) for each in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
]
PACKAGES = ("pipeline", "schemas", "checks")
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime"}
SQL_CLOCK = re.compile(
    r"\b(now|today|get_current_timestamp)\(\)|\bcurrent_(timestamp|date|time)\b", re.IGNORECASE
)


def tracked_texts() -> dict[str, str]:
    """Every file of the project as text, also where there is no git."""
    if (ROOT / ".git").exists():
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
        paths = [ROOT / name for name in names if name]
    else:
        tops = ("pipeline", "schemas", "checks", "tests", "docs", "bench", "grafana", "prometheus", ".ci")
        paths = [*ROOT.iterdir(), *(path for top in tops for path in (ROOT / top).rglob("*.*"))]
    files = [path for path in paths if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(ROOT)): path.read_text(errors="replace") for path in files}


def pinned() -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(.*\n(?:    --hash=.*\n)+)", lock_text(), re.MULTILINE)
    return {canonicalize_name(name): version for name, version, _ in lines}


def lock_text() -> str:
    return (ROOT / "requirements.lock").read_text() + "\n"


def clock_calls(tree: ast.AST) -> list[int]:
    """The lines that ask a module or class of time, by whatever it is called there, what time it is."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and ast.unparse(node.value).split(".")[-1] in {"datetime", "date", "time", "dt"}
    ]


def texts_in(path: Path) -> list[str]:
    """The string literals of a Python file: among them its SQL."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.parametrize(
    "name",
    [
        "pipeline",
        "schemas",
        "checks",
        "tests",
        "docker-compose.yml",
        "pyproject.toml",
        "README.md",
        "Makefile",
        "DECISIONS.md",
        "CHANGELOG.md",
        "LICENSE",
        ".ci/run",
        "requirements.lock",
    ],
)
def test_the_top_level_holds_what_newcomers_look_for(name: str) -> None:
    assert (ROOT / name).exists()


def test_ci_runs_what_developers_run() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert "make lint test" in (ROOT / ".ci/run").read_text().splitlines()


@pytest.mark.parametrize("dependency", DEPENDENCIES, ids=lambda each: each.name)
def test_every_dependency_is_pinned_with_hashes_and_has_its_reason(dependency: Requirement) -> None:
    version = pinned().get(canonicalize_name(dependency.name))
    assert version is not None
    assert version in dependency.specifier
    assert f"`{dependency.name}`" in (ROOT / "DECISIONS.md").read_text()


def test_the_changelog_knows_the_version() -> None:
    assert PROJECT["version"] in (ROOT / "CHANGELOG.md").read_text()


def test_no_file_names_a_machine_or_its_registry() -> None:
    machine = re.compile(r"/(?:work|farm|root)/|/home/[a-z]|/tmp/[a-z0-9_]+/")
    registry = re.compile(r"--(?:extra-)?index-url|--trusted-host|PIP_INDEX_URL|UV_INDEX")
    texts = tracked_texts()
    assert {"README.md", "pipeline/cli.py", "pipeline/metrics/csat.sql"} <= set(texts)
    own = f"tests/{Path(__file__).name}"
    found = [
        name
        for name, text in texts.items()
        if name != own and (machine.search(text) or registry.search(text))
    ]
    assert found == []
    assert "://" not in lock_text()


def test_nothing_asks_what_time_it_is_but_the_command_line() -> None:
    python = [path for top in PACKAGES for path in (ROOT / top).rglob("*.py")]
    asking = {
        str(path.relative_to(ROOT))
        for path in python
        if clock_calls(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert asking == {"pipeline/commands/options.py"}


def test_no_sql_asks_what_time_it_is() -> None:
    files = [path for top in PACKAGES for path in (ROOT / top).rglob("*.*")]
    statements = [(path.name, path.read_text("utf-8")) for path in files if path.suffix == ".sql"]
    statements += [(path.name, text) for path in files if path.suffix == ".py" for text in texts_in(path)]
    assert {"csat.sql", "measure.py"} <= {name for name, _ in statements}
    assert [name for name, text in statements if SQL_CLOCK.search(text)] == []


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        runner.run(example)
    assert runner.tries > 0
    assert runner.failures == 0


def test_the_image_is_built_from_files_that_are_there_and_reach_it() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in line.split()]
    assert {"pipeline", "schemas", "checks", "requirements.lock", "pyproject.toml"} <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert sorted(sent) == sorted(copied)


def test_the_image_runs_the_command_that_the_project_installs() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r requirements.lock" in text
    (entry,) = re.findall(r'^ENTRYPOINT \["(\w+)"\]$', text, re.MULTILINE)
    assert entry in PROJECT["scripts"]
    (python,) = re.findall(r"^FROM python:([0-9.]+)-slim$", text, re.MULTILINE)
    assert f">={python}" == PROJECT["requires-python"]


def test_the_hooks_are_those_of_make_lint() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint is not None
    tools = re.findall(r"\$\(BIN\)/(\w+(?: (?:check|format))?)", lint[1])
    assert len(tools) == len(entries) == 3
    assert all(any(entry.startswith(f".venv/bin/{tool}") for entry in entries) for tool in tools)
