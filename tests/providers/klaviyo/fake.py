"""A Klaviyo that keeps the truth: events of metrics, told by webhooks in batches and by lists, as the provider file
documents them. It shares no code with the reading.

``lively`` makes things happen between two requests: events happen, and some are written late.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "pk_0000000000000000"
SECRET = "klv_EXAMPLE_secret_0123456789"
WEBHOOK = "01JEXAMPLEWEBHOOK0000000001"
HOUR, DAY = 3600, 86_400
METRICS = {
    "received_email": ("MtRecv", "Received Email", "delivered"),
    "opened_email": ("MtOpen", "Opened Email", "opened"),
    "clicked_email": ("MtClick", "Clicked Email", "clicked"),
    "bounced_email": ("MtBounce", "Bounced Email", "bounced"),
    "marked_email_as_spam": ("MtSpam", "Marked Email as Spam", "complained"),
    "unsubscribed_from_email_marketing": ("MtUnsub", "Unsubscribed from Email Marketing", "unsubscribed"),
}
"""Word → id, name, what it is to us."""
OTHERS = [("MtFake", "Opened Email", "API"), ("MtOrder", "Placed Order", "Shopify"), ("MtSms", "Sent SMS", "Klaviyo")]
FILTER = re.compile(
    r'equals\(metric_id,"(\w+)"\),greater-or-equal\(datetime,([0-9TZ:-]+)\),less-than\(datetime,([0-9TZ:-]+)\)'
)
Fact = tuple[str, str, int]
"""Kind, event id, and the time in milliseconds."""


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


def signed(body: bytes, secret: str = SECRET, stamp: str | None = None, webhook: str = WEBHOOK) -> dict[str, str]:
    """The headers of a call."""
    stamp = formatdate(time.time(), usegmt=True) if stamp is None else stamp
    made = hmac.new(secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "Klaviyo-Signature": made,
        "Klaviyo-Timestamp": stamp,
        "Klaviyo-Webhook-Id": webhook,
    }


class Happened(msgspec.Struct, kw_only=True):
    id: str
    word: str
    at: int
    """Unix seconds."""
    person: int
    properties: dict[str, Any]
    hidden: int = 0
    """In so many requests from now it is written to the list."""


class FakeKlaviyo(FakePlatform):
    def __init__(self, seed: int = 1, *, events: int = 0, spread: int = 6 * DAY):
        super().__init__(seed)
        self.happened: list[Happened] = []
        self.lively = False
        self.size = 7
        self.absent: set[str] = set()
        """Words of metrics the account doesn't have yet."""
        self.renamed: dict[str, str] = {}
        """Word → id, where it isn't the usual one."""
        self.cursors_last: int | None = None
        """Requests after which a cursor has expired."""
        self._cursors: dict[str, tuple[dict[str, str], tuple[int, str], int]] = {}
        present = int(time.time())
        for _ in range(events):
            # Several events of one second.
            last = self.happened[-1].at if self.happened else present - HOUR
            again = self.random.random() < 0.3
            self.happen(last if again else present - self.random.randrange(HOUR, spread))

    # -- what happens ------------------------------------------------------------------------------------

    def between(self) -> None:
        for one in self.happened:
            one.hidden = max(0, one.hidden - 1)
        if self.lively and self.random.random() < 0.5:
            self.happen(int(time.time()) - self.random.randrange(2, 30), hidden=self.random.randrange(4))

    def happen(self, at: int, word: str | None = None, *, hidden: int = 0, **properties: Any) -> Happened:
        word = word or self.random.choice(sorted(METRICS))
        more: dict[str, Any] = {"$message": self.random.choice(["WxYz12", "WxYz13"]), "Subject": "March news"}
        if word == "bounced_email":
            more["Bounce Type"] = self.random.choice(["Hard", "Soft"])
        if word == "clicked_email":
            more["URL"] = "https://shop.example.com/sale"
        one = Happened(
            id="".join(self.random.choices("abcdefghXYZ123456789", k=11)),
            word=word,
            at=at,
            person=self.random.randrange(20),
            properties=more | properties,
            hidden=hidden,
        )
        self.happened.append(one)
        return one

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted((METRICS[one.word][2], one.id, one.at * 1000) for one in self.happened)

    def notices(self, batch: int = 5) -> list[bytes]:
        """The webhooks that tell everything, so many events each."""
        rows = [
            {"external_id": one.id, "topic": f"event:klaviyo.{one.word}", "payload": {"data": self._row(one)}}
            for one in self.happened
        ]
        meta = {"klaviyo_webhook_id": WEBHOOK, "klaviyo_account_id": "AbC123", "timestamp": "2026-03-01T10:01:00+00:00"}
        return [msgspec.json.encode({"data": rows[n : n + batch], "meta": meta}) for n in range(0, len(rows), batch)]

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Klaviyo-API-Key {KEY}":
            return self._error(401, "not_authenticated")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", asked.headers.get("revision", "")):
            return self._error(400, "missing_revision")
        if asked.path.rstrip("/") == "/api/metrics":
            return self._metrics(asked.query)
        if asked.path.rstrip("/") == "/api/events":
            return self._events(asked.query)
        return self._error(404, "not_found")

    @staticmethod
    def _error(status: int, code: str) -> Said:
        return Said(status=status, body={"errors": [{"id": "1", "status": status, "code": code, "title": code}]})

    def metric(self, word: str) -> str:
        return self.renamed.get(word, METRICS[word][0])

    def _metrics(self, query: dict[str, str]) -> Said:
        own = [
            (self.metric(word), name, "Klaviyo") for word, (_, name, _) in METRICS.items() if word not in self.absent
        ]
        rows = [
            {"type": "metric", "id": id, "attributes": {"name": name, "integration": {"name": integration}}}
            for id, name, integration in [*OTHERS, *own]
        ]
        begin = int(query.get("page[cursor]", "0"))
        following = f"{self.url}/api/metrics/?{urlencode({'page[cursor]': begin + 4})}"
        more = begin + 4 < len(rows)
        return Said(body={"data": rows[begin : begin + 4], "links": {"next": following if more else None}})

    def _events(self, query: dict[str, str]) -> Said:
        after = (0, "")
        cursor = query.get("page[cursor]")
        if cursor is not None:
            if cursor not in self._cursors:
                return self._error(400, "invalid_cursor")
            query, after, made = self._cursors[cursor]
            if self.cursors_last is not None and len(self.asked) - made > self.cursors_last:
                return self._error(400, "invalid_cursor")
        wanted = FILTER.fullmatch(query.get("filter", ""))
        words = {self.metric(word): word for word in METRICS if word not in self.absent}
        if wanted is None or wanted[1] not in words or query.get("sort") != "datetime":
            return self._error(400, "invalid")
        word, since, until = words[wanted[1]], seconds(wanted[2]), seconds(wanted[3])
        rows = sorted((one.at, one.id, one) for one in self.happened if one.word == word and not one.hidden)
        rows = [row for row in rows if since <= row[0] < until and row[:2] > after]
        size = min(self.size, int(query.get("page[size]", self.size)))
        shown = [one for *_, one in rows[:size]]
        following = None
        if len(rows) > size:
            token = uuid.UUID(int=self.random.getrandbits(128)).hex
            self._cursors[token] = (query, rows[size - 1][:2], len(self.asked))
            following = f"{self.url}/api/events/?{urlencode({'page[cursor]': token})}"
        people = sorted({one.person for one in shown})
        return Said(
            body={
                "data": [self._row(one) for one in shown],
                "included": [self._profile(person, query["fields[profile]"]) for person in people],
                "links": {"self": self.url, "next": following, "prev": None},
            },
            headers={"RateLimit-Limit": "3500", "RateLimit-Remaining": "3400", "RateLimit-Reset": "30"},
        )

    def _row(self, one: Happened) -> dict[str, Any]:
        return {
            "type": "event",
            "id": one.id,
            "attributes": {
                "timestamp": one.at,
                "datetime": datetime.fromtimestamp(one.at, UTC).isoformat(),
                "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, one.id)),
                "event_properties": one.properties,
            },
            "relationships": {
                "metric": {"data": {"type": "metric", "id": self.metric(one.word)}},
                "profile": {"data": {"type": "profile", "id": f"01JPROFILE{one.person}"}},
            },
        }

    @staticmethod
    def _profile(person: int, fields: str) -> dict[str, Any]:
        attributes = {
            "email": f"person{person}@example.com",
            "external_id": f"crm-{person}",
            "properties": {"shop id": f"shop-{person}"},
        }
        kept = {name: value for name, value in attributes.items() if name in fields.split(",")}
        return {"type": "profile", "id": f"01JPROFILE{person}", "attributes": kept}
