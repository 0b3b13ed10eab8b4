"""A Mailjet that keeps the truth: messages and what becomes of them, answered as the provider file documents it. It
shares no code with the reading.

``lively`` makes things happen between two requests: messages arrive and move on, so that pages shift and statuses
change.
"""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY, SECRET = "key-0000:secret-0000", "s3cret-EXAMPLE"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
"""In seconds, as all times of the fake."""
LINKS = ("https://shop.example.com/a", "https://shop.example.com/b")
STATUSES = {
    "sent": "sent",
    "open": "opened",
    "click": "clicked",
    "spam": "spam",
    "unsub": "unsub",
    "blocked": "blocked",
}
KINDS = {
    "sent": "delivered",
    "open": "opened",
    "click": "clicked",
    "spam": "complained",
    "unsub": "unsubscribed",
    "blocked": "dropped",
}
Fact = tuple[str, str, str, int]
"""Kind, message, class of a bounce, and the time in seconds."""


class Message(msgspec.Struct, kw_only=True):
    id: int
    arrived: int
    email: str
    status: str = "queued"
    state: int = 0
    history: list[dict[str, Any]] = []


class FakeMailjet(FakePlatform):
    base = "/v3/REST"

    def __init__(self, seed: int = 1, *, messages: int = 0, spread: int = 3 * DAY):
        super().__init__(seed)
        self.messages: list[Message] = []
        self.notices: list[dict[str, Any]] = []
        """Webhooks: an event each."""
        self.facts: list[Fact] = []
        """The truth."""
        self.lively = False
        self.most, self.total_of_page = 1000, False
        """Rows of a page at most; whether ``Total`` counts the page alone."""
        self.gone: set[int] = set()
        """Messages whose history is no more."""
        self._ids = 1_152_921_510_234_567_000
        present = self.now()
        for _ in range(messages):
            message = self.message(present - self.random.randrange(HOUR, spread))
            for _ in range(self.random.randrange(4)):
                self.move_on(message)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(4):
            case 0:
                self.message(self.now() - self.random.randrange(MINUTE, HOUR))
            case 1 if self.messages:
                self.move_on(self.random.choice(self.messages))

    def message(self, arrived: int) -> Message:
        self._ids += self.random.randrange(1, 999)
        email = f"person{self.random.randrange(10_000)}@example.com"
        message = Message(id=self._ids, arrived=arrived, email=email)
        self.messages.append(message)
        self.facts.append(("queued", str(message.id), "", arrived))
        return message

    def move_on(self, message: Message) -> None:
        """The next thing that happens to a message, if anything still can."""
        last = message.history[-1]["EventAt"] if message.history else message.arrived
        at = min(self.now(), last + self.random.randrange(1, 10 * MINUTE))
        if message.status == "queued":
            match self.random.randrange(6):
                case 0:
                    self.bounce(message, at, hard=True, error="user unknown")
                case 1:
                    self.bounce(message, at, hard=False, error="greylisted")
                case 2:
                    self.happen(message, "blocked", at)
                case _:
                    self.happen(message, "sent", at)
        elif message.status in ("sent", "opened", "clicked"):
            word = self.random.choice(["open", "open", "click", "spam", "unsub"])
            self.happen(message, word, at, self.random.choice(LINKS))

    def happen(self, message: Message, word: str, at: int, link: str = LINKS[0]) -> None:
        if word == "click":
            more: dict[str, Any] = {"url": link, "ip": "192.0.2.25", "geo": "DE", "agent": "Mozilla/5.0"}
        elif word == "blocked":
            more = {"error_related_to": "mailjet", "error": "preblocked"}
        else:
            more = {}
        event_type = {"open": "opened", "click": "clicked"}.get(word, word)
        self._record(message, word, event_type, at, **more)
        self._is(message, STATUSES[word])
        self.facts.append((KINDS[word], str(message.id), "", at))

    def bounce(self, message: Message, at: int, *, hard: bool, error: str) -> None:
        """What is greylisted is tried again; the history calls it ``bounced`` all the same."""
        said = {"hard_bounce": hard, "blocked": True, "error_related_to": "domain", "error": error}
        self._record(message, "bounce", "hardbounced" if hard else "bounced", at, **said)
        message.history[-1]["State"] = error if hard else ""
        self._is(message, "hardbounced" if hard else "deferred")
        kind = ("bounced", "hard") if hard else ("deferred", "")
        self.facts.append((kind[0], str(message.id), kind[1], at))

    def _is(self, message: Message, status: str) -> None:
        sent = ("sent", str(message.id), "", message.arrived)
        if status != "blocked" and sent not in self.facts:
            self.facts.append(sent)
        message.status = status

    def _record(self, message: Message, word: str, event_type: str, at: int, **more: Any) -> None:
        common = {"MessageID": message.id, "email": message.email, "mj_campaign_id": 7257, "customcampaign": "spring"}
        self.notices.append({"event": word, "time": at, **common, "CustomID": f"order-{message.id}", **more})
        row = {"Comment": "", "EventAt": at, "EventType": event_type, "State": "", "Useragent": "", "UseragentID": 0}
        message.history.append(row)

    def truth(self, *, queued: bool = True) -> list[Fact]:
        """What must be known in the end, sorted. That a message was ``queued`` is known if it is seen in time."""
        return sorted(fact for fact in self.facts if fact[0] != "queued" or queued)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Basic {base64.b64encode(KEY.encode()).decode()}":
            return Said(status=401, body={"ErrorInfo": "", "ErrorMessage": "Unauthorized", "StatusCode": 401})
        path = asked.path.removeprefix(f"{self.base}/")
        if path == "message":
            return self._list(asked.query)
        if path.startswith("messagehistory/"):
            return self._history(int(path.partition("/")[2]), asked.query)
        return Said(status=404, body={"ErrorMessage": "Not found", "StatusCode": 404})

    def _list(self, query: dict[str, str]) -> Said:
        since, until = int(query.get("FromTS", 0)), int(query.get("ToTS", 2**40))
        rows = [message for message in self.messages if since <= message.arrived <= until]
        return self._paged([self._row(message, query) for message in rows], query)

    def _row(self, message: Message, query: dict[str, str]) -> dict[str, Any]:
        return {
            "ID": message.id,
            "UUID": f"uuid-{message.id}",
            "ArrivedAt": datetime.fromtimestamp(message.arrived, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "CampaignID": 7257,
            "ContactID": 4,
            "ContactAlt": message.email if query.get("ShowContactAlt") == "true" else "",
            "CustomID": f"order-{message.id}" if query.get("ShowCustomID") == "true" else "",
            "StateID": message.state,
            "Status": message.status,
            "Subject": "Hello" if query.get("ShowSubject") == "true" else "",
        }

    def _history(self, own: int, query: dict[str, str]) -> Said:
        found = [message for message in self.messages if message.id == own and own not in self.gone]
        if not found:
            return Said(status=404, body={"ErrorMessage": "Object not found", "StatusCode": 404})
        return self._paged(found[0].history, query)

    def _paged(self, rows: list[Any], query: dict[str, str]) -> Said:
        limit, offset = min(int(query.get("Limit", 10)) or 1000, 1000), int(query.get("Offset", 0))
        size = limit if rows and "EventAt" in rows[0] else min(limit, self.most)
        page = rows[offset : offset + size]
        total = len(page) if self.total_of_page else len(rows)
        return Said(body={"Count": len(page), "Data": page, "Total": total})
