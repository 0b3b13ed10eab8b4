"""What the reports are compared with: the same events in one plain table with fair indexes, asked by GROUP BY and by
ORDER BY … LIMIT, in the same SQLite with the same page size and cache.

The table has what ours has: small numbers for kinds, sources, campaigns and contacts, whose names stand in tables of
their own, and a number for each message, so that no question has to work it out. Seven indexes, of which those that
questions group by hold everything the question needs; where SQLite would choose a worse one, the statement names it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from aftersend.storage.sqlite.codes import KIND
from aftersend.vocabulary import Instant, Kind
from benchmarks.history import DAY, HOUR, digest

_NUMBERS = ("id", "source", "campaign", "contact", "message", "kind", "at", "machine")
_TEXTS = (
    *("template", "word", "row_id", "message_id", "external_id", "email", "url", "link_number", "ip", "user_agent"),
    *("device", "bounce_class", "reason", "smtp_code", "metadata"),
)
_COLUMNS = ", ".join((*_NUMBERS, *_TEXTS))
# Without types, SQLite would not use an index where a number is compared with what a subquery found.
_TYPED = ", ".join((*(f"{name} INTEGER" for name in _NUMBERS), *(f"{name} TEXT" for name in _TEXTS)))
_SENT = KIND[Kind.SENT]
_UNDELIVERED = ", ".join(str(KIND[kind]) for kind in (Kind.BOUNCED, Kind.DROPPED, Kind.FAILED))
_BUILD = f"""
    CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT);
    INSERT INTO sources SELECT id, name FROM ours.sources;
    CREATE TABLE campaigns (id INTEGER PRIMARY KEY, source INTEGER, campaign_id TEXT UNIQUE, name TEXT);
    INSERT INTO campaigns SELECT id, source, campaign_id, json_extract(about, '$.name[1]') FROM ours.campaigns;
    CREATE TABLE contacts (id INTEGER PRIMARY KEY, key TEXT, email TEXT, external_id TEXT);
    INSERT INTO contacts SELECT id, key, email, external_id FROM ours.contacts;
    CREATE INDEX contacts_email ON contacts (email);
    CREATE INDEX contacts_external_id ON contacts (external_id);
    CREATE TABLE events ({_TYPED}, PRIMARY KEY (id));
    INSERT INTO events SELECT {_COLUMNS} FROM ours.events ORDER BY id;
    CREATE INDEX by_kind ON events (kind, at, message);
    CREATE INDEX by_campaign ON events (campaign, kind, at, message);
    CREATE INDEX by_contact ON events (contact, at);
    CREATE INDEX by_time ON events (at, id);
    CREATE INDEX by_template ON events (template, kind, message, at);
    CREATE INDEX by_message ON events (message, kind, at);
    CREATE INDEX by_failure ON events (at, id) WHERE kind IN ({_UNDELIVERED});
    ANALYZE;
"""
_ROW = """
    SELECT s.name, e.id, e.kind, e.word, e.at, g.campaign_id, c.key, coalesce(e.email, c.email), e.template,
           coalesce(e.external_id, c.external_id), e.message_id, e.url, e.link_number, e.ip, e.user_agent, e.device,
           e.machine, e.bounce_class, e.reason, e.smtp_code, e.row_id, e.metadata
    FROM events e INDEXED BY {} JOIN sources s ON s.id = e.source JOIN campaigns g ON g.id = e.campaign
    JOIN contacts c ON c.id = e.contact
"""
_LOGGED = (Kind.SENT, Kind.DELIVERED, Kind.OPENED, Kind.CLICKED, Kind.BOUNCED, Kind.COMPLAINED)

Rows = list[tuple[Any, ...]]


def kept(ours: Path) -> Path:
    """The plain table beside a store of ours, made of its events where it isn't there yet."""
    path = ours.with_name(f"plain-{digest(Path(__file__))}.db")
    if not path.exists():
        for old in (*ours.parent.glob("plain-*"), *ours.parent.glob("columns-*")):
            old.unlink()
        filling = path.with_suffix(".filling")
        with closing(sqlite3.connect(filling, isolation_level=None)) as c:
            c.executescript("PRAGMA page_size = 8192; PRAGMA synchronous = OFF; PRAGMA cache_size = -64000")
            c.execute("ATTACH ? AS ours", (str(ours),))
            c.executescript(_BUILD)
        filling.rename(path)
    return path


