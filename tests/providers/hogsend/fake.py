"""A Hogsend that keeps the truth: sends with their outcomes, hits, opt-outs; answered as the provider file documents
them, section by section. It shares no code with the reading.

``lively`` makes things happen between two requests: sends appear and move on, notices come again and move a column,
rows without any outcome appear and vanish, so that pages shift.
"""

from __future__ import annotations

import csv
import io
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from tests.fakes import Asked, FakePlatform, Said

KEY = "hsk_00000000"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
MILLI, SECOND, HOUR, DAY = 1_000, 1_000_000, 3_600_000_000, 86_400_000_000
"""In microseconds, which Hogsend's times have inside."""
TEMPLATES = ("welcome", "spring-news", "reset/password")
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
COLUMNS = ("sentAt", "deliveredAt", "openedAt", "clickedAt", "bouncedAt", "complainedAt")
CELLS = (
    *("id", "createdAt", "templateKey", "status", "toEmail", "userId", "subject", "sentAt", "deliveredAt", "openedAt"),
    *("clickedAt", "bouncedAt", "complainedAt", "bounceType"),
)
Fact = tuple[str, str, str, int]
"""Kind, send (or address), class of a bounce, and the time in milliseconds."""


def iso(at: int | None) -> str | None:
    """As Hogsend prints a time: cut to milliseconds."""
    if at is None:
        return None
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % SECOND // MILLI:03d}Z"


def micros(text: str) -> int:
    whole = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * SECOND + int((text[20:].rstrip("Z") + "000000")[:6])


class Sent(msgspec.Struct, kw_only=True):
    """A row of Hogsend's table of sends."""

    id: str
    created: int
    template: str
    to: str
    user: str | None
    status: str = "queued"
    bounce_type: str | None = None
    at: dict[str, int] = {}
    """Column → when, in microseconds."""
    updated: int = 0


class Hit(msgspec.Struct, kw_only=True):
    id: str
    event: str
    at: int
    send: Sent
    url: str | None = None
    bot: bool = False


