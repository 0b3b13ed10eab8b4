"""A Mailtrap that keeps the truth: emails with their events, answered as the provider file documents them. It shares no
code with the reading.

The size of a page is Mailtrap's own, filters it doesn't know are ignored, and events in its answers have no ids.
``lively`` makes things happen between two requests.
"""

from __future__ import annotations

import hmac
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

TOKEN = "token-00000000"
SECRETS = ("0f1e2d3c4b5a69788796a5b4c3d2e1f0", "1f1e2d3c4b5a69788796a5b4c3d2e1f1")
HOUR, DAY = 3600, 86_400
"""In seconds."""
KINDS = {
    "delivery": "delivered",
    "soft_bounce": "deferred",
    "suspension": "deferred",
    "bounce": "bounced",
    "reject": "dropped",
    "spam": "complained",
    "unsubscribe": "unsubscribed",
    "open": "opened",
    "click": "clicked",
}
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
Fact = tuple[str, str, str, int]
"""Message, kind, link, and the time in milliseconds."""


def iso(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Happened(msgspec.Struct, kw_only=True):
    id: str
    word: str
    at: int
    url: str | None = None


class Sent(msgspec.Struct, kw_only=True):
    """An email of the log."""

    id: str
    to: str
    at: int
    stream: str
    status: str = "enqueued"
    events: list[Happened] = []


class FakeMailtrap(FakePlatform):
    def __init__(self, seed: int = 1, *, emails: int = 0, spread: int = 60 * HOUR):
        super().__init__(seed)
        self.emails: list[Sent] = []
        self.lively = False
        self.most = 7
        """Emails of a page."""
        self.ignores_filters = False
        self.refused_cursors: set[str] = set()
        for _ in range(emails):
            self.send(int(time.time()) - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(4):
            case 0:
                self.send(int(time.time()))
            case 1 | 2 if self.emails:
                self.move_on(self.random.choice(self.emails))

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def send(self, at: int, *, events: bool = True) -> Sent:
        """An email and, unless without events, the first of what becomes of it."""
        to = f"person{self.random.randrange(10_000)}@example.com"
        sent = Sent(id=self.uuid(), to=to, at=at, stream=self.random.choice(["transactional", "bulk"]), events=[])
        self.emails.append(sent)
        for _ in range(self.random.randrange(5) if events else 0):
            self.move_on(sent)
        return sent

    def move_on(self, sent: Sent) -> None:
        """The next thing that happens to an email, if anything still can."""
        present = int(time.time())
        at = min(present, (sent.events[-1].at if sent.events else sent.at) + self.random.choice([0, 1, 40, 900]))
        if sent.status == "enqueued":
            choice = ["delivery"] * 3 + ["soft_bounce", "suspension", "bounce", "reject"]
            self.happen(sent, self.random.choice(choice), at)
        elif sent.status == "delivered":
            word = self.random.choice(["open", "open", "click", "click", "spam", "unsubscribe"])
            if word in ("spam", "unsubscribe") and any(event.word == word for event in sent.events):
                return
            self.happen(sent, word, at, self.random.choice(URLS) if word == "click" else None)

    def happen(self, sent: Sent, word: str, at: int, url: str | None = None) -> None:
        sent.events.append(Happened(id=self.uuid(), word=word, at=at, url=url))
        sent.status = {"delivery": "delivered", "bounce": "not_delivered", "reject": "not_delivered"}.get(
            word, sent.status
        )

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(
            (sent.id, KINDS[event.word], event.url or "", event.at * 1000)
            for sent in self.emails
            for event in sent.events
        )

    def notices(self) -> list[dict[str, Any]]:
        """The events as webhooks have them, in order of time."""
        told = []
        for sent in self.emails:
            for event in sent.events:
                item = {
                    "event": event.word.replace("_", " "),
                    "event_id": event.id,
                    "message_id": sent.id,
                    "email": sent.to,
                    "timestamp": event.at,
                    "sending_stream": sent.stream,
                    "category": "receipt",
                    "custom_variables": {"external_id": 7},
                }
                if event.word == "bounce":
                    item |= {"response": "550 no", "response_code": 550, "bounce_category": "badrecipient"}
                if event.url:
                    item["url"] = event.url
                told.append(item)
        return sorted(told, key=lambda item: item["timestamp"])

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Said(status=401, body={"error": "Incorrect API token"})
        match asked.path.split("/"):
            case ["", "api", "email_logs"]:
                return self._list(asked.query)
            case ["", "api", "email_logs", own]:
                found = [sent for sent in self.emails if sent.id == own]
                return self._one(found[0]) if found else Said(status=404, body={"error": "Not Found"})
        return Said(status=404, body={"error": "Not Found"})

    def _list(self, query: dict[str, str]) -> Said:
        rows = sorted(self.emails, key=lambda sent: (sent.at, sent.id), reverse=True)
        after, before = query.get("filters[sent_after]"), query.get("filters[sent_before]")
        rows = [
            sent for sent in rows if (not after or iso(sent.at) >= after) and (not before or iso(sent.at) <= before)
        ]
        if query.get("filters[events][operator]") == "include_event" and not self.ignores_filters:
            wanted = query["filters[events][value][]"]
            rows = [sent for sent in rows if any(event.word == wanted for event in sent.events)]
        cursor, total = query.get("search_after"), len(rows)
        if cursor:
            places = [number for number, sent in enumerate(rows) if sent.id == cursor]
            if not places or cursor in self.refused_cursors:
                return Said(status=400)
            rows = rows[places[0] + 1 :]
        page = rows[: self.most]
        last = page[-1].id if len(rows) > self.most else None
        return Said(body={"messages": [row(sent) for sent in page], "total_count": total, "next_page_cursor": last})

    def _one(self, sent: Sent) -> Said:
        events = []
        for event in sent.events:
            details: dict[str, Any] = {"web_ip_address": "192.0.2.25"} if event.word in ("open", "click") else {}
            if event.url:
                details["click_url"] = event.url
            if event.word == "bounce":
                details |= {"email_service_provider_status": 550, "bounce_category": "badrecipient"}
            events.append({"event_type": event.word, "created_at": iso(event.at), "details": details})
        return Said(body=row(sent) | {"raw_message_url": "https://storage.example.com/x", "events": events})


def row(sent: Sent) -> dict[str, Any]:
    return {
        "message_id": sent.id,
        "status": sent.status,
        "subject": "Your receipt",
        "from": "shop@example.com",
        "to": sent.to,
        "sent_at": iso(sent.at),
        "category": "receipt",
        "custom_variables": {"external_id": 7},
        "sending_stream": sent.stream,
        "domain_id": 3938,
        "template_id": None,
        "opens_count": sum(event.word == "open" for event in sent.events),
        "clicks_count": sum(event.word == "click" for event in sent.events),
    }


def batches(items: list[dict[str, Any]], size: int) -> list[bytes]:
    """Webhooks of at most so many events each; every other one has one event a line."""
    parts = [items[start : start + size] for start in range(0, len(items), size)]
    return [
        "\n".join(map(json.dumps, part)).encode() if number % 2 else json.dumps({"events": part}).encode()
        for number, part in enumerate(parts)
    ]


def signed(body: bytes, secret: str = SECRETS[0]) -> dict[str, str]:
    kind = "application/json" if body.startswith(b'{"events"') else "application/jsonl"
    return {"Content-Type": kind, "Mailtrap-Signature": hmac.new(secret.encode(), body, "sha256").hexdigest()}
