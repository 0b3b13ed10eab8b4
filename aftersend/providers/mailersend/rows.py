"""The list of a domain's activities, and the list of domains (provider file, "Pull feed").

A row tells no reason, address or link. It holds the text and the HTML of the email, which are kept nowhere.
"""

from __future__ import annotations

import json
import re
from typing import Any

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.mailersend.activity import Activity, event, fields, tags
from aftersend.providers.mailersend.options import Options
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, rows_of, stamp, text
from aftersend.vocabulary import BadInput, Delivery, Reading

ACTIVITY, DOMAINS = "activity", "domains"
CONTENTS = frozenset({"text", "html"})
_CONTENT = re.compile(rb'"(?:text|html)"')
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def read(delivery: Delivery, source: str, options: Options) -> Reading:
    """The events of a page of activities; domains are no events."""
    if delivery.context.get("list") == DOMAINS:
        return Reading()
    try:
        rows = rows_of(decoded(delivery.body), "data")
    except Malformed as error:
        return unreadable(delivery, error)
    reading, domain = Reading(), delivery.context.get("domain")
    for number, row in enumerate(rows):
        try:
            reading.events.append(event(_activity(row, domain), source, options))
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    return reading


def _activity(row: Any, domain: str | None) -> Activity:
    if not isinstance(row, dict):
        raise BadInput("A row must be an object.")
    word, own, email = text(row.get("type")), text(row.get("id")), fields(row.get("email"))
    if not word:
        raise BadInput("type is missing.", "type")
    if not own:
        raise BadInput("id is missing.", "id")
    at = stamp(row.get("created_at"), "created_at")
    if at is None:
        raise BadInput("created_at is missing.", "created_at")
    return Activity(
        word=word,
        at=at,
        raw=b"",
        id=own,
        email_id=text(email.get("id")),
        email=text(fields(email.get("recipient")).get("email")),
        sender=text(email.get("from")),
        subject=text(email.get("subject")),
        tags=tags(email.get("tags")),
        domain=domain,
    )


def look(answer: Answer) -> Page:
    """A page of either list. It says itself whether there is another. Raises Malformed."""
    said = decoded(answer.body)
    # What has no id is a problem, and the same one on every page.
    ids = [text(fields(row).get("id")) or f"row {number}" for number, row in enumerate(rows_of(said, "data"))]
    links = said.get("links")
    return Page(ids=ids, more=links.get("next") is not None if isinstance(links, dict) else None)


def domains(answer: Answer) -> list[str]:
    """The ids of a page of domains; what can be no id is none."""
    rows = rows_of(decoded(answer.body), "data")
    return [own for row in rows if (own := text(fields(row).get("id"))) and _ID.fullmatch(own)]


def kept(body: bytes) -> bytes:
    """An answer without the emails' texts, wherever they stand in it; of what isn't JSON, all that comes before the
    first of them."""
    try:
        said = decoded(body)
        emptied = _emptied(said)
        # A name that comes twice in one object hides its first value, but not from the search.
        return json.dumps(said, separators=(",", ":")).encode() if emptied or _CONTENT.search(body) else body
    except (Malformed, RecursionError, ValueError):
        return _CONTENT.split(body, maxsplit=1)[0]


def _emptied(said: Any) -> bool:
    """Take the emails' texts out of a JSON value, and say whether there were any."""
    found, left = False, [said]
    while left:
        inner = left.pop()
        if isinstance(inner, dict):
            for name in CONTENTS & inner.keys():
                del inner[name]
                found = True
            left.extend(inner.values())
        elif isinstance(inner, list):
            left.extend(inner)
    return found