class FakeHogsend(FakePlatform):
    def __init__(self, seed: int = 1, *, sends: int = 0, spread: int = 10 * DAY):
        super().__init__(seed)
        self.sends: list[Sent] = []
        self.hits: list[Hit] = []
        self.opted_out: list[tuple[str, int]] = []
        self.notices: list[tuple[str, bytes]] = []
        """Webhooks: id and body, in order."""
        self.facts: dict[tuple[str, ...], int] = {}
        """The truth: what happened, and its first time in milliseconds."""
        self.lively = False
        self.hardens = False
        """A softer bounce may be followed by a permanent one, which takes its column."""
        self.ignores_size = self.ignores_order = False
        self.most_exported = 50_000
        self.limit: int | None = None
        self.refused = 0
        self._asked_at: list[float] = []
        self.campaign: str | None = None
        self._out_of_order = 0
        present = self.now()
        created = sorted(present - self.random.randrange(HOUR, spread) for _ in range(sends))
        for number, at in enumerate(created):
            # Several sends of one instant, and of one millisecond.
            if number % 5:
                at = created[number - 1] + self.random.choice([0, 1, 400])  # noqa: PLW2901
                created[number] = at
            self.send(at)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1000

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(6):
            case 0:
                self.send(self.now())
            case 1:
                self.ghost()
            case 2:
                self.vanish()
            case 3 if self.sends:
                self.move_on(self.random.choice(self.sends), self.now())
            case 4:
                self.repeat_a_notice()

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def send(self, at: int, *, facts: bool = True) -> Sent:
        """A send and, unless it is a ghost, the first of what becomes of it."""
        number = self.random.randrange(10_000)
        to, user = f"person{number}@example.com", self.random.choice([f"user_{number}", None])
        sent = Sent(
            id=self.uuid(), created=at, updated=at, template=self.random.choice(TEMPLATES), to=to, user=user, at={}
        )
        self.sends.append(sent)
        if not facts:
            return sent
        fate = self.random.random()
        if fate < 0.05:
            sent.status = "suppressed"
            self._happened("dropped", sent, at)
        elif fate < 0.1:
            sent.status, sent.updated = "failed", at + 5 * MILLI
            self._happened("dropped", sent, sent.updated)
        else:
            self._set(sent, "sentAt", at + 200 * MILLI, "sent")
            for _ in range(self.random.randrange(4)):
                self.move_on(sent, min(sent.updated + self.random.randrange(SECOND, 600 * SECOND), self.now()))
        return sent

    def ghost(self) -> None:
        """A row in the middle of the list of which nothing is to be told."""
        self.send(self.now() - self.random.randrange(10 * DAY), facts=False)

    def vanish(self) -> None:
        ghosts = [sent for sent in self.sends if not sent.at and sent.status == "queued"]
        if ghosts:
            self.sends.remove(self.random.choice(ghosts))

    def move_on(self, sent: Sent, at: int) -> None:
        """The next thing that happens to a send, if anything still can."""
        if "sentAt" not in sent.at or sent.status == "failed":
            return
        if "bouncedAt" in sent.at:
            if sent.bounce_type == "transient" and self.hardens:
                self.bounce(sent, "permanent", at)
            return
        if "deliveredAt" not in sent.at:
            kind = self.random.choice(["delivered", "delivered", "delivered", "bounced", "failed"])
            if kind == "delivered":
                self._set(sent, "deliveredAt", at, "delivered")
            elif kind == "bounced":
                self.bounce(sent, self.random.choice(["permanent", "transient", "unknown", "complaint"]), at)
            elif sent.status == "sent":
                sent.status, sent.updated = "failed", at
                self._happened("failed", sent, at)
            return
        match self.random.randrange(8):
            case 0 if "complainedAt" not in sent.at:
                self._set(sent, "complainedAt", at, "complained")
            case 1:
                self.opt_out(sent.to, at)
            case 2 | 3:
                self.hit(sent, "email.link_clicked", at, self.random.choice(URLS))
            case _:
                self.hit(sent, "email.opened", at)

    def hit(self, sent: Sent, event: str, at: int, url: str | None = None, *, bot: bool = False) -> None:
        # No two hits of a send in one millisecond, so that their order in time is theirs everywhere.
        taken = {hit.at // MILLI for hit in self.hits if hit.send is sent and hit.event == event}
        while at // MILLI in taken:
            at += MILLI
        hit = Hit(id=self.uuid(), event=event, at=at, send=sent, url=url, bot=bot)
        self.hits.append(hit)
        kind, column = ("opened", "openedAt") if event == "email.opened" else ("clicked", "clickedAt")
        sent.at[column] = min(at, sent.at.get(column, at))
        sent.updated = max(sent.updated, at)
        self.facts[kind, sent.id, hit.id] = at // MILLI
        link = {"linkUrl": url, "linkId": self.uuid()} if url else {}
        # For opens and clicks the address stands in the user's place (3.1).
        self._notify(f"email.{kind}", sent, at + self.random.randrange(8, 900) * MILLI, userId=sent.to, **link)

    def bounce(self, sent: Sent, bounce_type: str, at: int) -> None:
        sent.bounce_type = bounce_type
        more = {"bounceType": bounce_type, "bounceReason": "mailbox does not exist"}
        sent.at["bouncedAt"], sent.status, sent.updated = at, "bounced", at
        classes = {"permanent": "hard", "transient": "soft", "unknown": "undetermined"}
        if bounce_type == "complaint":
            self._happened("complained", sent, at)
        else:
            self._happened("bounced", sent, at, classes[bounce_type])
        self._notify("email.bounced", sent, at + 8 * MILLI, **more)

    def opt_out(self, address: str, at: int) -> None:
        if address in dict(self.opted_out):
            return
        self.opted_out.append((address, at))
        self.facts["unsubscribed", address] = at // MILLI
        data = {"externalId": None, "email": address, "category": None, "scope": "all"}
        self._envelope("contact.unsubscribed", at, data)

    def repeat_a_notice(self) -> None:
        """The email provider says again that it delivered: the column moves on, and a webhook comes under a new id."""
        delivered = [sent for sent in self.sends if "deliveredAt" in sent.at]
        if delivered:
            sent = self.random.choice(delivered)
            sent.at["deliveredAt"] = sent.updated = self.now()
            self._notify("email.delivered", sent, self.now() + 8 * MILLI)

    def _set(self, sent: Sent, column: str, at: int, status: str) -> None:
        sent.at[column], sent.status, sent.updated = at, status, max(at, sent.updated)
        self._happened(status, sent, at)
        more = {"sentAt": iso(at), "subject": self._subject(sent), "category": "journey"} if status == "sent" else {}
        self._notify(f"email.{status}", sent, at + 8 * MILLI, **more)

    def _happened(self, kind: str, sent: Sent, at: int, bounce_class: str = "") -> None:
        key = (kind, sent.id, bounce_class) if bounce_class else (kind, sent.id)
        self.facts[key] = min(at // MILLI, self.facts.get(key, at // MILLI))

    def _notify(self, word: str, sent: Sent, at: int, **more: Any) -> None:
        data = {
            "at": iso(at),
            "to": sent.to,
            "userId": sent.user or sent.to,
            "messageId": f"prov-{sent.id[:8]}",
            "emailSendId": sent.id,
            "templateKey": sent.template,
        } | more
        if word == "email.sent":
            del data["at"]
        self._envelope(word, at, data)

    def _envelope(self, word: str, at: int, data: dict[str, Any]) -> None:
        own = f"msg_{self.uuid()}"
        body = {"id": own, "data": data, "type": word, "timestamp": iso(at)}
        self.notices.append((own, msgspec.json.encode(body)))

    @staticmethod
    def _subject(sent: Sent) -> str:
        return f'Hello, "{sent.to}"\nand welcome' if sent.template == "welcome" else "News"

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted. A hit is (kind, send, "", time)."""
        hits = ("opened", "clicked")
        return sorted(
            (key[0], key[1], "" if key[0] in hits or len(key) < 3 else key[2], at) for key, at in self.facts.items()
        )

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Said(status=401, body={"error": "Unauthorized"})
        headers = {}
        if self.limit is not None:
            present = time.monotonic()
            self._asked_at = [at for at in self._asked_at if at > present - 60] + [present]
            left = self.limit - len(self._asked_at)
            headers = {"X-RateLimit-Limit": str(self.limit), "X-RateLimit-Remaining": str(max(0, left))}
            if left < 0:
                self.refused += 1
                return Said(status=429, body={"error": "Rate limit exceeded"}, headers=headers | {"Retry-After": "60"})
        said = self._answer(asked)
        said.headers = headers | said.headers
        return said

    def _answer(self, asked: Asked) -> Said:
        path = asked.path.removeprefix("/v1/admin/")
        if path == "emails":
            return self._log(asked.query)
        if path == "reporting/sends/export":
            return self._export(asked.query)
        if path == "events":
            return self._events(asked.query)
        if path == "suppressions":
            return self._suppressions(asked.query)
        if path.startswith("metrics/"):
            return self._metrics(path.removeprefix("metrics/"))
        if path.startswith("campaigns/"):
            return Said(body={"sends": len(self.sends), "delivered": 1, "opened": 1, "lastSentAt": None, "steps": []})
        return Said(status=404, body={"error": "Not Found"})

    def _within(self, rows: list[Any], query: dict[str, str], at: str) -> list[Any]:
        since = micros(query["from"]) if "from" in query else 0
        until = micros(query["to"]) if "to" in query else 2**62
        return [row for row in rows if since <= getattr(row, at) <= until]

    def _paged(self, name: str, rows: list[Any], query: dict[str, str], most: int = 100) -> Said:
        limit, offset = int(query.get("limit", 50)), int(query.get("offset") or 0)
        if not 1 <= limit <= most:
            issue = {"origin": "number", "code": "too_big", "maximum": most, "path": ["limit"]}
            error = {"name": "ZodError", "message": msgspec.json.encode([issue]).decode()}
            return Said(status=400, body={"success": False, "error": error})
        limit = 50 if self.ignores_size else limit
        page = rows[offset : offset + limit]
        return Said(body={name: page, "total": len(rows), "limit": limit, "offset": offset})

    def _log(self, query: dict[str, str]) -> Said:
        rows = self._within(self.sends, query, "created")
        # No tie-breaker: rows of one instant come in any order (2.4).
        self.random.shuffle(rows)
        rising = query.get("order", "desc") == "asc" and not self.ignores_order
        rows.sort(key=lambda sent: sent.created, reverse=not rising)
        return self._paged("emails", [self._row(sent) for sent in rows], query)

    def _row(self, sent: Sent) -> dict[str, Any]:
        return {
            "id": sent.id,
            "journeyStateId": None,
            "templateKey": sent.template,
            "messageId": f"prov-{sent.id[:8]}",
            "resendId": f"prov-{sent.id[:8]}",
            "fromEmail": "hi@example.com",
            "toEmail": sent.to,
            "subject": self._subject(sent),
            "category": "journey",
            "status": sent.status,
            "userId": sent.user,
            "journeyId": None,
            **{name: iso(sent.at.get(name)) for name in COLUMNS},
            "createdAt": iso(sent.created),
            "updatedAt": iso(sent.updated),
        }

    def _export(self, query: dict[str, str]) -> Said:
        rows = self._within(self.sends, query, "created")
        if query.get("engagement") in ("opened", "clicked", "bounced", "complained"):
            rows = [sent for sent in rows if f"{query['engagement']}At" in sent.at]
        self.random.shuffle(rows)
        rows.sort(key=lambda sent: sent.created, reverse=True)
        rows = rows[: self.most_exported]
        out = io.StringIO()
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(CELLS)
        for sent in rows:
            row = self._row(sent) | {"bounceType": sent.bounce_type}
            lines.writerow([row[name] for name in CELLS])
        headers = {
            "Content-Type": "text/csv; charset=utf-8",
            "Content-Disposition": 'attachment; filename="email-sends.csv"',
        }
        if len(rows) == self.most_exported:
            headers |= {"X-Hogsend-Export-Truncated": "true", "X-Hogsend-Export-Limit": str(self.most_exported)}
        return Said(body=out.getvalue().removesuffix("\n").encode(), headers=headers)

    def _events(self, query: dict[str, str]) -> Said:
        hits = self._within([hit for hit in self.hits if not hit.bot], query, "at")
        self.random.shuffle(hits)
        hits.sort(key=lambda hit: hit.at, reverse=True)
        rows = [
            {
                "id": hit.id,
                "userId": hit.send.to,
                "event": hit.event,
                "properties": {
                    "emailSendId": hit.send.id,
                    "templateKey": hit.send.template,
                    "journeyId": None,
                    "campaignId": self.campaign,
                }
                | ({"linkUrl": hit.url, "linkId": "x"} if hit.url else {}),
                "occurredAt": iso(hit.at),
                "source": "tracking",
                "userEmail": hit.send.to,
                "contactId": "5d2f6c1e-0000-4000-8000-000000000001",
            }
            for hit in hits
        ]
        return self._paged("events", rows, query)

    def _suppressions(self, query: dict[str, str]) -> Said:
        rows = [
            {
                "id": f"sup-{address}",
                "userId": None,
                "email": address,
                "unsubscribedAll": True,
                "suppressed": False,
                "bounceCount": 0,
                "categories": {},
                "suppressedAt": None,
                "lastBounceAt": None,
            }
            for address, _ in reversed(self.opted_out)
        ]
        return self._paged("suppressions", rows, query, most=200)

    def _metrics(self, report: str) -> Said:
        def count(sends: list[Sent], column: str) -> int:
            return sum(column in sent.at for sent in sends)

        if report == "overview":
            return Said(body={"totalContacts": 5, "emailsSent30d": len(self.sends), "bounceRate30d": 0.0125})
        if report == "emails":
            templates = []
            for template in sorted({sent.template for sent in self.sends}):
                of = [sent for sent in self.sends if sent.template == template]
                figures = {name[:-2]: count(of, name) for name in COLUMNS[:4]}
                figures["bounced"] = sum(sent.status == "bounced" for sent in of)
                templates.append({"templateKey": template, **figures, "openRate": 0.5})
            return Said(body={"templates": templates})
        if report == "emails/deliverability":
            point = {
                "date": "2026-06-01 00:00:00+00",
                "total": len(self.sends),
                "delivered": count(self.sends, "deliveredAt"),
                "bounced": sum(sent.status == "bounced" for sent in self.sends),
                "complained": sum(sent.status == "complained" for sent in self.sends),
                "deliveryRate": 0.9,
            }
            return Said(body={"points": [point]})
        return Said(status=404, body={"error": "Not Found"})


def signed(own: str, body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a call, signed at an instant (seconds; default: now)."""
    seconds = int(time.time() if at is None else at)
    signature = Webhook(secret).sign(own, datetime.fromtimestamp(seconds, UTC), body.decode())
    return {
        "Content-Type": "application/json",
        "Webhook-Id": own,
        "Webhook-Timestamp": str(seconds),
        "Webhook-Signature": signature,
    }
