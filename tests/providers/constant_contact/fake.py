"""A Constant Contact that keeps the truth: campaigns, their activities, and what happened to whom; answered as the
provider file documents it, section by section. It shares no code with the reading.

Pages are offsets in disguise (2), so that whatever appears or vanishes moves the rest. ``lively`` makes things happen
between two requests: rows appear, now or deep in the list; rows that were told of vanish; contacts are deleted;
emails are sent again.
"""

from __future__ import annotations

import base64
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from tests.fakes import Asked, FakePlatform, Said

CLIENT, SECRET = "0a1b2c3d-client", "s3cret-of-the-application"
BASIC = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
SECOND, HOUR, DAY = 1000, 3_600_000, 86_400_000
WORDS = {
    "sends": "em_sends",
    "opens": "em_opens",
    "clicks": "em_clicks",
    "forwards": "em_forwards",
    "optouts": "em_optouts",
    "bounces": "em_bounces",
}
KINDS = {
    "sends": "sent",
    "opens": "opened",
    "clicks": "clicked",
    "forwards": "forwarded",
    "optouts": "unsubscribed",
    "bounces": "bounced",
}
CODES = {
    "B": ("nonexistent_address", "hard", "invalid_address"),
    "D": ("undeliverable", "soft", "unreachable"),
    "F": ("mailbox_full", "soft", "mailbox_full"),
    "S": ("suspended", "hard", "suppressed"),
    "V": ("vacation", "", ""),
    "X": ("other", "undetermined", ""),
    "Z": ("blocked", "block", "blocked"),
}
URLS = ("https://shop.example.com/a?x=1", "https://shop.example.com/b")
DEVICES = ("computer", "mobile", "tablet", "other")
Fact = tuple[str, str, str, int, str, str, str]
"""Kind, activity, contact, time in milliseconds, URL, class and reason of a bounce or opt-out."""


def now() -> int:
    """The present in whole seconds, which is all that rows have."""
    return time.time_ns() // 1_000_000 // SECOND * SECOND


def iso(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at % SECOND:03d}Z"


