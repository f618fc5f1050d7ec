"""What a reader may ask: one SELECT over the contract's tables and plain functions.

Nothing is matched in the text: DuckDB parses it, and what the parse tree holds must be on a list. A kind of
node that no list knows is refused.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from importlib.resources import files
from typing import Any

from pipeline.errors import RefusedError

MAX_CHARACTERS = 65_536
RELATIONS = ("touchpoints", "rejections", "contacts", "metrics", "flips", "alerts", "silences", "watermarks")
MACROS = ("metrics_at", "contacts_at")
ROWS_FUNCTIONS = ("unnest", "range", "generate_series")
CATALOG_VIEWS = ("schemata", "tables", "columns", "views")
CATALOG_FUNCTIONS = (
    "duckdb_tables",
    "duckdb_views",
    "duckdb_columns",
    "duckdb_schemas",
    "duckdb_databases",
)
SHOWN = ('"tables"', '"databases"', "__show_tables_expanded", "__show_tables_from_database")

Node = Mapping[str, Any]
Names = frozenset[str]


class Place(Enum):
    """Where a question is answered."""

    DATABASE = "the database"
    CATALOG = "the list of what there is to ask for"


def place_of(text: str, serialize: Callable[[str], str]) -> Place:
    """Where `text` may be run as it stands; `serialize` is DuckDB's json_serialize_sql.

    Raises RefusedError, with the reason, where it may not be run at all.
    """
    if len(text) > MAX_CHARACTERS:
        raise RefusedError(f"a query has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}")
    if "\0" in text:
        raise RefusedError("the query holds a NUL character; leave it out")
    try:
        tree = json.loads(serialize(text))
        places = set(_relations(_statement(tree), frozenset()))
    except RecursionError as error:
        raise RefusedError("the query is nested too deeply; write it in fewer levels") from error
    if len(places) > 1:
        raise RefusedError("ask for the list of tables and for what is in them in two queries")
    return places.pop() if places else Place.DATABASE


def _statement(tree: Node) -> Node:
    """The one SELECT of the text."""
    if tree["error"]:
        if tree.get("error_type") == "not implemented":
            raise RefusedError(
                "readers may only SELECT: nothing can be written, set, attached or loaded here"
            )
        raise RefusedError(f"the query cannot be read: {' '.join(str(tree['error_message']).split())}")
    if len(tree["statements"]) != 1:
        raise RefusedError("one query at a time, please: this text holds several, or none")
    node: Node = tree["statements"][0]["node"]
    return node


def _relations(node: Any, known: Names) -> Iterator[Place]:
    """Walk a tree and tell where its relations are; `known` are the names of the CTEs in sight."""
    if isinstance(node, list):
        for each in node:
            yield from _relations(each, known)
    elif isinstance(node, dict):
        kind = node.get("class") or node.get("type")
        if not isinstance(kind, str):
            yield from _children(node, known)
        elif (walk := _WALKS.get(kind)) is None:
            raise RefusedError(f"readers may not use {kind.lower().replace('_', ' ')} in a query")
        else:
            yield from walk(node, known)


def _children(node: Node, known: Names) -> Iterator[Place]:
    for key, child in node.items():
        if key not in _TYPES:
            yield from _relations(child, known)


def _query(node: Node, known: Names) -> Iterator[Place]:
    """A SELECT and its like: each CTE sees those before it, the rest sees all of them."""
    for entry in node.get("cte_map", {}).get("map", ()):
        yield from _relations(entry["value"]["query"], known)
        yield from _relations(entry["value"].get("key_targets"), known)
        known |= {_folded(entry["key"])}
    yield from _children({key: child for key, child in node.items() if key != "cte_map"}, known)


def _recursive(node: Node, known: Names) -> Iterator[Place]:
    """A recursive CTE sees itself, in its second half."""
    yield from _relations(node["left"], known)
    rest = {key: child for key, child in node.items() if key not in ("left", "cte_map")}
    yield from _query({"cte_map": node.get("cte_map", {}), **rest}, known | {_folded(node["cte_name"])})


def _table(node: Node, known: Names) -> Iterator[Place]:
    catalog, schema, name = (_folded(node.get(f"{key}_name")) for key in ("catalog", "schema", "table"))
    if node.get("at_clause"):
        raise RefusedError("readers see the present only: leave AT (...) out, or ask metrics_at")
    if not (catalog or schema) and name in known:
        return
    if name in RELATIONS and schema in ("", "main", "firsthand") and catalog in ("", "firsthand"):
        yield Place.DATABASE
    elif name in CATALOG_VIEWS and schema == "information_schema" and not catalog:
        yield Place.CATALOG
    else:
        full = ".".join(node[key] for key in ("catalog_name", "schema_name", "table_name") if node.get(key))
        raise RefusedError(f"{_shown(full)} is not for readers; there are {', '.join(RELATIONS)}")


def _table_function(node: Node, known: Names) -> Iterator[Place]:
    function = node["function"]
    if function.get("class") != "FUNCTION":
        raise RefusedError("a table function is called by its name")
    name = _folded(function["function_name"])
    if name in MACROS and _of_main(function, ("", "main", "firsthand")):
        yield Place.DATABASE
    elif name in CATALOG_FUNCTIONS and _of_main(function):
        yield Place.CATALOG
    elif name not in ROWS_FUNCTIONS or not _of_main(function):
        there = ", ".join(MACROS + ROWS_FUNCTIONS)
        raise RefusedError(f"the table function {_shown(name)} is not for readers; there are {there}")
    yield from _children(function, known)
    yield from _children({key: child for key, child in node.items() if key != "function"}, known)


def _function(node: Node, known: Names) -> Iterator[Place]:
    name = _folded(node["function_name"])
    if name not in FUNCTIONS or not _of_main(node):
        full = ".".join(node[key] for key in ("catalog", "schema", "function_name") if node.get(key))
        raise RefusedError(f"the function {_shown(full)} is not for readers")
    yield from _children(node, known)


def _show(node: Node, known: Names) -> Iterator[Place]:
    """DESCRIBE and SUMMARIZE of a query, or SHOW TABLES."""
    if node.get("query"):
        yield from _relations(node["query"], known)
    elif node.get("table_name") in SHOWN:
        yield Place.CATALOG
    else:
        raise RefusedError("readers may SHOW TABLES, and DESCRIBE what they may read")


def _nothing(node: Node, known: Names) -> Iterator[Place]:  # noqa: ARG001 - as the other walks
    yield from ()


def _of_main(function: Node, schemas: tuple[str, ...] = ("", "main")) -> bool:
    return _folded(function.get("schema")) in schemas and not function.get("catalog")


def _folded(name: str | None) -> str:
    """A name as DuckDB compares it: it folds the capitals of ASCII."""
    return "".join(each.lower() if each.isascii() else each for each in name or "")


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name)[:80]


FUNCTIONS = frozenset(
    name
    for line in files("pipeline.live_sql").joinpath("functions.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
    for name in line.split()
)

_TYPES = ("cast_type", "type")
"""Keys under which only types stand."""

_WALKS: Mapping[str, Callable[[Node, Names], Iterator[Place]]] = {
    "SELECT_NODE": _query,
    "SET_OPERATION_NODE": _query,
    "RECURSIVE_CTE_NODE": _recursive,
    "BASE_TABLE": _table,
    "TABLE_FUNCTION": _table_function,
    "SHOW_REF": _show,
    "FUNCTION": _function,
    "WINDOW": _function,
    "CONSTANT": _nothing,
    **dict.fromkeys(("EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY"), _children),
    **dict.fromkeys(
        (
            "BETWEEN",
            "CASE",
            "CAST",
            "COLLATE",
            "COLUMN_REF",
            "COMPARISON",
            "CONJUNCTION",
            "LAMBDA",
            "OPERATOR",
        ),
        _children,
    ),
    **dict.fromkeys(("LAMBDA_REF", "POSITIONAL_REFERENCE", "STAR"), _children),
    **dict.fromkeys(
        ("DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "ORDER_MODIFIER"), _children
    ),
    **dict.fromkeys(("ORDER_DEFAULT", "ASCENDING", "DESCENDING"), _children),
}
