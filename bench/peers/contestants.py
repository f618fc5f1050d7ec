"""Who takes part: the peers in the order of the field, from frameworks to what is written by hand."""

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"
REQUIREMENTS = Path(__file__).parent / "requirements"


@dataclass(frozen=True)
class Peer:
    """A program of `programs/`, its environment's lock in `requirements/`, and how it is shown.

    `package` is the one whose version is told. A slow peer gets fewer events. One that only counts ends
    with the number of records instead of totals.
    """

    name: str
    program: str
    package: str
    slow: bool = False
    only_counts: bool = False

    @property
    def source(self) -> Path:
        """What is run."""
        return PROGRAMS / f"{self.program}.py"

    @property
    def lock(self) -> Path:
        """The exact versions that it is run with."""
        return REQUIREMENTS / f"{self.program}.lock"

    @property
    def version(self) -> str:
        """Of its package, as locked."""
        start = f"{self.package}=="
        lines = self.lock.read_text(encoding="utf-8").splitlines()
        return next(line for line in lines if line.startswith(start)).removeprefix(start).split()[0]

    @property
    def lines(self) -> int:
        """Lines of code that its user writes, imports included; no blanks, comments or docstrings."""
        return sum(len(_code_lines(path.read_text(encoding="utf-8"))) for path in _with_imported(self.source))


BY_HAND = Peer("confluent-kafka + msgspec + dict", "confluent_msgspec", "confluent-kafka")
PEERS = (
    Peer("stock Faust, Record + take", "faust_take", "faust-streaming", slow=True),
    Peer("stock Faust, raw count only", "faust_count", "faust-streaming", slow=True, only_counts=True),
    Peer("Quix Streams, batching sink", "quix_sink", "quixstreams"),
    Peer("Bytewax, batch aggregation", "bytewax_batch", "bytewax"),
    Peer("aiokafka + msgspec + dict", "aiokafka_msgspec", "aiokafka"),
    Peer("confluent-kafka + DuckDB SQL", "confluent_duckdb", "confluent-kafka"),
    Peer("confluent-kafka + polars", "confluent_polars", "polars"),
    BY_HAND,
)


def _with_imported(source: Path) -> Iterator[Path]:
    """The program, and the modules beside it that it imports, each once."""
    found, new = {source}, {source}
    while new:
        new = {path for each in new for path in _imported(each)} - found
        found |= new
    yield from sorted(found)


def _imported(source: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (beside := source.with_name(f"{node.module}.py")).exists():
            yield beside


def _code_lines(text: str) -> set[int]:
    """The numbers of the lines that hold code.

    >>> _code_lines('"Meaning."' + chr(10) + "# why" + chr(10) * 2 + "a = (1," + chr(10) + "2)")
    {4, 5}
    """
    passed_over = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    lines = {
        line
        for token in tokens
        if token.type not in (*passed_over, tokenize.ENDMARKER)
        for line in range(token.start[0], token.end[0] + 1)
    }
    return lines - _docstrings(ast.parse(text))


def _docstrings(tree: ast.Module) -> set[int]:
    alone = (
        node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
    return {line for node in alone for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
