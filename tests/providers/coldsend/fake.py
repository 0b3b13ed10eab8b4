"""A ColdSend that keeps the truth: campaigns, leads, their e-mails and replies; answered as the provider file documents
them, section by section. It shares no code with the reading.

``lively`` makes things happen between two requests: e-mails go out, are opened, bounce and are answered; leads without
any history, and drafts of campaigns, appear and vanish, so that pages shift.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY = "cs_live_" + "k" * 40
SECOND, MINUTE, HOUR, DAY = 1, 60, 3600, 86_400
Fact = tuple[str, str, str, str, int]
"""Kind, campaign, lead, the e-mail's or reply's id, and the time in milliseconds (0: nobody tells)."""


def iso(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Mail(msgspec.Struct, kw_only=True):
    id: str
    step: int
    sent_at: int
    opened_at: int | None = None
    replied_at: int | None = None
    bounced: bool = False
    delivery: str | None = None


class Reply(msgspec.Struct, kw_only=True):
    id: str
    at: int
    auto: bool = False
    unsubscribe: bool = False


class Lead(msgspec.Struct, kw_only=True):
    id: str
    email: str
    created: int
    status: str = "PENDING"
    mails: list[Mail] = []
    replies: list[Reply] = []
    unsubscribed: bool = False
    thread: str = ""

    def over(self) -> bool:
        """Whether its sequence has ended."""
        return self.status in ("BOUNCED", "FAILED", "UNSUBSCRIBED", "EXTERNAL") or len(self.mails) == 4


class Campaign(msgspec.Struct, kw_only=True):
    id: str
    name: str
    created: int
    launched: int | None
    leads: list[Lead] = []

    def count(self, what: Any) -> int:
        return sum(what(lead) for lead in self.leads)


class FakeColdSend(FakePlatform):
    base = "/api/public/v1"

    def __init__(self, seed: int = 1, *, campaigns: int = 0, leads: int = 0):
        super().__init__(seed)
        self.campaigns: list[Campaign] = []
        self.gone: list[Fact] = []
        """What deleted campaigns have taken away."""
        self.lively = False
        self.per_lead = False
        """Counters count leads, not e-mails."""
        self.ignores_size = self.ignores_order = self.loops = self.bare = self.has_empty_page = False
        self.limits: dict[int, int] = {}
        """Seconds → requests."""
        self._asked_at: list[float] = []
        self._uuids = 0
        present = self.now()
        for number in range(campaigns):
            # Two of each three are created in the same second.
            campaign = self.campaign(present - (20 - number // 3) * DAY)
            for _ in range(leads):
                lead = self.lead(campaign)
                for _ in range(self.random.randrange(6)):
                    self.move_on(lead, campaign.created + HOUR + self.random.randrange(10 * DAY))

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def between(self) -> None:
        if not self.lively:
            return
        match self.random.randrange(7):
            case 0:
                self.campaigns.append(Campaign(id=self.uuid(), name="Draft", created=self.now() - DAY, launched=None))
            case 1:
                self.campaigns = [c for c in self.campaigns if c.launched or self.random.random() < 0.7]
            case 2:
                lead = self.lead(self.launched())
                self.random.shuffle(self.launched().leads)
                lead.status = self.random.choice(["PENDING", "QUEUED"])
            case 3:
                campaign = self.launched()
                waiting = [lead for lead in campaign.leads if not lead.mails and lead.status in ("PENDING", "QUEUED")]
                campaign.leads = [lead for lead in campaign.leads if lead not in waiting[:1]]
            case _:
                campaign = self.launched()
                if campaign.leads:
                    self.move_on(self.random.choice(campaign.leads), self.now())

    def launched(self) -> Campaign:
        return self.random.choice([campaign for campaign in self.campaigns if campaign.launched])

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def campaign(self, created: int) -> Campaign:
        number = len(self.campaigns)
        made = Campaign(id=self.uuid(), name=f"Outreach {number}", created=created, launched=created + HOUR)
        self.campaigns.append(made)
        return made

    def lead(self, campaign: Campaign) -> Lead:
        own = self.uuid()
        made = Lead(id=own, email=f"{own[:8]}@example.com", created=campaign.created)
        campaign.leads.append(made)
        return made

    def move_on(self, lead: Lead, at: int) -> None:
        """The next thing that happens to a lead, if anything still can."""
        if lead.over():
            return
        if not lead.mails:
            if self.random.random() < 0.1:
                lead.status = self.random.choice(["FAILED", "FAILED", "EXTERNAL"])
                if lead.status == "EXTERNAL":
                    self.reply(lead, at)
                    lead.status = "EXTERNAL"
                return
            self.send(lead, at)
            return
        mail = self.random.choice(lead.mails)
        at = max(at, mail.sent_at)
        match self.random.randrange(9):
            case 0 | 1:
                self.send(lead, max(at, lead.mails[-1].sent_at))
            case 2 | 3 | 4:
                self.open(lead, mail, at)
            case 5:
                self.reply(lead, at, mail)
            case 6:
                self.reply(lead, at, auto=True)
            case 7:
                self.bounce(lead)
            case 8:
                lead.unsubscribed, lead.status = True, "UNSUBSCRIBED"

    def send(self, lead: Lead, at: int) -> Mail:
        mail = Mail(id=self.uuid(), step=len(lead.mails) + 1, sent_at=at, delivery="Delivered")
        lead.mails.append(mail)
        lead.status = "SENT"
        return mail

    def open(self, lead: Lead, mail: Mail, at: int) -> None:
        if mail.opened_at is None:
            mail.opened_at, lead.status = at, "OPENED"

    def reply(
        self, lead: Lead, at: int, mail: Mail | None = None, *, auto: bool = False, unsubscribe: bool = False
    ) -> Reply:
        # No two in one second, so that their order is the same everywhere.
        while at in [reply.at for reply in lead.replies]:
            at += 1
        made = Reply(id=self.uuid(), at=at, auto=auto, unsubscribe=unsubscribe)
        lead.replies.append(made)
        lead.thread = lead.thread or self.uuid()
        lead.status = "REPLIED"
        if mail and mail.replied_at is None:
            mail.replied_at = at
        return made

    def bounce(self, lead: Lead) -> None:
        mail = lead.mails[-1]
        mail.bounced, mail.delivery, lead.status = True, "Bounced", "BOUNCED"

    def delete(self, campaign: Campaign) -> None:
        """All of it goes, its analytics too (2.5)."""
        self.gone += self._facts(campaign)
        self.campaigns.remove(campaign)

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted. Not in it is what was delivered: only of the latest e-mail of a lead
        it is told, so that nobody knows it all."""
        return sorted([fact for campaign in self.campaigns for fact in self._facts(campaign)] + self.gone)

    def _facts(self, campaign: Campaign) -> list[Fact]:
        found: list[Fact] = []
        for lead in campaign.leads:
            if lead.status == "EXTERNAL":
                continue
            here = (campaign.id, lead.id)
            for mail in lead.mails:
                found.append(("sent", *here, mail.id, mail.sent_at * 1000))
                if mail.opened_at is not None:
                    found.append(("opened", *here, mail.id, mail.opened_at * 1000))
                if mail.bounced:
                    found.append(("bounced", *here, mail.id, 0))
            found += [
                ("auto_replied" if reply.auto else "replied", *here, reply.id, reply.at * 1000)
                for reply in lead.replies
            ]
            exact = [reply.at * 1000 for reply in lead.replies if reply.unsubscribe]
            if lead.unsubscribed or exact:
                found.append(("unsubscribed", *here, "", min(exact, default=0)))
            if lead.status == "FAILED":
                found.append(("dropped", *here, "", 0))
        return found

    def notices(self) -> list[bytes]:
        """A webhook of each fact that there is one of (3), in the order of the truth."""
        words = {"opened": "email opened", "bounced": "bounced", "unsubscribed": "unsubscribed"}
        words |= {"replied": "reply", "auto_replied": "lead_replied"}
        emails = {lead.id: lead.email for campaign in self.campaigns for lead in campaign.leads}
        found = []
        for kind, campaign, lead, _, at in self.truth():
            if kind in words:
                when = iso(at // 1000 if at else self.now())
                data = {"lead_id": lead, "email": emails[lead]}
                if "repl" in kind:
                    data |= {"reply_timestamp": when, "reply_content": "…"}
                told = {"event": words[kind], "timestamp": when, "campaign_id": campaign, "campaign_name": "x"}
                found.append(msgspec.json.encode(told | {"data": data}))
        return found

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("x-api-key") != KEY:
            return Said(status=401, body={"detail": "Invalid or revoked API key"})
        headers = {}
        if self.limits:
            present = time.time()
            self._asked_at.append(present)
            used = {period: sum(at > present - period for at in self._asked_at) for period in self.limits}
            left = max(0, self.limits[MINUTE] - used[MINUTE])
            headers = {
                "X-RateLimit-Limit": str(self.limits[MINUTE]),
                "X-RateLimit-Remaining": str(left),
                "X-RateLimit-Reset": str(int(present) + 60),
            }
            if any(used[period] > most for period, most in self.limits.items()):
                detail = "Rate limit exceeded. Retry after 60 seconds."
                return Said(status=429, body={"detail": detail}, headers=headers)
        said = self._answer(asked)
        said.headers = headers | said.headers
        return said

    def _answer(self, asked: Asked) -> Said:
        parts = [unquote(part) for part in asked.path.removeprefix(f"{self.base}/").split("/")]
        match parts:
            case ["analytics", "campaigns"]:
                return Said(body=self._analytics())
            case ["analytics", "campaigns", "timeline"]:
                return self._timeline(asked.query)
            case ["campaigns"]:
                rows = sorted(self.campaigns, key=lambda campaign: campaign.created)
                if self.ignores_order or asked.query.get("sort_order") != "asc":
                    rows.reverse()
                return self._paged("campaigns", [self._campaign(row) for row in rows], asked.query)
            case ["campaigns", own, *rest]:
                campaign = next((campaign for campaign in self.campaigns if campaign.id == own), None)
                return self._not_found() if campaign is None else self._of_campaign(campaign, rest, asked.query)
            case ["replies"]:
                return self._conversations(asked.query)
            case ["replies", "threads", own, *rest]:
                return self._thread(own, rest, asked.query)
        return self._not_found()

    @staticmethod
    def _not_found() -> Said:
        return Said(status=404, body={"detail": "Not found"})

    def _of_campaign(self, campaign: Campaign, rest: list[str], query: dict[str, str]) -> Said:
        match rest:
            case []:
                return Said(body={"campaign": self._campaign(campaign) | {"enable_tracking": True}})
            case ["leads"]:
                return self._paged("leads", [self._row(lead) for lead in campaign.leads], query)
            case ["leads", own]:
                lead = next((lead for lead in campaign.leads if lead.id == own), None)
                return self._not_found() if lead is None else Said(body=self._lead(lead))
        return self._not_found()

    def _page(self, rows: list[Any], query: dict[str, str], default: int) -> tuple[list[Any], dict[str, Any]] | None:
        number, limit = int(query.get("page", 1)), int(query.get("limit", default))
        if number < 1 or not 1 <= limit <= 100:
            return None
        limit = default if self.ignores_size else limit
        pages = -(-len(rows) // limit)
        place = number
        if self.has_empty_page and pages > 1:
            pages, place = pages + 1, number - (number > 2)
        found = [] if self.has_empty_page and number == 2 and pages > 2 else rows[(place - 1) * limit : place * limit]
        more = number < pages
        if self.loops and rows and not more:
            found, more = rows[-limit:], True
        told = {"page": number, "limit": limit, "total": len(rows), "pages": pages, "has_next": more}
        return found, told | {"has_prev": number > 1}

    def _paged(self, name: str, rows: list[Any], query: dict[str, str]) -> Said:
        paged = self._page(rows, query, 20)
        if paged is None:
            error = {"loc": ["query", "limit"], "msg": "out of range", "type": "value_error"}
            return Said(status=422, body={"detail": [error]})
        return Said(body={"success": True, "message": "ok", name: paged[0], "pagination": paged[1]})

    def _flat(self, name: str, rows: list[Any], query: dict[str, str], default: int, **more: Any) -> Said:
        paged = self._page(rows, query, default)
        if paged is None:
            return Said(status=422, body={"detail": [{"loc": ["query", "limit"], "msg": "out of range", "type": "x"}]})
        told = paged[1]
        told["total_count"], told["total_pages"] = told.pop("total"), told.pop("pages")
        return Said(body={"success": True, name: paged[0], **more, **told})

    # -- campaigns

    def _counters(self, campaign: Campaign) -> dict[str, int]:
        of = (lambda found: min(1, found)) if self.per_lead else (lambda found: found)
        return {
            "sent_count": campaign.count(lambda lead: of(len(lead.mails))),
            "open_count": campaign.count(lambda lead: of(sum(mail.opened_at is not None for mail in lead.mails))),
            "reply_count": campaign.count(lambda lead: of(len(lead.replies))),
            "bounce_count": campaign.count(lambda lead: of(sum(mail.bounced for mail in lead.mails))),
            "unsubscribe_count": campaign.count(lambda lead: lead.unsubscribed),
        }

    def _campaign(self, campaign: Campaign) -> dict[str, Any]:
        return {
            "campaign_id": campaign.id,
            "name": campaign.name,
            "status": "ACTIVE" if campaign.launched else "DRAFT",
            "current_step": 4,
            "created_at": iso(campaign.created),
            "launched_at": iso(campaign.launched),
            "total_leads": len(campaign.leads),
            **self._counters(campaign),
        }

    def _analytics(self) -> dict[str, Any]:
        rows = []
        for campaign in self.campaigns:
            counters = self._counters(campaign)
            sent = counters["sent_count"]
            rows.append(
                {
                    "campaign_id": campaign.id,
                    "campaign_name": campaign.name,
                    "status": "ACTIVE" if campaign.launched else "DRAFT",
                    "total_leads": len(campaign.leads),
                    "total_sent": sent,
                    "total_opened": counters["open_count"],
                    "total_replied": counters["reply_count"],
                    "total_bounced": counters["bounce_count"],
                    "open_rate": round(counters["open_count"] / sent, 4) if sent else 0.0,
                    "created_at": iso(campaign.created),
                }
            )
        total = sum(row["total_sent"] for row in rows)
        return {"workspace_kpis": {"total_campaigns": len(rows), "total_sends": total}, "campaigns": rows}

    def _timeline(self, query: dict[str, str]) -> Said:
        first, last = (datetime.fromisoformat(query[name]).date() for name in ("from_date", "to_date"))
        if (last - first).days >= 90:
            return Said(status=400, body={"detail": "At most 90 days."})
        days = {}
        for number in range((last - first).days + 1):
            day = (first + timedelta(days=number)).isoformat()
            days[day] = {"date": day, "sent": 0, "opened": 0, "replied": 0, "bounced": 0}
        for kind, _, _, _, at in self.truth():
            day = datetime.fromtimestamp(at // 1000, UTC).date().isoformat()
            if day in days and kind in days[day]:
                days[day][kind] += 1
        return Said(body={"timeline": list(days.values()), **query})

    # -- leads

    def _row(self, lead: Lead) -> dict[str, Any]:
        opened = [mail.opened_at for mail in lead.mails if mail.opened_at is not None]
        replied = [reply.at for reply in lead.replies]
        return {
            "lead_id": lead.id,
            "batch_id": None,
            "email": lead.email,
            "first_name": "Lee",
            "last_name": None,
            "company": "Example Ltd",
            "status": lead.status,
            "last_contacted_at": iso(lead.mails[-1].sent_at) if lead.mails else None,
            "opened_at": iso(min(opened, default=None)),
            "replied_at": iso(min(replied, default=None)),
            "created_at": iso(lead.created),
            "custom_fields": {},
            "sequence_step": len(lead.mails),
            "email_opened": bool(opened),
            "email_replied": bool(replied),
            "unsubscribed": lead.unsubscribed,
            "delivery_status": lead.mails[-1].delivery if lead.mails else None,
        }

    def _lead(self, lead: Lead) -> dict[str, Any]:
        mails = [
            {
                "email_id": mail.id,
                "sequence_step": mail.step,
                "subject": "Hello",
                "sent_at": iso(mail.sent_at),
                "opened_at": iso(mail.opened_at),
                "replied_at": iso(mail.replied_at),
                "inbox_email": "sales@example.org",
                "sent": True,
                "opened": mail.opened_at is not None,
                "bounced": mail.bounced,
            }
            for mail in lead.mails
        ]
        replies = [
            {
                "reply_id": reply.id,
                "subject": "Re: Hello",
                "received_at": iso(reply.at),
                "body_preview": "…",
                "is_auto_reply": reply.auto,
                "is_unsubscribe": reply.unsubscribe,
            }
            for reply in lead.replies
        ]
        return self._row(lead) | {"email_interactions": mails, "replies": replies}

    # -- replies

    def _threads(self) -> list[tuple[Campaign, Lead]]:
        found = [(campaign, lead) for campaign in self.campaigns for lead in campaign.leads if lead.thread]
        return sorted(found, key=lambda one: one[1].replies[-1].at, reverse=not self.ignores_order)

    def _conversation(self, campaign: Campaign, lead: Lead) -> dict[str, Any]:
        external = lead.status == "EXTERNAL"
        return {
            "thread_id": lead.thread,
            "lead_id": lead.id,
            "lead_email": lead.email,
            "campaign_id": None if external else campaign.id,
            "campaign_name": "External" if external else campaign.name,
            "subject": "Re: Hello",
            "last_message_preview": f"Message {len(lead.replies)}",
            "reply_count": len(lead.replies),
        }

    def _conversations(self, query: dict[str, str]) -> Said:
        rows = [self._conversation(campaign, lead) for campaign, lead in self._threads()]
        if self.bare:
            kept = ("thread_id", "lead_email", "subject", "last_message_preview", "reply_count")
            rows = [{name: row[name] for name in kept} for row in rows]
        return self._flat("conversations", rows, query, 20, unread_count=0)

    def _thread(self, own: str, rest: list[str], query: dict[str, str]) -> Said:
        found = next(((campaign, lead) for campaign, lead in self._threads() if lead.thread == own), None)
        if found is None or rest not in ([], ["messages"]):
            return self._not_found()
        campaign, lead = found
        if not rest:
            return Said(body={"success": True, **self._conversation(campaign, lead)})
        rows = []
        for reply in lead.replies:
            base = {"subject": "Re: Hello", "body_text": "…", "created_at": iso(reply.at)}
            ours = {"reply_id": f"ours-{reply.id}", "is_outgoing": True, "from_email": "sales@example.org"}
            theirs = {"reply_id": reply.id, "is_outgoing": False, "from_email": lead.email}
            rows += [base | theirs | {"message_id": f"<{reply.id[:8]}@example.com>"}, base | ours]
        return self._flat("messages", rows, query, 50, thread_id=own)
