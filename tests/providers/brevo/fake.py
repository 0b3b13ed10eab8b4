"""A Brevo that keeps the truth: transactional events, told by webhook and by the list, as the provider file documents
them. It shares no code with the reading.

Its traps: the days of the list are those of ``zone``, though nobody says so; webhooks' times may be the wall clock of
Paris in disguise; a first open may be told twice; brackets come and go; the list gives at most ``most`` rows a page
whatever is asked for, answers ``{}`` where there are none, and refuses days to come and ranges of more than 90 days.
``lively`` makes things happen between two requests.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "xkeysib-0123456789"
SECRET = "a-long-random-token-0123456789"
PATH = "/v3/smtp/statistics/events"
MINUTE, HOUR, DAY = 60, 3600, 86_400
PARIS = ZoneInfo("Europe/Paris")
LINKS = ("https://www.example.com/offer?x=1", "https://www.example.com/b")
Fact = tuple[str, str, str, str, int]
"""Kind, message, address, link, and the second."""

WORDS = {
    "queued": ("request", "requests"),
    "delivered": ("delivered", "delivered"),
    "deferred": ("deferred", "deferred"),
    "bounced/soft": ("soft_bounce", "softBounces"),
    "bounced/hard": ("hard_bounce", "hardBounces"),
    "dropped": ("blocked", "blocked"),
    "opened": ("opened", "opened"),
    "opened/proxy": ("proxy_open", "loadedByProxy"),
    "clicked": ("click", "clicks"),
    "unsubscribed": ("unsubscribed", "unsubscribed"),
    "complained": ("spam", "spam"),
}
"""What happened → the word of the webhook, that of the list."""


class Happened(msgspec.Struct, frozen=True):
    what: str
    message: str
    email: str
    at: int
    link: str = ""


class FakeBrevo(FakePlatform):
    def __init__(self, seed: int = 1, *, messages: int = 0, spread: int = 5 * DAY):
        super().__init__(seed)
        self.happened: list[Happened] = []
        self.calls: list[bytes] = []
        """Webhooks, in order."""
        self.most = 5000
        self.zone = ZoneInfo("America/New_York")
        self.shifted = self.lively = False
        self._opened: set[tuple[str, str]] = set()
        for _ in range(messages):
            self.send(self.now() - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def between(self) -> None:
        if self.lively and self.random.random() < 0.5:
            self.send(self.now() - self.random.randrange(MINUTE))

    def send(self, at: int) -> None:
        """A message and what becomes of it, none of it later than now."""
        number = self.random.randrange(10**10)
        message, email = f"20260101.{number}@smtp-relay.example.com", f"person{number % 50}@example.com"
        self.happen("queued", message, email, at)
        match self.random.randrange(5):
            case 0:
                return self.happen("dropped", message, email, at + 1)
            case 1:
                self.happen("deferred", message, email, at + 2)
                return self.happen(self.random.choice(["bounced/soft", "bounced/hard"]), message, email, at + 3)
        self.happen("delivered", message, email, at + 2)
        for n in range(self.random.randrange(5)):
            later = at + 5 + n * self.random.randrange(1, 8)
            what = self.random.choice(["opened", "opened", "opened/proxy", "clicked", "unsubscribed", "complained"])
            self.happen(what, message, email, later, self.random.choice(LINKS) if what == "clicked" else "")
        return None

    def happen(self, what: str, message: str, email: str, at: int, link: str = "") -> None:
        one = Happened(what, message, email, min(at, self.now()), link)
        # Two facts that nothing tells apart are one by webhook: none of these here.
        if one in self.happened:
            return
        self.happened.append(one)
        word = WORDS[what][0]
        first = what.startswith("opened") and (message, what) not in self._opened
        self._opened.add((message, what))
        words = [word] if not first else self.random.choice([[f"unique_{word}"], [f"unique_{word}", word]])
        self.calls += [json.dumps(self._call(one, name)).encode() for name in words]

    def _call(self, one: Happened, word: str) -> dict[str, Any]:
        wall = datetime.fromtimestamp(one.at, UTC).astimezone(PARIS)
        zone = int((wall.utcoffset() or 0).total_seconds()) if self.shifted else 0
        brackets = self.random.random() < 0.5
        return {
            "event": word,
            "email": one.email,
            "id": 26224,
            "date": wall.strftime("%Y-%m-%d %H:%M:%S"),
            "ts": one.at + zone,
            "ts_event": one.at + zone,
            "ts_epoch": one.at * 1000 if self.random.random() < 0.5 else one.at,
            "message-id": f"<{one.message}>" if brackets else one.message,
            "subject": "Hello",
            "X-Mailin-custom": f"external_id:crm-{one.email.partition('@')[0]}",
            "tags": ["welcome"],
            "link": one.link,
        } | ({"reason": "550 5.1.1 user unknown"} if one.what.startswith("bounced") else {})

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted((one.what.partition("/")[0], one.message, one.email, one.link, one.at) for one in self.happened)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("api-key") != KEY:
            return Said(status=401, body={"code": "unauthorized", "message": "Key not found"})
        if asked.path != PATH:
            return Said(status=404, body={"code": "document_not_found", "message": "-"})
        query = asked.query
        limit, offset = int(query.get("limit", 2500)), int(query.get("offset", 0))
        first, last = date.fromisoformat(query["startDate"]), date.fromisoformat(query["endDate"])
        if not (
            first <= last <= datetime.fromtimestamp(self.now(), UTC).date()
            and (last - first).days <= 90
            and 1 <= limit <= 5000
        ):
            return Said(status=400, body={"code": "out_of_range", "message": "dates or limit"})
        found = [one for one in self.happened if first <= self._day(one.at) <= last]
        found.sort(key=lambda one: one.at, reverse=query.get("sort", "desc") == "desc")
        rows = [self._row(one) for one in found[offset : offset + min(limit, self.most)]]
        headers = {"x-sib-ratelimit-limit": "300", "x-sib-ratelimit-remaining": "299", "x-sib-ratelimit-reset": "60"}
        return Said(body={"events": rows} if rows else {}, headers=headers)

    def _day(self, at: int) -> date:
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).date()

    def _row(self, one: Happened) -> dict[str, Any]:
        # The zone of a row's time is of no matter.
        zone = UTC if one.at % 2 else PARIS
        return {
            "date": datetime.fromtimestamp(one.at, UTC).astimezone(zone).isoformat(),
            "email": one.email,
            "event": WORDS[one.what][1],
            "messageId": f"<{one.message}>",
            "from": "news@example.com",
            "subject": "Hello",
            "tag": "welcome",
            "templateId": 22,
            "reason": "550 5.1.1 user unknown" if one.what.startswith("bounced") else "",
            "ip": "192.0.2.77",
            "link": one.link,
        }
