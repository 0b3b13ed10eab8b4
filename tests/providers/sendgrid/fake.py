"""A SendGrid that keeps the truth: what happened to messages, told in batches of webhooks, in suppression lists and in
the email activity, as the provider file documents them. It shares no code with the reading.

``lively`` makes things happen between two requests: new events, and addresses that are taken off a list again.
"""

from __future__ import annotations

import base64
import json
import re
import time
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes import Asked, FakePlatform, Said

KEY = "SG.0000"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148")
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
LIST_OF = {"bounce": "bounces", "blocked": "blocks", "spamreport": "spam_reports", "unsubscribe": "unsubscribes"}
CLASSES = {"bounce": "hard", "blocked": "block", "expired": "soft"}
ENDS = (*LIST_OF, "expired", "dropped")
KINDS = {
    "processed": "queued",
    "deferred": "deferred",
    "delivered": "delivered",
    "bounce": "bounced",
    "dropped": "dropped",
    "open": "opened",
    "click": "clicked",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
}
Fact = tuple[str, str, str, str, int]
"""Kind, address, class of a bounce, link, seconds."""


@cache
def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A key of the scheme's curve, made from a name as the provider file makes its own."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    return ec.derive_private_key(int.from_bytes(sha256(name.encode()).digest()) % (order - 1) + 1, ec.SECP256R1())


@cache
def public_key(name: str) -> str:
    """As SendGrid shows it."""
    der = private_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def signed(body: bytes, name: str = "sendgrid-test-key-1", at: float | None = None) -> dict[str, str]:
    """The headers of a call, signed at an instant (seconds; default: now)."""
    seconds = str(int(time.time() if at is None else at))
    signature = private_key(name).sign(seconds.encode() + body, ec.ECDSA(SHA256()))
    return {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": seconds,
    }


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Mail(msgspec.Struct, kw_only=True):
    """A message to one recipient."""

    id: str
    to: str
    moved: int = 0
    events: list[dict[str, Any]] = []
    over: bool = False


