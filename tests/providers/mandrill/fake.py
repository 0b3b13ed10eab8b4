"""A Mandrill that keeps the truth: messages and what became of them, and the deny list; answered as the provider file
documents them. It shares no code with the reading.

``lively`` makes things happen between two requests: messages appear and move on. Its traps: no paging, at most ``most``
rows whatever is asked for, in any order; messages that the search never finds (``hidden``); errors with status 500.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY, SECRET = "md-0123456789abcdef", "wh-key-EXAMPLE-0001"
ADDRESS = "http://127.0.0.1:8000/webhooks/acme"
HOUR, DAY = 3600, 86_400
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
PROGRAMS = ("Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0", "Thunderbird", None)
Fact = tuple[str, str, int, str]
"""Kind, message (or address), second (0 where the doors tell different ones), link."""


class Sent(msgspec.Struct, kw_only=True):
    """A message."""

    id: str
    at: int
    to: str
    state: str = "sent"
    answers: list[dict[str, Any]] = []
    opens: list[dict[str, Any]] = []
    clicks: list[dict[str, Any]] = []
    last: int = 0


class FakeMandrill(FakePlatform):
    base = "/api/1.0"

    def __init__(self, seed: int = 1, *, messages: int = 0, spread: int = 6 * DAY):
        super().__init__(seed)
        self.messages: list[Sent] = []
        self.rejects: list[dict[str, Any]] = []
        self.notices: list[dict[str, Any]] = []
        """Events as webhooks tell them, in order."""
        self.facts: list[Fact] = []
        self.hidden: set[str] = set()
        self.most = 1000
        self.lively = False
        present = self.now()
        for at in sorted(present - self.random.randrange(HOUR, spread) for _ in range(messages)):
            self.send(at)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def between(self) -> None:
        if self.lively and self.random.random() < 0.5:
            self.send(self.now())
        if self.lively and self.messages:
            self.move_on(self.random.choice(self.messages))

    def send(self, at: int, *, fate: bool = True) -> Sent:
        """A message and, unless left alone, the first of what becomes of it."""
        sent = Sent(
            id=f"{self.random.getrandbits(128):032x}", at=at, to=f"person{len(self.messages)}@example.com", last=at
        )
        self.messages.append(sent)
        if not fate:
            sent.state = "queued"
            return sent
        match self.random.randrange(8):
            case 0:
                sent.state = "rejected"
                self._happened("dropped", sent, "reject", at + 1)
            case 1:
                self.defer(sent)
            case 2:
                self.hand_over(sent)
                self.bounce(sent, self.random.choice(["hard", "soft"]))
            case _:
                self.hand_over(sent)
                for _ in range(self.random.randrange(5)):
                    self.move_on(sent)
        return sent

    def hand_over(self, sent: Sent) -> None:
        sent.state = "sent"
        sent.last += 2
        self._happened("sent", sent, "send", sent.last)

    def defer(self, sent: Sent) -> None:
        sent.state = "deferred"
        sent.last += 60
        sent.answers.append({"ts": sent.last, "type": "deferred", "diag": "451 4.3.5 try again later"})
        self._happened("deferred", sent, "deferral", sent.last + 2)

    def bounce(self, sent: Sent, how: str) -> None:
        sent.state = "bounced"
        sent.last += 30
        diag = "550 5.1.1 No such user" if how == "hard" else "552 5.2.2 Over quota"
        sent.answers.append({"ts": sent.last, "type": "bounced", "diag": diag})
        self._happened("bounced", sent, f"{how}_bounce", sent.last, diag=f"smtp;{diag}", bounce_description="general")

    def move_on(self, sent: Sent) -> None:
        """The next thing that happens to a message, if anything still can."""
        if sent.state == "deferred" and len(sent.answers) < 2:
            self.defer(sent) if self.random.random() < 0.5 else self.hand_over(sent)
        if sent.state != "sent":
            return
        if not any(answer["type"] == "sent" for answer in sent.answers):
            sent.last += 3
            sent.answers.append({"ts": sent.last, "type": "sent", "diag": "250 2.0.0 OK"})
            self._happened("delivered", sent, "delivered", sent.last)
            return
        match self.random.randrange(10):
            case 0:
                self.object(sent, "complained", "spam", "spam")
            case 1:
                self.object(sent, "unsubscribed", "unsub", "unsub")
            case 2 | 3 | 4:
                self.act(sent, "clicked", self.random.choice(URLS))
            case _:
                self.act(sent, "opened")

    def act(self, sent: Sent, kind: str, url: str | None = None, *, after: int = 7, ip: str = "") -> None:
        sent.last += after
        ip = ip or f"192.0.2.{self.random.randrange(1, 250)}"
        item = {"ts": sent.last, "ip": ip, "location": "Berlin, DE", "ua": self.random.choice(PROGRAMS)}
        (sent.opens if url is None else sent.clicks).append(item | ({"url": url} if url else {}))
        word = "open" if url is None else "click"
        outer = {"ip": item["ip"], "user_agent": item["ua"], "location": None, "user_agent_parsed": None}
        self._happened(kind, sent, word, sent.last, url=url, outer=outer)

    def object(self, sent: Sent, kind: str, word: str, reason: str) -> None:
        if any(entry["email"] == sent.to and entry["reason"] == reason for entry in self.rejects):
            return
        sent.last += 5
        made = datetime.fromtimestamp(sent.last + 1, UTC).strftime("%Y-%m-%d %H:%M:%S")
        entry = {"email": sent.to, "reason": reason, "detail": "", "created_at": made, "last_event_at": made}
        entry |= {"expires_at": None, "expired": False, "subaccount": None, "sender": None}
        self.rejects.append(entry)
        self._happened(kind, sent, word, sent.last)
        self.notices.append({"type": "blacklist", "action": "add", "ts": sent.last + 2, "reject": entry})

    def _happened(self, kind: str, sent: Sent, word: str, at: int, url: str | None = None, **more: Any) -> None:
        timed = kind in ("delivered", "bounced", "opened", "clicked")
        who = sent.to if kind in ("complained", "unsubscribed") else sent.id
        self.facts.append((kind, who, at if timed else 0, url or ""))
        outer = more.pop("outer", {}) | ({"url": url} if url else {})
        told = {"ts": sent.at, "_id": sent.id, "email": sent.to, "state": sent.state, "subject": "News", "tags": ["a"]}
        told |= {"metadata": {"external_id": sent.to[:8]}, "opens": list(sent.opens), "clicks": list(sent.clicks)}
        told["smtp_events"] = list(sent.answers)
        self.notices.append({"event": word, "_id": sent.id, "ts": at, **outer, "msg": told | more})

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(self.facts)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.method != "POST":
            return error(500, "GeneralError")
        said = json.loads(asked.body)
        if said.get("key") != KEY:
            return error(500, "Invalid_Key")
        match asked.path.removeprefix(f"{self.base}/"):
            case "messages/search.json":
                return self._search(said)
            case "rejects/list.json":
                return Said(body=self.rejects[-1000:] if said.get("include_expired") else [])
        return error(500, "Unknown_Method")

    def _search(self, said: dict[str, Any]) -> Said:
        present = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        since, until = seconds(said.get("date_from", "2000-01-01 00:00:00")), seconds(said.get("date_to", present))
        found = [sent for sent in self.messages if since <= sent.at <= until and sent.id not in self.hidden]
        self.random.shuffle(found)
        return Said(body=[row(sent) for sent in found[: min(self.most, said.get("limit", 100))]])


def row(sent: Sent) -> dict[str, Any]:
    return {
        "ts": sent.at,
        "_id": sent.id,
        "sender": "shop@example.com",
        "template": None,
        "subject": "News",
        "email": sent.to,
        "tags": ["a"],
        "opens": len(sent.opens),
        "opens_detail": sent.opens,
        "clicks": len(sent.clicks),
        "clicks_detail": sent.clicks,
        "state": sent.state,
        "metadata": {"external_id": sent.to[:8]},
        "smtp_events": sent.answers[-3:],
    }


def error(status: int, name: str) -> Said:
    return Said(status=status, body={"status": "error", "code": -1, "name": name, "message": "No."})


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp())


def batch(events: list[dict[str, Any]]) -> tuple[bytes, dict[str, str]]:
    """A webhook with these events, and its headers."""
    value = json.dumps(events)
    signature = hmac.digest(SECRET.encode(), f"{ADDRESS}mandrill_events{value}".encode(), "sha1")
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Mandrill-Signature": base64.b64encode(signature).decode(),
    }
    return urlencode({"mandrill_events": value}).encode(), headers
