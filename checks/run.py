"""The one door to Great Expectations: the suites are said to it, run, and read back as a report."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

# before the import, and whatever the shell says: a run speaks to nobody
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
from great_expectations import expectations
from great_expectations.checkpoint.actions import UpdateDataDocsAction
from great_expectations.expectations.row_conditions import Column
from sqlalchemy.pool import StaticPool

from checks import data_docs
from checks.expectations import Between, Expectation, Measured, NeverNull, NoRows, OneOf, Where
from checks.findings import finding
from checks.report import CheckReport
from checks.settings import CheckSettings
from checks.snapshot import Database, Snapshot, snapshot
from checks.suites import ALL, SUITES
from pipeline.errors import InputError

# it logs whole tracebacks of what the report, or DatabaseError, says in a line
logging.getLogger("great_expectations").setLevel(logging.CRITICAL)

_WORDS: Any = expectations
"""Its package does not declare to type checkers what it exports."""

OFFENDERS = 1000
"""Rows a failing query is counted up to: more would say no more, and cost memory."""

_SITE = "firsthand"
_ONE_RUN = Lock()
"""Great Expectations keeps its context in a global."""


@dataclass(frozen=True)
class _Batch:
    """The expectations of a suite that look at one table: what Great Expectations validates at once."""

    suite: str
    table: str
    expectations: tuple[Expectation, ...]

    @property
    def name(self) -> str:
        return self.suite if self.suite == self.table else f"{self.suite}-{self.table}"


def run_checks(
    database: Database,
    as_of: datetime,
    docs: Path | None = None,
    suites: Sequence[str] = ALL,
    settings: CheckSettings | None = None,
) -> CheckReport:
    """Check a database as of a moment; with `docs`, write Data Docs into that directory.

    `database`: a file (path, or `duckdb:///path`) that nobody holds, or an open connection of this
    process, which may be written by other threads meanwhile. An empty database meets every expectation;
    what cannot be judged without rows says so. Raises DatabaseError where the database cannot be read,
    InputError for an unknown suite or a directory that cannot be written.
    """
    if unknown := [suite for suite in suites if suite not in SUITES]:
        raise InputError(f"no suite is called {', '.join(unknown)}; there are {', '.join(ALL)}")
    batches = [
        batch
        for suite in suites
        for batch in _by_table(suite, SUITES[suite](settings or CheckSettings(), as_of))
    ]
    tables = dict.fromkeys((*ALL, *(batch.table for batch in batches)))
    with _ONE_RUN, snapshot(database, tuple(tables)) as seen:
        results = _validate(batches, seen, as_of, _writable(docs))
        report = CheckReport(
            as_of,
            tuple(
                finding(batch.suite, each, results[batch.name, each.name], seen)
                for batch in batches
                for each in batch.expectations
            ),
        )
    if docs is not None:
        data_docs.settle(docs, report)
    return report


def _by_table(suite: str, expectations: tuple[Expectation, ...]) -> Iterable[_Batch]:
    for table in dict.fromkeys(each.table for each in expectations):
        yield _Batch(suite, table, tuple(each for each in expectations if each.table == table))


def _writable(docs: Path | None) -> Path | None:
    if docs is not None:
        try:
            docs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{docs}: no Data Docs can be written there ({error.strerror}); name another"
            ) from error
    return docs


def _validate(
    batches: Sequence[_Batch], seen: Snapshot, as_of: datetime, docs: Path | None
) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """The result of every expectation, as Great Expectations tells it, by batch and name."""
    context: Any = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_sql(
        "database", connection_string="duckdb://", kwargs={"creator": lambda: seen, "poolclass": StaticPool}
    )
    checkpoint = gx.Checkpoint(
        name="checks",
        validation_definitions=[_definition(context, source, batch) for batch in batches],
        actions=[] if docs is None else [_publishing(context, docs)],
        result_format="SUMMARY",
    )
    run = gx.RunIdentifier(run_name="firsthand", run_time=as_of)
    outcome = context.checkpoints.add(checkpoint).run(run_id=run)
    return {
        (result.suite_name, each.expectation_config.meta["name"]): each.to_json_dict()
        for result in outcome.run_results.values()
        for each in result.results
    }


def _definition(context: Any, source: Any, batch: _Batch) -> Any:
    data = source.add_table_asset(batch.name, table_name=batch.table).add_batch_definition_whole_table("all")
    suite = gx.ExpectationSuite(name=batch.name, expectations=[_said(each) for each in batch.expectations])
    context.suites.add(suite)
    return context.validation_definitions.add(
        gx.ValidationDefinition(name=batch.name, data=data, suite=suite)
    )


def _publishing(context: Any, docs: Path) -> UpdateDataDocsAction:
    context.add_data_docs_site(
        _SITE,
        {
            "class_name": "SiteBuilder",
            "show_how_to_buttons": False,
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(docs.resolve()),
            },
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        },
    )
    return UpdateDataDocsAction(name="data_docs", site_names=[_SITE])


def _said(expectation: Expectation) -> Any:
    """An expectation in Great Expectations' words."""
    meta = {"name": expectation.name}
    match expectation:
        case NeverNull(column=column, where=where):
            return _WORDS.ExpectColumnValuesToNotBeNull(column=column, meta=meta, **_only(where))
        case Between(column=column, low=low, high=high, where=where):
            return _WORDS.ExpectColumnValuesToBeBetween(
                column=column, min_value=low, max_value=high, meta=meta, **_only(where)
            )
        case OneOf(column=column, members=members):
            return _WORDS.ExpectColumnValuesToBeInSet(column=column, value_set=list(members), meta=meta)
        case NoRows(sql=sql):
            query = f"select * from ({sql}) limit {OFFENDERS}"
        case Measured(sql=sql, holds=holds):
            query = f"select * from ({sql}) where not coalesce({holds}, true)"
    return _WORDS.UnexpectedRowsExpectation(
        unexpected_rows_query=query, description=expectation.rule, meta=meta
    )


def _only(where: Where | None) -> dict[str, Any]:
    return {} if where is None else {"row_condition": Column(where.column).is_in(where.members)}