class Plain:
    """The questions of the reports, each as the statement one would write."""

    def __init__(self, path: Path):
        self._c = sqlite3.connect(path, isolation_level=None)
        # As our readers have it.
        self._c.executescript("PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY")

    def close(self) -> None:
        self._c.close()

    def funnel(self, since: Instant | None = None, until: Instant | None = None) -> Rows:
        """Events and recipients of each kind."""
        window, values = _window(since, until)
        return self._all(f"SELECT kind, count(*), count(DISTINCT message) FROM events {window} GROUP BY kind", *values)

    def funnel_of(self, campaign: str) -> Rows:
        return self._all(
            "SELECT kind, count(*), count(DISTINCT message) FROM events INDEXED BY by_campaign "
            "WHERE campaign = (SELECT id FROM campaigns WHERE campaign_id = ?) GROUP BY kind",
            campaign,
        )

    def timeline(self, since: Instant, until: Instant, slot: int, offset: int = 0) -> Rows:
        """The funnel of every slot; a zone whose offset never changes is added to the time."""
        window, values = _window(since, until)
        return self._all(
            f"SELECT (at + ?) / ?, kind, count(*), count(DISTINCT message) FROM events {window} GROUP BY 1, 2",
            *(offset, slot, *values),
        )

    def dashboard(self, since: Instant, until: Instant) -> list[Rows]:
        """The funnel, the one before it, each day, and the campaigns that were opened most."""
        top = self._all(
            "SELECT campaign, count(*), count(DISTINCT message) FROM events WHERE kind = ? AND at >= ? AND at < ? "
            "GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 10",
            *(KIND[Kind.OPENED], since, until),
        )
        before = 2 * since - until
        return [self.funnel(before, since), self.funnel(since, until), self.timeline(since, until, DAY), top]

    def campaigns(self, limit: int) -> Rows:
        """The funnels of the latest campaigns."""
        return self._all(
            "SELECT g.campaign_id, g.name, e.kind, count(*), count(DISTINCT e.message), min(e.at), max(e.at) "
            "FROM campaigns g JOIN events e ON e.campaign = g.id "
            "WHERE g.id IN (SELECT id FROM campaigns ORDER BY campaign_id DESC LIMIT ?) GROUP BY g.id, e.kind",
            limit,
        )

    def campaign(self, campaign: str) -> list[Rows]:
        """Funnel, links, devices and bounces of a campaign, and its engagement by the hour and by the day."""
        (id,) = self._all("SELECT id FROM campaigns WHERE campaign_id = ?", campaign)[0]
        ((first,),) = self._all("SELECT min(at) FROM events WHERE campaign = ? AND kind = ?", id, _SENT)
        opened, clicked, bounced = (KIND[kind] for kind in (Kind.OPENED, Kind.CLICKED, Kind.BOUNCED))
        of = "FROM events WHERE campaign = ? AND kind"
        engaged = (
            f"SELECT kind, (at - ?) / ?, count(DISTINCT message) {of} IN (?, ?) AND at >= ? AND at < ? GROUP BY 1, 2"
        )
        return [
            self.funnel_of(campaign),
            self._all(
                f"SELECT url, count(*), count(DISTINCT message) {of} = ? GROUP BY 1 ORDER BY 3 DESC", id, clicked
            ),
            self._all(f"SELECT kind, device, count(*) {of} IN (?, ?) GROUP BY 1, 2", id, opened, clicked),
            self._all(f"SELECT bounce_class, reason, count(DISTINCT message) {of} = ? GROUP BY 1, 2", id, bounced),
            self._all(engaged, first, HOUR, id, opened, clicked, first, first + DAY),
            self._all(engaged, first, DAY, id, opened, clicked, first, first + 30 * DAY),
        ]

    def templates(self) -> Rows:
        """Of every template: messages, and to how many what happened."""
        return self._all("SELECT template, kind, count(DISTINCT message) FROM events GROUP BY 1, 2")

    def cohorts(self, template: str, since: Instant, until: Instant) -> Rows:
        """Messages of a template by the day of their first event, and to how many what happened."""
        happened = ", ".join(f"sum(kinds >> {KIND[kind]} & 1)" for kind in _LOGGED)
        return self._all(
            f"SELECT born / ?, count(*), {happened} FROM (SELECT min(at) AS born, sum(DISTINCT 1 << kind) AS kinds "
            "FROM events WHERE template = ? GROUP BY message) WHERE born >= ? AND born < ? GROUP BY 1",
            *(DAY, template, since, until),
        )

    def newest(self, limit: int, after: tuple[Instant, int] | None = None) -> Rows:
        """A page of everything, from the end or behind a row."""
        behind = "WHERE (e.at, e.id) < (?, ?)" if after else ""
        return self._all(
            f"{_ROW.format('by_time')} {behind} ORDER BY e.at DESC, e.id DESC LIMIT ?", *(after or ()), limit
        )

    def place(self, share: float) -> tuple[Instant, int]:
        """A row that so much of the table lies before."""
        ((id, at),) = self._all(
            "SELECT id, at FROM events WHERE id = (SELECT CAST(max(id) * ? AS INTEGER) FROM events)", share
        )
        return at, id

    def undelivered(self, limit: int) -> Rows:
        return self._all(
            f"{_ROW.format('by_failure')} WHERE e.kind IN ({_UNDELIVERED}) ORDER BY e.at DESC, e.id DESC LIMIT ?", limit
        )

    def of_contact(self, column: str, value: str, limit: int) -> Rows:
        """The latest of a contact; ``column`` is ``email`` or ``external_id``."""
        return self._all(
            f"{_ROW.format('by_contact')} WHERE e.contact IN (SELECT id FROM contacts WHERE {column} = ?) "
            "ORDER BY e.at DESC LIMIT ?",
            *(value, limit),
        )

    def log(self, limit: int) -> Rows:
        """The latest messages, with what happened to each."""
        return self._all(
            "SELECT m.message, g.campaign_id, c.key, c.email, c.external_id, m.template, m.message_id, m.at, "
            "e.kind, count(*), min(e.at), max(e.at) "
            "FROM (SELECT * FROM events WHERE kind = ? ORDER BY at DESC, message DESC LIMIT ?) m "
            "JOIN campaigns g ON g.id = m.campaign JOIN contacts c ON c.id = m.contact "
            "JOIN events e ON e.message = m.message GROUP BY m.message, e.kind",
            *(_SENT, limit),
        )

    def export(self, limit: int) -> sqlite3.Cursor:
        """The oldest events, as they are wanted."""
        return self._c.execute(f"{_ROW.format('by_time')} ORDER BY e.at, e.id LIMIT ?", (limit,))

    def _all(self, statement: str, *values: Any) -> Rows:
        return self._c.execute(statement, values).fetchall()


def _window(since: Instant | None, until: Instant | None) -> tuple[str, Sequence[Instant]]:
    # Kind by kind, so that the index answers it.
    if since is None or until is None:
        return "", ()
    kinds = ", ".join(str(number) for number in KIND.values())
    return f"WHERE kind IN ({kinds}) AND at >= ? AND at < ?", (since, until)
