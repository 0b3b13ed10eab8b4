"""A Mailchimp that keeps the truth: campaigns with their recipients and what they did; answered as the provider file
documents it. It shares no code with the reading.

``lively`` makes things happen between two requests: recipients appear anywhere in the lists, and act. Its traps: pages
shorter than asked for, counters that stand still, lists that vanish.
"""

from __future__ import annotations

import base64
import hmac
import time
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from urllib.parse import urlencode

import msgspec

from tests.fakes import Asked, FakePlatform, Said

KEY, SECRET = "0123456789abcdef0123456789abcdef-us21", "mcsec_EXAMPLE_9f2d7c41"
HOUR, DAY = 3600, 86_400
AUDIENCE = "a1b2c3d4e5"
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
Fact = tuple[str, str, str, int, str]
"""Kind, campaign, address, second (0 where the doors tell different ones or none), link."""


def iso(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


class Recipient(msgspec.Struct, kw_only=True):
    email: str
    status: str = "sent"
    activity: list[dict[str, Any]] = []
    proxies: set[str] = set()
    """Times of opens that a proxy made."""
    left: dict[str, int] = {}
    last: int = 0

    @property
    def id(self) -> str:
        return md5(self.email.lower().encode()).hexdigest()


class Campaign(msgspec.Struct, kw_only=True):
    id: str
    at: int
    recipients: list[Recipient] = []
    frozen: dict[str, Any] | None = None
    """Counters that stand still."""
    gone: bool = False


class FakeMailchimp(FakePlatform):
    base = "/3.0"

    def __init__(self, seed: int = 1, *, campaigns: int = 0, recipients: int = 12):
        super().__init__(seed)
        self.campaigns: list[Campaign] = []
        self.facts: list[Fact] = []
        self.notices: list[dict[str, str]] = []
        self.lively = False
        self.most = 1000
        self._people = 0
        for _ in range(campaigns):
            campaign = self.campaign(self.now() - self.random.randrange(2 * HOUR, 6 * DAY))
            for _ in range(recipients):
                self.recipient(campaign)

    # -- what happens ------------------------------------------------------------------------------------

    @staticmethod
    def now() -> int:
        return int(time.time())

    def between(self) -> None:
        if self.lively and self.campaigns and self.random.random() < 0.3:
            campaign = self.random.choice(self.campaigns)
            for person in (self.recipient(campaign, fate=False), self.random.choice(campaign.recipients)):
                # What happens now has the time of now, or nearly so.
                person.last = max(person.last, self.now() - 60)
                self.act(campaign, person)

    def campaign(self, at: int) -> Campaign:
        campaign = Campaign(id=f"{self.random.getrandbits(40):010x}", at=at)
        self.campaigns.append(campaign)
        return campaign

    def recipient(self, campaign: Campaign, *, fate: bool = True) -> Recipient:
        self._people += 1
        found = Recipient(email=f"Person{self._people}@example.com", last=campaign.at)
        campaign.recipients.insert(self.random.randrange(len(campaign.recipients) + 1), found)
        self._happened("sent", campaign, found)
        for _ in range(self.random.randrange(5) if fate else 0):
            self.act(campaign, found)
        return found

    def act(self, campaign: Campaign, person: Recipient) -> None:
        if person.status != "sent":
            return
        match self.random.randrange(10):
            case 0 if not person.activity:
                self.bounce(campaign, person, self.random.choice(["hard", "soft"]))
            case 1:
                self.leave(campaign, person, self.random.choice(["unsubscribed", "complained"]))
            case 2 | 3 | 4:
                self.hit(campaign, person, "click", self.random.choice(URLS))
            case _:
                self.hit(campaign, person, "open")

    def hit(
        self, campaign: Campaign, person: Recipient, action: str, url: str = "", *, after: int = 9, proxy: bool = False
    ) -> None:
        person.last += after
        item = {"action": action, "timestamp": iso(person.last), "ip": f"192.0.2.{self.random.randrange(1, 250)}"}
        person.activity.append(item | ({"url": url} if url else {}))
        if proxy:
            person.proxies.add(item["timestamp"])
        self._happened({"open": "opened", "click": "clicked"}[action], campaign, person, person.last, url)

    def bounce(self, campaign: Campaign, person: Recipient, how: str) -> None:
        person.last += 30
        person.status = how
        person.activity.append({"action": "bounce", "type": how, "timestamp": iso(person.last)})
        self._happened("bounced", campaign, person)
        if how == "hard":
            self._notify("cleaned", person, campaign_id=campaign.id, reason="hard")

    def leave(self, campaign: Campaign, person: Recipient, kind: str) -> None:
        if kind in person.left:
            return
        person.last += 40
        person.left[kind] = person.last
        self._happened(kind, campaign, person)
        reason = "manual" if kind == "unsubscribed" else "abuse"
        self._notify("unsubscribe", person, id=person.id[:10], action="unsub", reason=reason, campaign_id=campaign.id)
        if kind == "complained":
            self._notify("cleaned", person, reason="abuse", campaign_id=campaign.id)

    def _happened(self, kind: str, campaign: Campaign, person: Recipient, at: int = 0, url: str = "") -> None:
        self.facts.append((kind, campaign.id, person.email, at, url))

    def _notify(self, type_: str, person: Recipient, **data: str) -> None:
        fired = datetime.fromtimestamp(person.last + 1, UTC).strftime("%Y-%m-%d %H:%M:%S")
        told = {"list_id": AUDIENCE, "email": person.email, **data}
        self.notices.append(
            {"type": type_, "fired_at": fired} | {f"data[{name}]": value for name, value in told.items()}
        )

    def truth(self) -> list[Fact]:
        """What must be known in the end, sorted."""
        return sorted(self.facts)

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        wanted = base64.b64encode(f"aftersend:{KEY}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {wanted}":
            return problem(401, "API Key Invalid")
        path = asked.path.removeprefix(f"{self.base}/reports").strip("/")
        if not path:
            return self._reports(asked.query)
        own, _, name = path.partition("/")
        campaign = next((one for one in self.campaigns if one.id == own and not one.gone), None)
        if campaign is None:
            return problem(404, "Resource Not Found")
        return self._list(campaign, name, asked.query)

    def _reports(self, query: dict[str, str]) -> Said:
        since = instant(query.get("since_send_time", "2000-01-01T00:00:00+00:00"))
        until = instant(query.get("before_send_time", "2100-01-01T00:00:00+00:00"))
        found = [one for one in self.campaigns if since <= one.at < until]
        return self._paged("reports", [self.report(one) for one in found], query)

    def report(self, campaign: Campaign) -> dict[str, Any]:
        if campaign.frozen is not None:
            return campaign.frozen
        items = [item for person in campaign.recipients for item in person.activity]

        def count(action: str) -> int:
            return sum(item["action"] == action for item in items)

        return {
            "id": campaign.id,
            "campaign_title": f"Title {campaign.id}",
            "type": "regular",
            "list_id": AUDIENCE,
            "subject_line": "News",
            "emails_sent": len(campaign.recipients),
            "abuse_reports": sum("complained" in person.left for person in campaign.recipients),
            "unsubscribed": sum("unsubscribed" in person.left for person in campaign.recipients),
            "send_time": iso(campaign.at),
            "bounces": {
                "hard_bounces": sum(person.status == "hard" for person in campaign.recipients),
                "soft_bounces": sum(person.status == "soft" for person in campaign.recipients),
                "syntax_errors": 0,
            },
            "opens": {"opens_total": count("open"), "unique_opens": 0},
            "clicks": {"clicks_total": count("click"), "unique_clicks": 0},
        }

    def _list(self, campaign: Campaign, name: str, query: dict[str, str]) -> Said:
        since = query.get("since", "")
        rows = []
        for person in campaign.recipients:
            who = {"campaign_id": campaign.id, "list_id": AUDIENCE, "list_is_active": True, "email_id": person.id}
            who |= {"email_address": person.email}
            fields = {"merge_fields": {"EXTID": person.email.split("@")[0]}, "vip": False}
            acts = [item for item in person.activity if item["timestamp"] >= since]
            opens = [item["timestamp"] for item in acts if item["action"] == "open"]
            match name:
                case "sent-to":
                    rows.append(who | fields | {"status": person.status, "open_count": len(opens)})
                case "email-activity" if acts or not since:
                    rows.append(who | {"activity": acts})
                case "open-details" if opens:
                    told = [{"timestamp": when, "is_proxy_open": when in person.proxies} for when in opens]
                    rows.append(who | fields | {"opens": told})
                case "unsubscribed" if "unsubscribed" in person.left:
                    at = iso(person.left["unsubscribed"])
                    rows.append(who | fields | {"timestamp": at, "reason": "None given"})
                case "abuse-reports" if "complained" in person.left:
                    rows.append(who | fields | {"date": iso(person.left["complained"])})
        names = {"sent-to": "sent_to", "email-activity": "emails", "open-details": "members"}
        names |= {"unsubscribed": "unsubscribes", "abuse-reports": "abuse_reports"}
        return self._paged(names[name], rows, query)

    def _paged(self, name: str, rows: list[Any], query: dict[str, str]) -> Said:
        offset, count = int(query.get("offset", 0)), min(int(query.get("count", 10)), self.most, 1000)
        return Said(body={name: rows[offset : offset + count], "total_items": len(rows)})


def problem(status: int, title: str) -> Said:
    said = {"type": "about:blank", "title": title, "status": status, "detail": "No.", "instance": "x"}
    return Said(status=status, body=said, headers={"Content-Type": "application/problem+json"})


def signed(fields: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """A call with these fields, and its headers."""
    body, seconds = urlencode(fields).encode(), str(int(time.time()))
    signature = hmac.digest(SECRET.encode(), f"{seconds}.".encode() + body, "sha256").hex()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Mailchimp-Signature": f"t={seconds},v1={signature}",
    }
    return body, headers
