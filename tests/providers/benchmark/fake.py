"""A Benchmark account that keeps the truth: what happened to whom, and its campaigns; answered as the provider file
documents it, section by section. It shares no code with the reading.

``lively`` makes things happen between two requests: rows appear at the top and, late, further down; rows of nobody
(``GHOST``) appear and vanish anywhere, so that pages shift both ways.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "bme_00000000000000000000000000000000000000000"
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
GHOST = "ffff"
KINDS = {
    "email-sent": "sent",
    "email-delivered": "delivered",
    "email-delayed": "deferred",
    "email-bounced": "bounced",
    "email-rejected": "dropped",
    "email-skipped": "dropped",
    "email-complaint": "complained",
    "email-opened": "opened",
    "email-clicked": "clicked",
    "contact-unsubscribed": "unsubscribed",
    "contact-reactivated": "resubscribed",
}
TYPES = frozenset(KINDS) | {"contact-created", "contact-updated", "contact-update-failed"}
HISTOGRAMS = frozenset(
    {
        *("email-sent", "email-delivered", "email-bounced", "first-contact-unsubscribed", "first-email-complaint"),
        *("first-email-opened", "first-email-clicked"),
    }
)
Fact = tuple[str, str, str, int, str, str]
"""Kind, contact, campaign, time in milliseconds, link, class of a bounce."""


def iso(at: int) -> str:
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % 1000:03d}Z"


class Row(msgspec.Struct, kw_only=True):
    """A row of the list of events."""

    type: str
    at: int
    contact: str
    campaign: str = ""
    more: dict[str, str] = {}

    def said(self) -> dict[str, str]:
        campaign = {"emailCampaignId": self.campaign} if self.campaign else {}
        email = {"emailTo": f"{self.contact}@example.com"} if self.type.startswith("email-") else {}
        return {
            "type": self.type,
            "timestamp": iso(self.at),
            "contactId": self.contact,
            **email,
            **campaign,
            **self.more,
        }

    def fact(self) -> Fact:
        class_ = {"Permanent": "hard", "Transient": "soft", "Undetermined": "undetermined"}
        link, bounce = self.more.get("emailLinkId", ""), self.more.get("emailBounceType", "")
        return KINDS[self.type], self.contact, self.campaign, self.at, link, class_.get(bounce, "")


class Mailing(msgspec.Struct, kw_only=True):
    """A campaign."""

    id: str
    name: str
    at: int
    status: str = "sent"
    claims: dict[str, int] | None = None
    """What Benchmark says of it where that isn't what its rows say."""


