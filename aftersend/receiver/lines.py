"""Rows as lines of a file: CSV (RFC 4180) and JSON Lines.

A form is given cells, one for each column in order, and makes bytes. It also knows how to break off: with a line that
no reader takes for a row, because a server may end a stream that failed just as one that is complete.
"""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet would compute (OWASP, "CSV injection")."""
BROKEN_OFF = "This export broke off here; it is not complete"
_json = msgspec.json.Encoder()

FLAT: Mapping[str, Callable[[Any], str]] = {
    "doors": " ".join,
    "metadata": lambda known: _json.encode(known).decode() if known else "",
}
"""Columns that hold more than one thing, and how they become text."""


class Form(ABC):
    """A file's format for rows of these columns."""

    media: ClassVar[str]
    extension: ClassVar[str]
    broken_off: ClassVar[bytes]
    """The end of a file that must not be taken for complete: every strict reader stumbles over it."""

    def __init__(self, columns: Sequence[str]):
        self.columns = tuple(columns)

    @abstractmethod
    def head(self) -> bytes:
        """What the file begins with."""

    @abstractmethod
    def lines(self, rows: Sequence[list[Any]]) -> bytes:
        """The lines of rows, which are used up."""


class Csv(Form):
    """A header line and a line a row, ended by CR LF, in UTF-8; what is absent is empty. ``safe`` puts an apostrophe
    before a text that a spreadsheet would take for a formula: such a cell is no longer what the platform said."""

    media = "text/csv; charset=utf-8; header=present"
    extension = "csv"
    broken_off = f'"{BROKEN_OFF}'.encode()

    def __init__(self, columns: Sequence[str], *, safe: bool = False):
        super().__init__(columns)
        self._safe = safe
        self._flat = [(place, FLAT[name]) for place, name in enumerate(self.columns) if name in FLAT]

    def head(self) -> bytes:
        return self._written([self.columns])

    def lines(self, rows: Sequence[list[Any]]) -> bytes:
        for place, flat in self._flat:
            for row in rows:
                row[place] = flat(row[place])
        return self._written(([harmless(cell) for cell in row] for row in rows) if self._safe else rows)

    def _written(self, rows: Iterable[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()


class JsonLines(Form):
    """An object a line, every column in it, ``null`` where it is absent."""

    media = "application/x-ndjson"
    extension = "jsonl"
    broken_off = b'{"broken_off": ' + _json.encode(BROKEN_OFF)

    def head(self) -> bytes:
        return b""

    def lines(self, rows: Sequence[list[Any]]) -> bytes:
        columns = self.columns
        return _json.encode_lines([dict(zip(columns, row, strict=True)) for row in rows])


def harmless(cell: Any) -> Any:
    """A cell as a text that no spreadsheet computes."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
