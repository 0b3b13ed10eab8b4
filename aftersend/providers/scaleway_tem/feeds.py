"""Scaleway's lists and how each is walked (provider file, "Pull feed").

``events`` is what each webhook produced: the same events as its posts, newest first, without dates to ask by. It is
read down to what was read before. ``emails`` can be asked for by the time emails were created, which an outcome doesn't
move: so those of the last ``look_back`` are read again.
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from aftersend.providers import paging
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY, Item, Page
from aftersend.providers.scaleway_tem import emails, events
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import moment

MOST = 100
"""Rows a page: the most that events allow."""
DEFAULT = 20
"""Rows a page where the size that was asked for is ignored; not documented."""
LATE = 3_600_000
"""A row is there by then at the latest."""
READ = "events/"
"""Note of a webhook: when the last whole reading of its list began."""


class Options(events.Options, frozen=True, kw_only=True):
    """Scaleway TEM's own options of a source."""

    region: str = "fr-par"
    """The region of the emails."""
    project_id: str = ""
    """The project whose emails are listed; empty: all that the key may see."""
    webhooks: list[str] = msgspec.field(default_factory=list)
    """Ids of the webhooks whose events are listed, one for each domain."""
    look_back: str = "3d"
    """For how long outcomes of an email are awaited: emails created within are read again."""
    emails_every: str = "30m"
    """How often these are read."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    return [
        Feed(name="events", walk=partial(_events, options), complete=bool(options.webhooks)),
        Feed(
            name="emails",
            walk=partial(_emails, options, look_back),
            windowed=True,
            complete=True,
            every=duration(options.emails_every, "emails_every"),
        ),
    ]


def probe(options: Options) -> Ask:
    """One email."""
    return Ask(path=_path(options, "emails"), params={"page": "1", "page_size": "1"})


def _path(options: Options, list_: str) -> str:
    return f"transactional-email/v1alpha1/regions/{quote(options.region, safe='')}/{list_}"


_PAGES = partial(paging.PageNumbers, page="page", size="page_size", asked=MOST, begin=1, default=DEFAULT)


def _events(options: Options, position: Position, context: Context) -> Walk:
    noted = context.recall(READ)
    began: Instant = position.get("began", context.now)
    items = [
        Item(
            key=READ + webhook,
            ask=Ask(
                path=_path(options, f"webhooks/{quote(webhook, safe='')}/events"),
                params={"order_by": "created_at_desc"},
            ),
            name=webhook,
        )
        for webhook in options.webhooks
    ]

    def enough(item: Item, page: Page) -> bool:
        known = noted.get(item.key, {}).get("began")
        return known is not None and page.oldest is not None and page.oldest < known - LATE

    def done(item: Item) -> dict[str, Any]:
        return {item.key: {"began": began}}

    return paging.Each(
        position,
        context,
        items=items,
        look=events.look,
        family=_PAGES,
        enough=enough,
        done=done,
        complete=bool(items),
    )


def _emails(options: Options, look_back: Instant, position: Position, context: Context) -> Walk:
    source = msgspec.structs.replace(context.source, overlap=f"{look_back}ms")

    def ask(since: Instant, until: Instant) -> Ask:
        # "After this date": the first millisecond of a window belongs to it.
        bounds = {"since": _written(since - 1), "until": _written(until), "order_by": "created_at_asc"}
        project = {"project_id": options.project_id} if options.project_id else {}
        return Ask(path=_path(options, "emails"), params=bounds | project)

    return paging.Windows(
        position,
        msgspec.structs.replace(context, source=source),
        ask=ask,
        look=emails.look,
        family=_PAGES,
        span=look_back + DAY,
        trust=LATE,
        first=look_back,
    )


def _written(at: Instant) -> str:
    """As RFC 3339 has it: UTC, milliseconds, ``Z``."""
    return moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"
