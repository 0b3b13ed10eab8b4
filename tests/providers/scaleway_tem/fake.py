"""A Scaleway that keeps the truth: emails, what became of them, the events its webhook produced; answered as the
provider file and Scaleway's SDK document them. It shares no code with the reading.

``lively`` makes things happen between two requests, so that rows appear on top of the list of events and emails change.
"""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said
from tests.providers.topics import certified, envelope, signed

KEY = "11111111-aaaa-4bbb-8ccc-222222222222"
WEBHOOK = "eeeeeeee-0000-4000-8000-00000000000a"
TOPIC = "arn:scw:sns:fr-par:project-11111111-2222-4333-8444-555555555555:tem-events"
ROOT = certified("authority", authority=True)
LEAF = certified("signer", ROOT)
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
API = "/transactional-email/v1alpha1/regions/fr-par/"
Fact = tuple[str, str, str]
"""Kind, email (or event, where there is none), class of a bounce."""


def iso(at: int) -> str:
    """With as many digits as it needs, as Scaleway prints it."""
    text = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{at % 1000:03d}000Z" if at % 1000 else f"{text}Z"


def whole(at: int) -> str:
    """Of the second, as events print theirs."""
    return iso(at - at % 1000)


def millis(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class Mail(msgspec.Struct, kw_only=True):
    id: str
    created: int
    to: str
    status: str = "new"
    tries: list[tuple[int, int, str]] = []
    """When, code, answer."""
    flags: list[str] = []
    updated: int = 0


class FakeScaleway(FakePlatform):
    def __init__(self, seed: int = 1, *, mails: int = 0):
        super().__init__(seed)
        self.mails: list[Mail] = []
        self.events: list[tuple[int, dict[str, Any]]] = []
        """When it was made, and what was sent."""
        self.facts: list[Fact] = []
        self.lively = self.ignores_size = False
        present = self.now()
        for created in sorted(present - self.random.randrange(MINUTE, 40 * HOUR) for _ in range(mails)):
            self.send(created)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1_000_000

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def between(self) -> None:
        if not self.lively:
            return
        if self.random.randrange(2):
            self.send(self.now())
        open_ = [mail for mail in self.mails if mail.status in ("new", "sending")]
        if open_:
            self.move_on(self.random.choice(open_), self.now())

    def send(self, at: int) -> Mail:
        """An email, and some of what becomes of it."""
        mail = Mail(
            id=self.uuid(), created=at, updated=at, to=f"person{self.random.randrange(50)}@example.com", tries=[]
        )
        self.mails.append(mail)
        self._happened("queued", mail)
        self._event("email_queued", at, mail, email_queued_at=whole(at))
        for _ in range(self.random.randrange(4)):
            self.move_on(mail, min(mail.updated + self.random.randrange(SECOND, 10 * MINUTE), self.now()))
        return mail

    def move_on(self, mail: Mail, at: int) -> None:
        if mail.status in ("sent", "failed", "canceled"):
            return
        fate = self.random.choice(["deferred", "delivered", "delivered", "dropped", "not_found", "spam", "own_spam"])
        if fate == "deferred" and len(mail.tries) < 2:
            self.defer(mail, at)
        elif fate in ("delivered", "deferred"):
            self._tried(mail, at, 250, "2.0.0 OK", "sent")
            self._happened("delivered", mail)
            self._answered("email_delivered", at, mail)
        elif fate == "own_spam":
            self._tried(mail, at, 0, "Message rejected by the spam filter", "failed", "spam")
            self._happened("dropped", mail)
            self._event("email_spam", at, mail, email_sent_at=whole(at), email_error="Message rejected")
        else:
            word, code, flag, bounce_class = {
                "dropped": ("email_dropped", 554, "hard_bounce", "hard"),
                "not_found": ("email_mailbox_not_found", 550, "mailbox_not_found", "hard"),
                "spam": ("email_spam", 554, "spam", "block"),
            }[fate]
            self._tried(mail, at, code, "5.0.0 No", "failed", flag)
            self._happened("bounced", mail, bounce_class)
            self._answered(word, at, mail)

    def defer(self, mail: Mail, at: int) -> None:
        self._tried(mail, at, 452, "4.2.2 Over quota", "sending", "mailbox_full")
        self._happened("deferred", mail)
        self._answered("email_deferred", at, mail, email_next_try=iso(at + 5 * MINUTE), email_try_count=1)

    def block(self, at: int) -> None:
        """An email that is withheld, of which no list of emails knows."""
        own = self._event(
            "email_blocklisted", at, None, email_to="nobody@example.com", email_blocklisted_at=iso(at), blocklist_id="b"
        )
        self.facts.append(("dropped", own, ""))

    def _tried(self, mail: Mail, at: int, code: int, answer: str, status: str, *flags: str) -> None:
        mail.tries.append((at, code, answer))
        mail.status, mail.updated = status, at
        mail.flags = [*mail.flags, *flags]

    def _happened(self, kind: str, mail: Mail, bounce_class: str = "") -> None:
        self.facts.append((kind, mail.id, bounce_class))

    def _answered(self, word: str, at: int, mail: Mail, **more: Any) -> None:
        _, code, answer = mail.tries[-1]
        told = {"email_sent_at": whole(at), "email_response_code": code, "email_response_message": answer}
        self._event(word, at, mail, **told, **more)

    def _event(self, word: str, at: int, mail: Mail | None, **more: Any) -> str:
        own = self.uuid()
        of_mail = {"email_id": mail.id, "email_to": mail.to} if mail else {}
        event = {"id": own, "type": word, "created_at": iso(at + 5), "email_headers": [], **of_mail, **more}
        self.events.append((at + 5, event))
        return own

    def truth(self) -> list[Fact]:
        return sorted(self.facts)

    # -- what it sends and answers -----------------------------------------------------------------------

    def posts(self) -> list[dict[str, Any]]:
        """What the topic posts, one envelope for each event."""
        return [
            signed(envelope(event, TOPIC, f"{self.url}/certs/signer.pem", MessageId=f"m-{event['id']}"), LEAF)
            for _, event in self.events
        ]

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/certs/signer.pem":
            return Said(body=LEAF.pem.encode())
        if asked.headers.get("x-auth-token") != KEY:
            return Said(status=403, body={"message": "insufficient permissions", "type": "permissions_denied"})
        if asked.path == f"{API}emails":
            return self._emails(asked.query)
        if asked.path == f"{API}webhooks/{WEBHOOK}/events":
            return self._events(asked.query)
        return Said(status=404, body={"message": "resource is not found", "type": "not_found"})

    def _page(self, name: str, rows: list[Any], query: dict[str, str]) -> Said:
        size, page = int(query.get("page_size", 20)), int(query.get("page", 1))
        if not (1 <= size <= 100 and page >= 1):
            return Said(status=400, body={"message": "invalid argument(s)", "type": "invalid_arguments"})
        size = 20 if self.ignores_size else size
        return Said(body={"total_count": len(rows), name: rows[(page - 1) * size : page * size]})

    def _emails(self, query: dict[str, str]) -> Said:
        since, until = (
            millis(query[name]) if name in query else edge for name, edge in (("since", 0), ("until", 2**60))
        )
        rows = [mail for mail in self.mails if since < mail.created < until]
        rows.sort(key=lambda mail: mail.created, reverse=query.get("order_by") != "created_at_asc")
        return self._page("emails", [self._row(mail) for mail in rows], query)

    def _row(self, mail: Mail) -> dict[str, Any]:
        tries = [
            {"rank": rank, "tried_at": iso(at), "code": code, "message": answer}
            for rank, (at, code, answer) in enumerate(mail.tries, 1)
        ]
        return {
            "id": mail.id,
            "message_id": f"m-{mail.id}",
            "mail_rcpt": mail.to,
            "subject": "Your order",
            "status": mail.status,
            "status_details": None,
            "try_count": len(tries),
            "last_tries": tries[-3:],
            "flags": mail.flags,
            "created_at": iso(mail.created),
            "updated_at": iso(mail.updated),
        }

    def _events(self, query: dict[str, str]) -> Said:
        rows = sorted(self.events, key=lambda made: made[0], reverse=query.get("order_by") == "created_at_desc")
        return self._page("webhook_events", [self._made(at, event) for at, event in rows], query)

    def _made(self, at: int, event: dict[str, Any]) -> dict[str, Any]:
        row = {"id": f"row-{event['id']}", "webhook_id": WEBHOOK, "type": event["type"], "status": "sent"}
        return row | {"data": json.dumps(event), "created_at": iso(at), "updated_at": iso(at)}
