"""A SparkPost that keeps the truth: events, shown in a list by cursor and sent as batches, as the provider file
documents them. It shares no code with the reading.

``lively`` makes things happen between two requests: events occur, and earlier ones turn up late in the middle of the
list, so that rows move to later pages.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "0123456789abcdef0123456789abcdef01234567"
SECRET = "secret-of-the-webhook"
SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
CLASSES = {"10": "hard", "22": "soft", "51": "block", "1": "undetermined"}
KINDS = {
    "injection": "queued",
    "delivery": "delivered",
    "delay": "deferred",
    "spam_complaint": "complained",
    "generation_rejection": "dropped",
    "click": "clicked",
    "link_unsubscribe": "unsubscribed",
}
WRAPPERS = {"open": "track_event", "initial_open": "track_event", "click": "track_event"}
Fact = tuple[str, str, str, int]
"""Kind, message, class of a bounce or link of a click, time in seconds (0 for openings)."""


class Row(msgspec.Struct, kw_only=True):
    """An event as SparkPost has it."""

    at: int
    """Milliseconds."""
    fields: dict[str, Any]
    shown: bool = True
    """Whether it has reached the list."""


class FakeSparkPost(FakePlatform):
    def __init__(self, seed: int = 1, *, messages: int = 0, spread: int = 3 * DAY):
        super().__init__(seed)
        self.rows: list[Row] = []
        self.facts: list[Fact] = []
        self.lively = False
        self.most_per_page = 10_000
        """Larger pages than this aren't given, whatever is asked for."""
        self.cursors_last = 1_000_000
        """So many requests."""
        self.answered = 0
        self._cursors: dict[str, tuple[int, dict[str, str], int]] = {}
        self._ids = 84345317653490000
        for _ in range(messages):
            self.send(self.now() - self.random.randrange(10 * MINUTE, spread))

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1_000_000

    def between(self) -> None:
        self.answered += 1
        if not self.lively:
            return
        match self.random.randrange(3):
            case 0:
                self.send(self.now() - self.random.randrange(5 * SECOND))
            case 1:
                # Late: it happened a while ago and was in no list and no batch until now.
                self.send(self.now() - self.random.randrange(HOUR))

    def send(self, at: int) -> str:
        """A message and what becomes of it."""
        message = f"{self.random.getrandbits(80):020x}"
        if self.random.random() < 0.1:
            self._happened("generation_rejection", message, at)
            return message
        self._happened("injection", message, at)
        match self.random.randrange(6):
            case 0:
                self._happened("delay", message, at + SECOND, bounce_class="21")
            case 1:
                self._bounced(message, at + 2 * SECOND, "bounce")
            case 2:
                self._happened("delivery", message, at + SECOND)
                self._bounced(message, at + 90 * SECOND, "out_of_band")
            case _:
                self._happened("delivery", message, at + SECOND)
                for _ in range(self.random.randrange(3)):
                    self.read(message, min(at + self.random.randrange(2 * SECOND, 300 * SECOND), self.now()))
        return message

    def read(self, message: str, at: int) -> None:
        """One reading: the pixel at the top, mostly that at the bottom, perhaps a click or two on one link."""
        self._row("initial_open", message, at)
        if self.random.random() < 0.7:
            self._row("open", message, at + self.random.randrange(1500))
        self.facts.append(("opened", message, "", 0))
        for _ in range(self.random.choice([0, 0, 1, 2])):
            self._happened("click", message, at, target_link_url="https://www.example.com/a")
        if self.random.random() < 0.1:
            self._happened("link_unsubscribe", message, at, target_link_url="https://www.example.com/leave")

    def _bounced(self, message: str, at: int, word: str) -> None:
        code = self.random.choice(sorted(CLASSES))
        self._row(word, message, at, bounce_class=code)
        self.facts.append(("bounced", message, CLASSES[code], at // 1000))

    def _happened(self, word: str, message: str, at: int, **more: Any) -> None:
        self._row(word, message, at, **more)
        self.facts.append((KINDS[word], message, more.get("target_link_url", ""), at // 1000))

    def _row(self, word: str, message: str, at: int, **more: Any) -> None:
        self._ids += 1
        own = str(self._ids) if self._ids % 3 else str(uuid.UUID(int=self._ids))
        person = f"person{int(message[:4], 16)}@example.com"
        fields = {
            "type": word,
            "event_id": own,
            "campaign_id": "camp-7",
            "message_id": message,
            "rcpt_to": person,
            "raw_rcpt_to": person.title(),
            "rcpt_meta": {"external_id": f"c-{message[:4]}"},
        } | more
        self.rows.append(Row(at=at, fields=fields))

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(self.facts)

    def batches(self, size: int = 7) -> list[list[Any]]:
        """All events as batches of webhooks, in the order they were made, with a ping among them."""
        items: list[Any] = [
            {"msys": {WRAPPERS.get(row.fields["type"], "message_event"): self.pushed(row)}} for row in self.rows
        ]
        items.insert(len(items) // 2, {"msys": {}})
        return [items[n : n + size] for n in range(0, len(items), size)]

    def pushed(self, row: Row) -> dict[str, Any]:
        """As a webhook tells it: seconds since 1970, as text."""
        return row.fields | {"timestamp": str(row.at // 1000)}

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != KEY:
            return Said(status=401, body={"errors": [{"message": "Unauthorized.", "code": "1000"}]})
        if asked.path != "/api/v1/events/message":
            return Said(status=404, body={"errors": [{"message": "Resource could not be found"}]})
        cursor = asked.query.get("cursor", "initial")
        if cursor == "initial":
            return self._page(0, asked.query)
        offset, query, until = self._cursors.get(cursor, (0, {}, -1))
        if self.answered > until:
            return Said(status=400, body={"errors": [{"message": "Invalid cursor", "code": "1400"}]})
        return self._page(offset, query)

    def _page(self, offset: int, query: dict[str, str]) -> Said:
        try:
            since = instant(query["from"]) if "from" in query else self.now() - DAY
            until = instant(query["to"]) if "to" in query else self.now() - MINUTE
        except ValueError:
            return Said(status=400, body={"errors": [{"message": "Invalid date", "code": "1400"}]})
        since = max(since, self.now() - 10 * DAY)
        rows = [row for row in self.rows if row.shown and since <= row.at < until]
        rows.sort(key=lambda row: row.at, reverse=True)
        size = min(int(query.get("per_page", "1000")), self.most_per_page)
        links = [{"href": "/api/v1/events/message?cursor=initial", "rel": "first"}]
        if offset + size < len(rows):
            cursor = uuid.UUID(int=self.random.getrandbits(128)).hex
            self._cursors[cursor] = (offset + size, query, self.answered + self.cursors_last)
            links.append({"href": f"/api/v1/events/message?per_page={size}&cursor={cursor}", "rel": "next"})
        results = [row.fields | {"timestamp": printed(row.at)} for row in rows[offset : offset + size]]
        return Said(body={"results": results, "total_count": len(rows), "links": links})


def instant(text: str) -> int:
    found = datetime.strptime(text, "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    return int(found.timestamp()) * 1000


def printed(at: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")