def twins(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows differ in nothing that never changes."""
    return all(one.get(name) == other.get(name) for name in ("campaign_id", "contact_id", "created_time", "url_id"))


class Happened(msgspec.Struct, kw_only=True):
    """A row of one of the lists."""

    list: str
    contact: int
    at: int
    url: str = ""
    code: str = ""
    reason: str = ""
    device: str = ""
    told: bool = False
    """It was told of, and may vanish."""


class Sent(msgspec.Struct, kw_only=True):
    """An activity."""

    id: str
    role: str
    campaign: Campaign
    rows: list[Happened] = []
    abuse: int = 0


class Campaign(msgspec.Struct, kw_only=True):
    id: str
    name: str
    sent: int
    activities: list[Sent] = []
    gone: bool = False


class FakeConstantContact(FakePlatform):
    base = "/v3"

    def __init__(self, seed: int = 1, *, campaigns: int = 0, contacts: int = 12):
        super().__init__(seed)
        self.campaigns: list[Campaign] = []
        self.facts: list[Fact] = []
        self.contacts = contacts
        self.deleted: set[int] = set()
        self.account_optouts: list[tuple[int, int]] = []
        self.lively = False
        self.page: int | None = None
        """The size of a page, whatever was asked."""
        self.order = "newest"
        self.empty_in_the_middle = self.expiring = self.looping = self.dotted = self.spoilt = False
        self.refresh_token = "refresh-0"
        self.access_token = "access-0"
        self.refreshed = 0
        self._links = 0
        for number in range(campaigns):
            self.launch(now() - (number + 1) * 5 * HOUR)

    # -- what happens ------------------------------------------------------------------------------------

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def launch(self, at: int, *, to: int | None = None, quiet: bool = False) -> Campaign:
        """A campaign is sent, and the first things happen to it."""
        campaign = Campaign(id=self.uuid(), name=f"News {len(self.campaigns)}", sent=at, activities=[])
        self.campaigns.append(campaign)
        self.send(campaign, "primary_email", at, to, quiet=quiet)
        return campaign

    def send(self, campaign: Campaign, role: str, at: int, to: int | None = None, *, quiet: bool = False) -> Sent:
        activity = Sent(id=self.uuid(), role=role, campaign=campaign, rows=[])
        campaign.activities.append(activity)
        campaign.sent = max(campaign.sent, at)
        for contact in range(self.contacts if to is None else to):
            # Several contacts of one second, across borders of pages.
            self.happen(activity, "sends", contact, at + contact // 5 * SECOND)
        if not quiet:
            for _ in range(self.random.randrange(4, 24)):
                self.something(activity, min(now(), at + self.random.randrange(1, 4 * HOUR)))
            activity.abuse = self.random.randrange(3)
        return activity

    def something(self, activity: Sent, at: int) -> None:
        """Something happens to one of those it was sent to."""
        at = at // SECOND * SECOND
        contact = self.random.randrange(self.contacts)
        match self.random.randrange(10):
            case 0 | 1 | 2 | 3:
                row = self.happen(activity, "opens", contact, at)
                if self.random.random() < 0.2:
                    self.happen(activity, "opens", contact, at, device=row.device)
            case 4 | 5 | 6:
                self.happen(activity, "clicks", contact, at, url=self.random.choice(URLS))
            case 7:
                self.happen(activity, "forwards", contact, at)
            case 8 if not any(row.list == "optouts" and row.contact == contact for row in activity.rows):
                self.happen(activity, "optouts", contact, at, reason="Too many emails")
            case 9 if not any(row.list == "bounces" and row.contact == contact for row in activity.rows):
                self.happen(activity, "bounces", contact, at, code=self.random.choice(list(CODES)))

    def happen(self, activity: Sent, name: str, contact: int, at: int, **more: str) -> Happened:
        device = {"device": self.random.choice(DEVICES)} if name in ("opens", "clicks") and "device" not in more else {}
        row = Happened(list=name, contact=contact, at=at, **more, **device)
        activity.rows.append(row)
        _, bounce_class, reason = CODES[row.code] if row.code else ("", "", row.reason)
        kind = "auto_replied" if row.code == "V" else KINDS[name]
        self.facts.append((kind, activity.id, self.contact(contact), at, row.url, bounce_class, reason))
        return row

    def settle(self) -> None:
        """What is there now was told of, and may vanish."""
        for activity in self.all():
            for row in activity.rows:
                row.told = True

    def go_on(self) -> None:
        """One more row in every list that has some."""
        for activity in self.all():
            for name in {row.list for row in activity.rows}:
                url, code = (URLS[0] if name == "clicks" else ""), ("B" if name == "bounces" else "")
                self.contacts += 1
                self.happen(activity, name, self.contacts, now(), url=url, code=code)

    def all(self) -> list[Sent]:
        return [activity for campaign in self.campaigns for activity in campaign.activities]

    def between(self) -> None:
        if not self.lively or not self.campaigns:
            return
        activity = self.random.choice(self.all())
        match self.random.randrange(8):
            case 0:
                self.something(activity, now())
            case 1:
                self.something(activity, now() - self.random.randrange(1, 20 * HOUR))
            case 2:
                told = [row for row in activity.rows if row.told]
                if told:
                    activity.rows.remove(self.random.choice(told))
            case 3:
                self.deleted.add(self.random.randrange(self.contacts))
            case 4 if len(self.campaigns) < 8:
                self.launch(now())
            case 5 if len(activity.campaign.activities) < 3:
                self.send(activity.campaign, "resend", max(now(), activity.campaign.sent + SECOND))

    def truth(self) -> list[Fact]:
        return sorted(self.facts)

    def contact(self, number: int) -> str:
        return f"a1c40000-5b89-11e7-ba80-{number:012d}"

    # -- what it answers ---------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/token":
            return self._token(asked)
        if asked.headers.get("authorization") != f"Bearer {self.access_token}":
            return Said(status=401, body={"error_key": "unauthorized", "error_message": "Unauthorized"})
        match [unquote(part) for part in asked.path.removeprefix("/v3/").split("/")]:
            case ["reports", "summary_reports", "email_campaign_summaries"]:
                return self._summaries(asked)
            case ["reports", "stats", "email_campaign_activities", ids]:
                return self._stats(ids.split(","))
            case ["reports", "email_reports", id_, "tracking", name] if name in WORDS:
                return self._tracking(asked, id_, name)
            case ["reports", "email_reports", id_, "links"]:
                return self._link_counts(id_)
            case ["emails", "activities", id_]:
                return self._activity(id_)
            case ["emails", id_]:
                return self._campaign(id_)
            case ["contacts"]:
                return self._contacts(asked)
        return self._unknown("there is no such resource")

    def _token(self, asked: Asked) -> Said:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if asked.headers.get("authorization") != BASIC or form.get("refresh_token") != self.refresh_token:
            return Said(status=400, body={"error": "invalid_grant", "error_description": "made up"})
        self.refreshed += 1
        self.refresh_token, self.access_token = f"refresh-{self.refreshed}", f"access-{self.refreshed}"
        told = {"token_type": "Bearer", "expires_in": 86_400, "scope": "campaign_data contact_data offline_access"}
        return Said(body=told | {"access_token": self.access_token, "refresh_token": self.refresh_token})

    @staticmethod
    def _unknown(why: str) -> Said:
        return Said(status=404, body=[{"error_key": "reportingsvc.not_found", "error_message": why}])

    def _paged(self, asked: Asked, name: str, rows: list[Any], default: int) -> Said:
        if "next" in asked.query:
            text = base64.urlsafe_b64decode(asked.query["next"] + "==").decode()
            told = {key: int(values[0]) for key, values in parse_qs(text).items()}
            limit, offset = told["limit"], told["o"]
            if self.expiring and self.rate and self.random.random() < 0.2:
                return Said(status=400, body=[{"error_key": "reports.api.bad_request", "error_message": "next"}])
        else:
            limit, offset, told = int(asked.query.get("limit", default)), 0, {}
            if not 1 <= limit <= 500:
                return Said(status=400, body=[{"error_key": "bad_request", "error_message": "limit"}])
        size = self.page or limit
        if self.empty_in_the_middle and offset and "e" not in told:
            return Said(body={name: [], "_links": self._next(asked.path, limit, offset, "&e=1")})
        end = offset + size
        while 0 < end < len(rows) and twins(rows[end], rows[end - 1]):
            end += 1  # twins of one second stand together (8)
        body: dict[str, Any] = {name: rows[offset:end]}
        if end < len(rows):
            self._links += 1
            again = self.looping and self._links % 7 == 0
            body["_links"] = self._next(asked.path, limit, offset if again else end)
        elif self._links % 2:
            body["_links"] = self.random.choice([None, {}, {"next": None}, {"next": {"href": None}}])
        return Said(body=body)

    @staticmethod
    def _next(path: str, limit: int, offset: int, more: str = "") -> dict[str, Any]:
        token = base64.urlsafe_b64encode(f"limit={limit}&o={offset}{more}".encode()).decode().rstrip("=")
        return {"next": {"href": f"{path}?next={token}"}}

    def _found(self, id_: str) -> Sent | None:
        return next((one for one in self.all() if one.id == id_ and not one.campaign.gone), None)

    def _summaries(self, asked: Asked) -> Said:
        there = sorted((one for one in self.campaigns if not one.gone), key=lambda one: -one.sent)
        rows = [
            {
                "campaign_id": one.id,
                "campaign_type": "Newsletter",
                "last_sent_date": iso(one.sent),
                "unique_counts": self._uniques(one),
            }
            for one in there
        ]
        return self._paged(asked, "bulk_email_campaign_summaries", rows, 50)

    def _uniques(self, campaign: Campaign) -> dict[str, Any]:
        who = {
            name: {row.contact for one in campaign.activities for row in one.rows if row.list == name} for name in WORDS
        }
        counts = {name: len(contacts) for name, contacts in who.items()} | {
            "abuse": sum(one.abuse for one in campaign.activities)
        }
        counts["not_opened"] = max(0, counts["sends"] - counts["opens"] - counts["bounces"])
        # One page of the guide has them as texts (3.1).
        return {name: str(n) for name, n in counts.items()} if self.dotted else counts

    def _stats(self, ids: list[str]) -> Said:
        if self.spoilt and len(ids) > 1:
            return self._unknown("an id is malformed")
        found = [(id_, self._found(id_)) for id_ in ids]
        if self.spoilt and not found[0][1]:
            return self._unknown("the id is malformed")
        return Said(
            body={
                "errors": [
                    {"error_key": "reportingsvc.not_found.", "error_message": f"no stats for {id_}"}
                    for id_, one in found
                    if one is None
                ],
                "results": [
                    {
                        "campaign_id": one.campaign.id,
                        "campaign_activity_id": one.id,
                        "stats": self._statistics(one),
                        "last_refresh_time": iso(now()),
                    }
                    for _, one in found
                    if one
                ],
            }
        )

    def _statistics(self, one: Sent) -> dict[str, int]:
        rows = {name: [row for row in one.rows if row.list == name] for name in WORDS}
        unique = {name: len({row.contact for row in of}) for name, of in rows.items()}
        dot = "." if self.dotted else "_"
        told = {f"em_{name}": n for name, n in unique.items()} | {"em_abuse": one.abuse}
        told["em_not_opened"] = max(0, told["em_sends"] - told["em_opens"] - told["em_bounces"])
        for name in ("opens", "clicks"):
            told[f"em_{name}{dot}all"] = len(rows[name])
            for device in DEVICES:
                told[f"em_{name}{dot}all{dot}{device}"] = sum(row.device == device for row in rows[name])
        for code, (name, *_) in CODES.items():
            told[f"em_bounces_{name}"] = sum(row.code == code for row in rows["bounces"])
        return told

    def _tracking(self, asked: Asked, id_: str, name: str) -> Said:
        one = self._found(id_)
        if one is None:
            return self._unknown("campaign_activity_id is unknown")
        rows = sorted(
            (row for row in one.rows if row.list == name), key=lambda row: (row.at, row.contact, row.url), reverse=True
        )
        if self.order == "oldest":
            rows.reverse()
        elif self.order == "any":
            rows.sort(key=lambda row: (row.contact, row.url, row.at))
        return self._paged(asked, "tracking_activities", [self._row(one, row) for row in rows], 500)

    def _row(self, one: Sent, row: Happened) -> dict[str, Any]:
        told = {
            "contact_id": self.contact(row.contact),
            "campaign_activity_id": one.id,
            "tracking_activity_type": WORDS[row.list],
            "email_address": f"person{row.contact}@example.com",
            "first_name": f"Person {row.contact}",
            "device_type": row.device,
            "url_id": str(1000 + URLS.index(row.url)) if row.url else "",
            "link_url": row.url,
            "opt_out_reason": row.reason,
            "bounce_code": row.code,
            "created_time": iso(row.at),
            # A contact that is deleted still shows (9.11), so that the same row reads otherwise.
            "deleted_at": iso(now())[:10] if row.contact in self.deleted else "",
        }
        return {name: value for name, value in told.items() if value}

    def _link_counts(self, id_: str) -> Said:
        one = self._found(id_)
        if one is None:
            return self._unknown("campaign_activity_id is unknown")
        clicks = [row for row in one.rows if row.list == "clicks"]
        counts = [
            {
                "link_url": url,
                "url_id": str(1000 + number),
                "unique_clicks": len({row.contact for row in clicks if row.url == url}),
            }
            for number, url in enumerate(URLS)
            if any(row.url == url for row in clicks)
        ]
        return Said(body={"campaign_activity_id": id_, "link_click_counts": counts})

    def _campaign(self, id_: str) -> Said:
        one = next((one for one in self.campaigns if one.id == id_ and not one.gone), None)
        if one is None:
            return self._unknown("campaign_id is unknown")
        activities = [{"campaign_activity_id": a.id, "role": a.role} for a in one.activities]
        activities.append({"campaign_activity_id": f"{one.id}-link", "role": "permalink"})
        return Said(
            body={
                "campaign_id": id_,
                "created_at": iso(one.sent - DAY),
                "updated_at": iso(one.sent),
                "current_status": "Done",
                "name": one.name,
                "type": "NEWSLETTER",
                "type_code": 10,
                "campaign_activities": activities,
            }
        )

    def _activity(self, id_: str) -> Said:
        one = self._found(id_)
        if one is None:
            return self._unknown("campaign_activity_id is unknown")
        body = {"campaign_activity_id": id_, "campaign_id": one.campaign.id, "role": one.role, "current_status": "DONE"}
        return Said(body=body | {"subject": f"Hello from {one.campaign.name}", "from_name": "Shop"})

    def _contacts(self, asked: Asked) -> Said:
        def told(name: str) -> int:
            return (
                int(datetime.strptime(asked.query[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()) * SECOND
            )

        after, before = (told("optout_after"), told("optout_before")) if "next" not in asked.query else (0, 2**60)
        rows = [
            {
                "contact_id": self.contact(contact),
                "first_name": f"Person {contact}",
                "email_address": {
                    "address": f"person{contact}@example.com",
                    "permission_to_send": "unsubscribed",
                    "opt_out_source": "Account",
                    "opt_out_date": iso(at)[:19] + "Z",
                },
            }
            for contact, at in self.account_optouts
            if after <= at < before
        ]
        return self._paged(asked, "contacts", rows, 50)
