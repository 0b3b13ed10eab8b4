"""Pages of Klaviyo's lists: events of one metric, and the metrics themselves (provider file, "Pull feed")."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from aftersend.providers.contract import Answer, Malformed
from aftersend.providers.items import problem, unreadable
from aftersend.providers.klaviyo import events
from aftersend.providers.klaviyo.events import fields, related
from aftersend.providers.klaviyo.words import INTEGRATION, METRICS
from aftersend.providers.marks import Options
from aftersend.providers.paging import Page
from aftersend.providers.values import decoded, rows_of, text
from aftersend.vocabulary import BadInput, Delivery, Reading

METRICS_LIST = "metrics"
"""What ``list`` in the context of a page of metrics says."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read(delivery: Delivery, options: Options) -> Reading:
    """The events of a page, and the names of the profiles beside them. A page of metrics tells none."""
    try:
        said = decoded(delivery.body)
        rows = rows_of(said, "data")
    except Malformed as error:
        return unreadable(delivery, error)
    reading = Reading()
    if delivery.context.get("list") == METRICS_LIST:
        return reading
    people = events.profiles(said.get("included"))
    for number, row in enumerate(rows):
        try:
            if (metric := related(fields(row), "metric")) and metric != delivery.context.get("metric", metric):
                raise BadInput("The event is of another metric than was asked for.", "metric")
            reading.events.append(events.event(row, delivery.feed, delivery.source, options, people))
            if about := events.campaign(row):
                reading.campaigns.append(about)
        except BadInput as error:
            reading.problems.append(problem(number, row, error))
    reading.campaigns = list(dict.fromkeys(reading.campaigns))
    reading.contacts.extend(events.contacts(people, options))
    return reading


def look(answer: Answer, base: str) -> Page:
    """A page of any list, with the address of the next. Raises Malformed, also where that isn't on the host of
    ``base``: the client would refuse it, and a position that holds it could never go on."""
    said = decoded(answer.body)
    rows = rows_of(said, "data")
    ids = [(text(row.get("id")) if isinstance(row, dict) else None) or repr(row)[:200] for row in rows]
    following = text(fields(said.get("links")).get("next"))
    if following and _host(urljoin(f"{base}/", following)) != _host(base):
        raise Malformed("The next page is on another host, which is not followed.")
    return Page(ids=ids, next=following)


def _host(url: str) -> tuple[str, str]:
    try:
        split = urlsplit(url)
    except ValueError:
        raise Malformed("The next page has no address.") from None
    return split.scheme, split.netloc


def metrics(answer: Answer) -> dict[str, str]:
    """Word → id of the metrics of emails on a page."""
    words = {name: word for word, name in METRICS.items()}
    found: dict[str, str] = {}
    for row in rows_of(decoded(answer.body), "data"):
        word, own = words.get(_name(row)), text(fields(row).get("id"))
        if word and own and _ID.fullmatch(own):
            found[word] = own
    return found


def _name(row: Any) -> str:
    """The name of a metric that is Klaviyo's own; empty for any other's."""
    attributes = fields(fields(row).get("attributes"))
    if fields(attributes.get("integration")).get("name") != INTEGRATION:
        return ""
    return text(attributes.get("name")) or ""
