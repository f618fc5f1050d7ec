"""XLSX: the rows of one sheet, read as a stream."""

import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from pipeline.errors import InputError
from pipeline.exports.row import Layout, Row, cell_text, check_columns, reading, to_cell
from pipeline.mappings.yaml_lines import nearest

NOT_CALCULATED = (
    "column {name!r} holds a formula without a stored value; open the workbook in Excel and save it again"
)


def read_workbook(file: Path, layout: Layout, wanted: tuple[str, ...]) -> Iterator[Row]:
    """One row per row of the sheet that holds anything; the first row holds the names.

    Formulas count with the value that was stored with them; one without a value is an error.
    """
    with (
        reading(file, zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, kind="XLSX workbook"),
        closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as values,
        closing(openpyxl.load_workbook(file, read_only=True)) as formulas,
    ):
        sheet = _choose_sheet(file, layout.sheet, values.sheetnames)
        rows = values[sheet].iter_rows(values_only=True)
        written = formulas[sheet].iter_rows(values_only=True)
        names = [cell_text(to_cell(value)) for value in next(rows, ())]
        next(written, None)
        check_columns(f"{file}, sheet {sheet!r}, row 1", names, wanted)
        for number, (cells, source) in enumerate(zip(rows, written, strict=True), start=2):
            if any(value is not None for value in source):
                yield _row(f"row {number}", names, cells, source, wanted)


def _choose_sheet(file: Path, sheet: str, sheets: list[str]) -> str:
    if not sheet and len(sheets) == 1:
        return sheets[0]
    if not sheet:
        raise InputError(f"{file}: has several sheets; name one in the mapping with `sheet:`: {sheets}")
    if sheet not in sheets:
        raise InputError(f"{file}: has no sheet {sheet!r}; {nearest(sheet, tuple(sheets))}")
    return sheet


def _row(
    place: str, names: list[str], cells: tuple[Any, ...], source: tuple[Any, ...], wanted: tuple[str, ...]
) -> Row:
    for name, value, formula in zip(names, cells, source, strict=False):
        if value is None and formula is not None and name in wanted:
            return Row(place, {}, NOT_CALCULATED.format(name=name))
    # A short row ends at its last filled cell; cells beyond the names have no name to be read by.
    return Row(
        place, {name: to_cell(value) for name, value in zip(names, cells, strict=False) if name in wanted}
    )