class FakeSendGrid(FakePlatform):
    def __init__(self, seed: int = 1, *, mails: int = 0, spread: int = 5 * DAY):
        super().__init__(seed)
        self.mails: dict[str, Mail] = {}
        self.items: list[dict[str, Any]] = []
        """What webhooks tell, one by one."""
        self.lists: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("bounces", "blocks", "spam_reports", "invalid_emails", "unsubscribes")
        }
        self.facts: set[Fact] = set()
        self.lively = False
        self._tick = self.now() - HOUR
        """Lively events come one in a second: of more than a page in one, the activity hides some."""
        self.ignores_size = False
        self.limit: int | None = None
        """Requests until the platform is busy."""
        for _ in range(mails):
            self.mail(self.now() - self.random.randrange(HOUR, spread))
        # Of few mails chance would leave out most of their ends.
        for mail, end in zip(list(self.mails.values()), ENDS, strict=False):
            if end in CLASSES:
                self.bounce(mail, end, mail.moved + 1)
            else:
                self.happened(mail, end, mail.moved + 1)
            mail.over = True

    @staticmethod
    def now() -> int:
        return int(time.time())

    # -- what happens ------------------------------------------------------------------------------------

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(4):
            case 0:
                self.mail(self.now() - self.random.randrange(2 * HOUR, DAY))
            case 1:
                self._tick += 1
                if resting := [mail for mail in self.mails.values() if mail.moved < self._tick]:
                    self.move_on(self.random.choice(resting), self._tick)
            case 2:
                # Somebody is sent to again; what happened stays true.
                if rows := self.random.choice(list(self.lists.values())):
                    taken = self.random.choice(rows)
                    if taken.get("seen"):
                        rows.remove(taken)

    def mail(self, at: int) -> Mail:
        """A message, and the first of what becomes of it."""
        number = len(self.mails)
        own = f"m{number}k.filter0001.16648.{self.random.getrandbits(40):X}.0"
        mail = Mail(id=own, to=f"person{self.random.randrange(1_000_000)}@example.com", events=[])
        self.mails[own] = mail
        self.happened(mail, "processed", at)
        for _ in range(self.random.randrange(1, 5)):
            self.move_on(mail, min(self.now(), mail.moved + self.random.randrange(1, 600)))
        return mail

    def move_on(self, mail: Mail, at: int) -> None:
        if mail.over:
            return
        delivered = any(event["event_name"] == "delivered" for event in mail.events)
        if not delivered:
            match self.random.randrange(8):
                case 0:
                    attempt = sum(event["event_name"] == "deferred" for event in mail.events) + 1
                    self.happened(mail, "deferred", at, attempt=attempt, response="451 4.3.0 try again later")
                case 1:
                    self.bounce(mail, self.random.choice(["bounce", "blocked", "expired"]), at)
                case 2:
                    self.happened(mail, "dropped", at, reason="Bounced Address")
                    mail.over = True
                case _:
                    self.happened(mail, "delivered", at, response="250 2.0.0 OK")
            return
        who = {"useragent": self.random.choice(AGENTS), "ip": f"192.0.2.{self.random.randrange(250)}"}
        match self.random.randrange(8):
            case 0:
                self.happened(mail, "spamreport", at)
                mail.over = True
            case 1:
                self.happened(mail, "unsubscribe", at)
                mail.over = True
            case 2 | 3 | 4:
                self.happened(mail, "click", at, url=self.random.choice(URLS), **who)
            case _:
                self.happened(mail, "open", at, sg_machine_open=False, **who)

    def bounce(self, mail: Mail, type_: str, at: int) -> None:
        self.happened(mail, "bounce", at, type=type_, reason="550 5.1.1 unknown recipient", status="5.1.1")
        mail.over = True

    def happened(self, mail: Mail, word: str, at: int, **fields: Any) -> None:
        fact = (KINDS[word], mail.to, CLASSES.get(fields.get("type", ""), ""), fields.get("url", ""), at)
        if fact in self.facts:
            return  # no two of one second: they are another test's
        self.facts.add(fact)
        own = base64.b64encode(f"{word}-{self.random.getrandbits(60)}".encode()).decode()
        self.items.append(
            {"email": mail.to, "timestamp": at, "event": word, "sg_event_id": own, "sg_message_id": mail.id}
            | {"external_id": f"own-{mail.to}", "category": ["news"]}
            | fields
        )
        told = {"attempt_num": fields.get("attempt"), "http_user_agent": fields.get("useragent")}
        told |= {"bounce_type": fields.get("type"), "reason": fields.get("reason") or fields.get("response")}
        event = {"event_name": word, "processed": iso(at), "url": fields.get("url")} | told
        mail.events.append({name: value for name, value in event.items() if value is not None})
        mail.moved = max(mail.moved, at)
        listed = LIST_OF.get(fields.get("type", word))
        if listed:
            row = {"created": at, "email": mail.to, "reason": fields.get("reason", ""), "status": fields.get("status")}
            self.lists[listed].append({name: value for name, value in row.items() if value})

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(self.facts)

    def copy(self, item: dict[str, Any]) -> dict[str, Any]:
        """The same event again, with another id or none."""
        other = {"sg_event_id": f"copy-{self.random.getrandbits(60)}=="}
        plain = {name: value for name, value in item.items() if name != "sg_event_id"}
        return self.random.choice([item, plain, plain | other])

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Said(status=401, body=_error("authorization required"))
        if self.limit is not None:
            self.limit -= 1
            if self.limit < 0:
                reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self.now() + 50)}
                return Said(status=429, body=_error("too many requests"), headers=reset)
        if name := re.fullmatch(r"/v3/suppression/(\w+)", asked.path):
            return self._suppressed(name[1], asked.query)
        if asked.path == "/v3/messages":
            return self._messages(asked.query)
        mail = self.mails.get(unquote(asked.path.removeprefix("/v3/messages/")))
        return Said(body=self._message(mail)) if mail else Said(status=404, body=_error("not found"))

    def _suppressed(self, name: str, query: dict[str, str]) -> Said:
        limit, offset = int(query.get("limit", 50)), int(query.get("offset", 0))
        if limit > 500:
            return Said(status=400, body=_error("limit is too large"))
        since, until = int(query.get("start_time", 0)), int(query.get("end_time", 2**40))
        rows = [row for row in self.lists[name] if since <= row["created"] <= until]
        # In no order that anybody knows.
        rows.sort(key=lambda row: sha256(row["email"].encode()).digest())
        page = rows[offset : offset + (7 if self.ignores_size else limit)]
        said = [{key: value for key, value in row.items() if key != "seen"} for row in page]
        for row in page:
            row["seen"] = True
        return Said(body=said)

    def _messages(self, query: dict[str, str]) -> Said:
        limit = 10 if self.ignores_size else int(query.get("limit", 10))
        found = re.fullmatch(r'last_event_time BETWEEN TIMESTAMP "([^"]+)" AND TIMESTAMP "([^"]+)"', query["query"])
        if not found or limit > 1000:
            return Said(status=400, body=_error("invalid query"))
        mails = [mail for mail in self.mails.values() if found[1] <= iso(mail.moved) <= found[2]]
        mails.sort(key=lambda mail: -mail.moved)
        rows = [
            {
                "from_email": "news@example.com",
                "msg_id": mail.id,
                "subject": "Hello",
                "to_email": mail.to,
                "status": "delivered",
                "opens_count": 1,
                "clicks_count": 0,
                "last_event_time": iso(mail.moved),
            }
            for mail in mails[:limit]
        ]
        return Said(body={"messages": rows})

    @staticmethod
    def _message(mail: Mail) -> dict[str, Any]:
        return {
            "from_email": "news@example.com",
            "msg_id": mail.id,
            "subject": "Hello",
            "to_email": mail.to,
            "status": "delivered",
            "unique_args": json.dumps({"external_id": f"own-{mail.to}"}),
            "events": list(mail.events),
        }


def _error(message: str) -> dict[str, Any]:
    return {"errors": [{"field": None, "message": message}]}
