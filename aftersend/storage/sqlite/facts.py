"""Facts: what the derived tables need to know of an event; and the places where they count.

Templates, links and campaign activities get rows of their own when a fact first names them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aftersend.storage import metrics
from aftersend.storage.sqlite.codes import DEVICE, KIND, SORT
from aftersend.storage.sqlite.statements import marks
from aftersend.vocabulary import Event, Instant, Kind

_BOUNCED, _DROPPED = KIND[Kind.BOUNCED], KIND[Kind.DROPPED]
_CLICKED = KIND[Kind.CLICKED]
_BY_DEVICE = (KIND[Kind.OPENED], _CLICKED)
_BY_ID, _BY_ACTIVITY = "m:", "a:"
"""What the key of a message begins with: it is the platform's id of it, or a campaign activity's id."""


class Fact(NamedTuple):
    """An event, as far as it counts."""

    message: int
    pair: int
    source: int
    campaign: int
    activity: int
    """The campaign's row of the activity its message belongs to, else 0."""
    contact: int
    channel: int
    kind: int
    sort: int
    """Of a bounce or drop (:data:`codes.SORT`), else 0."""
    machine: int
    at: Instant
    device: int
    """Of an open or click, else −1."""
    url: str | None
    """Of a click, empty where it has none; else ``None``."""
    number: str | None
    template: str | None
    doors: int
    """Through which it was seen (:data:`codes.DOOR`)."""

    def counts_as(self, other: Fact) -> bool:
        """Whether both count for the same, doors aside, which are no message's affair."""
        return self[:-1] == other[:-1]


def sort_of(kind: int, bounce_class: str | None, reason: str | None) -> int:
    """The sort of a bounce or drop, 0 for anything else."""
    if kind == _BOUNCED:
        return SORT[metrics.bounce_of(bounce_class, reason)]
    if kind == _DROPPED and metrics.withheld(reason):
        return SORT[metrics.Drop.WITHHELD]
    return 0


def device_of(kind: int, device: str | None, user_agent: str | None) -> int:
    """The device of an open or click, −1 for anything else."""
    return DEVICE[metrics.device_of(device, user_agent)] if kind in _BY_DEVICE else -1


def url_of(kind: int, url: str | None) -> str | None:
    return (url or "") if kind == _CLICKED else None


def message_key(by_message: bool, message_id: str | None, activity_id: str | None) -> str:
    """What tells a recipient's messages of one campaign apart; empty where nothing does."""
    if by_message:
        return f"{_BY_ID}{message_id}" if message_id else ""
    return f"{_BY_ACTIVITY}{activity_id}" if activity_id else ""


def activity_of(key: str) -> str:
    """The activity in a message's key, empty where it has none."""
    return key.removeprefix(_BY_ACTIVITY) if key.startswith(_BY_ACTIVITY) else ""


def fact(
    event: Event,
    account: Sequence[Any],
    message: int,
    pair: int,
    source: int,
    campaign: int,
    activity: int,
    contact: int,
    doors: int,
) -> Fact:
    """The fact of an event; ``account`` as :func:`rows.account` gives it."""
    kind, channel, machine, at = account[:4]
    acted = kind in _BY_DEVICE
    return Fact(
        message,
        pair,
        source,
        campaign,
        activity,
        contact,
        channel,
        kind,
        account[-1],
        machine,
        at,
        device_of(kind, event.device, event.user_agent) if acted else -1,
        url_of(kind, event.url) if acted else None,
        event.link_number if kind == _CLICKED else None,
        event.template,
        doors,
    )


def facts_of(c: sqlite3.Connection, campaign: int) -> Iterator[Fact]:
    """The facts of all events of a campaign, those of a pair together."""
    places = Places(c)
    for (
        message,
        pair,
        key,
        contact,
        channel,
        kind,
        sort,
        machine,
        at,
        device,
        agent,
        url,
        number,
        template,
        doors,
    ) in c.execute(
        "SELECT e.message, m.pair, m.key, m.contact, e.channel, e.kind, e.sort, e.machine, e.at, e.device, "
        "e.user_agent, e.url, e.link_number, e.template, e.doors FROM events e INDEXED BY events_campaign "
        "JOIN messages m ON m.id = e.message WHERE e.campaign = ? ORDER BY m.pair",
        (campaign,),
    ).fetchall():
        yield Fact(
            message=message,
            pair=pair,
            source=places.source(campaign),
            campaign=campaign,
            activity=places.activity(campaign, activity_of(key)),
            contact=contact,
            channel=channel,
            kind=kind,
            sort=sort,
            machine=machine,
            at=at,
            device=device_of(kind, device, agent),
            url=url_of(kind, url),
            number=number if kind == _CLICKED else None,
            template=template,
            doors=doors,
        )