class FakeBenchmark(FakePlatform):
    def __init__(self, seed: int = 1, *, mailings: int = 0, recipients: int = 20, spread: int = 20 * DAY):
        super().__init__(seed)
        self.rows: list[Row] = []
        self.gone: list[Row] = []
        """What happened and is shown no more."""
        self.mailings: dict[str, Mailing] = {}
        self.lively = False
        self.order = "newest"
        self.by_midnight = False
        """Days are counted from midnight and not from now."""
        self.ignores_size = False
        self.most_size, self.deepest = 100, 1_000_000
        self.empty_pages = 0.0
        """The chance that a page comes back empty."""
        self.limit: int | None = None
        self.month = [5000, 5000]
        """The monthly quota, and what is left of it."""
        for number in range(mailings):
            self.mail(self.now() - self.random.randrange(HOUR, spread), recipients, f"Mailing {number}")

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return time.time_ns() // 1_000_000

    def hex(self, begins: str = "") -> str:
        return begins + f"{self.random.getrandbits(96):024x}"[len(begins) :]

    def mail(self, at: int, recipients: int, name: str = "Mailing") -> Mailing:
        """A campaign, and what becomes of it; several rows of one instant."""
        mailing = Mailing(id=self.hex(), name=name, at=at)
        self.mailings[mailing.id] = mailing
        for number in range(recipients):
            self.send(mailing, at + number // 7)
        return mailing

    def send(self, mailing: Mailing, at: int) -> None:
        contact, now = self.hex("a"), self.now()
        fate = self.random.random()
        if fate < 0.06:
            self.add("email-skipped" if fate < 0.03 else "email-rejected", at, contact, mailing.id)
            return
        self.add("email-sent", at, contact, mailing.id)
        if fate < 0.15:
            type_ = self.random.choice(["Permanent", "Transient", "Undetermined"])
            self.add("email-bounced", at + SECOND, contact, mailing.id, emailBounceType=type_)
            return
        self.add("email-delivered", at + SECOND, contact, mailing.id)
        for _ in range(self.random.randrange(3)):
            then = min(now, at + self.random.randrange(SECOND, HOUR))
            self.add("email-opened", then, contact, mailing.id)
            if self.random.random() < 0.4:
                link = self.random.choice(["66f1a6e4698f1bca60424808", "66f1a6e4698f1bca60424809"])
                url = f"https://www.example.com/{link[-1]}"
                self.add("email-clicked", then, contact, mailing.id, emailLinkId=link, emailTargetUrl=url)
        if fate > 0.95:
            self.add("contact-unsubscribed", min(now, at + HOUR), contact, mailing.id)
        elif fate > 0.9:
            self.add("email-complaint", min(now, at + HOUR), contact, mailing.id)

    def add(self, type_: str, at: int, contact: str, campaign: str = "", **more: str) -> Row:
        row = Row(type=type_, at=at, contact=contact, campaign=campaign, more=more)
        # Two rows of one instant, contact and link would be one where a page ends between them (law 3).
        if not contact.startswith(GHOST) and any(row == other for other in self.rows):
            return row
        self.rows.append(row)
        return row

    def between(self) -> None:
        if not self.lively:
            return
        mailing = self.random.choice([*self.mailings.values()])
        match self.random.randrange(6):
            case 0:
                self.send(mailing, self.now())
            case 1:
                self.add("email-opened", self.now() - self.random.randrange(40 * HOUR), self.hex("b"), mailing.id)
            case 2 | 3:
                self.add("email-opened", self.now() - self.random.randrange(20 * DAY), self.hex(GHOST), mailing.id)
            case 4 | 5:
                self.rows = [row for row in self.rows if not row.contact.startswith(GHOST)]

    def truth(self) -> list[Fact]:
        """All that happened to somebody."""
        rows = [row for row in [*self.rows, *self.gone] if not row.contact.startswith(GHOST) and row.type in KINDS]
        return sorted(row.fact() for row in rows)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("x-api-key") != KEY:
            return wrong(401, "UnauthorizedError", "Invalid API key")
        self.month[1] -= 1
        spent = len(self.asked)
        headers = {
            "X-RateLimit-Limit": str(self.limit or 3600),
            "X-RateLimit-Remaining": str(max(0, (self.limit or 3600) - spent)),
            "X-RateLimit-Reset": str(int(time.time()) + 1800),
            "X-Monthly-Limit": str(self.month[0]),
            "X-Monthly-Remaining": str(self.month[1]),
        }
        if self.limit is not None and spent > self.limit:
            said = wrong(429, "TooManyRequestsError", "Rate limit exceeded. Retry after 1800 seconds.")
            said.headers |= headers | {"Retry-After": "1800"}
            return said
        said = self.routed(asked)
        if said.status == 200:
            said.headers |= headers
        return said

    def routed(self, asked: Asked) -> Said:
        match asked.path.strip("/").split("/"):
            case ["api", "contact", "events"]:
                return self.events(asked.query)
            case ["api", "email", "campaign"]:
                return self.list_campaigns(asked.query)
            case ["api", "reports", "dashboard"]:
                return self.period(
                    asked.query, {"campaign": {"sent": {"count": len(self.rows), "diff": 0}}, "contact": {}}
                )
            case ["api", "reports", "email", "overall"]:
                return self.period(asked.query, {"stats": {"sent": {"count": {"value": len(self.rows), "prev": 0}}}})
            case ["api", "reports", "email", "overall", "histogram"]:
                if asked.query.get("eventType") not in HISTOGRAMS:
                    return wrong(400, "ValidationError", "eventType is wrong", "eventType")
                return self.period(asked.query, {"histogram": [], "peak": {"total": 0}})
            case ["api", "reports", "email", campaign, *rest] if campaign in self.mailings and rest in (
                [],
                ["engagement"],
            ):
                return self.engagement(campaign, asked.query) if rest else Said(body=self.report(campaign))
        return wrong(404, "RecordNotFound", "Not found")

    def events(self, query: dict[str, str]) -> Said:
        types = set(query["types"].split(",")) if "types" in query else TYPES
        days, page, size = int(query.get("pastDays", 30)), int(query.get("page", 1)), int(query.get("size", 25))
        if not types <= TYPES or not 1 <= days <= 90 or page < 1:
            return wrong(400, "ValidationError", "wrong", "types")
        since = (self.now() // DAY + 1 - days) * DAY if self.by_midnight else self.now() - days * DAY
        rows = [row for row in self.rows if row.type in types and row.at >= since]
        rows.sort(key=lambda row: (row.at, row.type, row.contact), reverse=self.order == "newest")
        if self.order == "shuffled":
            rows.sort(key=lambda row: row.contact[::-1])
        return self.paged([row.said() for row in rows], page, size)

    def list_campaigns(self, query: dict[str, str]) -> Said:
        found = sorted(self.mailings.values(), key=lambda one: (one.at, one.id), reverse=True)
        records = [
            {
                "_id": one.id,
                "name": one.name,
                "subject": f"About {one.name}",
                "status": one.status,
                "subStatus": None,
                "createdAt": iso(one.at - DAY),
                "updatedAt": iso(one.at),
                **({} if one.status == "draft" else {"scheduledAt": iso(one.at), "stats": self.stats(one.id)}),
            }
            for one in found
        ]
        return self.paged(records, int(query.get("page", 1)), int(query.get("size", 25)))

    def paged(self, rows: list[Any], page: int, size: int) -> Said:
        if size > self.most_size:
            return wrong(400, "ValidationError", f"size must be at most {self.most_size}", "size")
        size = 25 if self.ignores_size else size
        if page * size > self.deepest and page > 1:
            return wrong(400, "ValidationError", "Result window is too large", "page")
        records = rows[(page - 1) * size : page * size]
        if self.random.random() < self.empty_pages:
            records = []
        return Said(body={"total": len(rows), "records": records})

    def period(self, query: dict[str, str], body: Any) -> Said:
        days = query.get("pastDays", "")
        if not days.isdecimal() or not 1 <= int(days) <= 90:
            return wrong(400, "ValidationError", "pastDays must be between 1 and 90", "pastDays")
        return Said(body=body)

    def engagement(self, campaign: str, query: dict[str, str]) -> Said:
        if query.get("period", "24hours") not in ("24hours", "week", "month"):
            return wrong(400, "ValidationError", "period is wrong", "period")
        return Said(body={"start": iso(self.mailings[campaign].at), "histogram": [], "peak": {"total": 0}})

    def counted(self, campaign: str) -> dict[str, int]:
        """Unique counts, of the campaign's whole life."""
        claims = self.mailings[campaign].claims
        if claims is not None:
            return claims
        rows = [
            row for row in [*self.rows, *self.gone] if row.campaign == campaign and not row.contact.startswith(GHOST)
        ]
        return Counter(kind for kind, _ in {(KINDS[row.type], row.contact) for row in rows})

    def stats(self, campaign: str) -> dict[str, Any]:
        counts = self.counted(campaign)
        return {
            "sent": counts.get("sent", 0),
            "delivered": counts.get("delivered", 0),
            "opens": {"unique": counts.get("opened", 0), "rate": 0},
            "clicks": {"unique": counts.get("clicked", 0), "rate": 0},
        }

    def report(self, campaign: str) -> dict[str, Any]:
        counts = self.counted(campaign)
        return {
            "stats": {
                **self.stats(campaign),
                "totalBounces": {"count": counts.get("bounced", 0), "rate": 0},
                "hardBounces": {"count": 0, "rate": 0},
                "softBounces": {"count": counts.get("bounced", 0), "rate": 0},
                "unsubscribes": counts.get("unsubscribed", 0),
                "complaints": counts.get("complained", 0),
            },
            "linkActivity": [],
        }


def wrong(status: int, type_: str, message: str, field: str | None = None) -> Said:
    error = {"errorType": type_, "message": message} | ({"field": field} if field else {})
    return Said(status=status, body={"errors": [error]})
