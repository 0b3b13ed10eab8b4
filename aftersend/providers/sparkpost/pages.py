"""A page of SparkPost's list of events: flat, newest first, with a link to the next (Pull feed)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from aftersend.providers import marks
from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.paging import Page
from aftersend.providers.sparkpost.events import event
from aftersend.providers.values import decoded, rows_of, text
from aftersend.vocabulary import BadInput, Delivery, Reading


def read(delivery: Delivery, options: marks.Options) -> Reading:
    """The events of a page; each row for itself."""
    try:
        rows = rows_of(decoded(delivery.body), "results")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    for number, row in enumerate(rows):
        try:
            if found := event(row, delivery, options):
                reading.events.append(found)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def look(answer: Answer) -> Page:
    """The ids of a page and the link to the next. Raises Malformed."""
    said = decoded(answer.body)
    rows, links = rows_of(said, "results"), rows_of(said, "links")
    following = [link.get("href") for link in links if isinstance(link, dict) and link.get("rel") == "next"]
    if following and not text(following[0]):
        raise Malformed("The link to the next page says no address.")
    return Page(ids=[_id(row) for row in rows], next=text(following[0]) if following else None)


def _id(row: Any) -> str:
    own = text(row.get("event_id")) if isinstance(row, dict) else None
    return own or blake2b(repr(row).encode("utf-8", "replace"), digest_size=16).hexdigest()