class Places:
    """Rows of campaigns, activities, templates and links, with a cache for one batch."""

    def __init__(self, c: sqlite3.Connection) -> None:
        self._c = c
        self._campaigns: dict[int, tuple[int, str, str]] = {}
        self._activities: dict[tuple[int, str], int] = {}
        self._templates: dict[tuple[int, str], int] = {}
        self._template_names: dict[int, str] = {}
        self._fallbacks: dict[int, int] = {}
        self._links: dict[tuple[int, str], tuple[int, str | None]] = {}

    def source(self, campaign: int) -> int:
        """The source of a campaign or activity."""
        return self._campaign(campaign)[0]

    def is_activity(self, campaign: int) -> bool:
        return bool(self._campaign(campaign)[2])

    def _campaign(self, campaign: int) -> tuple[int, str, str]:
        found = self._campaigns.get(campaign)
        if found is None:
            found = self._campaigns[campaign] = self._c.execute(
                "SELECT source, campaign_id, activity_id FROM campaigns WHERE id = ?", (campaign,)
            ).fetchone()
        return found

    def activity(self, campaign: int, activity_id: str) -> int:
        """The row of a campaign's activity; 0 for none."""
        if not activity_id:
            return 0
        found = self._activities.get((campaign, activity_id))
        if found is None:
            source, campaign_id, _ = self._campaign(campaign)
            found = self._row("campaigns", source=source, campaign_id=campaign_id, activity_id=activity_id)[0]
            self._activities[campaign, activity_id] = found
        return found

    def template(self, source: int, name: str) -> int:
        """The row of a template of a source."""
        found = self._templates.get((source, name))
        if found is None:
            found = self._templates[source, name] = self._row("templates", source=source, template=name)[0]
        return found

    def template_name(self, template: int) -> str:
        """What :meth:`template` gives the number of."""
        name = self._template_names.get(template)
        if name is None:
            name = self._c.execute("SELECT template FROM templates WHERE id = ?", (template,)).fetchone()[0]
            self._template_names[template] = name
        return name

    def fallback(self, campaign: int) -> int:
        """The template that stands for a campaign whose events tell none."""
        found = self._fallbacks.get(campaign)
        if found is None:
            source, campaign_id, _ = self._campaign(campaign)
            found = self._fallbacks[campaign] = self.template(source, campaign_id)
        return found

    def link(self, campaign: int, url: str, number: str | None) -> int:
        """The row of a link of a campaign or activity; of several numbers the shortest, then smallest is kept."""
        found = self._links.get((campaign, url))
        if found is None:
            found = self._row("links", "number", campaign=campaign, url=url)
        id, known = found
        if number is not None and (known is None or (len(number), number) < (len(known), known)):
            self._c.execute("UPDATE links SET number = ? WHERE id = ?", (number, id))
            known = number
        self._links[campaign, url] = (id, known)
        return id

    def renumber(self, campaign: int, url: str) -> None:
        """Find a link's number in the events: none of them may tell the one that is kept."""
        source, campaign_id, activity_id = self._campaign(campaign)
        (home,) = self._c.execute(
            "SELECT id FROM campaigns WHERE source = ? AND campaign_id = ? AND activity_id = ''", (source, campaign_id)
        ).fetchone()
        numbers = [
            number
            for number, key in self._c.execute(
                "SELECT DISTINCT e.link_number, m.key FROM events e INDEXED BY events_campaign "
                "JOIN messages m ON m.id = e.message WHERE e.campaign = ? AND e.kind = ? AND coalesce(e.url, '') = ? "
                "AND e.link_number IS NOT NULL",
                (home, _CLICKED, url),
            )
            if not activity_id or activity_of(key) == activity_id
        ]
        least = min(numbers, key=lambda number: (len(number), number), default=None)
        self._c.execute("UPDATE links SET number = ? WHERE campaign = ? AND url = ?", (least, campaign, url))
        self._links.pop((campaign, url), None)

    def _row(self, table: str, value: str = "NULL", **key: int | str) -> tuple[int, Any]:
        """The row with this key, made where there is none: its id, and one more of its values."""
        where = " AND ".join(f"{name} = ?" for name in key)
        statement, values = f"SELECT id, {value} FROM {table} WHERE {where}", tuple(key.values())
        found: tuple[int, Any] | None = self._c.execute(statement, values).fetchone()
        if found is None:
            self._c.execute(f"INSERT INTO {table} ({', '.join(key)}) VALUES ({marks(len(key))})", values)
            found = self._c.execute(statement, values).fetchone()
        assert found is not None
        return found
