"""Dumps of events: files of CSV, and what the methods answer on the way to them (provider file, "Pull feed")."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from aftersend.providers.contract import Malformed
from aftersend.providers.items import problem
from aftersend.providers.marks import Options
from aftersend.providers.unisender_go import events
from aftersend.providers.unisender_go.identity import DUMP
from aftersend.providers.unisender_go.values import Fields
from aftersend.providers.values import decoded, text
from aftersend.vocabulary import BadInput, Delivery, Event, Reading

FILE = "file"
"""What ``step`` in the context of a delivery says where it is a file; answers on the way to it tell no events."""
COLUMNS = ("event_time", "job_id", "email", "status")
"""Without these a file is no dump."""

Row = Fields | str
"""A row by the names of its columns, or why it can't be read."""


def read(delivery: Delivery, options: Options) -> Reading:
    """The events of a file."""
    reading = Reading()
    if delivery.context.get("step") != FILE:
        return reading
    alike: Counter[tuple[bytes, str]] = Counter()
    try:
        for number, row in enumerate(rows(delivery.body)):
            try:
                reading.events.append(_event(row, delivery.source, options, alike))
            except BadInput as error:
                reading.problems.append(problem(number, row, error))
    except Malformed as error:
        reading.problems.append(problem(0, delivery.body, error))
    return reading


def rows(body: bytes) -> Iterator[Row]:
    """The rows of a file. Raises Malformed where it is none."""
    lines = csv.reader(io.StringIO(body.decode("utf-8-sig", "replace"), newline=""))
    try:
        head = [name.strip() for name in next(lines, [])]
    except csv.Error:
        head = []
    if not set(COLUMNS) <= set(head):
        raise Malformed("The file has not the columns of a dump.")
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error:
            yield "The row is not CSV."
            continue
        if len(cells) == len(head):
            yield dict(zip(head, cells, strict=True))
        elif cells:
            yield "The row has not as many cells as there are columns."


def _event(row: Row, source: str, options: Options, alike: Counter[tuple[bytes, str]]) -> Event:
    if isinstance(row, str):
        raise BadInput(row)
    found = events.event(
        row,
        row,
        _marks(row),
        source,
        options,
        DUMP,
        from_email=text(row.get("from_email")),
        project_id=text(row.get("project_id")),
        subject=text(row.get("subject")),
        tags=_tags(row.get("tags")),
    )
    if not found.row:
        return found
    # Rows have no ids: of those that are alike in one file, each is one.
    alike[found.slot, found.row] += 1
    number = alike[found.slot, found.row]
    return found if number == 1 else msgspec.structs.replace(found, row=f"{found.row} {number}")


def _marks(row: Fields) -> Fields:
    """The sender's metadata, as JSON in a cell; how it is written there is not documented."""
    said = text(row.get("metadata"))
    if not said:
        return {}
    found = _json(said)
    if isinstance(found, dict):
        return found
    return {} if found in ([], None) and said in ("[]", "null") else {"metadata": said}


def _tags(value: Any) -> str | None:
    found = _json(text(value) or "")
    if isinstance(found, list):
        return ", ".join(filter(None, map(text, found))) or None
    return text(value)


def _json(said: str) -> Any:
    try:
        return decoded(said.encode("utf-8", "replace"))
    except Malformed:
        return None
