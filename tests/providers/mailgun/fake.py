"""A Mailgun that keeps the truth: events of domains, answered as the provider file documents them. It shares no code
with the reading.

Events reach the lists late: ``hide`` keeps one back until ``show``, and then it stands in the middle of pages that were
served already. ``lively`` makes things happen between two requests.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "key-00000000"
SIGNING = "signing-key-0123456789"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
"""In seconds."""
DOMAINS = ("mg.example.com", "news.example.com")
FATES: tuple[dict[str, Any], ...] = (
    {"event": "accepted"},
    {"event": "delivered", "delivery-status": {"code": 250, "message": "OK"}},
    {"event": "failed", "severity": "temporary", "reason": "generic", "delivery-status": {"code": 452}},
    {"event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": {"code": 550}},
    {"event": "failed", "severity": "permanent", "reason": "suppress-bounce", "delivery-status": {"code": 605}},
    {"event": "opened", "client-info": {"bot": "apple"}},
    {"event": "clicked", "url": "https://www.example.com/a", "client-info": {"bot": ""}},
    {"event": "unsubscribed", "tags": ["*"]},
    {"event": "complained"},
    {"event": "stored"},
)
KINDS = {
    "accepted": "queued",
    "temporary": "deferred",
    "bounce": "bounced",
    "suppress-bounce": "dropped",
}
Fact = tuple[str, str, str, int]
"""Domain, id, kind, and the time in milliseconds."""


class FakeMailgun(FakePlatform):
    def __init__(self, seed: int = 1, *, events: int = 0, spread: float = 40 * HOUR):
        super().__init__(seed)
        self.events: dict[str, list[dict[str, Any]]] = {domain: [] for domain in DOMAINS}
        self.hidden: set[str] = set()
        """Ids of what has happened, and is in no list yet."""
        self.most = 7
        """Rows of a page, whatever is asked for."""
        self.lively = False
        self.generation = 0
        """Links of an older one are refused."""
        for _ in range(events):
            self.happen(time.time() - self.random.uniform(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(5):
            case 0:
                self.happen(time.time())
            case 1:
                self.happen(time.time() - self.random.uniform(0, 20 * MINUTE), late=True)
            case 2:
                self.show()
            case 3:
                self.generation += 1

    def happen(self, at: float, *, domain: str | None = None, late: bool = False, **fields: Any) -> dict[str, Any]:
        domain = domain or self.random.choice(DOMAINS)
        number = self.random.randrange(10_000)
        event = {
            "id": f"{self.random.getrandbits(64):016x}",
            "timestamp": round(at, 6),
            "recipient": f"person{number}@example.com",
            "domain": {"name": domain},
            "message": {"headers": {"message-id": f"{number}@{domain}"}},
            "tags": ["welcome"],
            "user-variables": {"external_id": f"c-{number}"} if number % 2 else [],
            **self.random.choice(FATES),
            **fields,
        }
        self.events[domain].append(event)
        if late:
            self.hidden.add(event["id"])
        return event

    def show(self) -> None:
        """What came late is in the lists now."""
        self.hidden.clear()

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted. Inbound mail is none of it."""
        return sorted(
            (domain, event["id"], kind_of(event), int(round(event["timestamp"] * 1_000_000) // 1000))
            for domain, events in self.events.items()
            for event in events
            if event["event"] != "stored"
        )

    def notices(self) -> list[dict[str, Any]]:
        """What webhooks tell, in order of time."""
        told = [event for events in self.events.values() for event in events if event["event"] != "stored"]
        return sorted(told, key=lambda event: event["timestamp"])

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != "Basic " + b64encode(f"api:{KEY}".encode()).decode():
            return Said(status=401, body=b"Forbidden")
        if asked.path == "/v1/analytics/logs" and asked.method == "POST":
            return self._logs(msgspec.json.decode(asked.body))
        match asked.path.split("/"):
            case ["", "v3", domain, "events"] if domain in self.events:
                begin, end = float(asked.query["begin"]), float(asked.query["end"])
                if asked.query.get("ascending") != "yes" or end < begin or not 1 <= int(asked.query["limit"]) <= 300:
                    return Said(status=400, body={"message": "bad range"})
                return self._events(domain, {"begin": begin, "end": end, "after": [0.0, ""], "of": self.generation})
            case ["", "v3", domain, "events", link] if domain in self.events:
                place = unpacked(link)
                if place["of"] != self.generation:
                    return Said(status=400, body={"message": "expired"})
                return self._events(domain, place)
        return Said(status=404, body={"message": "Domain not found"})

    def _page(self, events: Iterable[dict[str, Any]], place: dict[str, Any]) -> list[dict[str, Any]]:
        rows = sorted(
            (event for event in events if event["id"] not in self.hidden),
            key=lambda event: [event["timestamp"], event["id"]],
        )
        begin, end, after = place["begin"], place["end"], place["after"]
        within = [event for event in rows if begin <= event["timestamp"] <= end]
        page = [event for event in within if [event["timestamp"], event["id"]] > after][: self.most]
        if page:
            place["after"] = [page[-1]["timestamp"], page[-1]["id"]]
        return page

    def _events(self, domain: str, place: dict[str, Any]) -> Said:
        """The next link is always there; where the list ends it leads to an empty page."""
        items = self._page(self.events[domain], place)
        # Rows of this list needn't name their domain.
        rows = [{name: value for name, value in event.items() if name != "domain"} for event in items]
        link = f"{self.url}/v3/{domain}/events/{packed(place)}"
        return Said(body={"items": rows, "paging": {"next": link, "previous": link, "first": link, "last": link}})

    def _logs(self, asked: dict[str, Any]) -> Said:
        token = asked["pagination"].get("token")
        place = unpacked(token) if token else None
        if place and place["of"] != self.generation:
            return Said(status=400, body={"message": "expired"})
        begin, end = (parsedate_to_datetime(asked[name]).timestamp() for name in ("start", "end"))
        place = place or {"begin": begin, "end": end, "after": [0.0, ""], "of": self.generation}
        (clause,) = asked.get("filter", {"AND": [{"values": [{"value": domain} for domain in DOMAINS]}]})["AND"]
        domains = {value["value"] for value in clause["values"]}
        wanted = [
            event
            for domain, events in self.events.items()
            for event in events
            if domain in domains and event["event"] in asked["events"]
        ]
        rows = []
        for event in self._page(wanted, place):
            at = datetime.fromtimestamp(event["timestamp"], UTC)
            kept = {name: value for name, value in event.items() if name not in ("timestamp", "user-variables", "tags")}
            rows.append(kept | {"@timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"})
        token = packed(place)
        paging = {"previous": token, "next": token, "first": token, "last": token, "total": len(wanted)}
        return Said(body={"items": rows, "pagination": paging, "aggregates": {}})


def kind_of(event: dict[str, Any]) -> str:
    if event["event"] == "failed":
        return KINDS["temporary" if event["severity"] == "temporary" else event["reason"]]
    return KINDS.get(event["event"], event["event"])


def packed(place: dict[str, Any]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


def unpacked(text: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(urlsafe_b64decode(text))
    return found


def signed(event: dict[str, Any], token: str) -> dict[str, Any]:
    """A webhook, signed now."""
    timestamp = str(int(time.time()))
    made = hmac.new(SIGNING.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    return {"signature": {"timestamp": timestamp, "token": token, "signature": made}, "event-data": event}
